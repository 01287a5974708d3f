//! Values of leaves.
//!
//! A constant leaf takes the Newton step −G/(H + λ). A linear leaf takes the Newton step of a ridge regression on the
//! columns of its path: with z the columns centred and scaled, H = diag(h),
//!
//! ```text
//! (Z̃ᵀHZ̃ + λI) c = −Z̃ᵀg,   Z̃ = Z − weighted mean in the leaf,   intercept = −G/Σh
//! ```
//!
//! which for squared error is the ridge regression of the residuals y − f with weights h and a free intercept. A column
//! that does not vary in the leaf has no slope. Where the equations cannot be solved the leaf is constant.
//! References: Shi, Li & Li (2019), doi:10.24963/ijcai.2019/476; de Vito (2017), arXiv:1710.03634.

use crate::learners::boosting::grow::LeafRows;
use crate::learners::boosting::tree::Leaf;

/// Most columns of a path: the depth of a tree is at most this.
pub const MAX_PATH: usize = 12;
/// A column varies in a leaf if its variance there is more than this share of its mean square: less is rounding.
const LEAST_VARIANCE: f64 = 1e-10;

/// One column of the training rows, centred and scaled.
#[derive(Debug, Clone)]
pub struct ScaledColumn {
    /// Weighted mean.
    pub centre: f64,
    /// Weighted standard deviation, or 1 where that is zero.
    pub scale: f64,
    /// n values (x − centre)/scale.
    pub z: Vec<f64>,
}

/// A leaf on the scaled columns: `constant + Σ slope·z`, one slope per column of the path.
#[derive(Debug, Clone, PartialEq)]
pub struct ScaledLeaf {
    /// Value at z = 0.
    pub constant: f64,
    /// One per column of the path; none for a constant leaf.
    pub slopes: Vec<f64>,
}

impl ScaledLeaf {
    /// The leaf on the columns as they are.
    pub fn unscaled(&self, leaf: &LeafRows, columns: &[&ScaledColumn]) -> Leaf {
        let mut constant = self.constant;
        let mut slopes = Vec::new();
        for ((slope, column), j) in self.slopes.iter().zip(columns).zip(&leaf.path) {
            if *slope != 0.0 {
                // From z back to x: the centre's share moves to the constant.
                constant -= slope / column.scale * column.centre;
                slopes.push((*j, slope / column.scale));
            }
        }
        Leaf { constant, slopes }
    }
}

/// Derivatives of the loss at the scores of all fitted rows.
#[derive(Debug, Clone, Copy)]
pub struct Derivatives<'a> {
    /// Gradients.
    pub g: &'a [f64],
    /// Curvatures.
    pub h: &'a [f64],
}

/// The Newton step of a ridge regression over `rows`, times `rate`; `None` where it cannot be had.
pub fn ridge(
    rows: &[u32],
    columns: &[&ScaledColumn],
    derivatives: Derivatives<'_>,
    penalty: f64,
    rate: f64,
) -> Option<ScaledLeaf> {
    match columns.len() {
        // Splits go three deep by default; longer paths share one version.
        1 => ridge_of::<1>(rows, columns, derivatives, penalty, rate),
        2 => ridge_of::<2>(rows, columns, derivatives, penalty, rate),
        3 => ridge_of::<3>(rows, columns, derivatives, penalty, rate),
        4..=MAX_PATH => ridge_of::<MAX_PATH>(rows, columns, derivatives, penalty, rate),
        _ => None,
    }
}

#[allow(clippy::needless_range_loop)] // sums of a triangular matrix, as in the equation above
fn ridge_of<const K: usize>(
    rows: &[u32],
    columns: &[&ScaledColumn],
    derivatives: Derivatives<'_>,
    penalty: f64,
    rate: f64,
) -> Option<ScaledLeaf> {
    let k = columns.len().min(K);
    let Derivatives { g, h } = derivatives;
    let (mut sum_h, mut sum_g) = (0.0, 0.0);
    let (mut hz, mut gz, mut hzz) = ([0.0; K], [0.0; K], [[0.0; K]; K]);
    let mut z = [0.0; K];
    for row in rows {
        let i = *row as usize;
        for a in 0..k {
            z[a] = columns[a].z[i];
        }
        let (g, h) = (g[i], h[i]);
        sum_h += h;
        sum_g += g;
        // Up to K, not k: a loop of fixed length is unrolled, and z is zero beyond k.
        for a in 0..K {
            let ha = h * z[a];
            hz[a] += ha;
            gz[a] += g * z[a];
            for b in 0..=a {
                hzz[a][b] += ha * z[b];
            }
        }
    }
    if sum_h <= 0.0 {
        return None;
    }
    // Centring afterwards loses few digits, since the columns were centred over all rows before.
    let mean: [f64; K] = std::array::from_fn(|a| hz[a] / sum_h);
    let mut matrix = hzz;
    let mut right = [0.0; K];
    for a in 0..k {
        for b in 0..=a {
            matrix[a][b] = hzz[a][b] - sum_h * mean[a] * mean[b];
        }
        right[a] = -(gz[a] - sum_g * mean[a]);
    }
    for a in 0..k {
        // Before the penalty is added, which would make any column look as if it varied.
        if matrix[a][a] > LEAST_VARIANCE * hzz[a][a] {
            matrix[a][a] += penalty;
        } else {
            // Constant here: an equation of its own, with solution zero.
            for b in 0..k {
                matrix[a.max(b)][a.min(b)] = 0.0;
            }
            // A one on the diagonal keeps the matrix positive definite.
            (matrix[a][a], right[a]) = (1.0, 0.0);
        }
    }
    let slopes = solve(matrix, right, k)?;
    // The intercept bears no penalty, so it is that of the weighted mean whatever the slopes are.
    let intercept = -sum_g / sum_h;
    let constant = intercept - (0..k).map(|a| slopes[a] * mean[a]).sum::<f64>();
    // The learning rate comes last: it shrinks the whole leaf, slopes and constant alike.
    let slopes: Vec<f64> = slopes[..k].iter().map(|s| s * rate).collect();
    (constant.is_finite() && slopes.iter().all(|s| s.is_finite()))
        .then_some(ScaledLeaf { constant: constant * rate, slopes })
}

/// Solves the first k equations by Cholesky; `None` if the matrix is not positive definite beyond rounding.
#[allow(clippy::needless_range_loop)] // Cholesky as in the books
fn solve<const K: usize>(mut m: [[f64; K]; K], mut v: [f64; K], k: usize) -> Option<[f64; K]> {
    for a in 0..k {
        let diagonal = m[a][a];
        for b in 0..=a {
            let mut sum = m[a][b];
            for c in 0..b {
                sum -= m[a][c] * m[b][c];
            }
            if a == b {
                // Relative to the diagonal, penalty included: what is left of it is rounding.
                if sum <= LEAST_VARIANCE * diagonal {
                    return None;
                }
                m[a][a] = sum.sqrt();
            } else {
                m[a][b] = sum / m[b][b];
            }
        }
    }
    for a in 0..k {
        for c in 0..a {
            v[a] -= m[a][c] * v[c];
        }
        v[a] /= m[a][a];
    }
    for a in (0..k).rev() {
        for c in a + 1..k {
            v[a] -= m[c][a] * v[c];
        }
        v[a] /= m[a][a];
    }
    Some(v)
}
