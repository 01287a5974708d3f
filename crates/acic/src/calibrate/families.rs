//! Simulated data that differ in kind from those of the competition, through the same analysis as the replay.
//!
//! Replicate r of a family is a function of the root seed, the family's name, r and the number of rows. As in the replay
//! every covariate is a priority confounder and inference is about the sample. The truth of the ATT is the average of
//! Y(1) − Y(0) over the treated units drawn, that of the ATE the average of μ₁ − μ₀ over all units drawn: the same two as
//! in the replay (`satt`, `ate_mu`).

use super::Request;
use super::case::{Case, Half, Origin};
use crate::AcicError;
use crate::analyst::{FamilyAnalyst, SimulatedDataset};
use crate::estimates_csv::Row;
use crate::score::SCORED;
use crate::score::measures::{Error, Interval};
use causal::estimand::{OutcomeKind, Target};
use causal::numerics::streams;
use causal::numerics::sums;
use causal::simulate::{Draw, Setup};
use rand::RngExt;
use rayon::prelude::*;
use std::str::FromStr;

/// The families that `all` stands for.
pub const DEFAULT: [Setup; 5] =
    [Setup::KangSchaferMisspecified, Setup::Sparse, Setup::HeavyTailed, Setup::EarlyAdopters, Setup::Friedman];

/// A list of families, each once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Families(pub Vec<Setup>);

/// Families with a continuous outcome, without clusters and weights: those that the plan of the replay fits.
fn fits(setup: &Setup) -> bool {
    setup.outcome() == OutcomeKind::Continuous && !setup.is_weighted() && *setup != Setup::Clustered
}

/// A word that is no family of the study.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is not a family of this study; use all, or some of {}", families.join(", "))]
pub struct UnknownFamily {
    /// The word.
    pub word: String,
    /// The families.
    pub families: Vec<&'static str>,
}

impl FromStr for Families {
    type Err = UnknownFamily;

    fn from_str(text: &str) -> Result<Self, UnknownFamily> {
        if text.trim() == "all" {
            return Ok(Families(DEFAULT.to_vec()));
        }
        let mut found = Vec::new();
        for word in text.split(',') {
            let setup = Setup::parse(word).filter(fits).ok_or_else(|| UnknownFamily {
                word: word.trim().to_owned(),
                families: Setup::ALL.iter().filter(|s| fits(s)).map(|s| s.key()).collect(),
            })?;
            if !found.contains(&setup) {
                found.push(setup);
            }
        }
        Ok(Families(found))
    }
}

/// Every case of every family, in the order of families, replicates and estimands. `done` is told after each dataset.
///
/// # Errors
/// Settings that the analyst refuses, a draw that leaves an arm empty.
pub(super) fn cases(
    request: &Request<'_>,
    analyst: &dyn FamilyAnalyst,
    done: &(dyn Fn() + Sync),
) -> Result<Vec<Case>, AcicError> {
    let jobs: Vec<Job> = request.families.0.iter().flat_map(|family| Job::all(*family, request.replicates)).collect();
    let run = |job: &Job| {
        let cases = job.cases(request, analyst);
        done();
        cases
    };
    let cases: Result<Vec<Vec<Case>>, AcicError> = jobs.par_iter().map(run).collect();
    Ok(cases?.into_iter().flatten().collect())
}

/// One dataset of a family.
struct Job {
    family: Setup,
    replicate: usize,
}

impl Job {
    fn all(family: Setup, replicates: usize) -> impl Iterator<Item = Job> {
        (0..replicates).map(move |replicate| Job { family, replicate })
    }

    fn cases(&self, request: &Request<'_>, analyst: &dyn FamilyAnalyst) -> Result<Vec<Case>, AcicError> {
        let Job { family, replicate } = *self;
        let draw = family.draw(request.rows, request.seed, replicate).map_err(|error| {
            let name = family.key();
            AcicError::Request(format!("replicate {replicate} of {name} cannot be drawn: {error}; ask for more rows"))
        })?;
        let names: Vec<String> = (1..=draw.sample.covariates().p()).map(|j| format!("x{j}")).collect();
        // Folds and learners of replicates must not repeat each other.
        let stage = format!("calibrate.{}.{replicate}", family.key());
        let seed = streams::stream(request.seed, &stage).random::<u32>();
        let rows =
            analyst.analyse(&SimulatedDataset { family, replicate, sample: &draw.sample, names: &names, seed })?;
        let first = request.estimators.first().copied();
        let judged = rows.iter().filter(|row| Some(row.estimator) == first && SCORED.contains(&row.estimand));
        let half = if replicate.is_multiple_of(2) { Half::Choose } else { Half::Confirm };
        let y = draw.sample.y().to_vec();
        let origin = Origin { name: family.key(), half, units: y.len() };
        Ok(judged.map(|row| Case::from_row(&origin, row, error(row, &draw, &y))).collect())
    }
}

fn error(row: &Row, draw: &Draw, y: &[f64]) -> Option<Error> {
    let truth = match row.estimand {
        Target::Att => draw.sample_effect(Target::Att),
        other => draw.conditional_effect(other),
    };
    Some(Interval::from(row.numbers?).error(truth, sd(y)))
}

/// Standard deviation, divisor n − 1.
fn sd(y: &[f64]) -> f64 {
    let n = y.len() as f64;
    let mean = sums::sum(y.iter().copied()) / n;
    (sums::sum(y.iter().map(|v| (v - mean).powi(2))) / (n - 1.0)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_read_or_refused_by_name() {
        assert_eq!("all".parse(), Ok(Families(DEFAULT.to_vec())));
        let two = Ok(Families(vec![Setup::Sparse, Setup::NieWagerA]));
        assert_eq!("sparse, nie_wager_a,sparse".parse(), two);
        for text in ["", "sparse,", "everything", "binary", "weighted", "clustered", "all,sparse"] {
            let error = text.parse::<Families>().expect_err(text).to_string();
            assert!(error.contains("heavy_tailed") && !error.contains("clustered,"), "{error}");
        }
        assert!(DEFAULT.iter().all(fits));
    }
}
