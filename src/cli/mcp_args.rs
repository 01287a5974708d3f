//! Arguments of `oci-agent mcp`.

use super::args::Consent;
use clap::Args;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Offers analyses to agent hosts that speak MCP, over stdin and stdout or HTTP on this machine: the host is the actor.
///
/// The host (an editor, a desktop assistant, a script) gets the tools that the plan lists and nothing else. It looks at
/// balance, overlap and placebo outcomes, and proposes specs; every call goes through the same loop, rubric, privacy filter
/// and budget as a language model's, and is on record in the run's repository. No effect can be seen before the loop has
/// settled; then the answers, the verdicts and the report are there, and the host may read them until it disconnects.
///
/// A connection is not a run: the first call that needs one opens it, and a host that comes back goes on with it. Without a plan, the
/// plans below a folder are served, with tools that draft, check and start them.
///
/// Of an experiment, its questions are the tools, and the host decides when the results are opened; nothing is written before.
///
/// stdout carries the protocol alone; progress goes to stderr.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  oci-agent mcp plan.yaml --out runs/with-a-host
  oci-agent mcp --folder study                many plans: draft_plan, check_plan, start_run, status
  oci-agent mcp --folder study --http 127.0.0.1:8628 --token-file token
  claude mcp add smoking -- oci-agent mcp /home/me/study/plan.yaml --out /home/me/study/run
  npx @modelcontextprotocol/inspector --cli oci-agent mcp plan.yaml --method tools/list

Exit codes: 0 the host has left, and no run of the plan is unfinished (of an experiment: whether it ran it or not; with
--folder: whatever its runs came to); 2 something to fix in the plan or the call; 3 the host disconnected before the loop had
finished, or something outside (disk, git, Ctrl-C): the next connection goes on with the run; 4 a person has to decide.")]
pub struct McpArgs {
    /// The plan; without one, the plans below --folder are served.
    #[arg(value_name = "PLAN", conflicts_with = "folder")]
    pub plan: Option<PathBuf>,
    /// Serve the plans below this folder; nothing outside of it is read or written, links included [default: the current
    /// folder, if no plan is named].
    #[arg(long, value_name = "DIR")]
    pub folder: Option<PathBuf>,
    /// Where the run's repository goes; a full path, if an agent host starts the server in a folder of its own choice
    /// [default: oci-runs/<plan name>].
    #[arg(long, value_name = "DIR", requires = "plan")]
    pub out: Option<PathBuf>,
    /// Go on with the run that is there. A study's run is gone on with anyway, and a finished one can be read.
    #[arg(long, conflicts_with_all = ["force", "new"], requires = "plan")]
    pub resume: bool,
    /// Begin another run beside the one that is there, on a branch of its own.
    #[arg(long, conflicts_with = "force", requires = "plan")]
    pub new: bool,
    /// Start the current branch again. Its old tip is kept under a tag: nothing is lost.
    #[arg(long, requires = "plan")]
    pub force: bool,
    /// Speak the protocol over HTTP at an address of this machine, such as 127.0.0.1:8628; port 0 takes any that is free. Hosts
    /// show a token, which is made at each start and told on stderr; or it is what OCI_AGENT_MCP_TOKEN holds.
    #[arg(long, value_name = "ADDRESS")]
    pub http: Option<SocketAddr>,
    /// Write the token that was made into a new file that only you can read, instead of telling it.
    #[arg(long, value_name = "FILE", requires = "http")]
    pub token_file: Option<PathBuf>,
    /// The folder that `data.source` is relative to [default: the plan's own folder].
    #[arg(long, value_name = "DIR", requires = "plan")]
    pub data_root: Option<PathBuf>,
    /// Set one value of the plan, as for `oci-agent run`; may be repeated.
    #[arg(long, value_name = "KEY=VALUE", requires = "plan")]
    pub set: Vec<String>,
    #[command(flatten)]
    pub consent: Consent,
    /// Playbooks to use instead of the built-in ones.
    #[arg(long, value_name = "DIR")]
    pub playbooks: Option<PathBuf>,
}
