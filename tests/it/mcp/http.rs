//! The server over HTTP: an address of this machine, a token, sessions.

use super::PATIENCE;
use crate::examples::plan;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

const TOKEN: &str = "a-token-of-the-test";

struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(dir: &Path) -> Server {
        let mut child = Command::new(env!("CARGO_BIN_EXE_oci-agent"))
            .arg("mcp")
            .arg(plan("nhefs"))
            .args(["--out", "out", "--http", "127.0.0.1:0"])
            .env("OCI_AGENT_MCP_TOKEN", TOKEN)
            .current_dir(dir)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("stdout")).read_line(&mut line).expect("an address");
        let address =
            line.strip_prefix("http://").and_then(|rest| rest.split_once("/mcp ")).expect("an address").0.to_owned();
        Server { child, address }
    }

    /// Status, headers and body of an answer.
    fn ask(&self, method: &str, headers: &[(&str, &str)], body: &str) -> (u16, String, String) {
        let mut stream = TcpStream::connect(&self.address).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a limit");
        let mut request = format!("{method} /mcp HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
        for (name, value) in headers {
            request += &format!("{name}: {value}\r\n");
        }
        stream.write_all(format!("{request}\r\n{body}").as_bytes()).expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no HTTP: {answer}"));
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
        (status, head.to_lowercase(), body.to_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A host with a session.
struct Session<'a> {
    server: &'a Server,
    id: String,
}

impl Session<'_> {
    fn open(server: &Server) -> Session<'_> {
        let client = json!({"name": "test host", "version": "0"});
        let params = json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client});
        let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}).to_string();
        let mut session = Session { server, id: String::new() };
        let (status, head, body) = session.send("POST", &hello);
        assert_eq!(status, 200, "{head} {body}");
        let id = head.lines().find_map(|line| line.strip_prefix("mcp-session-id: ")).expect("a session");
        session.id = id.trim().to_owned();
        let ready = json!({"jsonrpc": "2.0", "method": "notifications/initialized"}).to_string();
        assert_eq!(session.send("POST", &ready).0, 202);
        session
    }

    fn send(&self, method: &str, body: &str) -> (u16, String, String) {
        let bearer = format!("Bearer {TOKEN}");
        let mut headers = vec![
            ("Host", self.server.address.as_str()),
            ("Authorization", bearer.as_str()),
            ("Accept", "application/json, text/event-stream"),
            ("Content-Type", "application/json"),
        ];
        if !self.id.is_empty() {
            headers.extend([("Mcp-Session-Id", self.id.as_str()), ("Mcp-Protocol-Version", "2025-06-18")]);
        }
        self.server.ask(method, &headers, body)
    }

    /// The answer to a call, and what was told of its progress before.
    fn call(&self, tool: &str, arguments: Value) -> (Value, Vec<String>) {
        let params = json!({"name": tool, "arguments": arguments, "_meta": {"progressToken": "p"}});
        let call = json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params}).to_string();
        let (status, _, body) = self.send("POST", &call);
        assert_eq!(status, 200, "{body}");
        let events: Vec<Value> =
            body.lines().filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok()).collect();
        let progress = events.iter().filter(|event| event["method"] == "notifications/progress");
        let told = progress.filter_map(|event| event["params"]["message"].as_str().map(str::to_owned)).collect();
        let answer = events.iter().find(|event| event["id"] == 7).unwrap_or_else(|| panic!("no answer: {body}"));
        (answer["result"]["structuredContent"].clone(), told)
    }
}

#[test]
fn hosts_of_this_machine_show_a_token_and_take_turns() {
    let dir = tempfile::tempdir().expect("tempdir");
    let server = Server::start(dir.path());
    let (host, bearer) = (server.address.as_str(), format!("Bearer {TOKEN}"));
    let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"}).to_string();
    for (expected, headers) in [
        (401, vec![("Host", host)]),
        (401, vec![("Host", host), ("Authorization", "Bearer wrong")]),
        (421, vec![("Host", "evil.example"), ("Authorization", bearer.as_str())]),
        (403, vec![("Host", host), ("Authorization", bearer.as_str()), ("Origin", "http://evil.example")]),
    ] {
        let (status, head, body) = server.ask("POST", &headers, &ping);
        assert_eq!(status, expected, "{headers:?} {head} {body}");
    }
    let first = Session::open(&server);
    assert!(!dir.path().join("out").exists(), "a connection is no run");
    let (looked, told) = first.call("check_balance", json!({"estimand": "ate"}));
    assert!(looked["ok"] == true && looked["data"].is_object(), "{looked}");
    assert!(told.iter().any(|stage| stage.contains("opening the run")), "{told:?}");
    let second = Session::open(&server);
    let (refused, _) = second.call("check_balance", json!({"estimand": "ate"}));
    assert_eq!(
        (&refused["error"]["code"], &refused["error"]["details"]["pid"]),
        (&json!("run_in_use"), &json!(server.child.id()))
    );
    let (proposed, told) = first.call("propose_spec", json!({"changes": []}));
    assert!(proposed["ok"] == true && told.iter().any(|stage| stage.contains("iteration 1: propensity")), "{told:?}");

    // The first ends its session in the middle; the second goes on with the run.
    assert_eq!(first.send("DELETE", "").0, 204);
    let asked = std::iter::repeat_with(|| second.call("propose_spec", json!({"changes": []})).0);
    let mut asked = asked.inspect(|_| std::thread::sleep(std::time::Duration::from_millis(50))).take(200);
    let settled = asked.find(|answer| answer["error"]["code"] != "run_in_use").expect("a run that is let go of");
    assert!(settled["ok"] == true && settled["stage"] == "unblinded", "{settled}");
    assert!(second.call("estimate", json!({})).0["data"].is_object());
    assert_eq!(first.send("POST", &ping).0, 404, "a session that has ended");
}

#[test]
fn only_this_machine_is_listened_to_and_a_token_file_is_for_its_owner() {
    let dir = tempfile::tempdir().expect("tempdir");
    let plan = plan("nhefs");
    let plan = plan.to_str().expect("utf-8");
    let ran = crate::cli::oci_agent(dir.path(), &["mcp", plan, "--http", "0.0.0.0:0"]);
    assert!(ran.code == 2 && ran.stderr.contains("127.0.0.1"), "{}: {}", ran.code, ran.stderr);
    std::fs::write(dir.path().join("token"), "mine").expect("a file");
    let ran = crate::cli::oci_agent(dir.path(), &["mcp", plan, "--http", "127.0.0.1:0", "--token-file", "token"]);
    assert_eq!(ran.code, 2, "nothing is overwritten: {}", ran.stderr);
    assert_eq!(std::fs::read(dir.path().join("token")).expect("a file"), b"mine");
}
