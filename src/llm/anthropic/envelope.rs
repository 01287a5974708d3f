//! The Messages interface at Anthropic, on Amazon Bedrock and on Google Vertex: the same body but for its first lines, other
//! addresses, another way to show the key.

use crate::llm::chat::ModelError;
use crate::llm::http::{Asking, Server, secret_header};
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value};

/// The version of the protocol.
const VERSION: &str = "2023-06-01";

/// Where the interface stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::llm) enum Envelope {
    /// Anthropic's own, or a server that copies it.
    Plain,
    /// `bedrock-runtime.REGION.amazonaws.com`: answers come whole, since its streams are not server-sent events.
    Bedrock,
    /// `…aiplatform.googleapis.com/v1/projects/P/locations/L`.
    Vertex,
}

impl Envelope {
    /// By the shape of the address.
    pub fn of(base: &Url) -> Envelope {
        let host = base.host_str().unwrap_or_default();
        if host.starts_with("bedrock-runtime") || base.path().trim_end_matches('/').ends_with("/model") {
            Envelope::Bedrock
        } else if host.ends_with("aiplatform.googleapis.com") || base.path().starts_with("/v1/projects/") {
            Envelope::Vertex
        } else {
            Envelope::Plain
        }
    }

    /// The path of the endpoint.
    pub fn path(self, base: &Url, model: &str) -> String {
        let path = base.path().trim_end_matches('/');
        match self {
            // Addresses are written with and without `/v1`.
            Envelope::Plain => format!("{}/v1/messages", path.strip_suffix("/v1").unwrap_or(path)),
            Envelope::Bedrock => format!("{}/model/{model}/invoke", path.strip_suffix("/model").unwrap_or(path)),
            Envelope::Vertex => format!("{path}/publishers/anthropic/models/{model}:streamRawPredict"),
        }
    }

    /// The first lines of a body.
    pub fn begin(self, body: &mut Map<String, Value>, model: &str) {
        match self {
            Envelope::Plain => {
                body.insert("model".to_owned(), model.into());
                // In pieces, so that a silent server is noticed after `Limits::idle` and the operator can read along.
                body.insert("stream".to_owned(), true.into());
            }
            Envelope::Bedrock => {
                body.insert("anthropic_version".to_owned(), "bedrock-2023-05-31".into());
            }
            Envelope::Vertex => {
                body.insert("anthropic_version".to_owned(), "vertex-2023-10-16".into());
                body.insert("stream".to_owned(), true.into());
            }
        }
    }

    /// Version and key.
    pub fn headers(self, server: &Server, asking: &Asking) -> Result<HeaderMap, ModelError> {
        let mut headers = asking.headers.clone();
        if self == Envelope::Plain {
            headers.entry("anthropic-version").or_insert(HeaderValue::from_static(VERSION));
        }
        let Some(key) = &server.key else { return Ok(headers) };
        match self {
            Envelope::Plain => {
                secret_header(&mut headers, HeaderName::from_static("x-api-key"), key.expose(), server)?;
            }
            Envelope::Bedrock | Envelope::Vertex => {
                secret_header(&mut headers, AUTHORIZATION, &format!("Bearer {}", key.expose()), server)?;
            }
        }
        Ok(headers)
    }
}
