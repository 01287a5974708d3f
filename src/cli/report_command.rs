//! `oci-agent report RUN`: the report as it was committed, on the terminal or in a file.

use super::args::Global;
use super::errors::{self, CliError};
use super::{files, output};
use crate::store::{ArtifactError, RecordedRun};
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;

/// Prints the report of a run as its last commit has it, or writes its page to a file.
///
/// Nothing is computed and nothing in the folder is read: files that were edited there do not count, and a clone serves as well. A run
/// that has not come to its end has no report yet.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  oci-agent report oci-runs/nhefs | less
  oci-agent report oci-runs/nhefs -o nhefs.html        the page; a name that ends in .md gets the text
  oci-agent report clone-of-a-run --branch run-2

Exit codes: 0 printed or written, 2 something to fix in the call, 3 something outside.")]
pub struct ReportArgs {
    /// The directory of a run, or a clone of one.
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// The branch of the run [default: the one that is checked out].
    #[arg(long, value_name = "NAME")]
    pub branch: Option<String>,
    /// Write it to a new file: the page if its name ends in .html, the text if in .md.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Prints or writes the report.
pub(super) fn report(args: &ReportArgs, global: &Global) -> Result<ExitCode, CliError> {
    let run = RecordedRun::open(&args.run, args.branch.as_deref(), &files::trust()).map_err(|e| from_store(&e))?;
    let word = output::shell_word(&args.run);
    if !run.damaged().is_empty() {
        let message = format!("{} has objects that are damaged or missing on the disk", args.run.display());
        return Err(CliError::user(message, format!("They are named by: oci-agent verify {word}")));
    }
    let name = document(args)?;
    let bytes = run.file(name).map_err(|e| from_store(&e))?.ok_or_else(|| match run.waiting() {
        Some(waiting) => CliError::user(
            format!("{} waits at the gate `{}` and has no report yet", args.run.display(), waiting.gate),
            format!("Look at it, and decide: oci-agent review {word}"),
        ),
        None => CliError::user(
            format!("{} has no {name}: it has not come to its end", args.run.display()),
            format!("Its design so far: oci-agent audit {word}, or git -C {word} log -p --reverse"),
        ),
    })?;
    if let Some(file) = &args.output {
        files::write_new(file, &bytes)?;
        if global.json {
            output::json_line(&serde_json::json!({"event": "report", "document": name, "output": file}))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    if global.json {
        output::json_line(&serde_json::json!({"event": "report", "document": name, "text": text}))?;
    } else {
        output::stdout(text)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The document that is asked for, by the name of the file that it goes to.
fn document(args: &ReportArgs) -> Result<&'static str, CliError> {
    let Some(file) = &args.output else { return Ok("report.md") };
    match file.extension().and_then(|ending| ending.to_str()) {
        Some("html") => Ok("report.html"),
        Some("md") => Ok("report.md"),
        _ => {
            let message = format!("{} ends in neither .html nor .md", file.display());
            Err(CliError::user(message, "Name the file report.html for the page, or report.md for the text."))
        }
    }
}

fn from_store(error: &ArtifactError) -> CliError {
    errors::from_artifacts(error)
}
