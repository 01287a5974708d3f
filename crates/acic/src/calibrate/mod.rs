//! The worth of the diagnostics: the power of each to tell, before the truth is known, that an interval misses it or that an
//! estimate is far off; and the place for a threshold on it.
//!
//! Cases are the estimates of a finished replay and those of [`families`] of simulated data of other kinds, made by the
//! same analysis, the same first estimator and the same budget. Errors are in units of the standard deviation of the
//! observed outcome of their dataset. For each diagnostic and estimand, per origin, over all simulated families together,
//! and over everything:
//!
//! - [`auc`]: for a miss of the interval, and for an error whose size is above the 90 % quantile of its origin and estimand;
//! - [`thresholds`]: share kept, RMSE and coverage of kept and refused, on the half that chooses and on the half that
//!   confirms.
//!
//! The bytes are a function of the replay, the options and the program, at any number of threads.

pub mod auc;
pub mod case;
pub mod diagnostics;
pub mod families;
mod tables;
pub mod thresholds;

use crate::AcicError;
use crate::analyst::FamilyAnalyst;
use crate::output_folder::OutputFolder;
use crate::score::measures::Measures;
use crate::score::{self, SCORED, Tiers};
use crate::settings::Split;
use crate::source::Source;
use auc::Auc;
use case::{Case, Half, Origin};
use causal::estimand::Target;
use causal::estimator::EstimatorKind;
use causal::learner_kind::Effort;
use causal::numerics::quantile;
use diagnostics::{Diagnostic, Rubric};
use families::Families;
use rayon::prelude::*;
use std::collections::BTreeMap;
use thresholds::Thresholds;

/// Name of the competition's data among the origins.
pub const ACIC: &str = "acic2016";
/// Name of all simulated families together.
pub const SIMULATED: &str = "simulated";
/// Name of everything together.
pub const ALL: &str = "all";

/// An error is large if its size is above this quantile of its origin and estimand.
pub const LARGE: f64 = 0.9;

/// A calibration that is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Request<'a> {
    /// The families.
    pub families: &'a Families,
    /// Datasets of each.
    pub replicates: usize,
    /// Units of each dataset.
    pub rows: usize,
    /// Root seed of draws, fits and resamples.
    pub seed: u64,
    /// The estimators; the first is calibrated.
    pub estimators: &'a [EstimatorKind],
    /// The amount of computing.
    pub budget: Effort,
    /// The thresholds of the rubric as it stands.
    pub rubric: &'a Rubric,
}

/// One group of cases: an origin, or several together, of one estimand.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// The estimand.
    pub estimand: Target,
    /// Measures by half and verdict of the rubric as it stands.
    pub tiers: Vec<(Half, Tiers, Measures)>,
    /// Per diagnostic that any case has.
    pub diagnostics: Vec<Calibrated>,
}

/// One diagnostic in one group.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibrated {
    /// The diagnostic.
    pub diagnostic: Diagnostic,
    /// For a miss of the interval: all cases, the choosing half, the confirming half.
    pub miss: [Auc; 3],
    /// For a large error, likewise.
    pub large: [Auc; 3],
    /// Candidates for its threshold.
    pub thresholds: Thresholds,
}

/// A calibration.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    /// Its cases.
    pub cases: Vec<Case>,
    /// By estimand, then origin, then everything together.
    pub groups: Vec<Group>,
}

/// The estimators and the budget of a replay.
#[derive(Debug, Clone, PartialEq)]
pub struct Replayed {
    /// The estimators.
    pub estimators: Vec<EstimatorKind>,
    /// The budget.
    pub budget: Effort,
}

/// Estimators and budget of a replay.
///
/// # Errors
/// A replay whose estimators this program does not know.
pub fn recipe(out: &OutputFolder) -> Result<Replayed, AcicError> {
    let identity = out.identity();
    let kinds: Option<Vec<EstimatorKind>> = identity.estimators.iter().map(|key| EstimatorKind::parse(key)).collect();
    let budget = Effort::ALL.into_iter().find(|budget| budget.key() == identity.budget);
    let unknown =
        || AcicError::Request("this replay was made with estimators or a budget of another version".to_owned());
    let known = kinds.zip(budget).ok_or_else(unknown)?;
    Ok(Replayed { estimators: known.0, budget: known.1 })
}

/// The cases of a replay: its first estimator, ATT and ATE. Where the data are not divided, datasets choose and confirm in
/// turn, in the order of the replay.
///
/// # Errors
/// As [`score::judged`].
pub fn replayed(out: &OutputFolder, source: &Source) -> Result<Vec<Case>, AcicError> {
    let units = source.x().units();
    let first = out.identity().estimators.first();
    let judged = score::judged(out, source)?;
    let of_first = judged.iter().filter(|judged| Some(judged.row.estimator.key()) == first.map(String::as_str));
    let place = |judged: &score::Judged| out.identity().datasets.iter().position(|key| *key == judged.row.key);
    let half = |judged: &score::Judged| match judged.split {
        Some(Split::Choose) => Half::Choose,
        Some(Split::Report) => Half::Confirm,
        None if place(judged).is_some_and(|i| i.is_multiple_of(2)) => Half::Choose,
        None => Half::Confirm,
    };
    let case = |judged: &score::Judged| {
        Case::from_row(&Origin { name: ACIC, half: half(judged), units }, &judged.row, judged.error)
    };
    Ok(of_first.map(case).collect())
}

/// Simulates, and calibrates on `replayed` and what was simulated. `done` is told after each simulated dataset.
///
/// # Errors
/// Draws without both arms, settings that the analyst refuses.
pub fn calibrate(
    replayed: Vec<Case>,
    request: &Request<'_>,
    analyst: &dyn FamilyAnalyst,
    done: &(dyn Fn() + Sync),
) -> Result<Calibration, AcicError> {
    let mut cases = replayed;
    cases.extend(families::cases(request, analyst, done)?);
    Ok(Calibration { groups: groups(&cases, request), cases })
}

/// Every group of every estimand: origins in the order of their first case, then those that are several origins.
fn groups(cases: &[Case], request: &Request<'_>) -> Vec<Group> {
    let mut origins: Vec<&str> = Vec::new();
    for case in cases {
        if !origins.contains(&case.origin.as_str()) {
            origins.push(&case.origin);
        }
    }
    let simulated = origins.iter().filter(|name| **name != ACIC).count();
    let mut names = origins.clone();
    // No group that would only repeat another one under a second name.
    names.extend((simulated > 1).then_some(SIMULATED));
    names.extend((simulated > 0 && simulated < origins.len()).then_some(ALL));
    let limits = limits(cases);
    let jobs: Vec<Members<'_>> = SCORED
        .iter()
        .flat_map(|estimand| names.iter().map(|name| Members::among(cases, name, *estimand, &limits)))
        .collect();
    jobs.par_iter().map(|members| members.group(request)).collect()
}

type Limits = BTreeMap<(Target, String), f64>;

/// The size above which an error is large.
fn limits(cases: &[Case]) -> Limits {
    let mut sizes: BTreeMap<(Target, String), Vec<f64>> = BTreeMap::new();
    for case in cases {
        if let Some(error) = case.error {
            sizes.entry((case.estimand, case.origin.clone())).or_default().push(error.error.abs());
        }
    }
    let limit = |(key, sizes): ((Target, String), Vec<f64>)| {
        let found = quantile::quantiles(&sizes, &[LARGE])?;
        Some((key, found.first().copied()?))
    };
    sizes.into_iter().filter_map(limit).collect()
}

/// The cases of a group.
struct Members<'a> {
    name: &'a str,
    estimand: Target,
    cases: Vec<&'a Case>,
    limits: &'a Limits,
}

impl<'a> Members<'a> {
    fn among(cases: &'a [Case], name: &'a str, estimand: Target, limits: &'a Limits) -> Members<'a> {
        let belongs = |case: &&Case| {
            let here = match name {
                ALL => true,
                SIMULATED => case.origin != ACIC,
                origin => case.origin == origin,
            };
            here && case.estimand == estimand
        };
        Members { name, estimand, cases: cases.iter().filter(belongs).collect(), limits }
    }

    fn group(&self, request: &Request<'_>) -> Group {
        let diagnostics = diagnostics::ALL.iter().filter_map(|diagnostic| self.calibrated(diagnostic, request));
        Group {
            name: self.name.to_owned(),
            estimand: self.estimand,
            diagnostics: diagnostics.collect(),
            tiers: tiers(&self.cases),
        }
    }

    fn calibrated(&self, diagnostic: &Diagnostic, request: &Request<'_>) -> Option<Calibrated> {
        let is_large = |case: &Case| {
            let limit = self.limits.get(&(self.estimand, case.origin.clone()));
            case.error.zip(limit).is_some_and(|(error, limit)| error.error.abs() > *limit)
        };
        let is_miss = |case: &Case| case.error.is_some_and(|error| !error.covered);
        let thresholds = Thresholds::for_diagnostic(diagnostic, request.rubric.bounds(diagnostic), &self.cases)?;
        // The stream of the resamples has a name of its own in each group, for each diagnostic and event.
        let stage = format!("calibrate.{}.{}.{}", self.name, self.estimand.key(), diagnostic.key);
        let areas = |what: &str, event: &dyn Fn(&Case) -> bool| {
            [None, Some(Half::Choose), Some(Half::Confirm)].map(|half| {
                let pairs = self.pairs(diagnostic, half, event);
                auc::auc(&pairs, request.seed, &format!("{stage}.{what}.{}", half.map_or("both", Half::key)))
            })
        };
        Some(Calibrated {
            diagnostic: *diagnostic,
            miss: areas("miss", &is_miss),
            large: areas("large", &is_large),
            thresholds,
        })
    }

    /// Scores and events of one half, or of both.
    fn pairs(&self, diagnostic: &Diagnostic, half: Option<Half>, event: &dyn Fn(&Case) -> bool) -> Vec<(f64, bool)> {
        let scored = self.cases.iter().filter(|case| case.error.is_some() && half.is_none_or(|h| case.half == h));
        let pair = |case: &&Case| Some((diagnostic.risk(*case.values.get(diagnostic.key)?), event(case)));
        scored.filter_map(pair).collect()
    }
}

fn tiers(members: &[&Case]) -> Vec<(Half, Tiers, Measures)> {
    let mut out = Vec::new();
    for half in Half::ALL {
        let here: Vec<&&Case> = members.iter().filter(|case| case.half == half).collect();
        for tiers in Tiers::ALL {
            let errors: Vec<_> = here.iter().filter(|case| tiers.has(case.tier)).map(|case| case.error).collect();
            out.push((half, tiers, Measures::from_group(&errors, here.len())));
        }
    }
    out
}
