//! The propensity e(x) = P(T = 1 | X = x), by logistic regression of treatment on an intercept and every term.
//!
//! Estimand: none; e is a nuisance of every weighting estimator. Model: logit e = xᵀβ, maximum likelihood, no penalty,
//! no truncation. Standard errors are the inverse Fisher information. Reference: Rosenbaum & Rubin (1983),
//! doi:10.1093/biomet/70.1.41.

use crate::design::DesignError;
use crate::learners::logistic;
use crate::learners::logistic::{LogisticFit, LogisticInfo, LogisticParams};
use crate::numerics::design_matrix::DesignMatrix;
use crate::numerics::linalg::Cholesky;
use crate::numerics::standardise::Standardisation;
use crate::sample::Covariates;
use ndarray::{Array1, Array2};

/// One coefficient of the propensity, raw scale.
#[derive(Debug, Clone, PartialEq)]
pub struct Coefficient {
    /// Term, `(Intercept)` for the intercept.
    pub term: String,
    /// Change of the log-odds of treatment per unit of the term.
    pub estimate: f64,
    /// Model-based standard error.
    pub std_error: f64,
}

/// A fitted propensity.
#[derive(Debug, Clone, PartialEq)]
pub struct Propensity {
    /// n fitted propensities.
    pub e: Array1<f64>,
    /// n values of logit e.
    pub linear_predictor: Array1<f64>,
    /// Intercept first, then the kept terms in column order.
    pub coefficients: Vec<Coefficient>,
    /// Terms left out because they are constant or aliased: constant ones first, each group in term order.
    pub dropped_terms: Vec<String>,
    /// Iterations, gradient and log-likelihood at the end.
    pub info: LogisticInfo,
    /// Area under the ROC curve: the weighted probability that a treated unit has the larger e, ties counting half.
    pub auc: f64,
    /// Centres and scales of the kept terms.
    pub standardisation: Standardisation,
    /// Fisher information of the standardised coefficients, k × k.
    pub information: Array2<f64>,
}

/// Fits the propensity of `covariates`.
///
/// # Errors
/// [`DesignError`]: treatment that the terms separate, too few rows, or no convergence.
pub fn fit_propensity(covariates: &Covariates, params: &LogisticParams) -> Result<Propensity, DesignError> {
    let weights = covariates.weights().map(|w| w.to_vec());
    let standardisation = Standardisation::fit(covariates.x(), covariates.names(), weights.as_deref());
    fit_standardised(covariates, standardisation, params)
}

/// As [`fit_propensity`], with the terms that `standardisation` keeps.
pub(crate) fn fit_standardised(
    covariates: &Covariates,
    standardisation: Standardisation,
    params: &LogisticParams,
) -> Result<Propensity, DesignError> {
    let (t, w) = (covariates.treated().to_vec(), covariates.weights_or_ones().to_vec());
    let design = DesignMatrix::new(covariates.x(), &standardisation);
    let fit = logistic::fit(&design, &t, &w, params)?;
    let coefficients = raw_coefficients(&standardisation, &fit)?;
    let auc = auc(&fit.probability.to_vec(), &t, &w);
    let LogisticFit { linear_predictor, probability, information, info, .. } = fit;
    let dropped_terms = standardisation.dropped_names();
    Ok(Propensity {
        e: probability,
        linear_predictor,
        coefficients,
        dropped_terms,
        info,
        auc,
        standardisation,
        information,
    })
}

fn raw_coefficients(s: &Standardisation, fit: &LogisticFit) -> Result<Vec<Coefficient>, DesignError> {
    // Inverted on the standardised scale, where the information is better conditioned, and mapped afterwards.
    let covariance = s.covariance_to_raw(&Cholesky::new(&fit.information)?.inverse()?);
    let estimates = s.to_raw(&fit.gamma);
    let named = s.coefficient_names().into_iter().enumerate();
    Ok(named
        .map(|(j, term)| Coefficient { term, estimate: estimates[j], std_error: covariance[[j, j]].sqrt() })
        .collect())
}

/// Weighted Mann–Whitney statistic Σ w₁w₀[1(e₁ > e₀) + ½·1(e₁ = e₀)] / Σ w₁ Σ w₀.
pub(super) fn auc(e: &[f64], t: &[f64], w: &[f64]) -> f64 {
    let mut order: Vec<usize> = (0..e.len()).collect();
    order.sort_by(|a, b| e[*a].total_cmp(&e[*b]));
    let (mut wins, mut below, mut treated) = (0.0, 0.0, 0.0);
    // Plain sums: with weights of one they are counts, which are exact.
    for tied in order.chunk_by(|a, b| e[*a] == e[*b]) {
        let ones: f64 = tied.iter().map(|i| w[*i] * t[*i]).sum();
        let zeros: f64 = tied.iter().map(|i| w[*i] * (1.0 - t[*i])).sum();
        // A treated unit beats every control below it, and half of those it is tied with.
        wins += ones * (below + 0.5 * zeros);
        below += zeros;
        treated += ones;
    }
    wins / (treated * below)
}

#[cfg(test)]
mod tests {
    use crate::design::propensity::*;

    #[test]
    fn auc_counts_ties_as_half_and_honours_weights() {
        // Pairs (treated, control): (.9,.2) (.9,.5) win, (.5,.2) win, (.5,.5) tie: 3.5 of 4.
        let (e, t) = ([0.9, 0.5, 0.2, 0.5], [1.0, 1.0, 0.0, 0.0]);
        assert!((auc(&e, &t, &[1.0; 4]) - 3.5 / 4.0).abs() < 1e-15);
        // The tied control weighs three: (1 + 3 + 1 + 1.5) of 8.
        assert!((auc(&e, &t, &[1.0, 1.0, 1.0, 3.0]) - 6.5 / 8.0).abs() < 1e-15);
    }
}
