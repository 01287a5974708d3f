//! The plan of the replay: one document for every dataset, since a competition tells nobody more than this. And the same
//! as the plan of a single dataset that is exported.

use crate::plan::Tool;
use acic::analyst::ESTIMANDS;
use acic::covariates::{self, CATEGORIES};
use acic::observed::Key;
use causal::estimand::Inference;
use causal::estimand::Target;
use causal::estimator::EstimatorKind;
use causal::learner_kind::Effort;
use std::fmt::Write;

/// The text of `plan.yaml`.
///
/// Every covariate is a priority confounder. The competition says that treatment depends on covariates and not on which;
/// so each of them has to balance, and none is left out because an algorithm found it unimportant (which is how the peer
/// chooses its priority list, with the outcome in view). There is no placebo outcome: all 58 were made to be adjusted for.
#[must_use]
pub fn render(tools: &[Tool], estimators: &[EstimatorKind], effort: Effort) -> String {
    let about = body("dataset");
    HEAD.to_owned() + &about + &settings(tools, estimators, effort) + LOOP + THREATS
}

/// The text of `plan.yaml` beside the file `source` that holds one dataset: treatment, outcome, confounders and `analysis:`
/// of the replay, ATE and ATT, and the playbook engine to act.
///
/// Tools keep their default, all of them. One pass, as in the replay: a revised design may answer for another population, of
/// which no truth is known; a comment says how to let the loop go on.
#[must_use]
pub fn for_dataset(key: Key, source: &str, estimators: &[EstimatorKind], effort: Effort) -> String {
    let Key { setting, response } = key;
    let about = body(source);
    let estimands = list(&EXPORTED.map(Target::key));
    let analysis = analysis(estimators, effort);
    format!(
        "# One dataset of the ACIC 2016 competition, setting {setting}, response {response}: the plan of `oci-agent acic run`, \
         with a file of its own.\n{UNITS}{about}estimands: [{estimands}]\n{analysis}{ONE_PASS}{ACTOR}{THREATS}"
    )
}

/// The part that replay and single dataset have in common: everything before the estimands.
fn body(source: &str) -> String {
    let mut out = format!("{TRIAL}  source: {source}\n  missing: error\n  columns:\n");
    for name in CATEGORIES {
        let _ = writeln!(out, "    {name}: category");
    }
    out.push_str(ROLES);
    for name in covariates::names() {
        let _ = writeln!(out, "    - {name}");
    }
    out
}

/// The part that every plan of an evaluation has in common: estimands, tools, settings of the answers.
#[must_use]
pub fn settings(tools: &[Tool], estimators: &[EstimatorKind], effort: Effort) -> String {
    let tools: Vec<&str> = tools.iter().map(|tool| tool.key()).collect();
    let estimands = list(&ESTIMANDS.map(Target::key));
    format!("estimands: [{estimands}]\ntools: [{}]\n{}", list(&tools), analysis(estimators, effort))
}

/// `analysis:`
fn analysis(estimators: &[EstimatorKind], effort: Effort) -> String {
    let mut out = String::new();
    if let Some((primary, others)) = estimators.split_first() {
        let also = list(&others.iter().map(|kind| kind.key()).collect::<Vec<_>>());
        let _ = writeln!(out, "analysis:\n  estimator: {}\n  also: [{also}]", primary.key());
        let _ = writeln!(out, "  effort: {}", effort.key());
        // The answers are held against the averages over these very units.
        let _ = writeln!(out, "  inference: {}", Inference::Sample.key());
    }
    out
}

fn list(words: &[&str]) -> String {
    words.join(", ")
}

/// The estimands of a dataset on its own: those whose truth is known.
const EXPORTED: [Target; 2] = [Target::Ate, Target::Att];

const HEAD: &str = "\
# The plan of the replay. It is held against every dataset in turn: the covariates of the competition, joined with the
# treatment z and the outcome y of one response. Nothing else of a response is read.
";

const UNITS: &str = "\
# y is in the units of the simulation, as the replay reads and estimates it (only its scorer divides errors by sd(y)); answers
# that are held against this plan have to be in these units.
";

const ONE_PASS: &str = "\
# One pass, as in the replay. Without the next line the loop may revise the design, and may then answer for the units that
# overlap instead of everyone: what is true of them is not what is true of everyone, so look at what an answer is called.
loop: {max_iterations: 1}
";

const ACTOR: &str = "\
actor: {provider: playbook}
# A language model in its place (needs ANTHROPIC_API_KEY, or OPENAI_API_KEY with `provider: openai`):
# actor: {provider: anthropic, model: claude-sonnet-4-5}
";

const TRIAL: &str = "\
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

/// One pass, in every plan of an evaluation.
pub const LOOP: &str = "\
loop:
  max_iterations: 1
";

/// The end of every plan of an evaluation.
pub const THREATS: &str = "\
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
        let text = render(&[Tool::Propensity, Tool::Aipw, Tool::AipwCrossfit], &kinds, Effort::Thorough);
        let plan = plan::parse(&text).expect("a plan without problems");
        assert_eq!((plan.analysis.estimator, plan.analysis.effort), (Some(kinds[0]), Some(Effort::Thorough)));
        assert_eq!((plan.confounders.priority.len(), plan.confounders.other.len()), (58, 0));
        assert_eq!(plan.data.columns.len(), 3);
        assert_eq!((plan.treatment.column.as_str(), plan.outcome.column.as_str()), ("z", "y"));
    }
}
