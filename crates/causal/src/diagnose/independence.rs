//! A test of conditional independence, `A ⊥ B | Z`, for columns of any type: what a causal graph implies and data can refute.
//!
//! `A` and `B` are one column or more (a category has an indicator for each level but one). Both are regressed on `Z`, a column of
//! two values by logistic regression, any other by least squares, and the test asks if what is left is correlated:
//!
//! ```text
//! R_i = ε_i ⊗ η_i,   T = R̄' Ω⁻¹ R̄ ~ χ²(d),   R̄ = Σ w R / Σ w,   Ω = Σ_g (Σ_{i in g} w (R − R̄))(·)' / (Σ w)²,
//! ```
//!
//! with `ε`, `η` the residuals of `A` and `B`, `w` observation weights, `g` clusters (each row its own without them), and `d`
//! the rank of `Ω`. This is the generalised covariance measure; with one number on each side it is the test of a partial
//! correlation, robust to heteroscedasticity. It needs the regressions to be right: a number in `Z` enters as a linear spline
//! with knots at its quintiles (at its deciles from 1,000 rows on, where `Z` has few
//! columns), and with few columns their products enter too. It has no power against dependence that
//! leaves the residuals uncorrelated.
//!
//! Reference: Shah & Peters 2020, doi:10.1214/19-AOS1857.

use crate::learners::logistic::expit;
use crate::numerics::design_matrix::DesignMatrix;
use crate::numerics::distributions::chi_squared_upper;
use crate::numerics::linalg::{Cholesky, LinalgError, independent_columns};
use crate::numerics::products;
use crate::numerics::quantile::quantiles;
use crate::numerics::standardise::Standardisation;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, concatenate};

/// A column is left out if others explain all of it but this share.
const TOLERANCE: f64 = 1e-8;
/// Products of the columns of `Z` enter up to this many of them.
const MOST_FOR_PRODUCTS: usize = 8;
/// Rows for each column of the regressions, at least.
const ROWS_FOR_A_COLUMN: usize = 10;
/// Penalty of the logistic regressions on half the sum of squared standardised coefficients: nothing beside the data, and enough
/// for a fit to exist.
const RIDGE: f64 = 0.01;
/// Newton steps of a logistic regression.
const MOST_STEPS: usize = 50;
/// It has converged when no standardised coefficient moves by more.
const SMALLEST_STEP: f64 = 1e-6;
/// Rows from which splines have knots at deciles.
const ROWS_FOR_DECILES: usize = 1_000;
/// Columns of `Z` up to which they have.
const MOST_FOR_DECILES: usize = 4;

/// The columns of one test.
#[derive(Debug, Clone, Copy)]
pub struct IndependenceSample<'a> {
    /// n × 1 or more.
    pub a: ArrayView2<'a, f64>,
    /// n × 1 or more.
    pub b: ArrayView2<'a, f64>,
    /// n × any.
    pub given: ArrayView2<'a, f64>,
    /// Observation weights.
    pub weights: Option<ArrayView1<'a, f64>>,
    /// Clusters, numbered from 0.
    pub clusters: Option<ArrayView1<'a, usize>>,
}

/// What came out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IndependenceTest {
    /// T.
    pub statistic: f64,
    /// d.
    pub df: usize,
    /// P(χ²(d) > T).
    pub p: f64,
    /// The residual correlation that is largest in absolute value.
    pub correlation: f64,
    /// Rows.
    pub n: usize,
}

/// Why there is no test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IndependenceError {
    /// Too few rows for the regressions.
    #[error("{n} rows are too few for {columns} columns")]
    TooFewRows {
        /// Rows.
        n: usize,
        /// Columns of the regressions.
        columns: usize,
    },
    /// The conditioning columns determine one of the two.
    #[error("nothing is left of one of the two: it is constant, or a function of what is conditioned on")]
    Determined,
    /// A matrix without an inverse.
    #[error(transparent)]
    Linalg(#[from] LinalgError),
    /// A logistic regression that did not converge.
    #[error("the regression of a column of two values on what is conditioned on did not converge")]
    NoFit,
}

/// Tests `A ⊥ B | Z`.
///
/// # Errors
/// [`IndependenceError`]; never a number that is not finite.
pub fn test(sample: &IndependenceSample<'_>) -> Result<IndependenceTest, IndependenceError> {
    let n = sample.a.nrows();
    let weights = sample.weights.map_or_else(|| Array1::ones(n), |weights| weights.to_owned());
    let design = basis(sample.given, &weights);
    let columns = design.ncols() + sample.a.ncols() * sample.b.ncols();
    if n < ROWS_FOR_A_COLUMN * columns {
        return Err(IndependenceError::TooFewRows { n, columns });
    }
    let fit = Regressions::new(&design, &weights)?;
    let (a, b) = (fit.residuals(sample.a)?, fit.residuals(sample.b)?);
    let products = products(&a, &b);
    let total = weights.sum();
    let mean = products.t().dot(&weights) / total;
    let omega = variance_of_mean(&(&products - &mean), &weights, sample.clusters);
    let kept = independent_columns(omega.view(), TOLERANCE);
    let correlation = largest_correlation(&a, &b, &weights, &mean);
    if kept.is_empty() {
        return Err(IndependenceError::Determined);
    }
    let (mean, omega) = (mean.select(Axis(0), &kept), omega.select(Axis(0), &kept).select(Axis(1), &kept));
    let statistic = mean.dot(&Cholesky::new(&omega)?.solve(&mean)?);
    let p = chi_squared_upper(statistic, kept.len()).ok_or(IndependenceError::Determined)?;
    Ok(IndependenceTest { statistic, df: kept.len(), p, correlation, n })
}

/// The columns, their splines, and their products where there are few.
fn basis(given: ArrayView2<'_, f64>, weights: &Array1<f64>) -> Array2<f64> {
    let n = given.nrows();
    let pieces = if n < ROWS_FOR_DECILES || given.ncols() > MOST_FOR_DECILES { 5 } else { 10 };
    let mut columns: Vec<Array1<f64>> = Vec::new();
    let standard: Vec<Array1<f64>> = given.columns().into_iter().map(|column| standardised(column, weights)).collect();
    for column in &standard {
        columns.push(column.clone());
        columns.extend(knots(column, pieces).into_iter().map(|knot| column.mapv(|value| (value - knot).max(0.0))));
    }
    if standard.len() <= MOST_FOR_PRODUCTS {
        let pairs = standard.iter().enumerate().flat_map(|(i, a)| standard[i + 1..].iter().map(move |b| a * b));
        columns.extend(pairs);
    }
    let mut design = Array2::zeros((n, columns.len()));
    for (mut place, column) in design.columns_mut().into_iter().zip(&columns) {
        place.assign(column);
    }
    design
}

fn standardised(column: ArrayView1<'_, f64>, weights: &Array1<f64>) -> Array1<f64> {
    let total = weights.sum();
    let mean = column.dot(weights) / total;
    let centred = column.mapv(|value| value - mean);
    let scale = (centred.mapv(|value| value * value).dot(weights) / total).sqrt();
    if scale > 0.0 { centred / scale } else { centred * 0.0 }
}

/// The larger of the two values of a column that has two; `None` for any other.
fn larger_of_two(column: ArrayView1<'_, f64>) -> Option<f64> {
    let first = column.first().copied()?;
    let other = column.iter().copied().find(|value| *value != first)?;
    column.iter().all(|value| *value == first || *value == other).then_some(first.max(other))
}

/// The values that cut a column of numbers into as many pieces; none for one that has two values.
fn knots(column: &Array1<f64>, pieces: u32) -> Vec<f64> {
    if larger_of_two(column.view()).is_some() {
        return Vec::new();
    }
    let shares: Vec<f64> = (1..pieces).map(|i| f64::from(i) / f64::from(pieces)).collect();
    let mut knots = quantiles(&column.to_vec(), &shares).unwrap_or_default();
    knots.dedup();
    knots
}

/// Regressions on the columns of a design that are not combinations of others.
struct Regressions<'a> {
    weights: &'a Array1<f64>,
    /// With an intercept, standardised.
    dense: Array2<f64>,
    factor: Cholesky,
}

impl<'a> Regressions<'a> {
    fn new(x: &Array2<f64>, weights: &'a Array1<f64>) -> Result<Self, IndependenceError> {
        let names: Vec<String> = (0..x.ncols()).map(|column| column.to_string()).collect();
        let standardisation = Standardisation::fit(x, &names, Some(&weights.to_vec()));
        let design = DesignMatrix::new(x, &standardisation);
        let factor = Cholesky::new(&design.gram(Some(&weights.to_vec())))?;
        let dense = design.to_dense();
        Ok(Self { weights, dense, factor })
    }

    /// What the design leaves of each column, where it leaves anything.
    fn residuals(&self, columns: ArrayView2<'_, f64>) -> Result<Array2<f64>, IndependenceError> {
        let mut left: Vec<Array2<f64>> = Vec::new();
        for column in columns.columns() {
            let residual = match larger_of_two(column) {
                Some(one) if self.dense.ncols() > 1 => self.logistic(&column.mapv(|value| f64::from(value == one)))?,
                _ => self.linear(&standardised(column, self.weights))?,
            };
            let share = residual.mapv(|value| value * value).dot(self.weights) / self.weights.sum();
            if share > TOLERANCE {
                left.push(residual.insert_axis(Axis(1)));
            }
        }
        let views: Vec<ArrayView2<'_, f64>> = left.iter().map(|part| part.view()).collect();
        concatenate(Axis(1), &views).ok().filter(|all| all.ncols() > 0).ok_or(IndependenceError::Determined)
    }

    fn linear(&self, column: &Array1<f64>) -> Result<Array1<f64>, IndependenceError> {
        let moments = self.dense.t().dot(&(column * self.weights));
        Ok(column - &self.dense.dot(&self.factor.solve(&moments)?))
    }

    /// y − P(y = 1 | Z), by Newton's method on the log-likelihood with [`RIDGE`]: a spline often finds values at which one of
    /// the two never occurs, where the maximum-likelihood fit does not exist.
    fn logistic(&self, y: &Array1<f64>) -> Result<Array1<f64>, IndependenceError> {
        let mut gamma = Array1::<f64>::zeros(self.dense.ncols());
        let mut best = self.likelihood(y, &gamma);
        for _ in 0..MOST_STEPS {
            let p = self.dense.dot(&gamma).mapv(expit);
            let information = &p * &p.mapv(|p| 1.0 - p) * self.weights;
            let half = &self.dense * &information.mapv(f64::sqrt).insert_axis(Axis(1));
            let mut hessian = products::gram(&half);
            hessian.diag_mut().mapv_inplace(|value| value + RIDGE);
            let score = self.dense.t().dot(&((y - &p) * self.weights)) - &gamma * RIDGE;
            let mut step = Cholesky::new(&hessian)?.solve(&score)?;
            while self.likelihood(y, &(&gamma + &step)) < best && largest(&step) > SMALLEST_STEP {
                step *= 0.5;
            }
            gamma += &step;
            best = self.likelihood(y, &gamma);
            if largest(&step) <= SMALLEST_STEP {
                return Ok(y - &self.dense.dot(&gamma).mapv(expit));
            }
        }
        Err(IndependenceError::NoFit)
    }

    /// The penalised log-likelihood.
    fn likelihood(&self, y: &Array1<f64>, gamma: &Array1<f64>) -> f64 {
        let u = self.dense.dot(gamma);
        // ln(1 + exp(u)) without overflow.
        let each = ndarray::Zip::from(&u).and(y).map_collect(|u, y| y * u - u.max(0.0) - (-u.abs()).exp().ln_1p());
        each.dot(self.weights) - 0.5 * RIDGE * gamma.dot(gamma)
    }
}

fn largest(step: &Array1<f64>) -> f64 {
    step.iter().fold(0.0, |largest, value| value.abs().max(largest))
}

fn products(a: &Array2<f64>, b: &Array2<f64>) -> Array2<f64> {
    let mut all = Array2::zeros((a.nrows(), a.ncols() * b.ncols()));
    for (i, left) in a.columns().into_iter().enumerate() {
        for (j, right) in b.columns().into_iter().enumerate() {
            all.column_mut(i * b.ncols() + j).assign(&(&left * &right));
        }
    }
    all
}

/// Ω of the header.
fn variance_of_mean(
    centred: &Array2<f64>,
    weights: &Array1<f64>,
    clusters: Option<ArrayView1<'_, usize>>,
) -> Array2<f64> {
    let scores = centred * &weights.view().insert_axis(Axis(1));
    let total = weights.sum();
    let scores = match clusters {
        None => scores,
        Some(clusters) => {
            let groups = clusters.iter().max().map_or(0, |last| last + 1);
            let mut sums = Array2::zeros((groups, scores.ncols()));
            for (row, group) in scores.rows().into_iter().zip(clusters) {
                let mut sum = sums.row_mut(*group);
                sum += &row;
            }
            sums
        }
    };
    products::gram(&scores) / (total * total)
}

fn largest_correlation(a: &Array2<f64>, b: &Array2<f64>, weights: &Array1<f64>, mean: &Array1<f64>) -> f64 {
    let scale = |column: ArrayView1<'_, f64>| (column.mapv(|v| v * v).dot(weights) / weights.sum()).sqrt();
    let mut largest = 0.0_f64;
    for (i, left) in a.columns().into_iter().enumerate() {
        for (j, right) in b.columns().into_iter().enumerate() {
            let correlation = mean[i * b.ncols() + j] / (scale(left) * scale(right));
            if correlation.abs() > largest.abs() {
                largest = correlation;
            }
        }
    }
    largest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::streams;
    use rand::RngExt as _;

    fn normal(n: usize, seed: u64, stage: &str) -> Array1<f64> {
        let mut random = streams::stream(seed, stage);
        let mut uniform = move || random.random::<f64>().max(1e-300);
        Array1::from_iter((0..n).map(|_| (-2.0 * uniform().ln()).sqrt() * (std::f64::consts::TAU * uniform()).cos()))
    }

    fn column(values: &Array1<f64>) -> Array2<f64> {
        values.clone().insert_axis(Axis(1))
    }

    fn p_of(a: &Array1<f64>, b: &Array1<f64>, given: &[&Array1<f64>]) -> f64 {
        let given: Vec<Array2<f64>> = given.iter().map(|z| column(z)).collect();
        let views: Vec<ArrayView2<'_, f64>> = given.iter().map(|part| part.view()).collect();
        let given = if views.is_empty() { Array2::zeros((a.len(), 0)) } else { concatenate(Axis(1), &views).unwrap() };
        let (a, b) = (column(a), column(b));
        let sample =
            IndependenceSample { a: a.view(), b: b.view(), given: given.view(), weights: None, clusters: None };
        test(&sample).expect("a test").p
    }

    /// Without conditioning and with binary columns it is the Wald test of a difference in means, up to the variance under
    /// the alternative; here in closed form: r² n / (mean of squared products − r²).
    #[test]
    fn closed_form_without_conditioning() {
        let a = Array1::from_vec([1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0].repeat(10));
        let b = Array1::from_vec([2.0, 1.0, 4.0, 3.0, 1.0, 0.0, 2.0, 2.0, 5.0, 1.0].repeat(10));
        let (left, right) = (column(&a), column(&b));
        let given = Array2::zeros((100, 0));
        let sample =
            IndependenceSample { a: left.view(), b: right.view(), given: given.view(), weights: None, clusters: None };
        let found = test(&sample).unwrap();
        let centre = |x: &Array1<f64>| x - x.mean().unwrap();
        let r = centre(&a) * centre(&b);
        let mean = r.mean().unwrap();
        let expected = mean * mean / (r.mapv(|v| (v - mean).powi(2)).sum() / 1e4);
        assert!((found.statistic - expected).abs() < 1e-9 * expected);
        assert!((found.correlation - mean / (a.std(0.0) * b.std(0.0))).abs() < 1e-12);
        assert_eq!((found.df, found.n), (1, 100));
    }

    /// 400 samples of 500 rows: a fork, a chain with a bent edge, and a binary common cause. At 5 % the share of rejections
    /// has a standard error of 1.1 %.
    #[test]
    fn size_and_power() {
        let mut rejected = [0_usize; 4];
        for seed in 0..400 {
            let noise = |stage: &str| normal(500, seed, stage);
            let z = noise("z");
            let bent = z.mapv(|v| v * v) + noise("a");
            let other = z.mapv(f64::sin) + noise("b");
            let w = noise("w").mapv(|v| f64::from(v > 0.3));
            let binary = (&w - 0.5 + noise("c")).mapv(|v| f64::from(v > 0.0));
            let number = &w * 2.0 + noise("d");
            rejected[0] += usize::from(p_of(&bent, &other, &[&z]) < 0.05);
            rejected[1] += usize::from(p_of(&binary, &number, &[&w]) < 0.05);
            rejected[2] += usize::from(p_of(&binary, &number, &[]) < 0.05);
            rejected[3] += usize::from(p_of(&bent, &(&other + &bent * 0.3), &[&z]) < 0.05);
        }
        assert!(rejected[0] < 34 && rejected[1] < 34, "size: {rejected:?}");
        assert!(rejected[2] > 390 && rejected[3] > 390, "power: {rejected:?}");
    }

    #[test]
    fn weights_have_no_unit_and_a_cluster_of_copies_is_one_row() {
        let (a, b, z) = (normal(300, 1, "a"), normal(300, 1, "b"), normal(300, 1, "z"));
        let stacked = |x: &Array1<f64>| column(&concatenate(Axis(0), &[x.view(), x.view()]).unwrap());
        let (a1, b1, z1) = (column(&a), column(&b), column(&z));
        let one = IndependenceSample { a: a1.view(), b: b1.view(), given: z1.view(), weights: None, clusters: None };
        let once = test(&one).unwrap();
        let (a2, b2, z2) = (stacked(&a), stacked(&b), stacked(&z));
        let clusters = Array1::from_iter((0..600).map(|row| row % 300));
        let two = IndependenceSample {
            a: a2.view(),
            b: b2.view(),
            given: z2.view(),
            weights: None,
            clusters: Some(clusters.view()),
        };
        assert!((test(&two).unwrap().statistic - once.statistic).abs() < 1e-9);
        let weights = Array1::from_elem(300, 3.7);
        let weighted = IndependenceSample { weights: Some(weights.view()), ..one };
        assert!((test(&weighted).unwrap().statistic - once.statistic).abs() < 1e-9);
        let swapped = IndependenceSample { a: b1.view(), b: a1.view(), ..one };
        assert!((test(&swapped).unwrap().statistic - once.statistic).abs() < 1e-9);
    }

    #[test]
    fn what_cannot_be_tested_is_refused() {
        let (a, b) = (normal(200, 2, "a"), normal(200, 2, "b"));
        let (left, right) = (column(&a), column(&b));
        let refuse = |given: Array2<f64>, left: &Array2<f64>| {
            let sample = IndependenceSample {
                a: left.view(),
                b: right.view(),
                given: given.view(),
                weights: None,
                clusters: None,
            };
            test(&sample).expect_err("no test")
        };
        assert_eq!(refuse(left.mapv(|v| 3.0 * v + 1.0), &left), IndependenceError::Determined);
        assert_eq!(refuse(Array2::zeros((200, 0)), &Array2::from_elem((200, 1), 4.0)), IndependenceError::Determined);
        let many = Array2::from_shape_fn((200, 30), |at| normal(1, at.0 as u64, &at.1.to_string())[0]);
        assert!(matches!(refuse(many, &left), IndependenceError::TooFewRows { n: 200, .. }));
    }
}
