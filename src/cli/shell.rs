//! `oci-agent schema`, `completions` and `man`: what editors and shells want to know.

use super::args::Cli;
use super::errors::CliError;
use super::output;
use crate::plan::{experiment, reference};
use crate::text::terminal::TerminalText;
use clap::{Args, CommandFactory as _};
use std::path::PathBuf;
use std::process::ExitCode;

/// Prints the JSON Schema of a plan.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  oci-agent schema > plan.schema.json
  oci-agent schema --experiment > experiment.schema.json")]
pub struct SchemaArgs {
    /// The schema of plans with `design: experiment`.
    #[arg(long)]
    pub experiment: bool,
}

/// Prints the completions of a shell.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  oci-agent completions bash > ~/.local/share/bash-completion/completions/oci-agent
  oci-agent completions zsh > \"${fpath[1]}/_oci-agent\"
  oci-agent completions fish > ~/.config/fish/completions/oci-agent.fish")]
pub struct CompletionsArgs {
    /// The shell.
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// Writes the manual pages into a folder, which is made if it is not there.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  oci-agent man ~/.local/share/man/man1 && man oci-agent-run")]
pub struct ManArgs {
    /// The folder.
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
}

/// Prints the JSON Schema of a plan.
pub fn schema(args: &SchemaArgs) -> Result<ExitCode, CliError> {
    let schema = if args.experiment { experiment::reference::json_schema() } else { reference::json_schema() };
    output::stdout(TerminalText::json(&schema))?;
    Ok(ExitCode::SUCCESS)
}

/// Prints the completions of a shell.
pub fn completions(args: &CompletionsArgs) -> Result<ExitCode, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "oci-agent", &mut script);
    output::stdout(TerminalText::rendered(String::from_utf8_lossy(&script).trim_end()))?;
    Ok(ExitCode::SUCCESS)
}

/// Writes the manual pages.
pub fn man(args: &ManArgs) -> Result<ExitCode, CliError> {
    if args.folder.exists() && !args.folder.is_dir() {
        let message = format!("{} is not a folder", args.folder.display());
        return Err(CliError::user(message, "Name a folder; it is made if it is not there."));
    }
    let failed = |error: &std::io::Error| CliError::io(&args.folder, "write the manual pages to", error);
    std::fs::create_dir_all(&args.folder).map_err(|error| failed(&error))?;
    // Arguments that every command takes are told on each page.
    let command = Cli::command().disable_help_subcommand(true);
    clap_mangen::generate_to(command, &args.folder).map_err(|error| failed(&error))?;
    Ok(ExitCode::SUCCESS)
}
