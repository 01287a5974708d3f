//! First and second moments of treatment, confounders and outcome: what a linear regression needs, and all that the
//! baseline's one question to a model is given.
//!
//! This is not blind, and it is the only place that hands out moments of the outcome. No tool can reach it, and
//! `baseline::ask` calls it when every run of its comparison is over.
//!
//! | symbol | here | meaning |
//! |---|---|---|
//! | n₁, n₀ | `n` | treated and control rows |
//! | x̄₁, x̄₀ | `means` | means of every column in either arm |
//! | S | `covariance` | Σ (zᵢ − z̄)(zᵢ − z̄)ᵀ / (n − 1) over all rows, z = (treatment, confounders, outcome) |
//!
//! *Privacy.* Means and covariances of columns of zeros and ones are counts in other words. A column of two values is left
//! out if, crossed with treatment, outcome or an earlier such column, it has a cell of fewer than `least` units that is not
//! empty; a category is left out if the levels that are not told, its reference among them, have such a cell together.

use crate::pipeline::prepare::Prepared;
use crate::term::Term;
use causal::numerics::sums::{sum, weighted_mean};
use ndarray::{Array1, ArrayView1};

/// The moments.
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    /// Treated and control rows.
    pub n: (usize, usize),
    /// Treatment first, outcome last, confounders between; as the plan calls them.
    pub columns: Vec<String>,
    /// Means among the treated and among the controls, in that order of columns.
    pub means: Vec<(f64, f64)>,
    /// Row by row, in that order of columns.
    pub covariance: Vec<Vec<f64>>,
    /// Columns that are not told, each with the reason.
    pub left_out: Vec<LeftOut>,
}

/// Why no moments are told at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Withheld {
    /// The outcome cannot be read.
    #[error("{0}")]
    NoOutcome(String),
    /// An arm is too small.
    #[error("an arm has fewer than {least} units, so none of its means may be told")]
    SmallArm {
        /// The smallest group that is told.
        least: usize,
    },
    /// A level of the outcome is too small in an arm.
    #[error("a level of the outcome has fewer than {least} units in an arm, so it may not be told")]
    SmallOutcomeLevel {
        /// The smallest group that is told.
        least: usize,
    },
}

/// A column that is not told, with the reason.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LeftOut {
    /// Its very name says who few units are.
    #[error("a rare level")]
    RareLevel,
    /// There are enough columns already.
    #[error("{term} (no more than {most} columns are told)")]
    TooMany {
        /// The column.
        term: Term,
        /// The most columns.
        most: usize,
    },
    /// Its values are too large.
    #[error("{0} (it cannot be computed)")]
    NotComputed(Term),
    /// A small group could be worked out from its moments.
    #[error("{term} (a group of fewer than {least} units could be worked out)")]
    SmallGroup {
        /// The column.
        term: Term,
        /// The smallest group that is told.
        least: usize,
    },
    /// The levels of a category that are not told are too few units together.
    #[error("{confounder} (the levels that are left, of fewer than {least} units, could be worked out)")]
    SmallRemainder {
        /// The category.
        confounder: String,
        /// The smallest group that is told.
        least: usize,
    },
}

/// Limits on what is told.
#[derive(Clone, Copy)]
pub struct DisclosureLimits<'a> {
    /// The smallest group that is told.
    pub least: usize,
    /// The most columns of confounders.
    pub most: usize,
    /// Terms that name what must not be named.
    pub hidden: &'a dyn Fn(&Term) -> bool,
}

impl Prepared {
    /// Moments of the outcome with treatment and confounders: an answer, not a diagnostic. Nothing that is meant to be blind
    /// may call this.
    ///
    /// # Errors
    /// [`Withheld`].
    pub fn unblinded_moments_for_the_baseline(&self, limits: DisclosureLimits<'_>) -> Result<Moments, Withheld> {
        let treated: Array1<f64> = self.analysed().treatment().iter().map(|arm| arm.encode()).collect();
        let outcome = self.outcome().map_err(|error| Withheld::NoOutcome(error.to_string()))?;
        let (all, ones) = self.arms();
        let least = limits.least;
        if ones.min(all - ones) < least {
            return Err(Withheld::SmallArm { least });
        }
        if small_cell(treated.view(), outcome.view(), least) {
            return Err(Withheld::SmallOutcomeLevel { least });
        }
        let plan = &self.plan;
        let mut told: Vec<(String, Array1<f64>)> = vec![(plan.treatment.column.clone(), treated.clone())];
        let mut left_out = Vec::new();
        for group in &self.draft.confounders {
            let before = told.len();
            for term in &group.terms {
                match self.column_to_tell(term, &told, outcome, limits) {
                    Ok(values) => told.push((term.to_string(), values)),
                    Err(why) => left_out.push(why),
                }
            }
            if rest_is_small(&told, before, outcome, least) {
                told.truncate(before);
                left_out.push(LeftOut::SmallRemainder { confounder: group.confounder.clone(), least });
            }
        }
        told.push((plan.outcome.column.clone(), outcome.clone()));
        let covariance = told.iter().map(|(_, a)| told.iter().map(|(_, b)| covariance(a, b)).collect()).collect();
        let means = told.iter().map(|(_, values)| means_by_arm(values, &treated)).collect();
        let columns = told.into_iter().map(|(name, _)| name).collect();
        Ok(Moments { n: (ones, all - ones), columns, means, covariance, left_out })
    }

    /// The values of a term, or why they are left out.
    fn column_to_tell(
        &self,
        term: &Term,
        told: &[(String, Array1<f64>)],
        outcome: &Array1<f64>,
        limits: DisclosureLimits<'_>,
    ) -> Result<Array1<f64>, LeftOut> {
        // First: the reason must not name the level either.
        if (limits.hidden)(term) {
            return Err(LeftOut::RareLevel);
        }
        // The treatment is among them, so this many confounders are told.
        if told.len() > limits.most {
            return Err(LeftOut::TooMany { term: term.clone(), most: limits.most });
        }
        let unread = |_| LeftOut::NotComputed(term.clone());
        let covariates = self.analysed().covariates(std::slice::from_ref(term)).map_err(unread)?;
        let values: Array1<f64> = covariates.x().iter().copied().collect();
        let others = told.iter().map(|(_, other)| other.view()).chain([outcome.view()]);
        match others.into_iter().any(|other| small_cell(values.view(), other, limits.least)) {
            true => Err(LeftOut::SmallGroup { term: term.clone(), least: limits.least }),
            false => Ok(values),
        }
    }
}

/// True if the levels of a category that are not among the columns from `before` on, taken together, make a small cell: what
/// is told of the others tells of them by subtraction.
fn rest_is_small(told: &[(String, Array1<f64>)], before: usize, outcome: &Array1<f64>, least: usize) -> bool {
    let (others, levels) = told.split_at(before.min(told.len()));
    let indicator = |values: &Array1<f64>| values.iter().all(|v| *v == 0.0 || *v == 1.0);
    if levels.is_empty() || !levels.iter().all(|(_, values)| indicator(values)) {
        return false;
    }
    let mut rest: Array1<f64> = Array1::ones(outcome.len());
    for (_, values) in levels {
        rest -= values;
    }
    let crossed = others.iter().map(|(_, other)| other.view()).chain([outcome.view()]);
    let mut views = crossed.chain(levels.iter().map(|(_, values)| values.view()));
    let few = rest.iter().filter(|v| **v == 1.0).count();
    (few > 0 && few < least) || views.any(|other| small_cell(rest.view(), other, least))
}

/// True if two columns of two values each, crossed, have a cell that is small and not empty. Columns of more values have
/// none that a mean would tell.
fn small_cell(a: ArrayView1<'_, f64>, b: ArrayView1<'_, f64>, least: usize) -> bool {
    let (Some(low_a), Some(low_b)) = (lower_of_two(a), lower_of_two(b)) else { return false };
    let mut cells = [0_usize; 4];
    for (x, y) in a.iter().zip(b) {
        let at = 2 * usize::from(*x != low_a) + usize::from(*y != low_b);
        if let Some(cell) = cells.get_mut(at) {
            *cell += 1;
        }
    }
    cells.into_iter().any(|n| n > 0 && n < least)
}

/// The first value of a column that has at most two.
fn lower_of_two(values: ArrayView1<'_, f64>) -> Option<f64> {
    let first = *values.first()?;
    let other = values.iter().copied().find(|value| *value != first);
    values.iter().all(|value| *value == first || Some(*value) == other).then_some(first)
}

fn means_by_arm(values: &Array1<f64>, treated: &Array1<f64>) -> (f64, f64) {
    let values = values.to_vec();
    let control: Vec<f64> = treated.iter().map(|t| 1.0 - t).collect();
    (weighted_mean(&values, &treated.to_vec()), weighted_mean(&values, &control))
}

fn covariance(a: &Array1<f64>, b: &Array1<f64>) -> f64 {
    let n = a.len() as f64;
    let (mean_a, mean_b) = (sum(a.iter().copied()) / n, sum(b.iter().copied()) / n);
    sum(a.iter().zip(b).map(|(x, y)| (x - mean_a) * (y - mean_b))) / (n - 1.0)
}

#[cfg(test)]
mod tests {
    use crate::baseline::moments::*;
    use ndarray::array;

    #[test]
    fn a_small_cell_is_found_and_an_empty_one_is_none() {
        let half = array![0.0, 0.0, 0.0, 1.0, 1.0, 1.0];
        let one = array![0.0, 0.0, 0.0, 0.0, 0.0, 1.0];
        let many = array![1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        assert!(small_cell(half.view(), one.view(), 2));
        assert!(!small_cell(half.view(), half.view(), 3), "the empty cells tell nothing");
        assert!(!small_cell(half.view(), many.view(), 5));
    }

    #[test]
    fn levels_that_are_left_are_not_told_by_subtraction() {
        let treated: Array1<f64> = (0..40).map(|i| f64::from(i % 2)).collect();
        // A reference level of four units, and one of twelve.
        for (reference, small) in [(4, true), (12, false)] {
            let level = |at: i32| (0..40).map(|i| f64::from(u8::from(i >= reference && i % 3 == at))).collect();
            let told: Vec<(String, Array1<f64>)> = vec![
                ("t".into(), treated.clone()),
                ("a".into(), level(0)),
                ("b".into(), level(1)),
                ("c".into(), level(2)),
            ];
            assert_eq!(rest_is_small(&told, 1, &(0..40).map(f64::from).collect(), 5), small);
        }
    }

    #[test]
    fn moments_are_those_of_the_textbook() {
        let (a, b) = (array![1.0, 2.0, 3.0, 4.0], array![2.0, 4.0, 6.0, 9.0]);
        assert!((covariance(&a, &b) - 11.5 / 3.0).abs() < 1e-12);
        assert_eq!(means_by_arm(&b, &array![1.0, 0.0, 0.0, 1.0]), (5.5, 5.0));
    }
}
