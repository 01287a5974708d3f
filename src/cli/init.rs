//! `oci-agent init data.csv --treatment T --outcome Y`; with `--experiment`, see `init_experiment`.

use super::args::{Global, InitArgs};
use super::errors::{self, CliError};
use super::sources::DataSources;
use super::{files, init_experiment, output};
use crate::critique::structure_findings;
use crate::dataset::{self, Table};
use crate::pipeline;
use crate::plan::{
    self, ColumnOverride, DataSection, MissingPolicy, Observed, Proposal, ProposedOverride, TemplateInput, WhyLeftOut,
};
use crate::schema::{ColumnFacts, DatasetDocument};
use crate::text::object_address::DataAddress;
use causal::contrast::Contrast;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Component, Path, PathBuf};
use std::process::ExitCode;

/// Writes a commented plan.
pub fn init(args: &InitArgs, global: &Global) -> Result<ExitCode, CliError> {
    if args.experiment.experiment {
        return init_experiment::init(args, global);
    }
    let (text, told) = draft(args)?;
    placed(args, global, &text, told)
}

/// The text of a plan of a study, and what was guessed, a line each.
pub(super) fn draft(args: &InitArgs) -> Result<(String, Vec<String>), CliError> {
    let (treatment, outcome) = asked(args);
    let columns = read_columns(&args.data, |first| {
        must_have(first, treatment, "treatment")?;
        must_have(first, outcome, "outcome")
    })?;
    Ok(drafted(args, &columns))
}

/// The columns of a file, as the plan will say that they are read.
pub(super) struct Columns {
    pub(super) table: Table,
    pub(super) facts: Vec<ColumnFacts>,
    pub(super) overrides: Vec<ProposedOverride>,
}

/// Reads a file twice where something is to be said of how to read it, so that what is proposed is what `check` will see.
/// `may_go_on` sees it as it was read first.
pub(super) fn read_columns(
    path: &Path,
    may_go_on: impl FnOnce(&DatasetDocument) -> Result<(), CliError>,
) -> Result<Columns, CliError> {
    let sources = DataSources::of_arguments(None);
    let source = path.to_string_lossy().into_owned();
    let read = |data: &DataSection| dataset::read_section(data, &sources).map_err(|error| errors::from_dataset(&error));
    let mut data = DataSection::of(&source);
    let first = read(&data)?;
    may_go_on(&first.document())?;
    let facts = first.facts();
    let overrides = plan::proposed_overrides(&first.document(), &facts);
    if overrides.is_empty() {
        return Ok(Columns { table: first, facts, overrides });
    }
    drop(first);
    data.columns = together(&overrides);
    let table = read(&data)?;
    let facts = table.facts();
    Ok(Columns { table, facts, overrides })
}

/// What a plan for a file would say, and the columns that cannot be confounders, with the reason.
pub(super) struct Guess {
    pub(super) proposal: Proposal,
    pub(super) missing: MissingPolicy,
    pub(super) faults: BTreeMap<String, String>,
}

/// The guess for one treatment and outcome.
pub(super) fn guess(columns: &Columns, treatment: &str, outcome: &str) -> Guess {
    let (table, document) = (&columns.table, columns.table.document());
    let no_faults = BTreeMap::new();
    let observed =
        Observed { columns: &document.columns, facts: &columns.facts, treatment, outcome, faults: &no_faults };
    // The structural check needs to know both arms and the event.
    let first = plan::propose(&observed, Vec::new());
    let (faults, in_one_arm) = faults((treatment, outcome), table, &first);
    let observed = Observed { faults: &faults, ..observed };
    let mut proposal = plan::propose(&observed, columns.overrides.clone());
    for why in proposal.why.iter_mut().filter(|(name, why)| **why == WhyLeftOut::Fault && in_one_arm.contains(*name)) {
        *why.1 = WhyLeftOut::OneArm;
    }
    let missing =
        plan::proposed_missing(&observed, &mut proposal, document.rows, |columns| table.rows_with_gaps(columns));
    Guess { proposal, missing, faults }
}

/// Treatment and outcome, which are there unless the plan is that of an experiment.
fn asked(args: &InitArgs) -> (&str, &str) {
    (args.treatment.as_deref().unwrap_or_default(), args.outcome.as_deref().unwrap_or_default())
}

/// Writes a plan where the arguments say, and tells what was guessed.
pub(super) fn placed(args: &InitArgs, global: &Global, text: &str, told: Vec<String>) -> Result<ExitCode, CliError> {
    if args.output == Path::new("-") {
        output::stdout(text)?;
        return Ok(ExitCode::SUCCESS);
    }
    write_new(&args.output, text, args.force)?;
    if global.json {
        output::json_line(&serde_json::json!({"event": "written", "path": args.output}))?;
    } else if global.quiet == 0 {
        let path = output::shell_word(&args.output);
        output::stderr(format!("wrote {path}. Read it through, then: oci-agent check {path}"));
        told.into_iter().for_each(output::stderr);
    }
    Ok(ExitCode::SUCCESS)
}

/// What is said of each column, all of it.
fn together(overrides: &[ProposedOverride]) -> BTreeMap<String, ColumnOverride> {
    let mut columns: BTreeMap<String, ColumnOverride> = BTreeMap::new();
    for ProposedOverride { column, said, .. } in overrides {
        let so_far = columns.entry(column.clone()).or_default();
        so_far.kind = so_far.kind.or(said.kind);
        so_far.merge = so_far.merge.or(said.merge);
        so_far.missing_values = so_far.missing_values.take().or_else(|| said.missing_values.clone());
    }
    columns
}

/// The text of the plan, and what the terminal says of it.
fn drafted(args: &InitArgs, columns: &Columns) -> (String, Vec<String>) {
    let document = columns.table.document();
    let (treatment, outcome) = asked(args);
    let Guess { proposal, missing, faults } = guess(columns, treatment, outcome);
    let facts = &columns.facts;
    let text = plan::template(&TemplateInput {
        source: &source_for(&args.data, &args.output),
        observed: Observed { columns: &document.columns, facts, treatment, outcome, faults: &faults },
        proposal: &proposal,
        missing,
        conversions: &document.conversions,
        drafted: false,
    });
    (text, told(&document, &proposal))
}

/// Columns that cannot be confounders, with the reason; and those of them of which that is that they split the arms.
fn faults(asked: (&str, &str), table: &Table, proposal: &Proposal) -> (BTreeMap<String, String>, BTreeSet<String>) {
    let (treated, control) = proposal.treatment.as_ref().map_or(("1", "0"), |two| (two.yes.as_str(), two.no.as_str()));
    let contrast = Contrast { treated: treated.to_owned(), control: control.to_owned() };
    let event = proposal.event.as_ref().map(|two| two.yes.clone());
    let (treatment, outcome) = asked;
    let structure = pipeline::structure::of_file(table, contrast, treatment, (outcome, event));
    let columns = table.document().columns.into_iter();
    let faults =
        columns.filter_map(|c| Some((c.name.clone(), structure_findings::of_column(&structure, &c.name)?))).collect();
    let determined = |name: &str| structure.determined.iter().any(|one| one.column == name);
    let in_one_arm = structure.one_arm.iter().map(|one| one.column.clone()).filter(|name| !determined(name));
    (faults, in_one_arm.collect())
}

/// What was guessed, converted and left out: a line each.
fn told(document: &DatasetDocument, proposal: &Proposal) -> Vec<String> {
    let read = document.conversions.iter().map(|done| format!("as read: {}", plan::conversion_text(done)));
    let guessed =
        [("treated", &proposal.treatment), ("event", &proposal.event)].into_iter().filter_map(|(key, two)| {
            let two = two.as_ref().filter(|two| !two.certain)?;
            Some(format!("a guess: `{key}: {}` against `{}`; swap them if it is the other", two.yes, two.no))
        });
    let overrides =
        proposal.overrides.iter().map(|one| format!("a guess about how to read `{}`: {}", one.column, one.because));
    let clusters = proposal.clusters.iter().map(|(name, rows)| {
        format!("`{name}` has {rows} rows for each value on average: proposed as `clusters`, so that standard errors respect it")
    });
    let left_out = proposal.left_out.iter().map(|(name, reason)| format!("left out: {name} ({reason})"));
    read.chain(guessed).chain(overrides).chain(clusters).chain(left_out).collect()
}

pub(super) fn must_have(document: &DatasetDocument, column: &str, role: &str) -> Result<(), CliError> {
    if document.columns.iter().any(|c| c.name == column) {
        return Ok(());
    }
    let names: Vec<&str> = document.columns.iter().map(|c| c.name.as_str()).collect();
    let message = format!("the {role} column `{column}` is not in {}", document.source);
    Err(CliError::user(message, format!("Its columns are: {}.", names.join(", "))))
}

/// `data.source` is relative to the plan, and leads there from any folder; never a path of this machine, unless there is no
/// other.
pub(super) fn source_for(data: &Path, plan: &Path) -> String {
    let typed = data.to_string_lossy();
    let local = match DataAddress::read(&typed) {
        Ok(DataAddress::Local(path)) => PathBuf::from(path),
        // An address leads there from anywhere.
        Ok(DataAddress::Object(_)) | Err(_) => return typed.into_owned(),
    };
    // A name that is no text, too.
    let data = if local.as_os_str() == typed.as_ref() { data } else { &local };
    let folder = plan.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // A pattern stands for files that are not named here; the folders before it are.
    let is_pattern = |part: &Component<'_>| part.as_os_str().to_string_lossy().contains(['*', '?', '[']);
    let parts: Vec<Component<'_>> = data.components().collect();
    let fixed =
        if data.exists() { parts.len().saturating_sub(1) } else { parts.iter().take_while(|p| !is_pattern(p)).count() };
    let fixed = fixed.min(parts.len().saturating_sub(1));
    let (before, rest) = parts.split_at(fixed);
    let before: PathBuf = before.iter().collect();
    let before = if before.as_os_str().is_empty() { PathBuf::from(".") } else { before };
    let rest: PathBuf = rest.iter().collect();
    let whole = std::fs::canonicalize(&before).ok().zip(std::fs::canonicalize(folder).ok());
    let path = match whole.and_then(|(to, from)| way(&from, &to)) {
        Some(way) => way.join(rest),
        None => data.to_path_buf(),
    };
    path.to_string_lossy().into_owned()
}

/// The way from one folder to another, both from the root; `None` if they have different roots.
fn way(from: &Path, to: &Path) -> Option<PathBuf> {
    let (from, to): (Vec<_>, Vec<_>) = (from.components().collect(), to.components().collect());
    let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    if shared == 0 {
        return None;
    }
    let up = from.iter().skip(shared).map(|_| Component::ParentDir);
    Some(up.chain(to.iter().skip(shared).copied()).collect())
}

pub(super) fn write_new(path: &Path, text: &str, force: bool) -> Result<(), CliError> {
    let mut file = files::create(path, force).map_err(|error| CliError::io(path, "write", &error))?;
    file.write_all(text.as_bytes()).map_err(|error| CliError::io(path, "write", &error))
}
