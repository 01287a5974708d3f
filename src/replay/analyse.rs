//! One dataset, through the whole pipeline: plan, spec, design, effects, critique.

use super::data;
use super::families;
use super::plan;
use crate::dataset::{DatasetProblem, Table};
use crate::finding::{Severity, Tier};
use crate::pipeline::single_pass;
use crate::pipeline::single_pass::SinglePass;
use crate::pipeline::{PlanProblems, PrepareError, prepare};
use crate::plan::Tool;
use crate::record::EffectDocument;
use crate::record::not_estimated::NotEstimated;
use acic::AcicError;
use acic::analyst::{Analyst, FamilyAnalyst, Recipe, SimulatedDataset};
use acic::estimates_csv::{Diagnostics, Numbers, Row};
use acic::grade::Grade;
use acic::observed::{Key, Observed};
use acic::source::Source;
use causal::estimand::{Inference, Target};
use causal::estimator::EstimatorKind;
use causal::learner_kind::Effort;

/// The recipe of a list of estimators, each pass.
///
/// # Errors
/// Estimators that a plan refuses, such as a benchmark in the first place.
pub fn recipe(estimators: &[EstimatorKind], budget: Effort) -> Result<Recipe, AcicError> {
    recipe_with(estimators, budget, plan::render)
}

/// The same with another plan: `render` gets tools, estimators and budget.
///
/// # Errors
/// As [`recipe`], and what a plan refuses of the text.
pub(super) fn recipe_with(
    estimators: &[EstimatorKind],
    budget: Effort,
    render: impl FnOnce(&[Tool], &[EstimatorKind], Effort) -> String,
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
        (Some(_), problems) if problems.is_empty() => Ok(Recipe { plan: plan.into_bytes(), estimators: kinds, budget }),
        (_, problems) => {
            let first = kinds.first().copied().filter(|kind| about_populations_only(*kind));
            let problems = problems.into_iter().map(|p| format!("{}. {}", p.message, p.hint)).collect::<Vec<_>>();
            Err(AcicError::Request(first.map_or_else(|| problems.join("\n"), no_interval)))
        }
    }
}

/// True without an interval about the average over the units of the sample. A plan refuses such an answer.
fn about_populations_only(kind: EstimatorKind) -> bool {
    !kind.is_benchmark() && !kind.offers(Inference::Sample)
}

fn no_interval(kind: EstimatorKind) -> String {
    let others = EstimatorKind::ALL.iter().filter(|other| !about_populations_only(**other));
    // Asked of the plan's own rules, so that nothing is named here that they would refuse.
    let others = others.filter(|other| recipe(&[**other], Effort::Fast).is_ok());
    let others: Vec<String> = others.map(|other| format!("`{}`", other.key())).collect();
    format!(
        "the first of --estimators cannot be `{}`: the intervals of the replay are about the effect in the sample, and its \
         are about the population only. These can be the first: {}.",
        kind.key(),
        others.join(", ")
    )
}

/// The pipeline as an analyst of the competition.
#[derive(Debug)]
pub struct PipelineAnalyst<'a> {
    x: Table,
    recipe: &'a Recipe,
}

impl<'a> PipelineAnalyst<'a> {
    /// The analyst of a source.
    ///
    /// # Errors
    /// Covariates that do not read as a table.
    pub fn new(source: &Source, recipe: &'a Recipe) -> Result<PipelineAnalyst<'a>, AcicError> {
        Ok(PipelineAnalyst { x: data::covariate_table(source)?, recipe })
    }
}

impl Analyst for PipelineAnalyst<'_> {
    fn analyse(&self, key: Key, observed: &Observed) -> Vec<Row> {
        let columns: [(&str, &[f64]); 2] = [("z", &observed.z), ("y", &observed.y)];
        let table = self.x.with_numbers(&format!("zymu_{}", key.response), &columns);
        analyse_table(table, key, self.recipe)
    }
}

/// The pipeline as an analyst of simulated families.
#[derive(Debug)]
pub struct FamilyPipeline<'a> {
    /// The estimators; the first is graded.
    pub estimators: &'a [EstimatorKind],
    /// The amount of computing.
    pub budget: Effort,
}

impl FamilyAnalyst for FamilyPipeline<'_> {
    fn analyse(&self, dataset: &SimulatedDataset<'_>) -> Result<Vec<Row>, AcicError> {
        let recipe = recipe_with(self.estimators, self.budget, |tools, kinds, budget| {
            families::document(dataset) + &plan::settings(tools, kinds, budget) + plan::LOOP + plan::THREATS
        })?;
        let label = format!("{}/{}", dataset.family.key(), dataset.replicate);
        let covariates = dataset.sample.covariates();
        let columns: Vec<Vec<f64>> = covariates.x().columns().into_iter().map(|column| column.to_vec()).collect();
        let (z, y) = (covariates.treated().to_vec(), dataset.sample.y().to_vec());
        let mut numbers: Vec<(&str, &[f64])> =
            dataset.names.iter().map(String::as_str).zip(columns.iter().map(Vec::as_slice)).collect();
        numbers.extend([("z", z.as_slice()), ("y", y.as_slice())]);
        Ok(analyse_table(Table::of_numbers(&label, &numbers), dataset.key(), &recipe))
    }
}

/// Analyses a table that has everything the plan names: a row for each estimand and estimator, in that order. What cannot be
/// estimated is a row without numbers that says why.
fn analyse_table(table: Result<Table, DatasetProblem>, key: Key, recipe: &Recipe) -> Vec<Row> {
    let prepared = match table {
        Ok(table) => prepare::prepare_table(&recipe.plan, table).map_err(reason),
        Err(problem) => Err(problem.message),
    };
    let prepared = match prepared {
        Ok(prepared) => prepared,
        Err(reason) => return failed(key, recipe, &reason),
    };
    let pass = single_pass::run_single_pass(&prepared, prepared.draft.clone());
    recipe.pairs().map(|(estimand, estimator)| row(key, &pass, estimand, estimator)).collect()
}

fn reason(error: PrepareError) -> String {
    match error {
        PrepareError::Plan(problems) | PrepareError::Outside(problems) => in_a_line(&problems),
        PrepareError::Dataset(error) => error.to_string(),
    }
}

/// All problems of a plan in a line.
fn in_a_line(problems: &PlanProblems) -> String {
    problems.problems.iter().map(|problem| problem.message.clone()).collect::<Vec<_>>().join(", ")
}

fn failed(key: Key, recipe: &Recipe, reason: &str) -> Vec<Row> {
    let mut diagnostics = Diagnostics::default();
    diagnostics.words("no_estimate", reason);
    let row = |(estimand, estimator)| Row {
        key,
        estimand,
        estimator,
        numbers: None,
        tier: Grade::NotSatisfactory,
        diagnostics: diagnostics.clone(),
        seconds: None,
    };
    recipe.pairs().map(row).collect()
}

/// A verdict of the rubric, for the competition.
fn grade(tier: Tier) -> Grade {
    match tier {
        Tier::NotSatisfactory => Grade::NotSatisfactory,
        Tier::SatisfactoryWithCaveats => Grade::SatisfactoryWithCaveats,
        Tier::FullySatisfactory => Grade::FullySatisfactory,
    }
}

fn row(key: Key, pass: &SinglePass, estimand: Target, estimator: EstimatorKind) -> Row {
    let results = &pass.results;
    let effect = results.effects.iter().find(|row| row.requested == estimand && row.effect.estimator == estimator);
    let effect = effect.map(|row| &row.effect);
    let graded = results.critique.analyses.iter().find(|graded| graded.requested == estimand);
    let mut diagnostics = Diagnostics::default();
    for finding in graded.iter().flat_map(|graded| &graded.findings) {
        diagnostics.graded(finding.code.key(), finding.value, severity(finding.severity));
    }
    add_design(pass, estimand, &mut diagnostics);
    let answer = results.answers.iter().find(|answer| answer.requested == estimand);
    if let Some(judged) = answer.and_then(|answer| answer.diagnostics.as_ref()) {
        diagnostics.number("outcome.sd", judged.outcome_sd);
    }
    match effect {
        Some(effect) => add_effect(effect, &mut diagnostics),
        None => diagnostics.words("no_estimate", &why(pass, estimand, estimator)),
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
        tier: graded.map_or(Grade::NotSatisfactory, |graded| grade(graded.tier)),
        diagnostics,
        seconds: None,
    }
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Pass => "pass",
        Severity::NotGraded => "not_graded",
        Severity::Withheld => "withheld",
        Severity::NotApplicable => "not_applicable",
        Severity::Warn => "warn",
        Severity::Fail => "fail",
    }
}

/// Numbers of the design that no rule grades yet.
fn add_design(pass: &SinglePass, estimand: Target, diagnostics: &mut Diagnostics) {
    let Some(design) = pass.design.analyses.iter().find(|design| design.requested == estimand) else { return };
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
fn add_effect(effect: &EffectDocument, diagnostics: &mut Diagnostics) {
    diagnostics.number("effect.clipped", effect.clipped as f64);
    diagnostics.number("effect.ess_treated", effect.ess_treated);
    diagnostics.number("effect.ess_control", effect.ess_control);
    diagnostics.number("effect.notes", effect.notes.len() as f64);
    if let Some(disagreement) = effect.disagreement {
        diagnostics.number("effect.disagreement", disagreement);
    }
}

/// Why there is no estimate: a line about this estimator, or one about all of them.
fn why(pass: &SinglePass, estimand: Target, estimator: EstimatorKind) -> String {
    // One pass has one iteration.
    let mut all = pass.results.not_estimated.iter();
    let noted = all.find(|it| it.concerns(1, estimand, estimator));
    noted.map_or_else(|| "no reason is on record".to_owned(), NotEstimated::clause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grades_are_the_tiers_of_the_rubric_under_the_same_words() {
        for tier in [Tier::NotSatisfactory, Tier::SatisfactoryWithCaveats, Tier::FullySatisfactory] {
            assert_eq!(grade(tier).key(), tier.key());
        }
    }
}
