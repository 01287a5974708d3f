//! What the diagnostics are worth: how well each tells, before the truth is known, that an interval misses it or that an
//! estimate is far off; and where a threshold on it should be.
//!
//! Cases are the estimates of a finished replay and those of [`families`] of simulated data of other kinds, made by the
//! same pipeline, the same first estimator and the same budget. Errors are in units of the standard deviation of the
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
pub mod render;
pub mod thresholds;

use super::error::AcicError;
use super::out::Out;
use super::score::measures::Measures;
use super::score::{self, SCORED, Tiers};
use super::settings::Split;
use super::source::Source;
use auc::Auc;
use case::{Case, Half, Origin};
use causal::estimand::Target;
use causal::estimator::EstimatorKind;
use causal::learner_kind::Effort;
use causal::numerics::quantile;
use diagnostics::Diagnostic;
use families::Families;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::path::Path;
use thresholds::Thresholds;

/// Name of the competition's data among the origins.
pub const ACIC: &str = "acic2016";
/// Name of all simulated families together.
pub const SIMULATED: &str = "simulated";
/// Name of everything together.
pub const ALL: &str = "all";

/// An error is large if its size is above this quantile of its origin and estimand.
pub const LARGE: f64 = 0.9;

/// What to simulate beside the replay.
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
    /// How much computing.
    pub budget: Effort,
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
    /// Which.
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
    /// What it was made of.
    pub cases: Vec<Case>,
    /// By estimand, then origin, then everything together.
    pub groups: Vec<Group>,
}

/// Estimators and budget of a replay.
///
/// # Errors
/// A replay whose estimators this program does not know.
pub fn recipe(out: &Out) -> Result<(Vec<EstimatorKind>, Effort), AcicError> {
    let identity = out.identity();
    let kinds: Option<Vec<EstimatorKind>> = identity.estimators.iter().map(|key| EstimatorKind::parse(key)).collect();
    let budget = Effort::ALL.into_iter().find(|budget| budget.key() == identity.budget);
    let unknown =
        || AcicError::Request("this replay was made with estimators or a budget of another version".to_owned());
    kinds.zip(budget).ok_or_else(unknown)
}

/// The cases of a replay: its first estimator, ATT and ATE. Where the data are not divided, datasets choose and confirm in
/// turn, in the order of the replay.
///
/// # Errors
/// As [`score::judged`].
pub fn replayed(out: &Out, data: &Path) -> Result<Vec<Case>, AcicError> {
    let units = Source::open(data)?.x().rows();
    let first = out.identity().estimators.first();
    let judged = score::judged(out, data)?;
    let of_first = judged.iter().filter(|one| Some(one.row.estimator.key()) == first.map(String::as_str));
    let place = |one: &score::Judged| out.identity().datasets.iter().position(|key| *key == one.row.key);
    let half = |one: &score::Judged| match one.split {
        Some(Split::Choose) => Half::Choose,
        Some(Split::Report) => Half::Confirm,
        None if place(one).is_some_and(|i| i.is_multiple_of(2)) => Half::Choose,
        None => Half::Confirm,
    };
    Ok(of_first.map(|one| Case::of(&Origin { name: ACIC, half: half(one), units }, &one.row, one.error)).collect())
}

/// Simulates, and calibrates on `replayed` and what was simulated. `done` is told after each simulated dataset.
///
/// # Errors
/// Draws without both arms, estimators that a plan refuses.
pub fn calibrate(
    replayed: Vec<Case>,
    request: &Request<'_>,
    done: &(dyn Fn() + Sync),
) -> Result<Calibration, AcicError> {
    let mut cases = replayed;
    cases.extend(families::cases(request, done)?);
    Ok(Calibration { groups: groups(&cases, request.seed), cases })
}

/// Every group of every estimand: origins in the order of their first case, then those that are several origins.
fn groups(cases: &[Case], seed: u64) -> Vec<Group> {
    let mut origins: Vec<&str> = Vec::new();
    for case in cases {
        if !origins.contains(&case.origin.as_str()) {
            origins.push(&case.origin);
        }
    }
    let simulated = origins.iter().filter(|name| **name != ACIC).count();
    let mut names = origins.clone();
    names.extend((simulated > 1).then_some(SIMULATED));
    names.extend((simulated > 0 && simulated < origins.len()).then_some(ALL));
    let large = large(cases);
    let jobs: Vec<(Target, &str)> =
        SCORED.iter().flat_map(|estimand| names.iter().map(|name| (*estimand, *name))).collect();
    jobs.par_iter().map(|(estimand, name)| group(cases, (*estimand, name), &large, seed)).collect()
}

type Limits = BTreeMap<(Target, String), f64>;

/// Above which size an error is large.
fn large(cases: &[Case]) -> Limits {
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

fn group(cases: &[Case], (estimand, name): (Target, &str), large: &Limits, seed: u64) -> Group {
    let belongs = |case: &&Case| {
        let here = match name {
            ALL => true,
            SIMULATED => case.origin != ACIC,
            one => case.origin == one,
        };
        here && case.estimand == estimand
    };
    let members: Vec<&Case> = cases.iter().filter(belongs).collect();
    let calibrated = |diagnostic: &Diagnostic| {
        let is_large = |case: &Case| {
            let limit = large.get(&(estimand, case.origin.clone()));
            case.error.zip(limit).is_some_and(|(error, limit)| error.error.abs() > *limit)
        };
        let is_miss = |case: &Case| case.error.is_some_and(|error| !error.covered);
        let areas = |what: &str, event: &dyn Fn(&Case) -> bool| {
            [None, Some(Half::Choose), Some(Half::Confirm)].map(|half| {
                let scored = members.iter().filter(|case| case.error.is_some() && half.is_none_or(|h| case.half == h));
                let pair = |case: &&Case| Some((diagnostic.risk(*case.values.get(diagnostic.key)?), event(case)));
                let pairs: Vec<(f64, bool)> = scored.filter_map(pair).collect();
                let half = half.map_or("both", Half::key);
                auc::auc(&pairs, seed, &format!("calibrate.{name}.{}.{}.{what}.{half}", estimand.key(), diagnostic.key))
            })
        };
        let thresholds = Thresholds::of(diagnostic, &members)?;
        Some(Calibrated {
            diagnostic: *diagnostic,
            miss: areas("miss", &is_miss),
            large: areas("large", &is_large),
            thresholds,
        })
    };
    let diagnostics = diagnostics::ALL.iter().filter_map(calibrated).collect();
    Group { name: name.to_owned(), estimand, tiers: tiers(&members), diagnostics }
}

fn tiers(members: &[&Case]) -> Vec<(Half, Tiers, Measures)> {
    let mut out = Vec::new();
    for half in Half::ALL {
        let here: Vec<&&Case> = members.iter().filter(|case| case.half == half).collect();
        for tiers in Tiers::ALL {
            let errors: Vec<_> = here.iter().filter(|case| tiers.has(case.tier)).map(|case| case.error).collect();
            out.push((half, tiers, Measures::of(&errors, here.len())));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_do_not_depend_on_the_threads() {
        let families = "heavy_tailed".parse::<Families>().expect("a family");
        let request = Request {
            families: &families,
            replicates: 2,
            rows: 200,
            seed: 7,
            estimators: &[EstimatorKind::Aipw],
            budget: Effort::Fast,
        };
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
            pool.install(|| calibrate(Vec::new(), &request, &|| ())).expect("a calibration")
        };
        let (one, two) = (with(1), with(2));
        assert_eq!(one.cases.len(), 4, "two datasets, ATT and ATE");
        assert!(one.cases.iter().all(|case| case.error.is_some_and(|e| e.error.abs() < 1.0)), "{:?}", one.cases);
        assert_ne!(one.cases[0].error, one.cases[2].error, "replicates are different data");
        assert_eq!((one.cases[0].half, one.cases[2].half), (Half::Choose, Half::Confirm));
        let how = render::How { replay: "none".into(), command: "x".into(), request: &request };
        assert_eq!(one.markdown(&how), two.markdown(&how));
        assert_eq!((one.csv(), one.cases_csv()), (two.csv(), two.cases_csv()));
        assert!(one.csv().contains("heavy_tailed") && one.markdown(&how).contains("balance.priority"));
    }
}
