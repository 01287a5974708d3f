//! Separation: when a logistic regression has no maximum-likelihood estimate.
//!
//! The estimate does not exist exactly when some direction d ≠ 0 has (2yᵢ − 1) zᵢᵀd ≥ 0 for every unit and > 0 for at
//! least one (Albert & Anderson 1984, doi:10.1093/biomet/71.1.1). Such a d is a certificate: along it the likelihood
//! rises for ever. A single term is tested exactly; joint separation is found from the direction in which Newton's
//! method runs away.

use crate::numerics::design_matrix::{DesignMatrix, dot};
use ndarray::{Array1, Array2};

/// Violations of a certificate up to this share of its largest margin are rounding.
const MARGIN_TOLERANCE: f64 = 1e-6;
/// A term takes part in a separating direction if its standardised loading is at least this share of the largest.
const LOADING_SHARE: f64 = 0.05;

/// The first kept term that alone separates the classes: all its values in one class are at least as large as all its
/// values in the other. `y` holds zeros and ones; rows of weight zero do not count.
pub(super) fn single_term(design: &DesignMatrix<'_>, y: &[f64], weights: &[f64]) -> Option<String> {
    let s = design.standardisation();
    s.columns()
        .iter()
        .zip(s.terms())
        .find(|(c, _)| separates(design.x(), **c, y, weights))
        .map(|(_, term)| term.clone())
}

fn separates(x: &Array2<f64>, column: usize, y: &[f64], weights: &[f64]) -> bool {
    let mut range = [(f64::INFINITY, f64::NEG_INFINITY); 2];
    for (i, v) in x.column(column).iter().enumerate().filter(|(i, _)| weights[*i] > 0.0) {
        let class = &mut range[usize::from(y[i] == 1.0)];
        *class = (class.0.min(*v), class.1.max(*v));
        if range[0].1 > range[1].0 && range[1].1 > range[0].0 {
            return false; // the ranges overlap already; most terms end here within a few rows
        }
    }
    // Touching ranges count: the likelihood then rises for ever too, though one value is in both.
    range[0].1 <= range[1].0 || range[1].1 <= range[0].0
}

/// True if `direction` (k, standardised scale) certifies separation, up to rounding.
pub(super) fn certifies(design: &DesignMatrix<'_>, direction: &Array1<f64>, y: &[f64], weights: &[f64]) -> bool {
    let direction = direction.to_vec();
    let margin = design.map_rows(|i, z| if weights[i] > 0.0 { (2.0 * y[i] - 1.0) * dot(z, &direction) } else { 0.0 });
    let largest = margin.iter().copied().fold(0.0, f64::max);
    let smallest = margin.iter().copied().fold(0.0, f64::min);
    largest > 0.0 && -smallest <= MARGIN_TOLERANCE * largest
}

/// The terms that make up a separating direction.
pub(super) fn terms_in(design: &DesignMatrix<'_>, direction: &Array1<f64>) -> Vec<String> {
    let loadings = direction.iter().skip(1);
    let largest = loadings.clone().fold(0.0_f64, |m, v| m.max(v.abs()));
    let terms = design.standardisation().terms();
    terms.iter().zip(loadings).filter(|(_, v)| v.abs() >= LOADING_SHARE * largest).map(|(t, _)| t.clone()).collect()
}
