//! What a metric measures: `sum(amount)`, `mean(ms)`, `count()`, `quantile(ms, 0.9)`, a ratio of two of them, or the value
//! of a row.
//!
//! The argument is an expression on the columns of a row ([`crate::expression`]). `min(a, b)` and `max(a, b)` are functions
//! of a row; with one argument they are aggregates.

use super::quantities::finite;
use crate::expression::Written;
use crate::expression::cursor::bare_name;
use causal::keyed_enum;

keyed_enum! {
    /// How the rows of a unit become one number.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum AggregateKind {
        /// The sum; 0 without rows, missing where no row has a value.
        Sum = "sum",
        /// The mean; missing without rows.
        Mean = "mean",
        /// The number of rows; 0 without rows.
        Count = "count",
        /// The smallest value; missing without rows.
        Min = "min",
        /// The largest value; missing without rows.
        Max = "max",
        /// The number of different values; 0 without rows.
        Distinct = "distinct",
        /// The value of a row of the table of assignments.
        Value = "value",
    }
}

/// An aggregate of the rows of a unit.
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregate {
    /// How rows become a number.
    pub kind: AggregateKind,
    /// Of what; absent for `count()`.
    pub of: Option<Written>,
}

/// What a metric measures.
#[derive(Debug, Clone, PartialEq)]
pub enum Measure {
    /// A number for each unit, compared by its mean.
    Mean(Aggregate),
    /// The sum of the first over units, divided by that of the second.
    Ratio(Aggregate, Aggregate),
    /// A quantile of the values of all rows.
    Quantile {
        /// Of what.
        of: Written,
        /// Which, in (0, 1).
        q: f64,
    },
}

impl Aggregate {
    /// As a plan writes it.
    #[must_use]
    pub fn text(&self) -> String {
        let of = self.of.as_ref().map_or("", |of| of.text.as_str());
        match self.kind {
            AggregateKind::Value => of.to_owned(),
            kind => format!("{}({of})", kind.key()),
        }
    }
}

impl Measure {
    /// As a plan writes it.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Mean(aggregate) => aggregate.text(),
            Self::Ratio(top, bottom) => format!("{} / {}", top.text(), bottom.text()),
            Self::Quantile { of, q } => format!("quantile({}, {q})", of.text),
        }
    }

    /// The expressions that it is computed from.
    #[must_use]
    pub fn expressions(&self) -> Vec<&Written> {
        match self {
            Self::Mean(aggregate) => aggregate.of.iter().collect(),
            Self::Ratio(top, bottom) => top.of.iter().chain(&bottom.of).collect(),
            Self::Quantile { of, .. } => vec![of],
        }
    }
}

/// Reads `sum(amount)`, or an expression on a row.
///
/// # Errors
/// The fault, to follow the text and a colon.
pub(super) fn parse(text: &str) -> Result<Measure, String> {
    let text = text.trim();
    let error = match Written::parse(text) {
        Ok(of) => return Ok(Measure::Mean(Aggregate { kind: AggregateKind::Value, of: Some(of) })),
        Err(error) => error.fault.to_string(),
    };
    let (name, rest) = bare_name(text);
    let known = AggregateKind::parse(name).filter(|kind| *kind != AggregateKind::Value);
    if known.is_none() && name != "quantile" {
        return Err(error);
    }
    let Some(inner) = rest.trim().strip_prefix('(') else { return Err(error) };
    let Some(inner) = inner.strip_suffix(')').filter(|inner| closes_last(inner)) else {
        return Err(if rest.matches('(').count() > rest.matches(')').count() {
            format!("`{name}(` is not closed (inside braces or brackets a comma ends a value: put it in quotes)")
        } else {
            format!("something follows `{name}(…)`; compute inside it, as in `{name}(2 * x)`, or write `ratio: [a, b]`")
        });
    };
    match known {
        None => quantile(inner),
        Some(kind) => aggregate(kind, inner).map(Measure::Mean),
    }
}

/// True if the parenthesis around a text does not close inside it, as it does in `a) / sum(b`.
fn closes_last(inner: &str) -> bool {
    let mut depth = 0_i32;
    inner.chars().all(|c| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        depth >= 0
    })
}

fn aggregate(kind: AggregateKind, inner: &str) -> Result<Aggregate, String> {
    match (kind, inner.trim()) {
        (AggregateKind::Count, "") => Ok(Aggregate { kind, of: None }),
        (AggregateKind::Count, _) => {
            Err("`count()` takes no argument; choose the rows that count with `filter:`".to_owned())
        }
        (_, inner) => match Written::parse(inner) {
            Ok(of) => Ok(Aggregate { kind, of: Some(of) }),
            Err(error) => Err(format!("in `{}(…)`, {}", kind.key(), error.fault)),
        },
    }
}

fn quantile(inner: &str) -> Result<Measure, String> {
    let usage = || "it is called as `quantile(x, 0.9)`, with a number between 0 and 1".to_owned();
    let (of, q) = inner.rsplit_once(',').ok_or_else(usage)?;
    let q = finite(q).filter(|q| *q > 0.0 && *q < 1.0).ok_or_else(usage)?;
    let of = Written::parse(of).map_err(|error| format!("in `quantile(…)`, {}", error.fault))?;
    Ok(Measure::Quantile { of, q })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aggregates_and_expressions() {
        for (text, shown) in [
            ("sum(amount)", "sum(amount)"),
            (" mean( ms / 1000 ) ", "mean(ms / 1000)"),
            ("count()", "count()"),
            ("max(ms)", "max(ms)"),
            ("max(a, b)", "max(a, b)"),
            ("min(max(a, b))", "min(max(a, b))"),
            ("distinct(`order id`)", "distinct(`order id`)"),
            ("sum(if(x > 0, 1, 0))", "sum(if(x > 0, 1, 0))"),
            ("quantile(ms, 0.9)", "quantile(ms, 0.9)"),
            ("quantile(max(a, b), .5)", "quantile(max(a, b), 0.5)"),
            ("minutes", "minutes"),
            ("minutes / 60", "minutes / 60"),
        ] {
            assert_eq!(parse(text).expect(text).text(), shown);
        }
        let kind = |text: &str| match parse(text) {
            Ok(Measure::Mean(aggregate)) => aggregate.kind,
            other => panic!("{other:?}"),
        };
        assert_eq!((kind("max(a, b)"), kind("max(a)")), (AggregateKind::Value, AggregateKind::Max));
    }

    #[test]
    fn refusals_say_why() {
        for (text, why) in [
            ("sum(amount", "not closed"),
            ("sum(a) + 1", "something follows"),
            ("sum(a) / sum(b)", "ratio: [a, b]"),
            ("count(x)", "takes no argument"),
            ("quantile(ms)", "quantile(x, 0.9)"),
            ("quantile(ms, 90)", "between 0 and 1"),
            ("quantile(ms, nan)", "between 0 and 1"),
            ("total(x)", "no function `total`"),
            ("sum(a =)", "written `==`"),
            ("", "empty"),
            ("sum", "sum"),
        ] {
            match parse(text) {
                Err(found) => assert!(found.contains(why), "{text}: {found}"),
                // A column may be called like an aggregate.
                Ok(measure) => assert_eq!(measure.text(), text),
            }
        }
    }
}
