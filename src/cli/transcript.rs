//! `oci-agent transcript show DIR`: what was said to language models, exactly, and what they answered.

use super::args::{Global, TranscriptCommand, TranscriptShowArgs};
use super::errors::{self, CliError};
use super::{models, output};
use crate::llm::{Block, Exchange, Outcome};
use crate::text::terminal::TerminalText;
use crate::text::untrusted;
use std::process::ExitCode;

/// Prints recorded exchanges.
pub fn transcript(command: &TranscriptCommand, global: &Global) -> Result<ExitCode, CliError> {
    let TranscriptCommand::Show(args) = command;
    let exchanges = exchanges(args)?;
    for exchange in &exchanges {
        output::stdout(match (global.json, args.bodies) {
            (_, true) => TerminalText::json(&body(exchange)?),
            (true, _) => TerminalText::json(&line(exchange)?),
            (false, _) => shown(exchange)?.into(),
        })?;
    }
    Ok(ExitCode::SUCCESS)
}

fn exchanges(args: &TranscriptShowArgs) -> Result<Vec<Exchange>, CliError> {
    let inside = args.run.join("transcript");
    let folder = if inside.is_dir() { &inside } else { &args.run };
    let files = models::exchange_files(folder)?;
    let parse = |(name, bytes): &(String, Vec<u8>)| Exchange::parse(name, bytes);
    let mut all: Vec<Exchange> =
        files.iter().map(parse).collect::<Result<_, _>>().map_err(|error| errors::from_model(&error, ""))?;
    if all.is_empty() {
        let message = format!("{} holds no exchange with a language model", args.run.display());
        let hint = "A run by the playbook engine has none: nothing was sent anywhere. Name a run's repository.";
        return Err(CliError::user(message, hint));
    }
    if let Some(wanted) = args.exchange {
        let last = all.iter().map(|exchange| exchange.sequence).max().unwrap_or(0);
        all.retain(|exchange| exchange.sequence == wanted);
        if all.is_empty() {
            return Err(CliError::user(
                format!("there is no exchange {wanted}"),
                format!("They are numbered 1 to {last}."),
            ));
        }
    }
    Ok(all)
}

/// The body as it was sent, one line.
fn body(exchange: &Exchange) -> Result<String, CliError> {
    json(&exchange.request).map(|text| text + "\n")
}

fn line(exchange: &Exchange) -> Result<String, CliError> {
    json(exchange).map(|text| text + "\n")
}

fn json(value: &impl serde::Serialize) -> Result<String, CliError> {
    serde_json::to_string(value).map_err(|error| CliError::bug(error.to_string()))
}

fn shown(exchange: &Exchange) -> Result<String, CliError> {
    let request = serde_json::to_string_pretty(&exchange.request).map_err(|error| CliError::bug(error.to_string()))?;
    let request = untrusted::json(&request);
    let head =
        format!("=== exchange {}, {}, {} (sha256 {})", exchange.sequence, exchange.role, exchange.name, exchange.key);
    Ok(format!("{head}\n--- sent\n{request}\n--- received\n{}\n\n", received(&exchange.outcome)?))
}

fn received(outcome: &Outcome) -> Result<String, CliError> {
    let response = match outcome {
        Outcome::Stopped(why) => return Ok(format!("nothing: stopped by the {why}")),
        Outcome::Response(response) => response,
    };
    let mut lines = Vec::new();
    for block in &response.blocks {
        lines.push(match block {
            Block::Text { text } => text.clone(),
            Block::ToolUse { name, input, .. } => format!("calls {name}: {}", untrusted::json(&json(input)?)),
            Block::ToolResult { content, .. } => content.clone(),
            Block::Opaque { api, value, .. } => format!("(state of {api}, {} bytes)", value.to_string().len()),
        });
    }
    if let Some(usage) = response.usage {
        lines.push(format!("({} tokens in, {} out)", usage.input, usage.output));
    }
    Ok(lines.join("\n"))
}
