//! The estimators: one row of facts each, and the nuisance models that each is made for.
//!
//! Everything that the library and its users must know of an estimator without running it is in its row of
//! [`crate::estimator`]'s table (`estimator/table.rs`): plans are validated against it, tables and help are made from it,
//! and [`crate::estimate`] finds there what computes the estimate.

mod table;

use crate::estimand::{Inference, OutcomeKind};
use crate::learner_kind::{Effort, LearnerKind};
use crate::scale::Scale;
use serde::{Deserialize, Serialize};

pub(crate) use table::for_each_estimator;

/// The role of an estimate: answer or benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It can be the answer.
    Answer,
    /// Something to argue against, computed in any case.
    Benchmark,
}

/// The way a propensity is fitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PropensityFit {
    /// Logistic regression on all rows, whose uncertainty the standard error may stack.
    Logistic,
    /// Any learner, out of fold.
    CrossFitted,
}

/// The targets for which an estimator uses a propensity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PropensityUse {
    /// None.
    Never,
    /// Only in the overlap population, which is defined by it.
    OverlapTarget(PropensityFit),
    /// For every target: it weights by it.
    EveryTarget(PropensityFit),
}

/// The outcome models that an estimator uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutcomeFit {
    /// None.
    Nothing,
    /// One linear regression on treatment and terms.
    PooledRegression,
    /// A linear or logistic regression in each arm, on all rows.
    Regressions,
    /// Any learner in each arm, out of fold.
    CrossFitted,
    /// These learners, which are part of what it is.
    Own(&'static [LearnerKind]),
}

/// The support of clusters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClusterSupport {
    /// Standard errors about the population are robust to them; intervals about the sample are not defined.
    Population,
    /// The estimator is not available with clusters.
    Refused {
        /// The part of it that takes units for independent: `posterior`.
        independent: &'static str,
        /// The advice, after a semicolon.
        advice: &'static str,
        /// The most similar estimator that respects clusters, if one can be the answer.
        instead: Option<EstimatorKind>,
    },
}

/// The facts about one estimator.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Facts {
    /// The word in plans, specs and on the command line.
    pub key: &'static str,
    /// The name for a table or a plot.
    pub title: &'static str,
    /// The point estimate, for a table.
    pub point_estimate: &'static str,
    /// The headline standard error about the population, for a table.
    pub standard_error: &'static str,
    /// Its role.
    pub role: Role,
    /// True if every analysis gets it unless it asks for others: quick, and without tuning.
    pub standard: bool,
    /// True if it needs only one of propensity and outcome models to be right.
    pub doubly_robust: bool,
    /// True if a nuisance of it is always cross-fitted, so that repeats with other folds matter.
    pub crossfitted: bool,
    /// Its propensity.
    pub propensity: PropensityUse,
    /// Its outcome models.
    pub outcome: OutcomeFit,
    /// The learners (propensity, outcome means) that it is made for.
    pub made_for: MadeFor,
    /// Whose average effects it has intervals about.
    pub inferences: &'static [Inference],
    /// Its support of clusters.
    pub clusters: ClusterSupport,
    /// True if it takes observation weights.
    pub weights: bool,
    /// The outcomes that it takes.
    pub outcomes: &'static [OutcomeKind],
    /// The scales on which it gives effects.
    pub scales: &'static [Scale],
    /// The key of the plan's tool that allows it; `None` if it needs no permission.
    pub tool: Option<&'static str>,
    /// Its place, from 1, among those that answer where nothing else decides; `None` if it has to be asked for.
    pub preference: Option<u8>,
    /// The estimators that it is the average of, as near as each is available alone.
    pub members: &'static [EstimatorKind],
}

/// The learners that an estimator is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MadeFor {
    /// Of the propensity.
    pub propensity: LearnerKind,
    /// Of the outcome means.
    pub outcome: LearnerKind,
}

impl MadeFor {
    /// Maximum likelihood.
    const REGRESSIONS: MadeFor = MadeFor { propensity: LearnerKind::Linear, outcome: LearnerKind::Linear };
}

/// Makes the enum and its facts of the rows of the table.
macro_rules! kinds {
    ($( $(#[$doc:meta])* $kind:ident by $implementer:path: $facts:expr; )+) => {
        /// The estimators this program has. The key is what plans, specs and the command line say.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum EstimatorKind {
            $( $(#[$doc])* $kind, )+
        }

        impl EstimatorKind {
            /// All estimators, in reporting order.
            pub const ALL: [EstimatorKind; [$(stringify!($kind)),+].len()] = [$(EstimatorKind::$kind),+];

            /// The row of this estimator.
            #[must_use]
            pub const fn facts(self) -> &'static Facts {
                match self {
                    $( EstimatorKind::$kind => {
                        const ROW: Facts = $facts;
                        &ROW
                    } )+
                }
            }
        }
    };
}

for_each_estimator!(kinds);

/// The number of standard estimators.
const fn count_standard() -> usize {
    let (mut i, mut count) = (0, 0);
    // By index: iterators are not available in constants.
    while i < EstimatorKind::ALL.len() {
        if EstimatorKind::ALL[i].facts().standard {
            count += 1;
        }
        i += 1;
    }
    count
}

const fn standard() -> [EstimatorKind; count_standard()] {
    let mut found = [EstimatorKind::ALL[0]; count_standard()];
    let (mut i, mut at) = (0, 0);
    while i < EstimatorKind::ALL.len() {
        if EstimatorKind::ALL[i].facts().standard {
            found[at] = EstimatorKind::ALL[i];
            at += 1;
        }
        i += 1;
    }
    found
}

impl EstimatorKind {
    /// The estimators that every analysis gets unless it asks for others: quick, and without tuning.
    pub const STANDARD: [EstimatorKind; count_standard()] = standard();

    /// The key used in plans, specs and on the command line.
    #[must_use]
    pub fn key(self) -> &'static str {
        self.facts().key
    }

    /// The name for a table or a plot.
    #[must_use]
    pub fn title(self) -> &'static str {
        self.facts().title
    }

    /// Parses a [`EstimatorKind::key`].
    #[must_use]
    pub fn parse(text: &str) -> Option<EstimatorKind> {
        EstimatorKind::ALL.into_iter().find(|k| k.key() == text.trim())
    }

    /// Those that answer where nothing else decides, the preferred one first.
    #[must_use]
    pub fn by_preference() -> Vec<EstimatorKind> {
        let mut ranked: Vec<(u8, EstimatorKind)> =
            EstimatorKind::ALL.into_iter().filter_map(|kind| Some((kind.facts().preference?, kind))).collect();
        ranked.sort_by_key(|(place, _)| *place);
        ranked.into_iter().map(|(_, kind)| kind).collect()
    }

    /// True for the benchmarks, which are never an answer.
    #[must_use]
    pub fn is_benchmark(self) -> bool {
        self.facts().role == Role::Benchmark
    }

    /// True if one of two models being right is enough.
    #[must_use]
    pub fn is_doubly_robust(self) -> bool {
        self.facts().doubly_robust
    }

    /// True if its propensity may come from any learner. The others take their standard error from the regressions
    /// that they stack.
    #[must_use]
    pub fn takes_learners(self) -> bool {
        self.facts().propensity.fit() == Some(PropensityFit::CrossFitted)
    }

    /// True if its outcome means are by the learner of the plan, out of fold.
    #[must_use]
    pub fn takes_outcome_learners(self) -> bool {
        self.facts().outcome == OutcomeFit::CrossFitted
    }

    /// True if a nuisance of it is cross-fitted, so that repeats with other folds matter.
    #[must_use]
    pub fn is_crossfitted(self) -> bool {
        self.facts().crossfitted
    }

    /// True if its outcome models are part of what it is, rather than a choice.
    #[must_use]
    pub fn brings_outcome_models(self) -> bool {
        matches!(self.facts().outcome, OutcomeFit::Own(_))
    }

    /// True if it adjusts for the terms.
    #[must_use]
    pub fn adjusts(self) -> bool {
        (self.facts().propensity, self.facts().outcome) != (PropensityUse::Never, OutcomeFit::Nothing)
    }

    /// True for the coefficient of treatment in one regression.
    #[must_use]
    pub fn is_pooled_regression(self) -> bool {
        self.facts().outcome == OutcomeFit::PooledRegression
    }

    /// True if units are weighted by the propensity.
    #[must_use]
    pub fn weights_by_propensity(self) -> bool {
        matches!(self.facts().propensity, PropensityUse::EveryTarget(_))
    }

    /// True if it has intervals about that average effect.
    #[must_use]
    pub fn offers(self, inference: Inference) -> bool {
        self.facts().inferences.contains(&inference)
    }
}

impl PropensityUse {
    /// The way the propensity is fitted, where there is one.
    #[must_use]
    pub fn fit(self) -> Option<PropensityFit> {
        match self {
            PropensityUse::Never => None,
            PropensityUse::OverlapTarget(fit) | PropensityUse::EveryTarget(fit) => Some(fit),
        }
    }
}

/// The nuisance models of one analysis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NuisanceModels {
    /// The learner of the propensity.
    pub propensity: LearnerKind,
    /// The learner of the outcome means.
    pub outcome: LearnerKind,
    /// Repeats of the cross-fitting with new folds; the median is reported.
    pub repeats: usize,
    /// The amount of computing.
    #[serde(rename = "budget")]
    pub effort: Effort,
}

impl NuisanceModels {
    /// The models that an estimator is made for; cross-fitting as often as the effort allows.
    #[must_use]
    pub fn for_estimator(estimator: EstimatorKind, effort: Effort) -> Self {
        let MadeFor { propensity, outcome } = estimator.facts().made_for;
        let repeats = if estimator.is_crossfitted() { effort.repeats() } else { 1 };
        Self { propensity, outcome, repeats, effort }
    }
}

impl Default for NuisanceModels {
    /// Maximum likelihood, once.
    fn default() -> Self {
        let MadeFor { propensity, outcome } = MadeFor::REGRESSIONS;
        Self { propensity, outcome, repeats: 1, effort: Effort::Fast }
    }
}

#[cfg(test)]
mod tests {
    use crate::estimator::*;
    use std::collections::BTreeSet;

    #[test]
    fn keys_are_the_serialised_names_and_titles_are_unique() {
        for kind in EstimatorKind::ALL {
            assert_eq!(EstimatorKind::parse(kind.key()), Some(kind));
            let named = format!("{kind:?}").to_lowercase();
            assert_eq!(kind.key().replace('_', ""), named, "the key of a row is not the name of its variant");
        }
        let titles: BTreeSet<&str> = EstimatorKind::ALL.iter().map(|kind| kind.title()).collect();
        assert_eq!(titles.len(), EstimatorKind::ALL.len());
    }

    #[test]
    fn preferences_are_places_from_one_and_never_a_benchmark() {
        let ranked = EstimatorKind::by_preference();
        let places: Vec<u8> = ranked.iter().filter_map(|kind| kind.facts().preference).collect();
        assert_eq!(places, (1..).take(ranked.len()).collect::<Vec<u8>>());
        assert!(ranked.iter().all(|kind| !kind.is_benchmark()));
        assert_eq!(ranked.first(), Some(&EstimatorKind::default()));
    }

    #[test]
    fn facts_that_follow_from_each_other_agree() {
        for kind in EstimatorKind::ALL {
            let facts = kind.facts();
            assert!(!facts.doubly_robust || kind.weights_by_propensity() && facts.outcome != OutcomeFit::Nothing);
            let out_of_fold = facts.propensity == PropensityUse::EveryTarget(PropensityFit::CrossFitted)
                || kind.takes_outcome_learners();
            assert_eq!(facts.crossfitted, out_of_fold, "{kind:?}");
            assert!(kind.offers(Inference::Population), "{kind:?}");
            if let OutcomeFit::Own(learners) = facts.outcome {
                assert!(learners.contains(&facts.made_for.outcome), "{kind:?}");
            }
            assert!(facts.members.iter().all(|member| *member != kind && !member.is_benchmark()), "{kind:?}");
            // A benchmark runs in any case, so a plan that allows no tool must have one.
            assert!(facts.tool.is_some() || kind.is_benchmark(), "{kind:?}");
        }
        assert!(EstimatorKind::ALL.iter().any(|kind| kind.is_benchmark() && kind.facts().tool.is_none()));
    }
}
