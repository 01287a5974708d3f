//! One BART for the outcome means of both arms, f(x, t), fitted on all rows.
//!
//! Treatment is one more column, and every unit is carried through the sampler a second time with its treatment
//! reversed, so that each draw gives f(xᵢ, 1) and f(xᵢ, 0) of all units. Besides the posterior means, the fit keeps draws
//! of three functionals for each target, with target weights d = 1, t, 1 − t, e(1 − e) for ATE, ATT, ATC, ATO, observation
//! weights w, and D = Σ w d:
//!
//! ```text
//! Σ w d f(x, 1)/D,    Σ w d f(x, 0)/D,    Σ w d [(1 − t) f(x, 1) − t f(x, 0)]/D,    Σ w d [f(x, 1) − f(x, 0)]/D
//! ```
//!
//! The third is the part of the effect among the units of the sample that is not observed. Chains must agree on the fourth,
//! the effect: noise and the level of the outcome may still wander where the difference of the arms no longer does.
//!
//! **Large samples.** With more than [`MOST_ROWS`] rows the model is fitted to a seeded sample of them, as many of each arm
//! as there are up to a half, and predicts all: given covariates and treatment the outcome does not depend on how rows were
//! drawn by arm. Its noise is then that of so many rows, which the weighted residuals of all rows correct. There chains must agree on σ: the
//! effect of all rows is not known at every draw. References: Hill (2011),
//! doi:10.1198/jcgs.2010.08162; trees and sparse prior: [`crate::learners::bart`].

use crate::arm::Arm;
use crate::error::EstimateError;
use crate::estimand::{OutcomeKind, Target};
use crate::fit_note::{FitNote, FitPlace, FittedModel};
use crate::learner_kind::Family;
use crate::learners::bart;
use crate::learners::bart::{BartLearner, BartParams, Data, Draw};
use crate::learners::factory;
use crate::learners::learner::{Learner, Seed, Training};
use crate::nuisance::outcome::OutcomeValues;
use crate::nuisance::ridge_centre::RidgeCentre;
use crate::numerics::binned::{BinnedMatrix, MAX_BINS};
use crate::numerics::sums;
use crate::params::EstimateParams;
use crate::sample::Covariates;
use crate::weighted_rows::Rows;
use ndarray::{Array2, Axis, concatenate};
use rand::seq::SliceRandom;

/// Draws of Σ w d f(x, 1)/D, of Σ w d f(x, 0)/D, of the part of the sample estimand that is not observed, and of the effect.
pub(crate) const FUNCTIONALS: usize = 4;
/// The place of the effect among them.
const EFFECT: usize = 3;
/// Most rows that the model is fitted to where it is one of several; see the module page.
pub(crate) const MOST_ROWS: usize = 50_000;
/// Rows predicted at a time.
const BLOCK: usize = 16_384;
/// Kept draws of the trees in a fit to a sample: predictions cost a walk through each tree kept.
const DRAWS_KEPT: usize = 10;

/// Predictions of one model for both arms.
pub(crate) struct BothArms {
    /// Posterior means of f(x, 0) and f(x, 1), n values each.
    pub(crate) values: OutcomeValues,
    /// Notes on the fit.
    pub(crate) notes: Vec<FitNote>,
}

/// A BART fitted to all rows, with what every target needs of the posterior.
pub(crate) struct BartFit {
    /// Its predictions.
    pub(crate) means: BothArms,
    /// Posterior mean of σ², in squared units of y; not used for zeros and ones.
    pub(crate) noise: f64,
    /// Draws of the functionals: [`FUNCTIONALS`] for each target, in the order of `Target::ALL`.
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
        centred: bool,
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
        let m = linear_part(covariates, rows, &rows.w, centred)?;
        let y: Vec<f64> = (0..rows.n()).map(|i| rows.y[i] - m[rows.arm[i].index()][i]).collect();
        let data = Data { train: &train, y: &y, weights: &rows.w, test: &test, family };
        let shares: Vec<Vec<f64>> = Target::ALL
            .into_iter()
            .map(|target| {
                // Divided by D once, here, so that a functional is a plain sum at every draw.
                let d: Vec<f64> = target_weights(rows, e, target).iter().zip(&rows.w).map(|(d, w)| d * w).collect();
                let total = sums::sum(d.iter().copied());
                d.into_iter().map(|d| if total > 0.0 { d / total } else { 0.0 }).collect()
            })
            .collect();
        // The functionals are linear, so those of the linear part are added to every draw.
        let own = rows.map(|i| m[rows.arm[i].index()][i]);
        let other = rows.map(|i| m[rows.arm[i].other().index()][i]);
        let of_centre: Vec<[f64; FUNCTIONALS]> =
            shares.iter().map(|share| functionals(rows, share, &own, &other)).collect();
        let functionals = |draw: &Draw<'_>| {
            shares
                .iter()
                .zip(&of_centre)
                .flat_map(|(share, centre)| {
                    let of_trees = functionals(rows, share, draw.train, draw.test);
                    std::array::from_fn::<f64, FUNCTIONALS, _>(|k| of_trees[k] + centre[k])
                })
                .collect()
        };
        let (seed, settings) = (Seed::new(params.seed, "outcome.bart"), factory::bart(params.models.effort));
        let posterior = bart::sample(&data, &settings, &seed, &functionals).map_err(failed)?;
        let under = |arm: Arm| {
            // The training rows were predicted at the treatment they had, the test rows at the other one.
            let mean = |i: usize| if rows.arm[i] == arm { posterior.train_mean[i] } else { posterior.test_mean[i] };
            (0..rows.n()).map(|i| mean(i) + m[arm.index()][i]).collect()
        };
        // The mean of σ², which is not the square of the mean of σ.
        let noise = posterior.sigma.iter().map(|s| s * s).sum::<f64>() / posterior.sigma.len() as f64;
        let effects = (0..Target::ALL.len()).map(|target| FUNCTIONALS * target + EFFECT);
        let info = posterior.agreement_on(&settings, effects);
        let notes = FitNote::from_info(FitPlace::all_rows(FittedModel::OutcomeBothArms), &info);
        let values = OutcomeValues { mu: Arm::BOTH.map(under), logistic };
        Ok(Self { means: BothArms { values, notes }, noise, draws: posterior.summaries })
    }
}

/// What a ridge regression of the rows of positive weight `w` takes away before the trees, in all rows and both arms; zero
/// unless `centred`.
fn linear_part(covariates: &Covariates, rows: &Rows, w: &[f64], centred: bool) -> Result<[Vec<f64>; 2], EstimateError> {
    if !centred {
        return Ok(Arm::BOTH.map(|_| vec![0.0; rows.n()]));
    }
    let x = covariates.x().view();
    let centre = RidgeCentre::fit(x, rows, w).map_err(RidgeCentre::error)?;
    Ok(Arm::BOTH.map(|arm| centre.values(x, arm)))
}

/// The way a model is fitted to a part of the rows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sampled {
    /// Most rows.
    pub(crate) most: usize,
    /// True if a ridge regression goes first.
    pub(crate) centred: bool,
}

/// Predictions of both arms for all rows by a BART fitted to at most `most` of them.
pub(crate) fn on_a_sample(
    covariates: &Covariates,
    rows: &Rows,
    params: &EstimateParams,
    how: Sampled,
) -> Result<BothArms, EstimateError> {
    let Sampled { most, centred } = how;
    let failed = |source| EstimateError::Learner { model: "the outcome of both arms".to_owned(), source };
    let logistic = params.outcome == OutcomeKind::Binary;
    let seed = Seed::new(params.seed, "outcome.bart.sample");
    let chosen = sample_of_rows(rows, most, &seed);
    let mut w = vec![0.0; rows.n()];
    chosen.iter().for_each(|i| w[*i] = rows.w[*i]);
    let x = covariates.x();
    let m = linear_part(covariates, rows, &w, centred)?;
    let with_arm = |places: &[usize], t: &dyn Fn(usize) -> f64| {
        let mut all = Array2::zeros((places.len(), x.ncols() + 1));
        for (mut row, i) in all.outer_iter_mut().zip(places) {
            row.iter_mut().zip(x.row(*i)).for_each(|(to, from)| *to = *from);
            row[x.ncols()] = t(*i);
        }
        all
    };
    let used = with_arm(&chosen, &|i| rows.t[i]);
    let y: Vec<f64> = chosen.iter().map(|i| rows.y[*i] - m[rows.arm[*i].index()][*i]).collect();
    let weights: Vec<f64> = chosen.iter().map(|i| rows.w[*i]).collect();
    let names: Vec<String> = covariates.names().iter().cloned().chain(["treatment".to_owned()]).collect();
    let training = Training { x: used.view(), names: &names, y: &y, weights: &weights };
    let family = if logistic { Family::Bernoulli } else { Family::Gaussian };
    let settings = factory::bart(params.models.effort);
    let settings = BartParams { keep_every: settings.draws.div_ceil(DRAWS_KEPT), ..settings };
    let model = BartLearner { params: settings }.fit(&training, family, &seed).map_err(failed)?;
    let mut mu = m;
    for start in (0..rows.n()).step_by(BLOCK) {
        let places: Vec<usize> = (start..(start + BLOCK).min(rows.n())).collect();
        for arm in Arm::BOTH {
            let predicted = model.predict(with_arm(&places, &|_| f64::from(u8::from(arm.is_treated()))).view());
            mu[arm.index()][start..start + places.len()].iter_mut().zip(predicted).for_each(|(m, f)| *m += f);
        }
    }
    let remark = format!("fitted to {} of {} rows", chosen.len(), rows.n());
    let place = FitPlace::all_rows(FittedModel::OutcomeBothArms);
    let mut notes = FitNote::from_info(place, model.info());
    notes.push(FitNote::Remark { place, remark });
    Ok(BothArms { values: OutcomeValues { mu, logistic }, notes })
}

/// At most `most` rows of positive weight, ascending: half of them of each arm, or all of an arm that has fewer and
/// the more of the other.
fn sample_of_rows(rows: &Rows, most: usize, seed: &Seed) -> Vec<usize> {
    let mut rng = seed.child("rows").stream();
    let mut members = Arm::BOTH.map(|arm| {
        let mut of_arm: Vec<usize> = (0..rows.n()).filter(|i| rows.arm[*i] == arm && rows.w[*i] > 0.0).collect();
        of_arm.shuffle(&mut rng);
        of_arm
    });
    let sizes = [members[0].len(), members[1].len()];
    let half = most / 2;
    let take = |own: usize, other: usize| own.min(most - other.min(half));
    let takes = [take(sizes[0], sizes[1]), take(sizes[1], sizes[0])];
    members.iter_mut().zip(takes).for_each(|(of_arm, take)| of_arm.truncate(take));
    let mut chosen = members.concat();
    chosen.sort_unstable();
    chosen
}

/// The functionals with shares wd/D of values at the treatment that each unit had, and at the other one.
fn functionals(rows: &Rows, share: &[f64], train: &[f64], test: &[f64]) -> [f64; FUNCTIONALS] {
    let (mut one, mut zero, mut unseen) = (0.0, 0.0, 0.0);
    for (i, share) in share.iter().enumerate() {
        let (own, other) = (share * train[i], share * test[i]);
        if rows.arm[i].is_treated() {
            (one, zero, unseen) = (one + own, zero + other, unseen - other);
        } else {
            (one, zero, unseen) = (one + other, zero + own, unseen + other);
        }
    }
    [one, zero, unseen, one - zero]
}

#[cfg(test)]
mod tests {
    use crate::estimand::{Inference, Population};
    use crate::estimator::NuisanceModels;
    use crate::learner_kind::{Effort, LearnerKind};
    use crate::learners::logistic::LogisticParams;
    use crate::nuisance::bart::*;
    use crate::numerics::streams;
    use crate::sample::Sample;
    use rand::RngExt;

    /// Two uniform columns, a share treated, and the means x₁ + x₂ and 1 + 2x₁ + x₂ with uniform noise of sd 0.29.
    fn draw(n: usize, share: f64) -> (Sample, [Vec<f64>; 2]) {
        let mut rng = streams::stream(3, "bart.sample.test");
        let x = Array2::from_shape_fn((n, 2), |_| rng.random::<f64>() * 2.0 - 1.0);
        let t: Vec<f64> = (0..n).map(|_| f64::from(u8::from(rng.random::<f64>() < share))).collect();
        let means = [0.0, 1.0].map(|a| (0..n).map(|i| a + (1.0 + a) * x[[i, 0]] + x[[i, 1]]).collect::<Vec<f64>>());
        let y = (0..n).map(|i| means[usize::from(t[i] == 1.0)][i] + rng.random::<f64>() - 0.5).collect();
        let covariates = Covariates::new(x, vec!["a".to_owned(), "b".to_owned()], t.into(), None).unwrap();
        (Sample::new(covariates, y).unwrap(), means)
    }

    fn params() -> EstimateParams {
        let (propensity, outcome) = (LearnerKind::Boosting, LearnerKind::BoostingOrRidge);
        EstimateParams {
            population: Population::All,
            outcome: OutcomeKind::Continuous,
            folds: 3,
            seed: 4,
            logistic: LogisticParams::default(),
            models: NuisanceModels { propensity, outcome, repeats: 1, effort: Effort::Fast },
            inference: Inference::Population,
        }
    }

    #[test]
    fn a_sample_has_half_of_each_arm_or_all_of_the_smaller_one() {
        let rows = Rows::from_sample(&draw(1000, 0.15).0);
        let treated = rows.count(Arm::Treated);
        let sizes = |most: usize| {
            let chosen = sample_of_rows(&rows, most, &Seed::new(1, "test"));
            assert!(chosen.windows(2).all(|pair| pair[0] < pair[1]));
            let of_treated = chosen.iter().filter(|i| rows.arm[**i].is_treated()).count();
            [chosen.len() - of_treated, of_treated]
        };
        assert!(treated > 100 && treated < 200, "{treated}");
        assert_eq!(sizes(200), [100, 100]);
        assert_eq!(sizes(500), [500 - treated, treated]);
        assert_eq!(sizes(5000), [1000 - treated, treated]);
    }

    /// A fit to 400 of 600 rows predicts the means of all, with and without a linear part; the means have standard deviations
    /// 0.8 and 1.3, the noise has 0.29.
    #[test]
    fn a_fit_to_a_sample_predicts_all_rows_and_says_so() {
        let (sample, means) = draw(600, 0.5);
        let rows = Rows::from_sample(&sample);
        for centred in [false, true] {
            let how = Sampled { most: 400, centred };
            let fit = on_a_sample(sample.covariates(), &rows, &params(), how).unwrap();
            for arm in Arm::BOTH {
                let errors = fit.values.mu[arm.index()].iter().zip(&means[arm.index()]);
                let rmse = (errors.map(|(m, truth)| (m - truth).powi(2)).sum::<f64>() / 600.0).sqrt();
                assert!(rmse < 0.2, "{arm} {centred}: {rmse}");
            }
            let said = |note: &FitNote| matches!(note, FitNote::Remark { remark, .. } if remark == "fitted to 400 of 600 rows");
            assert!(fit.notes.iter().any(said), "{:?}", fit.notes);
        }
    }
}
