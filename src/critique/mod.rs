//! Grades: the rubric turns measured diagnostics into findings, findings into a tier per estimand, and adds what a
//! careful reviewer owes the principal.
//!
//! [`critique`] puts it together: [`rubric`] is the table of thresholds, [`verdict`] the grades, [`alignment`] the checks
//! that plan, spec and executed analysis agree, [`departures`] how each estimand differs from the ATE, [`target_trial`] the
//! contrast with the ideal trial, [`blind_spots`] what the plan does not say, [`alternatives`] how else one could learn
//! the answer. All of it is computed: the same documents give the same words. [`model_review`] holds a language model's critique
//! under it. The data it fills in are [`crate::record::critique`] and [`crate::record::model_review`].

pub mod alignment;
pub mod alternatives;
pub mod blind_spots;
pub mod departures;
mod design_findings;
pub mod earlier;
mod estimate_findings;
pub mod experiment;
pub mod flag_figures;
mod identification;
pub mod model_review;
pub mod plan_review;
mod population_findings;
pub mod quoted_figures;
pub mod rubric;
pub mod structure_findings;
pub mod target_trial;
mod thresholds;
pub mod verdict;

use crate::finding::{Code, Finding, Severity, Tier};
use crate::record::critique::{AlignmentCheck, AnalysisCritique, Critique, Stage};
use crate::record::documents::{AnalysisDesign, DesignDocument};
use crate::record::not_estimated::NoSensitivity;
use crate::spec::{Analysis, AnalysisSpec, Revision};
use causal::estimand::Target;
use rubric::{AfterUnblinding, EstimateState, SensitivityState};
use std::collections::BTreeMap;

/// One spec that was run, with what came of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Executed<'a> {
    /// The spec.
    pub spec: &'a AnalysisSpec,
    /// SHA-256 of its bytes as committed.
    pub spec_sha256: &'a str,
    /// Its design document.
    pub design: &'a DesignDocument,
}

/// The input of a critique.
#[derive(Debug, Clone, PartialEq)]
pub struct CritiqueInput<'a> {
    /// Plan and hashes.
    pub source: alignment::Source<'a>,
    /// While blind, or after.
    pub stage: Stage,
    /// The specs run before the current one, first to last.
    pub earlier: &'a [Executed<'a>],
    /// The spec criticised.
    pub current: Executed<'a>,
    /// The iteration that answers each requested estimand, where that is not the current one. Empty while blind.
    pub answers: BTreeMap<Target, u32>,
    /// Sensitivity by requested estimand. One that is not here is withheld while blind, and not computable after.
    pub sensitivity: BTreeMap<Target, SensitivityState<'a>>,
    /// The answers by requested estimand, likewise.
    pub estimates: BTreeMap<Target, EstimateState<'a>>,
    /// After unblinding: the requested estimands whose primary estimator gave no estimate, with the reason as a clause.
    pub without_estimate: BTreeMap<Target, String>,
    /// After unblinding: independencies that the graph of the plan implies about the outcome and the data reject, as
    /// `a ⫫ b | c`. Empty while blind.
    pub rejected_with_outcome: Vec<String>,
}

/// Where nothing is withheld any more and nothing was handed over.
static NOBODY_COMPUTED_IT: NoSensitivity = NoSensitivity::NotComputed;

impl<'a> CritiqueInput<'a> {
    /// The run that answers `requested`: the current one, unless `answers` names an earlier iteration.
    fn answering(&self, requested: Target) -> Executed<'a> {
        let named = self.answers.get(&requested);
        let earlier = self.earlier.iter().find(|executed| Some(&executed.spec.iteration) == named);
        // An iteration that was not run falls back to this one; `answers_executed` makes that fail.
        earlier.copied().unwrap_or(self.current)
    }

    /// While blind, what is not known is withheld; after unblinding nothing is any more, and what is not there was not
    /// computed.
    fn after(&self, requested: Target) -> AfterUnblinding<'a> {
        let blind = self.stage == Stage::Design;
        let sensitivity = match self.sensitivity.get(&requested) {
            None if blind => SensitivityState::Withheld,
            None | Some(SensitivityState::Withheld) if !blind => {
                SensitivityState::NotComputable { reason: &NOBODY_COMPUTED_IT }
            }
            state => state.copied().unwrap_or(SensitivityState::Withheld),
        };
        let estimate = match self.estimates.get(&requested) {
            None if blind => EstimateState::Withheld,
            None | Some(EstimateState::Withheld) if !blind => {
                EstimateState::NotComputable { reason: "there is no primary estimate" }
            }
            state => state.copied().unwrap_or(EstimateState::Withheld),
        };
        AfterUnblinding { sensitivity, estimate }
    }
}

/// Grades every analysis and writes what a careful reviewer owes the principal.
#[must_use]
pub fn critique(input: &CritiqueInput<'_>) -> Critique {
    let alignment = alignment_checks(input);
    let aligned = alignment::finding(&alignment);
    let current = input.current;
    let mut analyses: Vec<AnalysisCritique> =
        current.spec.analyses.iter().map(|analysis| grade(input, analysis.requested, &aligned)).collect();
    share_placebos(input, &mut analyses);
    // After the placebos, which speak for a graph or against it.
    identify(input, &mut analyses);
    Critique {
        iteration: current.spec.iteration,
        stage: input.stage,
        spec_sha256: current.spec_sha256.to_owned(),
        analyses,
        alignment,
        trial_contrast: target_trial::contrast(input.source.plan, current.spec, current.design),
        blind_spots: blind_spots::list(input.source.plan, current.spec, current.design),
        alternatives: alternatives::suggest(input.source.plan),
        remediations: remediations(input),
        reviewed: None,
    }
}

/// Checks of every run that answers something; where there is more than one, each line says which.
fn alignment_checks(input: &CritiqueInput<'_>) -> Vec<AlignmentCheck> {
    let mut runs: BTreeMap<u32, Executed<'_>> = BTreeMap::from([(input.current.spec.iteration, input.current)]);
    for requested in input.answers.keys() {
        let executed = input.answering(*requested);
        runs.insert(executed.spec.iteration, executed);
    }
    let several = runs.len() > 1;
    let mut all = Vec::new();
    for (iteration, executed) in &runs {
        for mut check in alignment::checks(input.source, executed) {
            if several {
                check.check = format!("iteration {iteration}: {}", check.check);
            }
            all.push(check);
        }
    }
    all.extend(answers_executed(input));
    all
}

fn answers_executed(input: &CritiqueInput<'_>) -> Option<AlignmentCheck> {
    let lost =
        input.answers.iter().find(|(requested, named)| input.answering(**requested).spec.iteration != **named)?;
    Some(AlignmentCheck {
        check: "every answer comes from an iteration that was run".to_owned(),
        holds: false,
        detail: format!("the {} is said to come from iteration {}, which was not run", lost.0.acronym(), lost.1),
    })
}

fn grade(input: &CritiqueInput<'_>, requested: Target, aligned: &Finding) -> AnalysisCritique {
    let executed = input.answering(requested);
    let Some(analysis) = executed.spec.analyses.iter().find(|analysis| analysis.requested == requested) else {
        return ungraded(requested, aligned);
    };
    let design = design_of(executed.design, analysis);
    let mut findings = rubric::findings(&design, executed.spec, analysis, input.after(requested));
    findings.push(structure_findings::one_arm(&executed.design.structure, requested));
    let attrition = population_findings::attrition(&executed.design.counters);
    findings.extend(attrition.map(|finding| thresholds::adjusted(finding, executed.spec)));
    let pocket = structure_findings::pocket(&executed.design.pockets, requested);
    findings.push(thresholds::adjusted(pocket, executed.spec));
    findings.push(structure_findings::determined(&executed.design.structure, input.after(requested).estimate));
    findings.push(aligned.clone());
    findings.push(estimate(input, requested));
    seen_before(input, &mut findings);
    remember_placebos(input, requested, &mut findings);
    findings.sort_by_key(reporting_order);
    AnalysisCritique {
        requested,
        estimand: analysis.estimand().name(),
        tier: tier(input.stage, &findings),
        rubric_tier: None,
        departs_from_ate: departures::departs_from_ate(analysis, design.population.as_ref()),
        findings,
    }
}

/// A plan that comes after an answer was seen is not blind, whatever its loop hides. The earlier answers themselves are told
/// only once this one is known.
fn seen_before(input: &CritiqueInput<'_>, findings: &mut [Finding]) {
    let before = input.source.unblinded_before;
    let blindness = findings.iter_mut().find(|finding| finding.code == Code::Blindness);
    let (Some(last), Some(blindness)) = (before.last(), blindness) else { return };
    let answers = match input.stage {
        Stage::Design => String::new(),
        Stage::Final => format!(" {}", earlier::answers(last)),
    };
    let message = format!("{}{answers} {}", earlier::count(before.len() + 1), blindness.message);
    *blindness = Finding {
        severity: blindness.severity.max(Severity::Warn),
        value: Some(before.len() as f64),
        message,
        ..blindness.clone()
    };
}

/// An alarm of a placebo in one estimand is a warning in all of the same population: weights are no excuse for what is in the
/// units.
fn share_placebos(input: &CritiqueInput<'_>, analyses: &mut [AnalysisCritique]) {
    let population = |requested: Target| {
        let spec = input.answering(requested).spec;
        spec.analyses.iter().find(|analysis| analysis.requested == requested).map(|analysis| analysis.population)
    };
    let alarms: Vec<(Target, Finding)> = analyses
        .iter()
        .flat_map(|graded| graded.findings.iter().map(|finding| (graded.requested, finding)))
        .filter(|(_, finding)| finding.code == Code::PlaceboEffect && finding.severity >= Severity::Warn)
        .map(|(requested, finding)| (requested, finding.clone()))
        .collect();
    for graded in analyses {
        let alarm = alarms.iter().find(|(requested, _)| population(*requested) == population(graded.requested));
        let quiet = |f: &&mut Finding| f.code == Code::PlaceboEffect && f.severity == Severity::Pass;
        if let (Some((requested, alarm)), Some(now)) = (alarm, graded.findings.iter_mut().find(quiet)) {
            let message = format!(
                "{} It moves in the {} of the same population: {}",
                now.message,
                requested.acronym(),
                alarm.message
            );
            // What fails there is a doubt here: this estimand's own weights saw nothing.
            *now = Finding { severity: Severity::Warn, message, ..alarm.clone() };
            graded.tier = tier(input.stage, &graded.findings);
        }
    }
}

/// Grades the identification of each analysis.
fn identify(input: &CritiqueInput<'_>, analyses: &mut [AnalysisCritique]) {
    for graded in analyses {
        let executed = input.answering(graded.requested);
        let Some(analysis) = executed.spec.analyses.iter().find(|analysis| analysis.requested == graded.requested)
        else {
            // Not graded at all.
            continue;
        };
        let placebos = identification::placebos(&graded.findings, &design_of(executed.design, analysis));
        let basis = &executed.design.identification;
        graded.findings.push(identification::finding(basis, &input.rejected_with_outcome, placebos));
        graded.findings.sort_by_key(reporting_order);
        graded.tier = tier(input.stage, &graded.findings);
    }
}

/// A final grade needs everything measured; what is still withheld then fails.
fn tier(stage: Stage, findings: &[Finding]) -> Tier {
    match stage {
        Stage::Design => verdict::tier(findings),
        Stage::Final => verdict::final_tier(findings).unwrap_or(Tier::NotSatisfactory),
    }
}

/// The finding on the existence of a primary estimate.
fn estimate(input: &CritiqueInput<'_>, requested: Target) -> Finding {
    let rule = rubric::rule(Code::EstimateFailed);
    match (input.stage, input.without_estimate.get(&requested)) {
        (Stage::Design, _) => rule.finding(Severity::Withheld, "Not estimated yet: the loop is blind."),
        (Stage::Final, None) => rule.finding(Severity::Pass, "The primary estimator gave an estimate."),
        (Stage::Final, Some(reason)) => rule.finding(
            Severity::Fail,
            format!("The primary estimator gave no estimate: {}.", reason.trim_end_matches('.')),
        ),
    }
}

/// A placebo that moved in an earlier design of the same question stays a warning: a revision may have removed the
/// confounding, or only the power to see it, and the p-value cannot tell which.
fn remember_placebos(input: &CritiqueInput<'_>, requested: Target, findings: &mut [Finding]) {
    let Some(now) = findings.iter_mut().find(|f| f.code == Code::PlaceboEffect && f.severity == Severity::Pass) else {
        return;
    };
    let answering = input.answering(requested).spec.iteration;
    for run in input.earlier.iter().filter(|run| run.spec.iteration < answering) {
        let Some(analysis) = run.spec.analyses.iter().find(|a| a.requested == requested) else { continue };
        let before = rubric::placebo_finding(&design_of(run.design, analysis), run.spec);
        if before.severity >= Severity::Warn {
            let message = format!(
                "{} Yet in iteration {} it moved: {} A smaller sample may have hidden it, so the warning stays.",
                now.message, run.spec.iteration, before.message
            );
            *now = Finding { severity: Severity::Warn, message, ..before };
            return;
        }
    }
}

fn reporting_order(finding: &Finding) -> usize {
    rubric::RULES.iter().position(|rule| rule.code == finding.code).unwrap_or(rubric::RULES.len())
}

/// An answer that points at a run which does not have the analysis: nothing to grade, and that fails.
fn ungraded(requested: Target, aligned: &Finding) -> AnalysisCritique {
    let rule = rubric::rule(Code::DesignFailed);
    let missing = rule.finding(Severity::Fail, "The run that should answer this estimand does not contain it.");
    AnalysisCritique {
        requested,
        estimand: requested.acronym().to_owned(),
        tier: Tier::NotSatisfactory,
        rubric_tier: None,
        findings: vec![missing, aligned.clone()],
        departs_from_ate: "There is no analysis to compare with the ATE.".to_owned(),
    }
}

/// The design of an analysis; one that is missing is a failed one, so that no analysis escapes its grade.
fn design_of(document: &DesignDocument, analysis: &Analysis) -> AnalysisDesign {
    let found = document.analyses.iter().find(|design| design.requested == analysis.requested);
    found.cloned().unwrap_or_else(|| AnalysisDesign {
        requested: analysis.requested,
        estimand: analysis.estimand(),
        name: analysis.estimand().name(),
        failed: Some("the design document does not contain it".to_owned()),
        population: None,
        propensity: None,
        balance: None,
        overlap: None,
        placebo: None,
    })
}

fn remediations(input: &CritiqueInput<'_>) -> Vec<String> {
    let runs = input.earlier.iter().chain(std::iter::once(&input.current));
    runs.flat_map(|run| run.spec.revisions.iter().map(|revision| remediation(run.spec.iteration, revision))).collect()
}

/// The playbooks and own changes of some specs that were not undone where they were made, in the order of the specs.
pub fn applied<'a>(specs: impl IntoIterator<Item = &'a AnalysisSpec>) -> Vec<String> {
    let revisions = specs.into_iter().flat_map(|spec| &spec.revisions);
    revisions.filter(|revision| !revision.reverted).map(|revision| revision.playbook.clone()).collect()
}

/// One revision as a line: `iteration 2, ATE, trim-crump (because overlap.outside): what changed. What it means.`
fn remediation(iteration: u32, revision: &Revision) -> String {
    let undone = if revision.reverted { ", undone" } else { "" };
    // A model may change something that no finding calls for; its own reason is beside this line, in its own words.
    let because = if revision.because.is_empty() { "its own reason".to_owned() } else { revision.because.join(", ") };
    format!(
        "iteration {iteration}, {}, {}{undone} (because {because}): {} {}",
        revision.requested.acronym(),
        revision.playbook,
        revision.change,
        revision.estimand_effect
    )
}
