//! Summaries of single columns that may be shown while the loop is blind: aggregates of confounders and placebos over the analysed
//! rows, each row counted once. Treatment and outcome have no entry here, so nothing here can tell an effect.

use crate::pipeline::prepare::Prepared;
use crate::term::Term;
use causal::arm::Arm;
use causal::numerics::quantile::quantiles;
use std::collections::BTreeMap;

/// The quantiles that describe a column.
pub const QUANTILES: [f64; 5] = [0.1, 0.25, 0.5, 0.75, 0.9];

/// A numeric column in a few numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct NumberSummary {
    /// Mean of the rows that have a value.
    pub mean: f64,
    /// Standard deviation (n − 1); `None` for a single row.
    pub sd: Option<f64>,
    /// The quantiles at [`QUANTILES`]; one beyond which too few rows lie is `None`.
    pub quantiles: Vec<Option<f64>>,
}

impl Prepared {
    /// The distinct values of a confounder or placebo among the analysed rows with their counts, most frequent first;
    /// missing values are left out. `None` for every other column.
    #[must_use]
    pub fn tally(&self, column: &str) -> Option<Vec<(String, usize)>> {
        if let Some(tally) = self.analysed().tally(column) {
            return Some(tally);
        }
        let mut counts: BTreeMap<u64, (f64, usize)> = BTreeMap::new();
        for value in self.placebo(column).ok()?.iter().filter(|value| !value.is_nan()) {
            // 0.0 and −0.0 are one value.
            let value = value + 0.0;
            counts.entry(value.to_bits()).or_insert((value, 0)).1 += 1;
        }
        let mut tally: Vec<(f64, usize)> = counts.into_values().collect();
        tally.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.total_cmp(&b.0)));
        Some(tally.into_iter().map(|(value, n)| (value.to_string(), n)).collect())
    }

    /// Mean, standard deviation and quantiles of a numeric confounder or placebo. A quantile is given only if at least
    /// `least` rows lie at it or beyond it on its side (for the median, on both). `None` for columns that are not numbers.
    #[must_use]
    pub fn numbers(&self, column: &str, least: usize) -> Option<NumberSummary> {
        let mut values = Vec::new();
        for (value, n) in self.tally(column)? {
            let value: f64 = value.parse().ok()?;
            values.extend(std::iter::repeat_n(value, n));
        }
        values.sort_by(f64::total_cmp);
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let at = quantiles(&values, &QUANTILES)?;
        let shown = |(p, q): (&f64, f64)| {
            // By value, not by place: rows tied with the quantile lie at it as well.
            let below = values.iter().filter(|value| **value <= q).count();
            let above = values.iter().filter(|value| **value >= q).count();
            let enough = (*p > 0.5 || below >= least) && (*p < 0.5 || above >= least);
            enough.then_some(q)
        };
        let quantiles = QUANTILES.iter().zip(at).map(shown).collect();
        Some(NumberSummary { mean, sd: (values.len() > 1).then(|| (squares / (n - 1.0)).sqrt()), quantiles })
    }

    /// In how many of the analysed rows a term over the confounders is not 0. `None` if it cannot be computed: it names a
    /// value that never occurs, a power of a category, another column, or it is too large a number.
    #[must_use]
    pub fn nonzero(&self, term: &Term) -> Option<usize> {
        let covariates = self.analysed().covariates(std::slice::from_ref(term)).ok()?;
        Some(covariates.x().iter().filter(|value| **value != 0.0).count())
    }

    /// For every analysed row, whether it is treated.
    #[must_use]
    pub fn treated(&self) -> Vec<bool> {
        self.analysed().treatment().iter().map(|arm| *arm == Arm::Treated).collect()
    }

    /// The smallest group that a term tells apart in either arm: its factors split the rows by level and by the values of a
    /// two-valued column, and a product of several by zero and not zero. A group that could be and is empty counts as 0.
    /// `None` if it cannot be computed, or splits nothing.
    #[must_use]
    pub fn smallest_group(&self, term: &Term) -> Option<usize> {
        let factors: Vec<Term> = term.factors.iter().map(|factor| Term { factors: vec![factor.clone()] }).collect();
        let values = self.analysed().covariates(&factors).ok()?;
        let mut splits: Vec<Vec<bool>> = Vec::new();
        for column in values.x().columns() {
            splits.extend(split(column).filter(|split| !splits.contains(split)));
        }
        let treated = self.treated();
        let not_zero = |arm: bool| {
            let rows = values.x().rows().into_iter().zip(&treated).filter(|(_, treated)| **treated == arm);
            rows.filter(|(row, _)| row.iter().all(|value| *value != 0.0)).count()
        };
        let products = (factors.len() > 1).then(|| not_zero(true).min(not_zero(false)));
        if splits.is_empty() {
            return products;
        }
        let mut groups: BTreeMap<Vec<bool>, usize> = BTreeMap::new();
        for (row, treated) in treated.iter().enumerate() {
            let group = std::iter::once(*treated).chain(splits.iter().filter_map(|split| split.get(row).copied()));
            *groups.entry(group.collect()).or_default() += 1;
        }
        let all_there = groups.len() == 1 << (splits.len() + 1);
        let smallest = if all_there { groups.values().min().copied()? } else { 0 };
        Some(products.map_or(smallest, |product| product.min(smallest)))
    }
}

/// The rows by the value of a column with two values.
fn split(column: ndarray::ArrayView1<'_, f64>) -> Option<Vec<bool>> {
    let first = column.iter().next()?;
    let other = column.iter().find(|value| *value != first)?;
    let two = column.iter().all(|value| value == first || value == other);
    two.then(|| column.iter().map(|value| value == first).collect())
}
