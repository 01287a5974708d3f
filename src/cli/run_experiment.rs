//! `oci-agent run` and `oci-agent check` of a plan with `design: experiment`.

use super::args::{CheckArgs, Global, RunArgs};
use super::errors::{self, CliError};
use super::looks::Looks;
use super::output::{self, ProgressObserver, TerminalStyle};
use super::{files, run};
use crate::agent::events::{Observer, ProgressEvent};
use crate::agent::experiment::{self, ExperimentRun};
use crate::finding::Tier;
use crate::pipeline::experiment::{Experiment, health, logged_actions, prepare, steps};
use crate::record::experiment::{ExperimentResults, HealthDocument, Look};
use crate::record::logged_actions::LoggedAudit;
use crate::report::experiment::{CheckedExperiment, checked, terminal};
use crate::text::numbers;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Runs an experiment to its decision.
pub(super) fn run(args: &RunArgs, bytes: &[u8], global: &Global) -> Result<ExitCode, CliError> {
    let cancel = Arc::new(AtomicBool::new(false));
    errors::stop_on_signal(&cancel)?;
    let mut observer = ProgressObserver::new(global.json, global.quiet, cancel);
    let ended = follow(args, bytes, &mut observer);
    observer.idle();
    let results = ended?;
    // The run itself went well, so what was lost on the way out is told last.
    if let Some(lost) = observer.failure() {
        return Err(lost);
    }
    if !global.json {
        let style = TerminalStyle::of_stdout();
        output::stdout(terminal::first_page(&results, style.width, style.color))?;
        if global.quiet == 0 {
            let out = args.place();
            let report = output::shell_word(&out.join("report.md"));
            let out = output::shell_word(&out);
            output::stderr(format!("Read {report} (or report.html), or step by step: git -C {out} log -p --reverse"));
        }
    }
    if results.health.tier == Tier::NotSatisfactory {
        output::stderr("Not accepted: the randomisation failed its audit. The report says why.");
        return Ok(ExitCode::from(1));
    }
    if results.logged_audit.as_ref().is_some_and(|audit| audit.tier == Tier::NotSatisfactory) {
        output::stderr(
            "Not accepted: the log of decisions failed its audit. The report says what is refused, and why.",
        );
        return Ok(ExitCode::from(1));
    }
    Ok(ExitCode::SUCCESS)
}

fn follow(args: &RunArgs, bytes: &[u8], observer: &mut ProgressObserver) -> Result<ExperimentResults, CliError> {
    observer.busy("reading the plan and the data");
    let experiment = read(&args.location.plan, bytes, &args.location.data).inspect_err(|_| observer.idle())?;
    note_data_elsewhere(args, &experiment, observer)?;
    open_results(args, &experiment, observer)
}

/// Names data that are not where they would be looked for.
pub(super) fn note_data_elsewhere(
    args: &RunArgs,
    experiment: &Experiment,
    observer: &mut ProgressObserver,
) -> Result<(), CliError> {
    let root = files::data_root(&args.location.plan, &args.location.data)?;
    for file in experiment.table.files.keys() {
        let elsewhere = files::data_elsewhere(&args.location.plan, &args.location.data, &root, file);
        if let Some(message) = elsewhere {
            observer.on(&ProgressEvent::Note { message });
        }
    }
    Ok(())
}

/// The run from its first commit to its report, with the look put on record before an effect is.
pub(super) fn open_results(
    args: &RunArgs,
    experiment: &Experiment,
    observer: &mut ProgressObserver,
) -> Result<ExperimentResults, CliError> {
    let looks = Looks::beside(&args.place())?;
    for note in &looks.notes {
        observer.on(&ProgressEvent::Note { message: note.clone() });
    }
    let earlier = looks.earlier(&experiment.plan, &experiment.plan_sha256, &experiment.table.sha256);
    if !earlier.is_empty() {
        let message = format!("these results were looked at {} before", times(earlier.len()));
        observer.on(&ProgressEvent::Note { message });
    }
    let mut store = run::store(args, steps::identity(experiment), observer)?;
    let out = args.place().display().to_string();
    let told = store.notices().len();
    let input = ExperimentRun { experiment, looks: &earlier, out: &out };
    let place = args.place();
    let mut record_look = |look: &Look, branch: &str| {
        looks
            .add(&experiment.plan, look, &place, branch)
            .map_err(|error| [error.message, error.hints.join(" ")].join(". "))
    };
    let ended = experiment::run(&input, &mut store, observer, &mut record_look);
    run::tell(store.notices().get(told..).unwrap_or_default(), observer);
    ended.map_err(|error| run::explain(&error, args))
}

fn times(n: usize) -> String {
    if n == 1 { "once".to_owned() } else { format!("{} times", numbers::count(n)) }
}

/// The plan and its tables.
pub(super) fn read(plan: &Path, bytes: &[u8], data: &super::args::DataRoot) -> Result<Experiment, CliError> {
    let sources = files::data_sources(plan, data)?;
    prepare::prepare(bytes, &sources).map_err(|error| errors::from_prepare(error, plan, TerminalStyle::of_stderr()))
}

/// The plan of an experiment held against its tables; no effect is computed.
pub(super) struct CheckedPlan<'a> {
    experiment: &'a Experiment,
    health: HealthDocument,
    logged: Option<LoggedAudit>,
}

/// Audits the randomisation, by the looks on record beside the place where a run would go.
pub(super) fn checked_plan<'a>(experiment: &'a Experiment, out: &Path) -> Result<CheckedPlan<'a>, CliError> {
    let looks = Looks::beside(out)?;
    let earlier = looks.earlier(&experiment.plan, &experiment.plan_sha256, &experiment.table.sha256);
    Ok(CheckedPlan { experiment, health: health(experiment, &earlier), logged: logged_actions::audit(experiment) })
}

impl CheckedPlan<'_> {
    /// What is told of it as JSON.
    pub(super) fn json(&self) -> serde_json::Value {
        let experiment = self.experiment;
        let mut event = serde_json::json!({
            "event": "checked", "plan_sha256": experiment.plan_sha256, "data_sha256": experiment.table.sha256,
            "health": self.health, "refused_metrics": experiment.refused_metrics(),
        });
        if let Some(audit) = &self.logged {
            event["logged_actions"] = serde_json::json!(audit);
        }
        event
    }

    /// True if no audit failed.
    pub(super) fn is_accepted(&self) -> bool {
        let logged = self.logged.as_ref().is_none_or(|audit| audit.tier > Tier::NotSatisfactory);
        self.health.tier > Tier::NotSatisfactory && logged
    }
}

/// Holds the plan of an experiment against its tables and audits the randomisation; no effect is computed.
pub(super) fn check(args: &CheckArgs, bytes: &[u8], global: &Global) -> Result<ExitCode, CliError> {
    let experiment = read(&args.plan, bytes, &args.data)?;
    let checked_plan = checked_plan(&experiment, &run::default_out(&args.plan))?;
    let CheckedPlan { health, logged, .. } = &checked_plan;
    if global.json {
        output::json_line(&checked_plan.json())?;
    } else if global.quiet == 0 {
        let refused = experiment.table.refused.iter().map(|refused| &refused.column);
        let columns = experiment.table.metrics.iter().chain(refused);
        output::stdout(checked(&CheckedExperiment {
            title: &experiment.plan.title,
            metrics: &columns.map(|column| (column.name.as_str(), &column.counters)).collect::<Vec<_>>(),
            refused: &experiment.refused_metrics(),
            primary_by_default: experiment.plan.primary_by_default(),
            health,
            logged: logged.as_ref(),
        }))?;
    }
    if health.tier == Tier::NotSatisfactory {
        output::stderr("Not accepted: the randomisation failed its audit.");
        return Ok(ExitCode::from(1));
    }
    if logged.as_ref().is_some_and(|audit| audit.tier == Tier::NotSatisfactory) {
        output::stderr("Not accepted: the log of decisions failed its audit.");
        return Ok(ExitCode::from(1));
    }
    Ok(ExitCode::SUCCESS)
}
