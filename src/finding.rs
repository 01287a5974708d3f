//! One vocabulary for what a diagnostic found: shared by the rubric, the playbooks, the reports and the exit code.

use serde::{Deserialize, Serialize};

/// The severity of a finding. The order matters: a larger value is worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Measured, and fine.
    Pass,
    /// Not measured yet because it needs the outcome effect and the loop is still blind. Not a pass.
    Withheld,
    /// Could not be measured or was not allowed. Not a pass: it caps the verdict at caveats.
    NotApplicable,
    /// Measured; the reader must know.
    Warn,
    /// Measured; the estimand is not credible as designed.
    Fail,
}

/// The subject of a check. Playbooks name these codes in their front matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Code {
    /// Largest weighted |SMD| among the priority confounders.
    #[serde(rename = "balance.priority")]
    BalancePriority,
    /// Share of the target population with a propensity outside (0.1, 0.9).
    #[serde(rename = "overlap.outside")]
    OverlapOutside,
    /// Smallest Kish effective sample size of the two arms under the weights of the estimand.
    #[serde(rename = "overlap.effective_size")]
    OverlapEffectiveSize,
    /// Smallest Holm-adjusted p-value over the declared placebo outcomes and negative controls.
    #[serde(rename = "placebo.effect")]
    PlaceboEffect,
    /// Robustness value against the strongest priority confounder.
    #[serde(rename = "sensitivity.robustness")]
    SensitivityRobustness,
    /// Convergence of every nuisance fit.
    #[serde(rename = "estimate.convergence")]
    EstimateConvergence,
    /// Largest difference of doubly robust estimates of the same effect, in standard deviations of the outcome.
    #[serde(rename = "estimate.disagreement")]
    EstimateDisagreement,
    /// The same difference as a share of the half-width of the interval.
    #[serde(rename = "estimate.disagreement_interval")]
    EstimateDisagreementInterval,
    /// A standard error that leaves the nuisance models out, where overlap is poor.
    #[serde(rename = "estimate.standard_error")]
    EstimateStandardError,
    /// Largest difference between the effects in different target populations, in standard deviations of the outcome.
    #[serde(rename = "estimate.targets")]
    EstimateTargets,
    /// Plan, spec and executed analysis agree.
    #[serde(rename = "alignment")]
    Alignment,
    /// The loop was not blind (`loop: {blind: false}`).
    #[serde(rename = "blindness")]
    Blindness,
    /// The settled design gave no estimate, so there is nothing to believe.
    #[serde(rename = "estimate.failed")]
    EstimateFailed,
    /// The nuisance models could not be fitted for this analysis, so there is nothing to grade.
    #[serde(rename = "design.failed")]
    DesignFailed,
}

impl Code {
    /// All codes, in reporting order.
    pub const ALL: [Code; 14] = [
        Code::DesignFailed,
        Code::EstimateFailed,
        Code::BalancePriority,
        Code::OverlapOutside,
        Code::OverlapEffectiveSize,
        Code::PlaceboEffect,
        Code::EstimateConvergence,
        Code::EstimateDisagreement,
        Code::EstimateDisagreementInterval,
        Code::EstimateStandardError,
        Code::EstimateTargets,
        Code::SensitivityRobustness,
        Code::Alignment,
        Code::Blindness,
    ];

    /// The dotted key used in JSON, playbooks and reports.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Code::BalancePriority => "balance.priority",
            Code::OverlapOutside => "overlap.outside",
            Code::OverlapEffectiveSize => "overlap.effective_size",
            Code::PlaceboEffect => "placebo.effect",
            Code::EstimateConvergence => "estimate.convergence",
            Code::EstimateDisagreement => "estimate.disagreement",
            Code::EstimateDisagreementInterval => "estimate.disagreement_interval",
            Code::EstimateStandardError => "estimate.standard_error",
            Code::EstimateTargets => "estimate.targets",
            Code::SensitivityRobustness => "sensitivity.robustness",
            Code::Alignment => "alignment",
            Code::Blindness => "blindness",
            Code::DesignFailed => "design.failed",
            Code::EstimateFailed => "estimate.failed",
        }
    }

    /// True if its number can only come from an effect, and must not exist while the loop is blind.
    #[must_use]
    pub fn needs_effect(self) -> bool {
        matches!(
            self,
            Code::SensitivityRobustness
                | Code::EstimateDisagreement
                | Code::EstimateDisagreementInterval
                | Code::EstimateStandardError
                | Code::EstimateTargets
        )
    }

    /// Parses a [`Code::key`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Code> {
        Code::ALL.into_iter().find(|c| c.key() == text.trim())
    }
}

/// One measured fact, held against its threshold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The check.
    pub code: Code,
    /// The outcome.
    pub severity: Severity,
    /// Name of the number, e.g. `max |SMD|`.
    pub metric: String,
    /// The number, if there is one.
    pub value: Option<f64>,
    /// The threshold that decided the severity, if there is one.
    pub threshold: Option<f64>,
    /// The thing that it is about, e.g. the covariate with the worst balance.
    pub subject: Option<String>,
    /// One sentence for a reader.
    pub message: String,
}

/// The three grades an estimand can get. The order matters: a larger value is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// At least one finding fails.
    NotSatisfactory,
    /// Nothing fails; something warns or could not be checked.
    SatisfactoryWithCaveats,
    /// Every check was made and passed.
    FullySatisfactory,
}

impl Tier {
    /// The key used in JSON, trailers and tables.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Tier::NotSatisfactory => "not_satisfactory",
            Tier::SatisfactoryWithCaveats => "satisfactory_with_caveats",
            Tier::FullySatisfactory => "fully_satisfactory",
        }
    }

    /// Parses a [`Tier::key`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Tier> {
        let tiers = [Tier::NotSatisfactory, Tier::SatisfactoryWithCaveats, Tier::FullySatisfactory];
        tiers.into_iter().find(|tier| tier.key() == text.trim())
    }
}
