//! Buckets of S3: a server of this test that keeps objects in memory and loses connections when told to; and a real one.
//!
//! A real server on loopback, with a bucket that is there:
//!
//! ```sh
//! pip install 'moto[server]' && moto_server -p 9324 &
//! curl -X PUT http://127.0.0.1:9324/runs
//! OCI_S3_URL=s3://runs/test OCI_S3_ENDPOINT=http://127.0.0.1:9324 cargo test --test it publish::bucket
//! ```

use super::{Desk, comes_back_in_parts};
use oci_agent::objects::Remote;
use oci_agent::text::object_address::ObjectAddress;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

pub const SECRET: &str = "wJalrXUtnFEMIEXAMPLE";

/// What the server remembers.
#[derive(Default)]
struct Memory {
    objects: Mutex<BTreeMap<String, Vec<u8>>>,
    /// Methods and paths, as they came.
    heard: Mutex<Vec<String>>,
    /// So many uploads are cut in the middle.
    cuts: AtomicUsize,
    /// True while nobody may write.
    closed: AtomicUsize,
    /// How it answers who reads.
    manner: Mutex<Manner>,
    /// Requests that were signed.
    signed: AtomicUsize,
}

/// How a bucket answers who reads.
#[derive(Debug, Clone, Default)]
pub enum Manner {
    /// As it should.
    #[default]
    Honest,
    /// So many answers are cut in the middle; then there are other bytes, if any are named.
    Cut(usize, Option<Vec<u8>>),
    /// Without end, whatever was announced.
    Endless,
    /// It sends the first bytes, and then nothing for a long time.
    Stalled,
    /// It answers with this status and this text.
    Refusing(&'static str, String),
    /// It sends the reader to another host.
    Elsewhere(String),
}

pub struct Bucket {
    address: SocketAddr,
    memory: Arc<Memory>,
}

impl Bucket {
    pub fn start() -> Bucket {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let (address, memory) = (listener.local_addr().expect("an address"), Arc::new(Memory::default()));
        let shared = Arc::clone(&memory);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                // A connection that is lost is what some tests are about.
                std::thread::spawn(move || drop(serve(stream, &shared)));
            }
        });
        Bucket { address, memory }
    }

    pub fn environment(&self) -> [(&'static str, String); 5] {
        of_server(format!("http://{}", self.address))
    }

    /// Puts an object there.
    pub fn put(&self, path: &str, bytes: &[u8]) {
        self.memory.objects.lock().expect("objects").insert(path.to_owned(), bytes.to_vec());
    }

    /// Requests that were signed so far.
    pub fn signed(&self) -> usize {
        self.memory.signed.load(Ordering::SeqCst)
    }

    pub fn answers(&self, manner: Manner) {
        *self.memory.manner.lock().expect("a manner") = manner;
    }

    /// What was asked for since it was asked last: methods and paths.
    pub fn heard(&self) -> Vec<String> {
        std::mem::take(&mut *self.memory.heard.lock().expect("requests"))
    }

    fn keys(&self) -> Vec<String> {
        self.memory.objects.lock().expect("objects").keys().cloned().collect()
    }

    /// What was written since it was asked last.
    fn written(&self) -> Vec<String> {
        self.heard().iter().filter_map(|line| line.strip_prefix("PUT ")).map(str::to_owned).collect()
    }
}

pub fn of_server(endpoint: String) -> [(&'static str, String); 5] {
    [
        ("AWS_ENDPOINT", endpoint),
        ("AWS_ALLOW_HTTP", "true".to_owned()),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", SECRET.to_owned()),
    ]
}

fn serve(stream: TcpStream, memory: &Memory) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut stream = stream;
    loop {
        let mut first = String::new();
        if reader.read_line(&mut first)? == 0 {
            return Ok(());
        }
        let (mut length, mut wanted) = (0, Wanted::default());
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().unwrap_or(0);
            }
            if name.eq_ignore_ascii_case("authorization") {
                memory.signed.fetch_add(1, Ordering::SeqCst);
            }
            if name.eq_ignore_ascii_case("range") {
                let range = value.trim().strip_prefix("bytes=").and_then(|range| range.split_once('-'));
                wanted.range = range.and_then(|(from, to)| Some((from.parse().ok()?, to.parse().ok()?)));
            }
            if name.eq_ignore_ascii_case("if-match") {
                wanted.version = Some(value.trim().to_owned());
            }
        }
        let mut words = first.split(' ');
        let (method, path) = (words.next().unwrap_or_default().to_owned(), words.next().unwrap_or_default().to_owned());
        memory.heard.lock().expect("requests").push(format!("{method} {path}"));
        let cut = |left: usize| left.checked_sub(1);
        if method == "PUT" && memory.cuts.fetch_update(Ordering::SeqCst, Ordering::SeqCst, cut).is_ok() {
            let mut half = vec![0; length / 2];
            reader.read_exact(&mut half)?;
            return stream.shutdown(std::net::Shutdown::Both);
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        if matches!(method.as_str(), "GET" | "HEAD") && !read(&mut stream, &method, &path, &wanted, memory)? {
            return stream.shutdown(std::net::Shutdown::Both);
        }
        if matches!(method.as_str(), "GET" | "HEAD") {
            continue;
        }
        let closed = memory.closed.load(Ordering::SeqCst) > 0;
        let (status, answer) = answer(&method, &path, body, closed, memory);
        let tag = "ETag: \"1\"\r\nx-goog-generation: 1\r\n";
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{tag}\r\n", answer.len());
        stream.write_all(head.as_bytes())?;
        stream.write_all(&answer)?;
    }
}

/// What a reader wants.
#[derive(Default)]
struct Wanted {
    range: Option<(usize, usize)>,
    version: Option<String>,
}

/// Answers a reader; false if the connection ends with it.
fn read(stream: &mut TcpStream, method: &str, path: &str, wanted: &Wanted, memory: &Memory) -> std::io::Result<bool> {
    let (manner, found) = {
        let objects = memory.objects.lock().expect("objects");
        (memory.manner.lock().expect("a manner").clone(), objects.get(path).cloned())
    };
    let mut send = |status: &str, headers: &str, length: usize, body: &[u8]| {
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{headers}\r\n");
        stream.write_all(head.as_bytes())?;
        if method == "HEAD" { Ok(()) } else { stream.write_all(body) }
    };
    match &manner {
        Manner::Refusing(status, said) => return send(status, "", said.len(), said.as_bytes()).map(|()| true),
        Manner::Elsewhere(host) => {
            return send("302 Found", &format!("Location: {host}{path}\r\n"), 0, b"").map(|()| true);
        }
        _ => {}
    }
    let Some(bytes) = found else {
        let said = b"<Error><Code>NoSuchKey</Code><Message>None</Message></Error>";
        return send("404 Not Found", "", said.len(), said).map(|()| true);
    };
    let version = format!("\"{}\"", &oci_agent::text::sha256::sha256_hex(&bytes)[..16]);
    if wanted.version.as_ref().is_some_and(|wanted| *wanted != version) {
        return send("412 Precondition Failed", "", 0, b"").map(|()| true);
    }
    let tag = format!("ETag: {version}\r\nx-goog-generation: 1\r\nLast-Modified: Mon, 30 Nov 2026 12:00:00 GMT\r\n");
    let (from, to) = wanted.range.map_or((0, bytes.len()), |(from, to)| (from, (to + 1).min(bytes.len())));
    let (status, tag) = match wanted.range {
        None => ("200 OK", tag),
        Some(_) => ("206 Partial Content", format!("Content-Range: bytes {from}-{}/{}\r\n{tag}", to - 1, bytes.len())),
    };
    let part = &bytes[from..to];
    match manner {
        Manner::Cut(left, other) if method == "GET" && left > 0 => {
            send(status, &tag, part.len(), &part[..part.len() / 2])?;
            if let (1, Some(other)) = (left, &other) {
                memory.objects.lock().expect("objects").insert(path.to_owned(), other.clone());
            }
            *memory.manner.lock().expect("a manner") = Manner::Cut(left - 1, other);
            Ok(false)
        }
        Manner::Endless if method == "GET" => {
            // Also as long as its own announcement says, so that it is not the client that cuts it.
            send("200 OK", &tag, 10 << 30, b"")?;
            let block = vec![b'1'; 1 << 16];
            (0..160_000).try_for_each(|_| stream.write_all(&block)).map(|()| false)
        }
        Manner::Stalled if method == "GET" => {
            send(status, &tag, part.len(), &part[..part.len() / 2])?;
            std::thread::sleep(std::time::Duration::from_secs(60));
            Ok(false)
        }
        _ => send(status, &tag, part.len(), part).map(|()| true),
    }
}

fn answer(method: &str, path: &str, body: Vec<u8>, closed: bool, memory: &Memory) -> (&'static str, Vec<u8>) {
    let mut objects = memory.objects.lock().expect("objects");
    match method {
        // As S3 does, with the key in it.
        "PUT" if closed => {
            let said = format!(
                "<Error><Code>AccessDenied</Code><Message>No</Message><AWSAccessKeyId>AKIAEXAMPLE {SECRET}</AWSAccessKeyId></Error>"
            );
            ("403 Forbidden", said.into_bytes())
        }
        "PUT" => {
            objects.insert(path.to_owned(), body);
            ("200 OK", Vec::new())
        }
        _ => ("405 Method Not Allowed", Vec::new()),
    }
}

#[test]
fn a_bucket_gets_each_object_once_and_the_manifest_last() {
    let (desk, bucket) = (Desk::with_a_run(), Bucket::start());
    let environment = bucket.environment();
    let environment: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let publish = ["publish", "out", "--to", "s3://shelf/runs"];
    // A bucket that nobody may write to: no manifest, and no key in what is said.
    bucket.memory.closed.store(1, Ordering::SeqCst);
    let refused = desk.oci_in(&environment, &publish);
    assert!(
        refused.code == 3 && refused.stderr.contains("does not let us write"),
        "{}: {}",
        refused.code,
        refused.stderr
    );
    for key in [SECRET, "AKIAEXAMPLE"] {
        assert!(!refused.stderr.contains(key) && !refused.stdout.contains(key), "{}", refused.stderr);
    }
    assert!(bucket.keys().is_empty());
    bucket.memory.closed.store(0, Ordering::SeqCst);
    bucket.written();
    // A connection that is lost in the middle of an upload is made again.
    bucket.memory.cuts.store(2, Ordering::SeqCst);
    let published = desk.oci_in(&environment, &publish);
    assert_eq!(published.code, 0, "{}", published.stderr);
    let written = bucket.written();
    assert_eq!(written.len(), 7, "five, and two that were cut: {written:?}");
    assert!(written[..6].iter().all(|path| path.starts_with("/shelf/runs/objects/sha256/")), "{written:?}");
    assert!(written[6].starts_with("/shelf/runs/manifests/out-"), "{written:?}");
    let again = desk.oci_in(&environment, &publish);
    assert!(again.code == 0 && again.stdout.contains("nothing was sent"), "{}", again.stdout);
    assert!(bucket.written().is_empty());
    // As long as it should be, and damaged: told when it is fetched, found and mended when it is read back.
    let [_, manifest] = &published.stdout.lines().take(2).collect::<Vec<_>>()[..] else {
        panic!("{}", published.stdout)
    };
    let damaged = written[0].clone();
    bucket.memory.objects.lock().expect("objects").get_mut(&damaged).expect("an object")[7] ^= 1;
    let fetched = desk.oci_in(&environment, &["fetch", manifest, "-o", "back"]);
    assert!(fetched.code == 3 && fetched.stderr.contains("report.html is damaged"), "{}", fetched.stderr);
    assert!(fetched.stderr.contains("--to s3://shelf/runs --reread"), "{}", fetched.stderr);
    assert!(!desk.path().join("back").exists());
    assert!(desk.oci_in(&environment, &publish).stdout.contains("nothing was sent"), "its length is right");
    let mended = desk.oci_in(&environment, &[&publish[..], &["--reread"]].concat());
    assert!(mended.code == 0 && mended.stderr.contains("replaced       report.html"), "{}", mended.stderr);
    assert_eq!(bucket.written(), [damaged]);
    let fetched = desk.oci_in(&environment, &["fetch", manifest, "-o", "back"]);
    assert_eq!(fetched.code, 0, "{}", fetched.stderr);
    assert_eq!(desk.git("back", &["rev-parse", "HEAD"]), desk.git("out", &["rev-parse", "HEAD"]));
    assert_eq!(desk.oci(&["diff", "out", "back"]).code, 0);
}

#[test]
fn a_bucket_that_loses_every_connection_gets_no_manifest() {
    let (desk, bucket) = (Desk::with_a_run(), Bucket::start());
    let environment = bucket.environment();
    let environment: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let publish = ["publish", "out", "--to", "s3://shelf"];
    bucket.memory.cuts.store(1000, Ordering::SeqCst);
    let cut = desk.oci_in(&environment, &publish);
    assert!(cut.code == 3 && cut.stderr.contains("could not write s3://shelf/objects/"), "{}", cut.stderr);
    assert!(cut.stderr.contains("no half publication") && bucket.keys().is_empty(), "{}", cut.stderr);
    bucket.memory.cuts.store(0, Ordering::SeqCst);
    let published = desk.oci_in(&environment, &publish);
    assert_eq!(published.code, 0, "{}", published.stderr);
    assert_eq!(bucket.keys().len(), 5);
}

/// The same requests, in the dialects of the other two.
#[test]
fn the_other_clouds_keep_what_is_published() {
    let desk = Desk::with_a_run();
    for (to, vendor, server) in
        [("gs://shelf/runs", "GOOGLE", "GOOGLE_BASE_URL"), ("az://shelf/runs", "AZURE", "AZURE_STORAGE_ENDPOINT")]
    {
        let bucket = Bucket::start();
        let endpoint = format!("http://{}", bucket.address);
        // The client asks for no signature of Google, and for a token.
        let environment = [
            (server, endpoint.as_str()),
            ("GOOGLE_BEARER_TOKEN", SECRET),
            ("AZURE_SKIP_SIGNATURE", "true"),
            ("AZURE_STORAGE_ACCOUNT_NAME", "account"),
        ];
        if vendor == "AZURE" {
            let refused = desk.oci_in(&environment, &["publish", "out", "--to", to]);
            assert!(refused.code == 2 && refused.stderr.contains("AZURE_ALLOW_HTTP=true"), "{}", refused.stderr);
        }
        let environment = [&environment[..], &[("AZURE_ALLOW_HTTP", "true")]].concat();
        let published = desk.oci_in(&environment, &["publish", "out", "--to", to]);
        assert_eq!(published.code, 0, "{vendor}: {}", published.stderr);
        assert_eq!(bucket.keys().len(), 5, "{vendor}: {:?}", bucket.keys());
        assert!(
            desk.oci_in(&environment, &["publish", "out", "--to", to]).stdout.contains("nothing was sent"),
            "{vendor}"
        );
        let manifest = published.stdout.lines().nth(1).expect("an address");
        let back = format!("back-{vendor}");
        let fetched = desk.oci_in(&environment, &["fetch", manifest, "-o", &back]);
        assert_eq!(fetched.code, 0, "{vendor}: {}", fetched.stderr);
        assert_eq!(desk.git(&back, &["rev-parse", "HEAD"]), desk.git("out", &["rev-parse", "HEAD"]));
    }
}

#[test]
#[allow(clippy::disallowed_methods, reason = "opt-in: the environment says where the server is")]
fn a_real_server_keeps_what_is_published() {
    let (Ok(url), Ok(endpoint)) = (std::env::var("OCI_S3_URL"), std::env::var("OCI_S3_ENDPOINT")) else { return };
    let desk = Desk::with_a_run();
    let environment = of_server(endpoint);
    let environment: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let to = format!("{url}/{}", std::process::id());
    let published = desk.oci_in(&environment, &["publish", "out", "--to", &to]);
    assert_eq!(published.code, 0, "{}", published.stderr);
    let again = desk.oci_in(&environment, &["publish", "out", "--to", &to, "--reread"]);
    assert!(again.stdout.contains("nothing was sent"), "{}{}", again.stdout, again.stderr);
    let manifest = published.stdout.lines().nth(1).expect("an address");
    let fetched = desk.oci_in(&environment, &["fetch", manifest, "-o", "back"]);
    assert_eq!(fetched.code, 0, "{}", fetched.stderr);
    assert_eq!(desk.git("back", &["rev-parse", "HEAD"]), desk.git("out", &["rev-parse", "HEAD"]));
    assert_eq!(desk.git("back", &["fsck", "--strict"]), "");
    let settings: Vec<(String, String)> = environment.iter().map(|it| (it.0.to_owned(), it.1.to_owned())).collect();
    let address = ObjectAddress::read(&to).expect("an address");
    comes_back_in_parts(&Remote::open(&address, &settings).expect("a bucket"));
}
