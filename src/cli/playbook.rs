//! `oci-agent playbook list|show`.

use super::args::{Global, PlaybookCommand};
use super::errors::{self, CliError};
use super::output::{self, TerminalStyle};
use crate::input_file;
use crate::playbook::{Catalogue, Playbook};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Lists or shows.
pub fn playbook(command: &PlaybookCommand, global: &Global) -> Result<ExitCode, CliError> {
    match command {
        PlaybookCommand::List { playbooks } => {
            let catalogue = catalogue(playbooks.as_deref())?;
            if global.json {
                output::json_line(&list_json(&catalogue))?;
            } else {
                output::stdout(list(&catalogue, TerminalStyle::of_stdout()))?;
            }
        }
        PlaybookCommand::Show { name, playbooks } => {
            let catalogue = catalogue(playbooks.as_deref())?;
            let playbook = catalogue.get(name).ok_or_else(|| {
                let names: Vec<&str> = catalogue.iter().map(|p| p.front.name.as_str()).collect();
                CliError::user(format!("there is no playbook `{name}`"), format!("There are: {}.", names.join(", ")))
            })?;
            output::stdout(show(playbook))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The built-in playbooks, or those of a folder.
pub fn catalogue(folder: Option<&Path>) -> Result<Catalogue, CliError> {
    let hint =
        "The built-in ones are used when --playbooks is left out; `oci-agent playbook show NAME` is a model to copy.";
    let loaded = match folder {
        None => Catalogue::embedded(),
        Some(folder) => Catalogue::from_files(read_folder(folder)?),
    };
    loaded.map_err(|error| CliError::user(error.to_string(), hint))
}

fn read_folder(folder: &Path) -> Result<Vec<(String, Vec<u8>)>, CliError> {
    let failed = |error: std::io::Error| CliError::io(folder, "read the playbooks in", &error);
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|e| e == "md") {
            paths.push(path);
        }
    }
    paths.sort();
    if paths.is_empty() {
        let hint = "A playbook is a markdown file with front matter; leave --playbooks out to use the built-in ones.";
        return Err(CliError::user(format!("there is no .md file in {}", folder.display()), hint));
    }
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    paths
        .iter()
        .map(|path| {
            let bytes = input_file::read(path, input_file::MOST_OF_A_TEXT);
            Ok((name(path), bytes.map_err(|error| errors::from_input(path, "read the playbook", &error))?))
        })
        .collect()
}

fn list(catalogue: &Catalogue, style: TerminalStyle) -> String {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_width(u16::try_from(style.width).unwrap_or(100));
    table.set_header(["order", "playbook", "addresses", "for", "what it does"]);
    for playbook in catalogue.iter() {
        let front = &playbook.front;
        let codes: Vec<&str> = front.addresses.iter().map(|c| c.key()).collect();
        let targets: Vec<&str> = front.estimands.iter().map(|t| t.acronym()).collect();
        table.add_row([
            front.order.to_string(),
            front.name.clone(),
            codes.join(", "),
            targets.join(" "),
            front.title.clone(),
        ]);
    }
    format!("{table}\n")
}

/// The front matter in words, then the prose.
fn show(playbook: &Playbook) -> String {
    let front = &playbook.front;
    let codes: Vec<&str> = front.addresses.iter().map(|c| c.key()).collect();
    let targets: Vec<&str> = front.estimands.iter().map(|t| t.acronym()).collect();
    let lines = [
        format!("playbook   {} (order {})", front.name, front.order),
        format!("addresses  {}", codes.join(", ")),
        format!("for        {}", targets.join(", ")),
        format!("effect     {}", front.estimand_effect),
        format!("sha256     {}", playbook.sha256),
    ];
    format!("{}\n\n{}\n", lines.join("\n"), playbook.prose.trim())
}

fn list_json(catalogue: &Catalogue) -> serde_json::Value {
    let one = |p: &Playbook| serde_json::json!({"front": p.front, "sha256": p.sha256});
    let all: Vec<serde_json::Value> = catalogue.iter().map(one).collect();
    serde_json::json!({"event": "playbooks", "playbooks": all})
}
