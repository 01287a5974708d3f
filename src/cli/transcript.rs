//! `oci-agent transcript show DIR`: the conversations with language models, each message once; `--bodies` for the exact bytes.

use super::args::{Global, TranscriptCommand, TranscriptShowArgs};
use super::conversation::{self, Message};
use super::errors::{self, CliError};
use super::{models, output};
use crate::llm::{Block, Exchange, Outcome};
use crate::text::lists::counted;
use crate::text::terminal::TerminalText;
use crate::text::untrusted;
use std::collections::BTreeMap;
use std::process::ExitCode;

/// Prints recorded exchanges.
pub fn transcript(command: &TranscriptCommand, global: &Global) -> Result<ExitCode, CliError> {
    let TranscriptCommand::Show(args) = command;
    let exchanges = exchanges(args)?;
    let mut said = Said::default();
    // One that was asked for by its number is shown whole.
    let most = if args.exchange.is_some() { usize::MAX } else { MOST_LINES };
    for exchange in &exchanges {
        output::stdout(match (global.json, args.bodies) {
            (_, true) => TerminalText::json(&body(exchange)?),
            (true, _) => TerminalText::json(&line(exchange)?),
            (false, _) => said.shown(exchange, most)?.into(),
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

/// Lines of a message that are shown where more than one exchange is.
const MOST_LINES: usize = 12;

/// The conversations so far, by role: what was said before is not said again.
#[derive(Default)]
struct Said {
    before: BTreeMap<String, Vec<Message>>,
    tools: BTreeMap<String, Vec<String>>,
}

impl Said {
    /// One exchange: what is new in the request, and the answer. `most` lines of each message.
    fn shown(&mut self, exchange: &Exchange, most: usize) -> Result<String, CliError> {
        let key = exchange.key.get(..8).unwrap_or(&exchange.key);
        let mut lines = vec![format!("=== {} {}, {} ({key})", exchange.sequence, exchange.role, exchange.name)];
        let (messages, tools) = (conversation::messages(&exchange.request), conversation::tools(&exchange.request));
        let role = exchange.role.to_string();
        let before = self.before.insert(role.clone(), messages.clone()).unwrap_or_default();
        let known = messages.iter().zip(&before).take_while(|(now, then)| now == then).count();
        if known > 0 {
            lines.push(format!("(after {} shown above)", counted(known, "message")));
        }
        // What the model said itself was shown as its answer.
        let own = usize::from(known > 0) * messages.iter().skip(known).take_while(|one| one.is_the_models()).count();
        for message in messages.iter().skip(known + own) {
            let text = conversation::shortened(&message.text, most);
            lines.push(format!("--- {}\n{text}", message.who));
        }
        if self.tools.insert(role, tools.clone()).as_ref() != Some(&tools) && !tools.is_empty() {
            lines.push(format!("--- tools: {}", tools.join(", ")));
        }
        lines.push(format!(
            "--- answer\n{}\n",
            conversation::shortened(&received(&exchange.outcome)?, most.max(MOST_LINES))
        ));
        Ok(lines.join("\n") + "\n")
    }
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
