//! Figures in prose that nobody computed: every number in a model's words is held against `results.json`.
//!
//! A figure is known if some number of the results, rounded to the digits that the figure shows, is that figure: 0.128
//! says `0.13`, `0.128` and, with a percent sign, `12.8 %`. Without a sign the size is enough (`fell by 3.4`); a written
//! sign must agree. There is no tolerance beyond the last digit shown: `about 1,600` for 1,566 is flagged, and so is any
//! small whole number that is not in the results.
//!
//! [`crate::text::figures`] decides what counts as a figure:
//!
//! | written | figures |
//! |---|---|
//! | `−3.4`, `+2`, `.05`, `1e-5`, `3.3 × 10⁻⁷`, `95%`, `12.8 per cent` | one |
//! | `1,566`; `1 566` with a thin or no-break space; `1'566` | one |
//! | `0.1–0.9`, `25-74`, `[2.49, 4.40]`, `1/3`, `2019-03-01` | each number; the dash is not a sign |
//! | `3kg`, `10-year`, `2nd`, `1980s` | the number, without what is glued to it |
//! | `re74`, `wt82_71`, `x1`, `q.10`, `v0.3.1`, `0.3.1` | none: names and versions |
//! | `Type-2`, `COVID-19` | none: a word, a hyphen and one or two digits are a name. `group-150` and `ATE-3.4` are figures |
//! | a name alone in backticks that begins with a letter | none; other digits in backticks are figures |
//! | `1. ` and `2) ` at the start of a line, a hash such as `3fa9c21` | none |
//!
//! Words for numbers (`twelve`, `a third`), fractions such as `½` and digits other than 0–9 are not checked. `20k` and
//! `1.6 million` are checked as 20 and 1.6. A figure that is in the results for another reason than the one the prose gives
//! passes: this finds what was made up, not what was mixed up.

#[cfg(test)]
mod tests;

use crate::record::model_review::FlaggedFigure;
use crate::text::figures::{self, Figure};
use serde_json::Value;
use std::collections::BTreeSet;

/// Keys of `results.json` whose values hold a model's own words, which prove nothing.
const PROSE: [&str; 3] = ["reviewed", "reason", "conduct"];

/// Every number that `results.json` holds, sorted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Known {
    values: Vec<f64>,
}

impl Known {
    /// The numbers of a document, and those inside its strings, except under the keys that hold a model's words.
    #[must_use]
    pub fn from_results(results: &Value) -> Known {
        let mut values = Vec::new();
        // A stack of our own: no document is too deep.
        let mut open = vec![results];
        while let Some(value) = open.pop() {
            match value {
                Value::Number(number) => values.extend(number.as_f64().filter(|v| v.is_finite())),
                Value::String(text) => values.extend(figures::figures(text).iter().filter_map(Figure::finite)),
                Value::Array(items) => open.extend(items),
                Value::Object(entries) => {
                    let computed = entries.iter().filter(|(key, _)| !PROSE.contains(&key.as_str()));
                    open.extend(computed.map(|(_, value)| value));
                }
                Value::Null | Value::Bool(_) => {}
            }
        }
        values.sort_by(f64::total_cmp);
        values.dedup();
        Known { values }
    }

    /// True if the figure is one of these numbers, to the precision that it shows.
    fn has(&self, figure: &Figure) -> bool {
        figure.ranges().into_iter().any(|range| self.within(range.0, range.1))
    }

    fn within(&self, low: f64, high: f64) -> bool {
        let first = self.values.partition_point(|known| *known < low);
        self.values.get(first).is_some_and(|known| *known <= high)
    }
}

/// The figures of each line, as (place, text), that are not known: in their order, each once for a line.
#[must_use]
pub fn flagged(lines: &[(String, &str)], known: &Known) -> Vec<FlaggedFigure> {
    let mut all = Vec::new();
    for (place, line) in lines {
        let mut seen = BTreeSet::new();
        for figure in figures::figures(line) {
            if !known.has(&figure) && seen.insert(figure.text.clone()) {
                all.push(FlaggedFigure { place: place.clone(), line: (*line).to_owned(), figure: figure.text });
            }
        }
    }
    all
}

/// The number of figures in the lines, each counted once for a line.
#[must_use]
pub fn count(lines: &[(String, &str)]) -> usize {
    let of = |line: &str| figures::figures(line).into_iter().map(|figure| figure.text).collect::<BTreeSet<_>>().len();
    lines.iter().map(|(_, line)| of(line)).sum()
}
