//! Standardised regression terms: z = (x − mean)/sd, with constant and aliased terms dropped and named.
//!
//! Terms such as `age` and `age^2` on their raw scales make normal equations that lose half the digits; standardised
//! they do not. Fits are made on this scale and mapped back to the raw one:
//!
//! ```text
//! β_j = γ_j / s_j,   β_0 = γ_0 − Σ_j γ_j m_j / s_j,   Cov(β) = J Cov(γ) Jᵀ
//! ```
//!
//! Means and standard deviations (divisor n, or Σw) use the observation weights, and rows of weight zero do not count.

use crate::numerics::chunks;
use crate::numerics::design_matrix::DesignMatrix;
use crate::numerics::linalg::independent_columns;
use crate::numerics::products;
use ndarray::{Array1, Array2};
use std::ops::Range;

/// Unexplained share of a term's variance at or below which it counts as a linear combination of earlier terms.
///
/// Rounding leaves about 1e-14 on exact combinations; a quadratic in a calendar year leaves about 1e-6.
pub const ALIAS_TOLERANCE: f64 = 1e-11;

/// Name of the intercept wherever coefficients are listed.
pub const INTERCEPT: &str = "(Intercept)";

/// The reason that a term has no coefficient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DropReason {
    /// The same value in every row that counts.
    Constant,
    /// A linear combination of the intercept and earlier terms.
    Aliased,
}

/// A term left out of a fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DroppedTerm {
    /// Its name.
    pub term: String,
    /// The reason.
    pub reason: DropReason,
}

/// The terms that are kept, with the centre and the scale of each.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Standardisation {
    columns: Vec<usize>,
    terms: Vec<String>,
    mean: Vec<f64>,
    scale: Vec<f64>,
    inverse_scale: Vec<f64>,
    dropped: Vec<DroppedTerm>,
}

impl Standardisation {
    /// Measures the columns of `x` (n × p, no intercept) with the p `names`, under n observation weights (`None`: ones).
    #[must_use]
    pub fn fit(x: &Array2<f64>, names: &[String], weights: Option<&[f64]>) -> Self {
        let moments = Moments::of_columns(x, weights);
        let mut all = Self::default();
        for (j, name) in names.iter().enumerate().take(x.ncols()) {
            if moments.scale[j] > 0.0 {
                all.columns.push(j);
                all.terms.push(name.clone());
                all.mean.push(moments.mean[j]);
                all.scale.push(moments.scale[j]);
                all.inverse_scale.push(1.0 / moments.scale[j]);
            } else {
                all.dropped.push(DroppedTerm { term: name.clone(), reason: DropReason::Constant });
            }
        }
        // On the standardised terms: the tolerance is then a share of each term's variance, whatever its offset and
        // unit.
        let gram = DesignMatrix::new(x, &all).gram(weights);
        let kept = independent_columns(gram.view(), ALIAS_TOLERANCE);
        all.without_aliased(&kept)
    }

    /// Keeps the columns with the given positions in the design matrix (0 is the intercept).
    fn without_aliased(self, kept: &[usize]) -> Self {
        // `kept` is ascending, as `independent_columns` returns it; position 0 is the intercept.
        let is_kept = |j: usize| kept.binary_search(&(j + 1)).is_ok();
        let positions: Vec<usize> = (0..self.terms.len()).filter(|j| is_kept(*j)).collect();
        let aliased = (0..self.terms.len())
            .filter(|j| !is_kept(*j))
            .map(|j| DroppedTerm { term: self.terms[j].clone(), reason: DropReason::Aliased });
        let mut dropped = self.dropped.clone();
        dropped.extend(aliased);
        Self {
            columns: positions.iter().map(|j| self.columns[*j]).collect(),
            terms: positions.iter().map(|j| self.terms[*j].clone()).collect(),
            mean: positions.iter().map(|j| self.mean[*j]).collect(),
            scale: positions.iter().map(|j| self.scale[*j]).collect(),
            inverse_scale: positions.iter().map(|j| self.inverse_scale[*j]).collect(),
            dropped,
        }
    }

    /// Number of coefficients k: the kept terms and the intercept.
    #[must_use]
    pub fn k(&self) -> usize {
        self.terms.len() + 1
    }

    /// Positions of the kept terms among the columns of x.
    #[must_use]
    pub fn columns(&self) -> &[usize] {
        &self.columns
    }

    /// Names of the kept terms, in column order, without the intercept.
    #[must_use]
    pub fn terms(&self) -> &[String] {
        &self.terms
    }

    /// Names of all k coefficients, intercept first.
    #[must_use]
    pub fn coefficient_names(&self) -> Vec<String> {
        std::iter::once(INTERCEPT.to_owned()).chain(self.terms.iter().cloned()).collect()
    }

    /// The terms left out: constant ones first, then aliased ones, each in term order.
    #[must_use]
    pub fn dropped(&self) -> &[DroppedTerm] {
        &self.dropped
    }

    /// Names of the terms left out, in the order of [`Standardisation::dropped`].
    #[must_use]
    pub fn dropped_names(&self) -> Vec<String> {
        self.dropped.iter().map(|d| d.term.clone()).collect()
    }

    /// Means of the kept terms.
    #[must_use]
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// Standard deviations of the kept terms.
    #[must_use]
    pub fn scale(&self) -> &[f64] {
        &self.scale
    }

    /// Reciprocals of [`Standardisation::scale`].
    pub(crate) fn inverse_scale(&self) -> &[f64] {
        &self.inverse_scale
    }

    /// k coefficients on the standardised scale, mapped to the raw scale.
    #[must_use]
    pub fn to_raw(&self, standardised: &Array1<f64>) -> Array1<f64> {
        let mut raw = standardised.clone();
        for (j, (m, s)) in self.mean.iter().zip(&self.scale).enumerate() {
            raw[j + 1] /= s;
            raw[0] -= raw[j + 1] * m;
        }
        raw
    }

    /// The k × k covariance of the coefficients, mapped to the raw scale.
    #[must_use]
    pub fn covariance_to_raw(&self, standardised: &Array2<f64>) -> Array2<f64> {
        let mut jacobian = Array2::<f64>::eye(self.k());
        for (j, (m, s)) in self.mean.iter().zip(&self.scale).enumerate() {
            jacobian[[j + 1, j + 1]] = 1.0 / s;
            jacobian[[0, j + 1]] = -m / s;
        }
        let half = products::multiply(jacobian.view(), standardised.view());
        products::multiply(half.view(), jacobian.t())
    }
}

/// Weighted means and standard deviations of the columns; a column with one distinct value has scale exactly zero.
struct Moments {
    mean: Vec<f64>,
    scale: Vec<f64>,
}

impl Moments {
    fn of_columns(x: &Array2<f64>, weights: Option<&[f64]>) -> Self {
        let p = x.ncols();
        let first = Sums::over(x, weights, &vec![0.0; p]);
        // Without any weight the means are NaN; the range below is then empty too, and every column is dropped as
        // constant.
        let rough: Vec<f64> = first.linear.iter().map(|s| s / first.weight).collect();
        // Second pass about the first mean: exact to rounding even for columns with a large offset.
        let second = Sums::over(x, weights, &rough);
        let shift: Vec<f64> = second.linear.iter().map(|s| s / second.weight).collect();
        let mean = rough.iter().zip(&shift).map(|(m, d)| m + d).collect();
        let scale = (0..p)
            .map(|j| {
                let variance = second.square[j] / second.weight - shift[j] * shift[j];
                // Constancy is read off the values, since the variance of a constant need not round to zero.
                if second.min[j] < second.max[j] { variance.max(0.0).sqrt() } else { 0.0 }
            })
            .collect();
        Self { mean, scale }
    }
}

/// Σw, Σw(x − c), Σw(x − c)², min and max of every column over rows of positive weight.
struct Sums {
    weight: f64,
    linear: Vec<f64>,
    square: Vec<f64>,
    min: Vec<f64>,
    max: Vec<f64>,
}

impl Sums {
    fn over(x: &Array2<f64>, weights: Option<&[f64]>, centre: &[f64]) -> Self {
        let mut total = Self::empty(centre.len());
        for part in chunks::map(x.nrows(), |rows| Self::chunk(x, weights, centre, rows)) {
            total.add(&part);
        }
        total
    }

    fn empty(p: usize) -> Self {
        Self {
            weight: 0.0,
            linear: vec![0.0; p],
            square: vec![0.0; p],
            min: vec![f64::INFINITY; p],
            max: vec![f64::NEG_INFINITY; p],
        }
    }

    fn chunk(x: &Array2<f64>, weights: Option<&[f64]>, centre: &[f64], rows: Range<usize>) -> Self {
        let mut s = Self::empty(centre.len());
        for i in rows {
            let w = weights.map_or(1.0, |w| w[i]);
            // Skipped, not multiplied by zero: a row that does not count must not widen the range either.
            if w == 0.0 {
                continue;
            }
            s.weight += w;
            let row = x.row(i);
            let sums = s.linear.iter_mut().zip(&mut s.square).zip(centre);
            sums.zip(row).for_each(|(((linear, square), c), v)| {
                let d = v - c;
                *linear += w * d;
                *square += w * d * d;
            });
            let extremes = s.min.iter_mut().zip(&mut s.max);
            extremes.zip(row).for_each(|((min, max), v)| {
                *min = if v < min { *v } else { *min };
                *max = if v > max { *v } else { *max };
            });
        }
        s
    }

    fn add(&mut self, part: &Self) {
        self.weight += part.weight;
        chunks::add_into(&mut self.linear, &part.linear);
        chunks::add_into(&mut self.square, &part.square);
        self.min.iter_mut().zip(&part.min).for_each(|(a, b)| *a = a.min(*b));
        self.max.iter_mut().zip(&part.max).for_each(|(a, b)| *a = a.max(*b));
    }
}

#[cfg(test)]
mod tests {
    use crate::numerics::standardise::*;
    use ndarray::{array, aview2};

    fn names(n: &[&str]) -> Vec<String> {
        n.iter().map(|s| (*s).to_owned()).collect()
    }

    #[test]
    fn constant_and_aliased_terms_are_dropped_and_named() {
        let x = array![[1.0, 7.0, 3.0, 1e9], [2.0, 7.0, 5.0, 1e9 + 1.0], [4.0, 7.0, 9.0, 1e9 + 1.0]];
        let s = Standardisation::fit(&x, &names(&["a", "const", "2a+1", "late"]), None);
        assert_eq!(s.terms(), ["a", "late"]);
        let reasons: Vec<_> = s.dropped().iter().map(|d| (d.term.as_str(), d.reason)).collect();
        assert_eq!(reasons, [("const", DropReason::Constant), ("2a+1", DropReason::Aliased)]);
    }

    #[test]
    fn a_large_offset_costs_no_digits() {
        let x: Vec<[f64; 1]> = (0..5000).map(|i| [1e9 + f64::from(i % 7)]).collect();
        let s = Standardisation::fit(&aview2(&x).to_owned(), &names(&["x"]), None);
        let exact = (0..5000).map(|i| f64::from(i % 7)).sum::<f64>() / 5000.0;
        assert!((s.mean()[0] - 1e9 - exact).abs() < 1e-6);
        assert!((s.scale()[0] - 2.0).abs() < 1e-3);
    }

    #[test]
    fn rows_of_weight_zero_do_not_count() {
        let x = array![[1.0], [1.0], [5.0]];
        assert_eq!(Standardisation::fit(&x, &names(&["x"]), Some(&[1.0, 2.0, 0.0])).k(), 1);
    }

    #[test]
    fn coefficients_map_back_to_the_raw_scale() {
        let x = array![[1.0, 10.0], [2.0, 30.0], [3.0, 20.0], [7.0, 50.0]];
        let s = Standardisation::fit(&x, &names(&["a", "b"]), None);
        let gamma = array![0.5, -1.0, 2.0];
        let beta = s.to_raw(&gamma);
        let fitted = DesignMatrix::new(&x, &s).mul(&gamma);
        for (i, row) in x.outer_iter().enumerate() {
            assert!((beta[0] + beta[1] * row[0] + beta[2] * row[1] - fitted[i]).abs() < 1e-12);
        }
        // Var(β_1) = Var(γ_1)/s_1² for a diagonal covariance.
        let raw = s.covariance_to_raw(&Array2::eye(3));
        assert!((raw[[1, 1]] - s.scale()[0].powi(-2)).abs() < 1e-15);
    }
}
