//! From settled designs to answers: effects of every spec that was tried, sensitivity of those that answer, and the
//! document that puts it together.

use super::bounds;
use super::effects::{self, Effects};
use super::identification::PlanIdentification;
use super::prepare::Prepared;
use crate::critique::Executed;
use crate::critique::rubric::{EstimateState, SensitivityState};
use crate::finding::Tier;
use crate::record::EffectDocument;
use crate::record::basis::IdentificationBasis;
use crate::record::critique::Critique;
use crate::record::documents::{
    AnalysisDesign, Answer, DesignDocument, Disagreement, EffectRow, EstimateDiagnostics, EstimatePair,
    ResultsDocument, SpecTried,
};
use crate::record::not_estimated::{NoSensitivity, NotEstimated};
use crate::schema::Counters;
use crate::spec::{Analysis, AnalysisSpec};
use causal::diagnose::sensitivity::SensitivityReport;
use causal::estimand::Target;
use std::collections::BTreeMap;

/// One spec that was tried.
#[derive(Debug, Clone, PartialEq)]
pub struct Iteration {
    /// The spec.
    pub spec: AnalysisSpec,
    /// SHA-256 of its bytes.
    pub sha256: String,
    /// Its design.
    pub design: DesignDocument,
    /// The critique of its design, once there is one.
    pub critique: Option<Critique>,
}

impl Iteration {
    /// As the critic takes it.
    #[must_use]
    pub fn executed(&self) -> Executed<'_> {
        Executed { spec: &self.spec, spec_sha256: &self.sha256, design: &self.design }
    }

    pub(super) fn analysis(&self, requested: Target) -> Option<&Analysis> {
        self.spec.analyses.iter().find(|analysis| analysis.requested == requested)
    }

    fn designed(&self, requested: Target) -> Option<&AnalysisDesign> {
        self.design.analyses.iter().find(|design| design.requested == requested)
    }
}

/// The results that exist only after the loop has settled.
#[derive(Debug, Clone, PartialEq)]
pub struct Unblinded {
    /// The iteration that answers each requested estimand.
    pub answering: BTreeMap<Target, u32>,
    /// Every effect of every spec; an analysis that did not change between two iterations is listed under the first.
    pub effects: Effects,
    sensitivity: BTreeMap<Target, Result<SensitivityReport, NoSensitivity>>,
}

impl Unblinded {
    /// As the critic takes it.
    #[must_use]
    pub fn sensitivity_states(&self) -> BTreeMap<Target, SensitivityState<'_>> {
        self.sensitivity.iter().map(|(target, outcome)| (*target, sensitivity_state(outcome))).collect()
    }

    /// The answers as the critic takes them.
    #[must_use]
    pub fn estimate_states(&self, tried: &[Iteration]) -> BTreeMap<Target, EstimateState<'_>> {
        let state = |(requested, iteration): (&Target, &u32)| {
            let run = tried.iter().find(|run| run.spec.iteration == *iteration)?;
            let (effect, diagnostics) = self.judged(tried, run.analysis(*requested)?)?;
            Some((*requested, EstimateState::Measured { effect, diagnostics }))
        };
        self.answering.iter().filter_map(state).collect()
    }

    /// The primary effect of an analysis with what judges it.
    fn judged(&self, tried: &[Iteration], analysis: &Analysis) -> Option<(&EffectDocument, &EstimateDiagnostics)> {
        let effect = self.primary(tried, analysis)?;
        let first = tried.iter().find(|run| run.spec.analyses.contains(analysis))?.spec.iteration;
        Some((effect, self.effects.diagnostics.get(&(first, analysis.requested))?))
    }

    /// The requested estimands whose primary estimator gave no estimate, with the reason.
    #[must_use]
    pub fn without_estimate(&self, tried: &[Iteration]) -> BTreeMap<Target, String> {
        let reason = |(requested, iteration): (&Target, &u32)| {
            let run = tried.iter().find(|run| run.spec.iteration == *iteration)?;
            let analysis = run.analysis(*requested)?;
            if self.primary(tried, analysis).is_some() {
                return None;
            }
            // The design first: where it failed, no estimator was run.
            let failed = run.designed(*requested).and_then(|design| design.failed.clone());
            let first = tried.iter().find(|run| run.spec.analyses.contains(analysis))?.spec.iteration;
            let mut all = self.effects.not_estimated.iter();
            let noted = all.find(|it| it.concerns(first, *requested, analysis.primary)).map(|it| it.reason.to_string());
            Some((*requested, failed.or(noted).unwrap_or_else(|| "no reason is on record".to_owned())))
        };
        self.answering.iter().filter_map(reason).collect()
    }

    /// The primary effect of an analysis, which is listed under the first iteration that had it.
    fn primary(&self, tried: &[Iteration], analysis: &Analysis) -> Option<&EffectDocument> {
        let first = tried.iter().find(|run| run.spec.analyses.contains(analysis))?.spec.iteration;
        let is_it = |row: &&EffectRow| row.iteration == first && row.requested == analysis.requested && row.primary;
        self.effects.rows.iter().find(is_it).map(|row| &row.effect)
    }
}

fn sensitivity_state(outcome: &Result<SensitivityReport, NoSensitivity>) -> SensitivityState<'_> {
    match outcome {
        Ok(report) => SensitivityState::Measured(report),
        Err(reason) => SensitivityState::NotComputable { reason },
    }
}

/// Effects of one spec, leaving out the analyses that `earlier` specs had already.
#[must_use]
pub fn effects_of(prepared: &Prepared, spec: &AnalysisSpec, earlier: &[Iteration]) -> Effects {
    let known = |analysis: &Analysis| earlier.iter().any(|i| i.spec.analyses.contains(analysis));
    let analyses: Vec<&Analysis> = spec.analyses.iter().filter(|analysis| !known(analysis)).collect();
    effects::spec_effects(prepared, spec, &analyses)
}

/// Looks at the outcome: effects of every spec that was tried, and sensitivity of the primary effect of each answer.
#[must_use]
pub fn unblind(prepared: &Prepared, tried: &[Iteration], answering: BTreeMap<Target, u32>) -> Unblinded {
    let mut unblinded = Unblinded { answering, effects: Effects::default(), sensitivity: BTreeMap::new() };
    for (k, iteration) in tried.iter().enumerate() {
        let effects = effects_of(prepared, &iteration.spec, tried.get(..k).unwrap_or_default());
        unblinded.effects.extend(effects);
    }
    hold_against_flexible(prepared, tried, &mut unblinded);
    let sensitivity = |(requested, iteration): (&Target, &u32)| {
        let run = tried.iter().find(|run| run.spec.iteration == *iteration)?;
        let analysis = run.analysis(*requested)?;
        let outcome = match unblinded.primary(tried, analysis) {
            None => Err(NoSensitivity::NoPrimaryEstimate),
            Some(effect) => effects::analysis_sensitivity(prepared, &run.spec, analysis, effect),
        };
        Some((*requested, outcome))
    };
    unblinded.sensitivity = unblinded.answering.iter().filter_map(sensitivity).collect();
    unblinded
}

/// Holds each answer by regressions against a flexible estimate of the same effect.
fn hold_against_flexible(prepared: &Prepared, tried: &[Iteration], unblinded: &mut Unblinded) {
    for run in tried {
        let here = unblinded.answering.iter().filter(|(_, iteration)| **iteration == run.spec.iteration);
        let analyses: Vec<&Analysis> = here.filter_map(|(requested, _)| run.analysis(*requested)).collect();
        let estimates = effects::flexible_estimates(prepared, &run.spec, &analyses);
        for (analysis, flexible) in analyses.into_iter().zip(estimates) {
            // Where it is listed: under the first spec that had it.
            let first = tried.iter().find(|run| run.spec.analyses.contains(analysis)).map(|run| run.spec.iteration);
            let answer = unblinded.primary(tried, analysis).map(|effect| (effect.estimate, effect.estimator));
            if let (Some(flexible), Some((answer, estimator)), Some(first)) = (flexible, answer, first)
                && let Some(found) = unblinded.effects.diagnostics.get_mut(&(first, analysis.requested))
            {
                found.disagreement = Some(Disagreement {
                    between: format!("{} and cross-fitted AIPW by flexible learners", estimator.title()),
                    size: (answer - flexible).abs(),
                    pair: EstimatePair::RegressionAndFlexible,
                });
            }
        }
    }
}

/// Puts `results.json` together. The final critique decides the tiers; `playbooks` are names with hashes.
#[must_use]
pub fn document(
    prepared: &Prepared,
    tried: &[Iteration],
    unblinded: Unblinded,
    critique: Critique,
    playbooks: BTreeMap<String, String>,
) -> ResultsDocument {
    let last = tried.last();
    let with_bounds = |answer: Answer| Answer { bounds: bounds::of(prepared, answer.requested), ..answer };
    let answered = critique.analyses.iter().map(|graded| answer(tried, &unblinded, graded.requested, graded.tier));
    let answers: Vec<Answer> = answered.map(with_bounds).collect();
    let clipped = answers.iter().filter_map(|answer| answer.propensity.as_ref()).map(|model| model.clipped).sum();
    ResultsDocument {
        conduct: None,
        title: prepared.plan.title.clone(),
        units: prepared.plan.outcome.units.clone(),
        plan_sha256: prepared.plan_sha256.clone(),
        data_sha256: prepared.document.sha256.clone(),
        spec_sha256: last.map(|run| run.sha256.clone()).unwrap_or_default(),
        tool_version: crate::VERSION.to_owned(),
        playbooks,
        counters: Counters { propensities_clipped: clipped, ..prepared.counters().clone() },
        answers,
        effects: unblinded.effects.rows,
        not_estimated: unblinded.effects.not_estimated,
        estimation_notes: unblinded.effects.notes,
        specs_tried: tried.iter().map(spec_tried).collect(),
        identification: identification(prepared, last),
        unblinded_before: prepared.unblinded_before().to_vec(),
        critique,
    }
}

/// As the last design has it, with what the data say of the outcome's place in the graph.
fn identification(prepared: &Prepared, last: Option<&Iteration>) -> IdentificationBasis {
    let mut basis = last.map(|run| run.design.identification.clone()).unwrap_or_default();
    basis.rejected.extend(prepared.identification.iter().flat_map(PlanIdentification::rejected_with_outcome));
    basis
}

/// Puts the critique that stands into the results: its tiers are the answers'.
pub fn held_under(results: &mut ResultsDocument, critique: Critique) {
    for answer in &mut results.answers {
        let graded = critique.analyses.iter().find(|graded| graded.requested == answer.requested);
        answer.tier = graded.map_or(answer.tier, |graded| graded.tier);
    }
    results.critique = critique;
}

fn answer(tried: &[Iteration], unblinded: &Unblinded, requested: Target, tier: Tier) -> Answer {
    let answering = unblinded.answering.get(&requested).copied().unwrap_or_default();
    let kept = tried.iter().find(|run| run.spec.iteration == answering).and_then(|run| run.analysis(requested));
    // An analysis that later specs left alone is cited from the spec that first had it, where its effects are listed.
    let run = tried.iter().find(|run| kept.is_some_and(|analysis| run.spec.analyses.contains(analysis)));
    let iteration = run.map_or(answering, |run| run.spec.iteration);
    let analysis = run.and_then(|run| run.analysis(requested));
    let design = run.and_then(|run| run.designed(requested));
    let population = design.and_then(|design| design.population.clone());
    let effect = analysis.and_then(|analysis| unblinded.primary(tried, analysis)).cloned();
    let sensitivity = unblinded.sensitivity.get(&requested);
    let mut missing = Vec::new();
    if effect.is_none() {
        let reason = design.and_then(|design| design.failed.clone());
        missing.push(reason.unwrap_or_else(|| "the primary estimator gave no estimate".to_owned()));
    }
    missing.extend(
        sensitivity.and_then(|outcome| outcome.as_ref().err()).map(|reason| format!("no sensitivity: {reason}")),
    );
    Answer {
        requested,
        name: analysis.map_or_else(|| requested.acronym().to_owned(), |analysis| analysis.estimand().name()),
        iteration,
        tier,
        population: population.as_ref().map(|p| p.description.clone()).unwrap_or_default(),
        population_numbers: population,
        because: analysis.map(|analysis| analysis.because.clone()).unwrap_or_default(),
        effect,
        diagnostics: analysis.and_then(|analysis| unblinded.judged(tried, analysis)).map(|(_, found)| found.clone()),
        propensity: design.and_then(|design| design.propensity.clone()),
        sensitivity: sensitivity.and_then(|outcome| outcome.as_ref().ok()).cloned(),
        bounds: None,
        missing,
    }
}

fn spec_tried(run: &Iteration) -> SpecTried {
    let graded = run.critique.iter().flat_map(|critique| &critique.analyses);
    SpecTried {
        iteration: run.spec.iteration,
        spec_sha256: run.sha256.clone(),
        revisions: run.spec.revisions.clone(),
        tiers: graded.map(|g| (g.requested, g.estimand.clone(), g.tier)).collect(),
    }
}

/// The effects of one iteration as committed when the plan says `blind: false`.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct OpenEffectsDocument<'a> {
    /// The iteration.
    pub iteration: u32,
    /// Its effects.
    pub effects: &'a [EffectRow],
    /// The estimates that could not be made.
    pub not_estimated: &'a [NotEstimated],
}
