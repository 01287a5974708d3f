//! The direct interface: samples the posterior and summarises it at the training rows and at rows carried along.

use crate::learner_kind::Family;
use crate::learners::bart::chain::{Chain, Codes, MoveCounts, Problem};
use crate::learners::bart::forest::{Forest, Recorder};
use crate::learners::bart::params::{BartParams, NAME};
use crate::learners::bart::random::Random;
use crate::learners::bart::response::{Response, RowsInUse};
use crate::learners::bart::rhat::split_rhat;
use crate::learners::learner::{FitInfo, LearnerError, Seed};
use crate::numerics::binned::BinnedMatrix;
use crate::numerics::chunks::add_into;
use rayon::prelude::*;

/// The rows to fit, and the further rows to predict.
#[derive(Debug, Clone, Copy)]
pub struct Data<'a> {
    /// n × p covariates.
    pub train: &'a BinnedMatrix,
    /// n responses: finite, or 0 and 1 for [`Family::Bernoulli`].
    pub y: &'a [f64],
    /// n weights, finite and not negative; rows of weight zero have no influence and are predicted all the same.
    pub weights: &'a [f64],
    /// m × p further rows, binned at the same cuts ([`BinnedMatrix::encode`]): they cost little, since the sampler
    /// moves them from leaf to leaf only when a tree changes.
    pub test: &'a BinnedMatrix,
    /// The distribution of the responses.
    pub family: Family,
}

/// One kept draw of the regression function, on the scale of y or as probabilities.
#[derive(Debug, Clone, Copy)]
pub struct Draw<'a> {
    /// n values at the training rows.
    pub train: &'a [f64],
    /// m values at the test rows.
    pub test: &'a [f64],
    /// σ in units of y; 1 for a probit model.
    pub sigma: f64,
}

/// The values to keep of each draw: any number of them, the same number each time.
pub type Summary<'a> = &'a (dyn Fn(&Draw<'_>) -> Vec<f64> + Sync);

/// A linear functional Σ_i train_i f(x_i) + Σ_j test_j f(x̃_j), for use inside a [`Summary`].
#[must_use]
pub fn linear(draw: &Draw<'_>, train: &[f64], test: &[f64]) -> f64 {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    dot(train, draw.train) + dot(test, draw.test)
}

/// The posterior, in units of y (probabilities for a probit model). Draws are in order, chain after chain.
#[derive(Debug, Clone)]
pub struct Posterior {
    /// n posterior means at the training rows.
    pub train_mean: Vec<f64>,
    /// m posterior means at the test rows.
    pub test_mean: Vec<f64>,
    /// σ by draw; 1 for a probit model.
    pub sigma: Vec<f64>,
    /// The values that the summary returned, one series of draws for each.
    pub summaries: Vec<Vec<f64>>,
    /// Split-R̂ of each summary, in the same order.
    pub summary_rhat: Vec<f64>,
    /// Split-R̂ of the monitor: σ, or the mean of y − p squared for a probit model.
    pub rhat: f64,
    /// Posterior mean of the split probabilities s, by column of the covariates; 0 for a constant column.
    pub column_shares: Vec<f64>,
    /// Proposals and acceptances, all chains and sweeps.
    pub moves: MoveCounts,
    /// Sweeps, convergence and remarks.
    pub info: FitInfo,
}

impl Posterior {
    /// Whether the chains agree on the summaries numbered `which`, instead of on everything.
    #[must_use]
    pub fn agreement_on(&self, params: &BartParams, which: impl Iterator<Item = usize>) -> FitInfo {
        let rhats: Vec<f64> = which.map(|k| self.summary_rhat[k]).collect();
        info(params, f64::NEG_INFINITY, &rhats)
    }
}

/// Samples the posterior. `seed` names the streams: each chain has its own.
///
/// # Errors
/// [`LearnerError::Params`] for a setting out of range; [`LearnerError::Data`] for lengths that differ, values that are
/// not finite, no rows, constant responses, or unequal weights with [`Family::Bernoulli`].
pub fn sample(
    data: &Data<'_>,
    params: &BartParams,
    seed: &Seed,
    summary: Summary<'_>,
) -> Result<Posterior, LearnerError> {
    sample_and_keep(data, params, seed, summary, false).map(|(posterior, _)| posterior)
}

/// The trees and codes that predictions at further rows need.
pub(super) struct Fitted {
    /// The scale of the responses.
    pub response: Response,
    /// The trees of the kept draws of all chains.
    pub forest: Forest,
}

/// [`sample`], and the trees of the kept draws if `keep_trees`.
///
/// # Errors
/// As [`sample`].
pub(super) fn sample_and_keep(
    data: &Data<'_>,
    params: &BartParams,
    seed: &Seed,
    summary: Summary<'_>,
    keep_trees: bool,
) -> Result<(Posterior, Fitted), LearnerError> {
    params.check()?;
    check(data)?;
    let places = Places::new(data);
    let problem = problem(data, params, &places)?;
    let run = |chain: usize| {
        // Named by its number: a chain's draws do not depend on the thread, nor on how many chains there are.
        let random = Random::new(seed.child(format_args!("chain {chain}")).stream());
        run_chain(&problem, random, &places, summary, keep_trees)
    };
    // Collected in chain order, and so are all sums over chains.
    let runs: Vec<Run> = (0..params.chains).into_par_iter().map(run).collect();
    let mut forest = Forest::default();
    for run in &runs {
        forest.append(&run.forest);
    }
    let posterior = combine(&runs, params, &places, data.train.p());
    Ok((posterior, Fitted { response: problem.response, forest }))
}

fn check(data: &Data<'_>) -> Result<(), LearnerError> {
    let Data { train, y, weights, test, .. } = data;
    let same_cuts = || (0..train.p()).all(|j| train.cuts(j) == test.cuts(j));
    let rules = [
        (train.n() == y.len() && y.len() == weights.len(), "covariates, responses and weights differ in length"),
        (y.iter().all(|y| y.is_finite()), "a response is not a finite number"),
        (weights.iter().all(|w| w.is_finite() && *w >= 0.0), "a weight is negative or not a finite number"),
        (weights.iter().any(|w| *w > 0.0), "no row has a positive weight"),
        (train.p() == test.p() && same_cuts(), "test rows are not binned at the cuts of the training rows"),
    ];
    match rules.iter().find(|(holds, _)| !holds) {
        Some((_, problem)) => Err(LearnerError::Data { learner: NAME, problem: (*problem).into() }),
        None => Ok(()),
    }
}

/// The rows that are fitted, the rows that are carried, and the columns that can be split.
struct Places {
    fitted: Vec<usize>,
    ignored: Vec<usize>,
    columns: Vec<u32>,
    n: usize,
    m: usize,
}

impl Places {
    fn new(data: &Data<'_>) -> Self {
        let (fitted, ignored) = (0..data.y.len()).partition(|i| data.weights[*i] > 0.0);
        // A constant column has no rule; leaving it out keeps "at least one cut" true for all that follow.
        let columns = (0..data.train.p()).filter(|j| data.train.bins(*j) > 1).map(|j| j as u32).collect();
        Self { fitted, ignored, columns, n: data.train.n(), m: data.test.n() }
    }

    /// Values at fitted and carried rows, in the order of the training and the test rows.
    fn arrange(&self, fitted: &[f64], carried: &[f64], train: &mut [f64], test: &mut [f64]) {
        let (ignored, rest) = carried.split_at(self.ignored.len());
        for (i, value) in self.fitted.iter().zip(fitted).chain(self.ignored.iter().zip(ignored)) {
            train[*i] = *value;
        }
        test.copy_from_slice(rest);
    }
}

fn problem<'a>(data: &Data<'_>, params: &'a BartParams, places: &Places) -> Result<Problem<'a>, LearnerError> {
    let pick = |from: &[f64]| -> Vec<f64> { places.fitted.iter().map(|i| from[*i]).collect() };
    let y = pick(data.y);
    let mut weights = pick(data.weights);
    // Mean 1: doubling every weight changes nothing, and σ² keeps its unit.
    let mean = weights.iter().sum::<f64>() / weights.len() as f64;
    // Equal weights are no weights: the quicker loop serves, and a probit model is defined.
    let equal = weights.iter().all(|w| *w == weights[0]);
    for w in &mut weights {
        *w = if equal { 1.0 } else { *w / mean };
    }
    let rows = RowsInUse { y: &y, weights: &weights, x: data.train, places: &places.fitted };
    let response = Response::new(data.family, rows, params)?;
    let mut train = Codes { n: places.fitted.len(), bytes: Vec::new() };
    let mut carried = Codes { n: places.ignored.len() + places.m, bytes: Vec::new() };
    for j in &places.columns {
        let column = data.train.column(*j as usize);
        train.bytes.extend(places.fitted.iter().map(|i| column[*i]));
        // Rows of weight zero come first among the carried ones; `arrange` relies on it.
        carried.bytes.extend(places.ignored.iter().map(|i| column[*i]));
        carried.bytes.extend(data.test.column(*j as usize));
    }
    // At most 255 bins, so at most 254 cuts.
    let cuts = places.columns.iter().map(|j| (data.train.bins(*j as usize) - 1) as u8).collect();
    Ok(Problem { params, train, carried, cuts, response, weights: (!equal).then_some(weights) })
}

/// The draws of one chain.
struct Run {
    train: Vec<f64>,
    test: Vec<f64>,
    sigma: Vec<f64>,
    monitor: Vec<f64>,
    summaries: Vec<Vec<f64>>,
    shares: Vec<f64>,
    moves: MoveCounts,
    forest: Forest,
}

fn run_chain(problem: &Problem<'_>, random: Random, places: &Places, summary: Summary<'_>, keep_trees: bool) -> Run {
    let params = problem.params;
    let mut chain = Chain::new(problem, random);
    let linear = matches!(problem.response, Response::Normal { .. });
    let mut recorder = Recorder::new(places.columns.clone(), linear);
    let mut run = Run {
        train: vec![0.0; places.n],
        test: vec![0.0; places.m],
        sigma: Vec::with_capacity(params.draws),
        monitor: Vec::with_capacity(params.draws),
        summaries: Vec::new(),
        shares: vec![0.0; places.columns.len()],
        moves: MoveCounts::default(),
        forest: Forest::default(),
    };
    let (mut fitted, mut carried) = (vec![0.0; problem.train.n], vec![0.0; problem.carried.n]);
    let (mut train, mut test) = (vec![0.0; places.n], vec![0.0; places.m]);
    for sweep in 0..params.burn_in + params.draws * params.thin {
        chain.sweep(sweep);
        // Kept at the end of each run of `thin` sweeps.
        if sweep < params.burn_in || !(sweep + 1 - params.burn_in).is_multiple_of(params.thin) {
            continue;
        }
        chain.fitted(&mut fitted);
        chain.carried(&mut carried);
        // Each draw is mapped before anything is averaged: the mean of a probability is not the probability at the
        // mean.
        for f in fitted.iter_mut().chain(&mut carried) {
            *f = problem.response.outward(*f);
        }
        places.arrange(&fitted, &carried, &mut train, &mut test);
        let sigma = match &problem.response {
            Response::Normal { range, .. } => range * chain.sigma2.sqrt(),
            Response::Probit { .. } => 1.0,
        };
        run.take(&Draw { train: &train, test: &test, sigma }, summary);
        run.monitor.push(monitor(&problem.response, &fitted, sigma));
        add_into(&mut run.shares, chain.prior().s());
        if keep_trees && run.sigma.len().is_multiple_of(params.keep_every) {
            recorder.record(chain.trees());
        }
    }
    run.moves = chain.counts;
    run.forest = recorder.finish();
    run
}

/// σ, or the mean squared error of the probabilities.
// A probit model has no σ to watch.
fn monitor(response: &Response, fitted: &[f64], sigma: f64) -> f64 {
    match response {
        Response::Normal { .. } => sigma,
        Response::Probit { positive, .. } => {
            let errors = fitted.iter().zip(positive).map(|(p, positive)| if *positive { 1.0 - p } else { *p });
            errors.map(|e| e * e).sum::<f64>() / fitted.len() as f64
        }
    }
}

impl Run {
    fn take(&mut self, draw: &Draw<'_>, summary: Summary<'_>) {
        add_into(&mut self.train, draw.train);
        add_into(&mut self.test, draw.test);
        self.sigma.push(draw.sigma);
        let values = summary(draw);
        if self.summaries.is_empty() {
            self.summaries = vec![Vec::new(); values.len()];
        }
        for (series, value) in self.summaries.iter_mut().zip(values) {
            series.push(value);
        }
    }
}

fn combine(runs: &[Run], params: &BartParams, places: &Places, p: usize) -> Posterior {
    let draws = (runs.len() * params.draws) as f64;
    let mean = |part: &dyn Fn(&Run) -> &[f64], len: usize| {
        let mut total = vec![0.0; len];
        for run in runs {
            add_into(&mut total, part(run));
        }
        total.iter().map(|t| t / draws).collect::<Vec<f64>>()
    };
    let shares = mean(&|run| &run.shares, places.columns.len());
    let mut column_shares = vec![0.0; p];
    // A column left out keeps a share of zero.
    for (j, share) in places.columns.iter().zip(shares) {
        column_shares[*j as usize] = share;
    }
    let k = runs.iter().map(|run| run.summaries.len()).min().unwrap_or(0);
    let series = |s: usize| runs.iter().map(|run| run.summaries[s].as_slice()).collect::<Vec<_>>();
    let summary_rhat: Vec<f64> = (0..k).map(|s| split_rhat(&series(s))).collect();
    let rhat = split_rhat(&runs.iter().map(|run| run.monitor.as_slice()).collect::<Vec<_>>());
    let mut moves = MoveCounts::default();
    for run in runs {
        for m in 0..3 {
            moves.tried[m] += run.moves.tried[m];
            moves.accepted[m] += run.moves.accepted[m];
        }
    }
    Posterior {
        train_mean: mean(&|run| &run.train, places.n),
        test_mean: mean(&|run| &run.test, places.m),
        sigma: runs.iter().flat_map(|run| run.sigma.iter().copied()).collect(),
        summaries: (0..k).map(|s| series(s).concat()).collect(),
        info: info(params, rhat, &summary_rhat),
        summary_rhat,
        rhat,
        column_shares,
        moves,
    }
}

fn info(params: &BartParams, rhat: f64, summary_rhat: &[f64]) -> FitInfo {
    // f64::max would pass over a NaN; kept, it fails the comparison below, and the fit counts as not converged.
    let worse = |a: f64, b: f64| if a.is_nan() || a > b { a } else { b };
    let worst = summary_rhat.iter().copied().fold(rhat, worse);
    let converged = worst <= params.max_rhat;
    let chains =
        if params.chains == 1 { "the halves of one chain".into() } else { format!("{} chains", params.chains) };
    let notes = if converged {
        Vec::new()
    } else if worst.is_nan() {
        vec![format!(
            "R-hat of {chains} is not a number: {} draws a chain are too few, or a summary is not finite",
            params.draws
        )]
    } else {
        vec![format!(
            "{chains} disagree after {} sweeps: R-hat is {worst:.2}, above {:.2}",
            params.burn_in + params.draws * params.thin,
            params.max_rhat
        )]
    };
    FitInfo { iterations: params.burn_in + params.draws * params.thin, converged, notes }
}

#[cfg(test)]
mod tests {
    use crate::learners::bart::posterior::*;

    #[test]
    fn an_r_hat_that_is_no_number_does_not_count_as_convergence() {
        let params = BartParams::default();
        for (rhat, summaries) in [(1.0, [f64::NAN, 1.01]), (f64::NAN, [1.0, 1.0]), (1.0, [1.0, f64::NAN])] {
            let info = info(&params, rhat, &summaries);
            assert!(!info.converged, "{rhat} {summaries:?}");
            assert!(info.notes[0].contains("not a number"), "{:?}", info.notes);
        }
        assert!(info(&params, 1.0, &[1.01, 1.1]).converged);
        assert!(!info(&params, 1.0, &[1.01, 1.3]).converged);
    }
}
