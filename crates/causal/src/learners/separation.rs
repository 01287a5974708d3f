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

/// A direction in which the likelihood rises for ever.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Recession {
    /// k, standardised scale.
    pub(super) direction: Array1<f64>,
    /// What is smaller in size than this is zero.
    rounding: f64,
}

/// Margins up to this share of the largest are zero, where a direction comes out of Newton's method.
const FOUND_ROUNDING: f64 = 1e-4;
/// Where it is a single term.
const EXACT_ROUNDING: f64 = 1e-9;

impl Recession {
    /// From the direction in which Newton's method runs away.
    pub(super) fn found(design: &DesignMatrix<'_>, direction: &Array1<f64>, weights: &[f64]) -> Self {
        Self::with(design, direction.clone(), weights, FOUND_ROUNDING)
    }

    fn with(design: &DesignMatrix<'_>, direction: Array1<f64>, weights: &[f64], share: f64) -> Self {
        let coefficients = direction.to_vec();
        let sizes = design.map_rows(|i, z| if weights[i] > 0.0 { dot(z, &coefficients).abs() } else { 0.0 });
        let rounding = share * sizes.iter().copied().fold(0.0, f64::max);
        Self { direction, rounding }
    }

    /// For each of the n rows the sign of zᵀd: 1, −1, or 0 where it is zero.
    pub(super) fn sides(&self, design: &DesignMatrix<'_>) -> Vec<f64> {
        let coefficients = self.direction.to_vec();
        let side = |margin: f64| if margin.abs() <= self.rounding { 0.0 } else { margin.signum() };
        design.map_rows(|_, z| side(dot(z, &coefficients))).to_vec()
    }
}

/// The direction of the first kept term that alone separates the classes, and does not do so by being constant: the term
/// less the value at which the classes touch.
pub(super) fn single_term_recession(design: &DesignMatrix<'_>, y: &[f64], weights: &[f64]) -> Option<Recession> {
    let s = design.standardisation();
    for (j, column) in s.columns().iter().enumerate() {
        let mut range = [(f64::INFINITY, f64::NEG_INFINITY); 2];
        for (i, v) in design.x().column(*column).iter().enumerate().filter(|(i, _)| weights[*i] > 0.0) {
            let class = &mut range[usize::from(y[i] == 1.0)];
            *class = (class.0.min(*v), class.1.max(*v));
        }
        let [zero, one] = range;
        // The sign that takes the events up, and the value where the other class ends.
        let (sign, at) = match () {
            () if zero.0 == zero.1 && one.0 == one.1 && zero.0 == one.0 => continue,
            () if zero.1 <= one.0 => (1.0, between(zero.1, one.0)),
            () if one.1 <= zero.0 => (-1.0, between(one.1, zero.0)),
            () => continue,
        };
        let mut direction = Array1::zeros(design.k());
        direction[0] = sign * (s.mean()[j] - at);
        direction[j + 1] = sign * s.scale()[j];
        return Some(Recession::with(design, direction, weights, EXACT_ROUNDING));
    }
    None
}

/// Where two classes touch: their common value, or one between them.
fn between(low: f64, high: f64) -> f64 {
    if low == high { low } else { low + (high - low) / 2.0 }
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
