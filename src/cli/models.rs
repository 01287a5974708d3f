//! From a plan to the models that it names: keys from the environment, prices from a file, or a recording instead of both.

use super::env;
use super::errors::{self, CliError};
use super::trust::{self, KeyUse, Trust};
use crate::agent::budget::Price;
use crate::agent::participants::Participants;
use crate::agent::prices::Prices;
use crate::input_file;
use crate::llm::{
    self, ChatModel, Exchange, Key, ModelError, PlaybookModel, Recording, Replay, Settings, capabilities,
};
use crate::mcp;
use crate::mcp::host_model::{self, RecordedHost};
use crate::plan::{ModelApi, ModelSection, Plan, Provider};
use crate::text::dates::utc;
use std::path::Path;
use std::time::Duration;

/// A folder of more exchanges than this is not a recording.
const MOST_EXCHANGES: usize = 100_000;

/// The most bytes of one recorded exchange.
const MOST_OF_AN_EXCHANGE: u64 = 64 << 20;

/// The way to the models.
#[derive(Debug, Clone, Copy)]
pub enum Reach<'a> {
    /// Over the network, as far as the person agrees.
    Live(&'a Trust),
    /// From a folder of recorded exchanges.
    Replay(&'a Path),
    /// Not at all: the playbook engine acts, the rubric grades.
    NoModel,
}

/// The models that the plan names.
///
/// # Errors
/// A key that is missing, an invalid address, a price table that cannot be read, a model without a price under a
/// cost budget: each with what to do.
pub fn participants(plan: &Plan, plan_path: &Path, reach: Reach<'_>) -> Result<Participants, CliError> {
    if matches!(reach, Reach::NoModel) || !(plan.actor.is_model() || plan.critic.is_model()) {
        return Ok(Participants::playbook());
    }
    let recording = match reach {
        Reach::Replay(folder) => Some(recording(folder)?),
        _ => None,
    };
    participants_of(plan, plan_path, reach, recording.as_ref())
}

fn participants_of(
    plan: &Plan,
    plan_path: &Path,
    reach: Reach<'_>,
    recording: Option<&Recording>,
) -> Result<Participants, CliError> {
    let prices = prices(plan, plan_path)?;
    let actor = match plan.actor.is_model() {
        true => model(&plan.actor, "actor", source(reach, recording))?,
        false => Box::new(PlaybookModel) as Box<dyn ChatModel>,
    };
    let critic = plan.critic.is_model().then(|| model(&plan.critic, "critic", source(reach, recording)));
    let critic = critic.transpose()?;
    Ok(Participants {
        actor,
        critic,
        actor_price: priced(plan, &plan.actor, "actor", &prices)?,
        critic_price: priced(plan, &plan.critic, "critic", &prices)?,
        actor_is_model: plan.actor.is_model(),
        actor_turns: None,
    })
}

/// A model, and its price if it is known.
pub struct PricedModel {
    /// The model.
    pub model: Box<dyn ChatModel>,
    /// Its price.
    pub price: Option<Price>,
}

/// The models of a run that is on record, which answer from its transcript: no server is asked, and no prices are needed but those
/// that the plan names.
///
/// # Errors
/// As [`participants`].
pub fn recorded(plan: &Plan, plan_path: &Path, transcript: Vec<(String, Vec<u8>)>) -> Result<Participants, CliError> {
    let exchanges: Vec<(String, Vec<u8>)> = transcript.into_iter().filter(|file| is_exchange(&file.0)).collect();
    if exchanges.is_empty() {
        return Ok(Participants::playbook());
    }
    let failed = |error: ModelError| errors::from_model(&error, "");
    let first = exchanges.iter().map(|(file, bytes)| Exchange::parse(file, bytes).map_err(failed));
    let first = first.collect::<Result<Vec<_>, _>>()?.into_iter().find(|exchange| exchange.role == "actor");
    let recording = Recording::from_files(exchanges).map_err(failed)?;
    let participants = participants_of(plan, plan_path, Reach::NoModel, Some(&recording))?;
    // The host of a run over MCP is the actor, whatever the plan names.
    if first.is_some_and(|exchange| exchange.name == host_model::NAME) {
        return Ok(mcp::participants_of_host(Box::new(RecordedHost), participants, plan));
    }
    Ok(participants)
}

/// The language model that the plan names as critic, and its price. An actor is not asked for: a host takes its place.
///
/// # Errors
/// As [`participants`].
pub fn critic(plan: &Plan, plan_path: &Path, trust: &Trust) -> Result<Option<PricedModel>, CliError> {
    if !plan.critic.is_model() {
        return Ok(None);
    }
    let price = priced(plan, &plan.critic, "critic", &prices(plan, plan_path)?)?;
    Ok(Some(PricedModel { model: model(&plan.critic, "critic", Source::Server(trust))?, price }))
}

/// The plan's actor alone, to be asked as `role`, and its price.
///
/// # Errors
/// As [`participants`].
pub fn actor(plan: &Plan, plan_path: &Path, role: &str, reach: Reach<'_>) -> Result<PricedModel, CliError> {
    let recording = match reach {
        Reach::Replay(folder) => Some(recording(folder)?),
        _ => None,
    };
    let price = priced(plan, &plan.actor, "actor", &prices(plan, plan_path)?)?;
    Ok(PricedModel { model: model(&plan.actor, role, source(reach, recording.as_ref()))?, price })
}

/// The place that answers come from.
#[derive(Clone, Copy)]
enum Source<'a> {
    Server(&'a Trust),
    Recording(&'a Recording),
}

fn source<'a>(reach: Reach<'a>, recording: Option<&'a Recording>) -> Source<'a> {
    match (recording, reach) {
        (Some(recording), _) => Source::Recording(recording),
        (None, Reach::Live(trust)) => Source::Server(trust),
        (None, Reach::Replay(_) | Reach::NoModel) => Source::Server(&NOTHING_AGREED),
    }
}

/// The consent of a caller that asks no server.
static NOTHING_AGREED: Trust = Trust::none();

fn model(section: &ModelSection, role: &str, source: Source<'_>) -> Result<Box<dyn ChatModel>, CliError> {
    let key = match source {
        Source::Recording(_) => None,
        Source::Server(trust) => agreed_key(section, role, trust)?,
    };
    let call = Duration::from_secs(section.timeout);
    let settings = Settings {
        provider: match section.provider {
            Provider::Anthropic => llm::Provider::Anthropic,
            Provider::Openai => llm::Provider::OpenAi,
            Provider::Gemini => llm::Provider::Gemini,
            Provider::Playbook => llm::Provider::Playbook,
        },
        model: section.model.clone(),
        base_url: section.base_url.clone(),
        key,
        key_variable: section.key_variable.clone(),
        temperature: section.temperature,
        effort: section.effort.clone(),
        api: section.api.map(|api| match api {
            ModelApi::Responses => llm::Api::Responses,
            ModelApi::Chat => llm::Api::Chat,
        }),
        extra_body: section.extra_body.clone(),
        headers: section.headers.clone().into_iter().collect(),
        structured: None,
        limits: llm::Limits {
            call,
            // A silence as long as the call itself would never be noticed.
            idle: call.min(Duration::from_secs(120)),
            jitter: env::jitter(),
            ..llm::Limits::default()
        },
    };
    let failed = |error: ModelError| {
        let error = errors::from_model(&error, "");
        CliError { message: format!("the {role}: {}", error.message), ..error }
    };
    match source {
        Source::Recording(recording) => {
            let inner = llm::offline(settings).map_err(failed)?;
            Ok(Box::new(Replay::new(inner, recording.clone(), role)))
        }
        Source::Server(_) => llm::connect(settings).map_err(failed),
    }
}

/// Where requests, and the key with them, go if not to the vendor: a plan may come from somebody else.
///
/// # Errors
/// [`CliError`] for an invalid `base_url`.
pub fn destinations(plan: &Plan, reach: Reach<'_>) -> Result<Vec<String>, CliError> {
    let Reach::Live(trust) = reach else { return Ok(Vec::new()) };
    let mut told = Vec::new();
    for (role, section) in [("actor", &plan.actor), ("critic", &plan.critic)] {
        if section.base_url.is_some() {
            told.extend(trust::told(section, role, trust)?);
        }
    }
    Ok(told)
}

/// What is known of a section's model that its principal should hear before a run: an announced end, or no such name among
/// its vendor's. Of models on other servers nothing is known.
///
/// # Errors
/// [`CliError`] for an invalid `base_url`.
pub fn known(section: &ModelSection, role: &str) -> Result<Option<String>, CliError> {
    let Some(to) = trust::destination(section)? else { return Ok(None) };
    let (model, dated) = (&section.model, capabilities::dated());
    let line = match capabilities::facts(model) {
        Some(facts) => facts.retires.as_ref().map(|day| {
            // Both are written year first.
            if utc(env::now()).as_str() < day.as_str() {
                format!(
                    "the {role}'s model {model} will be retired on {day}, as its vendor announced; plan for another one"
                )
            } else {
                format!("the {role}'s model {model} was retired on {day}, as its vendor announced; name another one")
            }
        }),
        None if to.vendor => Some(format!(
            "the {role}'s model {model} is not among those known on {dated}; whether it exists, and how it is asked, will show"
        )),
        None => None,
    };
    let effort = section.effort.as_ref().filter(|effort| {
        capabilities::facts(model).is_some_and(|facts| !facts.effort.is_empty() && !facts.effort.contains(effort))
    });
    Ok(line.or_else(|| {
        effort.map(|effort| format!("the {role}'s model {model} is not known to take the effort `{effort}`"))
    }))
}

/// The key that goes to a section's server: `None` if there is none, or if the person did not agree. A key goes over plain
/// HTTP to this machine only.
fn agreed_key(section: &ModelSection, role: &str, trust: &Trust) -> Result<Option<Key>, CliError> {
    trust::check_host(section, role, trust)?;
    let Some(to) = trust::destination(section)? else { return Ok(None) };
    let variable = &section.key_variable;
    if trust.key_use(section.provider, variable, &to) == KeyUse::Withheld {
        return Ok(None);
    }
    let key = key(variable)?;
    if key.is_none() || to.encrypted || to.loopback {
        return Ok(key);
    }
    let name = &to.host;
    let message =
        format!("the {role}: the key in {variable} would go to {name} over http, where anybody on the way can read it");
    let hint = format!(
        "Use https, or, if that server wants no key, run with {variable} unset or name another variable as `{role}.key`."
    );
    Err(CliError::user(message, hint))
}

/// From the environment, or from the file that the same name with `_FILE` points to.
fn key(variable: &str) -> Result<Option<Key>, CliError> {
    if let Some(text) = env::variable(variable) {
        return Ok(Some(Key::new(text.trim())));
    }
    let file_variable = format!("{variable}_FILE");
    let Some(path) = env::variable(&file_variable) else { return Ok(None) };
    let text = input_file::read_text(Path::new(&path), input_file::MOST_OF_A_TEXT).map_err(|error| {
        let message = format!("{file_variable} names the file {path}, which cannot be read: {error}");
        CliError::user(message, "Point it at a file that holds the key alone, or set the key itself.")
    })?;
    if text.trim().is_empty() || text.trim().lines().count() > 1 {
        let message = format!("{file_variable} names the file {path}, which does not hold one line with a key");
        return Err(CliError::user(message, "Write the key alone into that file."));
    }
    Ok(Some(Key::new(text.trim())))
}

fn recording(folder: &Path) -> Result<Recording, CliError> {
    let inside = folder.join("transcript");
    let folder = if inside.is_dir() { inside.as_path() } else { folder };
    let files = exchange_files(folder)?;
    if files.is_empty() {
        let message = format!("{} holds no recorded exchange", folder.display());
        let hint = "Name the repository of a run with a language model, or its `transcript` folder.";
        return Err(CliError::user(message, hint));
    }
    Recording::from_files(files).map_err(|error| errors::from_model(&error, ""))
}

/// The exchanges in a folder, by name.
///
/// # Errors
/// The folder or a file cannot be read.
pub fn exchange_files(folder: &Path) -> Result<Vec<(String, Vec<u8>)>, CliError> {
    let unreadable = |error: std::io::Error| CliError::io(folder, "read the folder", &error);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)?.take(MOST_EXCHANGES) {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if is_exchange(&name) {
            let path = entry.path();
            let bytes = input_file::read(&path, MOST_OF_AN_EXCHANGE);
            files.push((name, bytes.map_err(|error| errors::from_input(&path, "read the exchange", &error))?));
        }
    }
    files.sort();
    Ok(files)
}

/// True for the file of an exchange: the state of the loop lies beside them.
fn is_exchange(name: &str) -> bool {
    name.chars().next().is_some_and(|c| c.is_ascii_digit()) && name.ends_with(".json")
}

fn prices(plan: &Plan, plan_path: &Path) -> Result<Prices, CliError> {
    let Some(name) = &plan.budget.prices else {
        return Prices::embedded().map_err(|error| CliError::bug(error.to_string()));
    };
    let path = plan_path.parent().unwrap_or(Path::new("")).join(name);
    let text = input_file::read_text(&path, input_file::MOST_OF_A_TEXT)
        .map_err(|error| errors::from_input(&path, "read the price table", &error))?;
    let hint = "It looks like the table that comes with the program: `models: {name: {input: 3, output: 15}}`.";
    Prices::parse(&text).map_err(|error| CliError::user(format!("{}: {error}", path.display()), hint))
}

fn priced(plan: &Plan, section: &ModelSection, role: &str, prices: &Prices) -> Result<Option<Price>, CliError> {
    if !section.is_model() {
        return Ok(None);
    }
    let price = prices.price_of(&section.model);
    match (price, plan.budget.cost_usd) {
        (None, Some(limit)) => {
            let message = format!(
                "`budget.cost_usd` is {limit}, and the price of the {role}'s model `{}` is not known, so it could not be kept",
                section.model
            );
            let hint = "Add the model to a price table and name it as `budget.prices` (the one compiled in is prices.yaml in \
                        the source), or leave `cost_usd` out and rely on `turns` and `tokens`.";
            Err(CliError::user(message, hint))
        }
        (price, _) => Ok(price),
    }
}
