//! The truth of every dataset of a replay, and the proof that it belongs to the data that were analysed.

use crate::acic::error::AcicError;
use crate::acic::observed::Key;
use crate::acic::out::Identity;
use crate::acic::response::Response;
use crate::acic::response::truth::{self, Truth};
use crate::acic::source::{Entry, Source};
use crate::text::sha256::sha256_hex;
use causal::estimand::Target;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::path::Path;

pub(super) type Truths = BTreeMap<Key, Truth>;

/// What an estimand is held against.
pub(super) fn name(estimand: Target) -> &'static str {
    if estimand == Target::Att { "satt" } else { "ate_mu" }
}

/// Its value.
pub(super) fn value(truth: &Truth, estimand: Target) -> f64 {
    if estimand == Target::Att { truth.satt } else { truth.ate_mu }
}

/// Reads the truth of the datasets of a replay.
pub(super) fn read(source: &Source, dir: &Path, replay: &Identity) -> Result<Truths, AcicError> {
    let found = find(source, dir, &replay.datasets)?;
    let list: String = found.iter().map(|(key, sha256, _)| format!("{key} {sha256}\n")).collect();
    if sha256_hex(list.as_bytes()) != replay.datasets_sha256 {
        let message = format!("the data in `{}` are not those of this replay: some z or y differ", dir.display());
        return Err(AcicError::Request(message));
    }
    Ok(found.into_iter().map(|(key, _, truth)| (key, truth)).collect())
}

/// The right answers of one dataset as they may be handed out, outcome units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Known {
    /// What an ATE is held against: the mean of mu1 − mu0 over everyone.
    pub ate: f64,
    /// What an ATT is held against: the mean of y1 − y0 over the treated.
    pub att: f64,
}

/// The right answers of the datasets of a scan of `source`, the folder `dir`; in their order.
///
/// # Errors
/// A dataset without an answer, an answer that cannot be read, data that have changed since the scan.
pub fn known(source: &Source, dir: &Path, entries: &[Entry]) -> Result<Vec<Known>, AcicError> {
    let keys: Vec<Key> = entries.iter().map(|entry| entry.key).collect();
    let found = find(source, dir, &keys)?;
    let one = |(entry, (key, sha256, truth)): (&Entry, &(Key, String, Truth))| match *sha256 == entry.sha256 {
        true => Ok(Known { ate: value(truth, Target::Ate), att: value(truth, Target::Att) }),
        false => Err(AcicError::Request(format!("dataset {key} was read before, and now its z or y are others"))),
    };
    entries.iter().zip(&found).map(one).collect()
}

fn find(source: &Source, dir: &Path, keys: &[Key]) -> Result<Found, AcicError> {
    if source.is_pack() { of_pack(source, dir, keys) } else { of_files(source, keys) }
}

type Found = Vec<(Key, String, Truth)>;

fn gone(key: Key) -> AcicError {
    AcicError::Request(format!("dataset {key} of this replay is not in the data any more"))
}

fn unknown(key: Key, dir: &Path) -> AcicError {
    let file = dir.join(truth::FILE);
    AcicError::Cells { file, problem: format!("it has no row for the dataset {key} of this replay") }
}

fn of_pack(source: &Source, dir: &Path, keys: &[Key]) -> Result<Found, AcicError> {
    let truths = truth::of_pack(dir)?;
    let hashes = source.hashes_in_pack();
    let one = |key: &Key| {
        let sha256 = hashes.get(key).cloned().ok_or_else(|| gone(*key))?;
        let truth = truths.get(key).copied().ok_or_else(|| unknown(*key, dir))?;
        Ok((*key, sha256, truth))
    };
    keys.iter().map(one).collect()
}

fn of_files(source: &Source, keys: &[Key]) -> Result<Found, AcicError> {
    let files = source.files()?;
    let one = |key: &Key| {
        let file = files.get(key).ok_or_else(|| gone(*key))?;
        let text = std::fs::read_to_string(file).map_err(|error| AcicError::io("read", file, error))?;
        let response = Response::parse(&text);
        let response = response.map_err(|problem| AcicError::Damaged { file: file.clone(), problem })?;
        Ok((*key, response.observed().sha256(), Truth::of(&response)))
    };
    keys.par_iter().map(one).collect()
}
