//! What is frozen: the answers of the run, and what the plan's own data say of levels and variances.

use super::quantities::{OutcomeScale, Reference};
use super::{Seen, WatchError, accepted, partition};
use crate::dataset::ColumnValues;
use crate::pipeline::Prepared;
use crate::pipeline::follow_ups::{Answering, outcome_as_it_is};
use crate::plan;
use crate::record::watch::{WatchDocument, WatchedAnswer, WatchedPartition};
use crate::record::{ReportError, json};
use crate::spec::{Analysis, AnalysisSpec};
use crate::term::Factor;
use std::collections::{BTreeMap, BTreeSet};

/// The size of a shift that is looked for, in standard deviations of the plan's own data. It says where the test is strongest, not
/// what it can find.
pub const SHIFT_SD: f64 = 0.2;

/// One answer, frozen.
#[derive(Debug)]
pub(super) struct FrozenAnswer {
    pub spec: AnalysisSpec,
    pub analysis: Analysis,
    pub about: WatchedAnswer,
}

/// What is applied to each partition.
#[derive(Debug)]
pub(super) struct Rules {
    pub answers: Vec<FrozenAnswer>,
    pub reference: Reference,
    /// The outcome of the controls in the plan's own data.
    pub outcome: OutcomeScale,
    /// The levels of each column of which a spec has indicators, in the plan's own data.
    pub levels: BTreeMap<String, BTreeSet<String>>,
}

/// A run as new data are held against it.
#[derive(Debug)]
pub struct Frozen {
    pub(super) rules: Rules,
    own: WatchedPartition,
    /// The units of the plan's own data.
    pub(super) own_units: Seen,
    title: String,
    units: String,
    plan_sha256: String,
}

impl Frozen {
    /// Freezes a finished run, and makes its answers again from its own data.
    ///
    /// # Errors
    /// [`WatchError::NothingToWatch`], [`WatchError::NoReference`].
    pub fn new(prepared: &Prepared, answers: &[Answering<'_>]) -> Result<Frozen, WatchError> {
        let answers: Vec<FrozenAnswer> =
            accepted(answers).iter().map(|answer| frozen(prepared, answer)).collect::<Result<_, _>>()?;
        if answers.is_empty() {
            return Err(WatchError::NothingToWatch);
        }
        let columns: BTreeSet<&str> = answers.iter().flat_map(|answer| with_levels(&answer.analysis)).collect();
        let with_levels = |column: &str| Some((column.to_owned(), levels(prepared, column)?));
        let levels: BTreeMap<_, _> = columns.into_iter().filter_map(with_levels).collect();
        let reference = Reference::new(prepared);
        let rules = Rules { answers, reference, outcome: OutcomeScale::of(prepared)?, levels };
        let own = partition::measured(&rules, prepared, plan::shown(&prepared.plan.data.source), None)?;
        for (answer, effect) in rules.answers.iter().zip(&own.effects) {
            if effect.effect.is_none() {
                let reason = effect.missing.clone().unwrap_or_default();
                return Err(WatchError::NoReference { name: answer.about.name.clone(), reason });
            }
        }
        Ok(Frozen {
            rules,
            own,
            own_units: Seen::of(prepared),
            title: prepared.plan.title.clone(),
            units: prepared.plan.outcome.units.clone(),
            plan_sha256: prepared.plan_sha256.clone(),
        })
    }

    /// The watch before any new data: the plan's own are the first partition.
    ///
    /// # Errors
    /// [`WatchError::Drift`].
    pub fn begun(&self) -> Result<WatchDocument, WatchError> {
        tested(WatchDocument {
            title: self.title.clone(),
            units: self.units.clone(),
            plan_sha256: self.plan_sha256.clone(),
            tool_version: crate::VERSION.to_owned(),
            shift_sd: SHIFT_SD,
            found: super::verdict::nothing(),
            answers: self.rules.answers.iter().map(|answer| answer.about.clone()).collect(),
            quantities: self.rules.reference.quantities.clone(),
            partitions: vec![self.own.clone()],
        })
    }

    /// The watch with one more partition.
    ///
    /// # Errors
    /// [`WatchError::Drift`].
    pub fn extended(&self, before: &WatchDocument, partition: WatchedPartition) -> Result<WatchDocument, WatchError> {
        let mut document = before.clone();
        document.partitions.push(partition);
        tested(document)
    }

    /// True if a document is a watch of this run: the same plan, answers and data.
    ///
    /// # Errors
    /// As [`Frozen::begun`].
    pub fn begins(&self, document: &WatchDocument) -> Result<bool, WatchError> {
        let begun = self.begun()?;
        Ok(document.plan_sha256 == begun.plan_sha256
            && document.answers == begun.answers
            && document.quantities == begun.quantities
            && document.partitions.first() == begun.partitions.first())
    }
}

/// With the tests of all its partitions. Their numbers are first those that go on record, which are rounded: a watch that is continued from
/// there must not differ in a digit from one that was made in one go.
fn tested(document: WatchDocument) -> Result<WatchDocument, WatchError> {
    let mut recorded: WatchDocument = serde_json::from_slice(&json::to_bytes(&document)?)
        .map_err(|error| ReportError::Json { path: "watch".to_owned(), reason: error.to_string() })?;
    recorded.found = super::verdict::found(&recorded)?;
    Ok(recorded)
}

fn frozen(prepared: &Prepared, answer: &Answering<'_>) -> Result<FrozenAnswer, WatchError> {
    let (spec, analysis) = (answer.spec(), answer.analysis());
    let name = analysis.estimand().name();
    let outcome = outcome_as_it_is(prepared)
        .map_err(|reason| WatchError::NoReference { name: name.clone(), reason: reason.to_string() })?;
    let about = WatchedAnswer {
        requested: analysis.requested,
        name,
        spec_sha256: spec.sha256(),
        verdict: answer.verdict(),
        outcome_sd: outcome.sd,
    };
    Ok(FrozenAnswer { spec: spec.clone(), analysis: analysis.clone(), about })
}

/// The columns of which an analysis has indicators.
pub(super) fn with_levels(analysis: &Analysis) -> impl Iterator<Item = &str> {
    analysis.terms.iter().flat_map(|term| &term.factors).filter_map(|factor| match factor {
        Factor::Equals { column, .. } => Some(column.as_str()),
        Factor::Power { .. } => None,
    })
}

/// The levels of a column of text; `None` for a number, of which any value is one that the indicator of another may have.
pub(super) fn levels(prepared: &Prepared, column: &str) -> Option<BTreeSet<String>> {
    match prepared.analysed().values(column)? {
        ColumnValues::Numbers(_) => None,
        ColumnValues::Codes { .. } => {
            Some(prepared.analysed().tally(column)?.into_iter().map(|(level, _)| level).collect())
        }
    }
}
