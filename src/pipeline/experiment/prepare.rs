//! From the bytes of a plan and the tables that it names to the rows of an experiment.

use super::modelling::Experiment;
use crate::dataset::DatasetProblem;
use crate::dataset::metrics::unit_table;
use crate::pipeline::prepare::{PlanProblems, PrepareError};
use crate::plan::experiment::{self, ExperimentPlan};
use crate::plan::{self, Problem};
use crate::text::lines::capitalised;
use crate::text::sha256::sha256_hex;
use std::path::Path;

/// Reads a plan of an experiment and everything that it names, relative to the folder `base`.
///
/// # Errors
/// [`PrepareError`]: every problem of the plan, or every problem of the data held against it.
pub fn prepare(bytes: &[u8], base: &Path) -> Result<Experiment, PrepareError> {
    let refuse = |problems: Vec<Problem>| PlanProblems { text: String::from_utf8_lossy(bytes).into_owned(), problems };
    let plan = experiment::parse_bytes(bytes).map_err(&refuse)?;
    let table = unit_table(&plan, base).map_err(|error| {
        let problems = error.problems().iter().map(|problem| point(&plan, problem)).collect();
        refuse(plan::in_order(problems))
    })?;
    let experiment = Experiment { plan, plan_bytes: bytes.to_vec(), plan_sha256: sha256_hex(bytes), table };
    let problems = against_design(&experiment);
    if problems.is_empty() { Ok(experiment) } else { Err(refuse(problems).into()) }
}

fn point(plan: &ExperimentPlan, problem: &DatasetProblem) -> Problem {
    let hint = capitalised(problem.hint.trim_end_matches('.'));
    Problem {
        place: plan.at(&problem.path),
        path: problem.path.clone(),
        message: problem.message.clone(),
        hint: format!("{hint}."),
    }
}

/// A variance that the plan names and the design does not have.
fn against_design(experiment: &Experiment) -> Vec<Problem> {
    let Some(chosen) = experiment.plan.analysis.variance else { return Vec::new() };
    let setting = experiment.setting(false);
    if chosen.is_defined(setting) {
        return Vec::new();
    }
    let path = "analysis.variance".to_owned();
    let design = match (setting.clustered, setting.weighted) {
        (true, true) => "rows that are clustered and weighted",
        (true, false) => "clustered rows",
        (false, true) => "weighted rows without clusters",
        (false, false) => "rows without clusters",
    };
    let hint = format!("Write `variance: {}`, or leave the line out.", setting.default_variance().key());
    let message = format!("`analysis.variance` is {}, which is not defined for {design}", chosen.key());
    vec![Problem { place: experiment.plan.at(&path), path, message, hint }]
}
