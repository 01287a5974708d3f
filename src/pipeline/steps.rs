//! The files and the message of every step: what a reviewer reads in `git log -p`.

use crate::finding::{Severity, Tier};
use crate::pipeline::checked::checked;
use crate::pipeline::effects::Effects;
use crate::pipeline::estimate;
use crate::pipeline::identification::PlanIdentification;
use crate::pipeline::layout::{ATTRIBUTES, ATTRIBUTES_FILE, FIGURES, LAYOUT, gate_words};
use crate::pipeline::prepare::Prepared;
use crate::pipeline::results::{Iteration, OpenEffectsDocument};
use crate::pipeline::units;
use crate::plan::{Gate, Plan};
use crate::playbook::Catalogue;
use crate::record::critique::Critique;
use crate::record::documents::{AnalysisDesign, Answer, Conduct, DesignDocument, ResultsDocument};
use crate::record::{ReportError, json};
use crate::report;
use crate::report::notebook::{self, NotebookInput, Recorded};
use crate::report::plots::{self, Figure};
use crate::report::tidy;
use crate::report::view::{PlacedFigure, ReportInput as ViewInput};
use crate::spec::AnalysisSpec;
use crate::store::{GATE, Step};
use crate::text::escape::one_line;
use crate::text::sha256::sha256_hex;
use crate::text::untrusted::visible;
use serde::Serialize;
use std::collections::BTreeMap;

/// The trailers of every step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    plan_sha256: String,
    data_sha256: String,
    playbooks: BTreeMap<String, String>,
    playbooks_sha256: String,
}

impl Provenance {
    /// Of a run.
    #[must_use]
    pub fn new(prepared: &Prepared, catalogue: &Catalogue) -> Self {
        let playbooks = catalogue.hashes();
        let lines: Vec<String> = playbooks.iter().map(|(name, sha256)| format!("{name} {sha256}\n")).collect();
        Provenance {
            plan_sha256: prepared.plan_sha256.clone(),
            data_sha256: prepared.document.sha256.clone(),
            playbooks_sha256: sha256_hex(lines.concat().as_bytes()),
            playbooks,
        }
    }

    fn trailers(&self) -> Vec<(String, String)> {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        vec![
            pair("Plan-SHA256", &self.plan_sha256),
            pair("Data-SHA256", &self.data_sha256),
            pair("Playbooks-SHA256", &self.playbooks_sha256),
            pair("Tool-Version", crate::VERSION),
        ]
    }

    fn step(&self, subject: String, spec_sha256: Option<&str>) -> Step {
        // A title or a column's name may have a line break in it, or worse.
        let mut step = Step::new(one_line(&subject));
        step.trailers = self.trailers();
        if let Some(sha256) = spec_sha256 {
            step = step.trailer("Spec-SHA256", sha256);
        }
        step
    }
}

/// The trailers that must agree when a run is resumed.
#[must_use]
pub fn identity(prepared: &Prepared, catalogue: &Catalogue) -> Vec<(String, String)> {
    Provenance::new(prepared, catalogue).trailers()
}

/// `manifest.json`: what made this run. No time stamps: those are in the commits.
#[derive(Debug, Serialize)]
struct Manifest<'a> {
    layout: u32,
    tool: &'static str,
    tool_version: &'static str,
    plan_sha256: &'a str,
    data_sha256: &'a str,
    seed: u64,
    actor: String,
    critic: String,
    playbooks: &'a BTreeMap<String, String>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    models: Option<&'a Models>,
}

/// The entry of the manifest on language models, if any took part.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Models {
    /// Prompts by name with the SHA-256 of their text.
    pub prompts: BTreeMap<String, String>,
    /// Calls, tokens and cost; absent until the run is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conduct: Option<Conduct>,
}

/// The plan as the principal wrote it, and what is about to run it.
///
/// # Errors
/// [`ReportError`].
pub fn plan_step(prepared: &Prepared, provenance: &Provenance, models: Option<&Models>) -> Result<Step, ReportError> {
    Ok(provenance
        .step(format!("plan: {}", prepared.plan.title), None)
        .body(visible(prepared.plan.question.trim()))
        .file(ATTRIBUTES_FILE, ATTRIBUTES)
        .file("plan.yaml", prepared.plan_bytes.clone())
        .file("manifest.json", manifest(prepared, provenance, models)?))
}

fn manifest(prepared: &Prepared, provenance: &Provenance, models: Option<&Models>) -> Result<Vec<u8>, ReportError> {
    json::to_bytes(&Manifest {
        models,
        layout: LAYOUT,
        tool: "oci-agent",
        tool_version: crate::VERSION,
        plan_sha256: &prepared.plan_sha256,
        data_sha256: &prepared.document.sha256,
        seed: prepared.plan.seed,
        actor: prepared.plan.actor.name(),
        critic: prepared.plan.critic.name(),
        playbooks: &provenance.playbooks,
    })
}

/// One exchange with a language model.
#[must_use]
pub fn exchange_step(subject: &str, provenance: &Provenance) -> Step {
    provenance.step(subject.to_owned(), None)
}

/// A gate: no file changes, and the tree that is to be decided on is named.
#[must_use]
pub fn gate_step(gate: Gate, tree: &str, provenance: &Provenance) -> Step {
    let (subject, next) = gate_words(gate, tree);
    provenance.step(subject, None).body(next).trailer(GATE, gate.key())
}

/// The fingerprint of the data.
///
/// # Errors
/// [`ReportError`].
pub fn dataset_step(prepared: &Prepared, provenance: &Provenance) -> Result<Step, ReportError> {
    let document = &prepared.document;
    let subject = format!("dataset: {} rows, {} columns", document.rows, document.columns.len());
    Ok(provenance.step(subject, None).file("dataset.json", json::to_bytes(document)?))
}

/// What the plan's graph says, before any spec; and again after unblinding, with the tests that involve the outcome.
///
/// # Errors
/// [`ReportError`].
pub fn identification_step(
    found: &PlanIdentification,
    unblinded: bool,
    provenance: &Provenance,
) -> Result<Step, ReportError> {
    let document = found.document(unblinded);
    let method = document.answer.method;
    let subject = if unblinded {
        "identification: the graph's implications about the outcome".to_owned()
    } else {
        format!("identification: {method}, by the graph of the plan")
    };
    let step = provenance
        .step(subject, None)
        .body(visible(&document.answer.sentence))
        .file("identification.json", json::to_bytes(&document)?)
        .file("identification.md", report::identification::markdown(&found.answer, &document));
    let own_file = found.from_file && !unblinded;
    Ok(if own_file { step.file("graph.txt", found.text.clone().into_bytes()) } else { step })
}

/// A spec, drafted or revised.
#[must_use]
pub fn spec_step(spec: &AnalysisSpec, provenance: &Provenance) -> Step {
    let what = if spec.revisions.is_empty() { "drafted from the plan".to_owned() } else { revisions_in_short(spec) };
    let body: Vec<String> = spec
        .revisions
        .iter()
        .map(|r| {
            let verb = if r.reverted { "undone" } else { "applied" };
            let asked = r.requested.acronym();
            let because = if r.because.is_empty() { "its own reason".to_owned() } else { r.because.join(", ") };
            format!("{asked}: {verb} {} because of {because}. {} {}", r.playbook, r.change, r.estimand_effect)
        })
        .collect();
    let sha256 = spec.sha256();
    let mut step = provenance
        .step(format!("iteration {}, spec: {what}", spec.iteration), Some(&sha256))
        .file("spec.yaml", spec.to_yaml());
    if !body.is_empty() {
        step = step.body(visible(&body.join("\n\n")));
    }
    step
}

fn revisions_in_short(spec: &AnalysisSpec) -> String {
    let one = |r: &crate::spec::Revision| {
        let verb = if r.reverted { "undo " } else { "" };
        format!("{verb}{} ({})", r.playbook, r.requested.acronym())
    };
    spec.revisions.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// A design with its tables and figures.
///
/// # Errors
/// [`ReportError`].
pub fn design_step(design: &DesignDocument, provenance: &Provenance) -> Result<Step, ReportError> {
    let subject = format!("iteration {}, design: propensity, balance, overlap, placebo", design.iteration);
    let step = provenance
        .step(subject, Some(&design.spec_sha256))
        .file("design.json", json::to_readable_bytes(&design.without_tables())?)
        // An arm that is trimmed away has no figure; that of the iteration before would pass for its own.
        .renews(FIGURES);
    let step = with_design_tables(step, &design.analyses.iter().collect::<Vec<_>>())?;
    Ok(with_figures(step, &plots::design_figures(design)?))
}

fn with_design_tables(step: Step, designs: &[&AnalysisDesign]) -> Result<Step, ReportError> {
    Ok(step
        .file("balance.csv", tidy::balance_csv(designs)?)
        .file("second_moments.csv", tidy::second_moments_csv(designs)?)
        .file("propensity.csv", tidy::propensity_csv(designs)?)
        .file("overlap.csv", tidy::overlap_csv(designs)?))
}

/// The critic's grades while blind.
///
/// # Errors
/// [`ReportError`].
pub fn critique_step(
    critique: &Critique,
    spec: &AnalysisSpec,
    plan: &Plan,
    provenance: &Provenance,
) -> Result<Step, ReportError> {
    let grades: Vec<String> = critique.analyses.iter().map(|g| format!("{} {}", g.estimand, g.tier.key())).collect();
    let subject = format!("iteration {}, critique of the design: {}", critique.iteration, grades.join(", "));
    Ok(provenance
        .step(subject, Some(&critique.spec_sha256))
        .trailer("Design-Verdict", worst(critique.analyses.iter().map(|g| g.tier)))
        .file("critique.json", json::to_bytes(critique)?)
        .file("critique.md", report::markdown::critique(critique, spec, plan)?)
        .tag(format!("iter/{}", critique.iteration)))
}

/// The effects of one iteration, if the plan asked not to be blind.
///
/// # Errors
/// [`ReportError`].
pub fn open_effects_step(spec: &AnalysisSpec, effects: &Effects, provenance: &Provenance) -> Result<Step, ReportError> {
    let document = OpenEffectsDocument {
        iteration: spec.iteration,
        effects: &effects.rows,
        not_estimated: &effects.not_estimated,
    };
    let subject = format!("iteration {}, effects: NOT BLIND, as the plan says", spec.iteration);
    Ok(provenance.step(subject, Some(&spec.sha256())).file("effects.json", json::to_bytes(&document)?))
}

/// Everything that exists only after the loop has settled.
///
/// # Errors
/// [`ReportError`].
pub fn results_step(results: &ResultsDocument, provenance: &Provenance) -> Result<Step, ReportError> {
    let specs = match results.specs_tried.len() {
        1 => "the one spec".to_owned(),
        n => format!("all {n} specs"),
    };
    let subject = format!("unblind: effects of {specs}, sensitivity, final verdicts");
    let body: Vec<String> = results.answers.iter().map(|answer| answer_line(answer, results)).collect();
    Ok(provenance
        .step(subject, Some(&results.spec_sha256))
        .body(visible(&body.join("\n\n")))
        .trailer("Verdict", verdict(results))
        .trailer("Unblinded-Before", unblinded_before(results))
        .file("results.json", json::to_bytes(results)?)
        .file("critique.json", json::to_bytes(&results.critique)?))
}

/// The number of analyses of this outcome that were unblinded before, and the last of them: what a ledger that was lost since
/// would have said.
fn unblinded_before(results: &ResultsDocument) -> String {
    match results.unblinded_before.last() {
        None => "0".to_owned(),
        Some(last) => {
            let run = one_line(&format!("{} {}", last.run, last.branch));
            format!("{}, the last {} of plan {}", results.unblinded_before.len(), run.trim(), last.plan_sha256)
        }
    }
}

/// One answer as a paragraph: what was answered, how it was graded, and what kept it from the best grade.
fn answer_line(answer: &Answer, results: &ResultsDocument) -> String {
    let effect =
        answer.effect.as_ref().map_or("no estimate".to_owned(), |e| report::sentences::effect(e, &results.units));
    let effect = if answer.effect.is_some() && report::sentences::is_no_answer(results, answer) {
        format!("no answer (adjusted difference {effect})")
    } else {
        effect
    };
    let graded = results.critique.analyses.iter().find(|graded| graded.requested == answer.requested);
    let doubts = graded.iter().flat_map(|g| &g.findings).filter(|f| f.severity > Severity::Withheld);
    let why: Vec<&str> = doubts.map(|finding| finding.message.as_str()).collect();
    let asked = if answer.name == answer.requested.acronym() {
        String::new()
    } else {
        format!(" ({} asked)", answer.requested.acronym())
    };
    format!("{}{asked}: {effect}, {}. {}", answer.name, answer.tier.key(), why.join(" ")).trim_end().to_owned()
}

/// The input of the report and the notebook.
#[derive(Debug, Clone, Copy)]
pub struct ReportInput<'a> {
    /// Results.
    pub results: &'a ResultsDocument,
    /// Plan and data.
    pub prepared: &'a Prepared,
    /// Every spec that was tried.
    pub tried: &'a [Iteration],
}

/// The report as markdown and as one HTML page, with its plots; then the notebook, which ends the run.
///
/// # Errors
/// [`ReportError`].
pub fn report_steps(
    input: &ReportInput<'_>,
    provenance: &Provenance,
    models: Option<&Models>,
) -> Result<[Step; 2], ReportError> {
    let figures = plots::result_figures(input.results)?;
    let answering = answering_figures(input)?;
    let placed: Vec<PlacedFigure<'_>> = figures
        .iter()
        .chain(&answering)
        .map(|figure| PlacedFigure { path: format!("{FIGURES}/{}.svg", figure.stem()), figure })
        .collect();
    let (results, plan) = (input.results, &input.prepared.plan);
    let view = ViewInput { results, plan, figures: &placed };
    let report = provenance
        .step("report: verdicts, answers and everything that was tried".to_owned(), Some(&results.spec_sha256))
        .trailer("Verdict", verdict(results))
        .file("report.md", report::markdown::report(&view)?)
        .file("report.html", report::html::report(&view)?);
    let report = with_tables(report, input)?;
    let recorded = recorded(input)?;
    let notebook = notebook::render(&NotebookInput { results, plan, figures: &placed, recorded: &recorded })?;
    let last = provenance
        .step("notebook: the same numbers, ready to be executed again".to_owned(), Some(&results.spec_sha256))
        .trailer("Verdict", verdict(results))
        .file("analysis.ipynb", notebook)
        .last();
    // Where models took part, the manifest says in the end what they used up.
    let last = match models {
        None => last,
        Some(_) => last.file("manifest.json", manifest(input.prepared, provenance, models)?),
    };
    let last = if plan.gates.contains(&Gate::Publish) { last.trailer(GATE, Gate::Publish.key()) } else { last };
    // The designs that answer are those of the last iteration, so that their figures and tables are there; if one is not, it is
    // made again here, and a reviewer sees that it changed.
    Ok([with_figures(with_figures(report, &answering), &figures), last])
}

/// Estimates, balance and, unless the plan says otherwise, units, for other tools.
fn with_tables(step: Step, input: &ReportInput<'_>) -> Result<Step, ReportError> {
    let designs = answering_designs(input);
    let step = with_design_tables(step.file("estimates.csv", tidy::estimates_csv(input.results)?), &designs)?;
    if !input.prepared.plan.privacy.units {
        return Ok(step);
    }
    let rows = input.prepared.counters().rows_read;
    if rows > units::MOST_COMMITTED_ROWS {
        let why = format!("{rows} rows; `oci-agent estimate --units` writes them");
        return Ok(step.trailer("Units-Not-Committed", why));
    }
    let units = units::of_answers(input.prepared, input.tried, &input.results.answers);
    let units = units.map_err(|error| ReportError::Units(error.to_string()))?;
    Ok(step.file("units.parquet", units))
}

/// The designs that answer, in the order of the answers.
fn answering_designs<'a>(input: &ReportInput<'a>) -> Vec<&'a AnalysisDesign> {
    let of_answer = |answer: &'a Answer| {
        let run = input.tried.iter().find(|run| run.spec.iteration == answer.iteration)?;
        run.design.analyses.iter().find(|design| design.requested == answer.requested)
    };
    input.results.answers.iter().filter_map(of_answer).collect()
}

/// The love and overlap plots of the designs that answer.
fn answering_figures(input: &ReportInput<'_>) -> Result<Vec<Figure>, ReportError> {
    let mut all = Vec::new();
    for design in answering_designs(input) {
        all.extend([plots::love(design)?, plots::overlap(design)?].into_iter().flatten());
    }
    Ok(all)
}

/// The output of each command of the notebook, made by the functions that the command line calls. The effects are those of
/// the results: fitting them a second time would give the same.
fn recorded(input: &ReportInput<'_>) -> Result<Vec<Recorded>, ReportError> {
    let mut outputs = vec![checked(input.prepared)];
    for answer in &input.results.answers {
        let Some(effect) = answer.effect.clone() else { continue };
        // The spec in the folder when the run is over: it holds the analyses that answer.
        let run = input.tried.last();
        let analysis = run.and_then(|run| run.analysis(answer.requested));
        let stdout = match run.zip(analysis) {
            None => String::new(),
            Some((run, analysis)) => match estimate::document(input.prepared, &run.spec, analysis, effect) {
                Ok(document) => String::from_utf8_lossy(&json::to_bytes(&document)?).into_owned(),
                Err(error) => visible(&format!("error: {error}\n")),
            },
        };
        outputs.push(stdout);
    }
    let commands = notebook::commands(input.results);
    Ok(commands.into_iter().zip(outputs).map(|(arguments, stdout)| Recorded { arguments, stdout }).collect())
}

fn with_figures(mut step: Step, figures: &[Figure]) -> Step {
    for figure in figures {
        step = step.file(format!("{FIGURES}/{}.svg", figure.stem()), figure.svg.clone());
    }
    step
}

fn verdict(results: &ResultsDocument) -> String {
    worst(results.answers.iter().map(|answer| answer.tier))
}

/// The lowest tier: a run is as good as its weakest answer.
fn worst(tiers: impl Iterator<Item = Tier>) -> String {
    tiers.min().map_or("none", Tier::key).to_owned()
}
