//! What is watched of a design: who came (the mean of every term), how treatment fell (its share, and the differences between the arms
//! before weighting), and what is missing: the share of rows that are left out, and, of columns that are filled in and had no gaps in the
//! plan's own data, the share of gaps. Where those had some, their indicator is a term. Rows of one cluster are left out together, so
//! that the share is not tested with clusters.
//!
//! The standard error of a mean in a partition is √(v/k): v the variance of one unit in the plan's own data, clusters together, and k
//! Kish's effective number of units of the partition. So nothing that happens to vary little in a small partition counts as known
//! exactly, and a mean and its standard error do not depend on each other.

use crate::dataset::MISSING_LEVEL;
use crate::pipeline::Prepared;
use crate::pipeline::follow_ups::outcome_as_it_is;
use crate::plan::MissingPolicy;
use crate::record::not_estimated::DesignFailure;
use crate::record::watch::{Quantity, WatchedQuantity, WatchedValue};
use crate::spec::TermGroup;
use crate::term::Term;
use causal::numerics::sums;
use std::collections::BTreeMap;

/// The variance of one unit in the plan's own data.
#[derive(Debug, Clone, Copy)]
struct UnitVariance {
    everyone: f64,
    treated: f64,
    control: f64,
}

/// What partitions are held against.
#[derive(Debug)]
pub(super) struct Reference {
    /// In the order of every partition's values.
    pub quantities: Vec<WatchedQuantity>,
    terms: Vec<(Term, UnitVariance)>,
    left_out: f64,
    columns: Vec<(String, f64)>,
    treated: f64,
}

/// Where the outcome of the controls lies, and how far it is spread.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct OutcomeScale {
    pub mean: f64,
    pub sd: f64,
}

/// Means and standard deviations of the controls that are farther apart than this many times are not of one outcome in one unit.
/// The number is ours: seasons stay below it, cents for euros do not.
const ANOTHER_SCALE: f64 = 4.0;

impl OutcomeScale {
    /// Of the controls among the analysed rows.
    pub(super) fn of(prepared: &Prepared) -> Result<OutcomeScale, DesignFailure> {
        let outcome = outcome_as_it_is(prepared)?;
        let rows = Rows { clusters: None, ..Rows::new(prepared) };
        let (mean, variance) = rows.mean(&outcome.values.to_vec(), Of::Controls);
        Ok(OutcomeScale { mean, sd: variance.sqrt() })
    }

    /// True if the outcome of a partition cannot be that of the plan's own data: other units, another coding.
    pub(super) fn is_another(self, here: OutcomeScale) -> bool {
        let far = (here.mean - self.mean).abs() > ANOTHER_SCALE * self.sd;
        far || here.sd > ANOTHER_SCALE * self.sd || here.sd * ANOTHER_SCALE < self.sd
    }
}

impl Reference {
    /// Of the plan's own data.
    pub(super) fn new(prepared: &Prepared) -> Reference {
        let rows = Rows::new(prepared);
        let mut quantities = vec![];
        let treated = rows.treated_column();
        let (_, treated) = rows.mean(&treated, Of::Everyone);
        quantities.push(WatchedQuantity { quantity: Quantity::TreatedShare, sd: treated.sqrt() });
        let mut terms = Vec::new();
        for term in prepared.draft.confounders.iter().flat_map(|group| &group.terms) {
            let x = rows.term(prepared, term);
            let variance = |of| rows.mean(&x, of).1;
            let unit = UnitVariance {
                everyone: variance(Of::Everyone),
                treated: variance(Of::Treated),
                control: variance(Of::Controls),
            };
            let name = term.to_string();
            let sd = unit.everyone.sqrt();
            quantities.push(WatchedQuantity { quantity: Quantity::Mean { term: name.clone() }, sd });
            // A difference of arms that do not vary has no standard error.
            let apart = if unit.treated > 0.0 && unit.control > 0.0 { sd } else { 0.0 };
            quantities.push(WatchedQuantity { quantity: Quantity::Difference { term: name }, sd: apart });
            terms.push((term.clone(), unit));
        }
        let counters = prepared.counters();
        let left_out = smoothed(counters.rows_read - counters.rows_analysed, counters.rows_read);
        let sd = if rows.clusters.is_some() { 0.0 } else { left_out.sqrt() };
        quantities.push(WatchedQuantity { quantity: Quantity::LeftOutShare, sd });
        let mut columns = Vec::new();
        for (column, missing) in watched_columns(prepared) {
            let variance = smoothed(missing, counters.rows_read);
            quantities.push(WatchedQuantity {
                quantity: Quantity::MissingShare { column: column.clone() },
                sd: variance.sqrt(),
            });
            columns.push((column, variance));
        }
        Reference { quantities, terms, left_out, columns, treated }
    }

    /// The values of a partition, in the order of the quantities.
    pub(super) fn values(&self, prepared: &Prepared) -> Vec<WatchedValue> {
        let rows = Rows::new(prepared);
        let value = |value: f64, variance: f64| WatchedValue { value, std_error: variance.sqrt() };
        let (share, _) = rows.mean(&rows.treated_column(), Of::Everyone);
        let mut values = vec![value(share, self.treated / rows.effective(Of::Everyone))];
        let [all, treated, control] = [Of::Everyone, Of::Treated, Of::Controls].map(|of| rows.effective(of));
        for (term, unit) in &self.terms {
            let x = rows.term(prepared, term);
            values.push(value(rows.mean(&x, Of::Everyone).0, unit.everyone / all));
            let apart = rows.mean(&x, Of::Treated).0 - rows.mean(&x, Of::Controls).0;
            values.push(value(apart, unit.treated / treated + unit.control / control));
        }
        let counters = prepared.counters();
        let read = count(counters.rows_read);
        values.push(value(count(counters.rows_read - counters.rows_analysed) / read, self.left_out / read));
        for (column, variance) in &self.columns {
            let here = counters.missing_by_column.get(column).copied().unwrap_or_default();
            values.push(value(count(here) / read, variance / read));
        }
        values
    }
}

/// Columns of confounders that are filled in, and have no indicator of their gaps since they have none here.
fn watched_columns(prepared: &Prepared) -> Vec<(String, usize)> {
    let plan = &prepared.plan;
    let policy = |column: &str| plan.data.missing_for.get(column).copied().unwrap_or(plan.data.missing);
    let told = |group: &TermGroup| group.terms.contains(&Term::level(&group.confounder, MISSING_LEVEL));
    let may = prepared
        .draft
        .confounders
        .iter()
        .filter(|group| policy(&group.confounder) == MissingPolicy::Indicator && !told(group));
    let missing = &prepared.counters().missing_by_column;
    may.filter_map(|group| Some((group.confounder.clone(), *missing.get(&group.confounder)?))).collect()
}

/// The variance of a share. One more with and one more without, so that none is not never.
fn smoothed(with: usize, of: usize) -> f64 {
    let share = (count(with) + 1.0) / (count(of) + 2.0);
    share * (1.0 - share)
}

fn count(n: usize) -> f64 {
    n as f64
}

/// Whose mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    Everyone,
    Treated,
    Controls,
}

/// The analysed rows: weights, arms, clusters.
struct Rows {
    weights: Vec<f64>,
    treated: Vec<bool>,
    clusters: Option<Vec<usize>>,
    all: Vec<usize>,
}

impl Rows {
    fn new(prepared: &Prepared) -> Rows {
        let analysed = prepared.analysed();
        let n = analysed.n();
        Rows {
            weights: analysed.weights().map_or_else(|| vec![1.0; n], |weights| weights.to_vec()),
            treated: analysed.treatment().iter().map(|arm| arm.is_treated()).collect(),
            clusters: analysed.clusters().map(|clusters| clusters.to_vec()),
            all: (0..n).collect(),
        }
    }

    fn is(&self, row: usize, of: Of) -> bool {
        match of {
            Of::Everyone => true,
            Of::Treated => self.treated[row],
            Of::Controls => !self.treated[row],
        }
    }

    fn treated_column(&self) -> Vec<f64> {
        self.treated.iter().map(|treated| f64::from(u8::from(*treated))).collect()
    }

    /// The values of a term; zeros for the indicator of a level that does not occur.
    fn term(&self, prepared: &Prepared, term: &Term) -> Vec<f64> {
        let found = prepared.analysed().terms_at(std::slice::from_ref(term), &self.all);
        found.map_or_else(|| vec![0.0; self.all.len()], |x| x.into_raw_vec_and_offset().0)
    }

    fn of(&self, of: Of) -> impl Iterator<Item = usize> + Clone + '_ {
        self.all.iter().copied().filter(move |row| self.is(*row, of))
    }

    /// Kish's effective number of units.
    fn effective(&self, of: Of) -> f64 {
        sums::kish(self.of(of).map(|row| self.weights[row]))
    }

    /// The weighted mean, and the variance of one unit: that of the mean, times the effective number.
    fn mean(&self, x: &[f64], of: Of) -> (f64, f64) {
        let total = sums::sum(self.of(of).map(|row| self.weights[row]));
        let mean = sums::sum(self.of(of).map(|row| self.weights[row] * x[row])) / total;
        let pull = |row: usize| self.weights[row] * (x[row] - mean) / total;
        let squares = match &self.clusters {
            None => sums::sum(self.of(of).map(|row| pull(row).powi(2))),
            Some(clusters) => {
                let mut sums_of = BTreeMap::<usize, f64>::new();
                for row in self.of(of) {
                    *sums_of.entry(clusters[row]).or_default() += pull(row);
                }
                sums::sum(sums_of.values().map(|pull| pull.powi(2)))
            }
        };
        (mean, squares * self.effective(of))
    }
}
