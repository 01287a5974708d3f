//! `oci-agent init data.csv --treatment T --outcome Y`.

use super::args::{Global, InitArgs};
use super::errors::{self, CliError};
use super::output;
use crate::critique::structure_findings;
use crate::dataset;
use crate::pipeline;
use crate::plan::{self, TemplateInput};
use crate::schema::DatasetDocument;
use causal::contrast::Contrast;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Writes a commented plan.
pub fn init(args: &InitArgs, global: &Global) -> Result<ExitCode, CliError> {
    let source = args.data.to_string_lossy().into_owned();
    let table =
        dataset::read(&source, Path::new("."), &BTreeMap::new()).map_err(|error| errors::from_dataset(&error))?;
    let document = table.document();
    must_have(&document, &args.treatment, "treatment")?;
    must_have(&document, &args.outcome, "outcome")?;
    let (treated, control) = plan::template_levels(&document.columns, &args.treatment);
    let contrast = Contrast { treated: treated.to_owned(), control: control.to_owned() };
    let structure = pipeline::structure::of_file(table, contrast, &args.treatment, &args.outcome);
    let faults: BTreeMap<String, String> = document
        .columns
        .iter()
        .filter_map(|column| Some((column.name.clone(), structure_findings::of_column(&structure, &column.name)?)))
        .collect();
    let text = plan::template(&TemplateInput {
        faults: &faults,
        source: &source_for(&args.data, &args.output),
        treatment: &args.treatment,
        outcome: &args.outcome,
        columns: &document.columns,
    });
    if args.output == Path::new("-") {
        output::stdout(&text)?;
        return Ok(ExitCode::SUCCESS);
    }
    write_new(&args.output, &text, args.force)?;
    if global.json {
        output::json_line(&serde_json::json!({"event": "written", "path": args.output}))?;
    } else if global.quiet == 0 {
        let path = args.output.display();
        output::stderr(format!("wrote {path}. Read it through, then: oci-agent check {path}"));
        for fault in faults.values() {
            output::stderr(format!("left out: {fault}"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn must_have(document: &DatasetDocument, column: &str, role: &str) -> Result<(), CliError> {
    if document.columns.iter().any(|c| c.name == column) {
        return Ok(());
    }
    let names: Vec<&str> = document.columns.iter().map(|c| c.name.as_str()).collect();
    let message = format!("the {role} column `{column}` is not in {}", document.source);
    Err(CliError::user(message, format!("Its columns are: {}.", names.join(", "))))
}

/// `data.source` is relative to the plan, so a plan in another folder needs another path.
fn source_for(data: &Path, plan: &Path) -> String {
    let folder = plan.parent().filter(|p| !p.as_os_str().is_empty());
    let relative = match folder {
        None => data.to_path_buf(),
        Some(folder) => data
            .strip_prefix(folder)
            .map(Path::to_path_buf)
            .ok()
            // Only a full path leads from a plan elsewhere to the data.
            .or_else(|| std::fs::canonicalize(data).ok())
            .unwrap_or_else(|| PathBuf::from(data)),
    };
    relative.to_string_lossy().into_owned()
}

fn write_new(path: &Path, text: &str, force: bool) -> Result<(), CliError> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true);
    if force {
        options.create(true).truncate(true)
    } else {
        // Not a look beforehand, after which somebody else could still write the file.
        options.create_new(true)
    };
    let mut file = options.open(path).map_err(|error| CliError::io(path, "write", &error))?;
    file.write_all(text.as_bytes()).map_err(|error| CliError::io(path, "write", &error))
}
