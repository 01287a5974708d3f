//! One dataset, through the whole pipeline: plan, spec, design, effects, critique.

use super::error::AcicError;
use super::observed::{Key, Observed};
use super::rows::{Diagnostics, Numbers, Row};
use crate::dataset::{DatasetProblem, Table};
use crate::finding::{Severity, Tier};
use crate::pipeline::single_pass;
use crate::pipeline::single_pass::Once;
use crate::pipeline::{PlanProblems, PrepareError, prepare};
use crate::plan::Tool;
use causal::effect::Effect;
use causal::estimand::Target;
use causal::estimator::EstimatorKind;
use causal::learner_kind::Budget;

/// How every dataset is analysed.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    /// The plan's bytes.
    pub plan: Vec<u8>,
    /// The estimators; the first gives the answer that is graded.
    pub estimators: Vec<EstimatorKind>,
    /// How much computing.
    pub budget: Budget,
}

/// The estimands of the replay, in the order in which the plan asks for them.
pub const ESTIMANDS: [Target; 3] = [Target::Att, Target::Ate, Target::Ato];

impl Recipe {
    /// The recipe of a list of estimators, each once.
    ///
    /// # Errors
    /// Estimators that a plan refuses, such as a benchmark in the first place.
    pub fn new(estimators: &[EstimatorKind], budget: Budget) -> Result<Recipe, AcicError> {
        Recipe::with(estimators, budget, super::plan::render)
    }

    /// The same with another plan: `render` gets tools, estimators and budget.
    ///
    /// # Errors
    /// As [`Recipe::new`], and what a plan refuses of the text.
    pub fn with(
        estimators: &[EstimatorKind],
        budget: Budget,
        render: impl FnOnce(&[Tool], &[EstimatorKind], Budget) -> String,
    ) -> Result<Recipe, AcicError> {
        let mut kinds: Vec<EstimatorKind> = Vec::new();
        for kind in estimators {
            if !kinds.contains(kind) {
                kinds.push(*kind);
            }
        }
        let mut tools = vec![Tool::Propensity, Tool::Balance, Tool::Overlap, Tool::Placebo, Tool::Sensitivity];
        tools.extend(
            Tool::ALL.into_iter().filter(|tool| kinds.iter().any(|kind| Tool::for_estimator(*kind) == Some(*tool))),
        );
        let plan = render(&tools, &kinds, budget);
        match crate::plan::read_bytes(plan.as_bytes()) {
            (Some(_), problems) if problems.is_empty() => {
                Ok(Recipe { plan: plan.into_bytes(), estimators: kinds, budget })
            }
            (_, problems) => {
                let first = kinds.first().copied().filter(|kind| ABOUT_POPULATIONS.contains(kind));
                let problems = problems.into_iter().map(|p| format!("{}. {}", p.message, p.hint)).collect::<Vec<_>>();
                Err(AcicError::Request(first.map_or_else(|| problems.join("\n"), no_interval)))
            }
        }
    }
}

/// Estimators without an interval about the average over the units of the sample. A plan refuses them in the first place.
const ABOUT_POPULATIONS: [EstimatorKind; 3] = [EstimatorKind::Gformula, EstimatorKind::IpwHajek, EstimatorKind::IpwHt];

fn no_interval(kind: EstimatorKind) -> String {
    let others = EstimatorKind::ALL.iter().filter(|other| !ABOUT_POPULATIONS.contains(other));
    let others = others.filter(|other| Recipe::new(&[**other], Budget::Fast).is_ok());
    let others: Vec<String> = others.map(|other| format!("`{}`", other.key())).collect();
    format!(
        "the first of --estimators cannot be `{}`: the intervals of the replay are about the effect in the sample, and its \
         are about the population only. These can be the first: {}.",
        kind.key(),
        others.join(", ")
    )
}

/// Analyses one dataset: a row for each estimand and estimator, in that order. What cannot be estimated is a row without
/// numbers that says why.
#[must_use]
pub fn analyse(x: &Table, (key, observed): (Key, &Observed), recipe: &Recipe) -> Vec<Row> {
    let table = x.with_numbers(&format!("zymu_{}", key.response), &[("z", &observed.z), ("y", &observed.y)]);
    analyse_table(table, key, recipe)
}

/// The same for a table that has everything the plan names.
#[must_use]
pub fn analyse_table(table: Result<Table, DatasetProblem>, key: Key, recipe: &Recipe) -> Vec<Row> {
    let prepared = match table {
        Ok(table) => prepare::prepare_table(&recipe.plan, table).map_err(reason),
        Err(problem) => Err(problem.message),
    };
    let prepared = match prepared {
        Ok(prepared) => prepared,
        Err(reason) => return failed(key, recipe, &reason),
    };
    let once = single_pass::once(&prepared, prepared.draft.clone());
    let rows = ESTIMANDS.iter().flat_map(|estimand| recipe.estimators.iter().map(|kind| (*estimand, *kind)));
    rows.map(|(estimand, estimator)| row(key, &once, estimand, estimator)).collect()
}

fn reason(error: PrepareError) -> String {
    match error {
        PrepareError::Plan(problems) => sentences(&problems),
        PrepareError::Dataset(error) => error.to_string(),
    }
}

/// All problems of a plan in a line.
pub(super) fn sentences(problems: &PlanProblems) -> String {
    problems.problems.iter().map(|problem| problem.message.clone()).collect::<Vec<_>>().join(", ")
}

fn failed(key: Key, recipe: &Recipe, reason: &str) -> Vec<Row> {
    let mut diagnostics = Diagnostics::default();
    diagnostics.words("no_estimate", reason);
    let pairs = ESTIMANDS.iter().flat_map(|estimand| recipe.estimators.iter().map(|kind| (*estimand, *kind)));
    pairs
        .map(|(estimand, estimator)| Row {
            key,
            estimand,
            estimator,
            numbers: None,
            tier: Tier::NotSatisfactory,
            diagnostics: diagnostics.clone(),
            seconds: None,
        })
        .collect()
}

fn row(key: Key, once: &Once, estimand: Target, estimator: EstimatorKind) -> Row {
    let results = &once.results;
    let effect = results.effects.iter().find(|row| row.requested == estimand && row.effect.estimator == estimator);
    let effect = effect.map(|row| &row.effect);
    let graded = results.critique.analyses.iter().find(|graded| graded.requested == estimand);
    let mut diagnostics = Diagnostics::default();
    for finding in graded.iter().flat_map(|graded| &graded.findings) {
        diagnostics.graded(finding.code.key(), finding.value, severity(finding.severity));
    }
    of_design(once, estimand, &mut diagnostics);
    let answer = results.answers.iter().find(|answer| answer.requested == estimand);
    if let Some(judged) = answer.and_then(|answer| answer.diagnostics.as_ref()) {
        diagnostics.number("outcome.sd", judged.outcome_sd);
    }
    match effect {
        Some(effect) => of_effect(effect, &mut diagnostics),
        None => diagnostics.words("no_estimate", &why(once, estimand, estimator)),
    }
    Row {
        key,
        estimand,
        estimator,
        numbers: effect.map(|effect| Numbers {
            estimate: effect.estimate,
            stderr: effect.std_error,
            lower: effect.ci_lower,
            upper: effect.ci_upper,
        }),
        tier: graded.map_or(Tier::NotSatisfactory, |graded| graded.tier),
        diagnostics,
        seconds: None,
    }
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Pass => "pass",
        Severity::Withheld => "withheld",
        Severity::NotApplicable => "not_applicable",
        Severity::Warn => "warn",
        Severity::Fail => "fail",
    }
}

/// Numbers of the design that no rule grades yet.
fn of_design(once: &Once, estimand: Target, diagnostics: &mut Diagnostics) {
    let Some(design) = once.design.analyses.iter().find(|design| design.requested == estimand) else { return };
    if let Some(overlap) = &design.overlap {
        diagnostics.number("overlap.share_outside_all", overlap.share_outside_all);
        diagnostics.number("overlap.e_min", overlap.e_min);
        diagnostics.number("overlap.e_max", overlap.e_max);
        diagnostics.number("overlap.max_weight_share", overlap.max_weight_share);
        diagnostics.number("overlap.ess_treated", overlap.ess_treated);
        diagnostics.number("overlap.ess_control", overlap.ess_control);
    }
    if let Some(propensity) = &design.propensity {
        diagnostics.number("propensity.auc", propensity.auc);
        diagnostics.number("propensity.log_loss", propensity.log_loss);
        diagnostics.number("propensity.clipped", propensity.clipped as f64);
        diagnostics.number("propensity.not_converged", propensity.not_converged.len() as f64);
    }
    if let Some(smd) = design.balance.as_ref().and_then(|balance| balance.max_all_before) {
        diagnostics.number("balance.before", smd);
    }
}

/// Numbers of the estimate.
fn of_effect(effect: &Effect, diagnostics: &mut Diagnostics) {
    diagnostics.number("effect.clipped", effect.clipped as f64);
    diagnostics.number("effect.ess_treated", effect.ess_treated);
    diagnostics.number("effect.ess_control", effect.ess_control);
    diagnostics.number("effect.notes", effect.notes.len() as f64);
    if let Some(disagreement) = effect.disagreement {
        diagnostics.number("effect.disagreement", disagreement);
    }
}

/// Why there is no estimate: a line about this estimator, or one about all of them.
fn why(once: &Once, estimand: Target, estimator: EstimatorKind) -> String {
    let design = once.design.analyses.iter().find(|design| design.requested == estimand);
    let analysis = format!("iteration 1, {}: ", design.map(|design| design.name.clone()).unwrap_or_default());
    let lines = once.results.not_estimated.iter().filter_map(|line| line.strip_prefix(&analysis));
    let about = |kind: &EstimatorKind, line: &str| line.starts_with(&format!("{}: ", kind.title()));
    let mut lines = lines.filter(|line| about(&estimator, line) || !EstimatorKind::ALL.iter().any(|k| about(k, line)));
    lines.next().unwrap_or("no reason is on record").to_owned()
}
