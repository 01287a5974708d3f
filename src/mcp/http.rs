//! Streamable HTTP at one address of this machine: `http://127.0.0.1:PORT/mcp`.
//!
//! Any program of this machine, and any page that a browser has open, can send requests here. So each must show the token of this
//! start, name this server as its host (which defeats names that are pointed at 127.0.0.1 after they were looked up), and come
//! from no other origin. All of that is looked at before a byte of the protocol is read.

use crate::mcp::server::{Shared, ToolHandler};
use crate::serve::is_this_server;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use sha2::{Digest, Sha256};
use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};

/// Where the protocol is spoken.
pub const PATH: &str = "/mcp";
/// Connections at once; more wait.
const AT_ONCE: usize = 64;
/// A request line and its headers.
const LONGEST_HEAD: usize = 16 << 10;
/// For the head of a request.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// A session that nothing was heard of for so long is over, and its run can be gone on with by another.
const SESSION_WITHIN: Duration = Duration::from_secs(30 * 60);
/// The largest request; arguments of tools are held to less.
const LARGEST_REQUEST: usize = 1 << 20;

type Body = BoxBody<Bytes, Infallible>;

/// What a host shows: `Authorization: Bearer …`. Kept as its hash, so that neither a log nor the time of a comparison tells it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token([u8; 32]);

impl Token {
    /// The token of a text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Token(Sha256::digest(text.as_bytes()).into())
    }

    fn is_shown<T>(&self, request: &Request<T>) -> bool {
        let mut shown = request.headers().get_all(header::AUTHORIZATION).iter();
        let (Some(value), None) = (shown.next(), shown.next()) else { return false };
        let Some((scheme, text)) = value.to_str().ok().and_then(|value| value.split_once(' ')) else { return false };
        scheme.eq_ignore_ascii_case("bearer") && *self == Token::new(text.trim())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

/// Answers until `closed`.
pub(super) async fn serve(
    shared: Arc<Shared>,
    listener: TcpListener,
    token: Token,
    mut closed: watch::Receiver<bool>,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let mut sessions = LocalSessionManager::default();
    sessions.session_config.keep_alive = Some(SESSION_WITHIN);
    let config = StreamableHttpServerConfig::default().with_max_request_body_bytes(LARGEST_REQUEST);
    let stop = config.cancellation_token.clone();
    let service = StreamableHttpService::new(move || Ok(ToolHandler::new(&shared)), Arc::new(sessions), config);
    let room = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { return Ok(()) };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = closed.wait_for(|closed| *closed) => {
                stop.cancel();
                return Ok(());
            }
        };
        let Ok((stream, _)) = accepted else {
            // Too many open files, or a connection that ended before it began.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let (service, token) = (service.clone(), token.clone());
        tokio::spawn(async move {
            let answer = service_fn(move |request| answer(request, address, token.clone(), service.clone()));
            // Streams of a session stay open, so there is no limit on a whole connection; the session has its own.
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_WITHIN)
                .max_buf_size(LONGEST_HEAD)
                .serve_connection(TokioIo::new(stream), answer);
            // Whoever hangs up, or sends no HTTP, is told nothing more.
            let _ = connection.await;
            drop(place);
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    address: SocketAddr,
    token: Token,
    service: StreamableHttpService<ToolHandler, LocalSessionManager>,
) -> Result<Response<Body>, Infallible> {
    let mut response = match refused(&request, address, &token) {
        Some(refused) => refused,
        None => {
            let ends_a_session = request.method() == Method::DELETE;
            let mut answered = service.handle(request).await;
            // Done, not only noted: the official Python client takes anything else for a failure.
            if ends_a_session && answered.status() == StatusCode::ACCEPTED {
                *answered.status_mut() = StatusCode::NO_CONTENT;
            }
            answered
        }
    };
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Why a request is not answered.
fn refused<T>(request: &Request<T>, address: SocketAddr, token: &Token) -> Option<Response<Body>> {
    let hosts = request.headers().get_all(header::HOST);
    let hosts: Vec<Option<&str>> = hosts.iter().map(|host| host.to_str().ok()).collect();
    let named = request.uri().authority().map(|name| name.as_str());
    let is_ours = |name: &str| is_this_server(name, address);
    if hosts.len() != 1 || !hosts.iter().all(|host| host.is_some_and(is_ours)) || !named.is_none_or(is_ours) {
        let words = format!("This server is for this machine alone and answers to {address}.");
        return Some(words_of(StatusCode::MISDIRECTED_REQUEST, &words));
    }
    let mut origins = request.headers().get_all(header::ORIGIN).iter();
    let ours =
        |origin: &HeaderValue| origin.to_str().is_ok_and(|text| text.strip_prefix("http://").is_some_and(is_ours));
    if !origins.all(ours) {
        return Some(words_of(StatusCode::FORBIDDEN, "Pages of other sites are not answered."));
    }
    if !token.is_shown(request) {
        let mut response =
            words_of(StatusCode::UNAUTHORIZED, "Show the token of this server: Authorization: Bearer TOKEN.");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        return Some(response);
    }
    (request.uri().path() != PATH).then(|| words_of(StatusCode::NOT_FOUND, "The protocol is spoken at /mcp."))
}

fn words_of(status: StatusCode, words: &str) -> Response<Body> {
    let mut response = Response::new(Full::new(Bytes::from(format!("{words}\n"))).boxed());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_origin_and_token_come_before_the_protocol() {
        let address: SocketAddr = "127.0.0.1:8628".parse().expect("an address");
        let token = Token::new("secret");
        let ask = |path: &str, headers: &[(&str, &str)]| {
            let mut request = Request::builder().method("POST").uri(path);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            refused(&request.body(()).expect("a request"), address, &token).map(|reply| reply.status().as_u16())
        };
        let (host, bearer) = (("host", "127.0.0.1:8628"), ("authorization", "Bearer secret"));
        assert_eq!(ask("/mcp", &[host, bearer]), None);
        assert_eq!(ask("/mcp", &[("host", "localhost:8628"), ("authorization", "bearer  secret")]), None);
        assert_eq!(ask("/mcp", &[host, bearer, ("origin", "http://localhost:8628")]), None);
        for (expected, headers) in [
            (421, vec![bearer]),
            (421, vec![("host", "evil.example:8628"), bearer]),
            (421, vec![host, host, bearer]),
            (421, vec![("host", "127.0.0.1"), bearer]),
            (403, vec![host, bearer, ("origin", "http://evil.example")]),
            (403, vec![host, bearer, ("origin", "null")]),
            (403, vec![host, bearer, ("origin", "http://localhost:8628"), ("origin", "https://evil.example")]),
            (401, vec![host]),
            (401, vec![host, ("authorization", "Bearer secre")]),
            (401, vec![host, ("authorization", "Bearer secret2")]),
            (401, vec![host, ("authorization", "Basic secret")]),
            (401, vec![host, ("authorization", "secret")]),
            (401, vec![host, bearer, bearer]),
        ] {
            assert_eq!(ask("/mcp", &headers), Some(expected), "{headers:?}");
        }
        assert_eq!(ask("/", &[host, bearer]), Some(404));
        assert_eq!(ask("/mcp?token=secret", &[host]), Some(401));
    }
}
