//! Estimates against the truth, beside the methods that published theirs. The only place that may name
//! `response::truth`.
//!
//! The ATT is held against satt, the mean of y1 − y0 over the treated, as in the competition; the ATE against the mean of
//! mu1 − mu0 over everyone. The ATO is estimated and not scored: its truth needs the true propensities, which no file has.

mod assertion;
mod leaderboard;
pub mod measures;
mod published;
mod truths;
mod verdicts;

pub use assertion::{Assertion, Held, Tiers};
pub use leaderboard::{Board, Carrier, Line};
pub use truths::{Known, known, name as truth_name};
pub use verdicts::{Contrast, Verdicts};

use crate::AcicError;
use crate::estimates_csv::Row;
use crate::grade::Grade;
use crate::observed::Key;
use crate::output_folder::OutputFolder;
use crate::settings::Split;
use crate::source::Source;
use crate::text::counted;
use causal::estimand::Target;
use measures::{Error, Interval, Measures};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The estimands that have a truth.
pub const SCORED: [Target; 2] = [Target::Att, Target::Ate];

/// Name of Netflix's agent among the published methods.
pub const NETFLIX: &str = "netflix_oci_agent";

/// The estimates of one method of one estimand.
#[derive(Debug, Clone, PartialEq)]
pub struct Method {
    /// Its name.
    pub name: String,
    /// `true` if it is an estimator of this program.
    pub ours: bool,
    /// The truth that it is held against: `satt`, `ate_mu`, or the truth that its authors published.
    pub truth: &'static str,
    /// Per dataset; `None` where the method has no estimate.
    pub errors: BTreeMap<Key, Option<Error>>,
    /// The verdict per dataset, if the method has verdicts.
    pub tiers: BTreeMap<Key, Grade>,
}

impl Method {
    /// Measures of the datasets with one of the given verdicts.
    #[must_use]
    pub fn measures(&self, tiers: Tiers, verdicts: &BTreeMap<Key, Grade>) -> Measures {
        let counts = |key: &Key| match tiers {
            Tiers::All => true,
            some => verdicts.get(key).is_some_and(|tier| some.has(*tier)),
        };
        let group: Vec<Option<Error>> =
            self.errors.iter().filter(|(key, _)| counts(key)).map(|(_, error)| *error).collect();
        Measures::from_group(&group, self.errors.len())
    }
}

/// A replay, scored.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    /// Datasets that were scored.
    pub datasets: usize,
    /// Part of the pack that was scored.
    pub split: Option<Split>,
    /// Of the datasets that were scored, how many belong to the part `choose` and to the part `report` of the pack.
    pub parts: [usize; 2],
    /// Datasets of the replay that have no estimates yet.
    pub missing: Vec<Key>,
    /// Datasets that were left out of the replay: lines of skipped.csv.
    pub skipped: Vec<String>,
    /// Budget of the replay.
    pub budget: String,
    /// Estimators of the replay; the first is the reference of every difference.
    pub estimators: Vec<String>,
    /// One board per estimand.
    pub boards: Vec<Board>,
    /// The worth of the verdicts, per estimand.
    pub verdicts: Vec<Verdicts>,
}

/// A score that is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The data that were replayed.
    pub source: &'a Source,
    /// The folder with the published results; `None`: none are compared.
    pub published: Option<&'a Path>,
    /// Only this part of the pack.
    pub split: Option<Split>,
    /// `true` to go on without the datasets that have no estimates.
    pub partial: bool,
}

/// Scores the replay in a folder.
///
/// # Errors
/// Data that are not those of the replay, missing datasets, files that cannot be read.
pub fn score(out: &OutputFolder, request: &Request<'_>) -> Result<Scores, AcicError> {
    let (rows, missing) = out.estimates()?;
    let truths = truths::read(request.source, out.identity())?;
    let wanted = |key: &Key| {
        let truth = truths.get(key);
        truth.is_some_and(|truth| request.split.is_none() || truth.split == request.split)
    };
    if request.split.is_some() && truths.values().all(|truth| truth.split.is_none()) {
        return Err(AcicError::Request("--split goes with the bundled pack; these data are not divided".to_owned()));
    }
    if let Some(split) = request.split.filter(|_| !truths.keys().any(wanted)) {
        return Err(other_part(split, &truths));
    }
    let missing: Vec<Key> = missing.into_iter().filter(wanted).collect();
    if !missing.is_empty() && !request.partial {
        return Err(AcicError::Missing { missing: missing.iter().map(ToString::to_string).collect() });
    }
    let rows: Vec<Row> = rows.into_iter().filter(|row| wanted(&row.key) && !missing.contains(&row.key)).collect();
    let keys: BTreeSet<Key> = rows.iter().map(|row| row.key).collect();
    if keys.is_empty() && !missing.is_empty() {
        let message = "no dataset of this part of the replay is analysed yet; run `oci-agent acic run` again with the \
                       same options, or merge its shards with `oci-agent acic merge`";
        return Err(AcicError::Request(message.to_owned()));
    }
    if keys.is_empty() {
        return Err(AcicError::Nothing("the replay has no estimates in this part of the data".to_owned()));
    }
    let published = match request.published {
        Some(dir) => published::read(dir, published::Scored { truths: &truths, keys: &keys })?,
        None => published::Published::default(),
    };
    let mut scores = Scores {
        datasets: keys.len(),
        split: request.split,
        parts: parts(keys.iter(), &truths),
        missing,
        skipped: out.skipped_lines()?,
        budget: out.identity().budget.clone(),
        estimators: out.identity().estimators.clone(),
        boards: Vec::new(),
        verdicts: Vec::new(),
    };
    for estimand in SCORED {
        let ours = ours(&rows, estimand, &out.identity().estimators, &truths);
        let theirs = published.methods.get(&estimand).map(Vec::as_slice).unwrap_or_default();
        scores.boards.push(Board::rank(estimand, &ours, theirs));
        let peer = published.peer.get(&estimand);
        scores.verdicts.extend(ours.first().map(|first| Verdicts::divide(estimand, first, theirs, peer)));
    }
    Ok(scores)
}

/// Datasets of each part of the pack.
fn parts<'a>(keys: impl Iterator<Item = &'a Key>, truths: &truths::Truths) -> [usize; 2] {
    let splits: Vec<Split> = keys.filter_map(|key| truths.get(key)?.split).collect();
    [Split::Choose, Split::Report].map(|part| splits.iter().filter(|split| **split == part).count())
}

/// A part was asked for of which the replay has nothing.
fn other_part(asked: Split, truths: &truths::Truths) -> AcicError {
    let other = if asked == Split::Choose { Split::Report } else { Split::Choose };
    let datasets = counted(truths.len(), "dataset");
    let key = other.key();
    AcicError::Request(format!("this folder has {datasets}, all of the part `{key}`; use `--split {key}`"))
}

/// One of our estimates with its error: the measure of a diagnostic.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// The row of `estimates.csv`, diagnostics included.
    pub row: Row,
    /// Against the truth of its estimand, units of sd(y).
    pub error: Option<Error>,
    /// Part of the pack, if the data are divided.
    pub split: Option<Split>,
}

/// Every estimate of a replay that has a truth, with its error.
///
/// # Errors
/// As [`score`], missing datasets excepted.
pub fn judged(out: &OutputFolder, source: &Source) -> Result<Vec<Judged>, AcicError> {
    let truths = truths::read(source, out.identity())?;
    let (rows, _) = out.estimates()?;
    let scored = rows.into_iter().filter(|row| SCORED.contains(&row.estimand));
    let split = |row: &Row| truths.get(&row.key).and_then(|truth| truth.split);
    Ok(scored.map(|row| Judged { error: error(&row, &truths), split: split(&row), row }).collect())
}

fn error(row: &Row, truths: &truths::Truths) -> Option<Error> {
    let truth = truths.get(&row.key)?;
    let interval = Interval::from(row.numbers?);
    Some(interval.error(truths::value(truth, row.estimand), truth.sd_y))
}

/// Our estimators on one estimand, in the order of the replay.
fn ours(rows: &[Row], estimand: Target, estimators: &[String], truths: &truths::Truths) -> Vec<Method> {
    let method = |name: &String| {
        let mut method = Method {
            name: name.clone(),
            ours: true,
            truth: truths::name(estimand),
            errors: BTreeMap::new(),
            tiers: BTreeMap::new(),
        };
        for row in rows.iter().filter(|row| row.estimand == estimand && row.estimator.key() == name) {
            method.errors.insert(row.key, error(row, truths));
            method.tiers.insert(row.key, row.tier);
        }
        method
    };
    estimators.iter().map(method).collect()
}

impl Scores {
    /// Holds conditions against the scores of the first estimator.
    #[must_use]
    pub fn hold(&self, assertions: &[Assertion]) -> Vec<Held> {
        let measures = |assertion: &Assertion| {
            let verdicts = self.verdicts.iter().find(|verdicts| verdicts.estimand == assertion.estimand);
            verdicts.map(|verdicts| verdicts.measures(assertion.tiers)).unwrap_or_default()
        };
        assertions.iter().map(|assertion| assertion.hold(&measures(assertion))).collect()
    }

    /// The datasets that were scored and those that are missing, in a sentence.
    #[must_use]
    pub fn scope(&self) -> String {
        const CHOOSE: &str = "on which settings of the estimators may have been chosen";
        const REPORT: &str = "on which no setting of the estimators was chosen";
        let part = match self.parts {
            [0, 0] => String::new(),
            [_, 0] => format!(", {CHOOSE}"),
            [0, _] => format!(", {REPORT}"),
            [choose, report] => format!(": {choose} {CHOOSE}, {report} on which none was"),
        };
        let mut text = format!("{} scored{part}", counted(self.datasets, "dataset"));
        if !self.missing.is_empty() {
            text.push_str(&format!("; {} MISSING, not analysed yet", counted(self.missing.len(), "dataset")));
        }
        if !self.skipped.is_empty() {
            text.push_str(&format!("; {} SKIPPED, see skipped.csv", counted(self.skipped.len(), "dataset")));
        }
        text + "."
    }
}
