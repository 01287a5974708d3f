//! Conditions on scores, for a gate: `att.rmse<=0.0125`, `ate.accepted.coverage >= 0.95`.

use super::measures::Measures;
use crate::grade::Grade;
use causal::estimand::Target;
use std::fmt;
use std::str::FromStr;

/// A group of verdicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tiers {
    /// All of them.
    All,
    /// `fully_satisfactory`.
    Fully,
    /// `satisfactory_with_caveats`.
    Caveats,
    /// Either of the two.
    Accepted,
    /// `not_satisfactory`.
    Not,
}

impl Tiers {
    const KEYS: [(&'static str, Tiers); 5] = [
        ("all", Tiers::All),
        ("fully", Tiers::Fully),
        ("caveats", Tiers::Caveats),
        ("accepted", Tiers::Accepted),
        ("not_satisfactory", Tiers::Not),
    ];

    /// All groups, in the order of tables.
    pub const ALL: [Tiers; 5] = [Tiers::All, Tiers::Accepted, Tiers::Fully, Tiers::Caveats, Tiers::Not];

    /// The word in assertions and tables.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Tiers::All => "all",
            Tiers::Fully => "fully",
            Tiers::Caveats => "caveats",
            Tiers::Accepted => "accepted",
            Tiers::Not => "not_satisfactory",
        }
    }

    /// `true` if a verdict is among them.
    #[must_use]
    pub fn has(self, tier: Grade) -> bool {
        match self {
            Tiers::All => true,
            Tiers::Fully => tier == Grade::FullySatisfactory,
            Tiers::Caveats => tier == Grade::SatisfactoryWithCaveats,
            Tiers::Accepted => tier != Grade::NotSatisfactory,
            Tiers::Not => tier == Grade::NotSatisfactory,
        }
    }
}

/// The measure that is held against a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Metric {
    N,
    Failed,
    Share,
    Bias,
    Rmse,
    Winsorised,
    Median,
    Coverage,
    Width,
}

const METRICS: [(&str, Metric); 9] = [
    ("n", Metric::N),
    ("failed", Metric::Failed),
    ("share", Metric::Share),
    ("bias", Metric::Bias),
    ("rmse", Metric::Rmse),
    ("winsorised", Metric::Winsorised),
    ("median", Metric::Median),
    ("coverage", Metric::Coverage),
    ("width", Metric::Width),
];

type Compare = fn(f64, f64) -> bool;

/// The comparisons. Longer signs first, so that `<=` is not read as `<`.
const SIGNS: [(&str, Compare); 5] =
    [("<=", |a, b| a <= b), (">=", |a, b| a >= b), ("==", |a, b| a == b), ("<", |a, b| a < b), (">", |a, b| a > b)];

/// A text that is no condition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AssertionError {
    /// No comparison in it.
    #[error("`{0}` compares nothing; write a condition such as att.rmse<=0.0125")]
    NoComparison(String),
    /// A bound that is no number.
    #[error("`{number}` in `{text}` is not a number")]
    Bound {
        /// As written.
        number: String,
        /// The whole condition.
        text: String,
    },
    /// A name of other than two or three parts.
    #[error("`{0}` is not ESTIMAND.METRIC or ESTIMAND.TIER.METRIC")]
    Name(String),
    /// An estimand without a truth.
    #[error("`{0}` is not scored; use att or ate")]
    Estimand(String),
    /// A word that is no group of verdicts, or no measure.
    #[error("`{word}` is not one of {}", words.join(", "))]
    Word {
        /// The word.
        word: String,
        /// The words that it could be.
        words: Vec<&'static str>,
    },
}

/// One condition.
#[derive(Debug, Clone, PartialEq)]
pub struct Assertion {
    /// The estimand.
    pub estimand: Target,
    /// The verdicts.
    pub tiers: Tiers,
    metric: Metric,
    sign: usize,
    bound: f64,
}

/// The outcome of a condition.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// The condition.
    pub assertion: Assertion,
    /// The number; `None` if there is none or it is not finite, which never holds.
    pub value: Option<f64>,
    /// `true` if it holds.
    pub holds: bool,
}

impl Assertion {
    /// Holds the condition against measures of the group that it names.
    #[must_use]
    pub fn hold(&self, measures: &Measures) -> Held {
        let value = match self.metric {
            Metric::N => Some(measures.n as f64),
            Metric::Failed => Some(measures.failed as f64),
            Metric::Share => measures.share,
            Metric::Bias => measures.bias,
            Metric::Rmse => measures.rmse,
            Metric::Winsorised => measures.winsorised,
            Metric::Median => measures.median,
            Metric::Coverage => measures.coverage,
            Metric::Width => measures.width,
        };
        let value = value.filter(|value| value.is_finite());
        let compare = SIGNS.get(self.sign).map(|(_, compare)| *compare);
        let holds = value.zip(compare).is_some_and(|(value, compare)| compare(value, self.bound));
        Held { assertion: self.clone(), value, holds }
    }
}

impl FromStr for Assertion {
    type Err = AssertionError;

    fn from_str(text: &str) -> Result<Self, AssertionError> {
        let found = SIGNS.iter().enumerate().filter_map(|(i, (sign, _))| Some((text.find(sign)?, i)));
        // The first sign of the text; of two that start there, the longer.
        let (at, sign) =
            found.min_by_key(|(at, i)| (*at, *i)).ok_or_else(|| AssertionError::NoComparison(text.to_owned()))?;
        let length = SIGNS.get(sign).map_or(0, |(sign, _)| sign.len());
        let (name, number) = (&text[..at], &text[at + length..]);
        let bound: f64 = match number.trim().parse() {
            Ok(bound) if f64::is_finite(bound) => bound,
            _ => return Err(AssertionError::Bound { number: number.trim().to_owned(), text: text.to_owned() }),
        };
        let parts: Vec<&str> = name.trim().split('.').map(str::trim).collect();
        let (estimand, tiers, metric) = match parts.as_slice() {
            [estimand, metric] => (*estimand, "all", *metric),
            [estimand, tiers, metric] => (*estimand, *tiers, *metric),
            _ => return Err(AssertionError::Name(name.trim().to_owned())),
        };
        let estimand = Target::parse(estimand)
            .filter(|target| super::SCORED.contains(target))
            .ok_or_else(|| AssertionError::Estimand(estimand.to_owned()))?;
        Ok(Assertion { estimand, tiers: by_key(tiers, &Tiers::KEYS)?, metric: by_key(metric, &METRICS)?, sign, bound })
    }
}

fn by_key<T: Copy>(word: &str, words: &[(&'static str, T)]) -> Result<T, AssertionError> {
    let found = words.iter().find(|(key, _)| *key == word).map(|(_, value)| *value);
    found.ok_or_else(|| AssertionError::Word {
        word: word.to_owned(),
        words: words.iter().map(|(key, _)| *key).collect(),
    })
}

impl fmt::Display for Assertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let metric = METRICS.iter().find(|(_, metric)| *metric == self.metric).map_or("", |(key, _)| key);
        let sign = SIGNS.get(self.sign).map_or("", |(sign, _)| sign);
        let tiers = if self.tiers == Tiers::All { String::new() } else { format!(".{}", self.tiers.key()) };
        write!(f, "{}{tiers}.{metric}{sign}{}", self.estimand.key(), self.bound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn holds(text: &str) -> bool {
        let measures = Measures {
            n: 10,
            failed: 0,
            share: Some(0.5),
            bias: Some(-0.001),
            rmse: Some(0.0125),
            coverage: None,
            width: Some(0.04),
            ..Measures::default()
        };
        text.parse::<Assertion>().expect(text).hold(&measures).holds
    }

    #[test]
    fn conditions_hold_or_not() {
        for (text, expected) in [
            ("att.rmse<=0.0125", true),
            ("att.rmse < 0.0125", false),
            ("ate.accepted.rmse>=0.0125", true),
            ("att.n==10", true),
            ("att.bias>-0.002", true),
            ("ATT.width<4e-2", false),
            ("att.not_satisfactory.share > 0.4", true),
        ] {
            assert_eq!(holds(text), expected, "{text}");
        }
        let infinite = Measures { rmse: Some(f64::INFINITY), bias: Some(f64::NAN), ..Measures::default() };
        for text in ["att.rmse>=0", "att.bias<=1", "att.bias>=-1"] {
            let held = text.parse::<Assertion>().expect(text).hold(&infinite);
            assert_eq!((held.holds, held.value), (false, None), "{text}");
        }
        assert!(!holds("att.coverage>=0") && !holds("att.coverage<=1"), "what is not there holds nothing");
    }

    #[test]
    fn what_is_no_condition() {
        for text in [
            "",
            "att.rmse",
            "rmse<1",
            "ato.rmse<1",
            "att.rmse<",
            "att.rmse<=NaN",
            "att.best.rmse<1",
            "a.b.c.d<1",
            "att.rmse=<1",
        ] {
            assert!(text.parse::<Assertion>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn anything_typed_is_read_or_refused(text in "(att|ate|ato|x)?[.](all|accepted|rmse|é)?[.]?(n|width|rmse)?[<>= ]{0,3}[0-9.eE-]{0,6}") {
            if let Ok(assertion) = text.parse::<Assertion>() {
                prop_assert_eq!(assertion.to_string().parse::<Assertion>(), Ok(assertion));
            }
        }
    }
}
