//! Linear regression by (weighted) least squares, with classical and heteroskedasticity-consistent standard errors.
//!
//! ```text
//! β̂ = (XᵀWX)⁻¹XᵀWy         normal equations of the standardised terms, refined with residuals from the data
//! classical   σ̂²(XᵀWX)⁻¹,   σ̂² = Σ w r² / (n − k)
//! HC          (XᵀWX)⁻¹ [Σ w² u² x xᵀ] (XᵀWX)⁻¹
//!             u = r (HC0) · r√(n/(n−k)) (HC1) · r/√(1−h) (HC2) · r/(1−h) (HC3),   h = w xᵀ(XᵀWX)⁻¹x
//! ```
//!
//! | symbol | here | shape | meaning |
//! |---|---|---|---|
//! | X | `x` with intercept | n × k | terms that are kept |
//! | W | `weights` | n | observation weights; the scale does not matter |
//! | r | `residuals` | n | y − Xβ̂, unweighted |
//!
//! n counts rows of positive weight. Constant and aliased terms are dropped in term order and named.
//! Reference: MacKinnon & White (1985), doi:10.1016/0304-4076(85)90158-7.

use crate::numerics::design_matrix::DesignMatrix;
use crate::numerics::linalg::{Cholesky, LinalgError, independent_columns};
use crate::numerics::products;
use crate::numerics::standardise::{ALIAS_TOLERANCE, Standardisation};
use crate::numerics::sums;
use ndarray::{Array1, Array2};

/// Most solves of the normal equations; two are the rule.
const MAX_REFINEMENTS: usize = 5;

/// Why there is no linear fit.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LinearError {
    /// Not more rows than coefficients.
    #[error(
        "a linear regression with {coefficients} coefficients needs more than {rows} rows; use fewer terms, or merge rare categories"
    )]
    TooFewRows {
        /// Rows of positive weight.
        rows: usize,
        /// Coefficients, intercept included.
        coefficients: usize,
    },
    /// Terms that are linear combinations of others among the rows of positive weight.
    #[error("{} cannot be told apart from earlier terms in these rows: constant or a linear combination of them; leave it out", list(.terms))]
    RankDeficient {
        /// The offending terms.
        terms: Vec<String>,
    },
    /// Arrays of different lengths.
    #[error("{what} has {got} values, expected {expected}")]
    Length {
        /// Name of the array.
        what: &'static str,
        /// Its length.
        got: usize,
        /// The length it should have.
        expected: usize,
    },
    /// A value that is infinite or not a number.
    #[error("{what} contains a value that is not a finite number")]
    NotFinite {
        /// Name of the array.
        what: &'static str,
    },
    /// The normal equations could not be solved.
    #[error(transparent)]
    Linalg(#[from] LinalgError),
}

fn list(terms: &[String]) -> String {
    terms.iter().map(|t| format!("`{t}`")).collect::<Vec<_>>().join(", ")
}

/// One coefficient on the raw scale.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearCoefficient {
    /// Term, `(Intercept)` for the intercept.
    pub term: String,
    /// Estimate.
    pub estimate: f64,
    /// Classical standard error.
    pub se_classical: f64,
    /// HC0 standard error.
    pub se_hc0: f64,
    /// HC1 standard error.
    pub se_hc1: f64,
    /// HC2 standard error; `None` if some row has leverage one.
    pub se_hc2: Option<f64>,
    /// HC3 standard error; `None` if some row has leverage one.
    pub se_hc3: Option<f64>,
}

/// A linear regression on the raw scale.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearFit {
    /// Intercept first, then the kept terms in column order.
    pub coefficients: Vec<LinearCoefficient>,
    /// Terms without a coefficient because they are constant or aliased.
    pub dropped_terms: Vec<String>,
    /// n fitted values.
    pub fitted: Array1<f64>,
    /// n residuals y − fitted, not weighted.
    pub residuals: Array1<f64>,
    /// Residual degrees of freedom n − k.
    pub df: usize,
    /// Residual standard deviation √(Σ w r²/(n − k)).
    pub sigma: f64,
    /// Residual sum of squares Σ w r².
    pub rss: f64,
    /// 1 − Σ w r² / Σ w (y − ȳ)²; `None` if y is constant.
    pub r2: Option<f64>,
    /// k × k classical covariance of the coefficients.
    pub covariance: Array2<f64>,
}

impl LinearFit {
    /// The coefficient of `term`; `None` if it was dropped or never there.
    #[must_use]
    pub fn coefficient(&self, term: &str) -> Option<&LinearCoefficient> {
        self.coefficients.iter().find(|c| c.term == term)
    }
}

/// Regresses `y` (n) on an intercept and the columns of `x` (n × p), named by `names`, under observation `weights`.
///
/// # Errors
/// [`LinearError`]: shapes that differ, values that are not finite, or no more rows than coefficients.
pub fn fit(
    x: &Array2<f64>,
    names: &[String],
    y: &Array1<f64>,
    weights: Option<&Array1<f64>>,
) -> Result<LinearFit, LinearError> {
    check(x, names, y, weights)?;
    let w = weights.map(|w| w.to_vec());
    let standardisation = Standardisation::fit(x, names, w.as_deref());
    let design = DesignMatrix::new(x, &standardisation);
    let w = w.unwrap_or_else(|| vec![1.0; y.len()]);
    let solution = solve(&design, &y.to_vec(), &w)?;
    report(&design, y, &w, &solution)
}

fn check(x: &Array2<f64>, names: &[String], y: &Array1<f64>, weights: Option<&Array1<f64>>) -> Result<(), LinearError> {
    let same = |what, got, expected| {
        if got == expected { Ok(()) } else { Err(LinearError::Length { what, got, expected }) }
    };
    same("the list of term names", names.len(), x.ncols())?;
    same("the outcome", y.len(), x.nrows())?;
    same("the weight column", weights.map_or(x.nrows(), Array1::len), x.nrows())?;
    let finite = |what, ok| if ok { Ok(()) } else { Err(LinearError::NotFinite { what }) };
    finite("the matrix of terms", x.iter().all(|v| v.is_finite()))?;
    finite("the outcome", y.iter().all(|v| v.is_finite()))?;
    finite("the weight column", weights.is_none_or(|w| w.iter().all(|v| v.is_finite() && *v >= 0.0)))
}

/// Least squares on the standardised scale.
#[derive(Debug, Clone, PartialEq)]
pub struct Solution {
    /// k coefficients on the standardised scale.
    pub gamma: Array1<f64>,
    /// n fitted values, also for rows of weight zero.
    pub fitted: Array1<f64>,
    /// ZᵀWZ, k × k.
    pub gram: Array2<f64>,
    /// Rows of positive weight.
    pub rows: usize,
}

/// Solves the weighted normal equations for the rows of positive weight; `y` and `weights` have n values.
///
/// # Errors
/// [`LinearError::TooFewRows`] and [`LinearError::RankDeficient`]: nothing is dropped here.
pub fn solve(design: &DesignMatrix<'_>, y: &[f64], weights: &[f64]) -> Result<Solution, LinearError> {
    let rows = weights.iter().filter(|w| **w > 0.0).count();
    // At least one degree of freedom, without which σ has no estimate.
    if rows <= design.k() {
        return Err(LinearError::TooFewRows { rows, coefficients: design.k() });
    }
    let gram = design.gram(Some(weights));
    // Asked before the factorisation, which would fail without a name for the culprit.
    full_rank(design, &gram)?;
    let factor = Cholesky::new(&gram)?;
    let mut gamma = Array1::zeros(design.k());
    // From the mean rather than zero: residuals are then small where y has a large offset.
    gamma[0] = sums::weighted_mean(y, weights);
    let mut fitted = design.mul(&gamma);
    // The first step solves; the others remove what rounding in ZᵀWZ left behind. A correction of relative size c shows
    // that each step shrinks the error c-fold, so the next one would be of size c².
    for _ in 0..MAX_REFINEMENTS {
        // Residuals come from the data, not from ZᵀWy, so a step corrects what rounding did to the one before.
        let score: Vec<f64> = fitted.iter().zip(y).zip(weights).map(|((f, y), w)| w * (y - f)).collect();
        let step = factor.solve(&design.transpose_mul(&[&score]).column(0).to_owned())?;
        gamma += &step;
        fitted = design.mul(&gamma);
        if largest(&step) <= 1e-8 * largest(&gamma) {
            break;
        }
    }
    Ok(Solution { gamma, fitted, gram, rows })
}

fn largest(v: &Array1<f64>) -> f64 {
    v.iter().fold(0.0_f64, |m, v| m.max(v.abs()))
}

fn full_rank(design: &DesignMatrix<'_>, gram: &Array2<f64>) -> Result<(), LinearError> {
    let kept = independent_columns(gram.view(), ALIAS_TOLERANCE);
    if kept.len() == design.k() {
        return Ok(());
    }
    let names = design.standardisation().coefficient_names();
    let terms = (0..design.k()).filter(|j| !kept.contains(j)).map(|j| names[j].clone()).collect();
    Err(LinearError::RankDeficient { terms })
}

fn report(design: &DesignMatrix<'_>, y: &Array1<f64>, w: &[f64], s: &Solution) -> Result<LinearFit, LinearError> {
    let standardisation = design.standardisation();
    let bread = Cholesky::new(&s.gram)?.inverse()?;
    let residuals = y - &s.fitted;
    let rss = sums::sum(residuals.iter().zip(w).map(|(r, w)| w * r * r));
    // Rows are counted, not weighed: multiplying every weight by a constant changes no standard error.
    let df = s.rows - design.k();
    let sigma = (rss / df as f64).sqrt();
    let covariance = standardisation.covariance_to_raw(&(&bread * (sigma * sigma)));
    let robust = Robust { design, bread: &bread, residuals: &residuals, weights: w };
    let [hc0, hc2, hc3] = robust.standard_errors();
    let hc1_factor = (s.rows as f64 / df as f64).sqrt();
    let estimates = standardisation.to_raw(&s.gamma);
    let coefficients = standardisation
        .coefficient_names()
        .into_iter()
        .enumerate()
        .map(|(j, term)| LinearCoefficient {
            term,
            estimate: estimates[j],
            se_classical: covariance[[j, j]].sqrt(),
            se_hc0: hc0[j],
            se_hc1: hc0[j] * hc1_factor,
            // A row of leverage one has left a NaN in the sandwich.
            se_hc2: Some(hc2[j]).filter(|v| v.is_finite()),
            se_hc3: Some(hc3[j]).filter(|v| v.is_finite()),
        })
        .collect();
    let dropped_terms = standardisation.dropped_names();
    let mean = sums::weighted_mean(&y.to_vec(), w);
    let tss = sums::sum(y.iter().zip(w).map(|(y, w)| w * (y - mean).powi(2)));
    let r2 = (tss > 0.0).then(|| 1.0 - rss / tss);
    Ok(LinearFit { coefficients, dropped_terms, fitted: s.fitted.clone(), residuals, df, sigma, rss, r2, covariance })
}

/// The heteroskedasticity-consistent sandwiches of one fit.
struct Robust<'a> {
    design: &'a DesignMatrix<'a>,
    bread: &'a Array2<f64>,
    residuals: &'a Array1<f64>,
    weights: &'a [f64],
}

impl Robust<'_> {
    /// Raw-scale standard errors: HC0, HC2, HC3. A row of leverage one makes the last two infinite or NaN.
    fn standard_errors(&self) -> [Vec<f64>; 3] {
        // Leverages do not depend on the scale of the terms, so the standardised ones will do.
        let leverage = self.design.quadratic_form(self.bread);
        [0.0, 1.0, 2.0].map(|power| {
            let squares: Vec<f64> = (0..self.weights.len())
                .map(|i| {
                    let (w, r) = (self.weights[i], self.residuals[i]);
                    let spread = 1.0 - w * leverage[i];
                    // Below this, 1 − h is rounding: the row alone decides its own fitted value.
                    let spread = if spread > 1e-12 { spread } else { f64::NAN };
                    // HC0 divides by nothing, and stays defined where a row has leverage one.
                    if power == 0.0 { (w * r).powi(2) } else { (w * r).powi(2) / spread.powf(power) }
                })
                .collect();
            self.sandwich(&squares)
        })
    }

    fn sandwich(&self, squares: &[f64]) -> Vec<f64> {
        // The meat is a Gram matrix whose weights are the squared scores.
        let meat = self.design.gram(Some(squares));
        let covariance =
            products::multiply(products::multiply(self.bread.view(), meat.view()).view(), self.bread.view());
        self.design.standardisation().covariance_to_raw(&covariance).diag().iter().map(|v| v.sqrt()).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::learners::linear::*;
    use ndarray::{Axis, array};

    fn names(n: &[&str]) -> Vec<String> {
        n.iter().map(|s| (*s).to_owned()).collect()
    }

    #[test]
    fn a_line_by_hand() {
        // x = 0..3, y = (1, 3, 2, 6): slope 7/5, intercept 9/10, rss 21/5 (exact least squares).
        let x = array![[0.0], [1.0], [2.0], [3.0]];
        let f = fit(&x, &names(&["x"]), &array![1.0, 3.0, 2.0, 6.0], None).unwrap();
        assert!((f.coefficients[0].estimate - 0.9).abs() < 1e-14);
        assert!((f.coefficients[1].estimate - 1.4).abs() < 1e-14);
        assert!((f.rss - 4.2).abs() < 1e-13);
        assert_eq!(f.df, 2);
        // Var(slope) = σ²/Sxx = 2.1/5.
        assert!((f.coefficients[1].se_classical - (2.1_f64 / 5.0).sqrt()).abs() < 1e-14);
        assert!((f.r2.unwrap() - (1.0 - 4.2 / 14.0)).abs() < 1e-14);
    }

    #[test]
    fn integer_weights_are_repeated_rows_and_the_scale_of_weights_is_immaterial() {
        let x = array![[0.0, 1.0], [1.0, 0.5], [2.0, 4.0], [3.0, 1.0], [5.0, 2.0]];
        let y = array![1.0, 3.0, 2.0, 6.0, 4.0];
        let w = array![1.0, 2.0, 1.0, 3.0, 1.0];
        let rows = [0, 1, 1, 2, 3, 3, 3, 4];
        let n = names(&["a", "b"]);
        let weighted = fit(&x, &n, &y, Some(&w)).unwrap();
        let repeated = fit(&x.select(Axis(0), &rows), &n, &y.select(Axis(0), &rows), None).unwrap();
        let scaled = fit(&x, &n, &y, Some(&(&w * 10.0))).unwrap();
        for j in 0..3 {
            let (a, b, c) = (&weighted.coefficients[j], &repeated.coefficients[j], &scaled.coefficients[j]);
            assert!((a.estimate - b.estimate).abs() < 1e-12);
            assert!((a.se_classical - c.se_classical).abs() < 1e-12);
            assert!((a.se_hc3.unwrap() - c.se_hc3.unwrap()).abs() < 1e-12);
        }
    }

    #[test]
    fn a_cubic_in_a_calendar_year_keeps_its_digits() {
        let year: Vec<f64> = (0..40).map(|i| 1980.0 + f64::from(i)).collect();
        let x = Array2::from_shape_fn((40, 2), |(i, j)| year[i].powi(j as i32 + 1));
        let y = Array1::from_iter(year.iter().map(|v| 3.0 + 0.5 * (v - 2000.0) - 0.25 * (v - 2000.0).powi(2)));
        let f = fit(&x, &names(&["year", "year^2"]), &y, None).unwrap();
        assert!((f.coefficients[2].estimate + 0.25).abs() < 1e-9);
        assert!(f.residuals.iter().all(|r| r.abs() < 1e-9));
    }

    #[test]
    fn what_cannot_be_fitted_is_refused_with_names() {
        let x = array![[0.0], [1.0], [2.0]];
        let short = fit(&x, &names(&["x"]), &array![1.0, 2.0], None);
        assert_eq!(short, Err(LinearError::Length { what: "the outcome", got: 2, expected: 3 }));
        let nan = fit(&x, &names(&["x"]), &array![1.0, f64::NAN, 2.0], None);
        assert_eq!(nan, Err(LinearError::NotFinite { what: "the outcome" }));
        let wide = fit(&array![[0.0, 1.0], [1.0, 0.0], [3.0, 1.0]], &names(&["a", "b"]), &array![1.0, 2.0, 4.0], None);
        assert_eq!(wide, Err(LinearError::TooFewRows { rows: 3, coefficients: 3 }));
    }

    #[test]
    fn dropped_terms_are_named_and_leave_the_fit_as_if_absent() {
        let x = array![[0.0, 1.0, 0.0], [1.0, 1.0, 2.0], [2.0, 1.0, 4.0], [3.0, 1.0, 6.0]];
        let y = array![1.0, 3.0, 2.0, 6.0];
        let f = fit(&x, &names(&["x", "one", "2x"]), &y, None).unwrap();
        assert_eq!(f.dropped_terms, ["one", "2x"]);
        assert!((f.coefficient("x").unwrap().estimate - 1.4).abs() < 1e-13);
        assert!(f.coefficient("2x").is_none());
    }

    #[test]
    fn a_row_of_leverage_one_has_no_hc3() {
        let x = array![[1.0], [0.0], [0.0], [0.0]];
        let f = fit(&x, &names(&["only"]), &array![5.0, 1.0, 2.0, 3.0], None).unwrap();
        assert_eq!(f.coefficients[1].se_hc3, None);
        assert!(f.coefficients[1].se_hc0.is_finite());
    }
}
