//! A fit: checks, the division into fitted and watched rows, and what is said about how it ended.

use crate::learner_kind::Family;
use crate::learners::boosting::loss::LOG_ODDS_LIMIT;
use crate::learners::boosting::model::BoostedTrees;
use crate::learners::boosting::params::{BoostingParams, LeafModel, Stopping};
use crate::learners::boosting::rounds::{Boosted, Division, Limit, Objective, boost};
use crate::learners::boosting::{BoostingData, NAME};
use crate::learners::learner::{FitInfo, LearnerError, Seed};
use rand::seq::SliceRandom;

/// Fits the conditional mean of `data.y` to `rows`; rows of weight zero are passed over. The rounds are found as
/// `params.stopping` says, with no other rows than these.
///
/// # Errors
/// [`LearnerError`]: settings out of range, arrays of different lengths, values that are not finite, fewer than two
/// rows, a single class.
pub fn fit(
    data: &BoostingData<'_>,
    rows: &[usize],
    family: Family,
    params: &BoostingParams,
    seed: &Seed,
) -> Result<BoostedTrees, LearnerError> {
    params.check()?;
    let rows = checked_rows(data, rows, family)?;
    let objective = Objective { family, params };
    let run = |division: &Division, limit: Limit, part: &str| {
        boost(data, division, objective, limit, seed.child(part).stream())
    };
    let all = Division { fitted: rows.clone(), watched: Vec::new() };
    let limit = |patience| Limit { rounds: params.max_rounds, patience };
    let boosted = match params.stopping {
        Stopping::Never => vec![run(&all, limit(0), "all rows")],
        Stopping::HeldOut { share, patience } => {
            // A share of 1/parts is held out: the rows are dealt into parts, and the first is watched.
            let parts = ((1.0 / share).round() as usize).max(2);
            let part = random_parts(data, &rows, family, parts, seed);
            vec![run(&without(&rows, &part, 0), limit(patience), "part 0")]
        }
        Stopping::Refit { parts, searches, speed, patience } => {
            let part = random_parts(data, &rows, family, parts, seed);
            let quick = BoostingParams { learning_rate: (params.learning_rate * speed).min(1.0), ..params.clone() };
            // Recomputed, because the learning rate may have been cut off at 1.
            let speed = quick.learning_rate / params.learning_rate;
            // Fewer, larger steps cover the same distance in searching.
            let slower = |rounds: usize| (rounds as f64 / speed).ceil() as usize;
            let limit = Limit { rounds: slower(params.max_rounds), patience: slower(patience) };
            let found: Vec<Boosted> = (0..searches)
                .map(|k| {
                    let rng = seed.child(format!("part {k}")).stream();
                    boost(data, &without(&rows, &part, k), Objective { family, params: &quick }, limit, rng)
                })
                .collect();
            let total: usize = found.iter().map(|b| b.ensemble.trees.len()).sum();
            // More rows bear more rounds: those held out count again.
            let rows_again = parts as f64 / (parts - 1) as f64;
            let rounds = (total as f64 * speed * rows_again / searches as f64).round() as usize;
            let again = run(&all, Limit { rounds: rounds.min(params.max_rounds), patience }, "all rows");
            // Only the search can tell whether more rounds would have helped: the second fit watches nobody.
            vec![Boosted { at_limit: found.iter().any(|b| b.at_limit), ..again }]
        }
        Stopping::Folds { folds, patience } => {
            let part = random_parts(data, &rows, family, folds, seed);
            (0..folds).map(|k| run(&without(&rows, &part, k), limit(patience), &format!("part {k}"))).collect()
        }
    };
    Ok(model(data, &rows, objective, boosted))
}

/// Rows to fit to, and rows whose loss decides when to end.
#[derive(Debug, Clone, Copy)]
pub struct WatchedRows<'a> {
    /// Fitted to.
    pub fitted: &'a [usize],
    /// Watched.
    pub watched: &'a [usize],
}

/// Fits to some rows, and ends where the loss over the watched ones no longer falls, whatever `params.stopping` says
/// apart from its patience. The result depends on the watched rows, so it must not be evaluated on them.
///
/// # Errors
/// As [`fit`].
pub fn fit_watched(
    data: &BoostingData<'_>,
    division: WatchedRows<'_>,
    family: Family,
    params: &BoostingParams,
    seed: &Seed,
) -> Result<BoostedTrees, LearnerError> {
    params.check()?;
    let objective = Objective { family, params };
    let rows = checked_rows(data, division.fitted, family)?;
    // One class among the watched rows is no obstacle: nothing is fitted to them.
    let watched = checked_rows(data, division.watched, Family::Gaussian)?;
    let patience = match params.stopping {
        // A patience that outlasts the rounds.
        Stopping::Never => params.max_rounds,
        Stopping::HeldOut { patience, .. } | Stopping::Refit { patience, .. } | Stopping::Folds { patience, .. } => {
            patience
        }
    };
    let division = Division { fitted: rows.clone(), watched };
    let limit = Limit { rounds: params.max_rounds, patience };
    let boosted = boost(data, &division, objective, limit, seed.child("held out").stream());
    Ok(model(data, &rows, objective, vec![boosted]))
}

fn data_error(problem: String) -> LearnerError {
    LearnerError::Data { learner: NAME, problem }
}

/// The rows of positive weight.
fn checked_rows(data: &BoostingData<'_>, rows: &[usize], family: Family) -> Result<Vec<u32>, LearnerError> {
    let n = data.binned.n();
    for (what, got) in [("x", data.x.nrows()), ("y", data.y.len()), ("the weights", data.weights.len())] {
        if got != n {
            return Err(data_error(format!("{what} has {got} rows, the binned columns have {n}")));
        }
    }
    if data.x.ncols() != data.binned.p() {
        return Err(data_error(format!("x has {} columns, {} were binned", data.x.ncols(), data.binned.p())));
    }
    let mut kept = Vec::with_capacity(rows.len());
    for i in rows {
        let (Some(y), Some(w), Ok(row)) = (data.y.get(*i), data.weights.get(*i), u32::try_from(*i)) else {
            return Err(data_error(format!("row {i} was asked for, but there are {n} rows")));
        };
        if !w.is_finite() || *w < 0.0 {
            return Err(data_error(format!("the weight of row {i} is {w}; weights must be finite and not negative")));
        }
        // Before the response is looked at: in a row of weight zero it may be anything.
        if *w == 0.0 {
            continue;
        }
        if !y.is_finite() {
            return Err(data_error(format!("the response of row {i} is {y}; it must be a finite number")));
        }
        if family == Family::Bernoulli && *y != 0.0 && *y != 1.0 {
            return Err(data_error(format!("the response of row {i} is {y}; a probability is fitted to 0 and 1")));
        }
        kept.push(row);
    }
    if kept.len() < 2 {
        return Err(data_error(format!("{} rows of positive weight; at least 2 are needed", kept.len())));
    }
    let first = data.y[kept[0] as usize];
    if family == Family::Bernoulli && kept.iter().all(|i| data.y[*i as usize] == first) {
        return Err(data_error(format!(
            "all {} responses are {first}; a probability needs both classes, so merge groups or use fewer folds",
            kept.len()
        )));
    }
    Ok(kept)
}

/// A part in `0..parts` for each row, at random; zeros and ones are spread evenly.
fn random_parts(data: &BoostingData<'_>, rows: &[u32], family: Family, parts: usize, seed: &Seed) -> Vec<usize> {
    let mut rng = seed.child("parts").stream();
    let class = |k: usize| family == Family::Bernoulli && data.y[rows[k] as usize] == 1.0;
    let mut part = vec![0; rows.len()];
    // The order of the classes is part of the division, since both draw from one stream.
    for wanted in [true, false] {
        let mut places: Vec<usize> = (0..rows.len()).filter(|k| class(*k) == wanted).collect();
        places.shuffle(&mut rng);
        for (position, k) in places.into_iter().enumerate() {
            part[k] = position % parts;
        }
    }
    part
}

/// Fitted rows outside part `k`, watched rows in it.
fn without(rows: &[u32], part: &[usize], k: usize) -> Division {
    let pick = |inside: bool| rows.iter().zip(part).filter(|(_, p)| (**p == k) == inside).map(|(i, _)| *i).collect();
    Division { fitted: pick(false), watched: pick(true) }
}

fn model(data: &BoostingData<'_>, rows: &[u32], objective: Objective<'_>, boosted: Vec<Boosted>) -> BoostedTrees {
    let Objective { family, params } = objective;
    let limits = limits(data, rows, family, params);
    let clipped = boosted.iter().flat_map(|b| &b.scores).filter(|f| **f < limits.0 || **f > limits.1).count();
    let mut notes = Vec::new();
    if boosted.iter().any(|b| b.at_limit) {
        notes.push(format!("stopped at the limit of {} rounds while the held-out loss still fell", params.max_rounds));
    }
    if boosted.iter().any(|b| b.ensemble.trees.is_empty()) {
        notes.push("no tree lowered the held-out loss: the prediction is the mean".into());
    }
    if clipped > 0 {
        notes.push(format!("{clipped} fitted values were clipped to [{:.6}, {:.6}]", limits.0, limits.1));
    }
    let iterations = boosted.iter().map(|b| b.ensemble.trees.len()).sum();
    let converged = !boosted.iter().any(|b| b.at_limit);
    let members = boosted.into_iter().map(|b| b.ensemble).collect();
    BoostedTrees { family, members, limits, info: FitInfo { iterations, converged, notes } }
}

/// The range that scores are kept in.
fn limits(data: &BoostingData<'_>, rows: &[u32], family: Family, params: &BoostingParams) -> (f64, f64) {
    match (family, params.leaves) {
        // A score of unlimited size would be a probability of 0 or 1.
        (Family::Bernoulli, _) => (-LOG_ODDS_LIMIT, LOG_ODDS_LIMIT),
        (Family::Gaussian, LeafModel::Constant) => (f64::MIN, f64::MAX),
        // Linear leaves extrapolate; a margin around the range of y keeps them in check.
        (Family::Gaussian, LeafModel::Linear { .. }) => {
            let range = rows.iter().map(|i| data.y[*i as usize]);
            let (low, high) = range.fold((f64::MAX, f64::MIN), |(low, high), y| (low.min(y), high.max(y)));
            let margin = params.clip_margin * (high - low);
            (low - margin, high + margin)
        }
    }
}
