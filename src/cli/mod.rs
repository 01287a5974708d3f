//! The command line: one host of the library. It alone prints, reads the environment and the clock, and chooses exit
//! codes.

mod acic;
mod arg_values;
mod args;
mod audit;
mod baseline;
mod chained_lines;
mod check;
mod conversation;
mod dashboard;
mod diff;
mod env;
mod errors;
mod estimate;
mod estimate_args;
mod experiment;
mod fetch;
mod files;
mod finished_run;
mod graph;
mod init;
mod init_experiment;
mod ledger;
mod looks;
mod mcp;
mod mcp_args;
mod mcp_folder;
mod mcp_hosting;
mod mcp_status;
mod models;
mod output;
mod oversight;
mod plan_accept;
mod plan_args;
mod plan_draft;
mod plan_model;
mod playbook;
mod publish;
mod report_command;
mod run;
mod run_experiment;
mod serve;
mod shelf;
mod shell;
mod simulate;
mod sources;
mod sweep;
mod sweep_args;
mod transcript;
mod trust;
mod verify;
mod watch;

use crate::text::terminal::{Style, TerminalText};
use args::{Cli, Command, Global};
use clap::Parser;
use clap::error::ErrorKind;
use errors::{CliError, Kind};
use output::TerminalStyle;
use std::ffi::OsString;
use std::process::ExitCode;

/// Parses the arguments, runs the command, reports what went wrong.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => return misread(&error),
    };
    start_logging(&cli.global);
    silence_panics();
    let global = cli.global.clone();
    // Nothing that a panic may have left half-done is used again: it is told, and the process ends.
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| dispatch(cli)));
    match outcome {
        Ok(Ok(code)) => code,
        Ok(Err(error)) => report(&error, &global),
        Err(panic) => {
            report(&CliError::bug(format!("something that should never happen did: {}", words_of(&*panic))), &global)
        }
    }
}

/// Help that was asked for, or what is wrong with the arguments. Those may have come from a file name that somebody else
/// chose, so only help is in colour.
fn misread(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        let help = error.render();
        let help = if TerminalStyle::of_stdout().color { help.ansi().to_string() } else { help.to_string() };
        let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
        return match output::stdout(TerminalText::rendered(&help)) {
            Err(lost) => ExitCode::from(lost.kind.exit_code()),
            Ok(()) => ExitCode::from(if asked { 0 } else { Kind::User.exit_code() }),
        };
    }
    output::stderr(error.render().to_string().trim_end());
    ExitCode::from(Kind::User.exit_code())
}

fn dispatch(cli: Cli) -> Result<ExitCode, CliError> {
    let threads = cli.global.threads.map_or(0, usize::from);
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().map_err(|error| {
        CliError::world(format!("could not start {threads} threads: {error}"), "Try fewer with --threads.")
    })?;
    let stops_between_steps = matches!(
        cli.command,
        Command::Run(_)
            | Command::Mcp(_)
            | Command::Baseline(_)
            | Command::Sweep(_)
            | Command::Watch(_)
            | Command::Acic(acic::args::AcicCommand::Run(_))
    );
    if !stops_between_steps {
        errors::end_on_signal()?;
    }
    match cli.command {
        Command::Run(args) => run::run(&args, &cli.global),
        Command::Mcp(args) => mcp::mcp(args, &cli.global),
        Command::Baseline(args) => baseline::baseline(&args, &cli.global),
        Command::Check(args) => check::check(&args, &cli.global),
        Command::Init(args) => init::init(&args, &cli.global),
        Command::Plan(args) => plan_draft::plan(&args, &cli.global),
        Command::Estimate(args) => estimate::estimate(&args),
        Command::Review(args) => oversight::review(&args, &cli.global),
        Command::Approve(args) => oversight::approve(&args, &cli.global),
        Command::Reject(args) => oversight::reject(&args, &cli.global),
        Command::Comment(args) => oversight::comment(&args, &cli.global),
        Command::Queue(args) => oversight::queue(&args, &cli.global),
        Command::Publish(args) => publish::publish(&args, &cli.global),
        Command::Fetch(args) => fetch::fetch(&args, &cli.global),
        Command::Diff(args) => diff::diff(&args, &cli.global),
        Command::Sweep(command) => sweep::sweep(&command, &cli.global),
        Command::Watch(args) => watch::watch(&args, &cli.global),
        Command::Verify(args) => verify::verify(&args, &cli.global),
        Command::Audit(args) => audit::audit(&args, &cli.global),
        Command::Report(args) => report_command::report(&args, &cli.global),
        Command::Dashboard(args) => dashboard::dashboard(&args, &cli.global),
        Command::Serve(args) => serve::serve(&args, &cli.global),
        Command::Experiment(command) => experiment::experiment(&command, &cli.global),
        Command::Acic(command) => acic::acic(&command, &cli.global),
        Command::Transcript(command) => transcript::transcript(&command, &cli.global),
        Command::Playbook(command) => playbook::playbook(&command, &cli.global),
        Command::Graph(command) => graph::graph(&command, &cli.global),
        Command::Schema(args) => shell::schema(&args),
        Command::Completions(args) => shell::completions(&args),
        Command::Man(args) => shell::man(&args),
        Command::Simulate(command) => simulate::simulate(&command, &cli.global),
    }
}

fn report(error: &CliError, global: &Global) -> ExitCode {
    if global.json {
        let kind = match error.kind {
            Kind::User => "user",
            Kind::World => "world",
            Kind::Gate => "gate",
            Kind::Bug => "bug",
        };
        let event = serde_json::json!({
            "event": "error", "kind": kind, "message": error.message, "hints": error.hints,
            "exit_code": error.kind.exit_code(),
        });
        let _ = output::json_line(&event);
        // Whoever reads no events is told why it ended, too.
        output::stderr(format!("error: {}", error.message));
        return ExitCode::from(error.kind.exit_code());
    }
    let color = TerminalStyle::of_stderr().color;
    match &error.rendered {
        Some(rendered) => output::stderr(TerminalText::rendered(rendered.trim_end())),
        None => {
            output::stderr(TerminalText::painted("error:", Style::Error, color).and(" ").and(&error.message));
            for hint in error.hints.iter().filter(|hint| !hint.is_empty()) {
                output::stderr(TerminalText::painted(" hint:", Style::Hint, color).and(" ").and(hint));
            }
        }
    }
    ExitCode::from(error.kind.exit_code())
}

fn start_logging(global: &Global) {
    let default = match (global.quiet, global.verbose) {
        (1.., _) => "error",
        (_, 0) => "warn,rmcp=error",
        (_, 1) => "oci_agent=info",
        (_, _) => "oci_agent=trace,info",
    };
    let filter = env::log_filter().unwrap_or_else(|| default.to_owned());
    let _ = tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new(filter))
        .with_writer(|| output::LogWriter)
        .with_ansi(false)
        .try_init();
}

/// A panic is our bug: it is reported once, by [`report`], without a backtrace over the person's terminal.
fn silence_panics() {
    std::panic::set_hook(Box::new(|info| tracing::debug!("{info}")));
}

fn words_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("no further words").to_owned()
}
