//! `oci-agent init data.csv --experiment --assignment arm`.

use super::args::{ExperimentInitArgs, Global, InitArgs};
use super::errors::{self, CliError};
use super::init::{must_have, placed, source_for};
use super::sources::DataSources;
use crate::dataset::{self, Table};
use crate::plan::DataSection;
use crate::plan::experiment::{
    ExperimentProposal, ExperimentTemplateInput, ObservedEvents, ObservedExperiment, experiment_template,
    propose_experiment, proposed_control,
};
use crate::schema::{ColumnFacts, DatasetDocument};
use crate::text::lists::listed;
use std::path::Path;
use std::process::ExitCode;

/// A file, its columns, and what their values show.
struct Shown {
    source: String,
    table: Table,
    document: DatasetDocument,
    facts: Vec<ColumnFacts>,
}

/// Writes the plan of an experiment.
pub(super) fn init(args: &InitArgs, global: &Global) -> Result<ExitCode, CliError> {
    let asked = &args.experiment;
    let assignment = asked.assignment.as_deref().unwrap_or_default();
    let sources = DataSources::of_arguments(None);
    let own = shown(&args.data, args, &sources)?;
    must_have(&own.document, assignment, "assignment")?;
    for (column, role) in
        asked.unit.iter().map(|unit| (unit, "unit")).chain(asked.metric.iter().map(|it| (it, "metric")))
    {
        must_have(&own.document, column, role)?;
    }
    let arms = arms(&own, assignment)?;
    let (control, control_is_guess) = control(asked, &arms, assignment)?;
    let events = asked.events.iter().map(|path| shown(path, args, &sources)).collect::<Result<Vec<_>, _>>()?;
    let events: Vec<ObservedEvents<'_>> = events.iter().map(Shown::as_events).collect();
    let columns = &own.document.columns;
    let not_in_control: Vec<String> = columns
        .iter()
        .filter(|column| own.table.is_zero_where(&column.name, assignment, &control))
        .map(|column| column.name.clone())
        .collect();
    let proposal = propose_experiment(&ObservedExperiment {
        columns,
        facts: &own.facts,
        assignment,
        not_in_control: &not_in_control,
        unit: asked.unit.as_deref(),
        metrics: &asked.metric,
        events: &events,
    });
    if proposal.metrics.is_empty() {
        return Err(CliError::user(
            format!("{} has no column of numbers that could be a metric", own.document.source),
            "Name one with --metric COLUMN, or the file that metrics are computed from with --events FILE.",
        ));
    }
    let text = experiment_template(&ExperimentTemplateInput {
        source: &own.source,
        assignment,
        arms: &arms,
        control: &control,
        control_is_guess,
        proposal: &proposal,
    });
    placed(args, global, &text, told(&proposal, &control, control_is_guess))
}

fn shown(path: &Path, args: &InitArgs, sources: &DataSources) -> Result<Shown, CliError> {
    let data = DataSection::of(&path.to_string_lossy());
    let table = dataset::read_section(&data, sources).map_err(|error| errors::from_dataset(&error))?;
    let (document, facts) = (table.document(), table.facts());
    Ok(Shown { source: source_for(path, &args.output), table, document, facts })
}

impl Shown {
    fn as_events(&self) -> ObservedEvents<'_> {
        ObservedEvents { source: &self.source, columns: &self.document.columns, facts: &self.facts }
    }
}

/// The arms, from the values of their column.
fn arms(own: &Shown, assignment: &str) -> Result<Vec<String>, CliError> {
    let fact = own.facts.iter().find(|fact| fact.name == assignment);
    let arms: Vec<String> = fact.into_iter().flat_map(|fact| &fact.values).map(|(value, _)| value.clone()).collect();
    if arms.len() < 2 {
        let seen = match arms.as_slice() {
            [only] => format!("has one value only, `{only}`"),
            _ => format!("has more than {} values", ColumnFacts::MOST_VALUES),
        };
        let message = format!("`{assignment}` {seen}, and an experiment has from two arms on");
        return Err(CliError::user(message, "Name the column that says which arm a unit was assigned to."));
    }
    Ok(arms)
}

/// The control, and whether it is a guess.
fn control(asked: &ExperimentInitArgs, arms: &[String], assignment: &str) -> Result<(String, bool), CliError> {
    match &asked.control {
        Some(control) if arms.contains(control) => Ok((control.clone(), false)),
        Some(control) => {
            let arms: Vec<String> = arms.iter().map(|arm| format!("`{arm}`")).collect();
            let message =
                format!("no row of `{assignment}` has the control `{control}`; its values are {}", listed(&arms));
            Err(CliError::user(message, "Name the arm that the others are compared with: --control VALUE."))
        }
        None => Ok(proposed_control(arms).map_or((String::new(), true), |(control, certain)| (control, !certain))),
    }
}

/// What was guessed, a line each.
fn told(proposal: &ExperimentProposal, control: &str, control_is_guess: bool) -> Vec<String> {
    let mut lines = Vec::new();
    if control_is_guess {
        lines.push(format!("a guess: the others are compared with `{control}`; name another with --control"));
    }
    let guesses = [
        ("unit_id", &proposal.unit_id, "names the units"),
        ("cluster_by", &proposal.cluster, "has several rows for each value, which depend on each other"),
        ("treated", &proposal.treated, "says who took the treatment up: nobody in the control arm has it"),
    ];
    for (key, column, why) in guesses {
        lines.extend(column.iter().map(|column| format!("a guess: `{key}`, since `{column}` {why}")));
    }
    let metrics: Vec<String> = proposal.metrics.iter().map(|metric| format!("`{}`", metric.name)).collect();
    lines.push(format!("a guess: the metrics are {}; the first decides", listed(&metrics)));
    lines.extend(proposal.left_out.iter().map(|(name, reason)| format!("left out: {name} ({reason})")));
    lines
}
