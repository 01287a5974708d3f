//! The table of estimators. A row is the name of the kind, what computes it (a path below [`crate::estimate`]), and its
//! facts; rows stand in reporting order. Nothing else in the library lists estimators.

use crate::estimator::EstimatorKind;

/// Calls `$then` with all rows.
macro_rules! for_each_estimator {
    ($then:ident) => {
        $then! {
            /// Difference of arm means, no adjustment. A benchmark to argue against, never an answer.
            Naive by difference_in_means::DifferenceInMeans: Facts {
                key: "naive",
                title: "difference in means",
                point_estimate: "ȳ₁ − ȳ₀",
                standard_error: "Welch",
                role: Role::Benchmark,
                standard: true,
                doubly_robust: false,
                crossfitted: false,
                propensity: PropensityUse::Never,
                outcome: OutcomeFit::Nothing,
                made_for: MadeFor::REGRESSIONS,
                inferences: &[Inference::Population],
                clusters: ClusterSupport::Population,
                weights: true,
                outcomes: &[OutcomeKind::Continuous, OutcomeKind::Binary],
                scales: &[Scale::Difference],
                tool: None,
                preference: None,
                members: &[],
            };
            /// Coefficient of treatment in one linear regression: the one-shot analyst's answer, a benchmark only.
            Regression by regression::PooledRegression: Facts {
                key: "regression",
                title: "linear regression",
                point_estimate: "coefficient of T in y ~ 1 + T + X",
                standard_error: "classical",
                role: Role::Benchmark,
                standard: true,
                doubly_robust: false,
                crossfitted: false,
                propensity: PropensityUse::Never,
                outcome: OutcomeFit::PooledRegression,
                made_for: MadeFor::REGRESSIONS,
                inferences: &[Inference::Population],
                clusters: ClusterSupport::Refused {
                    independent: "classical standard error",
                    advice: "use an estimator that is not a benchmark",
                    instead: None,
                },
                weights: true,
                outcomes: &[OutcomeKind::Continuous, OutcomeKind::Binary],
                scales: &[Scale::Difference],
                tool: Some("outcome_regression"),
                preference: None,
                members: &[],
            };
            /// Outcome regression in each arm, standardised over the target population (g-formula).
            Gformula by gformula::Gformula: Facts {
                key: "gformula",
                title: "g-formula",
                point_estimate: "Σ h(μ₁ − μ₀)/Σ h",
                standard_error: "stacked",
                role: Role::Answer,
                standard: true,
                doubly_robust: false,
                crossfitted: false,
                propensity: PropensityUse::OverlapTarget(PropensityFit::Logistic),
                outcome: OutcomeFit::Regressions,
                made_for: MadeFor::REGRESSIONS,
                inferences: &[Inference::Population],
                clusters: ClusterSupport::Population,
                weights: true,
                outcomes: &[OutcomeKind::Continuous, OutcomeKind::Binary],
                scales: &[Scale::Difference],
                tool: Some("outcome_regression"),
                preference: Some(6),
                members: &[],
            };
            /// Inverse-propensity weighting, Horvitz–Thompson.
            IpwHt by ipw::HorvitzThompson: Facts {
                key: "ipw_ht",
                title: "IPW (Horvitz–Thompson)",
                point_estimate: "weighted sums",
                standard_error: "stacked",
                role: Role::Answer,
                standard: true,
                doubly_robust: false,
                crossfitted: false,
                propensity: PropensityUse::EveryTarget(PropensityFit::Logistic),
                outcome: OutcomeFit::Nothing,
                made_for: MadeFor::REGRESSIONS,
                inferences: &[Inference::Population],
                clusters: ClusterSupport::Population,
                weights: true,
                outcomes: &[OutcomeKind::Continuous, OutcomeKind::Binary],
                scales: &[Scale::Difference],
                tool: Some("ipw"),
                preference: None,
                members: &[],
            };
            /// Inverse-propensity weighting with normalised weights (Hájek).
            IpwHajek by ipw::Hajek: Facts {
                key: "ipw_hajek",
                title: "IPW (Hájek)",
                point_estimate: "weighted means",
                standard_error: "stacked",
                role: Role::Answer,
                standard: true,
                doubly_robust: false,
                crossfitted: false,
                propensity: PropensityUse::EveryTarget(PropensityFit::Logistic),
                outcome: OutcomeFit::Nothing,
                made_for: MadeFor::REGRESSIONS,
                inferences: &[Inference::Population],
                clusters: ClusterSupport::Population,
                weights: true,
                outcomes: &[OutcomeKind::Continuous, OutcomeKind::Binary],
                scales: &[Scale::Difference],
                tool: Some("ipw"),
                preference: Some(5),
                members: &[],
            };
            /// Augmented inverse-propensity weighting (doubly robust), nuisances fitted on all rows.
            Aipw by aipw::Aipw: Facts {
                key: "aipw",
                title: "AIPW",
                point_estimate: "one orthogonal score for all four targets",
                standard_error: "stacked",
                role: Role::Answer,
                standard: true,
                doubly_robust: true,
                crossfitted: false,
                propensity: PropensityUse::EveryTarget(PropensityFit::Logistic),
                outcome: OutcomeFit::Regressions,
                made_for: MadeFor::REGRESSIONS,
                inferences: &[Inference::Population, Inference::Sample],
                clusters: ClusterSupport::Population,
                weights: true,
                outcomes: &[OutcomeKind::Continuous, OutcomeKind::Binary],
                scales: &[Scale::Difference],
                tool: Some("aipw"),
                preference: Some(1),
                members: &[],
            };
            /// The same with K-fold cross-fitted nuisances, by any learner.
            AipwCrossfit by aipw::CrossFittedAipw: Facts {
                key: "aipw_crossfit",
                title: "AIPW, cross-fitted",
                point_estimate: "the same with out-of-fold nuisances",
                standard_error: "influence function",
                role: Role::Answer,
                standard: true,
                doubly_robust: true,
                crossfitted: true,
                propensity: PropensityUse::EveryTarget(PropensityFit::CrossFitted),
                outcome: OutcomeFit::CrossFitted,
                made_for: MadeFor::REGRESSIONS,
                inferences: &[Inference::Population, Inference::Sample],
                clusters: ClusterSupport::Population,
                weights: true,
                outcomes: &[OutcomeKind::Continuous, OutcomeKind::Binary],
                scales: &[Scale::Difference],
                tool: Some("aipw_crossfit"),
                preference: Some(2),
                members: &[],
            };
            /// Targeted maximum likelihood (doubly robust, substitution), nuisances fitted on all rows.
            Tmle by tmle::Tmle: Facts {
                key: "tmle",
                title: "TMLE",
                point_estimate: "substitution at predictions moved until that score is solved",
                standard_error: "influence function",
                role: Role::Answer,
                standard: false,
                doubly_robust: true,
                crossfitted: false,
                propensity: PropensityUse::EveryTarget(PropensityFit::Logistic),
                outcome: OutcomeFit::Regressions,
                made_for: MadeFor::REGRESSIONS,
                inferences: &[Inference::Population, Inference::Sample],
                clusters: ClusterSupport::Population,
                weights: true,
                outcomes: &[OutcomeKind::Continuous, OutcomeKind::Binary],
                scales: &[Scale::Difference],
                tool: Some("tmle"),
                preference: Some(3),
                members: &[],
            };
            /// The same with K-fold cross-fitted nuisances, by any learner.
            TmleCrossfit by tmle::CrossFittedTmle: Facts {
                key: "tmle_crossfit",
                title: "TMLE, cross-fitted",
                point_estimate: "the same with out-of-fold nuisances",
                standard_error: "influence function",
                role: Role::Answer,
                standard: false,
                doubly_robust: true,
                crossfitted: true,
                propensity: PropensityUse::EveryTarget(PropensityFit::CrossFitted),
                outcome: OutcomeFit::CrossFitted,
                made_for: MadeFor::REGRESSIONS,
                inferences: &[Inference::Population, Inference::Sample],
                clusters: ClusterSupport::Population,
                weights: true,
                outcomes: &[OutcomeKind::Continuous, OutcomeKind::Binary],
                scales: &[Scale::Difference],
                tool: Some("tmle"),
                preference: None,
                members: &[],
            };
            /// Bayesian additive regression trees, standardised over the target population: posterior mean and interval.
            Bart by bart::Bart: Facts {
                key: "bart",
                title: "BART",
                point_estimate: "posterior mean of the standardised effect",
                standard_error: "posterior",
                role: Role::Answer,
                standard: false,
                doubly_robust: false,
                crossfitted: false,
                propensity: PropensityUse::OverlapTarget(PropensityFit::CrossFitted),
                outcome: OutcomeFit::Own(&[LearnerKind::Bart]),
                made_for: MadeFor { propensity: LearnerKind::BoostingOrRidge, outcome: LearnerKind::Bart },
                inferences: &[Inference::Population, Inference::Sample],
                clusters: ClusterSupport::Refused {
                    independent: "posterior",
                    advice: "use aipw_bart or aipw_crossfit",
                    instead: Some(EstimatorKind::AipwBart),
                },
                weights: true,
                outcomes: &[OutcomeKind::Continuous, OutcomeKind::Binary],
                scales: &[Scale::Difference],
                tool: Some("bart"),
                preference: None,
                members: &[],
            };
            /// AIPW with one BART for both arms, fitted on all rows, and a cross-fitted propensity.
            AipwBart by aipw_bart::AipwBart: Facts {
                key: "aipw_bart",
                title: "AIPW with BART",
                point_estimate: "AIPW with normalised weights, one BART, cross-fitted propensity",
                standard_error: "influence function",
                role: Role::Answer,
                standard: false,
                doubly_robust: true,
                crossfitted: true,
                propensity: PropensityUse::EveryTarget(PropensityFit::CrossFitted),
                outcome: OutcomeFit::Own(&[LearnerKind::Bart]),
                made_for: MadeFor { propensity: LearnerKind::BoostingOrRidge, outcome: LearnerKind::Bart },
                inferences: &[Inference::Population, Inference::Sample],
                clusters: ClusterSupport::Population,
                weights: true,
                outcomes: &[OutcomeKind::Continuous, OutcomeKind::Binary],
                scales: &[Scale::Difference],
                tool: Some("bart"),
                preference: Some(4),
                members: &[],
            };
            /// The mean of two AIPW estimates that fail differently, cross-fitted boosting and BART; their disagreement is
            /// in the interval.
            DrAverage by dr_average::DrAverage: Facts {
                key: "dr_average",
                title: "doubly robust average",
                point_estimate: "mean of that and of the same with boosting or ridge in each arm, out of fold",
                standard_error: "with their disagreement",
                role: Role::Answer,
                standard: false,
                doubly_robust: true,
                crossfitted: true,
                propensity: PropensityUse::EveryTarget(PropensityFit::CrossFitted),
                outcome: OutcomeFit::Own(&[LearnerKind::BoostingOrRidge, LearnerKind::Bart]),
                made_for: MadeFor { propensity: LearnerKind::BoostingOrRidge, outcome: LearnerKind::BoostingOrRidge },
                inferences: &[Inference::Population, Inference::Sample],
                clusters: ClusterSupport::Population,
                weights: true,
                outcomes: &[OutcomeKind::Continuous, OutcomeKind::Binary],
                scales: &[Scale::Difference],
                tool: Some("dr_average"),
                preference: Some(7),
                members: &[EstimatorKind::AipwCrossfit, EstimatorKind::AipwBart],
            };
        }
    };
}

pub(crate) use for_each_estimator;

impl Default for EstimatorKind {
    /// AIPW with regressions: what answers a request that names no estimator.
    fn default() -> Self {
        EstimatorKind::Aipw
    }
}
