//! Simulated data that differ in kind from those of the competition, through the same pipeline as the replay.
//!
//! Replicate r of a family is a function of the root seed, the family's name, r and the number of rows. As in the replay
//! every covariate is a priority confounder and inference is about the sample. The truth of the ATT is the average of
//! Y(1) − Y(0) over the treated units drawn, that of the ATE the average of μ₁ − μ₀ over all units drawn: the same two as
//! in the replay (`satt`, `ate_mu`).

use super::Request;
use super::case::{Case, Half, Origin};
use crate::acic::analyse::{self, Recipe};
use crate::acic::error::AcicError;
use crate::acic::observed::Key;
use crate::acic::plan;
use crate::acic::rows::Row;
use crate::acic::score::SCORED;
use crate::acic::score::measures::Error;
use crate::dataset::Table;
use causal::estimand::{OutcomeKind, Target};
use causal::numerics::streams;
use causal::numerics::sums;
use causal::simulate::{Draw, Setup};
use rand::RngExt;
use rayon::prelude::*;
use std::fmt::Write as _;
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

impl FromStr for Families {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim() == "all" {
            return Ok(Families(DEFAULT.to_vec()));
        }
        let mut found = Vec::new();
        for word in text.split(',') {
            let setup = Setup::parse(word).filter(fits).ok_or_else(|| {
                let keys: Vec<&str> = Setup::ALL.iter().filter(|s| fits(s)).map(|s| s.key()).collect();
                format!("`{}` is not a family of this study; use all, or some of {}", word.trim(), keys.join(", "))
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
/// Estimators that a plan refuses, a draw that leaves an arm empty.
pub(super) fn cases(request: &Request<'_>, done: &(dyn Fn() + Sync)) -> Result<Vec<Case>, AcicError> {
    let jobs: Vec<(Setup, usize)> =
        request.families.0.iter().flat_map(|family| (0..request.replicates).map(|r| (*family, r))).collect();
    let run = |(family, replicate): &(Setup, usize)| {
        let cases = one(request, *family, *replicate);
        done();
        cases
    };
    let cases: Result<Vec<Vec<Case>>, AcicError> = jobs.par_iter().map(run).collect();
    Ok(cases?.into_iter().flatten().collect())
}

fn one(request: &Request<'_>, family: Setup, replicate: usize) -> Result<Vec<Case>, AcicError> {
    let draw = family.draw(request.rows, request.seed, replicate);
    let draw = draw.map_err(|error| {
        let name = family.key();
        AcicError::Request(format!("replicate {replicate} of {name} cannot be drawn: {error}; ask for more rows"))
    })?;
    let names: Vec<String> = (1..=draw.sample.covariates().p()).map(|j| format!("x{j}")).collect();
    // Folds and learners of replicates must not repeat each other.
    let stage = format!("calibrate.{}.{replicate}", family.key());
    let seed = streams::stream(request.seed, &stage).random::<u32>();
    let recipe = Recipe::with(request.estimators, request.budget, |tools, kinds, budget| {
        document(family, &names, seed) + &plan::settings(tools, kinds, budget) + plan::LOOP + plan::THREATS
    })?;
    let key = Key { setting: 0, response: replicate as u64 };
    let label = format!("{}/{replicate}", family.key());
    let covariates = draw.sample.covariates();
    let columns: Vec<Vec<f64>> = covariates.x().columns().into_iter().map(|column| column.to_vec()).collect();
    let (z, y) = (covariates.treated().to_vec(), draw.sample.y().to_vec());
    let mut numbers: Vec<(&str, &[f64])> =
        names.iter().map(String::as_str).zip(columns.iter().map(Vec::as_slice)).collect();
    numbers.extend([("z", z.as_slice()), ("y", y.as_slice())]);
    let rows = analyse::analyse_table(Table::of_numbers(&label, &numbers), key, &recipe);
    let first = recipe.estimators.first().copied();
    let judged = rows.iter().filter(|row| Some(row.estimator) == first && SCORED.contains(&row.estimand));
    let half = if replicate.is_multiple_of(2) { Half::Choose } else { Half::Confirm };
    Ok(judged
        .map(|row| Case::of(&Origin { name: family.key(), half, units: y.len() }, row, error(row, &draw, &y)))
        .collect())
}

fn error(row: &Row, draw: &Draw, y: &[f64]) -> Option<Error> {
    let truth = match row.estimand {
        Target::Att => draw.sample_effect(Target::Att),
        other => draw.conditional_effect(other),
    };
    let numbers = row.numbers?;
    Some(Error::of((numbers.estimate, numbers.lower, numbers.upper), truth, sd(y)))
}

/// Standard deviation, divisor n − 1.
fn sd(y: &[f64]) -> f64 {
    let n = y.len() as f64;
    let mean = sums::sum(y.iter().copied()) / n;
    (sums::sum(y.iter().map(|v| (v - mean).powi(2))) / (n - 1.0)).sqrt()
}

/// The plan but for what all evaluations have in common.
fn document(family: Setup, names: &[String], seed: u32) -> String {
    let mut out = format!("title: Calibration on {}\n", family.key());
    let _ = write!(out, "{HEAD}seed: {seed}\nconfounders:\n  priority:\n");
    for name in names {
        let _ = writeln!(out, "    - {name}");
    }
    out
}

const HEAD: &str = "\
question: What is the average effect of z on y, among the treated and among everyone?
target_trial:
  eligibility: The units that were drawn.
  treatment_strategies: z = 1 against z = 0; both are simulated and stand for nothing.
  assignment: At random, with a probability that depends on nothing. In the simulation it depends on covariates.
  time_zero: When z is drawn; every covariate was drawn before.
  follow_up: Until y is drawn, the same for every unit.
  outcome: y, a simulated number.
  causal_contrast: The average of y(1) - y(0).
  analysis_plan: A difference in means.
data:
  source: simulated
  missing: error
treatment:
  column: z
  treated: 1
  control: 0
outcome:
  column: y
  units: units of y
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_read_or_refused_by_name() {
        assert_eq!("all".parse(), Ok(Families(DEFAULT.to_vec())));
        let two = Ok(Families(vec![Setup::Sparse, Setup::NieWagerA]));
        assert_eq!("sparse, nie_wager_a,sparse".parse(), two);
        for text in ["", "sparse,", "everything", "binary", "weighted", "clustered", "all,sparse"] {
            let error = text.parse::<Families>().expect_err(text);
            assert!(error.contains("heavy_tailed") && !error.contains("clustered,"), "{error}");
        }
        assert!(DEFAULT.iter().all(fits));
    }
}
