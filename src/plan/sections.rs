//! The sections of a plan, one function each.

use super::analysis;
use super::derived;
use super::draft;
use super::estimands;
use super::follow_ups;
use super::hidden_confounding;
use super::models;
use super::reader::{Reader, Section, listed, shown};
use super::thresholds;
use super::{
    ColumnOverride, ColumnType, ConfounderSection, DataSection, GraphSource, LoopSection, Measured, Merge,
    MissingPolicy, OutcomeSection, Plan, RareLevels, StopWhen, TargetTrial, Tool, TreatmentSection,
};
use crate::plan::yaml_tree::{Entry, Kind, Node};
use crate::plan::{Gate, StudyDesign};
use crate::term::Term;
use crate::text::object_address::DataAddress;
use causal::estimand::OutcomeKind;
use std::collections::BTreeMap;

/// The seed of a plan that names none.
pub const DEFAULT_SEED: u64 = 20_261_121;
/// Specs tried if the plan does not say.
const DEFAULT_ITERATIONS: u32 = 5;
pub(super) const COLUMN_TYPES: [(&str, ColumnType); 3] =
    [("number", ColumnType::Number), ("category", ColumnType::Category), ("boolean", ColumnType::Boolean)];
pub(super) const MERGES: [(&str, Merge); 2] = [("blanks", Merge::Blanks), ("case", Merge::Case)];
pub(super) const MOMENTS: [(&str, Measured); 2] = [("before", Measured::Before), ("after", Measured::After)];
pub(super) const DESIGNS: [(&str, StudyDesign); 2] =
    [("observational", StudyDesign::Observational), ("randomised", StudyDesign::Randomised)];
pub(super) const MISSING: [(&str, MissingPolicy); 3] =
    [("error", MissingPolicy::Error), ("drop", MissingPolicy::Drop), ("indicator", MissingPolicy::Indicator)];
pub(super) const OUTCOME_KINDS: [(&str, OutcomeKind); 2] =
    [("continuous", OutcomeKind::Continuous), ("binary", OutcomeKind::Binary)];
pub(super) const STOPS: [(&str, StopWhen); 2] =
    [("no_playbook_applies", StopWhen::NoPlaybookApplies), ("satisfactory", StopWhen::Satisfactory)];

/// Reads every section. What could not be read holds its default, and a problem was noted.
pub(super) fn plan(reader: &mut Reader, root: &Section<'_>) -> Plan {
    let asked = estimands::read(reader, root);
    Plan {
        title: reader
            .required(root, "title", "Give the study a name: `title: Smoking cessation and weight gain`.")
            .trim()
            .to_owned(),
        question: reader
            .required(
                root,
                "question",
                "Ask the causal question in words: who, which treatment against which, which outcome, when.",
            )
            .trim()
            .to_owned(),
        target_trial: target_trial(reader, root),
        design: reader.choice(root, "design", &DESIGNS, StudyDesign::default()),
        share: models::number(reader, root, "share"),
        data: data(reader, root),
        treatment: treatment(reader, root),
        outcome: outcome(reader, root),
        confounders: confounders(reader, root),
        graph: graph(reader, root),
        placebo_outcomes: reader.texts(root, "placebo_outcomes"),
        negative_controls: reader.texts(root, "negative_controls"),
        threats: threats(reader, root),
        estimands: asked.targets,
        accept: asked.accept,
        tools: reader.words(root, "tools", &Tool::ALL.map(|t| (t.key(), t))).unwrap_or(Tool::ALL.to_vec()),
        thresholds: thresholds::read(reader, root),
        hidden_confounding: hidden_confounding::read(reader, root),
        analysis: analysis::section(reader, root),
        loop_: loop_section(reader, root),
        gates: gates(reader, root, &Gate::ALL),
        actor: models::model(reader, root, "actor"),
        critic: models::model(reader, root, "critic"),
        budget: models::budget(reader, root),
        privacy: models::privacy(reader, root),
        follow_ups: follow_ups::read(reader, root),
        draft: draft::read(reader, root),
        seed: reader.whole(root, "seed").unwrap_or(DEFAULT_SEED),
        places: BTreeMap::new(),
    }
}

/// A component that is not written is a blind spot that the critic will name, not an error.
fn target_trial(reader: &mut Reader, root: &Section<'_>) -> TargetTrial {
    let (section, _) = reader.section(root, "target_trial");
    let mut component = |key: &str| match section.get(key).map(|node| &node.kind) {
        Some(Kind::Scalar { text, .. }) if text.trim().is_empty() => String::new(),
        _ => reader.prose(&section, key).unwrap_or_default(),
    };
    TargetTrial {
        eligibility: component("eligibility"),
        treatment_strategies: component("treatment_strategies"),
        assignment: component("assignment"),
        time_zero: component("time_zero"),
        follow_up: component("follow_up"),
        outcome: component("outcome"),
        causal_contrast: component("causal_contrast"),
        analysis_plan: component("analysis_plan"),
    }
}

pub(super) fn data(reader: &mut Reader, root: &Section<'_>) -> DataSection {
    let (section, readable) = reader.section(root, "data");
    let hint =
        "Name a CSV or Parquet file (or a glob of them), relative to the plan, or an object: `source: data.csv`.";
    let source = if readable { reader.required(&section, "source", hint) } else { String::new() };
    let missing = missing(reader, &section);
    DataSection {
        // What is no address is not looked for.
        source: if is_source(reader, &section, &source) { source } else { String::new() },
        unit_id: reader.text(&section, "unit_id"),
        weights: reader.text(&section, "weights"),
        columns: columns(reader, &section),
        missing: missing.default,
        missing_for: missing.columns,
        rare_levels: rare_levels(reader, &section),
        missing_values: reader.text_or_texts(&section, "missing_values"),
        filter: derived::filter(reader, &section),
        derive: derived::derive(reader, &section),
    }
}

/// True if a source is a path or the address of an object; else that is noted.
pub(super) fn is_source(reader: &mut Reader, section: &Section<'_>, source: &str) -> bool {
    let Err(error) = DataAddress::read(source) else { return true };
    let place = section.get("source").map(|node| node.place);
    reader.problem(place, &section.path("source"), error.fault(), error.fix());
    false
}

/// The policy for missing values, and the columns that have another.
struct Missing {
    default: MissingPolicy,
    columns: BTreeMap<String, MissingPolicy>,
}

/// `missing: drop`, or `missing: {default: drop, age: indicator}`.
fn missing(reader: &mut Reader, data: &Section<'_>) -> Missing {
    let mut missing = Missing { default: MissingPolicy::Error, columns: BTreeMap::new() };
    if !data.get("missing").is_some_and(|node| matches!(node.kind, Kind::Mapping(_))) {
        missing.default = reader.choice(data, "missing", &MISSING, MissingPolicy::Error);
        return missing;
    }
    let (section, _) = reader.section(data, "missing");
    for entry in section.entries() {
        let Some(policy) = reader.word(&entry.value, &section.path(&entry.key), &MISSING) else { continue };
        if entry.key == "default" {
            missing.default = policy;
        } else {
            missing.columns.insert(entry.key.clone(), policy);
        }
    }
    missing
}

/// `rare_levels: {below: 30, into: other}`.
fn rare_levels(reader: &mut Reader, data: &Section<'_>) -> Option<RareLevels> {
    let node = data.get("rare_levels")?;
    let (section, _) = reader.section(data, "rare_levels");
    let mut whole = |key: &str| reader.whole(&section, key).map(|n| usize::try_from(n).unwrap_or(usize::MAX));
    let (below, keep) = (whole("below"), whole("keep"));
    for (key, n) in [("below", below), ("keep", keep)].into_iter().filter(|(_, n)| n.is_some_and(|n| n < 2)) {
        let path = section.path(key);
        let message = format!("`{path}` is {}, and must be at least 2", n.unwrap_or_default());
        reader.problem(Some(node.place), &path, message, "Write a larger number, or leave `rare_levels` out.");
    }
    if below.is_none() && keep.is_none() {
        let message = "`data.rare_levels` does not say which levels are rare".to_owned();
        let hint = "Write `rare_levels: {below: 30, into: other}` for levels of fewer than 30 rows, or `{keep: 20, into: other}` for all but the 20 most frequent.";
        reader.problem(Some(node.place), &data.path("rare_levels"), message, hint);
        return None;
    }
    let into = reader.text(&section, "into").unwrap_or_else(|| "other".to_owned());
    Some(RareLevels { below, keep, into })
}

fn columns(reader: &mut Reader, data: &Section<'_>) -> BTreeMap<String, ColumnOverride> {
    let (section, _) = reader.section(data, "columns");
    let mut columns = BTreeMap::new();
    for entry in section.entries() {
        let path = section.path(&entry.key);
        if entry.key.trim().is_empty() {
            reader.problem(
                Some(entry.place),
                &path,
                "a column name is empty".to_owned(),
                "Name the column before the `:`.",
            );
        } else if let Some(read) = column(reader, entry, &path) {
            columns.insert(entry.key.clone(), read);
        }
    }
    columns
}

fn column(reader: &mut Reader, entry: &Entry, path: &str) -> Option<ColumnOverride> {
    let Kind::Mapping(entries) = &entry.value.kind else {
        let kind = reader.word(&entry.value, path, &COLUMN_TYPES)?;
        return Some(ColumnOverride { kind: Some(kind), ..ColumnOverride::default() });
    };
    let section = reader.fields(entries, path, "data.columns.*", Some(entry.place));
    let reference = reader.text(&section, "reference");
    let measured = section.get("measured").and_then(|node| reader.word(node, &section.path("measured"), &MOMENTS));
    let merge = section.get("merge").and_then(|node| reader.word(node, &section.path("merge"), &MERGES));
    let missing_values = section.get("missing_values").map(|_| reader.text_or_texts(&section, "missing_values"));
    let says_more = ["measured", "merge", "missing_values"].iter().any(|key| section.get(key).is_some());
    let kind = match section.get("type") {
        Some(kind) => Some(reader.word(kind, &section.path("type"), &COLUMN_TYPES)?),
        None if says_more => None,
        None => {
            let hint =
                format!("Add one of {}, or `measured: before` or `after`.", listed(COLUMN_TYPES.map(|(word, _)| word)));
            reader.problem(Some(entry.place), &section.path("type"), format!("`{path}.type` is missing"), hint);
            return None;
        }
    };
    if let (Some(node), false) = (section.get("reference"), kind == Some(ColumnType::Category)) {
        let hint = "Remove `reference`, or read the column as a `category`.";
        reader.problem(
            Some(node.place),
            &section.path("reference"),
            "only a category has a reference level".to_owned(),
            hint,
        );
    }
    Some(ColumnOverride { kind, reference, measured, merge, missing_values })
}

fn treatment(reader: &mut Reader, root: &Section<'_>) -> TreatmentSection {
    let (section, readable) = reader.section(root, "treatment");
    let hint = "Name the treatment's column: `column: qsmk`, indented under `treatment:`.";
    TreatmentSection {
        column: if readable { reader.required(&section, "column", hint) } else { String::new() },
        treated: reader.text(&section, "treated").unwrap_or_else(|| "1".to_owned()),
        control: reader.text(&section, "control").unwrap_or_else(|| "0".to_owned()),
    }
}

fn outcome(reader: &mut Reader, root: &Section<'_>) -> OutcomeSection {
    let (section, readable) = reader.section(root, "outcome");
    let event = reader.text(&section, "event");
    let otherwise = if event.is_some() { OutcomeKind::Binary } else { OutcomeKind::Continuous };
    let kind = reader.choice(&section, "kind", &OUTCOME_KINDS, otherwise);
    let mut need = |key: &str, hint: &str| if readable { reader.required(&section, key, hint) } else { String::new() };
    OutcomeSection {
        column: need("column", "Name the outcome's column: `column: wt82_71`, indented under `outcome:`."),
        units: need("units", "Say what one unit of the outcome is, e.g. `units: kg`; axes and sentences use it."),
        kind,
        event,
        bounds: bounds(reader, &section, kind),
    }
}

/// `bounds: [low, high]` of an outcome.
fn bounds(reader: &mut Reader, outcome: &Section<'_>, kind: OutcomeKind) -> Option<(f64, f64)> {
    let node = outcome.get("bounds")?;
    let path = outcome.path("bounds");
    let number = |item: &Node| match &item.kind {
        Kind::Scalar { text, .. } => text.parse::<f64>().ok().filter(|value| value.is_finite()),
        _ => None,
    };
    let numbers: Vec<Option<f64>> = reader.list(outcome, "bounds").into_iter().map(|(_, item)| number(item)).collect();
    let (message, hint) = match numbers.as_slice() {
        _ if kind == OutcomeKind::Binary => {
            (format!("`{path}` is for an outcome that is a number"), "Leave it out: a binary outcome is 0 or 1.")
        }
        [Some(low), Some(high)] if low < high => return Some((*low, *high)),
        _ => (
            format!("`{path}` is a list of two numbers, the least and the most that the outcome can be"),
            "Write `bounds: [0, 100]`, or leave it out.",
        ),
    };
    reader.problem(Some(node.place), &path, message, hint);
    None
}

fn confounders(reader: &mut Reader, root: &Section<'_>) -> ConfounderSection {
    let (section, readable) = reader.section(root, "confounders");
    let priority = reader.texts(&section, "priority");
    let other = reader.texts(&section, "other");
    for (path, node) in reader.list(&section, "terms") {
        let read = term(reader, node, &path);
        reader.terms.extend(read.map(|term| (path, term)));
    }
    let terms: Vec<Term> = reader.terms.iter().map(|(_, term)| term.clone()).collect();
    // A list that could not be read may well have named some.
    let unreadable = ["priority", "other"].iter().any(|key| reader.complained_of(&section.path(key)));
    // With a graph they can be chosen; while a draft is not accepted, there may be none yet, and that is said.
    let chosen = (root.get("graph").is_some() || root.get("draft").is_some()) && terms.is_empty();
    if readable && !unreadable && !chosen && priority.is_empty() && other.is_empty() {
        let place = reader.places.get("confounders").copied();
        let hint = "List what drives both treatment and outcome under `priority:` (must balance) or `other:`. \
                    If treatment was randomised, list what was measured before.";
        reader.problem(place, "confounders", "no confounder is listed".to_owned(), hint);
    }
    ConfounderSection { priority, other, terms }
}

/// A text with a brace is the graph itself; no file is called so.
fn graph(reader: &mut Reader, root: &Section<'_>) -> Option<GraphSource> {
    let text = reader.text(root, "graph")?;
    if !text.contains('{') && !matches!(DataAddress::read(text.trim()), Ok(DataAddress::Local(_))) {
        let place = root.get("graph").map(|node| node.place);
        let hint = "Copy it beside the plan and name that file; only data are read from stores.";
        reader.problem(place, "graph", "a graph is read from a file of this machine".to_owned(), hint);
        return None;
    }
    Some(if text.contains('{') { GraphSource::Inline(text) } else { GraphSource::File(text.trim().to_owned()) })
}

fn term(reader: &mut Reader, node: &Node, path: &str) -> Option<Term> {
    let text = reader.element(node, path)?;
    match Term::parse(&text) {
        Ok(term) => Some(term),
        Err(error) => {
            let hint = "Terms look like `age^2`, `re74 == 0` or `educ * re74`; unusual column names go in backticks.";
            let message = format!("`{}` is not a term: {}", shown(&text), shown(&error.reason.to_string()));
            reader.problem(Some(node.place), path, message, hint);
            None
        }
    }
}

fn threats(reader: &mut Reader, root: &Section<'_>) -> Vec<String> {
    let sentences = reader.text_or_texts(root, "threats");
    sentences.into_iter().map(|sentence: String| sentence.trim().to_owned()).collect()
}

/// The gates of a plan, in the order of a run.
pub(super) fn gates(reader: &mut Reader, root: &Section<'_>, known: &[Gate]) -> Vec<Gate> {
    let words: Vec<(&str, Gate)> = known.iter().map(|gate| (gate.key(), *gate)).collect();
    let mut gates = reader.words(root, "gates", &words).unwrap_or_default();
    gates.sort_unstable();
    gates.dedup();
    gates
}

fn loop_section(reader: &mut Reader, root: &Section<'_>) -> LoopSection {
    let (section, _) = reader.section(root, "loop");
    let iterations = reader.whole(&section, "max_iterations");
    LoopSection {
        // A number beyond u32 is beyond the limit as well, which `rules` reports.
        max_iterations: iterations.map_or(DEFAULT_ITERATIONS, |n| u32::try_from(n).unwrap_or(u32::MAX)),
        stop_when: reader.choice(&section, "stop_when", &STOPS, StopWhen::NoPlaybookApplies),
        blind: reader.flag(&section, "blind", true),
    }
}
