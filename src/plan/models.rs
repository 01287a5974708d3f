//! Who acts and who grades (`actor:`, `critic:`), what they may use up (`budget:`), and what may be said to them (`privacy:`).

use super::reader::{Reader, Section, shown};
use super::{Plan, Problem};
use causal::keyed_enum;

keyed_enum! {
    /// Who answers.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
    pub enum Provider {
        /// The deterministic engine: no key, no network.
        Playbook = "playbook",
        /// Anthropic Messages, or any server that speaks it.
        Anthropic = "anthropic",
        /// OpenAI Responses or Chat Completions, or any server that speaks one of them.
        Openai = "openai",
        /// Gemini's own protocol.
        Gemini = "gemini",
    }
}

impl Provider {
    /// All of them.
    pub const ALL: [Provider; 4] = [Provider::Playbook, Provider::Anthropic, Provider::Openai, Provider::Gemini];

    /// The environment variable that holds its key, where the plan names no other.
    #[must_use]
    pub fn key_variable(self) -> &'static str {
        match self {
            Provider::Playbook => "",
            Provider::Anthropic => "ANTHROPIC_API_KEY",
            Provider::Openai => "OPENAI_API_KEY",
            Provider::Gemini => "GEMINI_API_KEY",
        }
    }
}

keyed_enum! {
    /// Which of OpenAI's protocols.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
    pub enum ModelApi {
        /// Responses.
        Responses = "responses",
        /// Chat Completions.
        Chat = "chat",
    }
}

impl ModelApi {
    /// Both of them.
    pub const ALL: [ModelApi; 2] = [ModelApi::Responses, ModelApi::Chat];
}

/// Words that vendors have for how much a model should think.
pub(super) const EFFORTS: [&str; 7] = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];

/// `actor:` or `critic:`
#[derive(Debug, Clone, PartialEq)]
pub struct ModelSection {
    /// Who answers (default: playbook).
    pub provider: Provider,
    /// The model, as its vendor calls it. Empty for the playbook engine.
    pub model: String,
    /// Another server that speaks the provider's protocol.
    pub base_url: Option<String>,
    /// The environment variable that holds the key (or, with `_FILE` appended, the path of a file that does). Never a key.
    pub key_variable: String,
    /// Which of OpenAI's protocols; `None`: by the server.
    pub api: Option<ModelApi>,
    /// How much the model should think, in its vendor's word; `None` leaves it to the server.
    pub effort: Option<String>,
    /// Fields that are added to every request.
    pub extra_body: serde_json::Map<String, serde_json::Value>,
    /// Headers that are added to every request.
    pub headers: std::collections::BTreeMap<String, String>,
    /// At most this many tokens an answer, thinking included (default 16000).
    pub max_tokens: u32,
    /// Seconds that one call may take (default 300).
    pub timeout: u64,
    /// Sampling temperature; `None` leaves it to the server.
    pub temperature: Option<f64>,
}

impl Default for ModelSection {
    fn default() -> Self {
        Self {
            provider: Provider::Playbook,
            model: String::new(),
            base_url: None,
            key_variable: String::new(),
            api: None,
            effort: None,
            extra_body: serde_json::Map::new(),
            headers: std::collections::BTreeMap::new(),
            max_tokens: 16_000,
            timeout: 300,
            temperature: None,
        }
    }
}

impl ModelSection {
    /// True if a language model is asked.
    #[must_use]
    pub fn is_model(&self) -> bool {
        self.provider != Provider::Playbook
    }

    /// `playbook`, or `anthropic claude-…`.
    #[must_use]
    pub fn name(&self) -> String {
        if self.is_model() { format!("{} {}", self.provider.key(), self.model) } else { self.provider.key().to_owned() }
    }
}

/// `budget:` Reaching one ends the run with what it has.
#[derive(Debug, Clone, PartialEq)]
pub struct BudgetSection {
    /// Answers of models, actor and critic together (default 80).
    pub turns: u32,
    /// Tokens read and written, together (default 1,000,000).
    pub tokens: u64,
    /// Minutes from start to end (default 60).
    pub wall_minutes: f64,
    /// Revised specs; the draft is none. `None`: as many as `loop.max_iterations` leaves.
    pub revisions: Option<u32>,
    /// US dollars, by the price table; `None`: no limit.
    pub cost_usd: Option<f64>,
    /// Answers of one conversation: a draft, a revision or a critique (default 15).
    pub conversation: u32,
    /// Answers in a row that may be sent back to be repaired (default 3).
    pub repairs: u32,
    /// A price table of the principal's own, relative to the plan.
    pub prices: Option<String>,
}

impl Default for BudgetSection {
    fn default() -> Self {
        Self {
            turns: 80,
            tokens: 1_000_000,
            wall_minutes: 60.0,
            revisions: None,
            cost_usd: None,
            conversation: 15,
            repairs: 3,
            prices: None,
        }
    }
}

/// `privacy:` What may leave this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrivacySection {
    /// Fewer units than this are never counted out, nor their level named (default 10).
    pub min_cell: usize,
    /// True if columns are called `x1`, `x2`, … to a model.
    pub redact_names: bool,
    /// True if the run keeps a table of units: propensities and weights, by row (default).
    pub units: bool,
}

impl Default for PrivacySection {
    fn default() -> Self {
        Self { min_cell: 10, redact_names: false, units: true }
    }
}

/// The smallest sensible minimum of a cell: below 2 a count names a person.
const SMALLEST_CELL: u64 = 2;

pub(super) fn model(reader: &mut Reader, root: &Section<'_>, key: &str) -> ModelSection {
    let (section, readable) = reader.section(root, key);
    let default = ModelSection::default();
    let provider = reader.choice(&section, "provider", &Provider::ALL.map(|p| (p.key(), p)), Provider::Playbook);
    if provider == Provider::Playbook {
        refuse_settings(reader, &section, key);
        return default;
    }
    let hint = "Name the model as its vendor does, e.g. `model: claude-sonnet-5-5`; there is no default.";
    // Of a section that cannot be read that has been said; that its model is missing would be one line too many.
    let model = if readable { reader.required(&section, "model", hint).trim().to_owned() } else { String::new() };
    let key_variable = reader.prose(&section, "key").unwrap_or_else(|| provider.key_variable().to_owned());
    variable_name(reader, &section, &key_variable);
    ModelSection {
        provider,
        model,
        base_url: base_url(reader, &section),
        api: api(reader, &section, provider),
        effort: effort(reader, &section),
        extra_body: extra_body(reader, &section),
        headers: headers(reader, &section),
        key_variable,
        max_tokens: counted(reader, &section, "max_tokens").map_or(default.max_tokens, to_u32),
        timeout: counted(reader, &section, "timeout").unwrap_or(default.timeout),
        temperature: number(reader, &section, "temperature"),
    }
}

/// A setting of a language model beside `provider: playbook` is a wish that would be ignored.
fn refuse_settings(reader: &mut Reader, section: &Section<'_>, key: &str) {
    let settings =
        ["model", "base_url", "api", "key", "max_tokens", "effort", "timeout", "temperature", "extra_body", "headers"];
    let complained = reader.complained_of(&section.path("provider"));
    if let Some(setting) = settings.iter().find(|setting| section.get(setting).is_some()).filter(|_| !complained) {
        let path = section.path(setting);
        let place = reader.places.get(&path).copied();
        let message = format!("`{path}` is about a language model, and the {key} is the playbook engine");
        reader.problem(
            place,
            &path,
            message,
            "Name a provider, `anthropic`, `openai` or `gemini`, or take the line out.",
        );
    }
}

fn api(reader: &mut Reader, section: &Section<'_>, provider: Provider) -> Option<ModelApi> {
    let (path, node) = (section.path("api"), section.get("api")?);
    if provider != Provider::Openai {
        let message = format!("`{path}` chooses between OpenAI's protocols, and the provider is `{}`", provider.key());
        reader.problem(Some(node.place), &path, message, "Take the line out.");
        return None;
    }
    reader.word(node, &path, &ModelApi::ALL.map(|api| (api.key(), api)))
}

fn effort(reader: &mut Reader, section: &Section<'_>) -> Option<String> {
    let node = section.get("effort")?;
    reader.word(node, &section.path("effort"), &EFFORTS.map(|word| (word, word))).map(str::to_owned)
}

/// The fields that this program writes itself: a plan that replaced one would be recorded as something else.
const OWN_FIELDS: [&str; 15] = [
    "model",
    "messages",
    "input",
    "contents",
    "system",
    "instructions",
    "systemInstruction",
    "tools",
    "tool_choice",
    "toolConfig",
    // Gemini takes either spelling.
    "system_instruction",
    "tool_config",
    "stream_options",
    "stream",
    "store",
];

fn extra_body(reader: &mut Reader, section: &Section<'_>) -> serde_json::Map<String, serde_json::Value> {
    let (fields, _) = reader.section(section, "extra_body");
    let mut all = serde_json::Map::new();
    for entry in fields.entries() {
        let path = fields.path(&entry.key);
        if OWN_FIELDS.contains(&entry.key.as_str()) {
            let message = format!("`{path}` would replace what this program writes itself");
            reader.problem(Some(entry.place), &path, message, "Take the line out.");
            continue;
        }
        all.insert(entry.key.clone(), entry.value.as_json());
    }
    all
}

/// Headers whose values are secrets, or are made by this program.
const OWN_HEADERS: [&str; 9] = [
    "authorization",
    "x-api-key",
    "api-key",
    "x-goog-api-key",
    "cookie",
    "proxy-authorization",
    "host",
    "content-type",
    "content-length",
];

fn headers(reader: &mut Reader, section: &Section<'_>) -> std::collections::BTreeMap<String, String> {
    let (fields, _) = reader.section(section, "headers");
    let mut all = std::collections::BTreeMap::new();
    for entry in fields.entries() {
        let path = fields.path(&entry.key);
        if OWN_HEADERS.iter().any(|name| entry.key.eq_ignore_ascii_case(name)) {
            let hint =
                "A plan is committed and shared; a key belongs into the environment, and `key:` names its variable.";
            // Without its place: the snippet would show the value.
            reader.problem(None, &path, format!("`{}` is not for a plan to set", shown(&path)), hint);
            continue;
        }
        if let Some(value) = reader.text_of(&entry.value, &path) {
            all.insert(entry.key.clone(), value.trim().to_owned());
        }
    }
    all
}

fn base_url(reader: &mut Reader, section: &Section<'_>) -> Option<String> {
    let url = reader.prose(section, "base_url")?;
    if !(url.starts_with("http://") || url.starts_with("https://")) {
        let path = section.path("base_url");
        let place = reader.places.get(&path).copied();
        let message = format!("`{}` is not the address of a server", shown(&url));
        reader.problem(place, &path, message, "Write it with its scheme, e.g. `base_url: http://127.0.0.1:8080`.");
    } else if url.split('/').nth(2).is_some_and(|host| host.contains('@')) {
        let path = section.path("base_url");
        let message = format!("`{path}` holds a name or a password, and a plan is committed and shared");
        // Without its place, as for a key: the snippet would show the password.
        reader.problem(None, &path, message, "Take it out; keys belong in the environment.");
    }
    Some(url)
}

/// `key:` names a variable. A key itself in a plan would be committed, so it is refused without being repeated.
fn variable_name(reader: &mut Reader, section: &Section<'_>, name: &str) {
    let plain = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    if !name.is_empty() && name.len() <= 64 && name.chars().all(plain) {
        return;
    }
    let path = section.path("key");
    // Without its place, so that no snippet of the line is shown either.
    let line = reader.places.get(&path).map_or(0, |place| place.line);
    let message =
        format!("`{path}` (line {line}) is the name of an environment variable, in capitals, and this is not one");
    let hint = "A plan is committed and shared, so a key has no place in it: put the key into the environment (or its \
                file's path into the same name with `_FILE`), and name the variable here, e.g. `key: ANTHROPIC_API_KEY`.";
    reader.problem(None, &path, message, hint);
}

pub(super) fn budget(reader: &mut Reader, root: &Section<'_>) -> BudgetSection {
    let (section, _) = reader.section(root, "budget");
    let default = BudgetSection::default();
    BudgetSection {
        turns: counted(reader, &section, "turns").map_or(default.turns, to_u32),
        tokens: counted(reader, &section, "tokens").unwrap_or(default.tokens),
        wall_minutes: positive(reader, &section, "wall_minutes").unwrap_or(default.wall_minutes),
        revisions: reader.whole(&section, "revisions").map(to_u32),
        cost_usd: positive(reader, &section, "cost_usd"),
        conversation: counted(reader, &section, "conversation").map_or(default.conversation, to_u32),
        repairs: reader.whole(&section, "repairs").map_or(default.repairs, to_u32),
        prices: reader.prose(&section, "prices"),
    }
}

pub(super) fn privacy(reader: &mut Reader, root: &Section<'_>) -> PrivacySection {
    let (section, _) = reader.section(root, "privacy");
    let default = PrivacySection::default();
    let min_cell = reader.whole(&section, "min_cell");
    if let Some(small) = min_cell.filter(|n| *n < SMALLEST_CELL) {
        let path = section.path("min_cell");
        let place = reader.places.get(&path).copied();
        let message = format!("`{path}` is {small}, so that a single unit could be told from the others");
        reader.problem(
            place,
            &path,
            message,
            "Write 2 or more; 10 is the default, and official statistics use 5 to 20.",
        );
    }
    PrivacySection {
        min_cell: min_cell.map_or(default.min_cell, |n| usize::try_from(n).unwrap_or(usize::MAX)),
        redact_names: reader.flag(&section, "redact_names", default.redact_names),
        units: reader.flag(&section, "units", default.units),
    }
}

fn to_u32(n: u64) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// A whole number from 1 on. Nothing can be done with a budget of zero, so it is refused before the first call.
fn counted(reader: &mut Reader, section: &Section<'_>, key: &str) -> Option<u64> {
    let number = reader.whole(section, key)?;
    if number == 0 { nothing_left(reader, section, key) } else { Some(number) }
}

fn positive(reader: &mut Reader, section: &Section<'_>, key: &str) -> Option<f64> {
    let value = number(reader, section, key)?;
    if value > 0.0 { Some(value) } else { nothing_left(reader, section, key) }
}

fn nothing_left<T>(reader: &mut Reader, section: &Section<'_>, key: &str) -> Option<T> {
    let path = section.path(key);
    let place = reader.places.get(&path).copied();
    let hint = "Give it more than 0, or leave the line out for the default. For a run without a language model write \
                `provider: playbook`.";
    reader.problem(place, &path, format!("`{path}` is 0, so a model could not answer even once"), hint);
    None
}

/// An optional number, not negative and finite.
pub(super) fn number(reader: &mut Reader, section: &Section<'_>, key: &str) -> Option<f64> {
    let text = reader.prose(section, key)?;
    let value = text.parse::<f64>().ok().filter(|value| value.is_finite() && *value >= 0.0);
    if value.is_none() {
        let path = section.path(key);
        let place = reader.places.get(&path).copied();
        let message = format!("`{path}` is a number, zero or larger, and `{}` is not", shown(&text));
        reader.problem(place, &path, message, format!("Write digits, e.g. `{key}: 1.5`."));
    }
    value
}

/// Problems that only show when the sections are read together.
pub(super) fn check(plan: &Plan, out: &mut Vec<Problem>) {
    if plan.budget.prices.is_some() && !plan.actor.is_model() && !plan.critic.is_model() {
        let message = "`budget.prices` is for language models, and this plan asks none".to_owned();
        let hint = "Take the line out, or name a model under `actor:` or `critic:`.";
        out.push(Problem {
            place: plan.at("budget.prices"),
            path: "budget.prices".to_owned(),
            message,
            hint: hint.to_owned(),
        });
    }
}
