//! The plan of the replay: one document for every dataset, since a competition tells nobody more than this.

use super::analyse::ESTIMANDS;
use super::covariates::{CATEGORIES, covariates};
use crate::estimand::{EstimatorKind, Target};
use crate::nuisance::{Budget, Inference};
use crate::plan::Tool;
use std::fmt::Write;

/// The text of `plan.yaml`.
///
/// Every covariate is a priority confounder. The competition says that treatment depends on covariates and not on which;
/// so each of them has to balance, and none is left out because an algorithm found it unimportant (which is how the peer
/// chooses its priority list, with the outcome in view). There is no placebo outcome: all 58 were made to be adjusted for.
#[must_use]
pub fn render(tools: &[Tool], estimators: &[EstimatorKind], budget: Budget) -> String {
    let mut out = String::from(HEAD);
    for name in CATEGORIES {
        let _ = writeln!(out, "    {name}: category");
    }
    out.push_str(ROLES);
    for name in covariates() {
        let _ = writeln!(out, "    - {name}");
    }
    out.push_str(&settings(tools, estimators, budget));
    out.push_str(TAIL);
    out
}

/// What every plan of an evaluation has in common: estimands, tools, how the answers are computed.
#[must_use]
pub fn settings(tools: &[Tool], estimators: &[EstimatorKind], budget: Budget) -> String {
    let mut out = String::new();
    let list = |words: Vec<&str>| words.join(", ");
    let _ = writeln!(out, "estimands: [{}]", list(ESTIMANDS.map(Target::key).to_vec()));
    let _ = writeln!(out, "tools: [{}]", list(tools.iter().map(|tool| tool.key()).collect()));
    if let Some((primary, others)) = estimators.split_first() {
        let also = list(others.iter().map(|kind| kind.key()).collect());
        let _ = writeln!(out, "analysis:\n  estimator: {}\n  also: [{also}]", primary.key());
        let _ = writeln!(out, "  budget: {}", budget.key());
        // The answers are held against the averages over these very units.
        let _ = writeln!(out, "  inference: {}", Inference::Sample.key());
    }
    out
}

const HEAD: &str = "\
# The plan of the replay. It is held against every dataset in turn: the covariates of the competition, joined with the
# treatment z and the outcome y of one response. Nothing else of a response is read.
title: ACIC 2016 replay
question: What is the average effect of z on y, among the treated and among everyone?
target_trial:
  eligibility: The 4,802 pregnancies of the Collaborative Perinatal Project that the competition used.
  treatment_strategies: z = 1 against z = 0; both are simulated and stand for nothing.
  assignment: At random, with a probability that depends on nothing. In the simulation it depends on covariates.
  time_zero: When z is drawn; every covariate was measured before.
  follow_up: Until y is drawn, the same for every unit.
  outcome: y, a simulated number.
  causal_contrast: The average of y(1) - y(0).
  analysis_plan: A difference in means.
data:
  source: dataset
  missing: error
  columns:
";

const ROLES: &str = "\
treatment:
  column: z
  treated: 1
  control: 0
outcome:
  column: y
  units: units of y
confounders:
  # All of them: nobody says which drive the treatment, so each has to balance.
  priority:
";

/// What ends every plan of an evaluation.
pub const TAIL: &str = "\
loop:
  max_iterations: 1
threats:
  - None by construction; treatment depends on these covariates and on nothing else.
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan;

    #[test]
    fn it_is_a_plan_that_reads() {
        let kinds = [EstimatorKind::AipwCrossfit, EstimatorKind::Aipw];
        let text = render(&[Tool::Propensity, Tool::Aipw, Tool::AipwCrossfit], &kinds, Budget::Thorough);
        let plan = plan::parse(&text).expect("a plan without problems");
        assert_eq!((plan.analysis.estimator, plan.analysis.budget), (Some(kinds[0]), Some(Budget::Thorough)));
        assert_eq!((plan.confounders.priority.len(), plan.confounders.other.len()), (58, 0));
        assert_eq!(plan.data.columns.len(), 3);
        assert_eq!((plan.treatment.column.as_str(), plan.outcome.column.as_str()), ("z", "y"));
    }
}
