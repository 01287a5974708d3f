//! The page as it is served: to whom, what, and while runs are at work.

use super::browser::Browser;
use super::skipped;
use super::world::{EVIL_FOLDER, copy, shared};
use crate::cli::oci_agent;
use serde_json::json;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

struct Server {
    child: Child,
    port: u16,
}

impl Server {
    fn start(dir: &Path, runs: &str) -> Server {
        let mut child = Command::new(env!("CARGO_BIN_EXE_oci-agent"))
            .args(["serve", runs, "--port", "0", "--json"])
            .current_dir(dir)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
        let told: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        let url = told["url"].as_str().expect("an address").trim_end_matches('/').to_owned();
        let port = url.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
        assert!(url.starts_with("http://127.0.0.1:"), "{url}");
        Server { child, port }
    }

    /// Head and body of the answer to the lines of a request.
    fn ask(&self, lines: &[&str]) -> (String, Vec<u8>) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("a connection");
        let head = lines.join("\r\n").replace("PORT", &self.port.to_string()) + "\r\n\r\n";
        stream.write_all(head.as_bytes()).expect("written");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an answer");
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
        (String::from_utf8_lossy(&answer[..end]).to_lowercase(), answer.split_off(end + 4))
    }

    fn get(&self, path: &str) -> (String, Vec<u8>) {
        self.ask(&[&format!("GET {path} HTTP/1.1"), "Host: 127.0.0.1:PORT"])
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn only_this_machine_is_answered_and_nothing_can_be_written() {
    let world = shared();
    let server = Server::start(world.path(), "runs");
    for (lines, status) in [
        (&["GET / HTTP/1.1", "Host: 127.0.0.1:PORT"][..], "200"),
        (&["GET /index.html?x=1 HTTP/1.1", "Host: localhost:PORT"], "200"),
        (&["HEAD / HTTP/1.1", "Host: localhost:PORT"], "200"),
        (&["GET /nothing HTTP/1.1", "Host: localhost:PORT"], "404"),
        (&["GET / HTTP/1.1", "Host: evil.example:PORT"], "421"),
        (&["GET / HTTP/1.1", "Host: evil.example"], "421"),
        (&["GET / HTTP/1.1"], "4"),
        (&["GET / HTTP/1.0"], "421"),
        (&["GET http://evil.example/ HTTP/1.1", "Host: localhost:PORT"], "421"),
        (&["POST / HTTP/1.1", "Host: localhost:PORT", "Content-Length: 0"], "405"),
        (&["DELETE /runs/checkout/report.html HTTP/1.1", "Host: localhost:PORT"], "405"),
        (&["OPTIONS * HTTP/1.1", "Host: localhost:PORT"], "405"),
        (&["\u{1}nonsense"], "4"),
    ] {
        let (head, body) = server.ask(lines);
        assert!(
            head.starts_with(&format!("http/1.1 {status}")) || head.starts_with(&format!("http/1.0 {status}")),
            "{lines:?}: {head}"
        );
        assert!(!lines[0].starts_with("HEAD") || body.is_empty());
    }
    let (head, body) = server.get("/");
    for words in [
        "x-content-type-options: nosniff",
        "frame-ancestors 'none'",
        "no-store",
        "cross-origin-resource-policy: same-origin",
        "script-src 'sha256-",
    ] {
        assert!(head.contains(words), "{words}: {head}");
    }
    assert!(!head.contains("access-control") && !head.contains("unsafe-inline"), "{head}");
    let page = String::from_utf8(body).expect("text");
    assert_eq!(page.matches("<script").count(), 2, "finding, and news");
    let (head, report) = server.get("/runs/checkout/report.html");
    assert!(head.contains("text/html") && head.contains("sandbox"), "{head}");
    assert!(String::from_utf8_lossy(&report).contains("One-page checkout"));
    assert!(server.get("/runs/checkout/results.json").0.contains("200 ok"));
    // Nothing else of a run, and nothing outside of it, whatever the path says.
    for path in [
        "/runs/checkout/plan.yaml",
        "/runs/checkout/effects.csv",
        "/runs/checkout/.git/config",
        "/runs/checkout/../../plan.yaml",
        "/runs/../checkout/report.html",
        "/runs/checkout/%2e%2e/plan.yaml",
        "/runs/no-policy/report.html",
        "/runs/damaged/report.html",
        "//evil.example/",
        "/runs/",
    ] {
        assert!(server.get(path).0.starts_with("http/1.1 404"), "{path}");
    }
    // A second one cannot have the port, and says so.
    let port = server.port.to_string();
    let ran = oci_agent(world.path(), &["serve", "runs", "--port", &port]);
    assert!(ran.code == 2 && ran.stderr.contains("is in use") && ran.stderr.contains("--port"), "{}", ran.stderr);
    let ran = oci_agent(world.path(), &["serve", "nowhere"]);
    assert!(ran.code == 2 && ran.stderr.contains("nowhere"), "{}", ran.stderr);
}

#[test]
fn an_open_page_follows_the_runs() {
    let Some(mut browser) = Browser::start() else { return skipped("no Chromium is installed here") };
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(dir.path().join("runs")).expect("a folder");
    let server = Server::start(dir.path(), "runs");
    browser.open(&format!("http://localhost:{}/", server.port), 1200, "light", true);
    assert_eq!(browser.value("document.querySelector('.lead').textContent"), json!("No run is here yet."));
    copy(&shared().runs().join("checkout"), &dir.path().join("runs/checkout"));
    copy(&shared().runs().join(EVIL_FOLDER), &dir.path().join("runs").join(EVIL_FOLDER));
    let until = |browser: &mut Browser, words: &str| {
        let there = format!(
            "new Promise((done) => {{ const ask = () => document.querySelector('.lead').textContent.startsWith('{words}') \
             ? done(true) : setTimeout(ask, 50); ask(); setTimeout(() => done(false), 20000); }})"
        );
        assert_eq!(browser.value(&there), json!(true), "{words}");
    };
    until(&mut browser, "2 runs on 2 questions");
    // What was typed, and what was open, stays over the next change.
    browser.value("document.getElementById('words').value = 'checkout'; document.getElementById('words').dispatchEvent(new Event('input', {bubbles: true})); document.activeElement.blur()");
    browser.value("document.getElementById('more-checkout').open = true");
    std::fs::remove_dir_all(dir.path().join("runs").join(EVIL_FOLDER)).expect("removed");
    copy(&shared().runs().join("blind"), &dir.path().join("runs/blind"));
    until(&mut browser, "2 runs on 2 questions: 1 finished and 1 stopped");
    let kept = browser.value("[document.getElementById('words').value, document.getElementById('more-checkout').open, document.getElementById('run-blind').hidden]");
    assert_eq!(kept, json!(["checkout", true, true]));
    assert_eq!(
        browser.value("[window.pwned === undefined, document.getElementById('news').textContent]"),
        json!([true, "The page was brought up to date."])
    );
    assert!(browser.complaints.is_empty(), "{:?}", browser.complaints);
}
