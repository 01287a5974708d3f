//! What the person has agreed to, outside of any plan: somebody else may have written the plan.
//!
//! | goes out | without consent | with |
//! |---|---|---|
//! | a vendor's key to the vendor's own server | yes | |
//! | aggregates to a vendor's own server, or to this machine | yes | |
//! | aggregates to any other host | no | `HOST` |
//! | any other key to any host | no | `VARIABLE@HOST` |
//! | aggregates of data outside the plan's folder and `--data-root` | no | `FOLDER`, or `s3://BUCKET/FOLDER` |
//!
//! Consent is given with `--trust`, in the variable `OCI_AGENT_TRUST`, or in the file `trust` of the user's configuration.

use super::args::DataRoot;
use super::env;
use super::errors::CliError;
use crate::dataset;
use crate::llm::{self, Destination};
use crate::plan::{ModelSection, Plan, Provider};
use crate::text::escape::one_line;
use crate::text::object_address::{DataAddress, ObjectAddress};
use std::path::{Path, PathBuf};

/// The variable that holds consents, separated by commas.
const VARIABLE: &str = "OCI_AGENT_TRUST";

/// Everything that was agreed to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trust {
    consents: Vec<Consent>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Consent {
    Host(Host),
    Key {
        variable: String,
        host: Host,
    },
    Folder(PathBuf),
    /// A bucket, or a folder in one.
    Objects(ObjectAddress),
}

/// Data that lie neither in the plan's folder nor in `--data-root`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutsideData {
    /// A file, links followed.
    File(PathBuf),
    /// An object of a store.
    Object(ObjectAddress),
}

impl std::fmt::Display for OutsideData {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            OutsideData::File(file) => file.display().fmt(f),
            OutsideData::Object(address) => address.fmt(f),
        }
    }
}

/// A host, and its port if one was given.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Host {
    name: String,
    port: Option<u16>,
}

/// The use of a key at a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyUse {
    /// It is sent.
    Sent,
    /// It is not, for want of consent.
    Withheld,
}

impl Trust {
    /// Nothing was agreed to.
    #[must_use]
    pub const fn none() -> Trust {
        Trust { consents: Vec::new() }
    }

    /// From the flag, the environment and the user's configuration.
    ///
    /// # Errors
    /// A consent that cannot be read, with where it stands; a file that is there and cannot be read.
    pub fn gather(flags: &[String]) -> Result<Trust, CliError> {
        let mut consents = Vec::new();
        for text in flags {
            consents.push(parse(text, "--trust")?);
        }
        for text in
            env::variable(VARIABLE).iter().flat_map(|list| list.split(',')).filter(|text| !text.trim().is_empty())
        {
            consents.push(parse(text, VARIABLE)?);
        }
        let Some(path) = list_path() else { return Ok(Trust { consents }) };
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(CliError::io(&path, "read the list of what you trust", &error)),
        };
        let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
        for line in lines.filter(|line| !line.is_empty()) {
            consents.push(parse(line, &path.display().to_string())?);
        }
        Ok(Trust { consents })
    }

    /// True if a model may be asked there.
    #[must_use]
    pub fn allows_host(&self, to: &Destination) -> bool {
        let agreed = |consent: &Consent| match consent {
            Consent::Host(host) | Consent::Key { host, .. } => host.is(to),
            Consent::Folder(_) | Consent::Objects(_) => false,
        };
        to.vendor || to.loopback || self.consents.iter().any(agreed)
    }

    /// The use of the key in `variable` at a server.
    #[must_use]
    pub fn key_use(&self, provider: Provider, variable: &str, to: &Destination) -> KeyUse {
        let agreed = |consent: &Consent| match consent {
            Consent::Key { variable: named, host } => named == variable && host.is(to),
            Consent::Host(_) | Consent::Folder(_) | Consent::Objects(_) => false,
        };
        let own = to.vendor && variable == provider.key_variable();
        if own || self.consents.iter().any(agreed) { KeyUse::Sent } else { KeyUse::Withheld }
    }

    fn allows_data(&self, data: &OutsideData) -> bool {
        let agreed = |consent: &Consent| match (consent, data) {
            (Consent::Folder(folder), OutsideData::File(file)) => {
                std::fs::canonicalize(folder).is_ok_and(|folder| file.starts_with(folder))
            }
            (Consent::Objects(place), OutsideData::Object(address)) => address.is_within(place),
            _ => false,
        };
        self.consents.iter().any(agreed)
    }
}

impl Host {
    fn is(&self, to: &Destination) -> bool {
        self.name.eq_ignore_ascii_case(&to.host) && self.port.is_none_or(|port| Some(port) == to.port)
    }
}

/// The consent that a text stands for: a folder has a slash or a dot at its beginning, a key an `@` before its host.
fn parse(text: &str, place: &str) -> Result<Consent, CliError> {
    let text = text.trim();
    let parsed = if text.starts_with(['/', '.', '\\']) || Path::new(text).is_absolute() {
        Some(Consent::Folder(PathBuf::from(text)))
    } else if let Some(address) = text.contains("://").then(|| ObjectAddress::read(text).ok()).flatten() {
        Some(if address.is_folder() { Consent::Folder(address.local_path()) } else { Consent::Objects(address) })
    } else if let Some((variable, host)) = text.split_once('@') {
        let named = !variable.is_empty() && variable.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        host_of(host).filter(|_| named).map(|host| Consent::Key { variable: variable.to_owned(), host })
    } else {
        host_of(text).map(Consent::Host)
    };
    parsed.ok_or_else(|| {
        CliError::user(
            format!("`{}` in {} is not a host, a VARIABLE@HOST, a folder or a place in a store", one_line(text), one_line(place)),
            "Write a host as `models.example.org` or `models.example.org:8443`, a key as `MY_KEY@models.example.org`, a folder \
             as a path that begins with `/` or `./`, or as `s3://bucket/folder`.",
        )
    })
}

fn host_of(text: &str) -> Option<Host> {
    let (name, port) = match text.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') || name.ends_with(']') => (name, Some(port.parse().ok()?)),
        _ => (text, None),
    };
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '[' | ']' | ':');
    (!name.is_empty() && name.chars().all(plain)).then(|| Host { name: name.to_owned(), port })
}

/// `oci-agent/trust` in the user's folder of configuration.
fn list_path() -> Option<PathBuf> {
    env::config_folder().map(|folder| folder.join("oci-agent").join("trust"))
}

/// The place that a section's model would be asked at.
///
/// # Errors
/// [`CliError`] for an invalid `base_url`.
pub fn destination(section: &ModelSection) -> Result<Option<Destination>, CliError> {
    let provider = match section.provider {
        Provider::Anthropic => llm::Provider::Anthropic,
        Provider::Openai => llm::Provider::OpenAi,
        Provider::Gemini => llm::Provider::Gemini,
        Provider::Playbook => return Ok(None),
    };
    llm::destination(provider, &section.model, section.base_url.as_deref())
        .map_err(|error| super::errors::from_model(&error, ""))
}

/// Refuses what the plan would send without the person's consent.
///
/// # Errors
/// A host that was not agreed to; a vendor's host with the key of somebody else.
pub fn check_host(section: &ModelSection, role: &str, trust: &Trust) -> Result<(), CliError> {
    let Some(to) = destination(section)? else { return Ok(()) };
    let variable = &section.key_variable;
    if !trust.allows_host(&to) {
        let message = format!(
            "the plan wants the {role} to be asked at {}, which is not the server of `{}`; nothing was sent",
            to.url,
            section.provider.key()
        );
        let hint = format!(
            "It would see aggregates of your data, no rows. If you trust it with them, add `--trust {}`; if it may have the \
             key in {variable} as well, `--trust {variable}@{}`. What you always trust goes into OCI_AGENT_TRUST or \
             ~/.config/oci-agent/trust.",
            place(&to),
            place(&to)
        );
        return Err(CliError::user(message, hint));
    }
    if to.vendor && trust.key_use(section.provider, variable, &to) == KeyUse::Withheld {
        let message = format!("the plan wants to send the {role}'s server, {}, what is in {variable}", to.url);
        let hint = format!(
            "If that is a key of {0}, add `--trust {variable}@{0}`; or let the plan's `key` be {1}.",
            to.host,
            section.provider.key_variable()
        );
        return Err(CliError::user(message, hint));
    }
    Ok(())
}

/// Host and port, as `--trust` takes them.
fn place(to: &Destination) -> String {
    let implied = Some(if to.encrypted { 443 } else { 80 });
    match to.port {
        Some(port) if to.port != implied => format!("{}:{port}", to.host),
        _ => to.host.clone(),
    }
}

/// Where requests go, with which key, and what consent is wanting: what a plan would send, for people.
///
/// # Errors
/// [`CliError`] for an invalid `base_url`.
pub fn told(section: &ModelSection, role: &str, trust: &Trust) -> Result<Option<String>, CliError> {
    let Some(to) = destination(section)? else { return Ok(None) };
    let variable = &section.key_variable;
    let held = env::variable(variable).is_some() || env::variable(&format!("{variable}_FILE")).is_some();
    let key = match trust.key_use(section.provider, variable, &to) {
        KeyUse::Sent if held => format!(", with the key in {variable}"),
        KeyUse::Withheld if held => {
            format!(", without the key in {variable} (to send it: --trust {variable}@{})", place(&to))
        }
        KeyUse::Sent | KeyUse::Withheld => String::new(),
    };
    let wanting = if trust.allows_host(&to) {
        String::new()
    } else {
        format!("; that needs your consent: --trust {}", place(&to))
    };
    Ok(Some(format!("the {role} is asked at {}{key}; it sees aggregates of the data, no rows{wanting}", to.url)))
}

/// The data files that lie outside of the plan's folder and of `--data-root`, links followed.
///
/// # Errors
/// A folder of the data that cannot be told.
pub fn data_outside(plan_path: &Path, given: &DataRoot, plan: &Plan) -> Result<Vec<OutsideData>, CliError> {
    sources_outside(plan_path, given, std::iter::once(plan.data.source.as_str()))
}

/// The same for any number of sources, as a plan names them.
///
/// # Errors
/// A folder of the data that cannot be told.
pub fn sources_outside<'a>(
    plan_path: &Path,
    given: &DataRoot,
    sources: impl Iterator<Item = &'a str>,
) -> Result<Vec<OutsideData>, CliError> {
    let root = super::files::data_root(plan_path, given)?;
    let own = plan_path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let inside: Vec<PathBuf> = [Some(own), given.data_root.as_deref()]
        .into_iter()
        .flatten()
        .filter_map(|f| std::fs::canonicalize(f).ok())
        .collect();
    let mut outside = Vec::new();
    for source in sources {
        if let Ok(DataAddress::Object(address)) = DataAddress::read(source) {
            outside.push(OutsideData::Object(address));
            continue;
        }
        let files = dataset::paths(source, &root).unwrap_or_default().into_iter();
        let real = files.map(|file| std::fs::canonicalize(&file).unwrap_or(file));
        let elsewhere = real.filter(|file| !inside.iter().any(|folder| file.starts_with(folder)));
        outside.extend(elsewhere.map(OutsideData::File));
    }
    Ok(outside)
}

/// A clause that names data from elsewhere.
fn named_outside(data: &[OutsideData]) -> Option<String> {
    let first = one_line(&data.first()?.to_string());
    let more = if data.len() > 1 { format!(" and {} more", data.len() - 1) } else { String::new() };
    Some(format!("the plan's data are not in its folder: {first}{more}"))
}

/// Refuses data from elsewhere where models take part.
///
/// # Errors
/// The file or object, and how to agree.
pub fn check_outside(data: &[OutsideData], trust: &Trust) -> Result<(), CliError> {
    let refused: Vec<OutsideData> = data.iter().filter(|one| !trust.allows_data(one)).cloned().collect();
    let (Some(named), Some(first)) = (named_outside(&refused), refused.first()) else { return Ok(()) };
    let message = format!("{named}, and a language model would see aggregates of them; nothing was sent");
    let (agree, instead) = match first {
        OutsideData::File(file) => {
            let folder = file.parent().unwrap_or(Path::new("/")).display().to_string();
            (folder, ", or say where the data are with --data-root")
        }
        OutsideData::Object(address) => (address.folder().to_string(), ""),
    };
    let hint = format!("If that is meant, add `--trust {}`{instead}.", one_line(&agree));
    Err(CliError::user(message, hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trust(texts: &[&str]) -> Trust {
        Trust { consents: texts.iter().map(|text| parse(text, "a test").expect("a consent")).collect() }
    }

    fn section(provider: Provider, base_url: Option<&str>, variable: &str) -> ModelSection {
        ModelSection {
            provider,
            model: "m".to_owned(),
            base_url: base_url.map(str::to_owned),
            key_variable: variable.to_owned(),
            ..ModelSection::default()
        }
    }

    fn key_use(provider: Provider, base_url: Option<&str>, variable: &str, texts: &[&str]) -> KeyUse {
        let section = section(provider, base_url, variable);
        let to = destination(&section).expect("an address").expect("a model");
        trust(texts).key_use(provider, variable, &to)
    }

    #[test]
    fn a_vendors_key_goes_to_the_vendor_and_nowhere_else() {
        use KeyUse::{Sent, Withheld};
        let (anthropic, openai) = (Provider::Anthropic, Provider::Openai);
        for (provider, base_url, variable, expected) in [
            (anthropic, None, "ANTHROPIC_API_KEY", Sent),
            (anthropic, Some("https://api.anthropic.com"), "ANTHROPIC_API_KEY", Sent),
            (anthropic, Some("https://API.anthropic.com:443/v1"), "ANTHROPIC_API_KEY", Sent),
            (anthropic, Some("http://api.anthropic.com"), "ANTHROPIC_API_KEY", Withheld),
            (anthropic, Some("https://api.anthropic.com:444"), "ANTHROPIC_API_KEY", Withheld),
            (anthropic, Some("https://api.anthropic.com.evil.example"), "ANTHROPIC_API_KEY", Withheld),
            (anthropic, Some("https://evil.example\\.api.anthropic.com"), "ANTHROPIC_API_KEY", Withheld),
            (anthropic, None, "AWS_SECRET_ACCESS_KEY", Withheld),
            (anthropic, None, "OPENAI_API_KEY", Withheld),
            (openai, Some("https://api.anthropic.com"), "OPENAI_API_KEY", Withheld),
            (openai, Some("http://127.0.0.1:8080"), "OPENAI_API_KEY", Withheld),
        ] {
            assert_eq!(key_use(provider, base_url, variable, &[]), expected, "{base_url:?} {variable}");
        }
    }

    #[test]
    fn consent_is_for_one_variable_at_one_host() {
        let at = Some("https://models.example.org:8443/v1");
        for (consent, expected) in [
            ("MY_KEY@models.example.org", KeyUse::Sent),
            ("MY_KEY@models.example.org:8443", KeyUse::Sent),
            ("MY_KEY@models.example.org:443", KeyUse::Withheld),
            ("MY_KEY@example.org", KeyUse::Withheld),
            ("OTHER@models.example.org", KeyUse::Withheld),
            ("models.example.org", KeyUse::Withheld),
        ] {
            assert_eq!(key_use(Provider::Openai, at, "MY_KEY", &[consent]), expected, "{consent}");
        }
    }

    #[test]
    fn other_hosts_need_consent_and_this_machine_does_not() {
        let allowed = |url: &str, texts: &[&str]| {
            check_host(&section(Provider::Openai, Some(url), "K"), "actor", &trust(texts)).is_ok()
        };
        assert!(!allowed("https://models.example.org", &[]));
        assert!(allowed("https://models.example.org", &["models.example.org"]));
        assert!(allowed("https://models.example.org", &["K@models.example.org"]));
        assert!(!allowed("https://models.example.org", &["other.example.org", "/models.example.org"]));
        for here in ["http://127.0.0.1:8080", "http://localhost:1", "http://[::1]:1", "http://127.1"] {
            assert!(allowed(here, &[]), "{here}");
        }
        for elsewhere in
            ["http://localhost.example.org", "http://127.0.0.1.example.org", "http://0.0.0.0", "http://10.0.0.1"]
        {
            assert!(!allowed(elsewhere, &[]), "{elsewhere}");
        }
    }

    #[test]
    fn a_consent_that_cannot_be_read_is_named() {
        for text in ["", "a b", "@host", "K@", "host:port", "K E Y@host", "https://host"] {
            assert!(parse(text, "--trust").is_err(), "{text:?}");
        }
        assert_eq!(parse("[::1]:8080", "").ok(), Some(Consent::Host(Host { name: "[::1]".into(), port: Some(8080) })));
        assert_eq!(parse("./data", "").ok(), Some(Consent::Folder("./data".into())));
    }

    #[test]
    fn consent_to_a_place_in_a_store_is_for_what_lies_below() {
        let at = |text: &str| ObjectAddress::read(text).expect("an address");
        let object = OutsideData::Object(at("s3://b/a/x.csv"));
        for (consent, expected) in [
            ("s3://b", true),
            ("s3://b/a", true),
            ("s3://b/a/x.csv", true),
            ("s3://b/aa", false),
            ("s3://c", false),
            ("gs://b", false),
            ("b", false),
            ("/", false),
            ("file:///", false),
        ] {
            let allowed = parse(consent, "a test").is_ok_and(|one| Trust { consents: vec![one] }.allows_data(&object));
            assert_eq!(allowed, expected, "{consent}");
        }
        assert_eq!(parse("file:///data", "").ok(), Some(Consent::Folder("/data".into())));
        for text in ["s3://", "s3://k:s@b", "s3://b?x"] {
            assert!(parse(text, "").is_err(), "{text}");
        }
    }
}
