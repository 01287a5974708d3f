//! Errors as a person sees them: a kind, which alone picks the exit code, the chain of causes,
//! and hints.

use crate::agent::driver::RunError;
use crate::dataset::DatasetError;
use crate::input_file::InputFileError;
use crate::llm::ModelError;
use crate::pipeline::PrepareError;
use crate::store::{ArtifactError, Fault};
use crate::text::escape::one_line;
use crate::text::lines::capitalised;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Who can fix it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The person at the keyboard: exit code 2.
    User,
    /// Disk, permissions, git, an interruption: exit code 3.
    World,
    /// A person who has to decide: exit code 4.
    Gate,
    /// Ours: exit code 255.
    Bug,
}

impl Kind {
    /// The exit code.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Kind::User => 2,
            Kind::World => 3,
            Kind::Gate => 4,
            Kind::Bug => 255,
        }
    }
}

/// An error ready to be shown.
#[derive(Debug)]
pub struct CliError {
    /// Who can fix it.
    pub kind: Kind,
    /// The message; may have several lines.
    pub message: String,
    /// Remedies.
    pub hints: Vec<String>,
    /// A rendered report that replaces message and hints on the terminal (plan problems with their snippets).
    pub rendered: Option<String>,
}

impl CliError {
    /// Something for the person to fix.
    pub fn user(message: impl Into<String>, hint: impl Into<String>) -> Self {
        CliError { kind: Kind::User, message: message.into(), hints: vec![hint.into()], rendered: None }
    }

    /// Something outside.
    pub fn world(message: impl Into<String>, hint: impl Into<String>) -> Self {
        CliError { kind: Kind::World, message: message.into(), hints: vec![hint.into()], rendered: None }
    }

    /// Our own mistake.
    pub fn bug(message: impl Into<String>) -> Self {
        let hint = "This is a mistake in oci-agent, not in your plan. Please report it with the command you typed.";
        CliError { kind: Kind::Bug, message: message.into(), hints: vec![hint.to_owned()], rendered: None }
    }

    /// A file that could not be read or written.
    pub fn io(path: &Path, doing: &str, error: &std::io::Error) -> Self {
        use std::io::ErrorKind;
        let message = format!("could not {doing} {}: {error}", one_line(&path.display().to_string()));
        match error.kind() {
            ErrorKind::NotFound => CliError::user(message, "Check the path; it is relative to the current folder."),
            ErrorKind::IsADirectory | ErrorKind::InvalidInput => CliError::user(message, "Name a file, not a folder."),
            ErrorKind::AlreadyExists => CliError::user(message, "Choose another name, or pass --force to replace it."),
            ErrorKind::PermissionDenied => {
                CliError::world(message, "Check the permissions of the file and its folder.")
            }
            ErrorKind::StorageFull => CliError::world(message, "The disk is full; free some space and try again."),
            _ => CliError::world(message, "Nothing was changed. Try again, or choose another place."),
        }
    }
}

/// A file that could not be read through [`crate::input_file`].
pub fn from_input(path: &Path, doing: &str, error: &InputFileError) -> CliError {
    let message = || format!("could not {doing}: {error}");
    match error {
        InputFileError::System { source, .. } => CliError::io(path, doing, source),
        InputFileError::NotRegular { .. } => {
            CliError::user(message(), "Name a file; write what comes out of a pipe into one.")
        }
        InputFileError::TooLarge { .. } => CliError::user(message(), "Was another file meant?"),
        InputFileError::NotText { .. } => CliError::user(message(), "Write the file as UTF-8."),
        InputFileError::Changed { .. } => CliError::world(message(), "Try again when nothing writes to it any more."),
        InputFileError::Memory { .. } => CliError::world(message(), "Use a machine with more memory."),
    }
}

/// The longest that a step may go on after Ctrl-C or SIGTERM. A fit cannot be interrupted in the middle, and who stops a
/// service waits for seconds only; what is on record survives a stop at any moment.
const GRACE: Duration = Duration::from_millis(1500);

/// Sets `cancel` at the first Ctrl-C, so that work stops at the next step, or after [`GRACE`] wherever it is; a second one
/// stops here and now.
pub fn stop_on_signal(cancel: &Arc<AtomicBool>) -> Result<(), CliError> {
    let flag = Arc::clone(cancel);
    listen(move || {
        if flag.swap(true, Ordering::SeqCst) {
            stop_at_once(KEPT);
        }
        // Another thread, so that this one hears a second signal.
        std::thread::spawn(|| {
            std::thread::sleep(GRACE);
            stop_at_once(KEPT);
        });
    })
}

/// For commands that keep nothing half done: the first signal ends them, with the exit code of a stop.
pub fn end_on_signal() -> Result<(), CliError> {
    listen(|| {
        stop_at_once("run the command again to start over");
    })
}

fn listen(on_signal: impl FnMut() + Send + 'static) -> Result<(), CliError> {
    ctrlc::set_handler(on_signal).map_err(|error| CliError::world(format!("could not listen for Ctrl-C: {error}"), ""))
}

/// For commands that keep what is finished.
const KEPT: &str = "what is on record stays, and a run goes on with --resume";

fn stop_at_once(outcome: &str) -> ! {
    super::output::stderr(format!("error: stopped at once, as you asked; {outcome}"));
    std::process::exit(i32::from(Kind::World.exit_code()));
}

/// Turns what `pipeline::prepare` says into something to read.
pub fn from_prepare(error: PrepareError, plan: &Path, style: super::output::TerminalStyle) -> CliError {
    let kind = if matches!(error, PrepareError::Outside(_)) { Kind::World } else { Kind::User };
    match error {
        PrepareError::Plan(mut problems) | PrepareError::Outside(mut problems) => {
            // A draft that waits for somebody: the command can be typed as it is given.
            for problem in problems.problems.iter_mut().filter(|problem| problem.path == "draft") {
                problem.hint = problem.hint.replace("plan.yaml", &super::output::shell_word(plan));
            }
            let name = plan.display().to_string();
            let render = |style: super::output::TerminalStyle| {
                crate::plan::render_problems(&name, &problems.text, &problems.problems, style.color, style.width)
            };
            let lines: Vec<String> = problems
                .problems
                .iter()
                .map(|p| {
                    let place = p.place.map_or_else(String::new, |at| format!(":{}:{}", at.line, at.column));
                    format!("{name}{place}: {} ({})", p.message, p.hint)
                })
                .collect();
            CliError { kind, message: lines.join("\n"), hints: Vec::new(), rendered: Some(render(style)) }
        }
        PrepareError::Dataset(error) => from_dataset(&error),
    }
}

/// A dataset that cannot be read.
pub fn from_dataset(error: &DatasetError) -> CliError {
    let (message, hint) = (error.to_string(), error.hint());
    if error.is_io() { CliError::world(message, hint) } else { CliError::user(message, hint) }
}

/// A model that cannot be asked. `resume` says how to go on, if there is something to go on with.
pub fn from_model(error: &ModelError, resume: &str) -> CliError {
    let (kind, hint) = match error {
        ModelError::Key { hint, .. }
        | ModelError::Refused { hint, .. }
        | ModelError::NotThisProtocol { hint, .. }
        | ModelError::Settings { hint, .. }
        | ModelError::Replay { hint, .. } => (Kind::User, hint.clone()),
        ModelError::Unavailable { hint, .. } => (Kind::World, hint.clone()),
        ModelError::Cancelled | ModelError::Deadline => (Kind::World, String::new()),
    };
    let hints =
        [hint, resume.to_owned()].into_iter().filter(|hint| !hint.is_empty()).map(|hint| sentence(&hint)).collect();
    CliError { kind, message: error.to_string(), hints, rendered: None }
}

/// A run that stopped before its end. `resume` says how to go on.
pub fn from_run(error: &RunError, resume: &str) -> CliError {
    match error {
        RunError::Artifacts(inner) => from_artifacts(inner),
        RunError::Look(message) => CliError::world(message.clone(), resume),
        RunError::Cancelled => CliError::world("stopped, as you asked", resume),
        RunError::NoDesign(_) => CliError::user(
            error.to_string(),
            "Nothing was estimated. Change the plan's confounders or terms, then run again.",
        ),
        RunError::Gate(inner) => {
            CliError { kind: Kind::Gate, message: inner.to_string(), hints: vec![resume.to_owned()], rendered: None }
        }
        RunError::Model(inner) => from_model(inner, resume),
        RunError::FollowUp(inner) => super::sweep::from_follow_up(inner),
        RunError::Report(_) | RunError::Loop(_) | RunError::OutOfOrder(_) | RunError::Brief(_) | RunError::Tool(_) => {
            CliError::bug(error.to_string())
        }
    }
}

/// Hints of other layers are clauses; here they stand alone.
fn sentence(clause: &str) -> String {
    // A command is there to be pasted, and a full stop would be pasted with it.
    let ended = clause.ends_with(['.', '!', '?']) || clause.ends_with("--resume");
    let end = if ended { "" } else { "." };
    capitalised(clause) + end
}

/// A run's repository that cannot be used. The message names the place and the way out.
pub fn from_artifacts(error: &ArtifactError) -> CliError {
    let kind = match error.fault() {
        Fault::User => Kind::User,
        Fault::World => Kind::World,
        Fault::Bug => Kind::Bug,
    };
    CliError { kind, message: error.to_string(), hints: Vec::new(), rendered: None }
}
