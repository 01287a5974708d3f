//! `oci-agent dashboard DIR -o SITE`: a page of many runs, with the report of each.

use super::args::Global;
use super::errors::{self, CliError};
use super::output;
use super::shelf::{REPORT, Shelf, real};
use crate::record::dashboard::{Board, RunFacts};
use crate::report::dashboard::{Mode, page};
use crate::store::{Glance, Site, SiteChange, Tip};
use crate::text::lists::counted;
use clap::Args;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Makes a page of all runs below a folder: what waits for a person, the answers to each question and how they moved from run to run,
/// every run with its state and verdict, and what is on record beside them. The report of each run is copied beside the page.
///
/// The site needs no server and no script to be read; a script that the page carries finds and filters. Runs are read from their
/// commits, so one that is being written is shown as far as it is; one that cannot be read is a line that says why. The folder is
/// made again in place; files in it that this command did not make are left alone.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  oci-agent dashboard oci-runs -o site
  oci-agent dashboard /data/team-runs -o /var/www/runs --quiet

Exit codes: 0 made, 2 something to fix in the call, 3 something outside.")]
pub struct DashboardArgs {
    /// The folder that holds the runs, at any depth; or one run.
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// The folder of the site: a new or empty one, or one that this command made. Not inside DIR.
    #[arg(short, long, value_name = "SITE")]
    pub out: PathBuf,
}

/// Makes the site.
pub(super) fn dashboard(args: &DashboardArgs, global: &Global) -> Result<ExitCode, CliError> {
    let mut shelf = Shelf::open(&args.dir)?;
    refuse_inside(&args.dir, &args.out)?;
    let site = Site::open(&args.out).map_err(|error| errors::from_artifacts(&error))?;
    let copy = |slug: &str, glance: &Glance, tip: &Tip, facts: &RunFacts, report: Vec<u8>| {
        copied(&site, slug, glance, tip, facts, &report)
    };
    let board = shelf.read(Some(&copy))?;
    if board.runs.is_empty() {
        let message = format!("there is no run in {} or below it", args.dir.display());
        let mut error = CliError::user(message, "Name the folder that holds the runs, such as oci-runs.");
        error.hints.extend(board.closed.iter().map(|(folder, why)| format!("{folder} could not be read: {why}.")));
        return Err(error);
    }
    let html = page(&board, Mode::Site).map_err(|error| CliError::bug(error.to_string()))?;
    let index = site.write("index.html", html.as_bytes());
    let change = index.and_then(|()| site.finish()).map_err(|error| errors::from_artifacts(&error))?;
    told(args, global, &board, &change)
}

/// The report of a run and the files that it leads to.
fn copied(
    site: &Site,
    slug: &str,
    glance: &Glance,
    tip: &Tip,
    facts: &RunFacts,
    report: &[u8],
) -> Result<(), CliError> {
    let failed = |error: crate::store::ArtifactError| errors::from_artifacts(&error);
    site.write(&format!("runs/{slug}/{REPORT}"), report).map_err(failed)?;
    for path in &facts.files {
        // The page says what is wrong with a run whose report can be read and whose other files cannot: nothing, here.
        if let Ok(Some(bytes)) = glance.file(tip, path) {
            site.write(&format!("runs/{slug}/{path}"), &bytes).map_err(failed)?;
        }
    }
    Ok(())
}

/// The site must not be where runs are looked for.
fn refuse_inside(dir: &Path, out: &Path) -> Result<(), CliError> {
    let failed = |error| CliError::io(out, "find", &error);
    if real(out).map_err(failed)?.starts_with(real(dir).map_err(failed)?) {
        let message = format!("{} is inside {}, where the runs are", out.display(), dir.display());
        return Err(CliError::user(
            message,
            "Name a folder outside of it; or name the folder that holds only the runs.",
        ));
    }
    Ok(())
}

fn told(args: &DashboardArgs, global: &Global, board: &Board, change: &SiteChange) -> Result<ExitCode, CliError> {
    let index = args.out.join("index.html");
    let unreadable = board.runs.iter().filter(|run| run.facts.is_err()).count();
    if global.json {
        output::json_line(&serde_json::json!({
            "event": "dashboard", "index": index.display().to_string(), "runs": board.runs.len(),
            "questions": board.questions.len(), "waiting": board.waiting.len(), "unreadable": unreadable,
            "files": change.written, "removed": change.removed, "left": change.left,
        }))?;
    } else if global.quiet == 0 {
        let (runs, questions) = (counted(board.runs.len(), "run"), counted(board.questions.len(), "question"));
        let waiting = counted(board.waiting.len(), "alert");
        output::stdout(format!("{}: {runs} on {questions}, {waiting}\n", output::shell_word(&index)))?;
    }
    if global.quiet < 2 {
        if unreadable > 0 {
            output::stderr(format!("{} cannot be shown; the page says why", counted(unreadable, "run")));
        }
        for path in &change.left {
            output::stderr(format!("{path} is not made any more, but somebody changed it, so it was left"));
        }
        for (folder, why) in &board.closed {
            output::stderr(format!("{folder} could not be read: {why}"));
        }
        if !board.complete {
            output::stderr("there are more folders than are looked into, so runs may be missing");
        }
    }
    Ok(ExitCode::SUCCESS)
}
