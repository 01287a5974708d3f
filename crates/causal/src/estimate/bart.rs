//! Bayesian additive regression trees for effects: one model f(x, t) for both arms (Hill 2011,
//! doi:10.1198/jcgs.2010.08162; trees and sparse prior: [`crate::learners::bart`]).
//!
//! Treatment is one more column, and every unit is carried through the sampler a second time with its treatment
//! reversed, so that each draw gives f(xᵢ, 1) and f(xᵢ, 0) of all units. With target weights d = 1, t, 1 − t, e(1 − e) for
//! ATE, ATT, ATC, ATO, observation weights w, and D = Σ w d:
//!
//! ```text
//! population   τ = Σ w d [f(x, 1) − f(x, 0)]/D
//!              V = Var_post(τ) + Σ w² d² (τ̄(x) − τ̄)²/D²
//! sample       τ = Σ w d [t(y − f(x, 0)) + (1 − t)(f(x, 1) − y)]/D
//!              V = Var_post(τ) + S for the SATT and SATC, (√Var_post(τ) + √S)² for the SATE and SATO,
//!              S = Σ w² d² σ²(x)/D²
//! ```
//!
//! For the units of the sample one of the two outcomes is known, and the other misses f by an error of variance σ²
//! (f(1 − f) for zeros and ones). For the SATE and SATO the unseen error of a unit may go with its seen one, which moved f;
//! how closely no data can say, and the bound over all correlations adds the standard deviations. For the SATT and SATC the
//! unseen outcomes are of one arm, and f there rests mostly on outcomes of the other units. For the population the second term is the
//! chance of having drawn units of these effects rather than others. The estimate is the posterior mean, and the interval
//! ± 1.96 √V. Posterior intervals of trees tend to be too short: the prior shrinks, and nothing here corrects for it; compare
//! AIPW with BART. Assumes a regression with errors of one variance, besides no unmeasured confounding.

use crate::arm::Arm;
use crate::error::EstimateError;
use crate::estimand::Inference;
use crate::estimand::{OutcomeKind, Target};
use crate::learner_kind::Family;
use crate::learners::bart;
use crate::learners::bart::{Data, Draw};
use crate::learners::factory;
use crate::learners::learner::Seed;
use crate::nuisance::crossfit;
use crate::nuisance::outcome::OutcomeValues;
use crate::numerics::binned::{BinnedMatrix, MAX_BINS};
use crate::numerics::sums;
use crate::params::EstimateParams;
use crate::sample::Covariates;
use crate::weighted_rows::Rows;
use ndarray::{Axis, concatenate};

/// Draws of Σ w d f(x, 1)/D, of Σ w d f(x, 0)/D, and of the part of the sample estimand that is not observed.
const FUNCTIONALS: usize = 3;

/// A fitted BART, with what every target needs of the posterior.
pub(crate) struct BartFit {
    /// Posterior means of f(x, 0) and f(x, 1), n values each.
    pub(crate) values: OutcomeValues,
    /// What a reader must know.
    pub(crate) notes: Vec<String>,
    /// Posterior mean of σ², in squared units of y; not used for zeros and ones.
    noise: f64,
    /// Draws of the functionals: three for each target, in the order of `Target::ALL`.
    draws: Vec<Vec<f64>>,
}

/// Mean and standard error of one target.
pub(crate) struct Standardised {
    /// Posterior means of the mean outcome under control and under treatment.
    pub(crate) means: [f64; 2],
    /// Posterior mean.
    pub(crate) estimate: f64,
    /// √V.
    pub(crate) std_error: f64,
}

/// Target weights of all rows; zero throughout for the ATO without a propensity.
fn target_weights(rows: &Rows, e: Option<&[f64]>, target: Target) -> Vec<f64> {
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
        let test = train.encode(together(rows.t.iter().map(|t| 1.0 - t).collect())?.view());
        let family = if logistic { Family::Bernoulli } else { Family::Gaussian };
        let data = Data { train: &train, y: &rows.y, weights: &rows.w, test: &test, family };
        let shares: Vec<Vec<f64>> = Target::ALL
            .into_iter()
            .map(|target| {
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
            let mean = |i: usize| if rows.arm[i] == arm { posterior.train_mean[i] } else { posterior.test_mean[i] };
            (0..rows.n()).map(mean).collect()
        };
        let noise = posterior.sigma.iter().map(|s| s * s).sum::<f64>() / posterior.sigma.len() as f64;
        let notes = crossfit::said("outcome by BART", &posterior.info);
        let values = OutcomeValues { mu: Arm::BOTH.map(under), logistic };
        Ok(Self { values, notes, noise, draws: posterior.summaries })
    }

    /// The posterior of one target; see the module page. `e` as when it was fitted.
    pub(crate) fn standardised(
        &self,
        rows: &Rows,
        e: Option<&[f64]>,
        (target, inference): (Target, Inference),
    ) -> Standardised {
        let d = target_weights(rows, e, target);
        let total = rows.sum(|i| d[i]);
        let [mu0, mu1] = &self.values.mu;
        let first = FUNCTIONALS * Target::ALL.iter().position(|t| *t == target).unwrap_or(0);
        let spread = |i: usize, part: f64| (rows.w[i] * d[i] / total).powi(2) * part;
        if inference == Inference::Population {
            let means = [mu0, mu1].map(|mu| rows.sum(|i| d[i] * mu[i]) / total);
            let estimate = rows.sum(|i| d[i] * (mu1[i] - mu0[i])) / total;
            let between = sums::sum((0..rows.n()).map(|i| spread(i, (mu1[i] - mu0[i] - estimate).powi(2))));
            let effect: Vec<f64> = self.draws[first].iter().zip(&self.draws[first + 1]).map(|(a, b)| a - b).collect();
            return Standardised { means, estimate, std_error: (variance(&effect) + between).sqrt() };
        }
        let outcome = |arm: Arm, i: usize| {
            if rows.arm[i] == arm { rows.y[i] } else { self.values.mu[arm.index()][i] }
        };
        let means = Arm::BOTH.map(|arm| rows.sum(|i| d[i] * outcome(arm, i)) / total);
        let error = |i: usize| {
            let unseen = self.values.mu[rows.arm[i].other().index()][i];
            if self.values.logistic { unseen * (1.0 - unseen) } else { self.noise }
        };
        let noise = sums::sum((0..rows.n()).map(|i| spread(i, error(i))));
        let posterior = variance(&self.draws[first + 2]);
        let std_error = match target {
            Target::Att | Target::Atc => (posterior + noise).sqrt(),
            Target::Ate | Target::Ato => posterior.sqrt() + noise.sqrt(),
        };
        Standardised { means, estimate: means[1] - means[0], std_error }
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

/// Unbiased variance; zero for a single value.
fn variance(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = sums::sum(values.iter().copied()) / n;
    sums::sum(values.iter().map(|v| (v - mean).powi(2))) / (n - 1.0).max(1.0)
}
