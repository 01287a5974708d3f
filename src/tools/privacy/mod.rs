//! The filter on text that leaves this machine.
//!
//! Each part in its file: [`rare`] hides levels that few units have, [`names`] turns column names into aliases and back,
//! [`fence`] marks data inside a prompt so that a model takes it as data, [`ledger`] remembers which populations were
//! described, so that no two answers tell of the few units by which they differ.

mod fence;
mod ledger;
mod names;
mod rare;

use super::Refusal;
use super::columns;
use crate::pipeline::Prepared;
use crate::pipeline::experiment::Experiment;
use crate::pipeline::experiment::asked::units_of_arms;
use crate::term::{Factor, Term};
use ledger::Ledger;
use names::Names;
use rare::RareLevels;
use serde_json::{Map, Value};

/// The filter between this program and a model.
#[derive(Debug, Clone)]
pub struct Privacy {
    min_cell: usize,
    rare: RareLevels,
    names: Option<Names>,
    ledger: Ledger,
    /// False if the engine chooses the populations, which asks to learn nothing.
    holds_proposals: bool,
}

/// The units that are kept, in words: numbers that are safe to say together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptWords {
    /// Rows.
    pub rows: String,
    /// Treated rows.
    pub treated: String,
    /// True if the rows are exact; false if they are rounded.
    pub rows_exact: bool,
}

impl Privacy {
    /// For a plan and its data.
    #[must_use]
    pub fn new(prepared: &Prepared, min_cell: usize, redact_names: bool) -> Self {
        let columns = columns::named(&prepared.plan);
        let rare = RareLevels::new(prepared, &columns, min_cell);
        let names = redact_names.then(|| Names::from_prepared(prepared, &columns));
        Self { min_cell, rare, names, ledger: Ledger::new(&prepared.treated()), holds_proposals: true }
    }

    /// For an experiment. Nothing in it has an alias, and whoever answers names no rare level: see `tools/experiment`.
    #[must_use]
    pub fn of_experiment(experiment: &Experiment) -> Self {
        let (table, min_cell) = (&experiment.table, experiment.plan.min_cell);
        let arms = table.assigned.iter().map(|arm| usize::from(*arm));
        let ledger = Ledger::of_arms(arms, table.units.as_deref());
        // The plan's own segments are told of whenever they are asked for, so every other is held against them from the first.
        for holds in &table.segments {
            if units_of_arms(experiment, holds).iter().all(|units| *units >= min_cell) {
                ledger.note(&(0..holds.len()).filter(|row| holds[*row]).collect::<Vec<_>>());
            }
        }
        Self { min_cell, rare: RareLevels::default(), names: None, ledger, holds_proposals: true }
    }

    /// Without rows and without names.
    #[cfg(test)]
    pub(super) fn of_nobody(min_cell: usize) -> Self {
        let (rare, ledger) = (RareLevels::default(), Ledger::default());
        Self { min_cell, rare, names: None, ledger, holds_proposals: true }
    }

    /// The same for a run whose actor is the deterministic engine: its proposals are carried out, and what they describe is
    /// remembered.
    #[must_use]
    pub fn of_engine(self) -> Self {
        Self { holds_proposals: false, ..self }
    }

    /// The same with a record of its own: nothing was described yet.
    #[must_use]
    pub fn of_new_session(&self, prepared: &Prepared) -> Self {
        Self { ledger: Ledger::new(&prepared.treated()), ..self.clone() }
    }

    /// True if answers are held against each other. With a smallest cell of 1 everything may be told.
    #[must_use]
    pub fn protects(&self) -> bool {
        self.min_cell > 1
    }

    /// Notes that the population of an analysis is described; `on_record` if it is part of the run already.
    ///
    /// # Errors
    /// [`Refusal`] if it differs by fewer than `min_cell` units of an arm from what was described before, or from what can
    /// be had from that.
    pub(super) fn describe(&self, rows: &[usize], on_record: bool) -> Result<(), Refusal> {
        if on_record {
            self.ledger.note(rows);
            return Ok(());
        }
        self.ledger.admit(rows, self.min_cell).map_err(|ledger::TooClose| {
            let least = self.min_cell;
            Refusal(format!(
                "this population differs from another that was described, or from everyone, by fewer than {least} units of an \
                 arm, and the two answers together would tell of those few; look at one that differs by more"
            ))
        })
    }

    /// True if a proposal's population is held against what was described.
    #[must_use]
    pub(super) fn holds_proposals(&self) -> bool {
        self.holds_proposals && self.protects()
    }

    /// The step to which statistics are rounded where the smaller arm has `n` units: 1, 2 or 5 times a power of ten, at most
    /// what `min_cell` units can move a mean, in standard deviations, and at most a twentieth, since 0.1 is the usual limit.
    #[must_use]
    pub fn step(&self, n: usize) -> f64 {
        if !self.protects() {
            return 0.0;
        }
        let most = (self.min_cell as f64 / n.max(1) as f64).min(0.05);
        let power = 10_f64.powf(most.log10().floor());
        [5.0, 2.0, 1.0]
            .into_iter()
            .map(|factor| factor * power)
            .find(|step| *step <= most * (1.0 + 1e-9))
            .unwrap_or(power)
    }

    /// The smallest number of units that is told.
    #[must_use]
    pub fn min_cell(&self) -> usize {
        self.min_cell
    }

    /// A count, or `fewer than 10` below `min_cell`.
    #[must_use]
    pub fn count(&self, n: usize) -> String {
        if n < self.min_cell { format!("fewer than {}", self.min_cell) } else { n.to_string() }
    }

    /// A count to the nearest multiple of `min_cell`, in words.
    #[must_use]
    pub fn about(&self, n: usize) -> String {
        if n < self.min_cell || !self.protects() {
            return self.count_or_none(n);
        }
        format!("about {}", (n + self.min_cell / 2) / self.min_cell * self.min_cell)
    }

    /// [`Privacy::count`], with `none` for 0: where nobody is, nobody can be found.
    #[must_use]
    pub fn count_or_none(&self, n: usize) -> String {
        if n == 0 { "none".to_owned() } else { self.count(n) }
    }

    /// The numbers `kept` of `all`, both as (treated, controls). Where a group that is kept or dropped is small, rows
    /// and treated are rounded, so that no small number can be had by subtraction.
    #[must_use]
    pub fn kept(&self, kept: (usize, usize), all: (usize, usize)) -> KeptWords {
        let small = |n: usize| n > 0 && n < self.min_cell;
        let dropped = [all.0.saturating_sub(kept.0), all.1.saturating_sub(kept.1)];
        let any_small = small(kept.0) || small(kept.1) || dropped.into_iter().any(small);
        let exact = |n: usize| n < self.min_cell || !any_small;
        let words = |n: usize| {
            if exact(n) {
                return self.count(n);
            }
            format!("about {}", (n + self.min_cell / 2) / self.min_cell * self.min_cell)
        };
        let rows = kept.0 + kept.1;
        KeptWords { rows: words(rows), treated: words(kept.0), rows_exact: exact(rows) }
    }

    /// True if fewer than `min_cell` units have a value of a column; `true` for values that do not occur, since that
    /// would tell as much.
    #[must_use]
    pub fn is_rare(&self, column: &str, value: &str) -> bool {
        self.rare.is_rare(column, value)
    }

    /// True if a confounder or placebo has at most two values; for other columns `false`.
    #[must_use]
    pub fn is_two_valued(&self, column: &str) -> bool {
        self.rare.distinct(column).is_some_and(|(distinct, _)| distinct <= 2)
    }

    /// True if a term tells two groups apart of which one is smaller than `min_cell`, in either arm.
    #[must_use]
    pub fn is_about_few(&self, term: &Term, prepared: &Prepared) -> bool {
        let few = |column: &str| self.rare.distinct(column).is_some_and(|(distinct, rare)| distinct <= 2 && rare);
        let smallest = prepared.smallest_group(term);
        self.has_rare_level(term)
            || term.columns().into_iter().any(few)
            || smallest.is_some_and(|smallest| smallest < self.min_cell)
    }

    /// True if a term names a rare level.
    #[must_use]
    pub fn has_rare_level(&self, term: &Term) -> bool {
        term.factors.iter().any(|factor| match factor {
            Factor::Equals { column, value } => self.is_rare(column, value),
            Factor::Power { .. } => false,
        })
    }

    /// Text on its way to a model: rare levels are hidden, and names become aliases if the plan says so.
    #[must_use]
    pub fn outward(&self, text: &str) -> String {
        // Levels first: they are known by the column's name beside them, which is an alias afterwards.
        let text = self.rare.hide(text);
        match &self.names {
            Some(names) => names.outward(&text),
            None => text,
        }
    }

    /// Arguments or prose from a model: aliases become names again, in every string.
    #[must_use]
    pub fn inward(&self, value: &Value) -> Value {
        let Some(names) = &self.names else { return value.clone() };
        match value {
            Value::String(text) => Value::String(names.inward(text)),
            Value::Array(items) => Value::Array(items.iter().map(|item| self.inward(item)).collect()),
            Value::Object(map) => {
                let entries = map.iter().map(|(key, value)| (names.inward(key), self.inward(value)));
                Value::Object(entries.collect::<Map<String, Value>>())
            }
            other => other.clone(),
        }
    }

    /// Data inside a prompt, fenced and labelled so that a model takes it as data: names, labels and prose in it may say
    /// anything. The label is ours; the text goes through [`Privacy::outward`] here.
    #[must_use]
    pub fn fenced(&self, label: &str, text: &str) -> String {
        fence::fenced(label, &self.outward(text), fence::LONGEST)
    }

    /// [`Privacy::fenced`] with at most `longest` characters between the markers.
    #[must_use]
    pub fn fenced_within(&self, label: &str, text: &str, longest: usize) -> String {
        fence::fenced(label, &self.outward(text), longest)
    }

    /// A message for a model: [`Privacy::outward`], without control characters and markers of a fence, at most `longest`
    /// characters.
    #[must_use]
    pub fn plain(&self, text: &str, longest: usize) -> String {
        // Hidden before it is cut: half a level or half a name would not be recognised.
        fence::neutral(&fence::cut(&fence::printable(&self.outward(text)), longest))
    }
}

/// Text inside a prompt before there is a plan whose names and levels could be hidden: fenced and labelled, so that a model takes
/// it as data. What it may say is up to whoever wrote it.
#[must_use]
pub fn fenced_text(label: &str, text: &str) -> String {
    fence::fenced(label, text, fence::LONGEST)
}

/// True if a name reaches a model as it is, so that the model can spell it.
#[must_use]
pub fn can_be_spelled(name: &str) -> bool {
    fence::neutral(&fence::printable(name)) == name && !name.contains(['\n', '\t'])
}

/// What is inside the fence that a text begins with, and what comes after it.
#[must_use]
pub fn unfenced(text: &str) -> Option<(&str, &str)> {
    fence::opened(text)
}

/// One line for a terminal: no control characters, at most `longest` characters.
#[must_use]
pub fn one_line(text: &str, longest: usize) -> String {
    fence::cut(&fence::printable(text).replace(['\n', '\t'], " "), longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ten() -> Privacy {
        Privacy::of_nobody(10)
    }

    #[test]
    fn exactly_the_smallest_cell_is_told_and_one_fewer_is_not() {
        assert_eq!(ten().count(10), "10");
        assert_eq!(ten().count(9), "fewer than 10");
        assert_eq!(ten().count_or_none(9), "fewer than 10");
        assert_eq!(ten().count_or_none(0), "none");
    }

    #[test]
    fn nine_that_are_kept_or_dropped_cannot_be_had_by_subtraction_and_ten_may_be() {
        let kept = |kept, all| {
            let words = ten().kept(kept, all);
            (words.rows, words.treated, words.rows_exact)
        };
        let exact = |rows: &str, treated: &str| (rows.to_owned(), treated.to_owned(), true);
        let rounded = |rows: &str, treated: &str| (rows.to_owned(), treated.to_owned(), false);
        assert_eq!(kept((53, 90), (63, 100)), exact("143", "53"), "ten of each arm dropped");
        assert_eq!(kept((54, 90), (63, 100)), rounded("about 140", "about 50"), "nine treated dropped");
        assert_eq!(kept((53, 91), (63, 100)), rounded("about 140", "about 50"), "nine controls dropped");
        assert_eq!(kept((10, 90), (30, 100)), exact("100", "10"), "ten treated kept");
        assert_eq!(kept((9, 90), (30, 100)), rounded("about 100", "fewer than 10"), "nine treated kept");
        assert_eq!(kept((53, 9), (63, 100)), rounded("about 60", "about 50"), "nine controls kept");
    }
}
