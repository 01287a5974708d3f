//! A row of `estimates.csv`: one dataset, one estimand, one estimator.

use super::observed::Key;
use crate::finding::Tier;
use crate::record::json;
use causal::estimand::Target;
use causal::estimator::EstimatorKind;
use std::collections::BTreeMap;
use std::fmt;

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

/// What was measured beside the estimate, by name: `key=value` or `key=value:severity`, in name order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Diagnostics(BTreeMap<String, String>);

impl Diagnostics {
    /// Adds a number.
    pub fn number(&mut self, key: &str, value: f64) {
        if let Some(text) = json::float(value) {
            self.0.insert(key.to_owned(), text);
        }
    }

    /// Adds a graded number, or a grade without a number.
    pub fn graded(&mut self, key: &str, value: Option<f64>, severity: &str) {
        let number = value.and_then(json::float).unwrap_or_default();
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

    fn parse(text: &str) -> Result<Diagnostics, String> {
        let mut found = BTreeMap::new();
        for part in text.split(';').filter(|part| !part.is_empty()) {
            let (key, value) = part.split_once('=').ok_or_else(|| format!("`{part}` is not key=value"))?;
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
    /// Which dataset.
    pub key: Key,
    /// What was asked for.
    pub estimand: Target,
    /// By which estimator.
    pub estimator: EstimatorKind,
    /// The answer; `None` if there is none, and `no_estimate` among the diagnostics says why.
    pub numbers: Option<Numbers>,
    /// The verdict on the analysis.
    pub tier: Tier,
    /// What was measured.
    pub diagnostics: Diagnostics,
    /// Wall-clock seconds of the whole dataset.
    pub seconds: Option<f64>,
}

impl Row {
    /// The row as a line. Numbers have twelve significant digits.
    #[must_use]
    pub fn line(&self) -> String {
        let number = |value: Option<f64>| value.and_then(json::float).unwrap_or_default();
        let of = |part: fn(&Numbers) -> f64| number(self.numbers.as_ref().map(part));
        line(&[
            self.key.setting.to_string(),
            self.key.response.to_string(),
            self.estimand.key().to_owned(),
            self.estimator.key().to_owned(),
            of(|n| n.estimate),
            of(|n| n.stderr),
            of(|n| n.lower),
            of(|n| n.upper),
            self.tier.key().to_owned(),
            self.diagnostics.to_string(),
            self.seconds.map(|seconds| format!("{seconds:.3}")).unwrap_or_default(),
        ])
    }

    /// Reads one row of fields.
    ///
    /// # Errors
    /// Which field, and why it is not what it should be.
    pub fn parse(fields: &[String]) -> Result<Row, String> {
        let [setting, response, estimand, estimator, estimate, stderr, lower, upper, tier, diagnostics, seconds] =
            fields
        else {
            return Err(format!("has {} fields instead of {}", fields.len(), COLUMNS.len()));
        };
        let wrong = |column: &str, text: &str| format!("`{text}` in column `{column}` cannot be read");
        let key = Key {
            setting: setting.parse().map_err(|_| wrong("setting", setting))?,
            response: response.parse().map_err(|_| wrong("response_id", response))?,
        };
        let number = |column: &str, text: &str| match text.parse::<f64>() {
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
            _ => return Err("has an estimate without its interval, or the other way round".to_owned()),
        };
        Ok(Row {
            key,
            estimand: Target::parse(estimand).ok_or_else(|| wrong("estimand", estimand))?,
            estimator: EstimatorKind::parse(estimator).ok_or_else(|| wrong("estimator", estimator))?,
            numbers,
            tier: tier_of(tier).ok_or_else(|| wrong("tier", tier))?,
            diagnostics: Diagnostics::parse(diagnostics)?,
            seconds: number("seconds", seconds)?,
        })
    }
}

/// Parses a [`Tier::key`].
fn tier_of(text: &str) -> Option<Tier> {
    [Tier::NotSatisfactory, Tier::SatisfactoryWithCaveats, Tier::FullySatisfactory]
        .into_iter()
        .find(|t| t.key() == text)
}

/// Fields as a line of CSV; quoted only where they must be.
#[must_use]
pub fn line(fields: &[String]) -> String {
    let field = |text: &String| match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.clone(),
    };
    fields.iter().map(field).collect::<Vec<_>>().join(",") + "\n"
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
pub fn parse_all(text: &str) -> Result<Vec<Row>, String> {
    let Some(body) = text.strip_prefix(&header()) else {
        return Err(format!("line 1 is not `{}`", header().trim_end()));
    };
    if !body.is_empty() && !body.ends_with('\n') {
        return Err("the last line does not end: the file was cut off".to_owned());
    }
    let numbered = body.lines().enumerate();
    numbered
        .map(|(i, line)| fields(line).and_then(|f| Row::parse(&f)).map_err(|e| format!("line {}: {e}", i + 2)))
        .collect()
}

/// The fields of one line; a quoted field may hold commas and doubled quotes.
pub(super) fn fields(line: &str) -> Result<Vec<String>, String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    let mut rest = line.chars().peekable();
    while let Some(c) = rest.next() {
        let Some(field) = fields.last_mut() else { break };
        match c {
            '"' if quoted && rest.peek() == Some(&'"') => {
                rest.next();
                field.push('"');
            }
            '"' if quoted => quoted = false,
            '"' if field.is_empty() => quoted = true,
            ',' if !quoted => fields.push(String::new()),
            c => field.push(c),
        }
    }
    if quoted { Err("a quote is not closed".to_owned()) } else { Ok(fields) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn some_row() -> impl Strategy<Value = Row> {
        let numbers = prop::option::of((-1e9..1e9, 0.0..1e6, -1e9..1e9, -1e9..1e9));
        let tiers = vec![Tier::NotSatisfactory, Tier::SatisfactoryWithCaveats, Tier::FullySatisfactory];
        (
            (1u16..78, any::<u32>()),
            prop::sample::select(Target::ALL.to_vec()),
            prop::sample::select(EstimatorKind::ALL.to_vec()),
            numbers,
            prop::sample::select(tiers),
            ("[^=;]{0,20}", prop::option::of(-1e3..1e3)),
            prop::option::of(0u32..100_000),
        )
            .prop_map(
                |((setting, response), estimand, estimator, numbers, tier, (words, value), milliseconds)| {
                    let mut diagnostics = Diagnostics::default();
                    diagnostics.words("no_estimate", &words);
                    diagnostics.graded("balance.priority", value, "warn");
                    let rounded = |x: f64| json::float(x).and_then(|text| text.parse().ok()).unwrap_or(f64::NAN);
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
