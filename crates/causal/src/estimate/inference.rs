//! Standard errors from influence functions, with and without the nuisance models' own uncertainty.
//!
//! An estimator τ̂ with nuisance parameters θ (blocks: propensity β, outcome models β₁, β₀) solves, together with the
//! score equations of its nuisances, one stack of estimating equations (Stefanski & Boos 2002,
//! doi:10.1198/000313002753631330). Its influence function is
//!
//! ```text
//! φ*ᵢ = φᵢ + Σ_blocks sᵢ zᵢᵀ v,    v = H⁻¹ Σ w ∂φ/∂η z,    se = √(Σ w² φ*²) / Σ w
//! ```
//!
//! | symbol | here | shape | meaning |
//! |---|---|---|---|
//! | φ | `Scores::phi` | n | influence function with nuisances known |
//! | ∂φ/∂η | `Scores::slope_*` | n | derivative of φ with respect to the linear predictor η of a block |
//! | s | `Block::residual` | n | the block's score is s·z: t − e, or 1{arm}(y − μ) |
//! | H | `Block::information` | k × k | Σ w (−∂s/∂η) z zᵀ |
//! | w | observation weights | n | sampling weights: they enter the variance squared |
//!
//! The n × k influence matrices of the nuisances are never formed: v is one k-vector per block, so the cost is two
//! passes over the rows. No small-sample factor, except G/(G − 1) for the variance with G clusters, within which the
//! influence values are added up before they are squared (Liang & Zeger 1986, doi:10.1093/biomet/73.1.13); intervals then
//! use Student's t with G − 1 degrees of freedom.

use crate::error::EstimateError;
use crate::numerics::design_matrix::{DesignMatrix, dot};
use crate::numerics::linalg::Cholesky;
use crate::numerics::sums;
use crate::weighted_rows::Rows;
use ndarray::Array2;

/// A point estimate, its influence function and the derivatives needed to stack it on its nuisances.
#[derive(Debug, Clone)]
pub(crate) struct Scores {
    /// τ̂.
    pub(crate) estimate: f64,
    /// Mean potential outcome under treatment in the target population.
    pub(crate) mean_treated: f64,
    /// Mean potential outcome under control.
    pub(crate) mean_control: f64,
    /// n influence values, weighted mean zero.
    pub(crate) phi: Vec<f64>,
    /// ∂φ/∂(logit e); `None` if φ does not use the propensity.
    pub(crate) slope_propensity: Option<Vec<f64>>,
    /// ∂φ/∂η₁ and ∂φ/∂η₀; `None` if φ uses no outcome model.
    pub(crate) slope_outcome: Option<[Vec<f64>; 2]>,
}

/// A nuisance model that was fitted by solving Σ w s z = 0.
pub(crate) struct Block<'a> {
    /// ∂φ/∂η, n.
    pub(crate) slope: &'a [f64],
    /// s, n.
    pub(crate) residual: Vec<f64>,
    /// H, k × k.
    pub(crate) information: &'a Array2<f64>,
}

/// √(Σ w²φ²)/Σ w; with G clusters √(G/(G − 1) Σ_g (Σ_{i in g} w φ)²)/Σ w.
pub(crate) fn standard_error(rows: &Rows, phi: &[f64]) -> f64 {
    if let Some(clusters) = &rows.clusters {
        // Added up before they are squared: whatever moves a whole cluster is then in the variance.
        let g = clusters.len() as f64;
        let total = |members: &Vec<usize>| sums::sum(members.iter().map(|i| rows.w[*i] * phi[*i]));
        // One cluster alone makes this infinite or NaN, which no effect may be.
        return (sums::sum(clusters.iter().map(|c| total(c).powi(2))) * g / (g - 1.0)).sqrt() / rows.total;
    }
    sums::sum(phi.iter().zip(&rows.w).map(|(p, w)| (w * p).powi(2))).sqrt() / rows.total
}

/// φ* of the stacked equations, n values; see the module page.
pub(crate) fn stacked_influence(
    rows: &Rows,
    design: &DesignMatrix<'_>,
    phi: &[f64],
    blocks: &[Block<'_>],
) -> Result<Vec<f64>, EstimateError> {
    let weighted: Vec<Vec<f64>> =
        blocks.iter().map(|b| b.slope.iter().zip(&rows.w).map(|(s, w)| s * w).collect()).collect();
    let columns: Vec<&[f64]> = weighted.iter().map(Vec::as_slice).collect();
    // One pass over the rows for the gradients of all blocks.
    let gradients = design.transpose_mul(&columns);
    let mut directions = Vec::with_capacity(blocks.len());
    for (block, gradient) in blocks.iter().zip(gradients.columns()) {
        directions.push(Cholesky::new(block.information)?.solve(&gradient.to_owned())?.to_vec());
    }
    let stacked = design.map_rows(|i, z| {
        let nuisance = blocks.iter().zip(&directions).map(|(b, v)| b.residual[i] * dot(z, v));
        // Σ over at most three blocks, in block order
        phi[i] + nuisance.sum::<f64>()
    });
    Ok(stacked.to_vec())
}
