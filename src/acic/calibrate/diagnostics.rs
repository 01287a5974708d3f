//! The diagnostics that are calibrated: where their numbers are, which way is worse, where the rubric stands.

use crate::critique::rubric::rule;
use crate::finding::Code;

/// Which way a diagnostic points.
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
    /// Its name in tables.
    pub key: &'static str,
    /// Its name among the diagnostics of a row.
    pub reads: &'static str,
    /// Whether it is a count that is compared per unit of the dataset.
    pub per_unit: bool,
    /// Which way is worse.
    pub worse: Worse,
    /// The rule that grades it, if there is one.
    pub code: Option<Code>,
}

const fn graded(key: &'static str, worse: Worse, code: Code) -> Diagnostic {
    Diagnostic { key, reads: key, per_unit: false, worse, code: Some(code) }
}

/// All of them, in the order of tables. The last three are measured and not graded.
pub const ALL: [Diagnostic; 11] = [
    graded("balance.priority", Worse::High, Code::BalancePriority),
    graded("overlap.outside", Worse::High, Code::OverlapOutside),
    graded("overlap.effective_size", Worse::Low, Code::OverlapEffectiveSize),
    graded("estimate.convergence", Worse::High, Code::EstimateConvergence),
    graded("estimate.disagreement", Worse::High, Code::EstimateDisagreement),
    graded("estimate.disagreement_interval", Worse::High, Code::EstimateDisagreementInterval),
    graded("estimate.targets", Worse::High, Code::EstimateTargets),
    graded("sensitivity.robustness", Worse::Low, Code::SensitivityRobustness),
    Diagnostic {
        key: "propensity.clipped_share",
        reads: "propensity.clipped",
        per_unit: true,
        worse: Worse::High,
        code: None,
    },
    Diagnostic {
        key: "overlap.max_weight_share",
        reads: "overlap.max_weight_share",
        per_unit: false,
        worse: Worse::High,
        code: None,
    },
    Diagnostic { key: "propensity.auc", reads: "propensity.auc", per_unit: false, worse: Worse::High, code: None },
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

    /// Whether a threshold keeps a value. On the threshold is kept.
    #[must_use]
    pub fn keeps(&self, value: f64, threshold: f64) -> bool {
        self.risk(value) <= self.risk(threshold)
    }

    /// The fixed thresholds of the rubric as it stands, in its order, each with what crossing it does.
    #[must_use]
    pub fn present(&self) -> Vec<(f64, &'static str)> {
        let Some(rule) = self.code.map(rule) else { return Vec::new() };
        let bounds = [(rule.warn.threshold(), "warns"), (rule.fail.threshold(), "fails")];
        bounds.into_iter().filter_map(|(at, does)| at.map(|at| (at, does))).collect()
    }
}
