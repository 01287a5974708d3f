//! Aliases for column names, both ways.
//!
//! A name is replaced as a whole word only: letters, digits and `_` around it keep it as it is. Names with other characters
//! are matched as they are written, in prose, in backticks and inside JSON.

use super::super::columns::Role;
use crate::pipeline::Prepared;
use crate::term::Term;
use std::cmp::Reverse;
use std::collections::BTreeSet;

/// The text that replaces the name of the data file.
const DATA_FILE: &str = "the data file";

/// Patterns with their replacements, longest pattern first.
#[derive(Debug, Clone, Default)]
struct Replacements(Vec<(String, String)>);

/// Names and aliases.
#[derive(Debug, Clone)]
pub(super) struct Names {
    outward: Replacements,
    inward: Replacements,
}

impl Names {
    /// Aliases for the columns of a plan.
    pub(super) fn from_prepared(prepared: &Prepared, columns: &[(String, Role)]) -> Self {
        let mut files: BTreeSet<String> = prepared.document.files.keys().cloned().collect();
        for source in [&prepared.plan.data.source, &prepared.document.source] {
            files.insert(source.clone());
            files.extend(source.rsplit(['/', '\\']).next().map(str::to_owned));
        }
        Self::new(columns, &files)
    }

    fn new(columns: &[(String, Role)], files: &BTreeSet<String>) -> Self {
        let aliases = aliases(columns);
        let mut outward: BTreeSet<(String, String)> = BTreeSet::new();
        for ((name, _), alias) in columns.iter().zip(&aliases) {
            outward.extend(written(name).into_iter().map(|form| (form, alias.clone())));
        }
        for file in files.iter().filter(|file| !file.is_empty()) {
            outward.extend([file.clone(), escaped(file)].map(|form| (form, DATA_FILE.to_owned())));
        }
        let inward = aliases.into_iter().zip(columns.iter().map(|(name, _)| name.clone()));
        Self { outward: Replacements::new(outward), inward: Replacements::new(inward) }
    }

    pub(super) fn outward(&self, text: &str) -> String {
        self.outward.replace(text)
    }

    pub(super) fn inward(&self, text: &str) -> String {
        self.inward.replace(text)
    }
}

/// One alias for each column, none of them the name of a column.
fn aliases(columns: &[(String, Role)]) -> Vec<String> {
    // An alias that is also a column's name could not be turned back.
    let mut taken: BTreeSet<String> = columns.iter().map(|(name, _)| name.clone()).collect();
    let (mut confounders, mut placebos, mut controls) = (0, 0, 0);
    let next = |stem: &str, n: &mut usize| {
        *n += 1;
        format!("{stem}{n}")
    };
    let mut alias = |role: Role| match role {
        Role::Treatment => "treatment".to_owned(),
        Role::Outcome => "outcome".to_owned(),
        Role::Priority | Role::Other => next("x", &mut confounders),
        Role::PlaceboOutcome => next("placebo", &mut placebos),
        Role::NegativeControl => next("control", &mut controls),
        Role::UnitId => "unit_id".to_owned(),
        Role::Weights => "weights".to_owned(),
        Role::Clusters => "clusters".to_owned(),
        Role::KnownPropensity => "known_propensity".to_owned(),
    };
    let mut free = |role: Role| {
        let mut alias = alias(role);
        while !taken.insert(alias.clone()) {
            alias.push('_');
        }
        alias
    };
    columns.iter().map(|(_, role)| free(*role)).collect()
}

/// The forms in which a name may stand in a text: as it is, as a term writes it, and each inside JSON.
pub(super) fn written(name: &str) -> BTreeSet<String> {
    let in_term = Term::column(name).to_string();
    let in_term = in_term.strip_prefix('`').and_then(|text| text.strip_suffix('`')).unwrap_or(&in_term).to_owned();
    // A message may quote a term, and JSON may quote the message.
    let forms = [name.to_owned(), escaped(name), escaped(&in_term), in_term];
    forms.into_iter().filter(|form| !form.is_empty()).collect()
}

/// A text as it stands between the quotes of a JSON string.
pub(super) fn escaped(text: &str) -> String {
    let quoted = serde_json::Value::String(text.to_owned()).to_string();
    quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text).to_owned()
}

/// Part of a word.
pub(super) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// True if a word may begin after `before`. An escaped line end (`\n`) is no letter.
pub(super) fn may_begin_after(before: &str) -> bool {
    let mut last = before.chars().rev();
    match (last.next(), last.next()) {
        (Some('n' | 'r' | 't' | 'b' | 'f'), Some('\\')) => true,
        (Some(c), _) => !is_word(c),
        (None, _) => true,
    }
}

impl Replacements {
    fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut pairs: Vec<(String, String)> = pairs.into_iter().collect();
        // A name that contains another one is replaced as a whole.
        pairs.sort_by_key(|(pattern, _)| Reverse(pattern.len()));
        Self(pairs)
    }

    fn replace(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let before = text.get(..text.len() - rest.len()).unwrap_or_default();
            if let Some((pattern, alias)) = self.0.iter().find(|(pattern, _)| stands(pattern, before, rest)) {
                let after = rest.get(pattern.len()..).unwrap_or_default();
                out.push_str(&apart(alias, before, after));
                rest = after;
            } else {
                out.push(c);
                rest = rest.get(c.len_utf8()..).unwrap_or_default();
            }
        }
        out
    }
}

/// True if `pattern` stands at the beginning of `rest` as whole words.
fn stands(pattern: &str, before: &str, rest: &str) -> bool {
    let Some(after) = rest.strip_prefix(pattern) else { return false };
    let begins = !pattern.starts_with(is_word) || may_begin_after(before);
    begins && !(pattern.ends_with(is_word) && after.starts_with(is_word))
}

/// The alias, in backticks where it would grow together with its neighbours.
fn apart(alias: &str, before: &str, after: &str) -> String {
    let glued = (alias.starts_with(is_word) && !may_begin_after(before))
        || (alias.ends_with(is_word) && after.starts_with(is_word));
    if glued { format!("`{alias}`") } else { alias.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const COLUMNS: [(&str, Role); 10] = [
        ("qsmk", Role::Treatment),
        ("treatment", Role::Outcome),
        ("age", Role::Priority),
        ("age_2", Role::Priority),
        ("x1", Role::Other),
        ("body \"mass\" (kg)", Role::Other),
        ("a`b", Role::Other),
        ("größe", Role::Other),
        ("ht", Role::PlaceboOutcome),
        ("id", Role::UnitId),
    ];

    fn names() -> Names {
        let columns: Vec<(String, Role)> = COLUMNS.iter().map(|(name, role)| ((*name).to_owned(), *role)).collect();
        Names::new(&columns, &BTreeSet::from(["data/nhefs.csv".to_owned(), "nhefs.csv".to_owned()]))
    }

    #[test]
    fn whole_words_only_and_no_alias_is_a_name() {
        let names = names();
        for (text, expected) in [
            ("age, age_2, age_3, cabbage, agent", "x1_, x2, age_3, cabbage, agent"),
            ("qsmk and treatment", "treatment_ and outcome"),
            ("x1 * x1^2", "x3 * x3^2"),
            ("`body \"mass\" (kg)`^2 and {\"t\":\"body \\\"mass\\\" (kg)\"}", "`x4`^2 and {\"t\":\"x4\"}"),
            ("`a``b` == 1, größe", "`x5` == 1, x6"),
            ("line\\nage", "line\\nx1_"),
            ("from data/nhefs.csv or nhefs.csv", "from the data file or the data file"),
        ] {
            assert_eq!(names.outward(text), expected);
        }
        assert_eq!(names.inward("x1_^2, outcome, x4"), "age^2, treatment, body \"mass\" (kg)");
    }

    proptest! {
        #[test]
        fn what_goes_out_comes_back(picks in prop::collection::vec((0usize..COLUMNS.len(), 0usize..6), 0..20)) {
            let between = [" ", ", ", "^2 * ", " == 3\n", "; is `", "` (and) "];
            let text: String = picks.iter().map(|(c, b)| format!("{}{}", COLUMNS[*c].0, between[*b])).collect();
            let names = names();
            let out = names.outward(&text);
            prop_assert_eq!(names.inward(&out), text);
            prop_assert_eq!(names.outward(&out), out);
        }
    }
}
