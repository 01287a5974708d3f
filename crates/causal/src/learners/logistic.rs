//! Logistic regression by maximum likelihood: P(Y = 1 | z) = 1/(1 + exp(−zᵀγ)).
//!
//! ```text
//! score        S(γ) = Σ w (y − p) z
//! information  H(γ) = Σ w p(1 − p) z zᵀ
//! Newton       γ ← γ + λ H⁻¹S,  λ halved while the log-likelihood falls (iteratively reweighted least squares)
//! ```
//!
//! | symbol | here | shape | meaning |
//! |---|---|---|---|
//! | z | rows of [`DesignMatrix`] | k | intercept and standardised terms |
//! | γ | `gamma` | k | coefficients on the standardised scale |
//! | p | `probability` | n | fitted probabilities |
//! | w | `weights` | n | observation weights; the scale does not change γ |
//!
//! No penalty: the stacked standard errors need the score equations to hold. The estimate exists unless the classes are
//! separated, which is detected and reported, with the term that does it where a single one does; see
//! Albert & Anderson (1984), doi:10.1093/biomet/71.1.1.

use crate::learners::newton::{Pass, newton, pass};
use crate::learners::{linfa, separation};
use crate::numerics::design_matrix::DesignMatrix;
use ndarray::{Array1, Array2};

/// The implementation that maximises the likelihood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogisticEngine {
    /// Newton's method here: observation weights, separation named, converges to rounding.
    #[default]
    Newton,
    /// `linfa-logistic` without penalty, as a cross-check; see `learners/linfa.rs`.
    Linfa,
}

/// The engine and its limits.
#[derive(Debug, Clone, PartialEq)]
pub struct LogisticParams {
    /// The implementation.
    pub engine: LogisticEngine,
    /// Most Newton steps (L-BFGS iterations for linfa) before giving up; at least 1.
    pub max_iterations: usize,
    /// Converged when no standardised coefficient moves by more than this, relative to 1 + |γ|; in (0, 1e-4].
    pub tolerance: f64,
}

impl Default for LogisticParams {
    fn default() -> Self {
        // Newton converges quadratically: a step of 1e-9 is followed by one of 1e-18.
        Self { engine: LogisticEngine::Newton, max_iterations: 100, tolerance: 1e-9 }
    }
}

impl LogisticParams {
    /// Checks the ranges.
    ///
    /// # Errors
    /// [`LogisticError::Params`] naming the field.
    pub fn check(&self) -> Result<(), LogisticError> {
        if self.max_iterations == 0 {
            return Err(LogisticError::Params("`max_iterations` must be at least 1"));
        }
        if !(self.tolerance > 0.0 && self.tolerance <= 1e-4) {
            return Err(LogisticError::Params("`tolerance` must be above 0 and at most 1e-4"));
        }
        Ok(())
    }
}

/// The end of a fit.
#[derive(Debug, Clone, PartialEq)]
pub struct LogisticInfo {
    /// Steps taken.
    pub iterations: usize,
    /// Largest absolute component of the score at the solution, standardised scale, per unit of weight.
    pub gradient_norm: f64,
    /// Log-likelihood, weighted.
    pub log_likelihood: f64,
    /// Log-likelihood with an intercept only.
    pub log_likelihood_null: f64,
}

/// Why there is no logistic fit.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LogisticError {
    /// A parameter out of range.
    #[error("logistic regression: {0}")]
    Params(&'static str),
    /// One class only.
    #[error("every unit has the value {value}, so there is nothing for a logistic regression to explain")]
    OneClass {
        /// The only value.
        value: f64,
    },
    /// Something other than 0 and 1.
    #[error("row {row} (counting from 1) has the value {value}; a logistic regression needs 0 or 1")]
    NotBinary {
        /// 1-based row.
        row: usize,
        /// The value.
        value: f64,
    },
    /// Not more rows than coefficients.
    #[error(
        "a logistic regression with {coefficients} coefficients needs more than {rows} rows; use fewer terms, or merge rare categories"
    )]
    TooFewRows {
        /// Rows of positive weight.
        rows: usize,
        /// Coefficients, intercept included.
        coefficients: usize,
    },
    /// A single term predicts the classes perfectly, on one side of a value at least.
    #[error(
        "`{term}` alone separates the two classes, so the maximum-likelihood fit does not exist; leave the term out, merge its categories, or keep only rows where both classes occur at the same values"
    )]
    SeparatingTerm {
        /// The term.
        term: String,
    },
    /// Terms that together predict the classes perfectly.
    #[error(
        "{} together separate the two classes, so the maximum-likelihood fit does not exist; use fewer or coarser terms, or keep only rows where both classes occur", crate::learners::logistic::list(.terms)
    )]
    Separation {
        /// Terms that take part in the separating direction.
        terms: Vec<String>,
    },
    /// The iterations ran out.
    #[error(
        "the logistic regression did not converge in {iterations} iterations (last step {last_step:.1e}); simplify the terms, or raise `max_iterations`"
    )]
    NoConvergence {
        /// Iterations taken.
        iterations: usize,
        /// Largest relative coefficient change in the last one.
        last_step: f64,
    },
    /// The information matrix became singular without separation being found.
    #[error(
        "the information matrix of the logistic regression is singular after {iterations} iterations; some terms are nearly linear combinations of others: use fewer"
    )]
    Singular {
        /// Iterations taken.
        iterations: usize,
    },
    /// Something the chosen engine cannot do.
    #[error("the linfa engine {0}; use the Newton engine")]
    Engine(String),
}

pub(super) fn list(terms: &[String]) -> String {
    terms.iter().map(|t| format!("`{t}`")).collect::<Vec<_>>().join(", ")
}

/// A fitted logistic regression, standardised scale.
#[derive(Debug, Clone, PartialEq)]
pub struct LogisticFit {
    /// k coefficients on the standardised scale.
    pub gamma: Array1<f64>,
    /// n values zᵀγ, also for rows of weight zero.
    pub linear_predictor: Array1<f64>,
    /// n fitted probabilities.
    pub probability: Array1<f64>,
    /// H at the solution, k × k.
    pub information: Array2<f64>,
    /// Iterations, gradient and log-likelihood at the end.
    pub info: LogisticInfo,
}

/// 1/(1 + exp(−u)), accurate in both tails.
#[must_use]
pub fn expit(u: f64) -> f64 {
    // Only exponentials of negative numbers: nothing overflows, and small probabilities keep their digits.
    if u >= 0.0 {
        1.0 / (1.0 + (-u).exp())
    } else {
        let exp = u.exp();
        exp / (1.0 + exp)
    }
}

/// The classes and weights of the n rows, checked.
pub(super) struct Data<'a> {
    pub(super) y: &'a [f64],
    pub(super) weights: &'a [f64],
    pub(super) total: f64,
    pub(super) rate: f64,
}

/// Fits y (n zeros and ones) on the rows of `design`, under n observation `weights`.
///
/// Rows of weight zero take no part but get fitted values.
///
/// # Errors
/// [`LogisticError`]; a fit that has not converged is an error, never a number.
pub fn fit(
    design: &DesignMatrix<'_>,
    y: &[f64],
    weights: &[f64],
    params: &LogisticParams,
) -> Result<LogisticFit, LogisticError> {
    params.check()?;
    let data = check(design, y, weights)?;
    // Before any step: it is quick, exact, and can name the term.
    if let Some(term) = separation::single_term(design, y, weights) {
        return Err(LogisticError::SeparatingTerm { term });
    }
    let (gamma, at, iterations) = match params.engine {
        LogisticEngine::Newton => newton(design, &data, params)?,
        LogisticEngine::Linfa => {
            let (gamma, iterations) = linfa::maximise(design, &data, params)?;
            let at = pass(design, &data, &gamma);
            (gamma, at, iterations)
        }
    };
    Ok(finish(design, &data, gamma, at, iterations))
}

pub(super) fn check<'a>(
    design: &DesignMatrix<'_>,
    y: &'a [f64],
    weights: &'a [f64],
) -> Result<Data<'a>, LogisticError> {
    // Rows of weight zero may hold anything.
    let counts = || y.iter().zip(weights).enumerate().filter(|(_, (_, w))| **w > 0.0);
    if let Some((row, (value, _))) = counts().find(|(_, (y, _))| **y != 0.0 && **y != 1.0) {
        return Err(LogisticError::NotBinary { row: row + 1, value: *value });
    }
    let total: f64 = counts().map(|(_, (_, w))| w).sum();
    // If every y is one, these are the additions of `total`, and the comparison below is exact.
    let ones: f64 = counts().map(|(_, (y, w))| y * w).sum();
    if ones == 0.0 || ones == total {
        return Err(LogisticError::OneClass { value: if ones == 0.0 { 0.0 } else { 1.0 } });
    }
    let rows = counts().count();
    if rows <= design.k() {
        return Err(LogisticError::TooFewRows { rows, coefficients: design.k() });
    }
    Ok(Data { y, weights, total, rate: ones / total })
}

fn finish(design: &DesignMatrix<'_>, data: &Data<'_>, gamma: Array1<f64>, at: Pass, iterations: usize) -> LogisticFit {
    let linear_predictor = design.mul(&gamma);
    // The score, not only the step, goes into the record: it shows that the stacked equations hold.
    let info = LogisticInfo {
        iterations,
        gradient_norm: at.score.iter().fold(0.0_f64, |m, v| m.max(v.abs())) / data.total,
        log_likelihood: at.log_likelihood,
        log_likelihood_null: data.total * (data.rate * data.rate.ln() + (1.0 - data.rate) * (1.0 - data.rate).ln()),
    };
    let probability = linear_predictor.mapv(expit);
    LogisticFit { gamma, linear_predictor, probability, information: at.information, info }
}

#[cfg(test)]
mod tests {
    use crate::learners::logistic::*;
    use crate::numerics::linalg::Cholesky;
    use crate::numerics::standardise::Standardisation;
    use crate::numerics::streams;
    use ndarray::array;
    use rand::RngExt;

    fn names(p: usize) -> Vec<String> {
        (0..p).map(|j| format!("x{j}")).collect()
    }

    fn fit_on(x: &Array2<f64>, y: &[f64], w: &[f64], params: &LogisticParams) -> Result<LogisticFit, LogisticError> {
        let s = Standardisation::fit(x, &names(x.ncols()), Some(w));
        fit(&DesignMatrix::new(x, &s), y, w, params)
    }

    fn simulated(n: usize, p: usize) -> (Array2<f64>, Vec<f64>) {
        let mut rng = streams::stream(11, "logistic.test");
        let x = Array2::from_shape_fn((n, p), |_| rng.random::<f64>() * 4.0 - 2.0);
        let y = x.outer_iter().map(|r| f64::from(u8::from(rng.random::<f64>() < expit(r.sum() * 0.4 - 0.3)))).collect();
        (x, y)
    }

    #[test]
    fn a_two_by_two_table_by_hand() {
        // x = 0: 1 of 4; x = 1: 3 of 5. γ on the raw scale: log(1/3), log(3/2) − log(1/3); SE² = Σ 1/cell.
        let x = Array2::from_shape_fn((9, 1), |(i, _)| f64::from(u8::from(i >= 4)));
        let y = [1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0];
        let s = Standardisation::fit(&x, &names(1), None);
        let f = fit(&DesignMatrix::new(&x, &s), &y, &[1.0; 9], &LogisticParams::default()).unwrap();
        let raw = s.to_raw(&f.gamma);
        assert!((raw[0] - (1.0_f64 / 3.0).ln()).abs() < 1e-13);
        assert!((raw[1] - (4.5_f64).ln()).abs() < 1e-13);
        let covariance = s.covariance_to_raw(&Cholesky::new(&f.information).unwrap().inverse().unwrap());
        assert!((covariance[[1, 1]] - (1.0 + 1.0 / 3.0 + 1.0 / 3.0 + 0.5)).abs() < 1e-12);
        assert!(f.info.gradient_norm < 1e-14);
    }

    #[test]
    fn integer_weights_are_repeated_rows_and_their_scale_is_immaterial() {
        let (x, y) = simulated(200, 3);
        let w: Vec<f64> = (0..200).map(|i| f64::from(i % 3)).collect();
        let rows: Vec<usize> = (0..200).flat_map(|i| std::iter::repeat_n(i, i % 3)).collect();
        let repeated_x = x.select(ndarray::Axis(0), &rows);
        let repeated_y: Vec<f64> = rows.iter().map(|i| y[*i]).collect();
        let p = LogisticParams::default();
        let weighted = fit_on(&x, &y, &w, &p).unwrap();
        let repeated = fit_on(&repeated_x, &repeated_y, &vec![1.0; rows.len()], &p).unwrap();
        let scaled = fit_on(&x, &y, &w.iter().map(|v| v * 7.0).collect::<Vec<_>>(), &p).unwrap();
        assert!((&weighted.gamma - &repeated.gamma).iter().all(|d| d.abs() < 1e-12));
        assert!((&weighted.gamma - &scaled.gamma).iter().all(|d| d.abs() < 1e-12));
        assert!((weighted.info.log_likelihood - repeated.info.log_likelihood).abs() < 1e-9);
    }

    #[test]
    fn linfa_maximises_the_same_likelihood() {
        let (x, y) = simulated(800, 5);
        let w = vec![1.0; 800];
        let newton = fit_on(&x, &y, &w, &LogisticParams::default()).unwrap();
        let engine = LogisticParams { engine: LogisticEngine::Linfa, ..LogisticParams::default() };
        let other = fit_on(&x, &y, &w, &engine).unwrap();
        assert!((&newton.gamma - &other.gamma).iter().all(|d| d.abs() < 1e-5), "{} {}", newton.gamma, other.gamma);
        assert!(other.info.log_likelihood <= newton.info.log_likelihood + 1e-9);
        let weighted = fit_on(&x, &y, &[vec![2.0], vec![1.0; 799]].concat(), &engine);
        assert!(matches!(weighted, Err(LogisticError::Engine(_))));
    }

    #[test]
    fn a_term_that_separates_is_named_complete_or_not() {
        let y = [0.0, 0.0, 0.0, 1.0, 1.0, 1.0];
        let noise = [0.3, -1.0, 2.0, 0.1, 1.0, -0.5];
        for separator in
            [[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [0.0, 0.0, 0.0, 0.0, 0.0, 1.0], [2.0, 2.0, 2.0, 2.0, 1.0, 0.0]]
        {
            let x = Array2::from_shape_fn((6, 2), |(i, j)| if j == 0 { noise[i] } else { separator[i] });
            let e = fit_on(&x, &y, &[1.0; 6], &LogisticParams::default());
            assert_eq!(e, Err(LogisticError::SeparatingTerm { term: "x1".into() }), "{separator:?}");
        }
    }

    #[test]
    fn joint_separation_is_found_whether_complete_or_not() {
        let (x, _) = simulated(300, 3);
        let complete: Vec<f64> = x.outer_iter().map(|r| f64::from(u8::from(r[0] + r[1] > 0.1))).collect();
        let e = fit_on(&x, &complete, &[1.0; 300], &LogisticParams::default());
        assert!(matches!(&e, Err(LogisticError::Separation { terms }) if terms.contains(&"x0".to_owned())), "{e:?}");
        // Quasi-complete: the cell (1, 1) of a 2 × 2 × noise design holds ones only; the others hold both classes.
        let quasi = Array2::from_shape_fn((80, 3), |(i, j)| match j {
            0 => f64::from(u8::from(i % 4 >= 2)),
            1 => f64::from(u8::from(i % 2 == 1)),
            _ => f64::from(u8::from(i % 4 == 3)) + 0.0,
        });
        let y: Vec<f64> = (0..80).map(|i| f64::from(u8::from(i % 4 == 3 || i % 8 >= 4))).collect();
        let e = fit_on(&quasi, &y, &[1.0; 80], &LogisticParams::default());
        assert!(matches!(e, Err(LogisticError::SeparatingTerm { .. } | LogisticError::Separation { .. })), "{e:?}");
        let rotated = quasi.dot(&array![[1.0, 1.0, 0.0], [0.0, 1.0, 1.0], [1.0, 0.5, 1.0]]);
        let e = fit_on(&rotated, &y, &[1.0; 80], &LogisticParams::default());
        assert!(matches!(e, Err(LogisticError::Separation { .. })), "{e:?}");
    }

    #[test]
    fn what_cannot_be_fitted_is_refused() {
        let (x, y) = simulated(50, 2);
        let w = vec![1.0; 50];
        let p = LogisticParams::default();
        assert_eq!(fit_on(&x, &[1.0; 50], &w, &p), Err(LogisticError::OneClass { value: 1.0 }));
        let mut three = y.clone();
        three[4] = 2.0;
        assert_eq!(fit_on(&x, &three, &w, &p), Err(LogisticError::NotBinary { row: 5, value: 2.0 }));
        let hasty = LogisticParams { max_iterations: 1, ..p.clone() };
        assert!(matches!(fit_on(&x, &y, &w, &hasty), Err(LogisticError::NoConvergence { iterations: 1, .. })));
        let loose = LogisticParams { tolerance: 0.5, ..p };
        assert!(matches!(fit_on(&x, &y, &w, &loose), Err(LogisticError::Params(_))));
    }
}
