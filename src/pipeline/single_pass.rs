//! One pass, in memory: a spec is designed, its effects are estimated, and the whole is graded. No loop, no playbook, no
//! history: for replays, where the same spec is held against many datasets and nobody is there to revise it.

use crate::critique::{self, CritiqueInput, alignment};
use crate::pipeline::design;
use crate::pipeline::prepare::Prepared;
use crate::pipeline::results;
use crate::pipeline::results::Iteration;
use crate::record::critique::Stage;
use crate::record::documents::{DesignDocument, ResultsDocument};
use crate::spec::AnalysisSpec;
use causal::estimand::Target;
use std::collections::BTreeMap;

/// The outcome of one pass.
#[derive(Debug, Clone, PartialEq)]
pub struct SinglePass {
    /// The design, made without the outcome.
    pub design: DesignDocument,
    /// Answers, every effect, and the final critique.
    pub results: ResultsDocument,
}

/// Runs every analysis of `spec`. What fails is a finding or a sentence in the results, never a gap.
#[must_use]
pub fn run_single_pass(prepared: &Prepared, spec: AnalysisSpec) -> SinglePass {
    let answering: BTreeMap<Target, u32> = spec.analyses.iter().map(|a| (a.requested, spec.iteration)).collect();
    let (sha256, design) = (spec.sha256(), design::design(prepared, &spec));
    let tried = [Iteration { spec, sha256, design: design.clone(), critique: None }];
    let unblinded = results::unblind(prepared, &tried, answering);
    let [current] = &tried;
    let graded = critique::critique(&CritiqueInput {
        source: alignment::Source {
            plan: &prepared.plan,
            plan_sha256: &prepared.plan_sha256,
            data_sha256: &prepared.document.sha256,
            unblinded_before: prepared.unblinded_before(),
        },
        stage: Stage::Final,
        earlier: &[],
        current: current.executed(),
        answers: unblinded.answering.clone(),
        sensitivity: unblinded.sensitivity_states(),
        estimates: unblinded.estimate_states(&tried),
        without_estimate: unblinded.without_estimate(&tried),
        rejected_with_outcome: prepared.rejected_with_outcome(),
    });
    let results = results::document(prepared, &tried, unblinded, graded, BTreeMap::new());
    SinglePass { design, results }
}
