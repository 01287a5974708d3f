//! A server that sends what a test wrote down, byte for byte and pause for pause, and a listener that remembers.

use oci_agent::llm::{
    Block, CallObserver, ChatModel, ChatRequest, ChatResponse, Choice, Key, Limits, Message, ModelError, Provider,
    Settings, Speaker, ToolSpec, connect,
};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A part of an answer.
#[derive(Clone)]
pub enum Step {
    Send(Vec<u8>),
    Wait(u64),
    /// Again and again, until the client has gone.
    Forever(Vec<u8>, u64),
}

/// The n-th connection gets the n-th answer, later ones the last.
pub struct Server {
    pub address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub fn start(answers: Vec<Vec<Step>>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&requests);
        std::thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                let (Ok(stream), Some(last)) = (stream, answers.len().checked_sub(1)) else { return };
                let (steps, heard) = (answers[number.min(last)].clone(), Arc::clone(&heard));
                std::thread::spawn(move || {
                    // A client that hangs up in the middle is what some tests are about.
                    let _ = serve(stream, &steps, &heard);
                });
            }
        });
        Server { address, requests }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Heads and bodies as they came.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    pub fn bodies(&self) -> Vec<Value> {
        let body = |request: &String| serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap();
        self.requests().iter().map(body).collect()
    }
}

fn serve(mut stream: TcpStream, steps: &[Step], heard: &Mutex<Vec<String>>) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    while !whole(&bytes) {
        match stream.read(&mut piece)? {
            0 => return Ok(()),
            n => bytes.extend_from_slice(&piece[..n]),
        }
    }
    heard.lock().unwrap().push(String::from_utf8(bytes).unwrap());
    for step in steps {
        match step {
            Step::Send(bytes) => stream.write_all(bytes)?,
            Step::Wait(milliseconds) => std::thread::sleep(Duration::from_millis(*milliseconds)),
            Step::Forever(bytes, milliseconds) => loop {
                stream.write_all(bytes)?;
                std::thread::sleep(Duration::from_millis(*milliseconds));
            },
        }
    }
    Ok(())
}

fn whole(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let Some((head, _)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    bytes.len() >= head.len() + 4 + length.unwrap_or(0)
}

pub fn send(text: &str) -> Step {
    Step::Send(text.as_bytes().to_vec())
}

/// The head of a stream; its end is the end of the connection.
pub fn stream_head() -> Step {
    send("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
}

pub fn stream(text: &str) -> Vec<Step> {
    vec![stream_head(), send(text)]
}

/// An answer of a known length.
pub fn plain(status: u16, headers: &[&str], body: &str) -> Vec<Step> {
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    let length = body.len();
    vec![send(&format!("HTTP/1.1 {status} X\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"))]
}

pub fn json_answer(status: u16, body: &Value) -> Vec<Step> {
    plain(status, &["content-type: application/json"], &body.to_string())
}

pub const PROTOCOLS: [Provider; 2] = [Provider::Anthropic, Provider::OpenAi];

/// One event of a protocol that brings prose.
pub fn words(provider: Provider, text: &str) -> String {
    let data = match provider {
        Provider::Anthropic => {
            json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}})
        }
        _ => json!({"choices": [{"index": 0, "delta": {"content": text}}]}),
    };
    format!("data: {data}\n\n")
}

pub fn begin(provider: Provider) -> String {
    let data = match provider {
        Provider::Anthropic => {
            json!({"type": "message_start", "message": {"model": "m-1", "usage": {"input_tokens": 7}}})
        }
        _ => json!({"model": "m-1", "choices": [{"index": 0, "delta": {"role": "assistant", "content": null}}]}),
    };
    format!("data: {data}\n\n")
}

pub fn end(provider: Provider, reason: &str) -> String {
    match provider {
        Provider::Anthropic => {
            let delta =
                json!({"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 3}});
            format!("data: {delta}\n\ndata: {}\n\n", json!({"type": "message_stop"}))
        }
        _ => {
            let reason = if reason == "end_turn" { "stop" } else { reason };
            let last = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]});
            let usage = json!({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}});
            format!("data: {last}\n\ndata: {usage}\n\ndata: [DONE]\n\n")
        }
    }
}

/// A whole stream that says `text`.
pub fn saying(provider: Provider, text: &str) -> Vec<Step> {
    stream(&format!("{}{}{}", begin(provider), words(provider, text), end(provider, "end_turn")))
}

pub fn user(text: &str) -> Message {
    Message { speaker: Speaker::User, blocks: vec![Block::Text { text: text.to_owned() }] }
}

pub fn tool(name: &str) -> ToolSpec {
    let schema = json!({"type": "object", "properties": {"grade": {"type": "integer"}}, "required": ["grade"]});
    ToolSpec { name: name.to_owned(), description: format!("Gives a {name}."), schema }
}

pub fn request() -> ChatRequest {
    ChatRequest {
        system: "Be brief.".to_owned(),
        messages: vec![user("Hello")],
        tools: Vec::new(),
        choice: Choice::Auto,
        max_tokens: 100,
    }
}

/// Patient enough for a loaded machine, and with pauses that a test does not feel.
pub fn limits() -> Limits {
    Limits {
        call: Duration::from_secs(60),
        idle: Duration::from_secs(60),
        pause: Duration::from_millis(4),
        longest_pause: Duration::from_millis(8),
        ..Limits::default()
    }
}

pub const KEY: &str = "local-test-key/0123456789";

pub fn settings(provider: Provider, url: &str) -> Settings {
    Settings {
        provider,
        model: "some-model".to_owned(),
        base_url: Some(url.to_owned()),
        key: Some(Key::new(KEY)),
        key_variable: "SOME_API_KEY".to_owned(),
        temperature: None,
        effort: None,
        api: None,
        extra_body: serde_json::Map::new(),
        headers: Vec::new(),
        structured: None,
        limits: limits(),
    }
}

pub fn model(provider: Provider, url: &str) -> Box<dyn ChatModel> {
    connect(settings(provider, url)).unwrap()
}

/// Remembers what it heard and when, and stops a call when it is told to.
#[derive(Default)]
pub struct Ear {
    pub pieces: Vec<(Instant, String)>,
    pub notes: Vec<String>,
    pub cancel_at: Option<Instant>,
    pub cancel_after_pieces: Option<usize>,
    pub deadline: Option<Instant>,
}

impl Ear {
    pub fn text(&self) -> String {
        self.pieces.iter().map(|(_, piece)| piece.as_str()).collect()
    }
}

impl CallObserver for Ear {
    fn text(&mut self, piece: &str) {
        self.pieces.push((Instant::now(), piece.to_owned()));
    }

    fn note(&mut self, message: &str) {
        self.notes.push(message.to_owned());
    }

    fn cancelled(&self) -> bool {
        self.cancel_at.is_some_and(|at| Instant::now() >= at)
            || self.cancel_after_pieces.is_some_and(|most| self.pieces.len() >= most)
    }

    fn seconds_left(&self) -> Option<f64> {
        let deadline = self.deadline?;
        let now = Instant::now();
        Some(
            deadline.saturating_duration_since(now).as_secs_f64()
                - now.saturating_duration_since(deadline).as_secs_f64(),
        )
    }
}

/// Asks a model of `provider` at a server with these answers.
pub fn ask(provider: Provider, answers: Vec<Vec<Step>>) -> (Result<ChatResponse, ModelError>, Ear, Server) {
    let server = Server::start(answers);
    let mut ear = Ear::default();
    let result = model(provider, &server.url()).complete(&request(), &mut ear);
    (result, ear, server)
}

pub fn text(text: &str) -> Block {
    Block::Text { text: text.to_owned() }
}

pub fn hint(error: &ModelError) -> &str {
    error.hint().unwrap_or_default()
}
