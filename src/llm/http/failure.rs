//! Errors from answers that are not usable: statuses, broken streams, other content.

use super::{Broken, Failure, Fault, Server};
use crate::llm::chat::ModelError;
use crate::llm::secret::{Key, scrub};
use crate::text::lines;
use reqwest::header::{DATE, HeaderMap, LOCATION, RETRY_AFTER};
use serde_json::Value;
use std::time::Duration;

/// Characters of a server's words that are shown.
const SHOWN: usize = 300;
/// Characters of something that is no answer at all.
const SHOWN_OF_OTHER: usize = 120;

/// Seconds; a server that asks for more means "never", and gets the same answer.
const LONGEST_WAIT: f64 = 1e9;

/// A status and what came with it.
#[derive(Debug)]
pub(super) struct ErrorBody {
    status: u16,
    wait: Option<Duration>,
    location: Option<String>,
    /// One line, keys removed.
    words: String,
}

impl ErrorBody {
    pub fn new(status: u16, headers: &HeaderMap, body: &[u8], keys: &[Key]) -> ErrorBody {
        let location = headers.get(LOCATION).map(|value| scrub(&String::from_utf8_lossy(value.as_bytes()), keys));
        // Keys go before anything is cut: half a key would not be recognised.
        ErrorBody { status, wait: wait_of(headers), location, words: words_of(&String::from_utf8_lossy(body), keys) }
    }

    /// Status and words, shortened.
    fn brief(&self) -> String {
        if self.words.is_empty() {
            format!("status {}", self.status)
        } else {
            format!("status {}, {}", self.status, lines::cut(&self.words, SHOWN))
        }
    }

    fn lasting(&self, error: ModelError) -> Fault {
        Fault::Lasting(Failure { error, status: Some(self.status), words: self.words.clone() })
    }
}

/// The error of a status other than success.
pub(super) fn from_status(body: &ErrorBody, server: &Server) -> Fault {
    let brief = body.brief();
    match body.status {
        300..=399 => body.lasting(redirected(body, server)),
        401 | 403 => body.lasting(key_refused(&brief, server)),
        // An overflow of the context, which some servers call 500, would be one again each time.
        408 | 409 | 429 | 500 | 502 | 503 | 504 | 529 if !is_overflow(&body.words) => {
            Fault::Passing { what: format!("{} answered {brief}", server.provider), wait: body.wait }
        }
        404 => body.lasting(not_found(&brief, server)),
        // A 500 is here only if it speaks of the context.
        400..=501 => body.lasting(refused(&brief, &body.words, server)),
        _ => body.lasting(ModelError::Unavailable {
            message: format!("{} answered {brief}", server.base_url),
            hint: "check that `base_url` is the address of the model's server; if it is, run the command again later"
                .to_owned(),
        }),
    }
}

/// The error of an answer that went wrong in the middle.
pub(super) fn from_broken(broken: Broken, server: &Server) -> Fault {
    let (kind, words) = match broken {
        Broken::Nonsense(what) => {
            return Fault::Passing {
                what: format!("{} sent {}", server.provider, lines::cut(&words_of(&what, server.keys()), SHOWN)),
                wait: None,
            };
        }
        Broken::Reported { kind, words } => (kind, words_of(&words, server.keys())),
    };
    let brief = format!("error {}, {}", lines::printable(&scrub(&kind, server.keys())), lines::cut(&words, SHOWN));
    if is_overflow(&words) || is_overflow(&kind) {
        return refused(&brief, &format!("{kind} {words}"), server).into();
    }
    match kind.as_str() {
        "overloaded_error"
        | "api_error"
        | "timeout_error"
        | "server_error"
        | "overloaded"
        | "service_unavailable"
        | "408"
        | "409"
        | "429"
        | "500"
        | "502"
        | "503"
        | "504"
        | "529" => passing(&brief, server),
        _ if kind.starts_with("rate_limit") => passing(&brief, server),
        "authentication_error" | "permission_error" | "401" | "403" => key_refused(&brief, server).into(),
        "not_found_error" | "404" => not_found(&brief, server).into(),
        _ => refused(&brief, &words, server).into(),
    }
}

fn passing(brief: &str, server: &Server) -> Fault {
    Fault::Passing { what: format!("{} answered {brief}", server.provider), wait: None }
}

/// A success that is no answer: a web page, as a rule.
pub(super) fn other_content(kind: &str, bytes: &[u8], server: &Server) -> Fault {
    let text = lines::printable(&scrub(&String::from_utf8_lossy(bytes), server.keys()));
    let kind = if kind.is_empty() { "nothing" } else { kind };
    let start = if text.is_empty() {
        "and is empty".to_owned()
    } else {
        format!("and begins `{}`", lines::cut(&text, SHOWN_OF_OTHER))
    };
    not_this_protocol(&format!("an answer that declares itself as {} {start}", scrub(kind, server.keys())), server)
}

/// The server speaks, but not this protocol.
pub(super) fn not_this_protocol(what: &str, server: &Server) -> Fault {
    ModelError::NotThisProtocol {
        message: format!("{} sent what the {} protocol does not have: {what}", server.endpoint, server.provider),
        hint: format!(
            "check that `base_url` ({}) is the address of a server that speaks `{}`",
            server.base_url, server.provider
        ),
    }
    .into()
}

fn redirected(body: &ErrorBody, server: &Server) -> ModelError {
    let to = body
        .location
        .as_deref()
        .map_or_else(String::new, |to| format!(" to {}", lines::cut(&lines::printable(to), SHOWN_OF_OTHER)));
    ModelError::NotThisProtocol {
        message: format!("{} redirects{to} (status {}); the request was not sent there", server.endpoint, body.status),
        hint: "if you trust that address, set `base_url` to it".to_owned(),
    }
}

fn key_refused(brief: &str, server: &Server) -> ModelError {
    let variable = &server.key_variable;
    if server.key.is_none() {
        return ModelError::Key {
            message: format!("{} wants a key, and {variable} holds none ({brief})", server.base_url),
            hint: format!("set {variable}, or {variable}_FILE to a file that holds the key"),
        };
    }
    ModelError::Key {
        message: format!("{} does not accept the key in {variable} ({brief})", server.base_url),
        hint: format!("check that the key in {variable} is valid, belongs to this server and may use {}", server.model),
    }
}

fn not_found(brief: &str, server: &Server) -> ModelError {
    ModelError::Refused {
        message: format!("{} was not found for the model {} ({brief})", server.endpoint, server.model),
        hint: format!(
            "either the server has no model of the name {}, or `base_url` ({}) is not where its interface begins",
            server.model, server.base_url
        ),
    }
}

fn refused(brief: &str, words: &str, server: &Server) -> ModelError {
    if is_overflow(words) {
        return ModelError::Refused {
            message: format!("the conversation is longer than the context of {} ({brief})", server.model),
            hint: "use a model with a larger context, fewer `tools` in the plan, or a smaller `budget.conversation`"
                .to_owned(),
        };
    }
    ModelError::Refused {
        message: format!("{} refused the request ({brief})", server.base_url),
        hint: format!("check that {} can do what is asked of it: tools, this many tokens", server.model),
    }
}

fn is_overflow(words: &str) -> bool {
    // There is no common code: llama.cpp, OpenAI, Anthropic, OpenAI and vLLM, llama.cpp in words.
    const SIGNS: [&str; 5] = [
        "exceed_context_size",
        "context_length_exceeded",
        "prompt is too long",
        "maximum context length",
        "exceeds the available context",
    ];
    let words = words.to_ascii_lowercase();
    SIGNS.iter().any(|sign| words.contains(sign))
}

/// The wait that the server asks for: `retry-after-ms`, or `retry-after` in seconds or as a date. A date is held against
/// the answer's own, so that no clock is read.
fn wait_of(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    // `nan` is a number to the parser; it becomes no wait.
    let seconds = |seconds: f64| Duration::try_from_secs_f64(seconds.clamp(0.0, LONGEST_WAIT)).ok();
    if let Some(milliseconds) = text("retry-after-ms").and_then(|text| text.parse::<f64>().ok()) {
        return seconds(milliseconds / 1000.0);
    }
    let after = text(RETRY_AFTER.as_str())?;
    if let Ok(number) = after.parse::<f64>() {
        return seconds(number);
    }
    let then = httpdate::parse_http_date(after).ok()?;
    let now = httpdate::parse_http_date(text(DATE.as_str())?).ok()?;
    Some(then.duration_since(now).unwrap_or_default())
}

/// The words of a server: the type and message of a JSON error if it is one, otherwise the text, in one line and without keys.
fn words_of(body: &str, keys: &[Key]) -> String {
    let parsed: Option<Value> = serde_json::from_str(body).ok();
    let message = parsed.as_ref().and_then(|value| {
        let error = value.get("error").unwrap_or(value);
        let says = |name: &str| error.get(name).and_then(Value::as_str);
        let message = error.as_str().or_else(|| says("message")).or_else(|| says("detail"))?;
        let kind = says("type").or_else(|| says("code")).map_or_else(String::new, |kind| format!("{kind}: "));
        let code =
            says("code").filter(|code| !kind.starts_with(code)).map_or_else(String::new, |code| format!(" ({code})"));
        Some(format!("{kind}{message}{code}"))
    });
    lines::printable(&scrub(message.as_deref().unwrap_or(body), keys))
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

    fn headers(of: &[(&'static str, &'static str)]) -> HeaderMap {
        of.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn the_wait_that_a_server_asks_for() {
        let date = ("date", "Wed, 21 Oct 2015 07:28:00 GMT");
        for (headers, expected) in [
            (headers(&[("retry-after", "7")]), Some(7.0)),
            (headers(&[("retry-after", "0.5")]), Some(0.5)),
            (headers(&[("retry-after", "-3")]), Some(0.0)),
            (headers(&[("retry-after", "7"), ("retry-after-ms", "250")]), Some(0.25)),
            (headers(&[("retry-after", "Wed, 21 Oct 2015 07:29:30 GMT"), date]), Some(90.0)),
            (headers(&[("retry-after", "Wed, 21 Oct 2015 07:00:00 GMT"), date]), Some(0.0)),
            (headers(&[("retry-after", "Wed, 21 Oct 2015 07:29:30 GMT")]), None),
            (headers(&[("retry-after", "soon")]), None),
            (headers(&[("retry-after", "1e300")]), Some(1e9)),
            (headers(&[("retry-after", "NaN")]), None),
            (headers(&[]), None),
        ] {
            assert_eq!(wait_of(&headers).map(|wait| wait.as_secs_f64()), expected, "{headers:?}");
        }
    }

    #[test]
    fn words_are_one_line_without_keys_and_control_characters() {
        let keys = [Key::new("very-secret-key")];
        for (body, expected) in [
            (r#"{"error":{"type":"t","message":"no\n\u001b[31m very-secret-key"}}"#, "t: no [31m [key removed]"),
            (r#"{"error":{"type":"t","code":"c","message":"m"}}"#, "t: m (c)"),
            (r#"{"error":"plain"}"#, "plain"),
            (r#"{"detail":"d"}"#, "d"),
            ("a\r\n b", "a b"),
            ("", ""),
        ] {
            assert_eq!(words_of(body, &keys), expected);
        }
    }

    #[test]
    fn a_cut_is_marked_and_falls_between_characters() {
        assert_eq!(lines::cut("äöü", 2), "äö…");
        assert_eq!(lines::cut("äöü", 3), "äöü");
    }
}
