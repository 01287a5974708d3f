//! The allow-list: what the actor may use.

use causal::estimator::EstimatorKind;

/// What the actor may use. A tool that is not listed is never used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tool {
    /// The propensity, by whatever learner.
    Propensity,
    /// Covariate balance.
    Balance,
    /// Overlap.
    Overlap,
    /// Placebo outcomes and negative controls.
    Placebo,
    /// Sensitivity to hidden confounding.
    Sensitivity,
    /// Trimming on the propensity.
    Trim,
    /// Inverse-propensity weighting (Hájek and Horvitz–Thompson).
    Ipw,
    /// Outcome regression, g-formula, and the one-shot regression benchmark.
    OutcomeRegression,
    /// Augmented IPW.
    Aipw,
    /// Augmented IPW with cross-fitting.
    AipwCrossfit,
    /// Targeted maximum likelihood, with and without cross-fitting.
    Tmle,
    /// Bayesian additive regression trees, standardised or inside AIPW.
    Bart,
    /// The average of two doubly robust estimates that fail differently.
    DrAverage,
}

impl Tool {
    /// All tools.
    pub const ALL: [Tool; 13] = [
        Tool::Propensity,
        Tool::Balance,
        Tool::Overlap,
        Tool::Placebo,
        Tool::Sensitivity,
        Tool::Trim,
        Tool::Ipw,
        Tool::OutcomeRegression,
        Tool::Aipw,
        Tool::AipwCrossfit,
        Tool::Tmle,
        Tool::Bart,
        Tool::DrAverage,
    ];

    /// Those that estimate.
    pub const ESTIMATORS: [Tool; 7] =
        [Tool::DrAverage, Tool::Aipw, Tool::AipwCrossfit, Tool::Tmle, Tool::Bart, Tool::Ipw, Tool::OutcomeRegression];

    /// The key used in plans.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Tool::Propensity => "propensity",
            Tool::Balance => "balance",
            Tool::Overlap => "overlap",
            Tool::Placebo => "placebo",
            Tool::Sensitivity => "sensitivity",
            Tool::Trim => "trim",
            Tool::Ipw => "ipw",
            Tool::OutcomeRegression => "outcome_regression",
            Tool::Aipw => "aipw",
            Tool::AipwCrossfit => "aipw_crossfit",
            Tool::Tmle => "tmle",
            Tool::Bart => "bart",
            Tool::DrAverage => "dr_average",
        }
    }

    /// Parses a [`Tool::key`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Tool> {
        Tool::ALL.into_iter().find(|t| t.key() == text.trim())
    }

    /// The tool that an estimator belongs to; the difference in means needs none.
    #[must_use]
    pub fn of(estimator: EstimatorKind) -> Option<Tool> {
        estimator.facts().tool.and_then(Tool::parse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_tools_that_estimate_are_those_of_the_table_of_estimators() {
        let mut found = BTreeSet::new();
        for kind in EstimatorKind::ALL {
            assert_eq!(Tool::of(kind).map(Tool::key), kind.facts().tool, "{kind:?}");
            found.extend(Tool::of(kind));
        }
        assert_eq!(found, Tool::ESTIMATORS.into_iter().collect());
    }
}
