//! One vocabulary for what a diagnostic found: shared by the rubric, the playbooks, the reports and the exit code.

use causal::keyed_enum;
use serde::{Deserialize, Serialize};

keyed_enum! {
    /// The severity of a finding. The order matters: a larger value is worse.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Severity {
        /// Measured, and fine.
        Pass = "pass",
        /// It informs, or it has no meaning for this study, e.g. hidden confounding where treatment was randomised. It lowers
        /// nothing, and it is not a pass.
        NotGraded = "not_graded",
        /// Not measured yet because it needs the outcome effect and the loop is still blind. Not a pass.
        Withheld = "withheld",
        /// Could not be measured or was not allowed. Not a pass: it caps the verdict at caveats.
        NotApplicable = "not_applicable",
        /// Measured; the reader must know.
        Warn = "warn",
        /// Measured; the estimand is not credible as designed.
        Fail = "fail",
    }
}

keyed_enum! {
    /// The subject of a check. Playbooks name these codes in their front matter.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Code {
        /// Why the comparison would be causal: by design, by a graph, or by assumption.
        Identification = "identification",
        /// Share of the target population in a part of a confounder's range where the other arm is missing.
        StructureOneArm = "structure.one_arm",
        /// Share of the target population in a subgroup by several confounders where one arm is all but missing.
        StructurePocket = "structure.pocket",
        /// R² of the outcome on the confounders, where it is all but one.
        StructureOutcome = "structure.outcome",
        /// Whether the answer is about those who were asked about, and the share of them that is left.
        PopulationKept = "population.kept",
        /// Difference between the arms in the share of units without an outcome.
        PopulationAttrition = "population.attrition",
        /// Largest weighted |SMD| among the priority confounders.
        BalancePriority = "balance.priority",
        /// Share of the target population with a propensity outside (0.1, 0.9).
        OverlapOutside = "overlap.outside",
        /// Smallest Kish effective sample size of the two arms under the weights of the estimand.
        OverlapEffectiveSize = "overlap.effective_size",
        /// Smallest Holm-adjusted p-value over the declared placebo outcomes and negative controls.
        PlaceboEffect = "placebo.effect",
        /// Robustness value against the strongest priority confounder.
        SensitivityRobustness = "sensitivity.robustness",
        /// Convergence of every nuisance fit.
        EstimateConvergence = "estimate.convergence",
        /// Largest difference of doubly robust estimates of the same effect, in standard deviations of the outcome.
        EstimateDisagreement = "estimate.disagreement",
        /// The same difference as a share of the half-width of the interval.
        EstimateDisagreementInterval = "estimate.disagreement_interval",
        /// Width of the interval against the spread of the outcome.
        EstimateWidth = "estimate.width",
        /// Share of the spread of the outcome that one row makes.
        EstimateOneRow = "estimate.one_row",
        /// A standard error that leaves the nuisance models out, where overlap is poor.
        EstimateStandardError = "estimate.standard_error",
        /// Largest difference between the effects in different target populations, in standard deviations of the outcome.
        EstimateTargets = "estimate.targets",
        /// Plan, spec and executed analysis agree.
        Alignment = "alignment",
        /// The loop was not blind (`loop: {blind: false}`).
        Blindness = "blindness",
        /// The settled design gave no estimate, so there is nothing to believe.
        EstimateFailed = "estimate.failed",
        /// The nuisance models could not be fitted for this analysis, so there is nothing to grade.
        DesignFailed = "design.failed",
    }
}

impl Code {
    /// All codes, in reporting order.
    pub const ALL: [Code; 22] = [
        Code::DesignFailed,
        Code::EstimateFailed,
        Code::Identification,
        Code::StructureOneArm,
        Code::StructurePocket,
        Code::StructureOutcome,
        Code::PopulationKept,
        Code::PopulationAttrition,
        Code::BalancePriority,
        Code::OverlapOutside,
        Code::OverlapEffectiveSize,
        Code::PlaceboEffect,
        Code::EstimateConvergence,
        Code::EstimateDisagreement,
        Code::EstimateDisagreementInterval,
        Code::EstimateWidth,
        Code::EstimateOneRow,
        Code::EstimateStandardError,
        Code::EstimateTargets,
        Code::SensitivityRobustness,
        Code::Alignment,
        Code::Blindness,
    ];

    /// True if its number can only come from an effect, and must not exist while the loop is blind.
    #[must_use]
    pub fn needs_effect(self) -> bool {
        matches!(
            self,
            Code::SensitivityRobustness
                | Code::EstimateDisagreement
                | Code::EstimateDisagreementInterval
                | Code::EstimateWidth
                | Code::EstimateOneRow
                | Code::EstimateStandardError
                | Code::EstimateTargets
        )
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

keyed_enum! {
    /// The three grades an estimand can get. The order matters: a larger value is better.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Tier {
        /// At least one finding fails.
        NotSatisfactory = "not_satisfactory",
        /// Nothing fails; something warns or could not be checked.
        SatisfactoryWithCaveats = "satisfactory_with_caveats",
        /// Every check was made and passed.
        FullySatisfactory = "fully_satisfactory",
    }
}
