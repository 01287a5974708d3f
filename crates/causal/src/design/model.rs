//! A propensity, however it came about. Weights, balance, overlap and trimming need e alone; what needs more than that,
//! such as the stacked standard error, asks for [`PropensityModel::logistic`] and says what it does without.

use crate::design::crossfitted::CrossFittedPropensity;
use crate::design::propensity::{Propensity, auc};
use crate::learner_kind::Family;
use crate::learners::picked;
use crate::sample::Covariates;
use ndarray::{Array1, Axis};

/// Probabilities of treatment that were not estimated: the rule by which treatment was assigned is known.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownPropensity {
    /// n probabilities, strictly between 0 and 1.
    pub e: Array1<f64>,
    /// Log-loss at `e`.
    pub log_loss: f64,
    /// Area under the ROC curve at `e`.
    pub auc: f64,
}

impl KnownPropensity {
    /// The known probabilities `e` of the n units of `covariates`.
    #[must_use]
    pub fn new(e: Array1<f64>, covariates: &Covariates) -> Self {
        let (values, t) = (e.to_vec(), covariates.treated().to_vec());
        let w = covariates.weights_or_ones().to_vec();
        Self { log_loss: picked::loss(Family::Bernoulli, &values, &t, &w), auc: auc(&values, &t, &w), e }
    }
}

/// The propensity of a design.
#[derive(Debug, Clone, PartialEq)]
pub enum PropensityModel {
    /// Logistic regression on all rows.
    Logistic(Box<Propensity>),
    /// A learner, out of fold.
    CrossFitted(CrossFittedPropensity),
    /// Not estimated.
    Known(KnownPropensity),
}

impl PropensityModel {
    /// n propensities.
    #[must_use]
    pub fn e(&self) -> &Array1<f64> {
        match self {
            PropensityModel::Logistic(p) => &p.e,
            PropensityModel::CrossFitted(p) => &p.e,
            PropensityModel::Known(p) => &p.e,
        }
    }

    /// The propensities of the given rows, where they do not depend on the other rows being there; a logistic regression
    /// would be another one without them, and gives `None`.
    #[must_use]
    pub fn rows(&self, rows: &[usize]) -> Option<PropensityModel> {
        let e = self.e().select(Axis(0), rows);
        match self {
            PropensityModel::Logistic(_) => None,
            PropensityModel::CrossFitted(p) => {
                // Loss, AUC and the number clipped stay those of the fit, which was to all rows.
                Some(PropensityModel::CrossFitted(CrossFittedPropensity { e, ..p.clone() }))
            }
            PropensityModel::Known(p) => Some(PropensityModel::Known(KnownPropensity { e, ..p.clone() })),
        }
    }

    /// Area under the ROC curve.
    #[must_use]
    pub fn auc(&self) -> f64 {
        match self {
            PropensityModel::Logistic(p) => p.auc,
            PropensityModel::CrossFitted(p) => p.auc,
            PropensityModel::Known(p) => p.auc,
        }
    }

    /// The number of units whose propensity was moved to a bound.
    #[must_use]
    pub fn clipped(&self) -> usize {
        match self {
            PropensityModel::CrossFitted(p) => p.clipped,
            PropensityModel::Logistic(_) | PropensityModel::Known(_) => 0,
        }
    }

    /// The logistic regression, with its coefficients and information, if that is what it is.
    #[must_use]
    pub fn logistic(&self) -> Option<&Propensity> {
        match self {
            PropensityModel::Logistic(p) => Some(p),
            PropensityModel::CrossFitted(_) | PropensityModel::Known(_) => None,
        }
    }
}
