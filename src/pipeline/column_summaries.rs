//! Summaries of single columns that may be shown while the loop is blind: aggregates of confounders and placebos over the analysed
//! rows, each row counted once. Treatment and outcome have no entry here, so nothing here can tell an effect.

use crate::pipeline::prepare::Prepared;
use crate::term::Term;
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
}
