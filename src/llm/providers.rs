//! From settings to a model.

use super::anthropic::{self, Anthropic};
use super::chat::{ChatModel, ModelError};
use super::http::{Limits, Server, is_loopback};
use super::openai::{self, OpenAi, Structured};
use super::secret::Key;
use crate::llm::engine::PlaybookModel;
use reqwest::Url;
use serde::{Deserialize, Serialize};

/// Who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// The Anthropic Messages protocol.
    Anthropic,
    /// The OpenAI Chat Completions protocol.
    #[serde(rename = "openai")]
    OpenAi,
    /// The first playbook that applies; no server.
    Playbook,
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
    /// The way JSON of a schema is asked for; `None` finds out. Only [`Provider::OpenAi`] has a choice.
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
    let (limits, temperature) = (settings.limits, settings.temperature);
    let structured = settings.structured.unwrap_or_default();
    match settings.provider {
        Provider::Playbook => Ok(Box::new(PlaybookModel)),
        Provider::Anthropic => {
            let base = base_of(settings.provider, &settings.model, settings.base_url.as_deref())?;
            // Addresses are written with and without `/v1`.
            let path = base.path().trim_end_matches('/');
            let path = format!("{}/v1/messages", path.strip_suffix("/v1").unwrap_or(path));
            let server = server(settings, "anthropic", base, &path, needs_key.then_some(anthropic::DEFAULT_BASE))?;
            Ok(Box::new(Anthropic::new(server, limits, temperature)?))
        }
        Provider::OpenAi => {
            let base = base_of(settings.provider, &settings.model, settings.base_url.as_deref())?;
            let path = base.path().trim_end_matches('/');
            let path = format!("{}/chat/completions", if path.is_empty() { "/v1" } else { path });
            let server = server(settings, "openai", base, &path, needs_key.then_some(openai::DEFAULT_BASE))?;
            Ok(Box::new(OpenAi::new(server, limits, temperature, structured)?))
        }
    }
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
