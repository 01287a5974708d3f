//! From responses to what the trees are fitted to, and back.
//!
//! **Numbers.** y is shifted to the middle of its range and divided by the range, so that it lies in [−½, ½]; the prior
//! of each leaf is μ ~ N(0, τ²), τ = 1/(2k√T), so the sum of T trees has k standard deviations in ½. Weights, scaled to
//! mean 1, are precisions: y_i ~ N(f(x_i), σ²/w_i). σ² ~ νλ/χ²_ν with λ such that P(σ < σ̂) = q; σ̂ is the residual
//! standard deviation of weighted least squares of y on the codes of all columns. Codes rather than values, because
//! then the whole fit is unchanged by monotone transformations of the covariates. With fewer than two residual degrees
//! of freedom per ten rows it is the standard deviation of y.
//!
//! **Zeros and ones** (Albert & Chib 1993, doi:10.1080/01621459.1993.10476321). P(y = 1 | x) = Φ(o + f(x)), o = Φ⁻¹(ȳ),
//! τ = 3/(k√T), σ = 1. Latent z_i ~ N(o + f(x_i), 1) given z_i > 0 where y_i = 1 and z_i < 0 where y_i = 0. A latent
//! normal has no weighted version, so unequal positive weights are refused.

use crate::learner_kind::Family;
use crate::learners::bart::elementary::{chi_square_quantile, normal_cdf};
use crate::learners::bart::params::{BartParams, NAME};
use crate::learners::learner::LearnerError;
use crate::numerics::binned::BinnedMatrix;
use crate::numerics::distributions::normal_quantile;
use crate::numerics::sums;

/// Most rows that calibrate σ̂: it is a rough figure, and least squares costs n p².
const CALIBRATION_ROWS: usize = 20_000;

/// The model of the responses.
#[derive(Debug, Clone)]
pub enum Response {
    /// y = middle + range · (f + noise).
    Normal {
        /// Half-way between the smallest and the largest y.
        middle: f64,
        /// Largest minus smallest y.
        range: f64,
        /// The n responses on the inner scale.
        scaled: Vec<f64>,
        /// νλ of the prior of σ², inner scale.
        nu_lambda: f64,
        /// σ̂², inner scale.
        start: f64,
    },
    /// P(y = 1) = Φ(offset + f).
    Probit {
        /// o.
        offset: f64,
        /// True for each of the n responses that is 1.
        positive: Vec<bool>,
    },
}

/// The n rows in use.
#[derive(Debug, Clone, Copy)]
pub struct RowsInUse<'a> {
    /// n responses.
    pub y: &'a [f64],
    /// n positive weights with mean 1.
    pub weights: &'a [f64],
    /// The codes of all rows, used or not.
    pub x: &'a BinnedMatrix,
    /// The places of the n rows in `x`.
    pub places: &'a [usize],
}

impl Response {
    /// The response model of the rows in use.
    ///
    /// # Errors
    /// [`LearnerError::Data`]: see the checks below.
    pub fn new(family: Family, rows: RowsInUse<'_>, params: &BartParams) -> Result<Self, LearnerError> {
        match family {
            Family::Gaussian => normal(rows, params),
            Family::Bernoulli => probit(rows.y, rows.weights),
        }
    }

    /// τ², the prior variance of a leaf value, for T trees.
    #[must_use]
    pub fn leaf_variance(&self, params: &BartParams) -> f64 {
        // In the scaled y half the range is ½; on the probit scale ±3 spans probabilities from 0.001 to 0.999.
        let half = match self {
            Response::Normal { .. } => 0.5,
            Response::Probit { .. } => 3.0,
        };
        (half / params.k).powi(2) / params.trees as f64
    }

    /// A value of f on the scale of the responses: y, or a probability.
    #[must_use]
    pub fn outward(&self, f: f64) -> f64 {
        match self {
            Response::Normal { middle, range, .. } => middle + range * f,
            Response::Probit { offset, .. } => probability(offset + f),
        }
    }
}

/// Φ(z), and where a double cannot tell it from 0 or 1, the nearest number that is strictly between.
pub fn probability(z: f64) -> f64 {
    normal_cdf(z).clamp(f64::MIN_POSITIVE, 1.0 - 0.5 * f64::EPSILON)
}

fn refuse<T>(problem: impl Into<String>) -> Result<T, LearnerError> {
    Err(LearnerError::Data { learner: NAME, problem: problem.into() })
}

fn normal(rows: RowsInUse<'_>, params: &BartParams) -> Result<Response, LearnerError> {
    let y = rows.y;
    let (low, high) = y.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), y| (l.min(*y), h.max(*y)));
    let range = high - low;
    if !(range.is_finite() && range > 0.0) {
        return refuse("all responses are equal, or too far apart to subtract: there is nothing to fit");
    }
    // As low + range/2 rather than (low + high)/2: range is known to be finite, the sum is not.
    let middle = low + 0.5 * range;
    let scaled: Vec<f64> = y.iter().map(|y| (y - middle) / range).collect();
    let sigma_hat = match params.sigma_hat {
        Some(sigma) => sigma / range,
        None => residual_sd(RowsInUse { y: &scaled, ..rows }),
    };
    let start = sigma_hat * sigma_hat;
    // P(σ < σ̂) = P(χ²_ν > νλ/σ̂²) = q.
    let nu_lambda = start * chi_square_quantile(params.nu, 1.0 - params.q);
    if !(nu_lambda > 0.0 && nu_lambda.is_finite()) {
        return refuse("the responses are a linear function of the columns without any noise; set sigma_hat");
    }
    Ok(Response::Normal { middle, range, scaled, nu_lambda, start })
}

fn probit(y: &[f64], weights: &[f64]) -> Result<Response, LearnerError> {
    if weights.iter().any(|w| *w != weights[0]) {
        return refuse(
            "observation weights that differ are not defined for a probit model: give every row the same weight, use \
             rows of weight zero to leave some out, or choose a learner that takes weights, such as `boosting`",
        );
    }
    if y.iter().any(|y| *y != 0.0 && *y != 1.0) {
        return refuse("a response is neither 0 nor 1");
    }
    let mean = sums::sum(y.iter().copied()) / y.len() as f64;
    match normal_quantile(mean) {
        Some(offset) => Ok(Response::Probit { offset, positive: y.iter().map(|y| *y == 1.0).collect() }),
        None => refuse("all responses are of one class: there is nothing to fit"),
    }
}

/// Residual standard deviation of weighted least squares on the codes, as the last pivot of the Cholesky factor of the
/// weighted moments of (codes, y); columns that depend on earlier ones are left out.
fn residual_sd(rows: RowsInUse<'_>) -> f64 {
    let RowsInUse { y, weights, x, places } = rows;
    let stride = y.len().div_ceil(CALIBRATION_ROWS);
    let used: Vec<usize> = (0..y.len()).step_by(stride).collect();
    let root: Vec<f64> = used.iter().map(|i| weights[*i].sqrt()).collect();
    let total = sums::sum(used.iter().map(|i| weights[*i]));
    let centred = |value: &dyn Fn(usize) -> f64| -> Vec<f64> {
        let mean = sums::sum(used.iter().map(|i| weights[*i] * value(*i))) / total;
        used.iter().zip(&root).map(|(i, root)| root * (value(*i) - mean)).collect()
    };
    let n = used.len() as f64;
    let target = centred(&|i| y[i]);
    let all = sums::dot(&target, &target);
    // Known beforehand to leave too few degrees of freedom: the columns need not be made.
    let usable = x.p() as f64 <= 0.8 * n;
    let mut basis: Vec<Vec<f64>> = Vec::new();
    if usable {
        basis = (0..x.p()).map(|j| centred(&|i| f64::from(x.column(j)[places[i]]))).collect();
    }
    // Last, so that the pivot it would have is the residual sum of squares.
    basis.push(target);
    let (rss, rank) = last_pivot(&basis);
    // Weights have mean 1 over all rows; over the rows used they need not.
    let scale = n / total;
    // One for the mean that was taken out.
    let df = n - 1.0 - rank as f64;
    if usable && df >= 0.2 * n && rss > 1e-12 * all { (scale * rss / df).sqrt() } else { (scale * all / n).sqrt() }
}

/// The part of the last vector's square that the earlier ones leave, and how many of them are independent.
fn last_pivot(basis: &[Vec<f64>]) -> (f64, usize) {
    let mut factor: Vec<Vec<f64>> = Vec::with_capacity(basis.len());
    let mut kept: Vec<usize> = Vec::new();
    let mut left = 0.0;
    for (j, v) in basis.iter().enumerate() {
        let mut row: Vec<f64> = Vec::with_capacity(kept.len() + 1);
        for (a, k) in kept.iter().enumerate() {
            let explained: f64 = row.iter().zip(&factor[a]).map(|(x, y)| x * y).sum();
            row.push((dot(v, &basis[*k]) - explained) / factor[a][a]);
        }
        let square = dot(v, v);
        left = square - row.iter().map(|x| x * x).sum::<f64>();
        // The response never becomes a row: only what is left of it is wanted.
        if left > 1e-9 * square && j + 1 < basis.len() {
            row.push(left.sqrt());
            factor.push(row);
            kept.push(j);
        }
    }
    (left, kept.len())
}

/// Σ a·b in eight accumulators.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut banks = [0.0; 8];
    let (left, right) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f64 = left.remainder().iter().zip(right.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in left.zip(right) {
        for (bank, (a, b)) in banks.iter_mut().zip(a.iter().zip(b)) {
            *bank += a * b;
        }
    }
    // In the order of the banks, remainder last: the same bits on every machine.
    banks.iter().sum::<f64>() + rest
}

#[cfg(test)]
mod tests {
    use crate::learners::bart::response::*;
    use ndarray::Array2;

    #[test]
    fn the_residual_standard_deviation_is_that_of_least_squares() {
        // y = 3 + 2a − b ± 1 with the sign orthogonal to everything by design; c = a + b is aliased.
        let n = 64;
        let x = Array2::from_shape_fn((n, 3), |(i, j)| {
            let (a, b) = ((i % 4) as f64, ((i / 4) % 4) as f64);
            [a, b, a + b][j]
        });
        let sign = |i: usize| if (i / 16).is_multiple_of(2) { 1.0 } else { -1.0 };
        let y: Vec<f64> = (0..n).map(|i| 3.0 + 2.0 * x[[i, 0]] - x[[i, 1]] + sign(i)).collect();
        let binned = BinnedMatrix::new(x.view(), 255);
        let rows: Vec<usize> = (0..n).collect();
        let sd = residual_sd(RowsInUse { y: &y, weights: &vec![1.0; n], x: &binned, places: &rows });
        assert!((sd - (64.0_f64 / (64.0 - 3.0)).sqrt()).abs() < 1e-9, "{sd}");
        // Too few rows for the columns: the standard deviation of y.
        let short: Vec<f64> = y[..3].to_vec();
        let sd = residual_sd(RowsInUse { y: &short, weights: &[1.0; 3], x: &binned, places: &rows[..3] });
        assert!((sd - (8.0_f64 / 3.0).sqrt()).abs() < 1e-9, "{sd}");
    }

    #[test]
    fn what_cannot_be_fitted_is_refused_by_name() {
        let x = BinnedMatrix::new(Array2::zeros((3, 1)).view(), 255);
        let fit = |family, y: &[f64], w: &[f64]| {
            Response::new(family, RowsInUse { y, weights: w, x: &x, places: &[0, 1, 2] }, &BartParams::default())
                .map(|_| ())
                .map_err(|e| e.to_string())
        };
        let ones = [1.0; 3];
        assert!(fit(Family::Gaussian, &[2.0; 3], &ones).unwrap_err().contains("equal"));
        assert!(fit(Family::Bernoulli, &[1.0; 3], &ones).unwrap_err().contains("one class"));
        assert!(fit(Family::Bernoulli, &[1.0, 0.0, 0.5], &ones).unwrap_err().contains("neither"));
        assert!(fit(Family::Bernoulli, &[1.0, 0.0, 0.0], &[1.0, 2.0, 1.0]).unwrap_err().contains("weights"));
        assert_eq!(fit(Family::Bernoulli, &[1.0, 0.0, 0.0], &[2.0; 3]), Ok(()));
        assert_eq!(fit(Family::Gaussian, &[1.0, 0.0, 0.3], &ones), Ok(()));
    }
}
