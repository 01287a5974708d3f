//! One BART for the outcome means of both arms, f(x, t), fitted on all rows.
//!
//! Treatment is one more column, and every unit is carried through the sampler a second time with its treatment
//! reversed, so that each draw gives f(xᵢ, 1) and f(xᵢ, 0) of all units. Besides the posterior means, the fit keeps draws
//! of three functionals for each target, with target weights d = 1, t, 1 − t, e(1 − e) for ATE, ATT, ATC, ATO, observation
//! weights w, and D = Σ w d:
//!
//! ```text
//! Σ w d f(x, 1)/D,    Σ w d f(x, 0)/D,    Σ w d [(1 − t) f(x, 1) − t f(x, 0)]/D
//! ```
//!
//! The third is the part of the effect among the units of the sample that is not observed. References: Hill (2011),
//! doi:10.1198/jcgs.2010.08162; trees and sparse prior: [`crate::learners::bart`].

use crate::arm::Arm;
use crate::error::EstimateError;
use crate::estimand::{OutcomeKind, Target};
use crate::fit_note::{FitNote, FitPlace, FittedModel};
use crate::learner_kind::Family;
use crate::learners::bart;
use crate::learners::bart::{Data, Draw};
use crate::learners::factory;
use crate::learners::learner::Seed;
use crate::nuisance::outcome::OutcomeValues;
use crate::numerics::binned::{BinnedMatrix, MAX_BINS};
use crate::numerics::sums;
use crate::params::EstimateParams;
use crate::sample::Covariates;
use crate::weighted_rows::Rows;
use ndarray::{Axis, concatenate};

/// Draws of Σ w d f(x, 1)/D, of Σ w d f(x, 0)/D, and of the part of the sample estimand that is not observed.
pub(crate) const FUNCTIONALS: usize = 3;

/// A fitted BART, with what every target needs of the posterior.
pub(crate) struct BartFit {
    /// Posterior means of f(x, 0) and f(x, 1), n values each.
    pub(crate) values: OutcomeValues,
    /// Notes on the fit.
    pub(crate) notes: Vec<FitNote>,
    /// Posterior mean of σ², in squared units of y; not used for zeros and ones.
    pub(crate) noise: f64,
    /// Draws of the functionals: three for each target, in the order of `Target::ALL`.
    pub(crate) draws: Vec<Vec<f64>>,
}

/// Target weights of all rows; zero throughout for the ATO without a propensity.
pub(crate) fn target_weights(rows: &Rows, e: Option<&[f64]>, target: Target) -> Vec<f64> {
    rows.map(|i| match (target, e) {
        (Target::Ate, _) => 1.0,
        (Target::Att, _) => rows.t[i],
        (Target::Atc, _) => 1.0 - rows.t[i],
        (Target::Ato, Some(e)) => e[i] * (1.0 - e[i]),
        (Target::Ato, None) => 0.0,
    })
}

impl BartFit {
    /// Samples the posterior. Without `e` there is nothing about the ATO.
    pub(crate) fn new(
        covariates: &Covariates,
        rows: &Rows,
        e: Option<&[f64]>,
        params: &EstimateParams,
    ) -> Result<Self, EstimateError> {
        let logistic = params.outcome == OutcomeKind::Binary;
        let failed = |source| EstimateError::Learner { model: "the outcome of both arms".to_owned(), source };
        let together = |t: Vec<f64>| {
            let t = ndarray::Array2::from_shape_vec((rows.n(), 1), t);
            t.and_then(|t| concatenate(Axis(1), &[covariates.x().view(), t.view()]))
                .map_err(|_| EstimateError::OtherRows { got: rows.t.len(), expected: covariates.n() })
        };
        let train = BinnedMatrix::new(together(rows.t.clone())?.view(), MAX_BINS);
        // At the cuts of the rows as observed: the reversed copies must fall into the same bins.
        let test = train.encode(together(rows.t.iter().map(|t| 1.0 - t).collect())?.view());
        let family = if logistic { Family::Bernoulli } else { Family::Gaussian };
        let data = Data { train: &train, y: &rows.y, weights: &rows.w, test: &test, family };
        let shares: Vec<Vec<f64>> = Target::ALL
            .into_iter()
            .map(|target| {
                // Divided by D once, here, so that a functional is a plain sum at every draw.
                let d: Vec<f64> = target_weights(rows, e, target).iter().zip(&rows.w).map(|(d, w)| d * w).collect();
                let total = sums::sum(d.iter().copied());
                d.into_iter().map(|d| if total > 0.0 { d / total } else { 0.0 }).collect()
            })
            .collect();
        let functionals = |draw: &Draw<'_>| shares.iter().flat_map(|share| functionals(rows, share, draw)).collect();
        let seed = Seed::new(params.seed, "outcome.bart");
        let posterior =
            bart::sample(&data, &factory::bart(params.models.effort), &seed, &functionals).map_err(failed)?;
        let under = |arm: Arm| {
            // The training rows were predicted at the treatment they had, the test rows at the other one.
            let mean = |i: usize| if rows.arm[i] == arm { posterior.train_mean[i] } else { posterior.test_mean[i] };
            (0..rows.n()).map(mean).collect()
        };
        // The mean of σ², which is not the square of the mean of σ.
        let noise = posterior.sigma.iter().map(|s| s * s).sum::<f64>() / posterior.sigma.len() as f64;
        let notes = FitNote::from_info(FitPlace::all_rows(FittedModel::OutcomeBothArms), &posterior.info);
        let values = OutcomeValues { mu: Arm::BOTH.map(under), logistic };
        Ok(Self { values, notes, noise, draws: posterior.summaries })
    }
}

/// The three functionals of one draw with shares wd/D.
fn functionals(rows: &Rows, share: &[f64], draw: &Draw<'_>) -> [f64; FUNCTIONALS] {
    let (mut one, mut zero, mut unseen) = (0.0, 0.0, 0.0);
    for (i, share) in share.iter().enumerate() {
        let (own, other) = (share * draw.train[i], share * draw.test[i]);
        if rows.arm[i].is_treated() {
            (one, zero, unseen) = (one + own, zero + other, unseen - other);
        } else {
            (one, zero, unseen) = (one + other, zero + own, unseen + other);
        }
    }
    [one, zero, unseen]
}
