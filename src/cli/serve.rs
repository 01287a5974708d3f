//! `oci-agent serve DIR`: the page of many runs while they are at work, for this machine only.

use super::args::Global;
use super::errors::CliError;
use super::shelf::{REPORT, Shelf, asked_for};
use super::{env, output};
use crate::record::dashboard::Board;
use crate::report::dashboard::{Mode, page, policy};
use crate::serve::{self, Pages, Reply};
use crate::text::sha256::sha256_hex;
use clap::Args;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Serves the page of `oci-agent dashboard` to this machine, made again whenever it is asked for, so that runs can be watched.
///
/// It listens on 127.0.0.1 alone, answers to no other name, and has nothing that writes. An open page brings itself up to date; with
/// scripts off, reload it. Other users of this machine can read it as well. Ctrl-C ends it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  oci-agent serve oci-runs
  oci-agent serve oci-runs --port 0        any free port; the address is printed

Exit codes: 2 something to fix in the call, 3 ended by Ctrl-C, or something outside.")]
pub struct ServeArgs {
    /// The folder that holds the runs, at any depth; or one run.
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// The port to listen on; 0 takes any that is free.
    #[arg(long, value_name = "PORT", default_value_t = 8627)]
    pub port: u16,
}

/// Serves until it is stopped.
pub(super) fn serve(args: &ServeArgs, global: &Global) -> Result<ExitCode, CliError> {
    let shelf = Shelf::open(&args.dir)?;
    let listener = serve::listen(args.port).map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => {
            let message = format!("port {} is in use", args.port);
            CliError::user(message, "Name another with --port; --port 0 takes any that is free.")
        }
        _ => CliError::world(format!("could not listen on port {}: {error}", args.port), "Name another with --port."),
    })?;
    let address = listener.local_addr().map_err(|error| CliError::world(error.to_string(), ""))?;
    let live = Live { made: Mutex::new(Made { shelf, last: None }) };
    let url = format!("http://{address}/");
    if global.json {
        output::json_line(&serde_json::json!({"event": "serving", "url": url}))?;
    } else {
        output::stdout(format!("{url} shows the runs in {}; Ctrl-C ends it\n", args.dir.display()))?;
    }
    let ended = serve::serve(listener, Arc::new(live));
    Err(CliError::world(format!("could not go on serving: {ended}"), "Run the command again."))
}

/// A page is not made again within this time.
const FRESH: Duration = Duration::from_secs(1);

struct Live {
    made: Mutex<Made>,
}

struct Made {
    shelf: Shelf,
    last: Option<(Instant, Arc<Content>)>,
}

struct Content {
    board: Board,
    page: String,
    /// What the page says, but for the minute at which it was made.
    state: String,
}

impl Made {
    fn content(&mut self) -> Result<Arc<Content>, String> {
        let now = env::stopwatch();
        if let Some((made, content)) = &self.last
            && now.duration_since(*made) < FRESH
        {
            return Ok(Arc::clone(content));
        }
        let mut board = self.shelf.read(None).map_err(|error| error.message)?;
        let html = page(&board, Mode::Live).map_err(|error| error.to_string())?;
        let read_at = std::mem::take(&mut board.read_at);
        let timeless = page(&board, Mode::Live).map_err(|error| error.to_string())?;
        board.read_at = read_at;
        let content = Arc::new(Content { board, page: html, state: sha256_hex(timeless.as_bytes()) });
        self.last = Some((env::stopwatch(), Arc::clone(&content)));
        Ok(content)
    }
}

impl Pages for Live {
    fn get(&self, path: &str) -> Option<Reply> {
        /// Files of runs: whatever they hold, nothing in them runs, and their own style may be used.
        const OF_RUNS: &str = "default-src 'none'; style-src 'unsafe-inline'; sandbox";
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let content = match made.content() {
            Ok(content) => content,
            Err(message) => return Some(Reply::failed(message)),
        };
        let html = "text/html; charset=utf-8";
        let text = "text/plain; charset=utf-8";
        match path {
            "/" | "/index.html" => Some(Reply::new(html, policy(Mode::Live), content.page.clone().into_bytes())),
            "/state" => Some(Reply::new(text, OF_RUNS.to_owned(), content.state.clone().into_bytes())),
            _ => {
                let (slug, file) = asked_for(path)?;
                let bytes = made.shelf.page_of(&content.board, slug, file)?;
                let kind = if file == REPORT { html } else { text };
                Some(Reply::new(kind, OF_RUNS.to_owned(), bytes))
            }
        }
    }
}
