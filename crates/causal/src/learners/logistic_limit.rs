//! Logistic regression where the classes are separated in part: its limit, which exists always.
//!
//! Where the maximum-likelihood estimate does not exist, the likelihood still has a supremum, reached in the limit along
//! directions of recession d: (2yᵢ − 1) zᵢᵀd ≥ 0 for every unit, and > 0 for some. In the limit those units have the
//! probability of their own class, and the others follow the regression among themselves, in which another such direction
//! may be found (Geyer 2009, doi:10.1214/08-EJS349). A unit of another sample with zᵀd ≠ 0 for the first such d has the
//! probability 0 or 1 by its sign.
//!
//! It is used for outcomes, never for propensities: a fitted outcome of exactly 0 is a prediction like any other, a fitted
//! propensity of exactly 0 has no counterpart.
//!
//! The information is that of the units that are not at a limit, made regular along every d by adding d dᵀ: what is multiplied
//! by its inverse is orthogonal to d, since a probability at its limit moves with no coefficient.

use crate::learners::logistic::{Data, LogisticError, LogisticParams, check, expit};
use crate::learners::newton::{Stop, newton_beside};
use crate::learners::separation::{self, Recession};
use crate::numerics::design_matrix::{DesignMatrix, dot};
use ndarray::{Array1, Array2};

/// The limit of a fit.
#[derive(Debug, Clone, PartialEq)]
pub struct LogisticLimit {
    /// n fitted probabilities, some of them exactly 0 or 1; also for rows of weight zero.
    pub probability: Vec<f64>,
    /// Information of the rows that are not at a limit, regular.
    pub information: Array2<f64>,
    /// Rows of positive weight whose probability is 0 or 1.
    pub rows_at_limit: usize,
    /// The terms that separate, each once.
    pub terms: Vec<String>,
}

/// The most directions: beyond so many, hardly any unit is left to fit.
const MOST_DIRECTIONS: usize = 60;

/// Fits y (n zeros and ones) on the rows of `design` under n observation `weights`, in the limit if need be.
///
/// # Errors
/// [`LogisticError`]: complete separation, after which nothing is left to fit, and whatever [`crate::learners::logistic::fit`]
/// refuses for another reason.
pub fn fit_in_the_limit(
    design: &DesignMatrix<'_>,
    y: &[f64],
    weights: &[f64],
    params: &LogisticParams,
) -> Result<LogisticLimit, LogisticError> {
    params.check()?;
    let mut left = weights.to_vec();
    let mut found: Vec<Recession> = Vec::new();
    let mut terms: Vec<String> = Vec::new();
    loop {
        let data = match check(design, y, &left) {
            Ok(data) => data,
            // Nothing but one class is left: the classes are separated altogether.
            Err(LogisticError::OneClass { .. } | LogisticError::TooFewRows { .. }) if !found.is_empty() => {
                return Err(LogisticError::Separation { terms });
            }
            Err(error) => return Err(error),
        };
        let (recession, error) = match next(design, &data, params, &found) {
            Ok((gamma, information)) => {
                return Ok(finish(design, Ended { found: &found, gamma, information }, weights, terms));
            }
            Err(Stop::Separated(recession, error)) => (recession, error),
            Err(Stop::Other(error)) => return Err(error),
        };
        for term in separation::terms_in(design, &recession.direction) {
            if !terms.contains(&term) {
                terms.push(term);
            }
        }
        let at_limit = recession.sides(design);
        let before = left.iter().filter(|w| **w > 0.0).count();
        left.iter_mut().zip(&at_limit).filter(|(_, side)| **side != 0.0).for_each(|(w, _)| *w = 0.0);
        let after = left.iter().filter(|w| **w > 0.0).count();
        found.push(recession);
        if after == before || after == 0 || found.len() > MOST_DIRECTIONS {
            return Err(error);
        }
    }
}

type Fitted = (Array1<f64>, Array2<f64>);

fn next(
    design: &DesignMatrix<'_>,
    data: &Data<'_>,
    params: &LogisticParams,
    found: &[Recession],
) -> Result<Fitted, Stop> {
    if let Some(recession) = separation::single_term_recession(design, data.y, data.weights) {
        let terms = separation::terms_in(design, &recession.direction);
        let error = match terms.as_slice() {
            [term] => LogisticError::SeparatingTerm { term: term.clone() },
            _ => LogisticError::Separation { terms },
        };
        return Err(Stop::Separated(recession, error));
    }
    let directions: Vec<Array1<f64>> = found.iter().map(|one| one.direction.clone()).collect();
    let (gamma, at, _) = newton_beside(design, data, params, &directions)?;
    Ok((gamma, at.information))
}

struct Ended<'a> {
    found: &'a [Recession],
    gamma: Array1<f64>,
    information: Array2<f64>,
}

fn finish(design: &DesignMatrix<'_>, ended: Ended<'_>, weights: &[f64], terms: Vec<String>) -> LogisticLimit {
    let sides: Vec<Vec<f64>> = ended.found.iter().map(|one| one.sides(design)).collect();
    let gamma = ended.gamma.to_vec();
    let linear = design.map_rows(|_, z| dot(z, &gamma));
    let limit = |i: usize| sides.iter().map(|side| side[i]).find(|side| *side != 0.0);
    let probability: Vec<f64> = linear
        .iter()
        .enumerate()
        .map(|(i, u)| match limit(i) {
            None => expit(*u),
            Some(side) => f64::from(u8::from(side > 0.0)),
        })
        .collect();
    let rows_at_limit = (0..weights.len()).filter(|i| weights[*i] > 0.0 && limit(*i).is_some()).count();
    LogisticLimit { probability, information: ended.information, rows_at_limit, terms }
}

#[cfg(test)]
mod tests {
    use crate::learners::logistic;
    use crate::learners::logistic_limit::*;
    use crate::numerics::linalg::Cholesky;
    use crate::numerics::standardise::Standardisation;
    use crate::numerics::streams;
    use rand::RngExt;

    fn names(p: usize) -> Vec<String> {
        (0..p).map(|j| format!("x{j}")).collect()
    }

    fn limit(x: &Array2<f64>, y: &[f64], w: &[f64]) -> Result<LogisticLimit, LogisticError> {
        let s = Standardisation::fit(x, &names(x.ncols()), None);
        fit_in_the_limit(&DesignMatrix::new(x, &s), y, w, &LogisticParams::default())
    }

    /// A numeric term and dummies of six groups; nobody in the groups below `empty` has the event.
    fn groups(n: usize, empty: usize) -> (Array2<f64>, Vec<f64>) {
        let mut rng = streams::stream(5, "limit.test");
        let draws: Vec<(f64, usize, f64)> =
            (0..n).map(|i| (rng.random::<f64>() * 4.0 - 2.0, i % 6, rng.random::<f64>())).collect();
        let x = Array2::from_shape_fn((n, 6), |(i, j)| match j {
            0 => draws[i].0,
            j => f64::from(u8::from(draws[i].1 == j)),
        });
        let event = |d: &(f64, usize, f64)| d.1 >= empty && d.2 < expit(d.0 - 0.5);
        (x, draws.iter().map(|d| f64::from(u8::from(event(d)))).collect())
    }

    #[test]
    fn without_separation_it_is_the_fit() {
        let (x, y) = groups(300, 0);
        let w = vec![1.0; 300];
        let s = Standardisation::fit(&x, &names(6), None);
        let design = DesignMatrix::new(&x, &s);
        let fit = logistic::fit(&design, &y, &w, &LogisticParams::default()).unwrap();
        let found = limit(&x, &y, &w).unwrap();
        assert_eq!((found.probability, found.rows_at_limit), (fit.probability.to_vec(), 0));
        assert_eq!(found.information, fit.information);
    }

    /// In the limit the groups without events are gone, and the others are fitted as if those had never been there.
    #[test]
    fn groups_without_events_have_probability_zero_and_the_rest_is_the_fit_without_them() {
        for empty in [1, 2, 3] {
            let (x, y) = groups(400, empty);
            let w: Vec<f64> = (0..400).map(|i| f64::from(1 + i % 2)).collect();
            let found = limit(&x, &y, &w).unwrap();
            let rest: Vec<usize> = (0..400).filter(|i| i % 6 >= empty).collect();
            // Of the groups that are left the first is the reference.
            let kept: Vec<usize> = std::iter::once(0).chain(empty + 1..6).collect();
            let other = x.select(ndarray::Axis(0), &rest).select(ndarray::Axis(1), &kept);
            let s = Standardisation::fit(&other, &names(kept.len()), None);
            let design = DesignMatrix::new(&other, &s);
            let at = |v: &[f64]| rest.iter().map(|i| v[*i]).collect::<Vec<f64>>();
            let fit = logistic::fit(&design, &at(&y), &at(&w), &LogisticParams::default()).unwrap();
            for (a, b) in at(&found.probability).iter().zip(&fit.probability) {
                assert!((a - b).abs() < 1e-9, "{empty}: {a} {b}");
            }
            assert!((0..400).filter(|i| i % 6 < empty).all(|i| found.probability[i] == 0.0));
            assert_eq!(found.rows_at_limit, 400 - rest.len());
            assert!(Cholesky::new(&found.information).is_ok());
        }
    }

    /// Newton's method stopped far out along the likelihood, as other packages stop it, comes near the limit.
    #[test]
    fn the_limit_is_where_newton_is_going() {
        let (x, y) = groups(400, 2);
        let w = vec![1.0; 400];
        let found = limit(&x, &y, &w).unwrap();
        let s = Standardisation::fit(&x, &names(6), None);
        let design = DesignMatrix::new(&x, &s);
        // A ridge of 1e-8 on everything but the intercept keeps the coefficients finite.
        let mut gamma = Array1::zeros(design.k());
        for _ in 0..60 {
            let p: Vec<f64> = design.map_rows(|_, z| expit(dot(z, &gamma.to_vec()))).to_vec();
            let mut h = Array2::<f64>::eye(design.k()) * 1e-8;
            let mut score = gamma.mapv(|g: f64| -1e-8 * g);
            for i in 0..400 {
                let scaled = |j: usize| (x[[i, j]] - s.mean()[j]) / s.scale()[j];
                let z: Vec<f64> = std::iter::once(1.0).chain((0..6).map(scaled)).collect();
                for a in 0..design.k() {
                    score[a] += (y[i] - p[i]) * z[a];
                    for b in 0..design.k() {
                        h[[a, b]] += p[i] * (1.0 - p[i]) * z[a] * z[b];
                    }
                }
            }
            gamma += &Cholesky::new(&h).unwrap().solve(&score).unwrap();
        }
        let p: Vec<f64> = design.map_rows(|_, z| expit(dot(z, &gamma.to_vec()))).to_vec();
        for (a, b) in p.iter().zip(&found.probability) {
            assert!((a - b).abs() < 1e-6, "{a} {b}");
        }
    }

    #[test]
    fn what_two_terms_separate_together_has_a_limit_too() {
        // Above the line x0 + x1 = 0.5 everyone has the event; below it chance decides.
        let mut rng = streams::stream(6, "limit.joint");
        let draws: Vec<[f64; 3]> =
            (0..300).map(|i| [(i % 3) as f64, (i / 3 % 2) as f64, rng.random::<f64>()]).collect();
        let x = Array2::from_shape_fn((300, 2), |(i, j)| draws[i][j]);
        let y: Vec<f64> = draws
            .iter()
            .map(|d| f64::from(u8::from((d[0] + d[1] > 2.5) || (d[0] + d[1] > 1.5 && d[2] < 0.5))))
            .collect();
        let found = limit(&x, &y, &[1.0; 300]).unwrap();
        for (d, p) in draws.iter().zip(&found.probability) {
            match d[0] + d[1] {
                s if s > 2.5 => assert_eq!(*p, 1.0),
                s if s < 1.5 => assert_eq!(*p, 0.0),
                _ => assert!(*p > 0.3 && *p < 0.7, "{p}"),
            }
        }
        assert_eq!(found.terms.len(), 2, "{:?}", found.terms);
    }

    #[test]
    fn separation_altogether_stays_an_error() {
        let x = Array2::from_shape_fn((20, 1), |(i, _)| i as f64);
        let y: Vec<f64> = (0..20).map(|i| f64::from(u8::from(i > 9))).collect();
        let error = limit(&x, &y, &[1.0; 20]).unwrap_err();
        assert!(matches!(error, LogisticError::SeparatingTerm { .. } | LogisticError::Separation { .. }), "{error}");
        assert!(matches!(limit(&x, &[0.0; 20], &[1.0; 20]), Err(LogisticError::OneClass { .. })));
    }
}
