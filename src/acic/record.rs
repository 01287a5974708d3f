//! One finished dataset on record, and whether rows are those that a dataset must have.
//!
//! The first line of the file says which replay the rows are of, and what their bytes hash to; the rest is as in
//! `estimates.csv`, with the seconds:
//!
//! ```text
//! # replay <SHA-256 of replay.json> rows <SHA-256 of all that follows>
//! setting,response_id,estimand,…
//! ```

use super::identity::Identity;
use super::observed::Key;
use super::rows::{self, Row};
use crate::text::sha256::sha256_hex;
use causal::estimand::Target;

/// The file of a dataset of the replay with the given hash.
#[must_use]
pub fn text(rows: &[Row], replay: &str) -> String {
    let body = rows::header() + &rows.iter().map(Row::line).collect::<String>();
    stamp(replay, &body) + &body
}

fn stamp(replay: &str, body: &str) -> String {
    format!("# replay {replay} rows {}\n", sha256_hex(body.as_bytes()))
}

/// The rows of such a file.
///
/// # Errors
/// Bytes that are not as they were written, and rows of another replay.
pub fn read(bytes: &[u8], replay: &str) -> Result<Vec<Row>, String> {
    let damaged = |problem: &str| format!("is damaged: {problem}");
    let text = std::str::from_utf8(bytes).map_err(|_| damaged("it is not text in UTF-8"))?;
    let (first, body) = text.split_once('\n').unwrap_or((text, ""));
    let words: Vec<&str> = first.split(' ').collect();
    let ["#", "replay", of, "rows", sha256] = words.as_slice() else {
        return Err(damaged("its first line does not say which replay it is of"));
    };
    if *sha256 != sha256_hex(body.as_bytes()) {
        return Err(damaged("its rows are not those that were written"));
    }
    if *of != replay {
        return Err("is of another replay".to_owned());
    }
    rows::parse_all(body).map_err(|problem| damaged(&problem))
}

/// Whether rows are those of one dataset: `pairs` of estimand and estimator, in order.
///
/// # Errors
/// The first row that is not there, or not in its place.
pub fn check(rows: &[Row], key: Key, pairs: &[(Target, &str)]) -> Result<(), String> {
    let there: Vec<(Target, &str)> = rows.iter().map(|row| (row.estimand, row.estimator.key())).collect();
    if there == pairs && rows.iter().all(|row| row.key == key) {
        return Ok(());
    }
    let lacks = pairs.iter().find(|pair| !there.contains(pair));
    Err(match lacks {
        Some((estimand, estimator)) => {
            format!("dataset {key} has no {} row of the estimator `{estimator}`", estimand.key())
        }
        None => format!("dataset {key} has rows twice, in another order, or that are not asked for"),
    })
}

/// Whether rows are those of the datasets of a replay, in order. Returns the datasets that have none.
///
/// # Errors
/// As [`check`], and rows of other datasets.
pub fn check_all(rows: &[Row], replay: &Identity) -> Result<Vec<Key>, String> {
    let pairs = replay.pairs();
    let mut missing = Vec::new();
    let mut rest = rows;
    for key in &replay.datasets {
        let n = rest.iter().take_while(|row| row.key == *key).count();
        let (own, after) = rest.split_at(n);
        rest = after;
        if own.is_empty() { missing.push(*key) } else { check(own, *key, &pairs)? }
    }
    match rest.first() {
        Some(row) => {
            let line = rows.len() - rest.len() + 2;
            Err(format!("line {line}: dataset {} is not of this replay, or not in its place", row.key))
        }
        None => Ok(missing),
    }
}
