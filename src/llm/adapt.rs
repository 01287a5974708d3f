//! What a request says differently from its protocol's usual form, because the table of models knows it
//! ([`super::capabilities`]) or because the server said so.
//!
//! A server that names a parameter in a 400 is asked again with that parameter changed: each change is made once, is told to
//! the operator, and stands in the recording ([`super::CallFacts::adapted`]), so that a replay says the same again. A 400 that
//! names something that was not sent is an error like any other.

use super::http::Failure;
use serde_json::Value;
use std::collections::BTreeSet;

/// One change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Change {
    /// At most this many tokens may come back, whatever was asked for.
    MaxTokens(u32),
    /// Chat Completions: the limit is called `max_completion_tokens`.
    CompletionTokens,
    /// Chat Completions: the limit is called `max_tokens`.
    PlainMaxTokens,
    /// No sampling temperature.
    NoTemperature,
    /// No tool is forced; a sentence asks for it.
    ChoiceAuto,
    /// No effort.
    NoEffort,
    /// Chat Completions: no thinking, without which tools are refused.
    EffortNone,
    /// No `thinking` parameter.
    NoThinking,
    /// Adaptive thinking is asked for.
    AdaptiveThinking,
    /// No state of the model's goes back.
    NoOpaque,
    /// Nothing is marked for a cache.
    NoCache,
    /// The schemas of tools are not held to.
    NoStrict,
    /// No encrypted reasoning is asked for.
    NoInclude,
    /// No count of tokens is asked for.
    NoStreamOptions,
    /// Structured output by a function that must be called.
    Function,
    /// Structured output by a sentence.
    Instruction,
}

/// Every change without a number, and its name in a recording.
const NAMES: [(Change, &str); 15] = [
    (Change::CompletionTokens, "max_completion_tokens"),
    (Change::PlainMaxTokens, "plain max_tokens"),
    (Change::NoTemperature, "no temperature"),
    (Change::ChoiceAuto, "tool_choice auto"),
    (Change::NoEffort, "no effort"),
    (Change::EffortNone, "effort none"),
    (Change::NoThinking, "no thinking parameter"),
    (Change::AdaptiveThinking, "adaptive thinking"),
    (Change::NoOpaque, "no opaque state"),
    (Change::NoCache, "no cache marks"),
    (Change::NoStrict, "no strict schemas"),
    (Change::NoInclude, "no encrypted reasoning"),
    (Change::NoStreamOptions, "no stream_options"),
    (Change::Function, "structured by function"),
    (Change::Instruction, "structured by instruction"),
];
/// The name of [`Change::MaxTokens`], before its number.
const LIMIT: &str = "max_tokens ";
/// The limit that is tried where a server refuses one without naming another.
const MODEST_LIMIT: u32 = 4096;

impl Change {
    fn name(self) -> String {
        match self {
            Change::MaxTokens(most) => format!("{LIMIT}{most}"),
            other => NAMES
                .iter()
                .find(|(change, _)| *change == other)
                .map_or_else(String::new, |(_, name)| (*name).to_owned()),
        }
    }

    fn parse(name: &str) -> Option<Change> {
        if let Some(most) = name.strip_prefix(LIMIT) {
            return most.parse().ok().map(Change::MaxTokens);
        }
        NAMES.iter().find(|(_, known)| *known == name).map(|(change, _)| *change)
    }

    /// As the object of "asking … from now on".
    pub fn in_words(self) -> String {
        match self {
            Change::MaxTokens(most) => format!("for at most {most} tokens"),
            Change::CompletionTokens => "with `max_completion_tokens`".to_owned(),
            Change::PlainMaxTokens => "with `max_tokens`".to_owned(),
            Change::NoTemperature => "without `temperature`".to_owned(),
            Change::ChoiceAuto => "for a tool in words, none is forced".to_owned(),
            Change::NoEffort => "without an effort".to_owned(),
            Change::EffortNone => "with `reasoning_effort: none`".to_owned(),
            Change::NoThinking => "without `thinking`".to_owned(),
            Change::AdaptiveThinking => "with adaptive thinking".to_owned(),
            Change::NoOpaque => "without its earlier thinking".to_owned(),
            Change::NoCache => "without cache marks".to_owned(),
            Change::NoStrict => "without strict schemas".to_owned(),
            Change::NoInclude => "without encrypted reasoning".to_owned(),
            Change::NoStreamOptions => "without `stream_options`".to_owned(),
            Change::Function => "with a forced function".to_owned(),
            Change::Instruction => "in words".to_owned(),
        }
    }
}

/// All changes in force.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Adapted(BTreeSet<Change>);

impl Adapted {
    /// These changes.
    pub fn of(changes: impl IntoIterator<Item = Change>) -> Adapted {
        Adapted(changes.into_iter().collect())
    }

    /// As a recording names them; what is not known is left out, and the body will differ.
    pub fn parse(names: &[String]) -> Adapted {
        Adapted(names.iter().filter_map(|name| Change::parse(name)).collect())
    }

    /// For the recording.
    pub fn names(&self) -> Vec<String> {
        self.0.iter().map(|change| change.name()).collect()
    }

    /// True if it is in force.
    pub fn has(&self, change: Change) -> bool {
        self.0.contains(&change)
    }

    /// At most this many tokens, of those that were asked for.
    pub fn limit(&self, asked: u32) -> u32 {
        let limits =
            self.0.iter().filter_map(|change| if let Change::MaxTokens(most) = change { Some(*most) } else { None });
        limits.fold(asked, u32::min)
    }

    fn has_limit(&self) -> bool {
        self.0.iter().any(|change| matches!(change, Change::MaxTokens(_)))
    }

    /// No longer.
    pub fn remove(&mut self, change: Change) {
        self.0.remove(&change);
    }

    /// From now on.
    pub fn add(&mut self, change: Change) {
        match change {
            Change::PlainMaxTokens => self.0.remove(&Change::CompletionTokens),
            Change::CompletionTokens => self.0.remove(&Change::PlainMaxTokens),
            _ => false,
        };
        self.0.insert(change);
    }
}

/// A parameter that a server may name: the words that name it, where it is in a body, and the change that answers.
pub(super) struct Parameter {
    /// All of these have to be in the server's words.
    pub words: &'static [&'static str],
    /// JSON pointer into the body: only what was sent is changed.
    pub sent: &'static str,
    /// The answer.
    pub change: Change,
}

/// The change that answers a refusal, if it names a parameter of this body that was not changed before.
pub(super) fn answer_to(
    failure: &Failure,
    body: &Value,
    adapted: &Adapted,
    parameters: &[Parameter],
) -> Option<Change> {
    if !matches!(failure.status, Some(400 | 422 | 501)) {
        return None;
    }
    let words = failure.words.to_ascii_lowercase();
    let named = |parameter: &&Parameter| {
        parameter.words.iter().all(|word| words.contains(word))
            && body.pointer(parameter.sent).is_some()
            && !adapted.has(parameter.change)
    };
    parameters.iter().find(named).map(|parameter| parameter.change)
}

/// The change that answers a refusal of the number of tokens at `pointer`, which the server calls by one of `names`.
pub(super) fn smaller_limit(failure: &Failure, sent: Option<u64>, adapted: &Adapted, names: &[&str]) -> Option<Change> {
    let words = failure.words.to_ascii_lowercase();
    let status = matches!(failure.status, Some(400 | 422));
    if !status || adapted.has_limit() || !names.iter().any(|name| words.contains(name)) {
        return None;
    }
    let sent = sent?;
    // The largest number of the server's words that is smaller than what was sent: `max_tokens: 16000 > 8192, which is …`.
    let numbers = words.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse::<u64>().ok());
    let said = numbers.filter(|number| *number < sent && *number >= 256).max();
    let most = said.unwrap_or(u64::from(MODEST_LIMIT));
    u32::try_from(most).ok().filter(|_| most < sent).map(Change::MaxTokens)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::chat::ModelError;
    use serde_json::json;

    fn failure(status: u16, words: &str) -> Failure {
        Failure { error: ModelError::Cancelled, status: Some(status), words: words.to_owned() }
    }

    #[test]
    fn names_are_read_back() {
        let all = Adapted::of(NAMES.iter().map(|(change, _)| *change).chain([Change::MaxTokens(8192)]));
        assert_eq!(Adapted::parse(&all.names()), all);
        assert_eq!(all.names().len(), NAMES.len() + 1);
        assert_eq!((all.limit(16_000), all.limit(100)), (8192, 100));
    }

    #[test]
    fn only_what_was_sent_is_changed_and_once() {
        let rules = [Parameter { words: &["temperature"], sent: "/temperature", change: Change::NoTemperature }];
        let no = failure(400, "`temperature` is deprecated for this model");
        let none = Adapted::default();
        assert_eq!(answer_to(&no, &json!({"temperature": 0}), &none, &rules), Some(Change::NoTemperature));
        assert_eq!(answer_to(&no, &json!({}), &none, &rules), None);
        assert_eq!(answer_to(&failure(500, "temperature"), &json!({"temperature": 0}), &none, &rules), None);
        let changed = Adapted::of([Change::NoTemperature]);
        assert_eq!(answer_to(&no, &json!({"temperature": 0}), &changed, &rules), None);
    }

    #[test]
    fn the_server_s_own_limit_is_taken() {
        let none = Adapted::default();
        let ask = |words: &str, sent| smaller_limit(&failure(400, words), sent, &none, &["max_tokens"]);
        assert_eq!(ask("max_tokens: 16000 > 8192, which is the maximum", Some(16_000)), Some(Change::MaxTokens(8192)));
        assert_eq!(ask("max_tokens is too large", Some(16_000)), Some(Change::MaxTokens(4096)));
        assert_eq!(ask("max_tokens is too large", Some(100)), None);
        assert_eq!(ask("the moon is too large", Some(16_000)), None);
        assert_eq!(ask("max_tokens is too large", None), None);
    }
}
