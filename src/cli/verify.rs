//! `oci-agent verify RUN [STEP]`: the run is made again from its committed plan, and held against its commits.

use super::args::{DataRoot, Global};
use super::errors::{self, CliError};
use super::ledger::Ledger;
use super::looks::Looks;
use super::output::{self, TerminalStyle};
use super::sources::DataSources;
use super::{files, finished_run, models, playbook, run, watch};
use crate::agent::driver::{self, RunError, RunInput};
use crate::agent::events::{Observer, ProgressEvent};
use crate::agent::experiment::{self, ExperimentRun};
use crate::agent::follow_ups;
use crate::pipeline::experiment::{prepare as prepare_experiment, steps};
use crate::pipeline::follow_ups::{Answering, steps as steps_of_follow_ups};
use crate::pipeline::watch::steps as steps_of_watch;
use crate::pipeline::{Prepared, prepare};
use crate::plan::follow_ups::parse_request;
use crate::record::earlier::LedgerEntry;
use crate::record::experiment::Look;
use crate::record::verification::{Place, Verification, VerificationFinding, VerifiedDifference, VerifiedStep};
use crate::report::verification;
use crate::store::{self, ArtifactError, ArtifactStore, CheckedStep, CheckingStore, RecordedRun, Step, StepDifference};
use crate::text::difference::first_difference;
use clap::Args;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

/// Makes a run again from its committed plan and holds every file and every message against the ones on record.
///
/// Nothing is written, mended or asked: a run with language models is made again from its own transcript. Files that were edited
/// in the folder, damaged objects, other data, other playbooks, missing commits, and a line that was taken out of the record of
/// what was seen before, are told. A difference names the file, the line, and the first number that is another one.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  oci-agent verify oci-runs/nhefs
  oci-agent verify oci-runs/nhefs 4               up to step 4 and no further
  oci-agent verify oci-runs/nhefs 1c9f2e7         up to this commit
  oci-agent verify oci-runs/nhefs --branch run-2
  oci-agent verify clone-of-a-run --data-root /data

Exit codes: 0 the same bytes, 1 something is not the same, 2 something to fix in the call, 3 something outside.")]
pub struct VerifyArgs {
    /// The directory of a run, or a clone of one.
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// The last step to make again: its number, or the beginning of its commit id [default: all].
    #[arg(value_name = "STEP")]
    pub step: Option<String>,
    /// The branch of the run [default: the one that is checked out].
    #[arg(long, value_name = "NAME")]
    pub branch: Option<String>,
    #[command(flatten)]
    pub data: DataRoot,
    /// Playbooks to use instead of the built-in ones.
    #[arg(long, value_name = "DIR")]
    pub playbooks: Option<PathBuf>,
}

/// Verifies a run.
pub(super) fn verify(args: &VerifyArgs, global: &Global) -> Result<ExitCode, CliError> {
    let trust = files::trust();
    let run = RecordedRun::open(&args.run, args.branch.as_deref(), &trust).map_err(from_store)?;
    if !run.damaged().is_empty() {
        let findings = vec![VerificationFinding::DamagedObjects { ids: run.damaged().to_vec() }];
        return told(args, &run, Vec::new(), findings, global);
    }
    let until = args.step.as_deref().map(|step| last_step(&run, step)).transpose()?;
    let plan = run.file("plan.yaml").map_err(from_store)?;
    let plan = plan.ok_or_else(|| {
        CliError::user(format!("{} has no plan.yaml on branch {}", args.run.display(), run.branch()), "")
    })?;
    let mut check = Check { run: &run, args, until, plan, findings: Vec::new() };
    check.outside_of_steps()?;
    let steps = if crate::plan::experiment::is_experiment(&check.plan) {
        check.experiment()?
    } else {
        check.observational()?
    };
    let steps = check.verified(steps);
    let findings = check.findings;
    told(args, &run, steps, findings, global)
}

/// The verdict, and its exit code.
fn told(
    args: &VerifyArgs,
    run: &RecordedRun,
    steps: Vec<VerifiedStep>,
    findings: Vec<VerificationFinding>,
    global: &Global,
) -> Result<ExitCode, CliError> {
    let found = Verification::new(args.run.display().to_string(), run.branch().to_owned(), steps, findings);
    if global.json {
        output::json_event("verified", &found)?;
    } else {
        output::stdout(verification::verification(&found))?;
    }
    Ok(if found.same { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn from_store(error: ArtifactError) -> CliError {
    errors::from_artifacts(&error)
}

/// The columns that recorded follow-ups read beside those of the answer.
fn follow_up_columns(run: &RecordedRun) -> Result<Vec<String>, CliError> {
    let mut columns = Vec::new();
    for (at, name) in run.steps_with(steps_of_follow_ups::TRAILER) {
        let file = run.file_at(at, &steps_of_follow_ups::path(&name, "yaml")).map_err(from_store)?;
        let request = file.and_then(|bytes| parse_request(&bytes).ok());
        columns.extend(request.iter().flat_map(|request| request.columns().into_iter().map(str::to_owned)));
    }
    Ok(columns)
}

/// The number of a step that was named by number or commit.
fn last_step(run: &RecordedRun, named: &str) -> Result<usize, CliError> {
    let commits: Vec<String> = run.commits().collect();
    let by_number = named.parse::<usize>().ok().filter(|step| (1..=commits.len()).contains(step));
    // Seven digits that are a number are more likely the beginning of an id.
    let by_id = commits.iter().position(|id| named.len() >= 4 && id.starts_with(&named.to_lowercase()));
    by_number.or(by_id.map(|at| at + 1)).ok_or_else(|| {
        let message = format!("the run has no step `{named}`");
        CliError::user(
            message,
            format!("It has {} steps, numbered from 1; or name the beginning of a commit id.", commits.len()),
        )
    })
}

/// A verification under way.
struct Check<'a> {
    run: &'a RecordedRun,
    args: &'a VerifyArgs,
    /// The last step to be made again.
    until: Option<usize>,
    plan: Vec<u8>,
    findings: Vec<VerificationFinding>,
}

impl Check<'_> {
    /// What can be seen without making anything again.
    fn outside_of_steps(&mut self) -> Result<(), CliError> {
        let names = self.run.replaced().map_err(from_store)?;
        if !names.is_empty() {
            self.findings.push(VerificationFinding::Replaced { names });
        }
        for edited in self.run.edited().map_err(from_store)? {
            self.findings.push(VerificationFinding::EditedFile { path: edited.path, gone: !edited.there });
        }
        if !self.run.left_behind().is_empty() {
            let (ids, branch) = (self.run.left_behind().to_vec(), self.run.branch().to_owned());
            self.findings.push(VerificationFinding::LeftBehind { ids, branch });
        }
        let stray = self.run.stray_decisions();
        self.findings.extend(stray.into_iter().map(|id| VerificationFinding::StrayDecision { id }));
        if let Some(waiting) = self.run.waiting() {
            self.findings.push(VerificationFinding::Waits { gate: waiting.gate, rejected: waiting.rejected });
        }
        let reworded = self.run.reworded_decisions();
        self.findings.extend(reworded.map(|id| VerificationFinding::RewordedDecision { id }));
        if !self.run.is_finished() {
            self.findings.push(VerificationFinding::NotFinished);
        }
        Ok(())
    }

    fn sources(&self) -> Result<DataSources, CliError> {
        // The plan of the run lies in the run's directory, whose note says where its data are.
        files::data_sources(&self.run.dir().join("plan.yaml"), &self.args.data)
    }

    /// Holds what goes into a run against what went into this one. False if its steps could only differ.
    fn same_input(&mut self, now: &[(String, String)], data: &BTreeMap<String, String>) -> bool {
        let mut comparable = true;
        for (key, now) in now {
            let Some(recorded) = self.run.trailer(key).filter(|recorded| recorded != now) else { continue };
            comparable = false;
            self.findings.push(VerificationFinding::OtherInput { key: key.clone(), recorded, now: now.clone() });
        }
        let recorded = self.run.file("dataset.json").ok().flatten();
        let recorded = recorded.and_then(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).ok());
        if let Some(files) = recorded.as_ref().and_then(|value| value.get("files")?.as_object()) {
            let other = data.iter().filter(|(name, hash)| {
                files.get(*name).and_then(|there| there.as_str()).is_some_and(|there| there != hash.as_str())
            });
            self.findings.extend(other.map(|(file, _)| VerificationFinding::OtherFile { file: file.clone() }));
        }
        if !comparable {
            let why = "what goes in is not what went in".to_owned();
            self.findings.push(VerificationFinding::NotMadeAgain { why });
        }
        comparable
    }

    fn observational(&mut self) -> Result<Vec<CheckedStep>, CliError> {
        let place = self.run.dir().join("plan.yaml");
        let sources = self.sources()?;
        let groups = follow_up_columns(self.run)?;
        let prepared = prepare::prepare_with_groups(&self.plan, &sources, &groups)
            .map_err(|error| errors::from_prepare(error, &place, TerminalStyle::of_stderr()))?;
        let catalogue = playbook::catalogue(self.args.playbooks.as_deref())?;
        if !self.same_input(&driver::identity(&prepared, &catalogue), &prepared.document.files) {
            return Ok(Vec::new());
        }
        let transcript = self.run.folder("transcript/").map_err(from_store)?;
        let mut participants = models::recorded(&prepared.plan, &sources.root().join("plan.yaml"), transcript)?;
        let ledger = Ledger::beside(self.run.dir())?;
        self.findings.extend(ledger.notes.iter().map(|what| VerificationFinding::RecordDamaged { what: what.clone() }));
        let before = if ledger.is_there() {
            ledger.earlier(run::subject(&prepared))
        } else {
            self.no_record(ledger.file())?;
            self.document::<SeenBefore>("results.json").unwrap_or_default().unblinded_before
        };
        let prepared = prepared.after(before);
        let mut store = CheckingStore::new(self.run);
        let out = self.args.run.display().to_string();
        let input = RunInput { prepared: &prepared, catalogue: &catalogue, out: &out };
        let ended = driver::run(&input, &mut participants, &mut store, &mut Counting::until(self.until));
        match ended {
            Ok(outcome) => {
                // A line is written when the run has ended.
                if ledger.is_there() && self.run.is_finished() {
                    let lines = ledger.of_analysis(run::subject(&prepared));
                    let agree = lines.iter().all(|line| Ledger::agrees(line, &outcome.results));
                    let named = lines.into_iter().map(|line| (line.run, line.branch)).collect();
                    self.held_against(ledger.file(), named, agree);
                }
                self.after_the_end(&prepared, &mut store)?;
            }
            Err(error) => self.stopped(&error, store.len()),
        }
        Ok(store.into_steps())
    }

    /// What was put on record after the run had ended, in its order: follow-ups from their requests, partitions from their files.
    fn after_the_end(&mut self, prepared: &Prepared, store: &mut CheckingStore<'_>) -> Result<(), CliError> {
        let specs = finished_run::specs(self.run)?;
        let answers = match finished_run::answers(self.run, &specs) {
            Ok(answers) => answers,
            Err(error) => {
                self.findings.push(VerificationFinding::Stopped { why: error.message });
                return Ok(());
            }
        };
        let mut watched = None;
        while self.until.is_none_or(|until| store.len() < until) {
            let at = store.len();
            // What is asked after the end adds files; a commit that adds none is not ours.
            if self.run.is_empty_step(at) {
                break;
            }
            let made = if let Some(name) = self.run.trailer_of(at, steps_of_follow_ups::TRAILER) {
                self.follow_up(at, name, (prepared, &answers))
            } else if let Some(name) = self.run.trailer_of(at, steps_of_watch::TRAILER) {
                self.partition(name, (prepared, &answers), &mut watched)
            } else {
                break;
            };
            let committed = made.and_then(|step| store.commit(&step).map_err(|error| error.to_string()));
            if let Err(why) = committed {
                self.findings.push(VerificationFinding::Stopped { why });
                break;
            }
        }
        Ok(())
    }

    fn follow_up(&self, at: usize, name: &str, of: (&Prepared, &[Answering<'_>])) -> Result<Step, String> {
        let file = self.run.file_at(at, &steps_of_follow_ups::path(name, "yaml")).map_err(|error| error.to_string())?;
        let request = file.and_then(|bytes| parse_request(&bytes).ok());
        let request = request.ok_or_else(|| format!("the request of the follow-up `{name}` cannot be read"))?;
        let made = follow_ups::make(of.0, of.1, &request, &mut Counting::until(None));
        made.map(|(_, step)| step).map_err(|error| error.to_string())
    }

    fn partition(
        &self,
        name: &str,
        of: (&Prepared, &[Answering<'_>]),
        watched: &mut Option<watch::Again>,
    ) -> Result<Step, String> {
        let again = match watched {
            Some(again) => again,
            None => {
                let sources = self.sources().map_err(|error| error.message)?;
                watched.insert(watch::Again::new(of, sources, self.run.dir()).map_err(|error| error.message)?)
            }
        };
        again.step(name).map_err(|error| error.message)
    }

    fn experiment(&mut self) -> Result<Vec<CheckedStep>, CliError> {
        let place = self.run.dir().join("plan.yaml");
        let experiment = prepare_experiment::prepare(&self.plan, &self.sources()?)
            .map_err(|error| errors::from_prepare(error, &place, TerminalStyle::of_stderr()))?;
        if !self.same_input(&steps::identity(&experiment), &experiment.table.files) {
            return Ok(Vec::new());
        }
        let looks = Looks::beside(self.run.dir())?;
        self.findings.extend(looks.notes.iter().map(|what| VerificationFinding::RecordDamaged { what: what.clone() }));
        let earlier: Vec<Look> = if looks.is_there() {
            looks.earlier(&experiment.plan, &experiment.plan_sha256, &experiment.table.sha256)
        } else {
            self.no_record(looks.file())?;
            self.document("looks.json").unwrap_or_default()
        };
        let mut store = CheckingStore::new(self.run);
        let out = self.args.run.display().to_string();
        let input = ExperimentRun { experiment: &experiment, looks: &earlier, out: &out };
        let mut seen = None;
        let mut record = |look: &Look, _: &str| {
            seen = Some(look.clone());
            Ok(())
        };
        let ended = experiment::run(&input, &mut store, &mut Counting::until(self.until), &mut record);
        if let Err(error) = ended {
            self.stopped(&error, store.len());
        }
        // A line is written before the results are.
        let opened = self.run.file("results.json").map_err(from_store)?.is_some();
        if let (true, Some(look)) = (looks.is_there() && opened, seen) {
            let lines = looks.of_look(&experiment.plan, &look);
            let agree = lines.iter().all(|line| Looks::agrees(line, &experiment.plan, &look));
            let named = lines.into_iter().map(|line| (line.run, line.branch)).collect();
            self.held_against(looks.file(), named, agree);
        }
        Ok(store.into_steps())
    }

    /// What the record of what was seen says of this run: the folders and branches that its lines name, and whether they agree.
    fn held_against(&mut self, file: &str, named: Vec<(String, String)>, agree: bool) {
        let file = file.to_owned();
        let own = self.run.dir().file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let branches = self.run.branches();
        self.findings.extend(match named.as_slice() {
            [] => Some(VerificationFinding::RecordLacksRun { file }),
            // A second line for the same analysis is nothing that this program writes.
            [_] if !agree => Some(VerificationFinding::RecordSaysOtherwise { file }),
            // The look of a saved fit has no branch.
            [(_, branch)] if branch.is_empty() => None,
            [(run, branch)] if *run == own && branches.contains(branch) => None,
            [(run, branch)] => {
                Some(VerificationFinding::RecordNamesOther { file, run: run.clone(), branch: branch.clone() })
            }
            _ => Some(VerificationFinding::RecordSaysOtherwise { file }),
        });
    }

    /// No record lies beside the run: as it should be in a clone, and not where the run was made.
    fn no_record(&mut self, file: &str) -> Result<(), CliError> {
        let note = store::read_note(self.run.dir(), "data-root", &files::trust()).map_err(from_store)?;
        let opened = self.run.file("results.json").map_err(from_store)?.is_some();
        let file = file.to_owned();
        self.findings.push(match note {
            Some(_) if opened => VerificationFinding::RecordGone { file },
            _ => VerificationFinding::NoRecord { file },
        });
        Ok(())
    }

    /// A document of the last commit, if it is there and can be read.
    fn document<T: DeserializeOwned>(&self, path: &str) -> Option<T> {
        let bytes = self.run.file(path).ok().flatten()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// A run that ended after some steps, unless that was the last one asked for.
    fn stopped(&mut self, error: &RunError, steps: usize) {
        if self.until.is_some_and(|until| steps >= until) {
            return;
        }
        self.findings.push(VerificationFinding::Stopped { why: error.to_string() });
    }

    /// The steps as facts, and the commits that no step made.
    fn verified(&mut self, steps: Vec<CheckedStep>) -> Vec<VerifiedStep> {
        let commits: Vec<String> = self.run.commits().collect();
        let stopped = self
            .findings
            .iter()
            .any(|it| matches!(it, VerificationFinding::Stopped { .. } | VerificationFinding::NotMadeAgain { .. }));
        let more = commits.get(steps.len()..).unwrap_or_default();
        if self.until.is_none() && !stopped && !more.is_empty() {
            self.findings.push(VerificationFinding::MoreCommits { ids: more.to_vec() });
        }
        let finished = self.run.is_finished();
        let numbered = steps.into_iter().zip(1..).map(|(step, number)| VerifiedStep {
            number,
            differences: step.differences.iter().map(difference).collect(),
            commit: step.commit,
            subject: step.subject,
        });
        // A run that was interrupted lacks its last steps; that was told.
        numbered.filter(|step| finished || step.commit.is_some()).collect()
    }
}

/// The part of `results.json` that says what was seen before the run.
#[derive(Default, Deserialize)]
#[serde(default)]
struct SeenBefore {
    unblinded_before: Vec<LedgerEntry>,
}

fn difference(found: &StepDifference) -> VerifiedDifference {
    match found {
        StepDifference::NoCommit => VerifiedDifference::NoCommit,
        StepDifference::Commit => VerifiedDifference::Commit,
        StepDifference::Tree => VerifiedDifference::Tree,
        StepDifference::Tag { name, there } => VerifiedDifference::Tag { name: name.clone(), there: *there },
        StepDifference::Subject { recorded } => VerifiedDifference::Subject { recorded: recorded.clone() },
        StepDifference::Message { recorded, made } => VerifiedDifference::Message(place(recorded, made)),
        StepDifference::File { path, recorded: Some(_), made: None } => {
            VerifiedDifference::FileNotMade { path: path.clone() }
        }
        StepDifference::File { path, recorded: None, .. } => VerifiedDifference::FileNotRecorded { path: path.clone() },
        StepDifference::File { path, recorded: Some(recorded), made: Some(made) } => {
            match (std::str::from_utf8(recorded), std::str::from_utf8(made)) {
                (Ok(recorded), Ok(made)) => {
                    VerifiedDifference::FileText { path: path.clone(), place: place(recorded, made) }
                }
                _ => {
                    let same = recorded.iter().zip(made).take_while(|pair| pair.0 == pair.1).count();
                    VerifiedDifference::FileBytes { path: path.clone(), offset: same }
                }
            }
        }
    }
}

fn place(recorded: &str, made: &str) -> Place {
    let found = first_difference(recorded, made);
    found.map_or(Place { line: 1, recorded: String::new(), made: String::new() }, |found| Place {
        line: found.line,
        recorded: found.first,
        made: found.second,
    })
}

/// Counts steps, and stops after the last that was asked for.
struct Counting {
    steps: usize,
    until: Option<usize>,
}

impl Counting {
    fn until(until: Option<usize>) -> Counting {
        Counting { steps: 0, until }
    }
}

impl Observer for Counting {
    fn on(&mut self, event: &ProgressEvent) {
        self.steps += usize::from(matches!(event, ProgressEvent::Committed { .. }));
    }

    fn cancelled(&self) -> bool {
        self.until.is_some_and(|until| self.steps >= until)
    }
}
