//! Shared by the tools that look at a design: their arguments, and one design run.

use super::arguments::{self, parse, wrong};
use super::{Context, Edit, Refusal, Task, ToolError, edited, refuse};
use crate::critique::rubric::{self, AfterUnblinding};
use crate::finding::{Code, Finding};
use crate::pipeline::design;
use crate::plan::Tool;
use crate::record::documents::AnalysisDesign;
use crate::spec::{Analysis, AnalysisSpec};
use crate::tools::reply;
use schemars::JsonSchema;
use serde_json::{Map, Value, json};

/// What a design tool is asked.
#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    /// Which analysis, by the estimand that the plan requests.
    #[schemars(extend("enum" = ["ate", "att", "atc", "ato"]))]
    estimand: String,
    /// Look at the analysis as it would be after one change, without proposing it. Leave out to look at it as it is.
    #[serde(default)]
    preview: Option<Preview>,
}

/// One change to look at: exactly one of the three.
#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Preview {
    /// Name of a playbook.
    #[serde(default)]
    playbook: Option<String>,
    /// Keep only rows with a propensity from this number to one minus it; above 0 and below 0.5.
    #[serde(default)]
    trim: Option<f64>,
    /// Terms to add, over the plan's confounders: `a^2`, `a * b`, `c == level`.
    #[serde(default)]
    add_terms: Option<Vec<String>>,
}

/// The one edit that is given.
pub(super) fn one_edit(
    playbook: Option<&str>,
    trim: Option<f64>,
    add_terms: Option<&[String]>,
) -> Result<Edit, Refusal> {
    // Models fill in what they do not mean: an empty text or list counts as not given.
    let playbook = playbook.map(str::trim).filter(|name| !name.is_empty());
    let add_terms = add_terms.filter(|terms| !terms.is_empty());
    let mut edits: Vec<(&str, Edit)> = Vec::new();
    edits.extend(playbook.map(|name| ("playbook", Edit::Playbook { name: name.to_owned() })));
    edits.extend(trim.map(|alpha| ("trim", Edit::Trim { alpha })));
    edits.extend(add_terms.map(|terms| ("add_terms", Edit::AddTerms { terms: terms.to_vec() })));
    let given: Vec<String> = edits.iter().map(|(key, _)| format!("`{key}`")).collect();
    match (edits.pop(), given.len()) {
        (Some((_, edit)), 1) => Ok(edit),
        (None, _) => refuse("it names no change: give one of `playbook`, `trim` and `add_terms`"),
        _ => refuse(format!("it gives {}: one change makes one of them; leave the others out", given.join(" and "))),
    }
}

/// A design that was run.
pub(super) struct Ran {
    pub(super) spec: AnalysisSpec,
    pub(super) analysis: Analysis,
    pub(super) design: AnalysisDesign,
    preview: Option<String>,
}

/// Runs the design of the analysis that `given` names, with the plan's tools of `needed` and those that the placebo test
/// takes its estimator from.
pub(super) fn run(tool: &str, given: &Value, context: &Context<'_>, needed: &[Tool]) -> Result<Ran, ToolError> {
    let arguments: Arguments = parse(tool, given)?;
    let requested =
        arguments::estimand(&arguments.estimand, context).map_err(|Refusal(problem)| wrong(tool, &problem))?;
    let found = context.spec.analyses.iter().find(|analysis| analysis.requested == requested);
    // `arguments::estimand` took it from this very spec, so this is a fault of the program, not of the model.
    let base = found.ok_or_else(|| ToolError::Fatal(format!("the spec has no analysis of `{}`", requested.key())))?;
    let (analysis, preview) = match arguments.preview {
        None => (base.clone(), None),
        // The critic must judge what was run, not what might have been.
        Some(_) if matches!(context.task, Task::Criticise(_)) => return Err(wrong(tool, NO_PREVIEW)),
        Some(preview) => {
            let edit = one_edit(preview.playbook.as_deref(), preview.trim, preview.add_terms.as_deref());
            let (analysis, sentence) = edit
                .and_then(|edit| edited(&edit, base, context))
                .map_err(|Refusal(problem)| wrong(tool, &format!("`preview`: {problem}")))?;
            (analysis, Some(sentence))
        }
    };
    designed(analysis, preview, context, needed)
}

/// Why a critic has no preview.
pub(super) const NO_PREVIEW: &str =
    "`preview` is for whoever writes the spec; a critic looks at what was run: leave `preview` out";

/// Runs the design of one analysis, unless its answer and an earlier one would together tell of few units.
pub(super) fn designed(
    analysis: Analysis,
    preview: Option<String>,
    context: &Context<'_>,
    needed: &[Tool],
) -> Result<Ran, ToolError> {
    hold(&analysis, context).map_err(|Refusal(why)| ToolError::Failed(why))?;
    designed_for_counts(analysis, preview, context, needed)
}

/// Holds the population of an analysis against those that were described, and notes it. One that cannot be designed has none.
pub(super) fn hold(analysis: &Analysis, context: &Context<'_>) -> Result<(), Refusal> {
    let on_record = context.spec.analyses.contains(analysis);
    match design::rows(context.prepared, context.spec, analysis) {
        Ok(rows) => context.privacy.describe(&rows, on_record),
        Err(_) => Ok(()),
    }
}

/// The same for a caller that tells rounded counts and nothing else where the population is not held to be told of.
pub(super) fn designed_for_counts(
    analysis: Analysis,
    preview: Option<String>,
    context: &Context<'_>,
    needed: &[Tool],
) -> Result<Ran, ToolError> {
    let listed = context.spec.tools.iter().filter(|tool| needed.contains(tool) || Tool::ESTIMATORS.contains(tool));
    let tools: Vec<Tool> = listed.copied().collect();
    // One analysis alone: the others need not be fitted again to look at this one.
    let spec = AnalysisSpec { tools, analyses: vec![analysis.clone()], revisions: Vec::new(), ..context.spec.clone() };
    let design = design::design(context.prepared, &spec).analyses.pop();
    let design = design.ok_or_else(|| ToolError::Fatal("the design stage gave no design".to_owned()))?;
    match &design.failed {
        Some(reason) => Err(ToolError::Failed(format!(
            "the {} has no design: {}. That is a result: this analysis, as it is{}, cannot be run",
            design.name,
            discreet(reason.trim_end_matches('.'), context),
            if preview.is_some() { " previewed" } else { "" }
        ))),
        None => Ok(Ran { spec, analysis, design, preview }),
    }
}

/// A reason without exact numbers of rows: `trimming left 3 of 1566 rows`.
fn discreet(reason: &str, context: &Context<'_>) -> String {
    let words: Vec<&str> = reason.split(' ').collect();
    let hidden = words.iter().enumerate().map(|(i, word)| {
        let counts = words.get(i + 1).is_some_and(|next| ["of", "row", "rows", "treated", "controls"].contains(next));
        // Messages are written for people too and hold exact counts; only what stands before such a word is one.
        match word.parse::<usize>() {
            Ok(n) if counts => context.privacy.about(n),
            _ => (*word).to_owned(),
        }
    });
    hidden.collect::<Vec<_>>().join(" ")
}

impl Ran {
    /// The step to which its statistics are rounded.
    pub(super) fn step(&self, context: &Context<'_>) -> f64 {
        let arms = self.design.population.as_ref().map_or(0, |p| p.n_treated.min(p.n_control));
        context.privacy.step(arms)
    }

    /// The findings with one of `codes`. Of a preview, which is not on record, values only, and those rounded.
    pub(super) fn told(&self, codes: &[Code], context: &Context<'_>) -> Value {
        let step = self.step(context);
        let rounded = self.preview.is_some() && context.privacy.protects();
        reply::findings(&self.findings(), codes, rounded.then_some(step))
    }

    /// The findings of the rubric, as far as they need no effect.
    pub(super) fn findings(&self) -> Vec<Finding> {
        rubric::findings(&self.design, &self.spec, &self.analysis, AfterUnblinding::WITHHELD)
    }

    /// The line for the operator: what was looked at, and the worst of `codes`.
    pub(super) fn operator(&self, what: &str, codes: &[Code]) -> String {
        let all = self.findings();
        let worst = all.iter().filter(|finding| codes.contains(&finding.code)).max_by_key(|finding| finding.severity);
        let preview = if self.preview.is_some() { ", previewed" } else { "" };
        let message = worst.map_or("", |finding| finding.message.as_str());
        format!("{what} of the {}{preview}: {message}", self.design.name)
    }

    /// The beginning of every answer of a design tool.
    pub(super) fn head(&self, context: &Context<'_>) -> Map<String, Value> {
        let mut head = Map::new();
        head.insert("estimand".to_owned(), json!(self.analysis.requested.key()));
        head.insert("estimated_now".to_owned(), json!(self.design.name));
        if let Some(sentence) = &self.preview {
            head.insert("preview".to_owned(), json!(sentence));
        }
        if let Some(population) = &self.design.population {
            let (treated, control) = (population.n_treated, population.n_control);
            let all = (treated + population.trimmed_treated, control + population.trimmed_control);
            let kept = context.privacy.kept((treated, control), all);
            head.insert("rows".to_owned(), json!(kept.rows));
            head.insert("treated".to_owned(), json!(kept.treated));
        }
        head
    }
}
