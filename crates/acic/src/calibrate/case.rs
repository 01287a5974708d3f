//! One estimate with its diagnostics, its verdict and its error: the unit of calibration.

use super::diagnostics::Diagnostic;
use crate::estimates_csv::Row;
use crate::grade::Grade;
use crate::score::measures::Error;
use causal::estimand::Target;
use std::collections::BTreeMap;

/// Thresholds are chosen on one half of the cases and confirmed on the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Half {
    /// `choose` of the pack; even replicates of a family.
    Choose,
    /// `report` of the pack; odd replicates of a family.
    Confirm,
}

impl Half {
    /// Both.
    pub const ALL: [Half; 2] = [Half::Choose, Half::Confirm];

    /// The word in tables.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Half::Choose => "choose",
            Half::Confirm => "confirm",
        }
    }
}

/// The origin of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin<'a> {
    /// `acic2016`, or the family.
    pub name: &'a str,
    /// Its half.
    pub half: Half,
    /// Units of the dataset.
    pub units: usize,
}

/// One estimate.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// `acic2016`, or the family.
    pub origin: String,
    /// Its half.
    pub half: Half,
    /// Its dataset: `setting/response`, setting 0 in simulated families.
    pub dataset: String,
    /// Its estimand.
    pub estimand: Target,
    /// The verdict of the rubric as it stands.
    pub tier: Grade,
    /// Measurements by key; one that was not made is not there.
    pub values: BTreeMap<&'static str, f64>,
    /// Units of sd(y); `None` where there is no estimate.
    pub error: Option<Error>,
}

impl Case {
    /// The case of a row of a replay.
    #[must_use]
    pub fn from_row(origin: &Origin<'_>, row: &Row, error: Option<Error>) -> Case {
        let value = |d: &Diagnostic| {
            let value = row.diagnostics.value(d.reads)?;
            Some((d.key, if d.per_unit { value / origin.units as f64 } else { value }))
        };
        Case {
            origin: origin.name.to_owned(),
            half: origin.half,
            dataset: row.key.to_string(),
            estimand: row.estimand,
            tier: row.tier,
            values: super::diagnostics::ALL.iter().filter_map(value).collect(),
            error,
        }
    }
}
