//! The truth of every dataset of a replay, and the proof that it belongs to the data that were analysed.

use crate::acic::error::AcicError;
use crate::acic::observed::Key;
use crate::acic::out::Identity;
use crate::acic::response::Response;
use crate::acic::response::truth::{self, Truth};
use crate::acic::source::Source;
use crate::estimand::Target;
use crate::pipeline::prepare::sha256_hex;
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
    let found = if source.is_pack() { of_pack(source, dir, replay)? } else { of_files(source, replay)? };
    let list: String = found.iter().map(|(key, sha256, _)| format!("{key} {sha256}\n")).collect();
    if sha256_hex(list.as_bytes()) != replay.datasets_sha256 {
        let message = format!("the data in `{}` are not those of this replay: some z or y differ", dir.display());
        return Err(AcicError::Request(message));
    }
    Ok(found.into_iter().map(|(key, _, truth)| (key, truth)).collect())
}

type Found = Vec<(Key, String, Truth)>;

fn gone(key: Key) -> AcicError {
    AcicError::Request(format!("dataset {key} of this replay is not in the data any more"))
}

fn unknown(key: Key, dir: &Path) -> AcicError {
    let file = dir.join(truth::FILE);
    AcicError::Cells { file, problem: format!("it has no row for the dataset {key} of this replay") }
}

fn of_pack(source: &Source, dir: &Path, replay: &Identity) -> Result<Found, AcicError> {
    let truths = truth::of_pack(dir)?;
    let hashes = source.hashes_in_pack();
    let one = |key: &Key| {
        let sha256 = hashes.get(key).cloned().ok_or_else(|| gone(*key))?;
        let truth = truths.get(key).copied().ok_or_else(|| unknown(*key, dir))?;
        Ok((*key, sha256, truth))
    };
    replay.datasets.iter().map(one).collect()
}

fn of_files(source: &Source, replay: &Identity) -> Result<Found, AcicError> {
    let files = source.files()?;
    let one = |key: &Key| {
        let file = files.get(key).ok_or_else(|| gone(*key))?;
        let text = std::fs::read_to_string(file).map_err(|error| AcicError::io("read", file, error))?;
        let response = Response::parse(&text);
        let response = response.map_err(|problem| AcicError::Damaged { file: file.clone(), problem })?;
        Ok((*key, response.observed().sha256(), Truth::of(&response)))
    };
    replay.datasets.par_iter().map(one).collect()
}
