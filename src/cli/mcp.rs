//! `oci-agent mcp plan.yaml` and `oci-agent mcp --folder DIR`.

use super::args::{DataRoot, Global, RunArgs, RunLocation, Settings};
use super::errors::{self, CliError};
use super::mcp_args::McpArgs;
use super::mcp_folder::FolderBackend;
use super::mcp_hosting::{Ended, Hosting, ReadPlan, Wanted, named, read, refused};
use super::{env, files, mcp_status, output};
use crate::mcp::backend::{Backend, DraftRequest, RunPlace, Serves, StartRequest};
use crate::mcp::{self, Refused, RunChannel, Token, Transport, code};
use crate::store::RepositoryTrust;
use serde_json::{Value, json};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The variable with the token of hosts that come over HTTP.
const TOKEN: &str = "OCI_AGENT_MCP_TOKEN";
/// The shortest token that is taken from there, characters.
const SHORTEST_TOKEN: usize = 16;

/// Serves until the host disconnects, or, over HTTP, until it is stopped.
pub fn mcp(args: McpArgs, global: &Global) -> Result<ExitCode, CliError> {
    if global.json {
        let message = "`--json` and `mcp` both want standard output";
        return Err(CliError::user(message, "Leave `--json` out: the protocol is JSON, and progress goes to stderr."));
    }
    let cancel = Arc::new(AtomicBool::new(false));
    let hosting = Hosting::new(global.quiet, Arc::clone(&cancel));
    errors::stop_on_signal(&cancel)?;
    let http = args.http;
    let listen = args.token_file.clone();
    match &args.plan {
        None => {
            let folder = args.folder.clone().unwrap_or_else(|| PathBuf::from("."));
            let backend = Arc::new(FolderBackend::open(&folder, args.consent, args.playbooks, hosting)?);
            served(Arc::clone(&backend) as Arc<dyn Backend>, http, listen.as_deref(), &cancel)?;
            // What became of each run was told to its host; an error of ours is told here as well.
            if let Some(Err(error)) = backend.hosting.last() {
                output::stderr(format!("The last run: {}. {}", error.message, error.hints.join(" ")));
            }
            Ok(ExitCode::SUCCESS)
        }
        Some(plan) => {
            let backend = Arc::new(PlanBackend::open(plan.clone(), args, hosting)?);
            served(Arc::clone(&backend) as Arc<dyn Backend>, http, listen.as_deref(), &cancel)?;
            backend.ended(global, cancel.load(Ordering::SeqCst))
        }
    }
}

fn served(
    backend: Arc<dyn Backend>,
    http: Option<SocketAddr>,
    token_file: Option<&Path>,
    cancel: &Arc<AtomicBool>,
) -> Result<(), CliError> {
    let transport = match http {
        None => Transport::Stdio,
        Some(address) => listening(address, token_file)?,
    };
    mcp::serve(backend, transport, &|| cancel.load(Ordering::SeqCst))
        .map_err(|error| CliError::world(format!("the server could not go on: {error}"), "Start it again."))?;
    if http.is_some() {
        return Err(CliError::world(
            "stopped, as you asked",
            "Runs that were not finished are gone on with at the next start.",
        ));
    }
    Ok(())
}

/// Takes an address of this machine, and says where it is and what is to be shown there.
fn listening(address: SocketAddr, token_file: Option<&Path>) -> Result<Transport, CliError> {
    if !address.ip().is_loopback() {
        let message = format!("{address} is not an address of this machine alone");
        return Err(CliError::user(
            message,
            "Use --http 127.0.0.1:8628; for hosts elsewhere, a tunnel that has its own lock.",
        ));
    }
    let (token, told) = match env::variable(TOKEN) {
        Some(token) if token.trim().len() < SHORTEST_TOKEN => {
            let message = format!("{TOKEN} has fewer than {SHORTEST_TOKEN} characters, which can be guessed");
            return Err(CliError::user(message, "Leave it out, and one is made."));
        }
        Some(token) => (token.trim().to_owned(), format!("the token is that of {TOKEN}")),
        None => {
            let hint = "Set OCI_AGENT_MCP_TOKEN to a secret of your own.";
            let token =
                env::secret().map_err(|error| CliError::world(format!("no token could be made: {error}"), hint))?;
            let told = match token_file {
                Some(file) => {
                    files::write_private(file, format!("{token}\n").as_bytes())?;
                    format!("the token is in {}", output::shell_word(file))
                }
                None => format!("token: {token}"),
            };
            (token, told)
        }
    };
    let listener = TcpListener::bind(address).map_err(|error| {
        CliError::world(
            format!("could not listen on {address}: {error}"),
            "Name another port; port 0 takes any that is free.",
        )
    })?;
    let address = listener.local_addr().map_err(|error| CliError::world(error.to_string(), ""))?;
    output::stderr(told);
    output::stdout(format!("http://{address}{} speaks MCP; Ctrl-C ends it\n", mcp::PATH))?;
    Ok(Transport::Http { listener, token: Token::new(&token) })
}

/// One plan.
struct PlanBackend {
    wanted: Wanted,
    serves: Serves,
    /// The plan and its data as they were read at the start; the first run takes them.
    read: Mutex<Option<ReadPlan>>,
    /// True once the run was open: `--new` and `--force` are for the first time.
    begun: AtomicBool,
    hosting: Hosting,
}

impl PlanBackend {
    /// Reads the plan and its data, so that what is wrong with them is told at once. Nothing is written.
    fn open(plan: PathBuf, args: McpArgs, hosting: Hosting) -> Result<Self, CliError> {
        let location = RunLocation {
            plan: plan.clone(),
            out: args.out,
            resume: args.resume,
            force: args.force,
            data: DataRoot { data_root: args.data_root },
            settings: Settings { set: args.set },
            consent: args.consent,
            playbooks: args.playbooks,
        };
        let args_of_run = RunArgs { location, replay: None, no_model: false, command: "mcp" };
        let mut observer = hosting.observer();
        let read = read(&args_of_run, &mut observer);
        observer.idle();
        let read = read?;
        let serves = match &read {
            ReadPlan::Study(study) => {
                Serves::Plan { offer: mcp::offer(&study.0.plan.tools), instructions: mcp::instructions() }
            }
            ReadPlan::Experiment(_) => {
                Serves::Plan { offer: mcp::experiment::offer(), instructions: mcp::experiment::instructions() }
            }
        };
        let names = (name_of(&args_of_run.place()), named(&plan));
        let wanted = Wanted { args: args_of_run, names, another: args.new };
        Ok(PlanBackend { wanted, serves, read: Mutex::new(Some(read)), begun: AtomicBool::new(false), hosting })
    }

    fn ended(&self, global: &Global, stopped: bool) -> Result<ExitCode, CliError> {
        let place = self.wanted.args.place();
        let told = match self.hosting.last() {
            Some(Err(error)) => return Err(error),
            Some(Ok(Ended::WithReport)) => {
                format!("The host has left. Read {}/report.md (or report.html).", place.display())
            }
            Some(Ok(Ended::NotOpened)) => {
                "The host has left. The results were not opened, and nothing was written.".to_owned()
            }
            None if stopped => return Err(CliError::world("stopped, as you asked", "No run was open.")),
            None => "The host has left. No run was opened, and nothing was written.".to_owned(),
        };
        if global.quiet == 0 {
            output::stderr(told);
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn name_of(place: &Path) -> String {
    let name = place.file_name().map(|name| name.to_string_lossy().into_owned());
    name.unwrap_or_else(|| named(place))
}

fn for_folders(tool: &str) -> Refused {
    Refused::new(code::NO_RUN, format!("`{tool}` is for servers of a folder; this one has one plan"))
}

impl Backend for PlanBackend {
    fn serves(&self) -> Serves {
        self.serves.clone()
    }

    fn run(&self, _: &StartRequest, channel: RunChannel) {
        let read = self.read.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut wanted = self.wanted.clone();
        if self.begun.load(Ordering::SeqCst) {
            wanted.another = false;
            wanted.args.location.force = false;
        }
        if self.hosting.host(&wanted, read, channel) {
            self.begun.store(true, Ordering::SeqCst);
        }
    }

    fn status(&self) -> Result<Value, Refused> {
        let (mut runs, complete) = mcp_status::runs(&self.wanted.args.place()).map_err(|error| refused(&error))?;
        if runs.is_empty() {
            runs.push(json!({"run": self.wanted.names.0, "state": "not_begun", "unblinded": false, "verdicts": []}));
        }
        Ok(json!({"serves": self.wanted.names.1, "runs": runs, "complete": complete}))
    }

    fn check_plan(&self, _: &str) -> Result<Value, Refused> {
        Err(for_folders("check_plan"))
    }

    fn columns(&self, _: &str) -> Result<Vec<String>, Refused> {
        Err(for_folders("draft_plan"))
    }

    fn draft_plan(&self, _: &DraftRequest) -> Result<Value, Refused> {
        Err(for_folders("draft_plan"))
    }

    fn places(&self) -> Result<Vec<RunPlace>, Refused> {
        let dir = self.wanted.args.place();
        let there = dir.join(".git").is_dir();
        Ok(there.then(|| RunPlace { name: name_of(&dir), dir }).into_iter().collect())
    }

    fn trust(&self) -> RepositoryTrust {
        files::trust()
    }
}
