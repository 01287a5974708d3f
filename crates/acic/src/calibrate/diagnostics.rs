//! The diagnostics that are calibrated: where their numbers are, which way is worse, and where a rubric has its thresholds.

use std::collections::BTreeMap;

/// The direction of a diagnostic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worse {
    /// The larger the worse.
    High,
    /// The smaller the worse.
    Low,
}

/// One diagnostic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Diagnostic {
    /// Its name in tables, and in the rubric if that grades it.
    pub key: &'static str,
    /// Its name among the diagnostics of a row.
    pub reads: &'static str,
    /// `true` if it is a count that is compared per unit of the dataset.
    pub per_unit: bool,
    /// The direction that is worse.
    pub worse: Worse,
}

const fn same_name(key: &'static str, worse: Worse) -> Diagnostic {
    Diagnostic { key, reads: key, per_unit: false, worse }
}

/// All of them, in the order of tables.
pub const ALL: [Diagnostic; 11] = [
    same_name("balance.priority", Worse::High),
    same_name("overlap.outside", Worse::High),
    same_name("overlap.effective_size", Worse::Low),
    same_name("estimate.convergence", Worse::High),
    same_name("estimate.disagreement", Worse::High),
    same_name("estimate.disagreement_interval", Worse::High),
    same_name("estimate.targets", Worse::High),
    same_name("sensitivity.robustness", Worse::Low),
    Diagnostic { key: "propensity.clipped_share", reads: "propensity.clipped", per_unit: true, worse: Worse::High },
    same_name("overlap.max_weight_share", Worse::High),
    same_name("propensity.auc", Worse::High),
];

impl Diagnostic {
    /// A score that is larger where the diagnostic is worse.
    #[must_use]
    pub fn risk(&self, value: f64) -> f64 {
        match self.worse {
            Worse::High => value,
            Worse::Low => -value,
        }
    }

    /// `true` if a threshold keeps a value. A value on the threshold is kept.
    #[must_use]
    pub fn keeps(&self, value: f64, threshold: f64) -> bool {
        self.risk(value) <= self.risk(threshold)
    }
}

/// The effect of crossing a threshold of the rubric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crossing {
    /// The reader must know.
    Warns,
    /// The estimate is not credible.
    Fails,
}

impl Crossing {
    /// The word in tables.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Crossing::Warns => "warns",
            Crossing::Fails => "fails",
        }
    }
}

/// A fixed threshold of the rubric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bound {
    /// The number.
    pub at: f64,
    /// The effect of crossing it.
    pub crossing: Crossing,
}

/// The fixed thresholds of a rubric by [`Diagnostic::key`], each list in the rubric's order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rubric(pub BTreeMap<&'static str, Vec<Bound>>);

impl Rubric {
    /// The thresholds of one diagnostic; none if the rubric does not grade it.
    #[must_use]
    pub fn bounds(&self, diagnostic: &Diagnostic) -> &[Bound] {
        self.0.get(diagnostic.key).map(Vec::as_slice).unwrap_or_default()
    }
}
