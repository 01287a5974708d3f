//! The choice of the estimator that answers and of its learners, with the reason.
//!
//! The answer is by the doubly robust average, which is flexible at every size:
//!
//! | rows | outcome models of its two members |
//! |---|---|
//! | 200 to 50,000 | boosting or ridge, whichever predicts held-out rows better; BART on all rows |
//! | more | the same; BART on 50,000 rows drawn by arm, predicting all |
//!
//! It needs 200 rows, 20 in each arm (four for each fold), of a binary outcome 50 of each value in both arms together (five for
//! each fold and arm; by arm they would say what the effect is), and takes at most 1,000 terms. Outside these bounds, and where
//! the plan's tools do not allow it, AIPW with regressions answers. A regression that answers is held against
//! cross-fitted AIPW by flexible learners once effects are seen. The benchmarks run in any case.

use super::Analysis;
use crate::plan::{AnalysisSection, Plan, Tool};
use crate::term::Term;
use causal::estimand::Population;
use causal::estimator::EstimatorKind;
use causal::estimator::NuisanceModels;
use causal::learner_kind::LearnerKind;

/// The doubly robust average needs at least so many rows: smaller samples were not tried.
pub const FEWEST_ROWS: usize = 200;
/// It needs at least so many rows in each arm.
pub const SMALLEST_ARM: usize = 20;
/// It takes at most so many terms: factorising their cross-products would take longer than the trees.
pub const MOST_TERMS: usize = 1_000;

/// Of a binary outcome it needs at least so many units of each value, in both arms together.
pub const FEWEST_EVENTS: usize = 50;

/// What decides who answers, of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampleSizes {
    /// Rows in each arm.
    pub arms: ArmSizes,
    /// Of a binary outcome the units of the rarer value, in both arms together.
    pub rarer_outcome: Option<usize>,
}

impl From<ArmSizes> for SampleSizes {
    fn from(arms: ArmSizes) -> Self {
        Self { arms, rarer_outcome: None }
    }
}

/// The number of rows analysed in each arm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArmSizes {
    /// Treated rows.
    pub treated: usize,
    /// Control rows.
    pub control: usize,
}

/// Who answers, and why.
pub(super) struct Choice {
    pub(super) estimators: Vec<EstimatorKind>,
    pub(super) primary: EstimatorKind,
    pub(super) because: String,
    pub(super) models: NuisanceModels,
}

/// The choice for `p` terms in so many rows; `None` if the tools allow no estimator.
pub(super) fn choose(plan: &Plan, p: usize, sizes: SampleSizes) -> Option<Choice> {
    let (primary, because) = primary(plan, p, sizes)?;
    let asked = &plan.analysis;
    Some(Choice { estimators: estimators(plan, primary), primary, because, models: models(asked, primary) })
}

impl Choice {
    /// The analysis of one requested estimand on `terms`.
    pub(super) fn analysis(&self, requested: causal::estimand::Target, terms: &[Term]) -> Analysis {
        Analysis {
            requested,
            target: requested,
            population: Population::All,
            terms: terms.to_vec(),
            estimators: self.estimators.clone(),
            primary: self.primary,
            because: self.because.clone(),
            models: self.models,
        }
    }
}

fn allowed(plan: &Plan, kind: EstimatorKind) -> bool {
    Tool::for_estimator(kind).is_none_or(|tool| plan.tools.contains(&tool))
}

fn primary(plan: &Plan, p: usize, sizes: SampleSizes) -> Option<(EstimatorKind, String)> {
    if let Some(kind) = plan.analysis.estimator {
        return Some((kind, "The plan says so.".to_owned()));
    }
    if let Some(learner) = other_learners(&plan.analysis).filter(|_| allowed(plan, EstimatorKind::AipwCrossfit)) {
        let because = format!("The plan chooses {learner}, which cross-fitted AIPW takes.");
        return Some((EstimatorKind::AipwCrossfit, because));
    }
    let obstacle = obstacle(plan, p, sizes);
    match obstacle {
        None => Some((EstimatorKind::DrAverage, within(p, sizes.arms))),
        Some(why) => {
            let kind = EstimatorKind::by_preference().into_iter().find(|kind| allowed(plan, *kind))?;
            Some((kind, format!("The doubly robust average is not used: {why}.")))
        }
    }
}

/// Learners that the plan names and the doubly robust average would not use.
fn other_learners(asked: &AnalysisSection) -> Option<String> {
    let outcome = asked.outcome_model.map(|learner| format!("`outcome_model: {}`", learner.key()));
    outcome.or_else(|| asked.propensity.map(|learner| format!("`propensity: {}`", learner.key())))
}

/// The reason why the doubly robust average does not answer, as a clause.
fn obstacle(plan: &Plan, p: usize, sizes: SampleSizes) -> Option<String> {
    let n = sizes.arms.treated + sizes.arms.control;
    let smaller = sizes.arms.treated.min(sizes.arms.control);
    if !allowed(plan, EstimatorKind::DrAverage) {
        Some("the plan's tools do not allow `dr_average`".to_owned())
    } else if n < FEWEST_ROWS {
        Some(format!("it needs at least {FEWEST_ROWS} rows, and there are {n}"))
    } else if smaller < SMALLEST_ARM {
        Some(format!("it needs at least {SMALLEST_ARM} rows in each arm, and the smaller one has {smaller}"))
    } else if let Some(rarer) = sizes.rarer_outcome.filter(|rarer| *rarer < FEWEST_EVENTS) {
        Some(format!("it needs at least {FEWEST_EVENTS} units of each outcome, and the rarer one has {rarer}"))
    } else if p > MOST_TERMS {
        Some(format!("it takes at most {MOST_TERMS} terms, and there are {p}"))
    } else {
        None
    }
}

fn within(p: usize, sizes: ArmSizes) -> String {
    format!(
        "{} rows with {} in the smaller arm are enough for its learners on {p} terms.",
        sizes.treated + sizes.control,
        sizes.treated.min(sizes.control)
    )
}

/// The benchmarks, the answer, and what runs beside it: what the plan says, or the standard estimators and the members
/// of the average.
fn estimators(plan: &Plan, primary: EstimatorKind) -> Vec<EstimatorKind> {
    let standard = || EstimatorKind::STANDARD.iter().chain(primary.facts().members).copied().collect();
    let beside: Vec<EstimatorKind> = plan.analysis.also.clone().unwrap_or_else(standard);
    let wanted = |kind: &EstimatorKind| kind.is_benchmark() || *kind == primary || beside.contains(kind);
    // In the order of the table, not of the plan: the same choice is the same spec, with the same hash.
    EstimatorKind::ALL.into_iter().filter(wanted).filter(|kind| allowed(plan, *kind)).collect()
}

/// The placebo is adjusted as the outcome will be: by AIPW, cross-fitted where the propensity is by a learner. Else, or
/// where the plan allows neither, by Hájek IPW.
pub(crate) fn placebo_estimator(tools: &[Tool], analysis: &Analysis) -> EstimatorKind {
    let flexible = analysis.models.propensity != LearnerKind::Linear;
    if flexible && (tools.contains(&Tool::AipwCrossfit) || tools.contains(&Tool::DrAverage)) {
        EstimatorKind::AipwCrossfit
    } else if tools.contains(&Tool::Aipw) {
        EstimatorKind::Aipw
    } else {
        EstimatorKind::IpwHajek
    }
}

/// The choice of the plan, or the default of the estimator.
fn models(asked: &AnalysisSection, primary: EstimatorKind) -> NuisanceModels {
    let made_for = NuisanceModels::for_estimator(primary, asked.effort.unwrap_or_default());
    NuisanceModels {
        propensity: asked.propensity.unwrap_or(made_for.propensity),
        outcome: asked.outcome_model.unwrap_or(made_for.outcome),
        repeats: asked.repeats.unwrap_or(made_for.repeats),
        effort: made_for.effort,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use causal::estimand::Target;
    use causal::learner_kind::Effort;

    fn analysis(propensity: LearnerKind) -> Analysis {
        Analysis {
            requested: Target::Ate,
            target: Target::Ate,
            population: Population::All,
            terms: Vec::new(),
            estimators: Vec::new(),
            primary: EstimatorKind::Aipw,
            because: String::new(),
            models: NuisanceModels { propensity, outcome: LearnerKind::Linear, repeats: 1, effort: Effort::Fast },
        }
    }

    #[test]
    fn the_placebo_is_adjusted_as_the_outcome_will_be() {
        use EstimatorKind::{Aipw, AipwCrossfit, IpwHajek};
        let (linear, flexible) = (LearnerKind::Linear, [LearnerKind::Boosting, LearnerKind::ElasticNet]);
        let table: [(&[Tool], EstimatorKind, EstimatorKind); 9] = [
            (&Tool::ALL, Aipw, AipwCrossfit),
            (&[Tool::Aipw, Tool::AipwCrossfit], Aipw, AipwCrossfit),
            (&[Tool::Aipw, Tool::DrAverage], Aipw, AipwCrossfit),
            (&[Tool::AipwCrossfit], IpwHajek, AipwCrossfit),
            (&[Tool::DrAverage], IpwHajek, AipwCrossfit),
            (&[Tool::Aipw], Aipw, Aipw),
            (&[Tool::Ipw, Tool::Aipw, Tool::Tmle], Aipw, Aipw),
            (&[Tool::Ipw, Tool::Tmle, Tool::Bart, Tool::OutcomeRegression], IpwHajek, IpwHajek),
            (&[], IpwHajek, IpwHajek),
        ];
        for (tools, by_regression, by_learner) in table {
            assert_eq!(placebo_estimator(tools, &analysis(linear)), by_regression, "{tools:?}");
            for learner in flexible {
                assert_eq!(placebo_estimator(tools, &analysis(learner)), by_learner, "{tools:?} {learner:?}");
            }
        }
    }
}
