//! The estimators, and the nuisance models that each is made for.

use crate::learner_kind::{Effort, LearnerKind};
use serde::{Deserialize, Serialize};

/// The estimators this program has. The key is what plans, specs and the command line say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EstimatorKind {
    /// Difference of arm means, no adjustment. A benchmark to argue against, never an answer.
    Naive,
    /// Inverse-propensity weighting with normalised weights (Hájek).
    IpwHajek,
    /// Inverse-propensity weighting, Horvitz–Thompson.
    IpwHt,
    /// Outcome regression in each arm, standardised over the target population (g-formula).
    Gformula,
    /// Coefficient of treatment in one linear regression: the one-shot analyst's answer, a benchmark only.
    Regression,
    /// Augmented inverse-propensity weighting (doubly robust), nuisances fitted on all rows.
    Aipw,
    /// The same with K-fold cross-fitted nuisances, by any learner.
    AipwCrossfit,
    /// Targeted maximum likelihood (doubly robust, substitution), nuisances fitted on all rows.
    Tmle,
    /// The same with K-fold cross-fitted nuisances, by any learner.
    TmleCrossfit,
    /// Bayesian additive regression trees, standardised over the target population: posterior mean and interval.
    Bart,
    /// AIPW with one BART for both arms, fitted on all rows, and a cross-fitted propensity.
    AipwBart,
    /// The mean of two AIPW estimates that fail differently, cross-fitted boosting and BART; their disagreement is in
    /// the interval.
    DrAverage,
}

impl EstimatorKind {
    /// All estimators, in reporting order.
    pub const ALL: [EstimatorKind; 12] = [
        EstimatorKind::Naive,
        EstimatorKind::Regression,
        EstimatorKind::Gformula,
        EstimatorKind::IpwHt,
        EstimatorKind::IpwHajek,
        EstimatorKind::Aipw,
        EstimatorKind::AipwCrossfit,
        EstimatorKind::Tmle,
        EstimatorKind::TmleCrossfit,
        EstimatorKind::Bart,
        EstimatorKind::AipwBart,
        EstimatorKind::DrAverage,
    ];

    /// The estimators that every analysis gets unless it asks for others: quick, and without tuning.
    pub const STANDARD: [EstimatorKind; 7] = [
        EstimatorKind::Naive,
        EstimatorKind::Regression,
        EstimatorKind::Gformula,
        EstimatorKind::IpwHt,
        EstimatorKind::IpwHajek,
        EstimatorKind::Aipw,
        EstimatorKind::AipwCrossfit,
    ];

    /// The key used in plans, specs and on the command line.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            EstimatorKind::Naive => "naive",
            EstimatorKind::Regression => "regression",
            EstimatorKind::Gformula => "gformula",
            EstimatorKind::IpwHt => "ipw_ht",
            EstimatorKind::IpwHajek => "ipw_hajek",
            EstimatorKind::Aipw => "aipw",
            EstimatorKind::AipwCrossfit => "aipw_crossfit",
            EstimatorKind::Tmle => "tmle",
            EstimatorKind::TmleCrossfit => "tmle_crossfit",
            EstimatorKind::Bart => "bart",
            EstimatorKind::AipwBart => "aipw_bart",
            EstimatorKind::DrAverage => "dr_average",
        }
    }

    /// The name for a table or a plot.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            EstimatorKind::Naive => "difference in means",
            EstimatorKind::Regression => "linear regression",
            EstimatorKind::Gformula => "g-formula",
            EstimatorKind::IpwHt => "IPW (Horvitz–Thompson)",
            EstimatorKind::IpwHajek => "IPW (Hájek)",
            EstimatorKind::Aipw => "AIPW",
            EstimatorKind::AipwCrossfit => "AIPW, cross-fitted",
            EstimatorKind::Tmle => "TMLE",
            EstimatorKind::TmleCrossfit => "TMLE, cross-fitted",
            EstimatorKind::Bart => "BART",
            EstimatorKind::AipwBart => "AIPW with BART",
            EstimatorKind::DrAverage => "doubly robust average",
        }
    }

    /// Parses a [`EstimatorKind::key`].
    #[must_use]
    pub fn parse(text: &str) -> Option<EstimatorKind> {
        EstimatorKind::ALL.into_iter().find(|k| k.key() == text.trim())
    }

    /// True for the two unadjusted-or-one-shot benchmarks that are never an answer.
    #[must_use]
    pub fn is_benchmark(self) -> bool {
        matches!(self, EstimatorKind::Naive | EstimatorKind::Regression)
    }

    /// Whether its propensity may come from any learner. The others take their standard error from the regressions
    /// that they stack.
    #[must_use]
    pub fn takes_learners(self) -> bool {
        self.is_crossfitted() || self == EstimatorKind::Bart
    }

    /// Whether a nuisance of it is cross-fitted, so that repeats with other folds say something.
    #[must_use]
    pub fn is_crossfitted(self) -> bool {
        matches!(
            self,
            EstimatorKind::AipwCrossfit
                | EstimatorKind::TmleCrossfit
                | EstimatorKind::AipwBart
                | EstimatorKind::DrAverage
        )
    }

    /// Whether its outcome models are part of what it is, rather than a choice.
    #[must_use]
    pub fn brings_outcome_models(self) -> bool {
        matches!(self, EstimatorKind::Bart | EstimatorKind::AipwBart | EstimatorKind::DrAverage)
    }
}

/// The nuisance models of one analysis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NuisanceModels {
    /// What fits the propensity.
    pub propensity: LearnerKind,
    /// What fits the outcome means.
    pub outcome: LearnerKind,
    /// How often cross-fitting is repeated with new folds; the median is reported.
    pub repeats: usize,
    /// How much computing.
    #[serde(rename = "budget")]
    pub effort: Effort,
}

impl NuisanceModels {
    /// What an estimator is made for: boosting and BART for the average of both, BART for those named after it, maximum
    /// likelihood for all others; cross-fitting as often as the effort allows.
    #[must_use]
    pub fn for_estimator(estimator: EstimatorKind, effort: Effort) -> Self {
        let (propensity, outcome) = match estimator {
            EstimatorKind::DrAverage => (LearnerKind::Boosting, LearnerKind::BoostingLinear),
            EstimatorKind::AipwBart | EstimatorKind::Bart => (LearnerKind::Boosting, LearnerKind::Bart),
            _ => (LearnerKind::Linear, LearnerKind::Linear),
        };
        let repeats = if estimator.is_crossfitted() { effort.repeats() } else { 1 };
        Self { propensity, outcome, repeats, effort }
    }
}

impl Default for NuisanceModels {
    /// Maximum likelihood, once.
    fn default() -> Self {
        Self { propensity: LearnerKind::Linear, outcome: LearnerKind::Linear, repeats: 1, effort: Effort::Fast }
    }
}
