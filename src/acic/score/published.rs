//! What others published on the same datasets: `comparison.csv` and `netflix.csv` of the pack.

use super::measures::Error;
use super::truths::{self, Truths};
use super::{Method, NETFLIX, SCORED};
use crate::acic::error::AcicError;
use crate::acic::observed::Key;
use crate::dataset::{self, Table};
use crate::finding::Tier;
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
    pub(super) peer: BTreeMap<Target, BTreeMap<Key, Tier>>,
}

/// Reads what was published on the datasets `keys`.
pub(super) fn read(dir: &Path, truths: &Truths, keys: &BTreeSet<Key>) -> Result<Published, AcicError> {
    let mut published = Published::default();
    let comparison = Columns::read(dir, COMPARISON)?;
    let names = comparison.table.texts("method").ok_or_else(|| AcicError::column(COMPARISON, "method"))?;
    let mut found: BTreeMap<(Target, &str), BTreeMap<Key, Error>> = BTreeMap::new();
    for (row, name) in names.iter().enumerate() {
        let (Some(name), Some((key, estimand))) = (name, comparison.about(row, keys)) else { continue };
        let Some(truth) = truths.get(&key) else { continue };
        let error = comparison.interval(row).map(|ci| Error::of(ci, truths::value(truth, estimand), truth.sd_y));
        found.entry((estimand, name)).or_default().extend(error.map(|error| (key, error)));
    }
    for estimand in SCORED {
        let of = || found.iter().filter(|((target, _), _)| *target == estimand);
        // Where nobody has published anything, a method has not failed.
        let known: BTreeSet<Key> = of().flat_map(|(_, errors)| errors.keys().copied()).collect();
        let method = |name: &str, errors: &BTreeMap<Key, Error>| Method {
            name: name.to_owned(),
            ours: false,
            truth: truths::name(estimand),
            errors: known.iter().map(|key| (*key, errors.get(key).copied())).collect(),
            tiers: BTreeMap::new(),
        };
        published.methods.insert(estimand, of().map(|((_, name), errors)| method(name, errors)).collect());
    }
    if dir.join(PEER).is_file() {
        peer(dir, (truths, keys), &mut published)?;
    }
    Ok(published)
}

/// The peer's verdicts, and its estimates against the truth that it published itself.
fn peer(dir: &Path, (truths, keys): (&Truths, &BTreeSet<Key>), published: &mut Published) -> Result<(), AcicError> {
    let table = Columns::read(dir, PEER)?;
    let column = |name: &str| table.table.numbers(name).ok_or_else(|| AcicError::column(PEER, name));
    let [truth, smd, outside, placebo] =
        [column("published_truth")?, column("max_smd")?, column("share_outside")?, column("placebo_p")?];
    let mut own: BTreeMap<Target, BTreeMap<Key, Option<Error>>> = BTreeMap::new();
    for (row, ((truth, smd), (outside, placebo))) in truth.iter().zip(smd).zip(outside.iter().zip(placebo)).enumerate()
    {
        let Some((key, estimand)) = table.about(row, keys) else { continue };
        let unit = truths.get(&key).map(|truth| truth.sd_y);
        let error = table.interval(row).zip(unit).map(|(interval, unit)| Error::of(interval, *truth, unit));
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
fn verdict(smd: f64, outside: f64, placebo: f64) -> Tier {
    if smd > PEER_SMD {
        Tier::NotSatisfactory
    } else if outside > PEER_OUTSIDE || placebo < PEER_PLACEBO {
        Tier::SatisfactoryWithCaveats
    } else {
        Tier::FullySatisfactory
    }
}

/// A table of estimates.
struct Columns {
    table: Table,
    file: &'static str,
}

impl Columns {
    fn read(dir: &Path, file: &'static str) -> Result<Columns, AcicError> {
        let columns = Columns { table: dataset::read(file, dir, &BTreeMap::new())?, file };
        for name in ["setting", "response_id", "estimate", "ci_lower", "ci_upper"] {
            columns.numbers(name)?;
        }
        columns.table.texts("estimand").ok_or_else(|| AcicError::column(file, "estimand"))?;
        Ok(columns)
    }

    fn numbers(&self, name: &str) -> Result<&[f64], AcicError> {
        self.table.numbers(name).ok_or_else(|| AcicError::column(self.file, name))
    }

    fn number(&self, name: &str, row: usize) -> Option<f64> {
        self.table.numbers(name)?.get(row).copied().filter(|value| value.is_finite())
    }

    /// Which dataset and estimand a row is about, if it is one of those scored.
    fn about(&self, row: usize, keys: &BTreeSet<Key>) -> Option<(Key, Target)> {
        let (setting, response) = (self.number("setting", row)?, self.number("response_id", row)?);
        let key = Key { setting: setting as u16, response: response as u64 };
        let estimand = self.table.text("estimand", row).and_then(Target::parse)?;
        (keys.contains(&key) && SCORED.contains(&estimand)).then_some((key, estimand))
    }

    fn interval(&self, row: usize) -> Option<(f64, f64, f64)> {
        Some((self.number("estimate", row)?, self.number("ci_lower", row)?, self.number("ci_upper", row)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_of_the_peer() {
        for (smd, outside, placebo, expected) in [
            (0.2, 0.1, 0.05, Tier::FullySatisfactory),
            (0.1, 0.11, 0.5, Tier::SatisfactoryWithCaveats),
            (0.1, 0.0, 0.049, Tier::SatisfactoryWithCaveats),
            (0.201, 0.0, 1.0, Tier::NotSatisfactory),
        ] {
            assert_eq!(verdict(smd, outside, placebo), expected);
        }
    }
}
