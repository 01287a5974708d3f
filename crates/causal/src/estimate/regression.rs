//! Coefficient of treatment in one linear regression y ~ 1 + T + X: the one-shot analyst's answer, a benchmark.
//!
//! It estimates a variance-weighted effect, Σ ẽ²τ(x)/Σ ẽ² with ẽ the residual of T on X, under linearity in X
//! (Angrist 1998, doi:10.2307/2998558); the target it is reported under is the label of the table row only.
//! Standard errors: classical (headline) and HC0, which is the stacked-equation one.

use crate::effect::{Effect, SeMethod};
use crate::error::EstimateError;
use crate::estimate::Estimator;
use crate::estimate::effect_builder::{Errors, Label, checked};
use crate::learners::linear;
use crate::learners::linear::LinearCoefficient;
use crate::nuisance::Nuisances;
use crate::sample::Sample;
use ndarray::{Array2, Axis, concatenate};

/// The coefficient of treatment.
pub(super) struct PooledRegression;

impl Estimator for PooledRegression {
    fn effect(&self, nuisances: &Nuisances<'_>, label: &Label) -> Result<Effect, EstimateError> {
        let found = treatment_coefficient(nuisances.sample)?;
        let (method, std_error) = (SeMethod::Classical, found.se_classical);
        // HC0 is what the stacked equations of one regression give.
        let errors = Errors { method, std_error, se_influence: None, se_stacked: Some(found.se_hc0) };
        checked(label.without_means(&nuisances.rows, None, found.estimate, &errors))
    }
}

/// The coefficient of treatment with its standard errors.
fn treatment_coefficient(sample: &Sample) -> Result<LinearCoefficient, EstimateError> {
    let c = sample.covariates();
    let treated = c.treated().view().insert_axis(Axis(1));
    // Treatment comes first, so that a term aliased with it is dropped and not treatment itself.
    let x: Array2<f64> = concatenate(Axis(1), &[treated, c.x().view()])
        .map_err(|_| EstimateError::OtherRows { got: c.treated().len(), expected: c.n() })?;
    let treatment = "(Treatment)".to_owned();
    let names: Vec<String> = std::iter::once(treatment.clone()).chain(c.names().iter().cloned()).collect();
    let fit = linear::fit(&x, &names, sample.y(), c.weights())?;
    fit.coefficient(&treatment).cloned().ok_or(EstimateError::NoTreatmentCoefficient)
}
