//! The plan's allow-list (`tools:`).

use causal::estimator::EstimatorKind;
use causal::keyed_enum;

keyed_enum! {
    /// A method that the actor may use. One that is not listed is never used.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
    pub enum Tool {
        /// The propensity, by whatever learner.
        Propensity = "propensity",
        /// Covariate balance.
        Balance = "balance",
        /// Overlap.
        Overlap = "overlap",
        /// Placebo outcomes and negative controls.
        Placebo = "placebo",
        /// Sensitivity to hidden confounding.
        Sensitivity = "sensitivity",
        /// Trimming on the propensity.
        Trim = "trim",
        /// Inverse-propensity weighting (Hájek and Horvitz–Thompson).
        Ipw = "ipw",
        /// Outcome regression, g-formula, and the one-shot regression benchmark.
        OutcomeRegression = "outcome_regression",
        /// Augmented IPW.
        Aipw = "aipw",
        /// Augmented IPW with cross-fitting.
        AipwCrossfit = "aipw_crossfit",
        /// Targeted maximum likelihood, with and without cross-fitting.
        Tmle = "tmle",
        /// Bayesian additive regression trees, standardised or inside AIPW.
        Bart = "bart",
        /// The average of two doubly robust estimates that fail differently.
        DrAverage = "dr_average",
    }
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

    /// The tool that an estimator belongs to; the difference in means needs none.
    #[must_use]
    pub fn for_estimator(estimator: EstimatorKind) -> Option<Tool> {
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
            assert_eq!(Tool::for_estimator(kind).map(Tool::key), kind.facts().tool, "{kind:?}");
            found.extend(Tool::for_estimator(kind));
        }
        assert_eq!(found, Tool::ESTIMATORS.into_iter().collect());
    }
}
