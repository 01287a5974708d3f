//! From settings to a model.

use super::adapt::Adapted;
use super::anthropic::{self, Anthropic, Envelope};
use super::capabilities;
use super::chat::{ChatModel, ModelError};
use super::gemini::{self, Gemini};
use super::http::{Asking, Limits, Server, is_azure, is_loopback};
use super::openai::{self, OpenAi, Structured};
use super::responses::Responses;
use super::secret::Key;
use crate::llm::engine::PlaybookModel;
use crate::text::lines::printable;
use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// The Anthropic Messages protocol.
    Anthropic,
    /// The OpenAI protocols: Responses, or Chat Completions.
    #[serde(rename = "openai")]
    OpenAi,
    /// Gemini's own protocol.
    Gemini,
    /// The first playbook that applies; no server.
    Playbook,
}

/// Which of OpenAI's protocols.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Api {
    /// Responses.
    Responses,
    /// Chat Completions, which other servers speak too.
    Chat,
}

/// The settings of [`connect`].
#[derive(Debug, Clone)]
pub struct Settings {
    /// Who answers.
    pub provider: Provider,
    /// The model, by the server's name for it. Not used by [`Provider::Playbook`].
    pub model: String,
    /// `http(s)://host[:port][/path]`; `None` is the provider's own.
    pub base_url: Option<String>,
    /// Empty means no key.
    pub key: Option<Key>,
    /// The environment variable that holds the key, for hints.
    pub key_variable: String,
    /// Sampling temperature; `None` leaves it to the server.
    pub temperature: Option<f64>,
    /// How much a model should think, in its vendor's word; `None` leaves it to the server.
    pub effort: Option<String>,
    /// Only [`Provider::OpenAi`] has a choice; `None` is Responses at OpenAI and on Azure, Chat Completions elsewhere.
    pub api: Option<Api>,
    /// Fields that are added to every body.
    pub extra_body: Map<String, Value>,
    /// Headers that are added to every request. They are no place for a key.
    pub headers: Vec<(String, String)>,
    /// The way JSON of a schema is asked for; `None` finds out. Only Chat Completions has a choice.
    pub structured: Option<Structured>,
    /// Time limits and retries.
    pub limits: Limits,
}

/// A model that can be asked.
///
/// # Errors
/// [`ModelError::Settings`] for an invalid `base_url`, [`ModelError::Key`] if the provider's own server is meant and
/// there is no key, [`ModelError::Unavailable`] if the system gives no network.
pub fn connect(settings: Settings) -> Result<Box<dyn ChatModel>, ModelError> {
    build(settings, true)
}

/// The same without asking for a key: for [`super::Replay`], which needs to know what requests look like and sends none.
///
/// # Errors
/// As [`connect`], without [`ModelError::Key`].
pub fn offline(settings: Settings) -> Result<Box<dyn ChatModel>, ModelError> {
    build(Settings { key: None, ..settings }, false)
}

fn build(settings: Settings, needs_key: bool) -> Result<Box<dyn ChatModel>, ModelError> {
    if settings.provider == Provider::Playbook {
        return Ok(Box::new(PlaybookModel));
    }
    let (limits, provider) = (settings.limits, settings.provider);
    let structured = settings.structured.unwrap_or_default();
    let asking = asking(&settings)?;
    let base = base_of(provider, &settings.model, settings.base_url.as_deref())?;
    let model = settings.model.clone();
    let default = needs_key.then_some(provider.default_base());
    match provider {
        Provider::Anthropic => {
            let envelope = Envelope::of(&base);
            let path = envelope.path(&base, &model);
            let server = server(settings, "anthropic", base, &path, default)?;
            Ok(Box::new(Anthropic::new(server, limits, asking, envelope)?))
        }
        Provider::OpenAi if api_of(settings.api, &base) == Api::Responses => {
            let path = format!("{}/responses", openai_path(&base));
            let server = server(settings, "openai", base, &path, default)?;
            Ok(Box::new(Responses::new(server, limits, asking)?))
        }
        Provider::OpenAi => {
            let path = format!("{}/chat/completions", openai_path(&base));
            let server = server(settings, "openai", base, &path, default)?;
            Ok(Box::new(OpenAi::new(server, limits, asking, structured)?))
        }
        Provider::Gemini => {
            let path = gemini::path(&base, &model);
            let mut server = server(settings, "gemini", base, &path, default)?;
            server.endpoint.set_query(Some("alt=sse"));
            Ok(Box::new(Gemini::new(server, limits, asking)?))
        }
        Provider::Playbook => Ok(Box::new(PlaybookModel)),
    }
}

/// Responses where it is at home; everybody else copies Chat Completions.
fn api_of(asked: Option<Api>, base: &Url) -> Api {
    let home = Url::parse(openai::DEFAULT_BASE).is_ok_and(|own| own.host_str() == base.host_str()) || is_azure(base);
    asked.unwrap_or(if home { Api::Responses } else { Api::Chat })
}

/// The path that OpenAI's protocols stand below.
fn openai_path(base: &Url) -> &str {
    let host = base.host_str().unwrap_or_default();
    match base.path().trim_end_matches('/') {
        "" if is_azure(base) => "/openai/v1",
        "" if host == "openrouter.ai" => "/api/v1",
        "" if host.starts_with("bedrock-runtime") => "/openai/v1",
        "" => "/v1",
        path => path,
    }
}

fn asking(settings: &Settings) -> Result<Asking, ModelError> {
    let mut headers = HeaderMap::new();
    for (name, value) in &settings.headers {
        let parsed = HeaderName::from_bytes(name.as_bytes()).ok().zip(HeaderValue::from_str(value).ok());
        let (name, value) = parsed.ok_or_else(|| ModelError::Settings {
            message: format!("a header of the model {} cannot be sent: {}", settings.model, printable(name)),
            hint: "write a header's name in letters, digits and `-`, and its value in one line".to_owned(),
        })?;
        headers.insert(name, value);
    }
    Ok(Asking {
        temperature: settings.temperature,
        effort: settings.effort.clone(),
        extra_body: settings.extra_body.clone(),
        headers,
        adapted: Adapted::of(capabilities::changes_for(&settings.model, settings.temperature)),
    })
}

/// The place that requests to a model go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// The base, for people.
    pub url: String,
    /// The host, in lower case, an IPv6 address in brackets.
    pub host: String,
    /// The port, also where the scheme implies it.
    pub port: Option<u16>,
    /// True for this machine.
    pub loopback: bool,
    /// True if nobody on the way can read along.
    pub encrypted: bool,
    /// True for the vendor's own server.
    pub vendor: bool,
}

/// The place that [`connect`] would send to; `None` for the engine.
///
/// # Errors
/// [`ModelError::Settings`] for an invalid `base_url`.
pub fn destination(provider: Provider, model: &str, base_url: Option<&str>) -> Result<Option<Destination>, ModelError> {
    if provider == Provider::Playbook {
        return Ok(None);
    }
    let base = base_of(provider, model, base_url)?;
    let encrypted = base.scheme() == "https";
    let vendor = Url::parse(provider.default_base()).is_ok_and(|own| own.origin() == base.origin());
    Ok(Some(Destination {
        url: base.as_str().trim_end_matches('/').to_owned(),
        host: base.host_str().unwrap_or_default().to_owned(),
        port: base.port_or_known_default(),
        loopback: is_loopback(&base),
        encrypted,
        vendor,
    }))
}

impl Provider {
    fn default_base(self) -> &'static str {
        match self {
            Provider::Anthropic => anthropic::DEFAULT_BASE,
            Provider::OpenAi => openai::DEFAULT_BASE,
            Provider::Gemini => gemini::DEFAULT_BASE,
            Provider::Playbook => "",
        }
    }
}

fn base_of(provider: Provider, model: &str, base_url: Option<&str>) -> Result<Url, ModelError> {
    let given = base_url.unwrap_or(provider.default_base()).trim();
    let invalid = |what: &str| ModelError::Settings {
        message: format!("the `base_url` of the model {model} {what}"),
        hint: "write it as `https://host/path` or `http://host:port`, for example `http://127.0.0.1:8080`".to_owned(),
    };
    // The text itself is shown only where it can hold no password.
    let url = Url::parse(given).map_err(|error| match given.contains('@') {
        true => invalid(&format!("is no URL ({error})")),
        false => invalid(&format!("is `{given}`, which is no URL ({error})")),
    })?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(invalid("does not begin with http:// or https:// and a host"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid("holds a name or a password; keys belong in the environment"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(invalid("has a `?` or a `#`, to which no path can be added"));
    }
    Ok(url)
}

/// `default` is the provider's own base where a key is needed there.
fn server(
    settings: Settings,
    provider: &'static str,
    base: Url,
    path: &str,
    default: Option<&str>,
) -> Result<Server, ModelError> {
    let variable = settings.key_variable;
    let key = settings.key.filter(|key| !key.is_empty());
    let own = default.and_then(|default| Url::parse(default).ok()).is_some_and(|own| own.host_str() == base.host_str());
    if own && key.is_none() {
        return Err(ModelError::Key {
            message: format!("the provider `{provider}` needs a key, and {variable} holds none"),
            hint: format!(
                "set {variable}, or {variable}_FILE to a file that holds the key, or use `provider: playbook`, which needs none"
            ),
        });
    }
    let base_url = base.as_str().trim_end_matches('/').to_owned();
    let mut endpoint = base.clone();
    endpoint.set_path(path);
    Ok(Server { provider, base_url, endpoint, model: settings.model, key, key_variable: variable })
}
