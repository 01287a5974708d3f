//! `oci-agent audit RUN`: was the run made as a run should be? Reads its commits, and nothing is made again.

use super::args::{DataRoot, Global};
use super::conversation;
use super::errors::{self, CliError};
use super::ledger::{Ledger, Subject};
use super::looks::Looks;
use super::{files, output, oversight};
use crate::critique::{Executed, alignment};
use crate::dataset;
use crate::llm::{Block, Exchange, Outcome};
use crate::plan::Plan;
use crate::record::audit::{
    self, AuditScope, AuditedCommit, AuditedFile, EarlierOnRecord, HeldAgainstPlan, History, NotAuditable, Outside,
    ToolsOfExchange,
};
use crate::record::earlier::LedgerEntry;
use crate::report;
use crate::store::{self, ArtifactError, RecordedRun};
use crate::text::object_address::DataAddress;
use crate::tools::{Registry, Role};
use clap::Args;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::ExitCode;

/// Holds a recorded run against how a run should be made: an itemised list of checks, each with its evidence (file, line, commit).
///
/// The plan came before the data; specs and designs are what it says; only allowed tools were used; no effect was seen before
/// unblinding; every spec and every earlier unblinded run is reported; nothing measured after treatment is adjusted for; the
/// declared diagnostics were run; deviations and remediations are reported; every number of the report can be traced; the data are
/// the same still. Then the 21 items of TARGET, the guideline for studies that emulate a target trial: reported where, or missing.
///
/// Nothing is computed again, written or asked: `oci-agent verify` does that.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  oci-agent audit oci-runs/nhefs
  oci-agent audit oci-runs/nhefs -o audit.md        as markdown as well
  oci-agent audit oci-runs/nhefs --json | jq '.checks[] | select(.status == \"fail\")'
  oci-agent audit oci-runs/nhefs --since 1c9f2e7    only what later commits did
  oci-agent audit clone-of-a-run --data-root /data

Exit codes: 0 no check fails, 1 one does, 2 the run cannot be audited or something is to fix in the call, 3 something outside.
A check that has no meaning for the run, or could not be made, neither passes nor fails: it is counted as that.")]
pub struct AuditArgs {
    /// The directory of a run, or a clone of one.
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// The branch of the run [default: the one that is checked out].
    #[arg(long, value_name = "NAME")]
    pub branch: Option<String>,
    /// Audit only the commits after this one.
    #[arg(long, value_name = "REV")]
    pub since: Option<String>,
    /// Write the audit as markdown to a new file as well.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub data: DataRoot,
}

/// Audits a run.
pub(super) fn audit(args: &AuditArgs, global: &Global) -> Result<ExitCode, CliError> {
    let trust = files::trust();
    let run = RecordedRun::open(&args.run, args.branch.as_deref(), &trust).map_err(from_store)?;
    if !run.damaged().is_empty() {
        let message = format!("{} has objects that are damaged or missing on the disk", args.run.display());
        let hint = format!("They are named by: oci-agent verify {}", output::shell_word(&args.run));
        return Err(CliError::user(message, hint));
    }
    let commits = commits(&run)?;
    let skipped = skipped(args, &run, &commits)?;
    let history = History::new(&commits).map_err(|error| not_auditable(args, &error))?;
    let outside = outside(args, &run, &history)?;
    let scope = AuditScope { run: &args.run.display().to_string(), branch: run.branch(), skipped };
    let found = audit::audit(&history, &outside, scope);
    if let Some(path) = &args.output {
        files::write_new(path, report::audit::markdown(&found).as_bytes())?;
    }
    if global.json {
        output::json_event("audited", &found)?;
    } else {
        output::stdout(report::audit::terminal(&found))?;
    }
    Ok(if found.counts.fail == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn from_store(error: ArtifactError) -> CliError {
    errors::from_artifacts(&error)
}

fn not_auditable(args: &AuditArgs, error: &NotAuditable) -> CliError {
    let hint = match error {
        NotAuditable::NewerLayout(_) => "Use the version of oci-agent that made it; manifest.json names it.",
        NotAuditable::NoPlan | NotAuditable::PlanUnreadable(_) => {
            "Name another branch with --branch, or another run; the first commit of a run has its plan."
        }
    };
    CliError::user(format!("{} cannot be audited: {error}", args.run.display()), hint)
}

/// The commits with the text files that each of them changes.
fn commits(run: &RecordedRun) -> Result<Vec<AuditedCommit>, CliError> {
    let mut all = Vec::new();
    for commit in run.walk().map_err(from_store)? {
        let mut changed = Vec::with_capacity(commit.changed.len());
        for file in commit.changed {
            let bytes =
                if AuditedFile::is_text(&file.path) { run.content(&file).map_err(from_store)? } else { Vec::new() };
            changed.push(AuditedFile { gone: file.is_gone(), path: file.path, bytes });
        }
        all.push(AuditedCommit {
            id: commit.id,
            tree: commit.tree,
            message: commit.message,
            trailers: commit.trailers,
            plain: commit.plain,
            changed,
        });
    }
    Ok(all)
}

/// The number of commits up to the one named by `--since`.
fn skipped(args: &AuditArgs, run: &RecordedRun, commits: &[AuditedCommit]) -> Result<usize, CliError> {
    let Some(named) = &args.since else { return Ok(0) };
    let dir = output::shell_word(&args.run);
    let Some(id) = run.revision(named) else {
        let message = format!("`{named}` names no commit of {}", args.run.display());
        return Err(CliError::user(message, format!("Its commits: git -C {dir} log --oneline {}", run.branch())));
    };
    let step = commits.iter().position(|commit| commit.id == id).map(|at| at + 1);
    // A decision is a commit between two steps.
    let decision = run.decisions().find(|it| it.1.commit == id).map(|it| it.0);
    step.or(decision).ok_or_else(|| {
        let message = format!("`{named}` is a commit of {}, but not of branch {}", args.run.display(), run.branch());
        CliError::user(message, format!("Its commits: git -C {dir} log --oneline {}", run.branch()))
    })
}

/// What the commits do not say.
fn outside(args: &AuditArgs, run: &RecordedRun, history: &History<'_>) -> Result<Outside, CliError> {
    let earlier = earlier(run, history)?;
    let root = files::data_root(&run.dir().join("plan.yaml"), &args.data)?;
    let exchanges = history.exchanges().filter_map(|it| tools_of_exchange(it.0, it.1)).collect();
    let allowed = |plan: &Plan, unblinded: bool| -> Vec<String> {
        let roles = [Role::Actor, Role::Critic, Role::Host];
        let offered = roles.into_iter().flat_map(|role| Registry::new(role, &plan.tools).offered(unblinded));
        offered.map(|tool| tool.name).collect()
    };
    Ok(Outside {
        held_against_plan: history.plan().map(|plan| held_against_plan(plan, history, &earlier)).unwrap_or_default(),
        tools_allowed: history.plan().map(|plan| (allowed(plan, false), allowed(plan, true))).unwrap_or_default(),
        tools_in_exchanges: exchanges,
        data: data_now(history, &root),
        data_root: root.display().to_string(),
        in_stores: in_stores(history),
        edited: run.edited().map_err(from_store)?.into_iter().map(|it| it.path).collect(),
        left_behind: run.left_behind().to_vec(),
        replaced: run.replaced().map_err(from_store)?,
        finished: run.is_finished(),
        decisions: run.decisions().map(|(after, it)| (after, oversight::recorded(it))).collect(),
        earlier,
    })
}

/// Each spec and its design against the plan: what a critique checks, made again from the documents on record.
fn held_against_plan(plan: &Plan, history: &History<'_>, earlier: &EarlierOnRecord) -> Vec<HeldAgainstPlan> {
    let (plan_sha256, (data_sha256, _)) = (history.plan_sha256(), history.data_sha256());
    let unblinded_before: &[LedgerEntry] = &earlier.analyses;
    let source = alignment::Source { plan, plan_sha256: &plan_sha256, data_sha256: &data_sha256, unblinded_before };
    let mut all = Vec::new();
    for (iteration, spec, spec_sha256, design) in history.executed() {
        let executed = Executed { spec, spec_sha256: &spec_sha256, design };
        let checks = alignment::checks_by_subject(source, &executed).into_iter();
        all.extend(checks.map(|(subject, check)| HeldAgainstPlan { iteration, subject, check }));
    }
    all
}

/// What the record beside the run says was seen before it.
fn earlier(run: &RecordedRun, history: &History<'_>) -> Result<EarlierOnRecord, CliError> {
    let made_here = store::read_note(run.dir(), "data-root", &files::trust()).map_err(from_store)?.is_some();
    let (plan_sha256, (data_sha256, _)) = (history.plan_sha256(), history.data_sha256());
    if let Some(plan) = history.experiment_plan() {
        let looks = Looks::beside(run.dir())?;
        return Ok(EarlierOnRecord {
            file: looks.file().to_owned(),
            is_there: looks.is_there(),
            made_here,
            damage: looks.notes.clone(),
            looks: looks.earlier(plan, &plan_sha256, &data_sha256),
            analyses: Vec::new(),
        });
    }
    let ledger = Ledger::beside(run.dir())?;
    let outcome = history.plan().map(|plan| plan.outcome.column.as_str()).unwrap_or_default();
    let subject = Subject { data_sha256: &data_sha256, outcome, plan_sha256: &plan_sha256 };
    Ok(EarlierOnRecord {
        file: ledger.file().to_owned(),
        is_there: ledger.is_there(),
        made_here,
        damage: ledger.notes.clone(),
        analyses: ledger.earlier(subject),
        looks: Vec::new(),
    })
}

/// The hashes of the data files as they are now, by the names that the run has for them; empty if they are not there.
fn data_now(history: &History<'_>, root: &std::path::Path) -> BTreeMap<String, String> {
    if let Some(plan) = history.plan() {
        return dataset::fingerprints(&plan.data.source, root).unwrap_or_default();
    }
    let sources = history.data_sha256().1.into_keys();
    sources.filter_map(|source| Some((source.clone(), dataset::fingerprint(&source, root).ok()?))).collect()
}

/// The files of the run that are objects of stores, which an audit does not ask.
fn in_stores(history: &History<'_>) -> BTreeSet<String> {
    let is_object = |source: &str| matches!(DataAddress::read(source), Ok(DataAddress::Object(_)));
    let files = history.data_sha256().1.into_keys();
    match history.plan() {
        Some(plan) => files.filter(|_| is_object(&plan.data.source)).collect(),
        None => files.filter(|source| is_object(source)).collect(),
    }
}

/// What a model was offered and what it called, if the file is an exchange.
fn tools_of_exchange(path: &str, value: &serde_json::Value) -> Option<ToolsOfExchange> {
    let exchange = Exchange::deserialize(value).ok()?;
    let called = match &exchange.outcome {
        Outcome::Stopped(_) => Vec::new(),
        Outcome::Response(response) => {
            let name = |block: &Block| match block {
                Block::ToolUse { name, .. } => Some(name.clone()),
                _ => None,
            };
            response.blocks.iter().filter_map(name).collect()
        }
    };
    Some(ToolsOfExchange { path: path.to_owned(), offered: conversation::tools(&exchange.request), called })
}
