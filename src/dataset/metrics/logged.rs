//! The decisions of `logged_actions`: rows of a file of their own, each of a unit that was assigned.
//!
//! Rows of units that were never assigned, or that `data.filter` leaves out, are counted and take no part. Every other row needs all
//! of its values: a decision without a reward or a chance is no decision that says nothing, but a fault of the log.

use super::assigned::Assigned;
use super::columns::{Names, find, names, numbers};
use super::covariates;
use super::error::{Fault, Found};
use super::join::{FILTERED, matched, near};
use super::logged_faults::LoggedFault;
use super::table::TermColumn;
use crate::dataset::Table;
use crate::dataset::column::{Column, MISSING, same_value, truth};
use crate::plan::experiment::{ExperimentPlan, LoggedActions, PolicyRule, StepProbability};
use std::collections::{BTreeMap, HashMap};

/// n decisions of assigned units.
#[derive(Debug, Clone)]
pub struct LoggedTable {
    /// Rows of the file.
    pub rows: usize,
    /// Rows of units that were never assigned.
    pub not_assigned: usize,
    /// Rows of units that `data.filter` leaves out.
    pub of_filtered_units: usize,
    /// The unit of each decision, numbered from 0 in order of appearance; its cluster, where units were randomised together.
    pub units: Vec<u32>,
    /// Units with a decision.
    pub unit_count: usize,
    /// The arm of each decision's unit, as an index into the arms of the experiment.
    pub arms: Vec<u16>,
    /// The reward of each.
    pub reward: Vec<f64>,
    /// The covariate terms: name and values.
    pub covariates: NamedColumns,
    /// Missing covariate values that were set to 0 beside an indicator, by column.
    pub filled: BTreeMap<String, usize>,
    /// The scores, in the order of the plan.
    pub scores: NamedColumns,
    /// Names of the actions; empty where the plan has no policy.
    pub actions: Vec<String>,
    /// The action of each decision, and the chance that it had.
    pub action: Vec<u16>,
    /// As `action`.
    pub chance: Vec<f64>,
    /// What each policy does in each decision, in the order of the plan.
    pub policies: Vec<(String, Vec<u16>)>,
    /// The steps, in the order of the plan.
    pub steps: Vec<StepColumn>,
}

/// A step of every decision.
#[derive(Debug, Clone)]
pub struct StepColumn {
    /// Its name.
    pub name: String,
    /// Whether it was on.
    pub on: Vec<bool>,
    /// The chance of that.
    pub chance: Vec<f64>,
}

/// Names with a value for each decision.
pub type NamedColumns = Vec<(String, Vec<f64>)>;

/// The key of the section in a plan.
const SECTION: &str = "logged_actions";
/// The most actions: each has an outcome model of its own.
const MOST_ACTIONS: usize = 50;

/// Reads the decisions; nothing if a fault was noted.
pub(super) fn read(
    plan: &ExperimentPlan,
    tables: &BTreeMap<String, Table>,
    assigned: &Assigned,
    found: &mut Found,
) -> Option<LoggedTable> {
    let said = plan.logged_actions.as_ref()?;
    let table = tables.get(&said.source)?;
    let joined = joined(plan, said, table, assigned, found)?;
    let mut log = Log { said, table, kept: &joined.kept, found };
    let is_metric = plan.metrics.iter().any(|metric| metric.name == said.reward);
    let reward = if is_metric && table.column(&said.reward).is_none() {
        log.note("reward", LoggedFault::MetricAsReward { metric: said.reward.clone(), file: said.source.clone() });
        None
    } else {
        log.numbers("reward", &said.reward)
    };
    let scores: Vec<Option<(String, Vec<f64>)>> = said
        .scores
        .iter()
        .enumerate()
        .map(|(i, name)| Some((name.clone(), log.numbers(&format!("scores[{i}]"), name)?)))
        .collect();
    let (covariates, filled) = log.covariates();
    let actions = log.actions();
    let policies = match &actions {
        Some(actions) => log.policies(&actions.names),
        None => None,
    };
    let steps = log.steps();
    let (reward, scores) = (reward?, scores.into_iter().collect::<Option<Vec<_>>>()?);
    let (actions, policies, steps) = (actions?, policies?, steps?);
    if log.found.any() {
        return None;
    }
    let Joined { kept: _, units, unit_count, arms, not_assigned, of_filtered_units } = joined;
    Some(LoggedTable {
        rows: table.rows(),
        not_assigned,
        of_filtered_units,
        units,
        unit_count,
        arms,
        reward,
        covariates,
        filled,
        scores,
        actions: actions.names,
        action: actions.of_rows,
        chance: actions.chance,
        policies,
        steps,
    })
}

/// The rows that count, and whose they are.
struct Joined {
    kept: Vec<usize>,
    units: Vec<u32>,
    unit_count: usize,
    arms: Vec<u16>,
    not_assigned: usize,
    of_filtered_units: usize,
}

fn joined(
    plan: &ExperimentPlan,
    said: &LoggedActions,
    table: &Table,
    assigned: &Assigned,
    found: &mut Found,
) -> Option<Joined> {
    let unit_id = plan.assignment.unit_id.as_deref()?;
    let of_rows = assigned.units.of_rows.as_ref()?;
    let per = said.per.as_deref().unwrap_or(unit_id);
    let path = format!("{SECTION}.{}", if said.per.is_some() { "per" } else { "source" });
    let theirs = found.take(&path, find(table, per).and_then(names))?;
    let (file, per, ours) = (said.source.clone(), per.to_owned(), &assigned.units.names);
    let Some(unit_of) = matched(&theirs, &assigned.units) else {
        let examples = |names: &[String]| names.iter().take(3).cloned().collect();
        let (theirs, ours) = (examples(&theirs.names), examples(ours));
        found.note(&path, Fault::NothingJoins { file, per, unit: unit_id.to_owned(), theirs, ours });
        return None;
    };
    if let Some((theirs, ours)) = near(&theirs, &unit_of, ours) {
        found.note(&path, Fault::NearIdentifiers { file, per, theirs, ours });
        return None;
    }
    // The first row of a unit has its arm and its cluster.
    let mut first = vec![usize::MAX; assigned.units.count];
    of_rows.iter().enumerate().rev().for_each(|(row, unit)| first[*unit as usize] = row);
    let kept: Vec<usize> = (0..unit_of.len()).filter(|row| unit_of[*row] < FILTERED).collect();
    let mut seen: HashMap<u32, u32> = HashMap::new();
    let mut different = vec![false; assigned.units.count];
    let (mut units, mut arms) = (Vec::with_capacity(kept.len()), Vec::with_capacity(kept.len()));
    for row in &kept {
        let unit = unit_of[*row];
        let own = first[unit as usize];
        different[unit as usize] = true;
        let group = assigned.clusters.as_ref().map_or(unit, |clusters| clusters[own]);
        let next = super::columns::code(seen.len());
        units.push(*seen.entry(group).or_insert(next));
        arms.push(assigned.arms.of_rows.get(own).copied().unwrap_or_default());
    }
    let of = |code: u32| unit_of.iter().filter(|unit| **unit == code).count();
    let (not_assigned, of_filtered_units) = (of(MISSING), of(FILTERED));
    let unit_count = different.iter().filter(|seen| **seen).count();
    Some(Joined { kept, units, unit_count, arms, not_assigned, of_filtered_units })
}

/// The file while it is read.
struct Log<'a, 'f> {
    said: &'a LoggedActions,
    table: &'a Table,
    /// The rows that count.
    kept: &'a [usize],
    found: &'f mut Found,
}

struct Actions {
    names: Vec<String>,
    of_rows: Vec<u16>,
    chance: Vec<f64>,
}

impl<'a> Log<'a, '_> {
    fn note(&mut self, key: &str, fault: LoggedFault) {
        self.found.note(&format!("{SECTION}.{key}"), Fault::Logged(fault));
    }

    /// A column in which every decision that counts has a value.
    fn column(&mut self, key: &str, name: &str) -> Option<&'a Column> {
        let column = self.found.take(&format!("{SECTION}.{key}"), find(self.table, name))?;
        let missing: Vec<usize> = self.kept.iter().copied().filter(|row| column.is_missing(*row)).collect();
        if let Some(first) = missing.first() {
            let (column, file) = (name.to_owned(), self.said.source.clone());
            let fault = LoggedFault::Missing { column, file, rows: missing.len(), first: self.table.place(*first) + 1 };
            self.note(key, fault);
            return None;
        }
        Some(column)
    }

    fn numbers(&mut self, key: &str, name: &str) -> Option<Vec<f64>> {
        let column = self.column(key, name)?;
        let values = self.found.take(&format!("{SECTION}.{key}"), numbers(column))?;
        Some(self.kept.iter().map(|row| values[*row]).collect())
    }

    /// Chances in (0, 1], or in (0, 1).
    fn chances(&mut self, key: &str, name: &str, below_one: bool) -> Option<Vec<f64>> {
        let values = self.numbers(key, name)?;
        let outside = |value: &f64| !(*value > 0.0 && (*value < 1.0 || !below_one && *value <= 1.0));
        if let Some(first) = values.iter().position(outside) {
            let fault = LoggedFault::Chance {
                column: name.to_owned(),
                value: values[first].to_string(),
                row: self.table.place(self.kept[first]) + 1,
                rows: values.iter().filter(|value| outside(value)).count(),
                of_step: below_one,
            };
            self.note(key, fault);
            return None;
        }
        Some(values)
    }

    /// The terms, and how many missing values became 0 in each column.
    fn covariates(&mut self) -> (NamedColumns, BTreeMap<String, usize>) {
        let mut terms = covariates::Terms::default();
        for (i, name) in self.said.covariates.iter().enumerate() {
            let made = super::columns::shared(self.table, name).and_then(|column| covariates::add(&mut terms, column));
            self.found.take(&format!("{SECTION}.covariates[{i}]"), made);
        }
        let kept = |values: &TermColumn| {
            let values = values.values();
            self.kept.iter().map(|row| values.at(*row)).collect()
        };
        let columns = terms.names.iter().cloned().zip(terms.values.iter().map(kept)).collect();
        (columns, terms.filled)
    }

    /// The names of a column over the decisions that count.
    fn names(&mut self, key: &str, name: &str) -> Option<Names> {
        let column = self.column(key, name)?;
        let all = self.found.take(&format!("{SECTION}.{key}"), names(column))?;
        let kept = self.kept.iter().map(|row| all.codes[*row]);
        Some(super::columns::renumbered(kept, |code| all.names.get(code as usize).cloned().unwrap_or_default()))
    }

    /// None of them where the plan has no policy; nothing if a fault was noted.
    fn actions(&mut self) -> Option<Actions> {
        let (Some(action), Some(probability)) = (&self.said.action, &self.said.probability) else {
            return Some(Actions { names: Vec::new(), of_rows: Vec::new(), chance: Vec::new() });
        };
        let chance = self.chances("probability", probability, false);
        let found = self.names("action", action)?;
        if found.names.len() < 2 || found.names.len() > MOST_ACTIONS {
            let (column, count) = (action.clone(), found.names.len());
            self.note(
                "action",
                LoggedFault::ActionCount { column, count, most: MOST_ACTIONS, one: found.names.first().cloned() },
            );
            return None;
        }
        // By name, so that the order of the rows does not matter.
        let mut order: Vec<usize> = (0..found.names.len()).collect();
        order.sort_by(|a, b| found.names[*a].cmp(&found.names[*b]));
        let mut rank = vec![0_u16; order.len()];
        order.iter().zip(0..).for_each(|(old, new)| rank[*old] = new);
        let of_rows = found.codes.iter().map(|code| rank[*code as usize]).collect();
        let names = order.iter().map(|old| found.names[*old].clone()).collect();
        Some(Actions { names, of_rows, chance: chance? })
    }

    fn policies(&mut self, actions: &[String]) -> Option<Vec<(String, Vec<u16>)>> {
        let place = |name: &str| {
            let at = actions.iter().position(|action| action == name);
            at.or_else(|| actions.iter().position(|action| same_value(action, name)))
        };
        let code = |at: usize| u16::try_from(at).unwrap_or(u16::MAX);
        let mut found = Some(Vec::new());
        for policy in &self.said.policies {
            let (key, made) = match &policy.rule {
                PolicyRule::Always(action) => {
                    let all =
                        place(action).map(|at| vec![code(at); self.kept.len()]).ok_or_else(|| vec![action.clone()]);
                    ("always", all)
                }
                PolicyRule::Column(column) => {
                    let Some(theirs) = self.names(&format!("policies.{}.column", policy.name), column) else {
                        found = None;
                        continue;
                    };
                    let of_names: Vec<Option<u16>> = theirs.names.iter().map(|name| place(name).map(code)).collect();
                    let strangers: Vec<String> = theirs
                        .names
                        .iter()
                        .zip(&of_names)
                        .filter(|(_, at)| at.is_none())
                        .map(|(name, _)| name.clone())
                        .collect();
                    let rows = theirs.codes.iter().map(|name| of_names[*name as usize].unwrap_or_default()).collect();
                    ("column", if strangers.is_empty() { Ok(rows) } else { Err(strangers) })
                }
            };
            match made {
                Ok(rows) => {
                    if let Some(found) = &mut found {
                        found.push((policy.name.clone(), rows));
                    }
                }
                Err(strangers) => {
                    let actions = actions.to_vec();
                    self.note(
                        &format!("policies.{}.{key}", policy.name),
                        LoggedFault::NoSuchAction { policy: policy.name.clone(), strangers, actions },
                    );
                    found = None;
                }
            }
        }
        found
    }

    fn steps(&mut self) -> Option<Vec<StepColumn>> {
        let all: Vec<Option<StepColumn>> = self
            .said
            .steps
            .iter()
            .map(|step| {
                let key = format!("steps.{}.column", step.name);
                let key = if self.said.steps.iter().any(|other| other.name == step.column) {
                    format!("steps.{}", step.name)
                } else {
                    key
                };
                let on = self.on(&key, &step.column);
                let chance = match &step.probability {
                    StepProbability::Constant(chance) => Some(vec![*chance; self.kept.len()]),
                    StepProbability::Column(name) => {
                        self.chances(&format!("steps.{}.probability", step.name), name, true)
                    }
                };
                Some(StepColumn { name: step.name.clone(), on: on?, chance: chance? })
            })
            .collect();
        all.into_iter().collect()
    }

    /// A column of yes and no, with both.
    fn on(&mut self, key: &str, name: &str) -> Option<Vec<bool>> {
        let found = self.names(key, name)?;
        let Some(truths) = found.names.iter().map(|value| truth(value)).collect::<Option<Vec<bool>>>() else {
            self.note(key, LoggedFault::NotYesOrNo { column: name.to_owned(), values: found.names });
            return None;
        };
        let on: Vec<bool> = found.codes.iter().map(|code| truths[*code as usize]).collect();
        if on.iter().all(|it| *it == on[0]) {
            self.note(key, LoggedFault::OneSetting { column: name.to_owned(), on: on[0] });
            return None;
        }
        Some(on)
    }
}
