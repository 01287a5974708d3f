//! The beginning of a conversation: standing instructions, and the task with everything that is known.
//!
//! The prompts are files under `prompts/`, compiled in; [`hashes`] goes into the manifest. Whatever comes from the plan, the
//! data or another model is put in through [`Privacy::fenced`], so that it reads as data and holds no rare level. The playbook
//! engine is asked like any other provider, in a block of JSON that it reads.

use crate::agent::history::History;
use crate::plan::Plan;
use crate::record::critique::{AnalysisCritique, Critique, Stage};
use crate::record::documents::ResultsDocument;
use crate::spec::{Analysis, AnalysisSpec};
use crate::text::sha256::sha256_hex;
use crate::tools::privacy::Privacy;
use crate::tools::{Role, Task};
use causal::estimand::Target;
use minijinja::{Environment, UndefinedBehavior, context};
use std::collections::BTreeMap;
use std::fmt::Write as _;

const PROMPTS: [(&str, &str); 7] = [
    ("actor", include_str!("prompts/actor.md")),
    ("critic", include_str!("prompts/critic.md")),
    ("draft", include_str!("prompts/draft.md")),
    ("revise", include_str!("prompts/revise.md")),
    ("criticise", include_str!("prompts/criticise.md")),
    ("host", include_str!("prompts/host.md")),
    ("baseline", include_str!("prompts/baseline.md")),
];

/// A prompt that cannot be rendered: a mistake of this program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the prompt `{prompt}` cannot be rendered: {reason}")]
pub struct PromptError {
    /// Which.
    pub prompt: String,
    /// Why.
    pub reason: String,
}

/// The material of a task.
#[derive(Debug, Clone, Copy)]
pub struct PromptInput<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The filter that everything passes.
    pub privacy: &'a Privacy,
    /// The spec that the task is about.
    pub spec: &'a AnalysisSpec,
    /// The data in aggregates, as `describe_data` says it; already filtered.
    pub data: &'a str,
    /// Everything that was tried.
    pub history: &'a History,
    /// The document that is to be written.
    pub task: Task<'a>,
    /// Playbooks that apply now.
    pub candidates: &'a BTreeMap<Target, Vec<String>>,
    /// The results, once the loop has settled.
    pub results: Option<&'a ResultsDocument>,
}

/// Name and SHA-256 of every prompt.
#[must_use]
pub fn hashes() -> BTreeMap<String, String> {
    PROMPTS.iter().map(|(name, text)| ((*name).to_owned(), sha256_hex(text.as_bytes()))).collect()
}

/// Standing instructions of a role.
#[must_use]
pub fn system(role: Role) -> String {
    let name = if role == Role::Critic { "critic" } else { "actor" };
    PROMPTS.iter().find(|(prompt, _)| *prompt == name).map_or_else(String::new, |(_, text)| (*text).trim().to_owned())
}

/// Standing instructions of a host that speaks MCP: the actor's, and how to proceed there.
#[must_use]
pub fn host() -> String {
    let how = PROMPTS.iter().find(|(prompt, _)| *prompt == "host").map_or("", |(_, text)| text);
    format!("{}\n\n{}", system(Role::Actor), how.trim())
}

const ENGINE_BLOCK: &str = "```brief\n";

/// The task, for a language model.
///
/// # Errors
/// [`PromptError`].
pub fn task(input: &PromptInput<'_>) -> Result<String, PromptError> {
    let private = |label: &str, text: &str| input.privacy.fenced(label, text);
    let private_or_none = |label: &str, text: &str| match text.trim() {
        "" => "none".to_owned(),
        text => private(label, text),
    };
    let plan = private("plan", &plan_digest(input.plan));
    let spec = private("spec", &spec_digest(input.spec));
    let text = match input.task {
        Task::Draft => {
            // `describe_data` has been through the filter and is fenced already.
            render("draft", context! { plan, data => input.data, spec })?
        }
        Task::Revise | Task::Look => render(
            "revise",
            context! {
                iteration => input.history.last().map_or(0, |trial| trial.spec.iteration),
                findings => private("findings", &kept_findings(input.history)),
                critique => remarks(input.history).map(|text| private("critique", &text)),
                tried => private_or_none("tried", &tried(input.history)),
                candidates => by_estimand(input.candidates),
            },
        )?,
        Task::Criticise(computed) => render(
            "criticise",
            context! {
                iteration => computed.iteration,
                stage => if computed.stage == Stage::Design { "its design, blind" } else { "the final analysis" },
                plan, spec,
                findings => private("findings", &findings(computed)),
                alignment => alignment(computed),
                remediations => private_or_none("remediations", &computed.remediations.join("; ")),
                results => input.results.map(|results| private("results", &effects(results))),
                estimands => keys(computed),
            },
        )?,
    };
    Ok(text.trim().to_owned())
}

/// The task, for the playbook engine: the block that it reads.
#[must_use]
pub fn task_for_engine(input: &PromptInput<'_>) -> String {
    let task = if matches!(input.task, Task::Draft) { "draft" } else { "revise" };
    let candidates: serde_json::Map<String, serde_json::Value> =
        input.candidates.iter().map(|(target, names)| (target.key().to_owned(), names.clone().into())).collect();
    let brief = serde_json::json!({ "task": task, "candidates": candidates });
    format!("{ENGINE_BLOCK}{brief}\n```")
}

pub(crate) fn render(name: &str, values: minijinja::Value) -> Result<String, PromptError> {
    let failed = |error: minijinja::Error| PromptError { prompt: name.to_owned(), reason: format!("{error:#}") };
    let mut environment = Environment::new();
    // A name that is misspelt in a prompt is an error here, not a gap in what a model reads.
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    for (prompt, text) in PROMPTS {
        environment.add_template(prompt, text).map_err(failed)?;
    }
    environment.get_template(name).and_then(|template| template.render(values)).map_err(failed)
}

/// The plan, as far as a model needs it: no path, no server, no seed.
pub(crate) fn plan_digest(plan: &Plan) -> String {
    let mut out = String::new();
    let trial = &plan.target_trial;
    let components = [
        ("title", &plan.title),
        ("question", &plan.question),
        ("target trial, eligibility", &trial.eligibility),
        ("target trial, treatment strategies", &trial.treatment_strategies),
        ("target trial, assignment", &trial.assignment),
        ("target trial, time zero", &trial.time_zero),
        ("target trial, follow-up", &trial.follow_up),
        ("target trial, outcome", &trial.outcome),
        ("target trial, causal contrast", &trial.causal_contrast),
        ("target trial, analysis plan", &trial.analysis_plan),
    ];
    for (name, text) in components {
        let text = if text.trim().is_empty() { "(not said)" } else { text.trim() };
        let _ = writeln!(out, "{name}: {text}");
    }
    let lists = [
        ("priority confounders", plan.confounders.priority.join(", ")),
        ("other confounders", plan.confounders.other.join(", ")),
        ("terms", plan.confounders.terms.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
        ("placebo outcomes", plan.placebo_outcomes.join(", ")),
        ("negative controls", plan.negative_controls.join(", ")),
        ("threats", plan.threats.join("; ")),
        ("estimands", plan.estimands.iter().map(|target| target.key()).collect::<Vec<_>>().join(", ")),
        ("tools", plan.tools.iter().map(|tool| tool.key()).collect::<Vec<_>>().join(", ")),
    ];
    let _ = writeln!(out, "treatment: {}", plan.treatment.column);
    let _ = writeln!(out, "outcome: {} ({})", plan.outcome.column, plan.outcome.units);
    for (name, text) in lists {
        let _ = writeln!(out, "{name}: {}", or_none(text));
    }
    out
}

fn spec_digest(spec: &AnalysisSpec) -> String {
    let one = |analysis: &Analysis| {
        let terms: Vec<String> = analysis.terms.iter().map(ToString::to_string).collect();
        format!(
            "{}: now the {}; terms {}; answer by {}; propensity by {}",
            analysis.requested.key(),
            analysis.estimand().name(),
            terms.join(", "),
            analysis.primary.key(),
            analysis.models.propensity.key()
        )
    };
    spec.analyses.iter().map(one).collect::<Vec<_>>().join("\n")
}

fn kept_findings(history: &History) -> String {
    let of_kept = |requested: Target| {
        let kept = history.kept(requested)?;
        let analysis = kept.analysis(requested)?;
        Some(format!(
            "{} (iteration {}, {})",
            lines(kept.graded(requested)?),
            kept.spec.iteration,
            analysis.estimand().name()
        ))
    };
    history.requested().into_iter().filter_map(of_kept).collect::<Vec<_>>().join("\n\n")
}

fn findings(computed: &Critique) -> String {
    computed.analyses.iter().map(lines).collect::<Vec<_>>().join("\n\n")
}

fn lines(graded: &AnalysisCritique) -> String {
    let mut out =
        format!("{}: {}, computed grade {}", graded.requested.key(), graded.estimand, graded.computed().key());
    for finding in &graded.findings {
        let severity = finding.severity.key();
        let _ = write!(out, "\n- {severity}: {}: {}", finding.code.key(), finding.message);
    }
    let _ = write!(out, "\n- departs from the ATE: {}", without_counts(&graded.departs_from_ate));
    out
}

/// The sentences without figures: who was left out is counted to the last unit there, which is not for a model to know.
fn without_counts(text: &str) -> String {
    let sentences = text.split_inclusive(". ").filter(|sentence| !sentence.chars().any(|c| c.is_ascii_digit()));
    sentences.collect::<String>().trim_end().to_owned()
}

/// The remarks of a model as critic on the last iteration.
fn remarks(history: &History) -> Option<String> {
    let reviewed = history.last()?.critique.reviewed.as_ref()?;
    let opinion = reviewed.opinion.as_ref()?;
    let grade = |g: &crate::record::model_review::ModelGrade| {
        format!("{}: {}, because {}", g.requested, g.credibility, g.reason)
    };
    Some(opinion.grades.iter().map(grade).chain(opinion.blind_spots.iter().cloned()).collect::<Vec<_>>().join("\n"))
}

fn tried(history: &History) -> String {
    let playbooks = |requested: Target| {
        let names: Vec<&str> = history.tried(requested).into_iter().collect();
        (!names.is_empty()).then(|| format!("{}: {}", requested.key(), names.join(", ")))
    };
    history.requested().into_iter().filter_map(playbooks).collect::<Vec<_>>().join("; ")
}

fn by_estimand(candidates: &BTreeMap<Target, Vec<String>>) -> String {
    let of = |(target, names): (&Target, &Vec<String>)| format!("{}: {}", target.key(), or_none(names.join(", ")));
    or_none(candidates.iter().map(of).collect::<Vec<_>>().join("; "))
}

fn alignment(computed: &Critique) -> String {
    let broken: Vec<&str> = computed.alignment.iter().filter(|c| !c.holds).map(|c| c.check.as_str()).collect();
    let total = computed.alignment.len();
    if broken.is_empty() {
        format!("all {total} hold.")
    } else {
        format!("of {total}, these do not hold: {}.", broken.join("; "))
    }
}

/// Only after unblinding.
fn effects(results: &ResultsDocument) -> String {
    let one = |answer: &crate::record::documents::Answer| {
        let effect = answer.effect.as_ref();
        let number = effect.map_or("none".to_owned(), |e| format!("{:.4}", e.estimate));
        format!("{}: {}, estimate {number} {}", answer.requested.key(), answer.name, results.units)
    };
    results.answers.iter().map(one).collect::<Vec<_>>().join("\n")
}

fn keys(computed: &Critique) -> String {
    computed.analyses.iter().map(|graded| graded.requested.key()).collect::<Vec<_>>().join(", ")
}

fn or_none(text: String) -> String {
    if text.trim().is_empty() { "none".to_owned() } else { text }
}
