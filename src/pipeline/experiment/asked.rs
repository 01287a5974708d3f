//! Segments that somebody asks for once the results are open: conditions on the columns of the table of assignments.
//!
//! They obey the rules of the plan's own segments: what the arms may have changed chooses no units. Each is fitted alone, with the
//! plan's model, so that an answer does not depend on what else was asked.

use super::modelling::Experiment;
use super::prepare::outcomes_among_covariates;
use super::segments::effects_in_segments;
use crate::dataset::Table;
use crate::dataset::metrics::{UnitTable, condition};
use crate::expression::Written;
use crate::plan::Problem;
use crate::plan::experiment::{ExperimentPlan, with_segments};
use crate::record::experiment::{EffectRow, Refused};
use crate::schema::ColumnKind;
use crate::term::Term;
use std::collections::HashSet;

/// The table of assignments, kept for conditions on it.
#[derive(Debug, Clone)]
pub struct AssignmentRows(Table);

/// A condition that was read, and the rows in which it holds.
#[derive(Debug, Clone)]
pub struct AskedSegment {
    /// The condition.
    pub written: Written,
    /// Whether it holds, for each row of the table of assignments. Where it has no value it does not.
    pub holds: Vec<bool>,
}

impl AskedSegment {
    /// The rows in which it holds, in order.
    #[must_use]
    pub fn rows(&self) -> Vec<usize> {
        (0..self.holds.len()).filter(|row| self.holds[*row]).collect()
    }
}

/// Why a condition makes no segment.
#[derive(Debug, Clone, PartialEq)]
pub enum ConditionFault {
    /// It is no expression: why.
    Unreadable(String),
    /// It breaks a rule of the plan's segments.
    Forbidden(Vec<Problem>),
    /// It does not fit the columns or their values. Which values there are is not told.
    Unfit,
}

/// A column that segments may be conditions on.
#[derive(Debug, Clone, PartialEq)]
pub struct SegmentColumn {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: ColumnKind,
    /// Levels of a category that enough units of every arm have.
    pub levels: Vec<String>,
}

impl AssignmentRows {
    pub(super) fn new(table: Table) -> AssignmentRows {
        AssignmentRows(table)
    }

    /// Reads a condition and finds its rows.
    ///
    /// # Errors
    /// [`ConditionFault`].
    pub fn segment(&self, experiment: &Experiment, text: &str) -> Result<AskedSegment, ConditionFault> {
        let written = Written::parse(text).map_err(|error| ConditionFault::Unreadable(error.to_string()))?;
        allowed(&experiment.plan, written.clone()).map_err(ConditionFault::Forbidden)?;
        let holds = condition(&self.0, &written).map_err(|_| ConditionFault::Unfit)?;
        Ok(AskedSegment { holds: holds.into_iter().map(|it| it == Some(true)).collect(), written })
    }

    /// The columns that segments may be conditions on, with the levels that at least `least` units of every arm have.
    #[must_use]
    pub fn columns(&self, experiment: &Experiment, least: usize) -> Vec<SegmentColumn> {
        let columns = self.0.document().columns.into_iter();
        let usable = columns.filter(|column| may_be_asked(&experiment.plan, &column.name));
        usable
            .map(|column| {
                let common = |level: &String| {
                    let holds: Vec<bool> =
                        (0..experiment.n()).map(|row| self.0.text(&column.name, row) == Some(level.as_str())).collect();
                    units_of_arms(experiment, &holds).into_iter().all(|units| units >= least)
                };
                // Each level is a pass over the rows.
                let few = column.levels.len() <= MOST_LEVELS;
                let levels = column.levels.iter().filter(|level| few && common(level)).cloned().collect();
                SegmentColumn { name: column.name.clone(), kind: column.kind, levels }
            })
            .collect()
    }
}

/// The most levels of a column that are looked at.
const MOST_LEVELS: usize = 100;

/// The plan with that segment alone, or the rules that it breaks.
fn allowed(plan: &ExperimentPlan, written: Written) -> Result<ExperimentPlan, Vec<Problem>> {
    let plan = with_segments(plan, vec![written])?;
    let problems = outcomes_among_covariates(&plan);
    if problems.is_empty() { Ok(plan) } else { Err(problems) }
}

/// False for columns that the arms may have changed, and for those that name a unit.
fn may_be_asked(plan: &ExperimentPlan, column: &str) -> bool {
    let names_unit = plan.assignment.unit_id.as_deref() == Some(column);
    let written = Written::parse(&format!("is_missing({})", Term::column(column)));
    !names_unit && written.is_ok_and(|written| allowed(plan, written).is_ok())
}

/// Units of each arm that have a row in which something holds.
#[must_use]
pub fn units_of_arms(experiment: &Experiment, holds: &[bool]) -> Vec<usize> {
    let table = &experiment.table;
    let mut seen = HashSet::new();
    let mut units = vec![0; table.arms.len()];
    for row in (0..holds.len()).filter(|row| holds[*row]) {
        let arm = usize::from(table.assigned[row]);
        if table.units.as_ref().is_none_or(|codes| seen.insert((arm, codes[row]))) {
            units[arm] += 1;
        }
    }
    units
}

/// The effects of being assigned in a segment, all of them exploratory, and those that are refused.
#[must_use]
pub fn effects(experiment: &Experiment, segment: &AskedSegment) -> (Vec<EffectRow>, Vec<Refused>) {
    let plan = ExperimentPlan { segments: vec![segment.written.clone()], ..experiment.plan.clone() };
    let table =
        UnitTable { segments: vec![segment.holds.clone()], segment_missing: vec![0], ..experiment.table.clone() };
    let alone = Experiment::new(plan, &experiment.plan_bytes, table);
    let answers = effects_in_segments(&alone);
    let exploratory = answers.effects.into_iter().map(|row| EffectRow { exploratory: true, ..row });
    (exploratory.collect(), answers.refused)
}
