//! Results that others published on the same datasets: `comparison.csv` and `netflix.csv` of the pack.

use super::measures::{Error, Interval};
use super::truths::{self, Truths};
use super::{Method, NETFLIX, SCORED};
use crate::AcicError;
use crate::csv_table::CsvTable;
use crate::grade::Grade;
use crate::observed::Key;
use causal::estimand::Target;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Estimates of every published method, by estimand.
pub(super) const COMPARISON: &str = "comparison.csv";
const PEER: &str = "netflix.csv";

/// The peer fails an estimate whose largest weighted |SMD| is above this,
const PEER_SMD: f64 = 0.2;
/// and warns if more than this share of units has a propensity outside (0.1, 0.9),
const PEER_OUTSIDE: f64 = 0.1;
/// or if the p-value of its placebo is below this.
const PEER_PLACEBO: f64 = 0.05;

/// Published results on the datasets that are scored.
#[derive(Debug, Default)]
pub(super) struct Published {
    /// Methods by estimand, in name order.
    pub(super) methods: BTreeMap<Target, Vec<Method>>,
    /// The peer's verdicts by estimand, from its own published diagnostics.
    pub(super) peer: BTreeMap<Target, BTreeMap<Key, Grade>>,
}

/// The datasets that are scored, with their truths.
#[derive(Clone, Copy)]
pub(super) struct Scored<'a> {
    /// The truths of the replay.
    pub(super) truths: &'a Truths,
    /// The datasets.
    pub(super) keys: &'a BTreeSet<Key>,
}

/// Reads the results that were published on the scored datasets.
pub(super) fn read(dir: &Path, scored: Scored<'_>) -> Result<Published, AcicError> {
    let mut published = Published::default();
    let comparison = PublishedTable::read(dir, COMPARISON)?;
    let names = comparison.words("method")?;
    let mut found: BTreeMap<(Target, &str), BTreeMap<Key, Error>> = BTreeMap::new();
    for (row, name) in names.iter().enumerate() {
        let (Some(name), Some((key, estimand))) = (name, comparison.about(row, scored.keys)) else { continue };
        let Some(truth) = scored.truths.get(&key) else { continue };
        let error = comparison.interval(row).map(|ci| ci.error(truths::value(truth, estimand), truth.sd_y));
        found.entry((estimand, name.as_str())).or_default().extend(error.map(|error| (key, error)));
    }
    for estimand in SCORED {
        let on_estimand = || found.iter().filter(|((target, _), _)| *target == estimand);
        // Where nobody has published anything, a method has not failed.
        let known: BTreeSet<Key> = on_estimand().flat_map(|(_, errors)| errors.keys().copied()).collect();
        let method = |name: &str, errors: &BTreeMap<Key, Error>| Method {
            name: name.to_owned(),
            ours: false,
            truth: truths::name(estimand),
            errors: known.iter().map(|key| (*key, errors.get(key).copied())).collect(),
            tiers: BTreeMap::new(),
        };
        let methods = on_estimand().map(|((_, name), errors)| method(name, errors)).collect();
        published.methods.insert(estimand, methods);
    }
    if dir.join(PEER).is_file() {
        add_peer(dir, scored, &mut published)?;
    }
    Ok(published)
}

/// The peer's verdicts, and its estimates against the truth that it published itself.
fn add_peer(dir: &Path, scored: Scored<'_>, published: &mut Published) -> Result<(), AcicError> {
    let table = PublishedTable::read(dir, PEER)?;
    let [truth, smd, outside, placebo] =
        ["published_truth", "max_smd", "share_outside", "placebo_p"].map(|name| table.numbers(name));
    let (truth, smd, outside, placebo) = (truth?, smd?, outside?, placebo?);
    let mut own: BTreeMap<Target, BTreeMap<Key, Option<Error>>> = BTreeMap::new();
    for (row, ((truth, smd), (outside, placebo))) in
        truth.iter().zip(&smd).zip(outside.iter().zip(&placebo)).enumerate()
    {
        let Some((key, estimand)) = table.about(row, scored.keys) else { continue };
        let unit = scored.truths.get(&key).map(|truth| truth.sd_y);
        let error = table.interval(row).zip(unit).map(|(interval, unit)| interval.error(*truth, unit));
        own.entry(estimand).or_default().insert(key, error);
        published.peer.entry(estimand).or_default().insert(key, verdict(*smd, *outside, *placebo));
    }
    if let Some((errors, methods)) = own.remove(&Target::Ate).zip(published.methods.get_mut(&Target::Ate)) {
        let name = NETFLIX.to_owned();
        methods.push(Method { name, ours: false, truth: "its published truth", errors, tiers: BTreeMap::new() });
    }
    Ok(())
}

/// The peer's rule.
fn verdict(smd: f64, outside: f64, placebo: f64) -> Grade {
    if smd > PEER_SMD {
        Grade::NotSatisfactory
    } else if outside > PEER_OUTSIDE || placebo < PEER_PLACEBO {
        Grade::SatisfactoryWithCaveats
    } else {
        Grade::FullySatisfactory
    }
}

/// A published table of estimates.
struct PublishedTable {
    table: CsvTable,
    file: &'static str,
    setting: Vec<f64>,
    response: Vec<f64>,
    estimand: Vec<Option<String>>,
    estimate: Vec<f64>,
    lower: Vec<f64>,
    upper: Vec<f64>,
}

impl PublishedTable {
    fn read(dir: &Path, file: &'static str) -> Result<PublishedTable, AcicError> {
        let table = CsvTable::read(&dir.join(file))?;
        let column = |name| numbers(&table, file, name);
        Ok(PublishedTable {
            setting: column("setting")?,
            response: column("response_id")?,
            estimate: column("estimate")?,
            lower: column("ci_lower")?,
            upper: column("ci_upper")?,
            estimand: words(&table, file, "estimand")?,
            table,
            file,
        })
    }

    fn numbers(&self, name: &str) -> Result<Vec<f64>, AcicError> {
        numbers(&self.table, self.file, name)
    }

    fn words(&self, name: &str) -> Result<Vec<Option<String>>, AcicError> {
        words(&self.table, self.file, name)
    }

    /// The dataset and the estimand that a row is about, if it is one of those scored.
    fn about(&self, row: usize, keys: &BTreeSet<Key>) -> Option<(Key, Target)> {
        let (setting, response) = (finite(&self.setting, row)?, finite(&self.response, row)?);
        let key = Key { setting: setting as u16, response: response as u64 };
        let estimand = self.estimand.get(row)?.as_deref().and_then(Target::parse)?;
        (keys.contains(&key) && SCORED.contains(&estimand)).then_some((key, estimand))
    }

    fn interval(&self, row: usize) -> Option<Interval> {
        Some(Interval {
            estimate: finite(&self.estimate, row)?,
            lower: finite(&self.lower, row)?,
            upper: finite(&self.upper, row)?,
        })
    }
}

fn finite(values: &[f64], row: usize) -> Option<f64> {
    values.get(row).copied().filter(|value| value.is_finite())
}

/// A column of numbers, NaN where one is missing.
fn numbers(table: &CsvTable, file: &'static str, name: &str) -> Result<Vec<f64>, AcicError> {
    let unusable = || AcicError::column(file, name);
    let column = table.column(name).map_err(|_| unusable())?;
    let number = |row| column.present(row).map_or(Ok(f64::NAN), |text| text.parse::<f64>().map_err(|_| unusable()));
    (0..table.rows()).map(number).collect()
}

/// A column of words, `None` where one is missing.
fn words(table: &CsvTable, file: &'static str, name: &str) -> Result<Vec<Option<String>>, AcicError> {
    let column = table.column(name).map_err(|_| AcicError::column(file, name))?;
    Ok((0..table.rows()).map(|row| column.present(row).map(str::to_owned)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_of_the_peer() {
        for (smd, outside, placebo, expected) in [
            (0.2, 0.1, 0.05, Grade::FullySatisfactory),
            (0.1, 0.11, 0.5, Grade::SatisfactoryWithCaveats),
            (0.1, 0.0, 0.049, Grade::SatisfactoryWithCaveats),
            (0.201, 0.0, 1.0, Grade::NotSatisfactory),
        ] {
            assert_eq!(verdict(smd, outside, placebo), expected);
        }
    }
}
