//! A world without data: a spec is designed and graded by looking its analyses up in a function.

use crate::critique::fixtures;
use causal::estimand::Target;
use oci_agent::agent::actor;
use oci_agent::agent::history::{AnalysisSummary, DesignSummary};
use oci_agent::agent::run::{Action, Chosen, Event, Limits, Run};
use oci_agent::critique::{rubric, verdict};
use oci_agent::finding::{Code, Finding, Severity, Tier};
use oci_agent::plan::{Accepted, StopWhen, Tool};
use oci_agent::playbook::Catalogue;
use oci_agent::record::critique::{AnalysisCritique, Critique, Stage};
use oci_agent::spec::{self, Analysis, AnalysisSpec};
use oci_agent::term::Term;
use std::collections::BTreeSet;

/// What the data would say of one analysis.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    pub failed: Option<String>,
    pub smd: f64,
    pub outside: f64,
    pub placebo_p: f64,
}

pub const CLEAN: Measured = Measured { failed: None, smd: 0.01, outside: 0.01, placebo_p: 0.9 };

pub type World<'a> = &'a dyn Fn(u32, &Analysis) -> Measured;

static CATALOGUE: std::sync::LazyLock<Catalogue> =
    std::sync::LazyLock::new(|| Catalogue::embedded().expect("embedded playbooks"));

pub fn catalogue() -> Catalogue {
    CATALOGUE.clone()
}

pub fn limits(max_iterations: u32) -> Limits {
    Limits { max_iterations, stop_when: StopWhen::NoPlaybookApplies, tools: Tool::ALL.to_vec() }
}

pub fn draft(targets: &[Target]) -> AnalysisSpec {
    let analyses = targets.iter().map(|target| fixtures::analysis(*target)).collect();
    // Everything that could stand in for something is accepted; what is not is a test of its own.
    let accept = Target::ALL.map(|target| (target, Accepted::instead_of(target).iter().copied().collect()));
    AnalysisSpec { analyses, accept: accept.into(), ..fixtures::spec() }
}

pub fn sha(spec: &AnalysisSpec) -> String {
    format!("spec-{}", spec.iteration)
}

pub fn design(spec: &AnalysisSpec, world: World<'_>) -> DesignSummary {
    let summary = |analysis: &Analysis| {
        let measured = world(spec.iteration, analysis);
        let there = measured.failed.is_none();
        AnalysisSummary {
            requested: analysis.requested,
            failed: measured.failed,
            rows: there.then_some(1000),
            max_priority_smd: there.then_some(measured.smd),
            share_outside: there.then_some(measured.outside),
        }
    };
    let analyses = spec.analyses.iter().map(summary).collect();
    DesignSummary { iteration: spec.iteration, spec_sha256: sha(spec), analyses }
}

pub fn findings(measured: &Measured) -> Vec<Finding> {
    let rule = rubric::rule;
    if measured.failed.is_some() {
        return vec![rule(Code::DesignFailed).finding(Severity::Fail, "failed")];
    }
    let number =
        |code, value| Finding { value: Some(value), ..rule(code).finding(rule(code).severity(value), "measured") };
    vec![
        number(Code::BalancePriority, measured.smd),
        number(Code::OverlapOutside, measured.outside),
        number(Code::PlaceboEffect, measured.placebo_p),
        rule(Code::SensitivityRobustness).finding(Severity::Withheld, "withheld"),
    ]
}

pub fn criticise(spec: &AnalysisSpec, world: World<'_>) -> Critique {
    let grade = |analysis: &Analysis| {
        let findings = findings(&world(spec.iteration, analysis));
        AnalysisCritique {
            requested: analysis.requested,
            estimand: analysis.estimand().name(),
            tier: verdict::tier(&findings),
            findings,
            rubric_tier: None,
            departs_from_ate: String::new(),
        }
    };
    Critique {
        iteration: spec.iteration,
        stage: Stage::Design,
        spec_sha256: sha(spec),
        analyses: spec.analyses.iter().map(grade).collect(),
        alignment: vec![],
        trial_contrast: vec![],
        blind_spots: vec![],
        alternatives: vec![],
        remediations: vec![],
        reviewed: None,
    }
}

/// What the spec module adds for its priority confounders.
pub fn enrich(analysis: &Analysis) -> Vec<Term> {
    spec::enrich_terms(analysis, &fixtures::spec().confounders, &BTreeSet::from(["sex".to_owned()]))
}

/// What came of a whole run.
pub struct Outcome {
    pub run: Run,
    pub specs: Vec<AnalysisSpec>,
    pub answers: Vec<Chosen>,
}

impl Outcome {
    pub fn last(&self) -> &AnalysisSpec {
        self.specs.last().expect("a spec")
    }

    /// `playbook` or `-playbook` (undone), iteration by iteration, of one estimand.
    pub fn story(&self, requested: Target) -> Vec<Vec<String>> {
        let line =
            |r: &oci_agent::spec::Revision| if r.reverted { format!("-{}", r.playbook) } else { r.playbook.clone() };
        let of = |spec: &AnalysisSpec| spec.revisions.iter().filter(|r| r.requested == requested).map(line).collect();
        self.specs.iter().map(of).collect()
    }
}

/// Drives a run to its end. The run is sent through JSON at every step: a killed run loses nothing.
pub fn drive(limits: Limits, catalogue: &Catalogue, first: AnalysisSpec, world: World<'_>) -> Outcome {
    let mut run = Run::new(limits, catalogue).expect("limits");
    let (mut specs, mut answers) = (vec![], vec![]);
    for _ in 0..1000 {
        let json = serde_json::to_string(&run).expect("json");
        run = serde_json::from_str(&json).expect("the run as it was written");
        let spec = || -> &AnalysisSpec { specs.last().expect("a spec") };
        let event = match run.next() {
            Action::Draft => Event::Drafted(Box::new(first.clone())),
            Action::Design { iteration, spec } => {
                assert_eq!(iteration, spec.iteration);
                specs.push(*spec);
                Event::Designed(design(specs.last().expect("a spec"), world))
            }
            Action::Critique { .. } => Event::Criticised(Box::new(criticise(spec(), world))),
            Action::Revise { .. } => Event::Revised(actor::revise(run.history(), catalogue, &enrich).map(Box::new)),
            Action::Unblind { answers: chosen } => {
                answers = chosen;
                Event::Unblinded
            }
            Action::Report => {
                let tier = |chosen: &Chosen| (chosen.requested, Tier::SatisfactoryWithCaveats);
                Event::Reported(answers.iter().map(tier).collect())
            }
            Action::Done { .. } => return Outcome { run, specs, answers },
            action => panic!("no conversation was begun: {action:?}"),
        };
        run.advance(event).expect("a legal event");
    }
    panic!("the loop did not end");
}
