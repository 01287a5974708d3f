//! From bytes to the plan of an experiment, or to everything that is wrong with it.

use super::keys::{ADJUSTMENTS, DESIGN, GATES, LOOK_PLANS, REQUESTS, SECTIONS, VARIANCES};
use super::logged_actions::logged_actions;
use super::quantities::{days_of, finite};
use super::{Assignment, EffectRequest, ExperimentAnalysis, ExperimentPlan, LookPlan, Looks, metric, rules};
use crate::expression::Written;
use crate::plan::keys::SECTIONS as OBSERVATIONAL;
use crate::plan::parse::{in_order, text_of, tree};
use crate::plan::reader::{Foreign, Reader, Section, shown};
use crate::plan::sections::DESIGNS as STUDY_DESIGNS;
use crate::plan::yaml_tree::{Kind, Node};
use crate::plan::{DEFAULT_SEED, Place, Problem, derived, models, sections};
use crate::text::dates;
use crate::text::lists::distance;
use std::collections::BTreeMap;

/// Reads the plan of an experiment from the bytes of its file.
///
/// # Errors
/// Every problem of the file, sorted by place. Never empty.
pub fn parse_bytes(bytes: &[u8]) -> Result<ExperimentPlan, Vec<Problem>> {
    parse(text_of(bytes)?)
}

/// Reads the plan of an experiment.
///
/// # Errors
/// Every problem of the file, sorted by place. Never empty.
pub fn parse(text: &str) -> Result<ExperimentPlan, Vec<Problem>> {
    let root = tree(text)?;
    let mut reader = Reader::new(SECTIONS, foreign);
    let Some(section) = reader.root(&root) else { return Err(reader.problems) };
    let mut plan = plan(&mut reader, &section);
    plan.places = std::mem::take(&mut reader.places);
    rules::check(&plan, &mut reader);
    if reader.problems.is_empty() { Ok(plan) } else { Err(in_order(reader.problems)) }
}

/// The plan with these segments in place of its own, as if its file named them.
///
/// # Errors
/// Every rule that they break.
pub fn with_segments(plan: &ExperimentPlan, segments: Vec<Written>) -> Result<ExperimentPlan, Vec<Problem>> {
    let plan = ExperimentPlan { segments, ..plan.clone() };
    let mut reader = Reader::new(SECTIONS, foreign);
    rules::check(&plan, &mut reader);
    if reader.problems.is_empty() { Ok(plan) } else { Err(in_order(reader.problems)) }
}

/// True if a file is the plan of an experiment. A file that is no YAML is not: whoever reads it as another plan says why.
#[must_use]
pub fn is_experiment(bytes: &[u8]) -> bool {
    let root = text_of(bytes).and_then(tree);
    root.is_ok_and(|root| declared(&root).is_some())
}

/// Where a plan says `design: experiment`.
pub(in crate::plan) fn declared(root: &Node) -> Option<Place> {
    let Kind::Mapping(entries) = &root.kind else { return None };
    let design = entries.iter().find(|entry| entry.key == "design")?;
    match &design.value.kind {
        Kind::Scalar { text, .. } => text.trim().eq_ignore_ascii_case(DESIGN).then_some(design.value.place),
        _ => None,
    }
}

/// Other words for an experiment, without blanks, dashes and strokes.
const OTHER_WORDS: [&str; 17] = [
    "ab",
    "abn",
    "abtest",
    "abntest",
    "split",
    "splittest",
    "test",
    "trial",
    "rct",
    "randomised",
    "randomized",
    "randomisedtrial",
    "randomizedtrial",
    "randomisedcontrolledtrial",
    "randomizedcontrolledtrial",
    "controlledtrial",
    "encouragement",
];
/// Keys of experiments that no other plan has and none of them can do without.
const OWN_KEYS: [&str; 2] = ["assignment", "metrics"];

/// The one problem of a plan that is meant as that of an experiment and does not say so in the word that is read.
pub(in crate::plan) fn meant_as_experiment(root: &Node) -> Option<Problem> {
    /// Letters in which a word is mistyped or goes on: `expriment`, `experimental`.
    const MISTYPED: usize = 3;
    let Kind::Mapping(entries) = &root.kind else { return None };
    let has = |key: &str| entries.iter().any(|entry| entry.key == key);
    let design = entries.iter().find(|entry| entry.key == "design")?;
    let Kind::Scalar { text, .. } = &design.value.kind else { return None };
    let word: String = text.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect();
    let near = OTHER_WORDS.contains(&word.as_str()) || distance(&word, DESIGN) <= MISTYPED || word.contains(DESIGN);
    // A table with one treatment and one outcome may be randomised as well.
    let other_plan = has("treatment") || has("outcome");
    let is_word = STUDY_DESIGNS.iter().any(|known| text.trim() == known.0);
    let own = OWN_KEYS.iter().any(|key| has(key));
    if !near || (is_word || other_plan) && !own {
        return None;
    }
    Some(Problem {
        place: Some(design.value.place),
        path: "design".to_owned(),
        message: format!("`design: {}` is not how the plan of an experiment begins", shown(text.trim())),
        hint: "Write `design: experiment`; `docs/experiments.md` has two plans to start from.".to_owned(),
    })
}

/// The one problem of an experiment that is read as another plan.
pub(in crate::plan) fn not_observational(place: Place) -> Problem {
    Problem {
        place: Some(place),
        path: "design".to_owned(),
        message: "this plan is that of an experiment, and this command does not do experiments yet".to_owned(),
        hint: "`oci-agent check`, `run` and `mcp` take it; here, name a plan with `treatment:` and `outcome:`."
            .to_owned(),
    }
}

/// A key of experiments in another plan.
pub(in crate::plan) fn foreign_to_observational(key: &str) -> Option<Foreign> {
    ["metrics", "segments", "looks", "requests", "covariates"].contains(&key).then(|| Foreign {
        message: format!("`{key}` is a key of experiments"),
        hint: "Write `design: experiment` for a plan of that kind (see `docs/experiments.md`), or take it out."
            .to_owned(),
    })
}

/// A key of observational plans in that of an experiment.
fn foreign(key: &str) -> Option<Foreign> {
    let top = OBSERVATIONAL.iter().find(|section| section.path.is_empty())?;
    top.keys.iter().find(|known| known.key == key)?;
    let hint = match key {
        "treatment" => {
            "Say who was assigned to what under `assignment:`; the column of what a unit took up goes to `treated:`."
        }
        "outcome" | "placebo_outcomes" | "negative_controls" => "Name what is measured under `metrics:`.",
        "confounders" => "Name what was settled before the start in `covariates: [a, b]`.",
        "estimands" => "Name the effects in `requests: [itt, late]`.",
        "share" => "Write the shares of the arms under `assignment`, e.g. `shares: {control: 0.5, new: 0.5}`.",
        _ => "Take it out.",
    };
    Some(Foreign {
        message: format!("`{key}` belongs to observational plans, and this one has `design: experiment`"),
        hint: hint.to_owned(),
    })
}

/// Reads every section. What could not be read holds a default, and a problem was noted.
fn plan(reader: &mut Reader, root: &Section<'_>) -> ExperimentPlan {
    let title = reader.required(root, "title", "Give the experiment a name: `title: A new ranking of search results`.");
    let question = reader.required(
        root,
        "question",
        "Ask the question in words: `question: Does the new ranking sell more within two weeks?`.",
    );
    reader.required(root, "design", "Write `design: experiment`.");
    if let Some(node) = root.get("design") {
        reader.word(node, "design", &[(DESIGN, ())]);
    }
    ExperimentPlan {
        title: title.trim().to_owned(),
        question: question.trim().to_owned(),
        data: sections::data(reader, root),
        assignment: assignment(reader, root),
        treated: reader.text(root, "treated"),
        metrics: metric::metrics(reader, root),
        covariates: reader.texts(root, "covariates"),
        segments: segments(reader, root),
        looks: looks(reader, root),
        requests: reader.words(root, "requests", &REQUESTS).unwrap_or(vec![EffectRequest::Itt]),
        analysis: analysis(reader, root),
        logged_actions: logged_actions(reader, root),
        gates: sections::gates(reader, root, &GATES),
        min_cell: models::privacy(reader, root).min_cell,
        seed: reader.whole(root, "seed").unwrap_or(DEFAULT_SEED),
        places: BTreeMap::new(),
    }
}

fn assignment(reader: &mut Reader, root: &Section<'_>) -> Assignment {
    let (section, readable) = reader.section(root, "assignment");
    let mut need = |key: &str, hint: &str| if readable { reader.required(&section, key, hint) } else { String::new() };
    let column = need("column", "Name the column with the arm that a unit was assigned to: `column: arm`.");
    let control = need("control", "Name the arm that the others are compared with: `control: control`.");
    Assignment {
        column,
        control,
        unit_id: reader.text(&section, "unit_id"),
        cluster_by: reader.text_or_texts(&section, "cluster_by"),
        shares: shares(reader, &section),
        start: start(reader, &section),
        assigned_at: reader.text(&section, "assigned_at"),
        exposed_at: reader.text(&section, "exposed_at"),
        period: reader.text(&section, "period"),
        propensity: reader.text(&section, "propensity"),
        pre_period: pre_period(reader, &section),
    }
}

/// `shares: {control: 0.5, new: 0.5}`
fn shares(reader: &mut Reader, assignment: &Section<'_>) -> BTreeMap<String, f64> {
    let (section, _) = reader.section(assignment, "shares");
    let mut shares = BTreeMap::new();
    for entry in section.entries() {
        let path = section.path(&entry.key);
        let Some(text) = reader.element(&entry.value, &path) else { continue };
        match finite(&text).filter(|share| *share > 0.0 && *share < 1.0) {
            Some(share) => {
                shares.insert(entry.key.clone(), share);
            }
            None => {
                let message = format!("the share of `{}` is a number between 0 and 1", shown(&entry.key));
                let hint = "Write the share of the units that were to get this arm, e.g. `0.5`.";
                reader.problem(Some(entry.value.place), &path, message, hint);
            }
        }
    }
    shares
}

fn start(reader: &mut Reader, section: &Section<'_>) -> Option<f64> {
    let text = reader.text(section, "start")?;
    let day = dates::days(&text);
    if day.is_none() {
        let path = section.path("start");
        let message = format!("`{path}` is a date, and `{}` is not", shown(&text));
        let place = reader.places.get(&path).copied();
        reader.problem(place, &path, message, "Write year, month and day: `start: 2026-03-01`.");
    }
    day
}

fn pre_period(reader: &mut Reader, section: &Section<'_>) -> Option<f64> {
    let text = reader.text(section, "pre_period")?;
    let days = days_of(&text).filter(|days| *days > 0.0);
    if days.is_none() {
        let path = section.path("pre_period");
        let message = format!("`{path}` is a duration, and `{}` is not", shown(&text));
        let place = reader.places.get(&path).copied();
        reader.problem(place, &path, message, "Write days, hours or weeks: `pre_period: 14d`.");
    }
    days
}

fn segments(reader: &mut Reader, root: &Section<'_>) -> Vec<Written> {
    let mut segments: Vec<Written> = Vec::new();
    for (path, node) in reader.list(root, "segments") {
        let Some(written) = derived::expression(reader, node, &path) else { continue };
        if segments.iter().any(|other| other.text == written.text) {
            let message = format!("the segment `{}` is listed twice", shown(&written.text));
            reader.problem(Some(node.place), &path, message, "Keep one of the two.");
        } else {
            segments.push(written);
        }
    }
    segments
}

fn looks(reader: &mut Reader, root: &Section<'_>) -> Looks {
    let (section, _) = reader.section(root, "looks");
    let planned_n = reader.whole(&section, "planned_n");
    if let Some(small) = planned_n.filter(|n| *n < 2) {
        let path = section.path("planned_n");
        let place = reader.places.get(&path).copied();
        let message = format!("`{path}` is {small}, and an experiment has at least 2 units");
        reader.problem(place, &path, message, "Write the units that there will be at the end: `planned_n: 20000`.");
    }
    Looks {
        plan: reader.choice(&section, "plan", &LOOK_PLANS, LookPlan::Fixed),
        planned_n: planned_n.map(|n| usize::try_from(n).unwrap_or(usize::MAX)),
    }
}

fn analysis(reader: &mut Reader, root: &Section<'_>) -> ExperimentAnalysis {
    let (section, _) = reader.section(root, "analysis");
    let word = |key: &str| section.get(key).map(|node| (node, section.path(key)));
    let adjust = word("adjust").and_then(|(node, path)| reader.word(node, &path, &ADJUSTMENTS));
    let variance = word("variance").and_then(|(node, path)| reader.word(node, &path, &VARIANCES));
    let alpha = word("alpha").and_then(|(node, path)| alpha(reader, node, &path));
    ExperimentAnalysis { adjust, variance, alpha }
}

fn alpha(reader: &mut Reader, node: &Node, path: &str) -> Option<f64> {
    let text = reader.text_of(node, path)?;
    let alpha = finite(&text).filter(|alpha| *alpha > 0.0 && *alpha < 0.5);
    if alpha.is_none() {
        let message = format!("`{path}` is one minus the confidence level, and `{}` is not", shown(&text));
        reader.problem(Some(node.place), path, message, "Write `alpha: 0.05` for 95 % confidence; it is below 0.5.");
    }
    alpha
}
