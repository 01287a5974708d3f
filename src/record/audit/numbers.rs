//! Numbers in prose, each traced to a value of a document.
//!
//! A figure of the report is traced if a number of a document, or a figure in one of its texts, says it to the digits that
//! the report shows; so is the number of items of a list. What a language model said is no document, and proves nothing.
//! A figure that is in a document for another reason than the one that the report gives is traced as well: this finds what was
//! made up, not what was mixed up.

use super::places::{Placed, Scalar};
use crate::text::figures::{Figure, figures};
use serde::Serialize;
use std::collections::BTreeMap;

/// Keys whose values hold a model's own words, each with the key that it stands under.
const MODELS_WORDS: [(&str, &str); 5] = [
    ("reviewed", "opinion"),
    ("", "flagged"),
    ("conduct", "shortfalls"),
    ("revisions", "reason"),
    ("disagreements", "reason"),
];
/// Keys whose values no report prints: they would only make it easier for a made-up figure to be somewhere.
const NOT_PRINTED: [&str; 5] = ["coefficients", "rows", "second_moments", "histogram_treated", "histogram_control"];
/// Characters of a hash that are enough to know it by.
const SHORTEST_HASH: usize = 7;
/// Figures that are in the report's own sentences whatever was found, with what stands before them: the level of every interval,
/// ln 2, the E-value of a difference of means (VanderWeele & Ding 2017, doi:10.7326/M16-2607), the name of a hash, and the least
/// p-value that is written out.
const CONSTANTS: [(&str, &str); 5] =
    [("", "95 %"), ("ln 2 = ", "0.693"), ("exp(", "0.91"), ("SHA-", "256"), ("< ", "0.001")];
/// What may stand between a percentage and the ends of its interval.
const WITHIN_AN_INTERVAL: [&str; 3] = ["[", "\\[", ","];

/// A document that numbers can come from.
pub(super) struct Source<'a> {
    /// Its path in the run.
    pub(super) file: &'a str,
    /// The commit that left it as it is.
    pub(super) commit: usize,
    pub(super) values: &'a [Placed],
}

/// Where a number comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// The document.
    pub file: String,
    /// The path of the value in it.
    pub path: String,
    /// Its line.
    pub line: usize,
    /// The commit that left the document as it is.
    pub commit: String,
}

/// A figure in prose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TracedNumber {
    /// As written.
    pub figure: String,
    /// Its line in the prose.
    pub line: usize,
    /// Where it comes from; absent if from no document.
    pub from: Option<Origin>,
    /// True for a figure of the report's own fixed sentences.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub constant: bool,
}

/// All numbers of some documents, by size, and all hashes.
#[derive(Debug, Default)]
pub(super) struct KnownNumbers {
    /// (value, which source, which of its values), by value, then as the sources are ordered.
    numbers: Vec<(f64, usize, usize)>,
    /// (hash, which source, which of its values), by hash.
    hashes: Vec<(String, usize, usize)>,
}

impl KnownNumbers {
    /// The numbers of these documents; of those that say the same the earlier source is named.
    pub(super) fn of(sources: &[Source<'_>]) -> KnownNumbers {
        let mut known = KnownNumbers::default();
        for (at, source) in sources.iter().enumerate() {
            for (index, placed) in source.values.iter().enumerate().filter(|it| !is_a_models(&it.1.path)) {
                known.add(placed, at, index);
            }
        }
        known.numbers.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));
        known.hashes.sort();
        known
    }

    fn add(&mut self, placed: &Placed, source: usize, index: usize) {
        match &placed.value {
            Scalar::Number(value) => self.numbers.push((*value, source, index)),
            Scalar::Items(items) => self.numbers.push((*items as f64, source, index)),
            Scalar::Text(text) if is_hash(text) => self.hashes.push((text.clone(), source, index)),
            Scalar::Text(text) => {
                self.numbers.extend(figures(text).iter().filter_map(Figure::finite).map(|it| (it, source, index)));
            }
            Scalar::Word => {}
        }
    }

    /// The value that says a figure: (which source, which of its values), of several the first in the order of sources.
    pub(super) fn find(&self, figure: &Figure, scale: f64) -> Option<(usize, usize)> {
        // What is shown was rounded from all digits, and the document may have six of them.
        let slack = if figure.significant_digits() <= 6 { 5e-6 } else { 0.0 };
        let ranges = figure.ranges().into_iter().flat_map(|(low, high)| {
            let wider = slack * low.abs().max(high.abs());
            let (low, high) = (low - wider, high + wider);
            let first = self.numbers.partition_point(|known| known.0 < low * scale);
            let rest = self.numbers.get(first..).unwrap_or_default();
            rest.iter().take_while(move |known| known.0 <= high * scale)
        });
        ranges.map(|known| (known.1, known.2)).min()
    }

    /// The hash that begins with some characters.
    fn hash(&self, word: &str) -> Option<(usize, usize)> {
        let first = self.hashes.partition_point(|known| known.0.as_str() < word);
        let found = self.hashes.get(first).filter(|known| known.0.starts_with(word))?;
        Some((found.1, found.2))
    }
}

/// The figures of a text with their lines, and where each comes from.
pub(super) fn traced(text: &str, sources: &[Source<'_>], ids: &[String]) -> Vec<TracedNumber> {
    let known = KnownNumbers::of(sources);
    let origin = |(source, index): (usize, usize)| {
        let source = sources.get(source)?;
        let placed = source.values.get(index)?;
        let commit = ids.get(source.commit).cloned().unwrap_or_default();
        Some(Origin { file: source.file.to_owned(), path: placed.path.clone(), line: placed.line, commit })
    };
    let mut all = Vec::new();
    for (line, text) in text.lines().enumerate() {
        let found = figures(text);
        let words = Words { chars: text.chars().collect() };
        // `333 [235, 431] × 10⁻⁹`: one power for several figures.
        let powers: Vec<f64> = found.iter().filter(|it| is_power(it)).filter_map(Figure::finite).collect();
        let mut percent_until = None;
        for figure in found.iter().filter(|it| !is_power(it)) {
            let shares = percent_until.is_some_and(|end| words.joins_an_interval(end, figure.span.0));
            percent_until = (figure.percent || shares).then_some(figure.span.1);
            let scales = std::iter::once(1.0).chain(powers.iter().copied()).chain(shares.then_some(0.01));
            let value = scales.into_iter().find_map(|scale| known.find(figure, scale));
            let from = value.or_else(|| known.hash(&words.word_around(figure))).and_then(origin);
            let constant = from.is_none() && words.is_constant(figure);
            all.push(TracedNumber { figure: figure.text.clone(), line: line + 1, from, constant });
        }
    }
    all
}

/// The values that a report may print.
pub(super) fn printed(values: Vec<Placed>) -> Vec<Placed> {
    // A list by its name: `rows[3].smd_after` is no `rows: 16177`.
    let listed =
        |path: &str| path.split('.').any(|part| part.split_once('[').is_some_and(|it| NOT_PRINTED.contains(&it.0)));
    values.into_iter().filter(|placed| !listed(&placed.path)).collect()
}

/// Numbers that a report makes of two that are in one place of a document: how one standard error compares with the other, an effect
/// as a share of the mean without treatment, the mean of an arm after its effect, the share of an arm, the level of an interval, what both roles of a model used up.
pub(super) fn derived(values: &[Placed]) -> Vec<Placed> {
    let number = |placed: &Placed| match placed.value {
        Scalar::Number(value) => Some(value),
        _ => None,
    };
    let by_path: BTreeMap<&str, f64> = values.iter().filter_map(|it| Some((it.path.as_str(), number(it)?))).collect();
    let mut made = Vec::new();
    for placed in values {
        let Some(value) = number(placed) else { continue };
        let (above, key) = placed.path.rsplit_once('.').unwrap_or(("", &placed.path));
        let beside = |key: &str| {
            let path = if above.is_empty() { key.to_owned() } else { format!("{above}.{key}") };
            by_path.get(path.as_str()).map(|other| (path, *other))
        };
        let (sign, other, result) = match key {
            "se_influence" => match beside("se_stacked") {
                Some((path, stacked)) if stacked != 0.0 => ("/", path, value / stacked),
                _ => continue,
            },
            "estimate" => match beside("mean_control") {
                Some((path, control)) if control != 0.0 => ("/", path, value / control),
                _ => continue,
            },
            "baseline" => match beside("effect.estimate") {
                Some((path, effect)) => ("+", path, value + effect),
                None => continue,
            },
            "units" | "rows" => {
                let Some((list, _)) = above.rsplit_once(".arms[") else { continue };
                let path = format!("{list}.{key}");
                let Some(all) = by_path.get(path.as_str()).filter(|all| **all != 0.0) else { continue };
                ("/", path, value / all)
            }
            "alpha" => ("from", "1".to_owned(), 1.0 - value),
            _ => match above.rsplit_once("actor_usage").map(|parts| format!("{}critic_usage.{key}", parts.0)) {
                Some(path) => match by_path.get(path.as_str()) {
                    Some(critic) => ("+", path, value + critic),
                    None => continue,
                },
                None => continue,
            },
        };
        let path = format!("{} {sign} {other}", placed.path);
        made.push(Placed { path, line: placed.line, value: Scalar::Number(result) });
    }
    made
}

/// `10⁻⁹` alone.
fn is_power(figure: &Figure) -> bool {
    let rest = figure.text.strip_prefix("10").filter(|rest| !rest.is_empty());
    rest.is_some_and(|rest| rest.chars().all(|c| !c.is_ascii_digit() && !c.is_ascii_punctuation()))
}

/// A line by its characters.
struct Words {
    chars: Vec<char>,
}

impl Words {
    fn between(&self, from: usize, to: usize) -> String {
        self.chars.iter().skip(from).take(to.saturating_sub(from)).collect()
    }

    fn joins_an_interval(&self, from: usize, to: usize) -> bool {
        WITHIN_AN_INTERVAL.contains(&self.between(from, to).trim())
    }

    /// The run of letters and digits that a figure is part of, if it could be a hash.
    fn word_around(&self, figure: &Figure) -> String {
        let is_part = |c: &&char| c.is_ascii_alphanumeric();
        let before = self.chars.get(..figure.span.0).unwrap_or_default().iter().rev().take_while(is_part).count();
        let after = self.chars.iter().skip(figure.span.0).take_while(is_part).count();
        let word = self.between(figure.span.0 - before, figure.span.0 + after);
        if word.len() >= SHORTEST_HASH { word } else { "-".to_owned() }
    }

    /// True for a figure of the report's own sentences, and for the year of a citation: `(Manski 1990)`.
    fn is_constant(&self, figure: &Figure) -> bool {
        let before = self.between(0, figure.span.0);
        let fixed = CONSTANTS.iter().any(|(words, text)| figure.text == *text && before.ends_with(words));
        let author = before.rsplit('(').next().unwrap_or_default();
        let name = author.strip_suffix(' ').unwrap_or_default();
        let is_name = name.starts_with(char::is_uppercase) && name.chars().all(char::is_alphabetic);
        fixed || is_name && figure.text.len() == 4 && self.chars.get(figure.span.1) == Some(&')')
    }
}

fn is_hash(text: &str) -> bool {
    text.len() >= 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_a_models(path: &str) -> bool {
    let keys: Vec<&str> = path.split(['.', '[']).collect();
    let has = |key: &str| key.is_empty() || keys.contains(&key);
    MODELS_WORDS.iter().any(|(above, key)| has(above) && has(key))
}
