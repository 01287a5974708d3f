//! How right is the default? The whole pipeline (plan, spec, design, effects, verdict) on simulated families whose truth is
//! known, beside two estimators that anybody would try first, on the same draws.
//!
//! For replicates r = 1, …, R with estimate θ̂ᵣ, interval [lᵣ, uᵣ], population effect θ and the standard deviation sᵣ of the
//! outcome in the draw, over the replicates with an answer:
//!
//! ```text
//! bias      mean((θ̂ᵣ − θ)/sᵣ)            RMSE    √mean(((θ̂ᵣ − θ)/sᵣ)²)
//! width     mean((uᵣ − lᵣ)/sᵣ)            ratio   RMSE over the smallest RMSE of the three on the same family
//! coverage  share of intervals with θ inside: of all answers, and of those that the verdict accepts
//! refused   share of the intervals with θ inside whose answer the verdict does not accept
//! ```
//!
//! The default is whatever the plan of a user without an `analysis:` section gets: `spec` chooses the estimator by the rows, arms and
//! columns of each draw. It is one pass; the loop of a run may add terms where balance is poor. The other two have no verdict.
//!
//! | module | does |
//! |---|---|
//! | [`analyse`] | one draw by one contender |
//! | [`tables`] | the study for people and for programs |

pub mod analyse;
pub mod tables;

use analyse::{Contender, Scored};
use causal::estimand::Target;
use causal::simulate::Setup;
use rayon::prelude::*;
use std::collections::BTreeSet;

/// Units over which a population's effects are averaged.
const POPULATION: usize = 1 << 20;

/// The effects that are scored.
pub const TARGETS: [Target; 2] = [Target::Ate, Target::Att];

/// Which families, how large, how often.
#[derive(Debug, Clone, PartialEq)]
pub struct Study {
    /// The families.
    pub families: Vec<Setup>,
    /// Rows of a draw; each family at each of them.
    pub rows: Vec<usize>,
    /// Replicates R.
    pub replicates: usize,
    /// Root seed of the draws and of every fit.
    pub seed: u64,
}

/// One contender on one family, size and target.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// The family.
    pub family: Setup,
    /// Rows of a draw.
    pub rows: usize,
    /// The target.
    pub target: Target,
    /// Who answers.
    pub contender: Contender,
    /// The estimators that answered, by key.
    pub by: BTreeSet<&'static str>,
    /// Replicates with an estimate.
    pub answered: usize,
    /// Replicates without one.
    pub failed: usize,
    /// The population effect, outcome units.
    pub truth: f64,
    /// Errors of the answers.
    pub errors: Errors,
    /// The verdicts; `None` where there is none.
    pub verdicts: Option<Verdicts>,
    /// RMSE over the smallest of the contenders; NaN without an answer.
    pub ratio: f64,
}

/// Errors and intervals, in standard deviations of the outcome.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Errors {
    /// Mean error.
    pub bias: f64,
    /// Root mean squared error.
    pub rmse: f64,
    /// Share of intervals that hold the truth.
    pub coverage: f64,
    /// Mean width of the interval.
    pub width: f64,
}

/// The verdicts on a contender's answers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verdicts {
    /// Answers that are accepted.
    pub accepted: usize,
    /// Share of the accepted answers whose interval holds the truth; NaN if there are none.
    pub accepted_coverage: f64,
    /// Of the intervals that hold the truth, the share whose answer is refused; NaN if there are none.
    pub covering_refused: f64,
}

/// Processor time of one contender.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Timing {
    /// The family.
    pub family: Setup,
    /// Rows of a draw.
    pub rows: usize,
    /// The contender.
    pub contender: Contender,
    /// Seconds per draw, all targets.
    pub seconds: f64,
}

/// A study's scores, and the time it took, which are not of the same kind: only the scores are the same bytes again.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Accuracy {
    /// Cells by family, rows, target and contender.
    pub cells: Vec<Cell>,
    /// Timings by family, rows and contender; empty where nothing tells the processor time.
    pub timings: Vec<Timing>,
}

/// Scores one family at one size. `clock` tells the processor time of this process in seconds, if anything does. All but the
/// timings is the same at any number of threads.
#[must_use]
pub fn score(study: &Study, family: Setup, rows: usize, clock: &dyn Fn() -> Option<f64>) -> Accuracy {
    let population = family.population_effects(POPULATION);
    let mut accuracy = Accuracy::default();
    let mut cells = Vec::new();
    for contender in Contender::ALL {
        let before = clock();
        // In the order of the replicates, whichever thread was first.
        let scored: Vec<[Option<Scored>; 2]> = (0..study.replicates)
            .into_par_iter()
            .map(|replicate| analyse::analyse(family, rows, study.seed, replicate, contender))
            .collect();
        if let (Some(before), Some(after)) = (before, clock()) {
            let seconds = (after - before) / study.replicates as f64;
            accuracy.timings.push(Timing { family, rows, contender, seconds });
        }
        for (place, target) in TARGETS.into_iter().enumerate() {
            let of_target: Vec<Option<Scored>> = scored.iter().filter_map(|all| all.get(place).copied()).collect();
            let about = Subject { family, rows, target, contender, truth: truth(&population, target) };
            cells.push(cell(&about, &of_target));
        }
    }
    rank(&mut cells);
    // Contenders of one target side by side.
    cells.sort_by_key(|cell| TARGETS.iter().position(|target| *target == cell.target));
    accuracy.cells = cells;
    accuracy
}

fn truth(population: &[f64; 4], target: Target) -> f64 {
    Target::ALL.iter().zip(population).find(|(of, _)| **of == target).map_or(f64::NAN, |(_, effect)| *effect)
}

/// The subject of a cell.
struct Subject {
    family: Setup,
    rows: usize,
    target: Target,
    contender: Contender,
    truth: f64,
}

fn cell(about: &Subject, scored: &[Option<Scored>]) -> Cell {
    let answers: Vec<&Scored> = scored.iter().flatten().collect();
    let truth = about.truth;
    let error = |answer: &&&Scored| (answer.estimate - truth) / answer.outcome_sd;
    let mean = |sum: f64| sum / answers.len() as f64;
    let covers = |answer: &&&Scored| answer.lower <= truth && truth <= answer.upper;
    let covering = answers.iter().filter(covers).count();
    let errors = Errors {
        bias: mean(answers.iter().map(|a| error(&a)).sum()),
        rmse: mean(answers.iter().map(|a| error(&a).powi(2)).sum()).sqrt(),
        coverage: covering as f64 / answers.len() as f64,
        width: mean(answers.iter().map(|a| (a.upper - a.lower) / a.outcome_sd).sum()),
    };
    let verdicts = about.contender.has_verdict().then(|| {
        let accepted: Vec<&&Scored> = answers.iter().filter(|answer| answer.accepted).collect();
        let right = accepted.iter().filter(|answer| covers(answer)).count();
        Verdicts {
            accepted: accepted.len(),
            accepted_coverage: right as f64 / accepted.len() as f64,
            covering_refused: (covering - right) as f64 / covering as f64,
        }
    });
    Cell {
        family: about.family,
        rows: about.rows,
        target: about.target,
        contender: about.contender,
        by: answers.iter().map(|answer| answer.by.key()).collect(),
        answered: answers.len(),
        failed: scored.len() - answers.len(),
        truth,
        errors,
        verdicts,
        ratio: f64::NAN,
    }
}

/// RMSE against the best on the same target.
fn rank(cells: &mut [Cell]) {
    for target in TARGETS {
        let of_target = cells.iter().filter(|cell| cell.target == target);
        let best = of_target.map(|cell| cell.errors.rmse).fold(f64::INFINITY, f64::min);
        for cell in cells.iter_mut().filter(|cell| cell.target == target) {
            cell.ratio = cell.errors.rmse / best;
        }
    }
}

#[cfg(test)]
mod tests;
