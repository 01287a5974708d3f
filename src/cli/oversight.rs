//! `oci-agent review`, `approve`, `reject`, `comment` and `queue`: what a person decides on a run.

use super::args::Global;
use super::errors::{self, CliError};
use super::{env, files, output};
use crate::agent::gates::AtGate;
use crate::record::oversight::{DecidedAs, PendingDecision, RecordedDecision};
use crate::report::oversight;
use crate::store::{
    self, ArtifactError, ArtifactStore, Decision, DecisionKind, GitStore, NewDecision, OpenMode, OpenOptions,
    RecordedRun, WaitingRun,
};
use crate::text::numbers::short_hash;
use clap::Args;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Shows the decision that a run waits for, and everything that changed since the last one.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 it waits for nobody, 4 it waits for a decision, 2 something to fix in the call, 3 something outside."
)]
pub struct ReviewArgs {
    /// The directory of a run, or a clone of one.
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// Leave the diff out.
    #[arg(long)]
    pub short: bool,
}

/// Approves what a run waits with.
#[derive(Debug, Args)]
#[command(
    after_help = "The decision is a commit of the run: who, when, on which tree, why. It is signed if your git configuration signs commits
(commit.gpgsign). The run goes on with `oci-agent run plan.yaml --resume`."
)]
pub struct ApproveArgs {
    #[command(flatten)]
    pub on: DecideOn,
    /// The reason, in your words.
    #[arg(long, short, value_name = "TEXT", default_value = "")]
    pub message: String,
}

/// Rejects what a run waits with: it does not go on.
#[derive(Debug, Args)]
pub struct RejectArgs {
    #[command(flatten)]
    pub on: DecideOn,
    /// The reason, in your words.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
}

/// Puts a remark on a run on record. It decides nothing.
#[derive(Debug, Args)]
pub struct CommentArgs {
    /// The directory of the run.
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// The remark.
    #[arg(long, short, value_name = "TEXT")]
    pub message: String,
}

/// What is decided on.
#[derive(Debug, Args)]
pub struct DecideOn {
    /// The directory of the run.
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// The tree that was reviewed, as `oci-agent review` shows it; another one is refused.
    #[arg(long, value_name = "TREE")]
    pub tree: Option<String>,
}

/// Lists the runs in a folder that wait for somebody.
#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 none waits, 4 some do, 2 something to fix in the call.")]
pub struct QueueArgs {
    /// A folder with runs, such as oci-runs; folders in it are looked into.
    #[arg(value_name = "DIR", default_value = "oci-runs")]
    pub dir: PathBuf,
}

/// Something waits for a person.
const WAITS: u8 = 4;

fn from_store(error: &ArtifactError) -> CliError {
    errors::from_artifacts(error)
}

/// Shows what is to be decided.
pub(super) fn review(args: &ReviewArgs, global: &Global) -> Result<ExitCode, CliError> {
    let run = open(&args.run)?;
    let waiting = run.waiting();
    let text = match (&waiting, args.short) {
        (Some(waiting), false) => {
            // From the last decision that binds; before there is one, everything.
            let since = run.decisions().filter(|it| it.1.kind != DecisionKind::Comment && it.0 < waiting.steps).last();
            let from = since.and_then(|(after, _)| after.checked_sub(1));
            run.diff(from, waiting.steps.saturating_sub(1)).map_err(|error| from_store(&error))?
        }
        _ => String::new(),
    };
    let decisions: Vec<RecordedDecision> = run.decisions().map(|it| recorded(it.1)).collect();
    let word = output::shell_word(&args.run);
    let waiting = waiting.map(|waiting| pending(word.clone(), waiting));
    if global.json {
        output::json_line(&serde_json::json!({
            "event": "review",
            "run": args.run.display().to_string(),
            "waits": waiting,
            "decisions": decisions,
            "diff": text,
        }))?;
    } else {
        output::stdout(oversight::review(&word, waiting.as_ref(), &decisions, &text))?;
    }
    Ok(waiting.map_or(ExitCode::SUCCESS, |_| ExitCode::from(WAITS)))
}

/// Approves.
pub(super) fn approve(args: &ApproveArgs, global: &Global) -> Result<ExitCode, CliError> {
    decide(&args.on, DecisionKind::Approved, &args.message, global)
}

/// Rejects.
pub(super) fn reject(args: &RejectArgs, global: &Global) -> Result<ExitCode, CliError> {
    if args.reason.trim().is_empty() {
        return Err(CliError::user(
            "a rejection needs a reason",
            "Say why: --reason \"the comparison is not the one we asked for\".",
        ));
    }
    decide(&args.on, DecisionKind::Rejected, &args.reason, global)
}

fn decide(on: &DecideOn, kind: DecisionKind, reason: &str, global: &Global) -> Result<ExitCode, CliError> {
    // The lock first: what is looked at then is what is decided on.
    open(&on.run)?;
    let mut store = writable(&on.run)?;
    let run = open(&on.run)?;
    let review = format!("oci-agent review {}", output::shell_word(&on.run));
    let Some(waiting) = run.waiting() else {
        let message = format!("{} waits for no decision", on.run.display());
        return Err(CliError::user(message, format!("Its decisions are shown by: {review}")));
    };
    if let Some(tree) = &on.tree
        && (tree.len() < 7 || !waiting.tree.starts_with(&tree.to_lowercase()))
    {
        let message = format!("the run waits for a decision on tree {}, and {tree} was named", waiting.tree);
        return Err(CliError::user(message, format!("Look at what is there now: {review}")));
    }
    let already = run.decisions().map(|it| it.1).filter(|it| it.tree == waiting.tree && it.kind == kind).last();
    if let Some(decision) = already.filter(|_| waiting.rejected && kind == DecisionKind::Rejected) {
        return told(decision, &on.run, true, global);
    }
    let decision = NewDecision { kind, gate: Some(waiting.gate.clone()), reason: reason.to_owned(), by: reviewer()? };
    let decision = store.decide(&decision).map_err(|error| from_store(&error))?;
    told(&decision, &on.run, false, global)
}

/// Puts a remark on record.
pub(super) fn comment(args: &CommentArgs, global: &Global) -> Result<ExitCode, CliError> {
    if args.message.trim().is_empty() {
        return Err(CliError::user("the remark is empty", "Write it after --message."));
    }
    open(&args.run)?;
    let mut store = writable(&args.run)?;
    let gate = open(&args.run)?.waiting().map(|waiting| waiting.gate);
    let new = NewDecision { kind: DecisionKind::Comment, gate, reason: args.message.clone(), by: reviewer()? };
    let decision = store.decide(&new).map_err(|error| from_store(&error))?;
    told(&decision, &args.run, false, global)
}

/// A decision as reports have it.
pub(super) fn recorded(decision: &Decision) -> RecordedDecision {
    RecordedDecision {
        kind: match decision.kind {
            DecisionKind::Approved => DecidedAs::Approved,
            DecisionKind::Rejected => DecidedAs::Rejected,
            DecisionKind::Comment => DecidedAs::Comment,
        },
        gate: decision.gate.clone(),
        tree: decision.tree.clone(),
        reason: decision.reason.clone(),
        by: decision.by.clone(),
        at: decision.at,
        commit: decision.commit.clone(),
        signed: decision.signed,
    }
}

fn pending(run: String, waiting: WaitingRun) -> PendingDecision {
    let WaitingRun { branch, gate, tree, rejected, since, steps: _ } = waiting;
    PendingDecision { run, branch, gate, tree, rejected, since }
}

fn told(decision: &Decision, run: &Path, before: bool, global: &Global) -> Result<ExitCode, CliError> {
    let decision = recorded(decision);
    if global.json {
        output::json_event("decided", &decision)?;
    } else {
        output::stdout(oversight::decided(&decision, &output::shell_word(run), before))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Lists what waits.
pub(super) fn queue(args: &QueueArgs, global: &Global) -> Result<ExitCode, CliError> {
    if !args.dir.is_dir() {
        let message = format!("{} is not a folder", args.dir.display());
        return Err(CliError::user(message, "Name the folder that your runs are in; `oci-agent run` makes oci-runs."));
    }
    let mut found: Vec<PendingDecision> = Vec::new();
    let mut unreadable = Vec::new();
    let below = store::runs_below(&args.dir).map_err(|error| from_store(&error))?;
    if !below.complete {
        output::stderr("There are more folders than are looked into; name a folder further down.");
    }
    for dir in below.runs.iter().map(|run| args.dir.join(run)) {
        match store::waiting_in(&dir, &files::trust()) {
            Ok(waiting) => found.extend(waiting.map(|waiting| pending(output::shell_word(&dir), waiting))),
            Err(error) => unreadable.push(format!("{}: {error}", dir.display())),
        }
    }
    // Who has waited longest comes first.
    found.sort_by(|a, b| (a.since, &a.run).cmp(&(b.since, &b.run)));
    for line in &unreadable {
        output::stderr(line);
    }
    if global.json {
        found.iter().try_for_each(|waiting| output::json_event("waiting", waiting))?;
    } else {
        output::stdout(oversight::queue(&found, env::now()))?;
    }
    Ok(if found.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(WAITS) })
}

fn open(dir: &Path) -> Result<RecordedRun, CliError> {
    let run = RecordedRun::open(dir, None, &files::trust()).map_err(|error| from_store(&error))?;
    if run.damaged().is_empty() {
        return Ok(run);
    }
    let message = format!("{} has objects that are damaged or missing on the disk", dir.display());
    Err(CliError::user(message, format!("They are named by: oci-agent verify {}", output::shell_word(dir))))
}

/// The run with its lock held.
fn writable(dir: &Path) -> Result<GitStore, CliError> {
    let options = OpenOptions {
        mode: OpenMode::Resume,
        clock: Box::new(env::now),
        author: store::configured_author().unwrap_or_default(),
        identity: Vec::new(),
        trust: files::trust(),
    };
    GitStore::open(dir, options).map_err(|error| match error {
        // It was read as a run before: what is not ours in it is the repository that git made around its commits.
        ArtifactError::NotOurs { .. } => CliError::user(
            format!("{} is a clone of a run, and a decision goes on the record of the run itself", dir.display()),
            "Decide where the run was made, then pull.",
        ),
        error => from_store(&error),
    })
}

/// Asks whoever is at the terminal; anything but a clear answer lets the run wait.
pub(super) fn ask(at: AtGate<'_>) -> Option<NewDecision> {
    let tree = short_hash(at.tree);
    output::stderr(format!(
        "The run waits at the gate `{}`, on tree {tree}. Approve? [y]es, [n]o, or Enter to decide later",
        at.gate.key()
    ));
    let kind = match read_line()?.to_lowercase().as_str() {
        "y" | "yes" => DecisionKind::Approved,
        "n" | "no" => DecisionKind::Rejected,
        _ => return None,
    };
    output::stderr("Why? (one line; it goes on record)");
    let reason = read_line()?;
    match reviewer() {
        Ok(by) => Some(NewDecision { kind, gate: Some(at.gate.key().to_owned()), reason, by }),
        Err(error) => {
            output::stderr(format!("{}. {}", error.message, error.hints.join(" ")));
            None
        }
    }
}

fn read_line() -> Option<String> {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).ok().filter(|read| *read > 0)?;
    Some(line.trim().to_owned())
}

/// Who decides: a decision without a name is none.
pub(super) fn reviewer() -> Result<store::Author, CliError> {
    store::configured_author().ok_or_else(|| {
        CliError::user(
            "a decision needs a name, and git has none for you",
            "Set it with: git config --global user.name \"Ada Lovelace\" and git config --global user.email ada@example.org",
        )
    })
}
