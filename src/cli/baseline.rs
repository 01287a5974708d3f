//! `oci-agent baseline plan.yaml`.

use super::arg_values::KnownEffect;
use super::args::{BaselineArgs, Global, RunArgs, RunLocation};
use super::errors::{self, CliError};
use super::models::{self, PricedModel, Reach};
use super::output::{self, ProgressObserver};
use super::run;
use super::trust::Trust;
use crate::agent::driver::{self, RunInput};
use crate::agent::events::Observer;
use crate::baseline::ask;
use crate::baseline::ask::BaselineError;
use crate::baseline::comparison::{Comparison, Variant};
use crate::llm::Exchange;
use crate::pipeline::{Prepared, prepare};
use crate::record::json;
use crate::text::terminal::TerminalText;
use causal::estimand::Target;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

const NO_TOOLS: &str = "no-tools";

/// One of the two runs.
#[derive(Clone, Copy)]
struct Arm {
    name: &'static str,
    folder: &'static str,
}

const ONE_ITERATION: Arm = Arm { name: "one iteration", folder: "one-iteration" };
const FULL_LOOP: Arm = Arm { name: "full loop", folder: "full-loop" };

/// Runs the comparison and prints its table.
pub fn baseline(args: &BaselineArgs, global: &Global) -> Result<ExitCode, CliError> {
    let cancel = Arc::new(AtomicBool::new(false));
    errors::stop_on_signal(&cancel)?;
    let trust = Trust::gather(&args.consent.trust)?;
    let session = Session { args, quiet: global.quiet, cancel, out: args.place(), trust };
    let comparison = session.compare()?;
    let document = json::to_bytes(&comparison).map_err(|error| CliError::bug(error.to_string()))?;
    write(&session.out, "baseline.json", &document)?;
    write(&session.out, "baseline.md", comparison.markdown().as_bytes())?;
    let json = || TerminalText::json(&String::from_utf8_lossy(&document));
    output::stdout(if global.json { json() } else { comparison.table().into() })?;
    if global.quiet == 0 {
        output::stderr(format!("Written: {0}/baseline.md, {0}/baseline.json", session.out.display()));
    }
    Ok(ExitCode::SUCCESS)
}

impl BaselineArgs {
    fn place(&self) -> PathBuf {
        self.out.clone().unwrap_or_else(|| {
            let mut name = run::default_out(&self.plan).into_os_string();
            name.push("-baseline");
            PathBuf::from(name)
        })
    }

    /// One of the two runs.
    fn as_run(&self, folder: &str) -> RunArgs {
        RunArgs {
            location: RunLocation {
                plan: self.plan.clone(),
                out: Some(self.place().join(folder)),
                resume: false,
                force: false,
                data: self.data.clone(),
                settings: self.settings.clone(),
                consent: self.consent.clone(),
                playbooks: self.playbooks.clone(),
            },
            replay: self.replay.as_ref().map(|replay| replay.join(folder)),
            no_model: false,
            command: "run",
        }
    }
}

struct Session<'a> {
    args: &'a BaselineArgs,
    quiet: u8,
    cancel: Arc<AtomicBool>,
    out: PathBuf,
    trust: Trust,
}

impl Session<'_> {
    fn compare(&self) -> Result<Comparison, CliError> {
        let sources = super::files::data_sources(&self.args.plan, &self.args.data)?;
        let (prepared, _) = run::read_from(&sources, &self.args.as_run(FULL_LOOP.folder), &mut self.observer())?;
        let plan = &prepared.plan;
        if !plan.actor.is_model() {
            let hint = "Name a language model under `actor:` (provider: anthropic or openai), or use `oci-agent run`.";
            let message = "the plan's actor is the playbook engine, so there is no model to compare";
            return Err(CliError::user(message, hint));
        }
        if self.args.replay.is_none() {
            run::consent_to_data(&self.args.as_run(FULL_LOOP.folder), &prepared, &self.trust)?;
        }
        check_truth(&self.args.truth, &plan.estimands)?;
        let once = ask::one_iteration(&prepared)
            .map_err(|error| CliError::user(error.to_string(), "Write `loop: {max_iterations: 5}` into the plan."))?;
        let once = prepare::prepare(&once, &sources)
            .map_err(|error| errors::from_prepare(error, &self.args.plan, output::TerminalStyle::of_stderr()))?;
        let one = self.run(&once, ONE_ITERATION)?;
        let full = self.run(&prepared, FULL_LOOP)?;
        // The question comes last, though it stands first: it is not blind, and by now both runs are over.
        let mut variants = vec![self.ask(&prepared)?, one, full];
        let truth: Vec<_> = self.args.truth.iter().map(|truth| (truth.target, truth.value)).collect();
        variants.iter_mut().for_each(|variant| variant.hold_against(&truth));
        Ok(Comparison {
            title: plan.title.clone(),
            units: plan.outcome.units.clone(),
            plan_sha256: prepared.plan_sha256.clone(),
            data_sha256: prepared.document.sha256.clone(),
            tool_version: crate::VERSION.to_owned(),
            model: plan.actor.name(),
            variants,
        })
    }

    fn observer(&self) -> ProgressObserver {
        let mut observer = ProgressObserver::new(false, self.quiet, Arc::clone(&self.cancel));
        if self.args.replay.is_some() {
            observer.without_clock();
        }
        observer
    }

    fn says(&self, what: &str) {
        if self.quiet == 0 {
            output::stderr(what);
        }
    }

    /// One of the two runs, in a repository of its own.
    fn run(&self, prepared: &Prepared, arm: Arm) -> Result<Variant, CliError> {
        self.says(&format!("baseline: {}", arm.name));
        let args = self.args.as_run(arm.folder);
        let mut observer = self.observer();
        let catalogue = super::playbook::catalogue(args.location.playbooks.as_deref())?;
        let mut participants =
            models::participants(&prepared.plan, &args.location.plan, self.reach(args.replay.as_deref()))?;
        let mut store = run::store(&args, driver::identity(prepared, &catalogue), &mut observer)?;
        let out = args.place().display().to_string();
        let input = RunInput { prepared, catalogue: &catalogue, out: &out };
        let ended = driver::run(&input, &mut participants, &mut store, &mut observer);
        observer.idle();
        let outcome =
            ended.map_err(|error| errors::from_run(&error, "Run the comparison again; nothing is overwritten."))?;
        let mut variant = Variant::of_run(arm.name, &outcome);
        variant.seconds = self.seconds(&observer);
        Ok(variant)
    }

    /// The question without tools, when both runs are over.
    fn ask(&self, prepared: &Prepared) -> Result<Variant, CliError> {
        self.says("baseline: no tools");
        let replay = self.args.replay.as_ref().map(|replay| replay.join(NO_TOOLS));
        let reach = self.reach(replay.as_deref());
        let PricedModel { mut model, price } = models::actor(&prepared.plan, &self.args.plan, ask::ROLE, reach)?;
        let mut observer = self.observer();
        let asked = ask::ask(prepared, model.as_mut(), price, &mut observer);
        observer.idle();
        let asked = asked.map_err(|error| match error {
            BaselineError::Model(error) => {
                errors::from_model(&error, "Both runs are on record; run the comparison again.")
            }
            BaselineError::Brief(error) => CliError::bug(error.to_string()),
        })?;
        if let Some(exchange) = &asked.exchange {
            self.record(exchange)?;
        }
        Ok(Variant { seconds: self.seconds(&observer), ..asked.variant })
    }

    fn record(&self, exchange: &Exchange) -> Result<(), CliError> {
        write(&self.out.join(NO_TOOLS).join("transcript"), &exchange.file_name(), &exchange.to_bytes())
    }

    fn reach<'r>(&'r self, replay: Option<&'r Path>) -> Reach<'r> {
        replay.map_or(Reach::Live(&self.trust), Reach::Replay)
    }

    fn seconds(&self, observer: &ProgressObserver) -> Option<f64> {
        // A replay is as fast as the disk, which says nothing about the model.
        self.args.replay.is_none().then(|| observer.elapsed())
    }
}

/// Every truth is of an estimand that the plan asks for, and given once.
fn check_truth(truth: &[KnownEffect], asked: &[Target]) -> Result<(), CliError> {
    for (at, KnownEffect { target, .. }) in truth.iter().enumerate() {
        let key = target.key();
        if !asked.contains(target) {
            let asked: Vec<&str> = asked.iter().map(|target| target.key()).collect();
            let hint = format!("Its estimands are {}.", asked.join(", "));
            return Err(CliError::user(format!("--truth gives `{key}`, which the plan does not ask for"), hint));
        }
        if truth.iter().take(at).any(|other| other.target == *target) {
            return Err(CliError::user(format!("--truth gives `{key}` twice"), "Give each estimand once."));
        }
    }
    Ok(())
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), CliError> {
    let place = folder.join(name);
    std::fs::create_dir_all(folder).map_err(|error| CliError::io(folder, "create", &error))?;
    std::fs::write(&place, bytes).map_err(|error| CliError::io(&place, "write", &error))
}
