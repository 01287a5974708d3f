//! What models accept: a dated table that is compiled in, `models.yaml`. It is where asking begins; what a server refuses is
//! found out ([`super::adapt`]).

use super::adapt::Change;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// `models.yaml`, compiled in.
const EMBEDDED: &str = include_str!("../../models.yaml");

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    dated: String,
    models: BTreeMap<String, ModelFacts>,
}

/// What is known of a model.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelFacts {
    /// Whose it is: `anthropic`, `openai` or `gemini`.
    pub vendor: String,
    /// True if a tool can be forced.
    #[serde(default = "yes")]
    pub forced_tool: bool,
    /// True if sampling parameters are accepted.
    #[serde(default = "yes")]
    pub temperature: bool,
    /// `adaptive` if thinking has to be asked for.
    pub thinking: Option<String>,
    /// The words that an effort may have; empty if it has none.
    #[serde(default)]
    pub effort: Vec<String>,
    /// The day after which it is gone, as its vendor announced it: `2026-12-11`.
    pub retires: Option<String>,
}

fn yes() -> bool {
    true
}

fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    // A table that cannot be read would be noticed by the tests of every build.
    TABLE.get_or_init(|| serde_saphyr::from_str(EMBEDDED).unwrap_or_default())
}

/// The day on which the table was written: `2026-11-29`.
#[must_use]
pub fn dated() -> &'static str {
    &table().dated
}

/// The models of the table, by name.
pub fn all() -> impl Iterator<Item = (&'static str, &'static ModelFacts)> {
    table().models.iter().map(|(name, facts)| (name.as_str(), facts))
}

/// What is known of a model.
#[must_use]
pub fn facts(model: &str) -> Option<&'static ModelFacts> {
    all().find(|(name, _)| same_model(name, model)).map(|(_, facts)| facts)
}

/// True if `model` is `name`, or `name` with a date: `gpt-5-2025-08-07` is `gpt-5`, `gpt-5-pro` is not. What clouds put around a
/// name does not count: `anthropic.claude-opus-5-v1:0`, `us.anthropic.…`, `openai/gpt-6-sol`.
#[must_use]
pub fn same_model(name: &str, model: &str) -> bool {
    if name.is_empty() {
        return false;
    }
    let own = |text: &str| text.strip_prefix(name).is_some_and(|rest| rest.is_empty() || is_date(rest));
    let plain = model.rsplit('/').next().unwrap_or(model);
    let after_vendor = ["anthropic.", "openai.", "google."]
        .iter()
        .find_map(|vendor| plain.find(vendor).and_then(|at| plain.get(at + vendor.len()..)));
    let clouds = after_vendor.map(|rest| rest.split("-v").next().unwrap_or(rest));
    own(model) || own(plain) || clouds.is_some_and(own)
}

/// `-20250929`, `@20250929` or `-2025-09-29`.
fn is_date(rest: &str) -> bool {
    let Some(date) = rest.strip_prefix(['-', '@']) else { return false };
    let digits = date.chars().filter(char::is_ascii_digit).count();
    digits == 8
        && match date.len() {
            8 => true,
            10 => date.char_indices().all(|(at, c)| c.is_ascii_digit() != matches!(at, 4 | 7)),
            _ => false,
        }
}

/// The changes that a model needs from the start.
pub(super) fn changes_for(model: &str, temperature: Option<f64>) -> Vec<Change> {
    let Some(facts) = facts(model) else { return Vec::new() };
    let mut changes = Vec::new();
    if !facts.forced_tool {
        changes.push(Change::ChoiceAuto);
    }
    if !facts.temperature && temperature.is_some() {
        changes.push(Change::NoTemperature);
    }
    if facts.thinking.as_deref() == Some("adaptive") {
        changes.push(Change::AdaptiveThinking);
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_reads_and_is_dated() {
        assert!(all().count() > 30, "{}", all().count());
        assert!(is_date(&format!("-{}", dated())), "{}", dated());
        for (name, facts) in all() {
            assert!(["anthropic", "openai", "gemini"].contains(&facts.vendor.as_str()), "{name}");
            assert!(facts.retires.as_ref().is_none_or(|day| is_date(&format!("-{day}"))), "{name}");
        }
    }

    #[test]
    fn a_name_is_itself_or_itself_with_a_date() {
        for model in ["gpt-5", "gpt-5-2025-08-07", "openai/gpt-5", "gpt-5@20250807"] {
            assert!(same_model("gpt-5", model), "{model}");
        }
        for model in ["gpt-5-pro", "gpt-5.5-pro", "gpt-5.5", "gpt-5-mini-2025-08-07", "gpt-5-2025", "xgpt-5", "gpt-"] {
            assert!(!same_model("gpt-5", model), "{model}");
        }
        for model in ["us.anthropic.claude-opus-5", "anthropic.claude-opus-5-v1:0", "claude-opus-5-20260724"] {
            assert!(same_model("claude-opus-5", model), "{model}");
        }
        assert!(!same_model("claude-opus-5", "claude-opus-5-5") && !same_model("", "x"));
        assert_eq!(facts("gpt-5.5-pro").map(|facts| facts.temperature), Some(false));
        assert_eq!(facts("qwen2.5"), None);
    }
}
