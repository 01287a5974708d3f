//! The analysis that answers each estimand: from the specs of a run in memory, or on record.

use crate::finding::Tier;
use crate::pipeline::Prepared;
use crate::pipeline::results::Iteration;
use crate::record::documents::Answer;
use crate::spec::{Analysis, AnalysisSpec};
use causal::estimand::Target;
use serde::Deserialize;

/// The answer to one estimand, without its effect.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Answering<'a> {
    /// The spec that it comes from.
    pub(super) spec: &'a AnalysisSpec,
    /// Its analysis.
    pub(super) analysis: &'a Analysis,
    /// The verdict.
    pub(super) verdict: Tier,
}

/// The part of `results.json` that says which spec answers.
#[derive(Debug, Deserialize)]
struct Results {
    answers: Vec<Recorded>,
}

#[derive(Debug, Deserialize)]
struct Recorded {
    requested: Target,
    iteration: u32,
    tier: Tier,
}

impl<'a> Answering<'a> {
    /// The estimand that was asked for.
    #[must_use]
    pub fn requested(&self) -> Target {
        self.analysis.requested
    }

    /// The spec that answers.
    #[must_use]
    pub fn spec(&self) -> &'a AnalysisSpec {
        self.spec
    }

    /// Its analysis.
    #[must_use]
    pub fn analysis(&self) -> &'a Analysis {
        self.analysis
    }

    /// The verdict of the run.
    #[must_use]
    pub fn verdict(&self) -> Tier {
        self.verdict
    }

    fn new(specs: impl Iterator<Item = &'a AnalysisSpec>, answer: &Recorded) -> Option<Self> {
        let spec = specs.into_iter().find(|spec| spec.iteration == answer.iteration)?;
        let analysis = spec.analyses.iter().find(|analysis| analysis.requested == answer.requested)?;
        Some(Answering { spec, analysis, verdict: answer.tier })
    }

    /// Of a run that has just been graded.
    #[must_use]
    pub fn of_run(tried: &'a [Iteration], answers: &[Answer]) -> Vec<Self> {
        let recorded =
            |answer: &Answer| Recorded { requested: answer.requested, iteration: answer.iteration, tier: answer.tier };
        let one = |answer| Answering::new(tried.iter().map(|run| &run.spec), &recorded(answer));
        answers.iter().filter_map(one).collect()
    }

    /// Of a run on record: its specs, and its `results.json`. `None` if that cannot be read, or a spec is not there.
    #[must_use]
    pub fn of_record(specs: &'a [AnalysisSpec], results: &[u8]) -> Option<Vec<Self>> {
        let results: Results = serde_json::from_slice(results).ok()?;
        results.answers.iter().map(|answer| Answering::new(specs.iter(), answer)).collect()
    }

    /// As the first spec would answer: to check a request before anything is known.
    pub(super) fn drafted(prepared: &'a Prepared) -> Vec<Self> {
        let spec = &prepared.draft;
        spec.analyses.iter().map(|analysis| Answering { spec, analysis, verdict: Tier::NotSatisfactory }).collect()
    }
}
