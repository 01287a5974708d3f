//! The files and the message of every step: what a reviewer reads in `git log -p`.

use super::estimate;
use super::prepare::{Prepared, sha256_hex};
use super::results::{Iteration, OpenEffectsDocument};
use crate::artifacts::Step;
use crate::critique::Critique;
use crate::finding::Tier;
use crate::playbook::Catalogue;
use crate::report::documents::{DesignDocument, ResultsDocument};
use crate::report::plots::{self, Figure};
use crate::report::{self, ReportError, json};
use crate::spec::AnalysisSpec;
use super::effects::Effects;
use crate::plan::Plan;
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
    pub fn of(prepared: &Prepared, catalogue: &Catalogue) -> Self {
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
        let mut step = Step::new(subject);
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
    Provenance::of(prepared, catalogue).trailers()
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
    actor: &'a str,
    critic: &'a str,
    playbooks: &'a BTreeMap<String, String>,
}

/// The plan as the principal wrote it, and what is about to run it.
///
/// # Errors
/// [`ReportError`].
pub fn plan_step(prepared: &Prepared, provenance: &Provenance) -> Result<Step, ReportError> {
    let manifest = json::to_bytes(&Manifest {
        layout: 1,
        tool: "oci-agent",
        tool_version: crate::VERSION,
        plan_sha256: &prepared.plan_sha256,
        data_sha256: &prepared.document.sha256,
        seed: prepared.plan.seed,
        actor: &prepared.plan.actor,
        critic: &prepared.plan.critic,
        playbooks: &provenance.playbooks,
    })?;
    Ok(provenance
        .step(format!("plan: {}", one_line(&prepared.plan.title)), None)
        .body(prepared.plan.question.trim().to_owned())
        .file("plan.yaml", prepared.plan_bytes.clone())
        .file("manifest.json", manifest))
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
            format!("{asked}: {verb} {} because of {}. {} {}", r.playbook, r.because.join(", "), r.change, r.estimand_effect)
        })
        .collect();
    let sha256 = spec.sha256();
    let mut step = provenance
        .step(format!("iteration {}, spec: {what}", spec.iteration), Some(&sha256))
        .file(format!("{}/spec.yaml", folder(spec.iteration)), spec.to_yaml());
    if !body.is_empty() {
        step = step.body(body.join("\n\n"));
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

/// A design with its plots.
///
/// # Errors
/// [`ReportError`].
pub fn design_step(design: &DesignDocument, provenance: &Provenance) -> Result<Step, ReportError> {
    let folder = folder(design.iteration);
    let subject = format!("iteration {}, design: propensity, balance, overlap, placebo", design.iteration);
    let step = provenance
        .step(subject, Some(&design.spec_sha256))
        .file(format!("{folder}/design.json"), json::to_bytes(design)?);
    Ok(with_figures(step, &format!("{folder}/plots"), &plots::design_figures(design)?))
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
    let folder = folder(critique.iteration);
    let grades: Vec<String> =
        critique.analyses.iter().map(|g| format!("{} {}", g.estimand, g.tier.key())).collect();
    let subject = format!("iteration {}, critique: {}", critique.iteration, grades.join(", "));
    Ok(provenance
        .step(subject, Some(&critique.spec_sha256))
        .trailer("Design-Verdict", worst(critique.analyses.iter().map(|g| g.tier)))
        .file(format!("{folder}/critique.json"), json::to_bytes(critique)?)
        .file(format!("{folder}/critique.md"), report::markdown::critique(critique, spec, plan)?))
}

/// The effects of one iteration, if the plan asked not to be blind.
///
/// # Errors
/// [`ReportError`].
pub fn open_effects_step(
    spec: &AnalysisSpec,
    effects: &Effects,
    provenance: &Provenance,
) -> Result<Step, ReportError> {
    let document = OpenEffectsDocument {
        iteration: spec.iteration,
        effects: &effects.rows,
        not_estimated: &effects.not_estimated,
    };
    let subject = format!("iteration {}, effects: NOT BLIND, as the plan says", spec.iteration);
    Ok(provenance
        .step(subject, Some(&spec.sha256()))
        .file(format!("{}/effects.json", folder(spec.iteration)), json::to_bytes(&document)?))
}

/// Everything that exists only after the loop has settled.
///
/// # Errors
/// [`ReportError`].
pub fn results_step(results: &ResultsDocument, provenance: &Provenance) -> Result<Step, ReportError> {
    let subject = format!("unblind: effects of all {} specs, sensitivity, final grades", results.specs_tried.len());
    Ok(provenance
        .step(subject, Some(&results.spec_sha256))
        .trailer("Verdict", verdict(results))
        .file("results.json", json::to_bytes(results)?)
        .file("critique.json", json::to_bytes(&results.critique)?))
}

/// What the report and the notebook are made from.
#[derive(Debug, Clone, Copy)]
pub struct ReportInput<'a> {
    /// Results.
    pub results: &'a ResultsDocument,
    /// Plan and data.
    pub prepared: &'a Prepared,
    /// Every spec that was tried.
    pub tried: &'a [Iteration],
}

/// The report, as markdown and as one HTML page, with its plots.
///
/// # Errors
/// [`ReportError`].
pub fn report_step(input: &ReportInput<'_>, provenance: &Provenance) -> Result<Step, ReportError> {
    let figures = plots::result_figures(input.results)?;
    let designs: Vec<&DesignDocument> = input.tried.iter().map(|run| &run.design).collect();
    let view = report::view::ReportView { results: input.results, plan: &input.prepared.plan, designs: &designs };
    let step = provenance
        .step("report: verdicts, answers and everything that was tried".to_owned(), Some(&input.results.spec_sha256))
        .trailer("Verdict", verdict(input.results))
        .file("report.md", report::markdown::report(&view)?)
        .file("report.html", report::html::report(&view)?);
    Ok(with_figures(step, "plots", &figures))
}

/// The notebook, with its outputs inside; the last step of a run.
///
/// # Errors
/// [`ReportError`].
pub fn notebook_step(input: &ReportInput<'_>, provenance: &Provenance) -> Result<Step, ReportError> {
    let bytes = report::notebook::render(&report::notebook::NotebookInput {
        results: input.results,
        plan: &input.prepared.plan,
        outputs: &outputs(input)?,
    })?;
    Ok(provenance
        .step("notebook: the same numbers, ready to be executed again".to_owned(), Some(&input.results.spec_sha256))
        .trailer("Verdict", verdict(input.results))
        .file("analysis.ipynb", bytes)
        .last())
}

/// What each command of the notebook prints: the very functions that the command line calls.
fn outputs(input: &ReportInput<'_>) -> Result<Vec<(String, String)>, ReportError> {
    let mut all = vec![("check plan.yaml".to_owned(), checked(input.prepared))];
    for answer in &input.results.answers {
        let Some(run) = input.tried.iter().find(|run| run.spec.iteration == answer.iteration) else { continue };
        let Ok(document) = estimate::from_plan(input.prepared, &run.spec, answer.requested, None) else { continue };
        let spec = format!("{}/spec.yaml", folder(answer.iteration));
        let command = format!("estimate plan.yaml --spec {spec} --estimand {}", answer.requested.key());
        all.push((command, String::from_utf8_lossy(&json::to_bytes(&document)?).into_owned()));
    }
    Ok(all)
}

/// What `oci-agent check` prints when nothing is wrong.
#[must_use]
pub fn checked(prepared: &Prepared) -> String {
    let (rows, treated) = prepared.arms();
    let draft = &prepared.draft;
    let priority = draft.confounders.iter().filter(|group| group.priority).count();
    let terms = draft.analyses.first().map_or(0, |analysis| analysis.terms.len());
    let estimands: Vec<&str> = draft.analyses.iter().map(|analysis| analysis.requested.acronym()).collect();
    let dropped = prepared.counters().rows_dropped_missing;
    let lines = [
        "The plan and the data agree.".to_owned(),
        format!("  rows         {rows} analysed ({treated} treated, {} controls), {dropped} dropped for missing values", rows - treated),
        format!("  treatment    {} ({} against {})", draft.treatment, draft.treated, draft.control),
        format!("  outcome      {} ({})", draft.outcome, draft.units),
        format!("  confounders  {} ({priority} with priority), {terms} design terms", draft.confounders.len()),
        format!("  placebos     {} declared", draft.placebos.len()),
        format!("  estimands    {}", estimands.join(", ")),
        format!("  plan         sha256 {}", prepared.plan_sha256),
        format!("  data         sha256 {}", prepared.document.sha256),
    ];
    lines.join("\n") + "\n"
}

fn with_figures(mut step: Step, folder: &str, figures: &[Figure]) -> Step {
    for figure in figures {
        step = step
            .file(format!("{folder}/{}.svg", figure.stem()), figure.svg.clone())
            .file(format!("{folder}/{}.png", figure.stem()), figure.png.clone());
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

fn folder(iteration: u32) -> String {
    format!("iter_{iteration:02}")
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
