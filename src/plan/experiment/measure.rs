//! What a metric measures: `sum(amount)`, `mean(ms)`, `count()`, `quantile(ms, 0.9)`, a ratio of two of them, or the value
//! of a row.

use crate::expression::Written;
use causal::keyed_enum;

keyed_enum! {
    /// How the rows of a unit become one number.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum AggregateKind {
        /// The sum; 0 without rows.
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
        /// The value of the one row that a unit has in the table of assignments.
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

impl std::fmt::Display for Aggregate {
    /// As a plan writes it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let of = self.of.as_ref().map_or("", |of| of.text.as_str());
        match self.kind {
            AggregateKind::Value => f.write_str(of),
            kind => write!(f, "{}({of})", kind.key()),
        }
    }
}

impl std::fmt::Display for Measure {
    /// As a plan writes it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Measure::Mean(aggregate) => aggregate.fmt(f),
            Measure::Ratio(up, down) => write!(f, "{up} / {down}"),
            Measure::Quantile { of, q } => write!(f, "quantile({}, {q})", of.text),
        }
    }
}
