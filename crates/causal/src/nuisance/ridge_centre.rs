//! The linear part of the outcome in both arms, by one ridge regression whose slopes lean on each other.
//!
//! ```text
//! m(x, a) = ȳ_a + (z − z̄_a)ᵀ(β + (a − ½)γ),       z: x scaled to mean 0 and standard deviation 1
//! (β, γ) = argmin Σ w (y − m)² + λ(|β|² + |γ|²),   λ by restricted maximum likelihood
//! ```
//!
//! The slopes of the arms have the prior correlation 0.6. Where it predicts held-out outcomes better than boosted trees,
//! it is the outcome model of the doubly robust average, and BART is fitted to what it leaves: sums of trees find one
//! strong column quickly and a hundred weak ones never. Penalty, symbols and references: [`crate::learners::ridge`].

use crate::arm::Arm;
use crate::error::EstimateError;
use crate::learners::learner::LearnerError;
use crate::learners::ridge::{CrossProducts, RawSums, Response, Scaling};
use crate::numerics::linalg::LinalgError;
use crate::numerics::{chunks, sums};
use crate::weighted_rows::Rows;
use ndarray::{Array1, Array2, ArrayView2};

/// With more columns than this, one slope serves both arms: the matrix would have more than twice as many rows, and
/// factorising it would cost more than the trees.
const MOST_COLUMNS_BY_ARM: usize = 200;

/// m(x, a), fitted.
pub(crate) struct RidgeCentre {
    scaling: Scaling,
    /// Of both arms, control first.
    intercept: [f64; 2],
    slope: [Vec<f64>; 2],
}

impl RidgeCentre {
    /// Fits the rows of positive weight `w`. `x` is n × p, finite.
    ///
    /// # Errors
    /// [`LinalgError`] if the cross-products overflow.
    pub(crate) fn fit(x: ArrayView2<'_, f64>, rows: &Rows, w: &[f64]) -> Result<Self, LinalgError> {
        let p = x.ncols();
        let scaling = Scaling::new(x, w, p);
        let response = Response { y: &rows.y, w };
        let sums = Arm::BOTH.map(|arm| RawSums::new(x, &scaling, &response, |i| rows.arm[i] == arm));
        let counted = w.iter().filter(|w| **w > 0.0).count();
        // Two means are not penalised.
        let coefficients = of_both_arms(&sums, p <= MOST_COLUMNS_BY_ARM).solve(counted as f64 - 2.0)?;
        let slope_of = |arm: Arm| -> Vec<f64> {
            let sign = 0.5 * arm.sign();
            (0..p).map(|j| coefficients[j] + coefficients.get(p + j).map_or(0.0, |g| sign * g)).collect()
        };
        let slope = Arm::BOTH.map(slope_of);
        let intercept = Arm::BOTH.map(|arm| {
            let (sums, slope) = (&sums[arm.index()], &slope[arm.index()]);
            (sums.y - sums::sum(slope.iter().zip(&sums.z).map(|(b, z)| b * z))) / sums.weight
        });
        Ok(Self { scaling, intercept, slope })
    }

    /// The error of an estimate.
    pub(crate) fn error(source: LinalgError) -> EstimateError {
        let source = LearnerError::Data { learner: "ridge regression", problem: source.to_string() };
        EstimateError::Learner { model: "the outcome of both arms".to_owned(), source }
    }

    /// m(xᵢ, a) of all rows.
    pub(crate) fn values(&self, x: ArrayView2<'_, f64>, arm: Arm) -> Vec<f64> {
        let (slope, intercept) = (&self.slope[arm.index()], self.intercept[arm.index()]);
        // Scaled once here, not once a row.
        let raw: Vec<f64> = slope.iter().zip(&self.scaling.inverse_scale).map(|(b, r)| b * r).collect();
        let offset = intercept - sums::sum(raw.iter().zip(&self.scaling.mean).map(|(b, m)| b * m));
        let one = |i: usize| offset + x.row(i).iter().zip(&raw).map(|(x, b)| x * b).sum::<f64>();
        chunks::map(x.nrows(), |rows| rows.map(one).collect::<Vec<f64>>()).concat()
    }
}

/// Cross-products of the features (z, (a − ½)z), or of z alone, each centred within its arm.
fn of_both_arms(sums: &[RawSums; 2], by_arm: bool) -> CrossProducts {
    let [control, treated] = [sums[0].centred(), sums[1].centred()];
    let p = control.cross.len();
    let k = if by_arm { 2 * p } else { p };
    // (a − ½) is −½ among controls and ½ among the treated, so a product of two of them is ¼.
    let gram = Array2::from_shape_fn((k, k), |(i, j)| {
        let (a, b) = (control.gram[[i % p, j % p]], treated.gram[[i % p, j % p]]);
        match (i < p, j < p) {
            (true, true) => a + b,
            (false, false) => 0.25 * (a + b),
            _ => 0.5 * (b - a),
        }
    });
    let cross = Array1::from_shape_fn(k, |i| match i < p {
        true => control.cross[i] + treated.cross[i],
        false => 0.5 * (treated.cross[i - p] - control.cross[i - p]),
    });
    CrossProducts { gram, cross, total: control.total + treated.total, weight: control.weight + treated.weight }
}
