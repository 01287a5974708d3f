//! Pages for the browsers of this machine: GET and HEAD on a loopback address, and nothing else.
//!
//! A page of another site that a browser has open could ask a server on this machine as well. So a request must name this server as its
//! host, which defeats names that are pointed at 127.0.0.1 after they were looked up; no answer may be read from elsewhere; and nothing
//! here can be written. What the pages are, the caller says.

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Connections at once; more wait.
const AT_ONCE: usize = 64;
/// A request line and its headers.
const LONGEST_HEAD: usize = 16 << 10;
/// For the head of a request, and for all of it.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
const DONE_WITHIN: Duration = Duration::from_secs(120);

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    status: StatusCode,
    kind: &'static str,
    policy: String,
    body: Vec<u8>,
}

impl Reply {
    /// A page of a media type, with its Content-Security-Policy.
    #[must_use]
    pub fn new(kind: &'static str, policy: String, body: Vec<u8>) -> Reply {
        Reply { status: StatusCode::OK, kind, policy, body }
    }

    /// A page that could not be made.
    #[must_use]
    pub fn failed(message: String) -> Reply {
        Reply::words(StatusCode::INTERNAL_SERVER_ERROR, message)
    }

    fn words(status: StatusCode, mut words: String) -> Reply {
        words.push('\n');
        let policy = "default-src 'none'; sandbox".to_owned();
        Reply { status, kind: "text/plain; charset=utf-8", policy, body: words.into_bytes() }
    }
}

/// The pages of a server. Asked from several threads.
pub trait Pages: Send + Sync + 'static {
    /// The page of a path, which begins with `/` and has no query; `None` if there is none.
    fn get(&self, path: &str) -> Option<Reply>;
}

/// Takes a port of 127.0.0.1; 0 takes any.
///
/// # Errors
/// The system's: the port is in use, or may not be taken.
pub fn listen(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))
}

/// Answers until it cannot any more, and gives the reason.
pub fn serve(listener: TcpListener, pages: Arc<dyn Pages>) -> io::Error {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(accept(listener, pages)),
        Err(error) => error,
    }
}

async fn accept(listener: TcpListener, pages: Arc<dyn Pages>) -> io::Error {
    let opened = listener.set_nonblocking(true).and_then(|()| Ok((listener.local_addr()?, listener)));
    let opened = opened.and_then(|(address, it)| Ok((address, tokio::net::TcpListener::from_std(it)?)));
    let (address, listener) = match opened {
        Ok(opened) => opened,
        Err(error) => return error,
    };
    let room = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { return io::Error::other("no room is left") };
        let Ok((stream, _)) = listener.accept().await else {
            // Too many open files, or a connection that ended before it began.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let pages = Arc::clone(&pages);
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(request, address, Arc::clone(&pages)));
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_WITHIN)
                .max_buf_size(LONGEST_HEAD)
                .keep_alive(false)
                .serve_connection(TokioIo::new(stream), service);
            // Whoever hangs up, or sends no HTTP, is told nothing more.
            let _ = tokio::time::timeout(DONE_WITHIN, connection).await;
            drop(place);
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    address: SocketAddr,
    pages: Arc<dyn Pages>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let reply = match refused(&request, address) {
        Some(reply) => reply,
        None => {
            let path = request.uri().path().to_owned();
            // Making a page takes a while, and others are answered meanwhile.
            let made = tokio::task::spawn_blocking(move || pages.get(&path)).await;
            match made {
                Ok(Some(reply)) => reply,
                Ok(None) => Reply::words(StatusCode::NOT_FOUND, "There is no such page.".to_owned()),
                Err(error) => Reply::failed(format!("The page could not be made: {error}")),
            }
        }
    };
    Ok(response(reply))
}

/// Why a request is not answered: another host, or another method.
fn refused<T>(request: &Request<T>, address: SocketAddr) -> Option<Reply> {
    let named = request.headers().get_all(header::HOST).iter();
    let mut named: Vec<Option<&str>> = named.map(|name| name.to_str().ok()).collect();
    let has_header = !named.is_empty();
    // A request to a proxy names the host in its first line.
    named.extend(request.uri().authority().map(|name| Some(name.as_str())));
    let all_ours = named.iter().all(|name| name.is_some_and(|name| is_this_server(name, address)));
    if !(has_header && named.len() <= 2 && all_ours) {
        let words =
            format!("This server is for this machine alone and answers to {address} and localhost:{}.", address.port());
        return Some(Reply::words(StatusCode::MISDIRECTED_REQUEST, words));
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Some(Reply::words(
            StatusCode::METHOD_NOT_ALLOWED,
            "Pages can be read here, and nothing else.".to_owned(),
        ));
    }
    None
}

/// `127.0.0.1:8627`, `localhost:8627` or `[::1]:8627`; the port of the web may be left out.
pub(crate) fn is_this_server(named: &str, address: SocketAddr) -> bool {
    let (host, port) = match named.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => (host, port.parse().ok()),
        _ => (named, Some(80)),
    };
    let is_host = ["127.0.0.1", "localhost", "[::1]"].iter().any(|own| own.eq_ignore_ascii_case(host));
    is_host && port == Some(address.port())
}

fn response(reply: Reply) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(reply.body)));
    *response.status_mut() = reply.status;
    let policy = format!("{}; frame-ancestors 'none'", reply.policy);
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, reply.kind),
        (header::CONTENT_SECURITY_POLICY, policy.as_str()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (header::HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        // Ours are plain ASCII; one that is not would be left out.
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
    if reply.status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    response
}

#[cfg(test)]
mod tests {
    use crate::serve::*;

    #[test]
    fn only_the_names_of_this_machine_are_answered() {
        let address: SocketAddr = "127.0.0.1:8627".parse().expect("an address");
        let ask = |method: &str, hosts: &[&str], uri: &str| {
            let mut request = Request::builder().method(method).uri(uri);
            for host in hosts {
                request = request.header(header::HOST, *host);
            }
            refused(&request.body(()).expect("a request"), address).map(|reply| reply.status.as_u16())
        };
        for host in ["127.0.0.1:8627", "localhost:8627", "LOCALHOST:8627", "[::1]:8627"] {
            assert_eq!(ask("GET", &[host], "/"), None, "{host}");
        }
        assert_eq!(ask("GET", &["localhost:8627"], "http://localhost:8627/"), None);
        for hosts in [
            &[][..],
            &["evil.example:8627"],
            &["localhost"],
            &["localhost:80"],
            &["127.0.0.1.evil.example:8627"],
            &["localhost:8627", "evil.example"],
            &["localhost:8627@evil.example"],
            &["localhost.:8627"],
            &["0.0.0.0:8627"],
            &[""],
        ] {
            assert_eq!(ask("GET", hosts, "/"), Some(421), "{hosts:?}");
        }
        assert_eq!(ask("GET", &["localhost:8627"], "http://evil.example/"), Some(421));
        for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT"] {
            assert_eq!(ask(method, &["localhost:8627"], "/"), Some(405), "{method}");
        }
    }
}
