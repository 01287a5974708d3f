//! One partition: the answers by their frozen specs, and the quantities of the design.

use super::WatchError;
use super::frozen::{Frozen, FrozenAnswer, Rules, levels};
use super::quantities::OutcomeScale;
use crate::dataset::UnitColumn;
use crate::pipeline::Prepared;
use crate::pipeline::design;
use crate::pipeline::follow_ups::{analysed_row, outcome_as_it_is};
use crate::record::follow_up::SweepRow;
use crate::record::watch::{PartitionEffect, PartitionEstimate, WatchedPartition};
use crate::spec::{Analysis, AnalysisSpec, TermGroup};
use crate::term::Term;
use crate::text::numbers::significant;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Units that were met before.
#[derive(Debug, Clone, Default)]
pub struct Seen(HashSet<u64>);

impl Seen {
    /// The units of the plan's own data.
    #[must_use]
    pub fn of(prepared: &Prepared) -> Seen {
        let mut seen = Seen::default();
        seen.add(prepared);
        seen
    }

    /// Adds the units of a partition; how many of them were there already, or `None` if the plan names no column of units.
    pub fn add(&mut self, prepared: &Prepared) -> Option<usize> {
        Some(units(prepared)?.into_iter().filter(|unit| !self.0.insert(*unit)).count())
    }

    /// How many units of a partition are among them; `None` if the plan names no column of units.
    fn count(&self, prepared: &Prepared) -> Option<usize> {
        Some(units(prepared)?.into_iter().filter(|unit| self.0.contains(unit)).count())
    }
}

/// Hashes of the units' names: of a million names, two share one of 64 bits with a chance of 3 in 10^8.
fn units(prepared: &Prepared) -> Option<Vec<u64>> {
    let hashed = |value: &dyn Fn(&mut DefaultHasher)| {
        let mut hasher = DefaultHasher::new();
        value(&mut hasher);
        hasher.finish()
    };
    match prepared.analysed().unit_ids()? {
        UnitColumn::Whole(ids) => Some(ids.iter().flatten().map(|id| hashed(&|into| id.hash(into))).collect()),
        UnitColumn::Numbers(ids) => {
            Some(ids.iter().flatten().map(|id| hashed(&|into| id.to_bits().hash(into))).collect())
        }
        UnitColumn::Texts(ids) => Some(ids.iter().flatten().map(|id| hashed(&|into| id.hash(into))).collect()),
        UnitColumn::Rows(_) | UnitColumn::Flags(_) => None,
    }
}

/// Holds new data against a frozen run.
///
/// # Errors
/// [`WatchError::Design`] where the outcome was not read. An answer that cannot be estimated has its reason in the partition.
pub fn partition(frozen: &Frozen, prepared: &Prepared, name: String) -> Result<WatchedPartition, WatchError> {
    measured(&frozen.rules, prepared, name, frozen.own_units.count(prepared))
}

pub(super) fn measured(
    rules: &Rules,
    prepared: &Prepared,
    name: String,
    units_of_own_data: Option<usize>,
) -> Result<WatchedPartition, WatchError> {
    let (analysed, treated) = prepared.arms();
    let effects: Result<Vec<PartitionEffect>, WatchError> =
        rules.answers.iter().map(|answer| effect(rules, answer, prepared)).collect();
    Ok(WatchedPartition {
        name,
        data_sha256: prepared.document.sha256.clone(),
        rows: prepared.counters().rows_read,
        analysed,
        treated,
        units_of_own_data,
        effects: effects?,
        design: rules.reference.values(prepared),
    })
}

fn effect(rules: &Rules, answer: &FrozenAnswer, prepared: &Prepared) -> Result<PartitionEffect, WatchError> {
    let (spec, analysis, absent) = here(answer, prepared);
    if let Some(missing) = not_comparable(rules, prepared)? {
        let (n, treated) = prepared.arms();
        let effect = PartitionEffect {
            n,
            treated,
            effect: None,
            max_abs_smd: None,
            grade: None,
            fails: Vec::new(),
            absent_terms: absent,
            missing: Some(missing),
        };
        return Ok(effect);
    }
    let outcome = outcome_as_it_is(prepared)?;
    let row = analysed_row(prepared, (&spec, &analysis), design::fit(prepared, &spec, &analysis), &outcome);
    Ok(of_row(row, absent, prepared))
}

fn of_row(row: SweepRow, absent_terms: Vec<String>, prepared: &Prepared) -> PartitionEffect {
    let (n, treated) = row.n.unwrap_or_else(|| prepared.arms());
    let effect = row.effect.map(|effect| PartitionEstimate {
        estimate: effect.estimate,
        std_error: effect.std_error,
        interval: effect.interval,
        clipped: effect.clipped,
    });
    PartitionEffect {
        n,
        treated,
        effect,
        max_abs_smd: row.balance.map(|balance| balance.0),
        grade: row.grade,
        fails: row.fails.into_iter().map(str::to_owned).collect(),
        absent_terms,
        missing: row.missing,
    }
}

/// Spec and analysis without the terms of levels that do not occur here: they would be columns of zeros.
fn here(answer: &FrozenAnswer, prepared: &Prepared) -> (AnalysisSpec, Analysis, Vec<String>) {
    let occurs = |term: &Term| prepared.analysed().terms_at(std::slice::from_ref(term), &[]).is_some();
    let present = |terms: &[Term]| -> Vec<Term> { terms.iter().filter(|term| occurs(term)).cloned().collect() };
    let absent = answer.analysis.terms.iter().filter(|term| !occurs(term)).map(ToString::to_string).collect();
    let analysis = Analysis { terms: present(&answer.analysis.terms), ..answer.analysis.clone() };
    let group = |group: &TermGroup| TermGroup { terms: present(&group.terms), ..group.clone() };
    let confounders = answer.spec.confounders.iter().map(group).collect();
    (AnalysisSpec { confounders, ..answer.spec.clone() }, analysis, absent)
}

/// Why nothing can be said of a partition before anything is fitted: levels that nobody knows, or an outcome of another scale.
fn not_comparable(rules: &Rules, prepared: &Prepared) -> Result<Option<String>, WatchError> {
    let new = new_levels(rules, prepared);
    if !new.is_empty() {
        let levels = new.join("; ");
        return Ok(Some(format!(
            "{levels}, which the plan's own data do not have: the frozen spec has no term for it"
        )));
    }
    let (own, here) = (rules.outcome, OutcomeScale::of(prepared)?);
    let said = || {
        let of = |it: OutcomeScale| {
            format!("mean {}, standard deviation {}", significant(it.mean, 3), significant(it.sd, 3))
        };
        format!(
            "the outcome of the controls ({}) is not on the scale of the plan's own data ({}): another unit, or another coding",
            of(here),
            of(own)
        )
    };
    Ok(own.is_another(here).then(said))
}

/// Levels that the plan's own data do not have, as in "`region` has `west`".
fn new_levels(rules: &Rules, prepared: &Prepared) -> Vec<String> {
    let mut new = Vec::new();
    for (column, known) in &rules.levels {
        let here = levels(prepared, column).unwrap_or_default();
        let levels: Vec<String> =
            here.difference(known).map(|level| format!("`{}`", crate::plan::shown(level))).collect();
        if !levels.is_empty() {
            new.push(format!("`{}` has {}", crate::plan::shown(column), crate::text::lists::listed(&levels)));
        }
    }
    new
}
