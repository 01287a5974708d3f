//! A row of `estimates.csv`: one dataset, one estimand, one estimator.

use crate::csv_table::{self, CsvProblem};
use crate::grade::Grade;
use crate::observed::Key;
use crate::text::{decimal, decimal_or_empty};
use causal::estimand::Target;
use causal::estimator::EstimatorKind;
use std::collections::BTreeMap;
use std::fmt;

/// The reason why fields are no row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RowProblem {
    /// Another number of fields than columns.
    #[error("has {fields} fields instead of {}", COLUMNS.len())]
    Fields {
        /// Its fields.
        fields: usize,
    },
    /// A field that is not of its column.
    #[error("`{text}` in column `{column}` cannot be read")]
    Field {
        /// The column.
        column: &'static str,
        /// The field.
        text: String,
    },
    /// Some of the four numbers and not all of them.
    #[error("has an estimate without its interval, or the other way round")]
    HalfAnEstimate,
    /// A diagnostic without a value.
    #[error("`{0}` is not key=value")]
    Diagnostic(String),
}

/// The reason why a text is no table of estimates.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EstimatesProblem {
    /// Other columns.
    #[error("line 1 is not `{}`", header().trim_end())]
    Header,
    /// A last line that does not end.
    #[error("the last line does not end: the file was cut off")]
    Cut,
    /// A text that is no CSV.
    #[error(transparent)]
    Csv(#[from] CsvProblem),
    /// A line that is no row.
    #[error("line {line}: {problem}")]
    Row {
        /// The line, from 1.
        line: u64,
        /// The problem of the row.
        problem: RowProblem,
    },
}

/// The columns of `estimates.csv`.
pub const COLUMNS: [&str; 11] = [
    "setting",
    "response_id",
    "estimand",
    "estimator",
    "estimate",
    "stderr",
    "ci_lower",
    "ci_upper",
    "tier",
    "diagnostics",
    "seconds",
];

/// An estimate, outcome units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Numbers {
    /// Point estimate.
    pub estimate: f64,
    /// Standard error.
    pub stderr: f64,
    /// Lower end of the 95 % interval.
    pub lower: f64,
    /// Upper end of the 95 % interval.
    pub upper: f64,
}

/// Measurements beside the estimate, by name: `key=value` or `key=value:severity`, in name order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Diagnostics(BTreeMap<String, String>);

impl Diagnostics {
    /// Adds a number.
    pub fn number(&mut self, key: &str, value: f64) {
        if let Some(text) = decimal(value) {
            self.0.insert(key.to_owned(), text);
        }
    }

    /// Adds a graded number, or a grade without a number.
    pub fn graded(&mut self, key: &str, value: Option<f64>, severity: &str) {
        let number = decimal_or_empty(value);
        self.0.insert(key.to_owned(), format!("{number}:{severity}"));
    }

    /// Adds words, with what would end them replaced.
    pub fn words(&mut self, key: &str, words: &str) {
        let clean = |c: char| if c == ';' || c == '=' || c == '"' || c.is_control() { ' ' } else { c };
        self.0.insert(key.to_owned(), words.chars().map(clean).collect());
    }

    /// A number, without its grade.
    #[must_use]
    pub fn value(&self, key: &str) -> Option<f64> {
        self.0.get(key)?.split(':').next()?.parse().ok()
    }

    /// Everything, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    fn parse(text: &str) -> Result<Diagnostics, RowProblem> {
        let mut found = BTreeMap::new();
        for part in text.split(';').filter(|part| !part.is_empty()) {
            let (key, value) = part.split_once('=').ok_or_else(|| RowProblem::Diagnostic(part.to_owned()))?;
            found.insert(key.to_owned(), value.to_owned());
        }
        Ok(Diagnostics(found))
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = self.iter().map(|(key, value)| format!("{key}={value}")).collect();
        f.write_str(&parts.join(";"))
    }
}

/// One row.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The dataset.
    pub key: Key,
    /// The estimand that was asked for.
    pub estimand: Target,
    /// The estimator.
    pub estimator: EstimatorKind,
    /// The answer; `None` if there is none, and `no_estimate` among the diagnostics says why.
    pub numbers: Option<Numbers>,
    /// The verdict on the analysis.
    pub tier: Grade,
    /// Measurements.
    pub diagnostics: Diagnostics,
    /// Wall-clock seconds of the whole dataset.
    pub seconds: Option<f64>,
}

impl Row {
    /// The row as a line. Numbers have twelve significant digits.
    #[must_use]
    pub fn line(&self) -> String {
        let number = |part: fn(&Numbers) -> f64| decimal_or_empty(self.numbers.as_ref().map(part));
        csv_table::line(&[
            self.key.setting.to_string(),
            self.key.response.to_string(),
            self.estimand.key().to_owned(),
            self.estimator.key().to_owned(),
            number(|n| n.estimate),
            number(|n| n.stderr),
            number(|n| n.lower),
            number(|n| n.upper),
            self.tier.key().to_owned(),
            self.diagnostics.to_string(),
            self.seconds.map(|seconds| format!("{seconds:.3}")).unwrap_or_default(),
        ])
    }

    /// Reads one row of fields.
    ///
    /// # Errors
    /// [`RowProblem`].
    pub fn parse(fields: &[&str]) -> Result<Row, RowProblem> {
        let [setting, response, estimand, estimator, estimate, stderr, lower, upper, tier, diagnostics, seconds] =
            fields
        else {
            return Err(RowProblem::Fields { fields: fields.len() });
        };
        let wrong = |column: &'static str, text: &str| RowProblem::Field { column, text: text.to_owned() };
        let key = Key {
            setting: setting.parse().map_err(|_| wrong("setting", setting))?,
            response: response.parse().map_err(|_| wrong("response_id", response))?,
        };
        let number = |column: &'static str, text: &str| match text.parse::<f64>() {
            _ if text.is_empty() => Ok(None),
            Ok(value) if value.is_finite() => Ok(Some(value)),
            _ => Err(wrong(column, text)),
        };
        let ends = (number("ci_lower", lower)?, number("ci_upper", upper)?);
        let numbers = match (number("estimate", estimate)?, number("stderr", stderr)?, ends) {
            (Some(estimate), Some(stderr), (Some(lower), Some(upper))) => {
                Some(Numbers { estimate, stderr, lower, upper })
            }
            (None, None, (None, None)) => None,
            _ => return Err(RowProblem::HalfAnEstimate),
        };
        Ok(Row {
            key,
            estimand: Target::parse(estimand).ok_or_else(|| wrong("estimand", estimand))?,
            estimator: EstimatorKind::parse(estimator).ok_or_else(|| wrong("estimator", estimator))?,
            numbers,
            tier: Grade::parse(tier).ok_or_else(|| wrong("tier", tier))?,
            diagnostics: Diagnostics::parse(diagnostics)?,
            seconds: number("seconds", seconds)?,
        })
    }
}

/// The first line of `estimates.csv`.
#[must_use]
pub fn header() -> String {
    COLUMNS.join(",") + "\n"
}

/// Rows below [`header`].
///
/// # Errors
/// Another header, a line that cannot be read, a last line that does not end: each with its number.
pub fn parse_all(text: &str) -> Result<Vec<Row>, EstimatesProblem> {
    let body = text.strip_prefix(&header()).ok_or(EstimatesProblem::Header)?;
    if !body.is_empty() && !body.ends_with('\n') {
        return Err(EstimatesProblem::Cut);
    }
    let records = csv_table::records(text)?.into_iter().skip(1);
    let row = |record: csv_table::Record| {
        Row::parse(&record.fields()).map_err(|problem| EstimatesProblem::Row { line: record.line, problem })
    };
    records.map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn some_row() -> impl Strategy<Value = Row> {
        let numbers = prop::option::of((-1e9..1e9, 0.0..1e6, -1e9..1e9, -1e9..1e9));
        (
            (1u16..78, any::<u32>()),
            prop::sample::select(Target::ALL.to_vec()),
            prop::sample::select(EstimatorKind::ALL.to_vec()),
            numbers,
            prop::sample::select(Grade::ALL.to_vec()),
            ("[^=;]{0,20}", prop::option::of(-1e3..1e3)),
            prop::option::of(0u32..100_000),
        )
            .prop_map(
                |((setting, response), estimand, estimator, numbers, tier, (words, value), milliseconds)| {
                    let mut diagnostics = Diagnostics::default();
                    diagnostics.words("no_estimate", &words);
                    diagnostics.graded("balance.priority", value, "warn");
                    let rounded = |x: f64| decimal(x).and_then(|text| text.parse().ok()).unwrap_or(f64::NAN);
                    Row {
                        key: Key { setting, response: response.into() },
                        estimand,
                        estimator,
                        numbers: numbers.map(|(estimate, stderr, lower, upper)| Numbers {
                            estimate: rounded(estimate),
                            stderr: rounded(stderr),
                            lower: rounded(lower),
                            upper: rounded(upper),
                        }),
                        tier,
                        diagnostics,
                        seconds: milliseconds.map(|ms| f64::from(ms) / 1000.0),
                    }
                },
            )
    }

    proptest! {
        #[test]
        fn rows_read_back(rows in prop::collection::vec(some_row(), 0..6)) {
            let text = header() + &rows.iter().map(Row::line).collect::<String>();
            prop_assert_eq!(parse_all(&text), Ok(rows));
        }

        #[test]
        fn a_cut_file_is_refused_or_ends_with_a_whole_row(row in some_row(), cut in 0.0..1.0) {
            let text = header() + &row.line();
            let mut at = (cut * text.len() as f64) as usize;
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            prop_assert!(parse_all(&text[..at]).is_err() || text[..at] == header());
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[0-9a-z,\"\n.=;:-]{0,80}") {
            let _ = parse_all(&text);
            let _ = parse_all(&(header() + &text));
        }
    }
}
