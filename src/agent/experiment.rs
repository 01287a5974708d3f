//! A randomised experiment from its plan to its decision, one commit a step. No model takes part.

use crate::agent::driver::RunError;
use crate::agent::events::{Observer, ProgressEvent};
use crate::agent::gates;
use crate::pipeline::experiment::{Experiment, health, logged_actions, results, steps};
use crate::plan::Gate;
use crate::record::experiment::{ExperimentResults, Look};
use crate::report::experiment::{ExperimentInput, PlacedExperimentFigure};
use crate::store::{ArtifactStore, Step};

/// The input of a run, beside its store.
#[derive(Debug, Clone, Copy)]
pub struct ExperimentRun<'a> {
    /// Plan and data.
    pub experiment: &'a Experiment,
    /// The looks on record before this one, in order.
    pub looks: &'a [Look],
    /// The run's repository, as the person named it; for messages only.
    pub out: &'a str,
}

/// Puts a look on record outside of the run; an error ends the run before its effects are written anywhere.
pub type RecordLook<'a> = dyn FnMut(&Look, &str) -> Result<(), String> + 'a;

/// Audits the randomisation, then opens the results and decides. `record_look` is called with the look and the branch before
/// an effect is.
///
/// # Errors
/// [`RunError`]; every step before it is on record.
pub fn run(
    input: &ExperimentRun<'_>,
    store: &mut dyn ArtifactStore,
    observer: &mut dyn Observer,
    record_look: &mut RecordLook<'_>,
) -> Result<ExperimentResults, RunError> {
    let experiment = input.experiment;
    observer.on(&ProgressEvent::ExperimentStarted {
        title: experiment.plan.title.clone(),
        units: experiment.table.unit_count,
        arms: experiment.table.arms.clone(),
        out: input.out.to_owned(),
        branch: store.branch().to_owned(),
        plan_sha256: experiment.plan_sha256.clone(),
        data_sha256: experiment.table.sha256.clone(),
    });
    let branch = store.branch().to_owned();
    record(steps::plan_step(experiment)?, store, observer)?;
    pass(Gate::Plan, experiment, store, observer)?;
    record(steps::dataset_step(experiment)?, store, observer)?;
    observer.on(&ProgressEvent::Stage { stage: "auditing the randomisation".to_owned() });
    let health = health(experiment, input.looks);
    observer.on(&ProgressEvent::Audited { tier: health.tier, checks: health.checks.clone() });
    let logged = logged_actions::audit(experiment);
    record(steps::health_step(experiment, &health, logged.as_ref())?, store, observer)?;
    pass(Gate::Unblind, experiment, store, observer)?;
    record(steps::unblind_step(experiment, input.looks)?, store, observer)?;
    observer.on(&ProgressEvent::Stage { stage: "estimating effects".to_owned() });
    let results = results::results(experiment, health, input.looks);
    let figures = steps::figures(&results)?;
    if let Some(look) = results.looks.last() {
        record_look(look, &branch).map_err(RunError::Look)?;
    }
    let placed: Vec<PlacedExperimentFigure<'_>> = figures
        .iter()
        .map(|figure| PlacedExperimentFigure { path: format!("plots/{}.svg", figure.stem), figure })
        .collect();
    record(steps::results_step(experiment, &results, &placed)?, store, observer)?;
    let report = ExperimentInput { results: &results, figures: &placed };
    record(steps::report_step(experiment, &report)?, store, observer)?;
    observer.on(&ProgressEvent::Decided {
        tier: results.health.tier,
        decisions: results.decisions.clone(),
        out: input.out.to_owned(),
        branch: store.branch().to_owned(),
        tree: store.tree_hash().unwrap_or_default(),
    });
    Ok(results)
}

/// Waits for a person, where the plan says so.
fn pass(
    gate: Gate,
    experiment: &Experiment,
    store: &mut dyn ArtifactStore,
    observer: &mut dyn Observer,
) -> Result<(), RunError> {
    if !experiment.plan.gates.contains(&gate) {
        return Ok(());
    }
    let tree = store.tree_hash().unwrap_or_default();
    record(steps::gate_step(gate, &tree, experiment), store, observer)?;
    gates::pass(gate, store, observer)
}

fn record(step: Step, store: &mut dyn ArtifactStore, observer: &mut dyn Observer) -> Result<(), RunError> {
    // Between two steps, never inside one: what is on record is whole.
    if observer.cancelled() {
        return Err(RunError::Cancelled);
    }
    let info = store.commit(&step)?;
    let commit = info.id.chars().take(7).collect();
    observer.on(&ProgressEvent::Committed { subject: info.subject, commit, replayed: info.replayed });
    Ok(())
}
