//! `analysis:` the estimators and learners of the answer, and the combinations that are refused.

use super::reader::{Reader, Section, listed};
use super::{Plan, Problem, Tool};
use crate::plan::yaml_tree::Kind;
use causal::estimand::Inference;
use causal::estimator::{ClusterSupport, EstimatorKind};
use causal::learner_kind::{Effort, LearnerKind};
use std::ops::RangeInclusive;

/// The most repeats of cross-fitting.
const MOST_REPEATS: u64 = 99;
/// The most folds.
const MOST_FOLDS: u64 = 100;
pub(super) const INFERENCES: [(&str, Inference); 2] =
    [("population", Inference::Population), ("sample", Inference::Sample)];

/// `analysis:`, every key optional.
///
/// Anything left out is decided when plan and data are held together, and written into the spec with the reason: the
/// estimator by the number of rows, the learners by the estimator.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AnalysisSection {
    /// Whose estimate is the answer (default: `dr_average` where rows and tools allow it).
    pub estimator: Option<EstimatorKind>,
    /// Estimators that run beside it (default: the standard ones that the tools allow). The benchmarks always run.
    pub also: Option<Vec<EstimatorKind>>,
    /// The learner of the propensity (default: the one that the estimator is made for).
    pub propensity: Option<LearnerKind>,
    /// The learner of the outcome means (default: the one that the estimator is made for).
    pub outcome_model: Option<LearnerKind>,
    /// Repeats of the cross-fitting (default 1).
    pub repeats: Option<usize>,
    /// The amount of computing (default: fast).
    pub effort: Option<Effort>,
    /// Whose average effect the interval is about (default: population).
    pub inference: Option<Inference>,
    /// Folds of cross-fitting (default 5).
    pub folds: Option<usize>,
    /// Column that names the cluster of a unit.
    pub clusters: Option<String>,
    /// Column of known probabilities of treatment.
    pub known_propensity: Option<String>,
}

/// Reads the section.
pub(super) fn section(reader: &mut Reader, root: &Section<'_>) -> AnalysisSection {
    let (section, _) = reader.section(root, "analysis");
    AnalysisSection {
        estimator: optional_word(reader, &section, "estimator", &EstimatorKind::ALL.map(|k| (k.key(), k))),
        also: also(reader, &section),
        propensity: optional_word(reader, &section, "propensity", &LearnerKind::ALL.map(|k| (k.key(), k))),
        outcome_model: optional_word(reader, &section, "outcome_model", &LearnerKind::ALL.map(|k| (k.key(), k))),
        repeats: between(reader, &section, "repeats", 1..=MOST_REPEATS),
        effort: optional_word(reader, &section, "effort", &Effort::ALL.map(|effort| (effort.key(), effort))),
        inference: optional_word(reader, &section, "inference", &INFERENCES),
        folds: between(reader, &section, "folds", 2..=MOST_FOLDS),
        clusters: reader.text(&section, "clusters"),
        known_propensity: reader.text(&section, "known_propensity"),
    }
}

fn optional_word<T: Copy>(reader: &mut Reader, section: &Section<'_>, key: &str, words: &[(&str, T)]) -> Option<T> {
    section.get(key).and_then(|node| reader.word(node, &section.path(key), words))
}

/// An empty list is an answer here: nothing but the estimator and the benchmarks.
fn also(reader: &mut Reader, section: &Section<'_>) -> Option<Vec<EstimatorKind>> {
    match section.get("also").map(|node| &node.kind) {
        Some(Kind::Sequence(items)) if items.is_empty() => Some(Vec::new()),
        _ => reader.words(section, "also", &EstimatorKind::ALL.map(|k| (k.key(), k))),
    }
}

fn between(reader: &mut Reader, section: &Section<'_>, key: &str, range: RangeInclusive<u64>) -> Option<usize> {
    let number = reader.whole(section, key)?;
    if range.contains(&number) {
        return usize::try_from(number).ok();
    }
    let path = section.path(key);
    let place = reader.places.get(&path).copied();
    let (least, most) = range.into_inner();
    let message = format!("`{path}` is {number}; it must lie between {least} and {most}");
    reader.problem(place, &path, message, format!("Write a number from {least} to {most}, or leave the line out."));
    None
}

/// Words that do not go together, each named.
pub(super) fn check(plan: &Plan, out: &mut Vec<Problem>) {
    let mut rules = Rules { plan, asked: &plan.analysis, out };
    rules.answer();
    rules.also();
    rules.learners();
    rules.repeats();
    rules.inference();
    rules.known_propensity();
    rules.columns();
}

struct Rules<'a> {
    plan: &'a Plan,
    asked: &'a AnalysisSection,
    out: &'a mut Vec<Problem>,
}

impl Rules<'_> {
    fn note(&mut self, key: &str, message: String, hint: impl Into<String>) {
        let path = format!("analysis.{key}");
        self.out.push(Problem { place: self.plan.at(&path), path, message, hint: hint.into() });
    }

    fn answer(&mut self) {
        let Some(kind) = self.asked.estimator else { return };
        if kind.is_benchmark() {
            let message = format!("`{}` is a benchmark to argue against, and never the answer", kind.key());
            let answers = EstimatorKind::ALL.into_iter().filter(|k| !k.is_benchmark()).map(EstimatorKind::key);
            self.note(
                "estimator",
                message,
                format!("It is computed in any case. The answer can be by {}.", listed(answers)),
            );
        }
        self.allowed("estimator", kind);
    }

    fn also(&mut self) {
        let also = self.asked.also.clone().unwrap_or_default();
        for (i, kind) in also.into_iter().enumerate() {
            self.allowed(&format!("also[{i}]"), kind);
        }
    }

    fn allowed(&mut self, key: &str, kind: EstimatorKind) {
        let Some(tool) = Tool::for_estimator(kind).filter(|tool| !self.plan.tools.contains(tool)) else { return };
        let message = format!("`{}` is asked for, and `tools` does not allow `{}`", kind.key(), tool.key());
        self.note(key, message, format!("Add `{}` to `tools`, or take `{}` out here.", tool.key(), kind.key()));
    }

    /// Stacked standard errors are those of regressions; the others bring their own outcome models.
    fn learners(&mut self) {
        let Some(kind) = self.asked.estimator else { return };
        let flexible = |learner: Option<LearnerKind>| learner.filter(|learner| *learner != LearnerKind::Linear);
        if let Some(learner) = flexible(self.asked.propensity).filter(|_| !kind.takes_learners()) {
            let message =
                format!("`{}` is by logistic regression, and `propensity: {}` is not", kind.key(), learner.key());
            self.note("propensity", message, format!("{} For another learner use {}.", only_linear(kind), takers()));
        }
        let Some(learner) = self.asked.outcome_model else { return };
        if kind.brings_outcome_models() {
            let message = format!("`{}` brings its own outcome models, so `outcome_model` has no effect", kind.key());
            let hint = "Leave `outcome_model` out, or use `aipw_crossfit` or `tmle_crossfit`, which take any.";
            self.note("outcome_model", message, hint);
        } else if learner != LearnerKind::Linear && !kind.takes_learners() {
            let message = format!(
                "`{}` is by linear or logistic regression, and `outcome_model: {}` is not",
                kind.key(),
                learner.key()
            );
            self.note("outcome_model", message, format!("{} For another learner use {}.", only_linear(kind), takers()));
        }
    }

    fn repeats(&mut self) {
        let repeats = self.asked.repeats.filter(|repeats| *repeats > 1);
        let Some((kind, _)) = self.asked.estimator.zip(repeats).filter(|(kind, _)| !kind.is_crossfitted()) else {
            return;
        };
        let crossfitted = EstimatorKind::ALL.into_iter().filter(|k| k.is_crossfitted()).map(EstimatorKind::key);
        let message = format!("`repeats` is about cross-fitting, and `{}` is not cross-fitted", kind.key());
        self.note("repeats", message, format!("Leave `repeats` out, or use {}.", listed(crossfitted)));
    }

    /// A variance given the sample, and a posterior, take units for independent; the simpler estimators have no variance
    /// given the sample.
    fn inference(&mut self) {
        let sample = self.asked.inference == Some(Inference::Sample);
        if sample && self.asked.clusters.is_some() {
            let message = "intervals about the sample take units for independent, and `clusters` says they are not";
            self.note("inference", message.to_owned(), "Write `inference: population`, or leave `clusters` out.");
        }
        let answer = self.asked.estimator.filter(|kind| !kind.is_benchmark());
        if let Some(kind) = answer.filter(|kind| sample && !kind.offers(Inference::Sample)) {
            let message = format!("`{}` has intervals about the population only", kind.key());
            self.note("inference", message, "Write `inference: population`, or use an estimator such as `aipw`.");
        }
        let Some(kind) = answer.filter(|_| self.asked.clusters.is_some()) else { return };
        if let ClusterSupport::Refused { independent, instead: Some(other), .. } = kind.facts().clusters {
            let message = format!(
                "the {independent} of `{}` takes units for independent, and `clusters` says they are not",
                kind.key()
            );
            self.note("clusters", message, format!("Use `{}`, whose standard error respects clusters.", other.key()));
        }
    }

    fn known_propensity(&mut self) {
        if self.asked.known_propensity.is_none() {
            return;
        }
        if let Some(learner) = self.asked.propensity {
            let message =
                format!("the propensity is known, and is also to be fitted (`propensity: {}`)", learner.key());
            self.note("propensity", message, "Keep one of the two.");
        }
        // An estimator with learners fits its propensity out of fold, and a known one spares it that.
        let unused =
            |kind: &EstimatorKind| !kind.is_benchmark() && !kind.weights_by_propensity() && !kind.takes_learners();
        if let Some(kind) = self.asked.estimator.filter(unused) {
            let message = format!("`{}` does not use a propensity, so `known_propensity` has no effect", kind.key());
            self.note("known_propensity", message, "Leave it out, or use an estimator that weights, such as `aipw`.");
        }
    }

    /// The columns named here have no other job.
    fn columns(&mut self) {
        let confounders = &self.plan.confounders;
        let terms = confounders.terms.iter().flat_map(|term| term.columns());
        let adjusted: Vec<&str> =
            confounders.priority.iter().chain(&confounders.other).map(String::as_str).chain(terms).collect();
        let placebos: Vec<&str> =
            self.plan.placebo_outcomes.iter().chain(&self.plan.negative_controls).map(String::as_str).collect();
        let mut found = Vec::new();
        for (key, noun, column) in [
            ("clusters", "the cluster", &self.asked.clusters),
            ("known_propensity", "the known propensity", &self.asked.known_propensity),
        ] {
            let Some(column) = column.as_deref() else { continue };
            let jobs = [
                (self.plan.treatment.column == column, "the treatment"),
                (self.plan.outcome.column == column, "the outcome"),
                (self.plan.data.weights.as_deref() == Some(column), "the column of weights"),
                (self.plan.data.unit_id.as_deref() == Some(column), "the unit id"),
                (adjusted.contains(&column), "adjusted for"),
                (placebos.contains(&column), "a placebo"),
            ];
            if let Some((_, job)) = jobs.into_iter().find(|(is, _)| *is) {
                let hint = match (key, job) {
                    ("clusters", "adjusted for") => {
                        "A cluster is in one fold as a whole, so no model can learn its own level from the others; take \
                         one of the two out."
                    }
                    ("known_propensity", "adjusted for") => {
                        "It says all that the confounders say about treatment; take it out of the confounders."
                    }
                    _ => "Name the column that holds it, or remove the line.",
                };
                found.push((key, format!("`{column}` is {noun} and also {job}"), hint));
            }
        }
        if self.asked.clusters.is_some() && self.asked.clusters == self.asked.known_propensity {
            let message = "one column is both the cluster and the known propensity".to_owned();
            found.push(("known_propensity", message, "One column can have one of the two jobs only."));
        }
        for (key, message, hint) in found {
            self.note(key, message, hint);
        }
    }
}

fn only_linear(kind: EstimatorKind) -> String {
    format!("`{}` takes its standard error from those regressions.", kind.key())
}

fn takers() -> String {
    listed(EstimatorKind::ALL.into_iter().filter(|k| k.takes_learners()).map(EstimatorKind::key))
}
