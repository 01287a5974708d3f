//! The file of one finished dataset, and the check that rows are those that a dataset must have.
//!
//! The first line of the file says which replay the rows are of, and what their bytes hash to; the rest is as in
//! `estimates.csv`, with the seconds:
//!
//! ```text
//! # replay <SHA-256 of replay.json> rows <SHA-256 of all that follows>
//! setting,response_id,estimand,…
//! ```

use crate::estimates_csv::{self, EstimatesProblem, Row};
use crate::identity::Identity;
use crate::observed::Key;
use crate::text::sha256_hex;
use causal::estimand::Target;

/// The reason why the file of a dataset cannot be used, as a sentence without its subject.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnfitFile {
    /// Bytes that are no text.
    #[error("is damaged: it is not text in UTF-8")]
    NotText,
    /// A first line that is no stamp.
    #[error("is damaged: its first line does not say which replay it is of")]
    NoStamp,
    /// Bytes that are not those of the stamp.
    #[error("is damaged: its rows are not those that were written")]
    OtherBytes,
    /// A stamp of another replay.
    #[error("is of another replay")]
    OtherReplay,
    /// Rows that cannot be read.
    #[error("is damaged: {0}")]
    Rows(#[from] EstimatesProblem),
    /// Rows that do not belong here.
    #[error(transparent)]
    Misplaced(#[from] MisplacedRows),
}

/// The first row that is missing, or not in its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MisplacedRows {
    /// No row of an estimand by an estimator.
    #[error("dataset {key} has no {} row of the estimator `{estimator}`", estimand.key())]
    Missing {
        /// The dataset.
        key: Key,
        /// The estimand.
        estimand: Target,
        /// The key of the estimator.
        estimator: String,
    },
    /// Rows in another order, or too many.
    #[error("dataset {0} has rows twice, in another order, or that are not asked for")]
    Order(Key),
    /// A row of a dataset that does not follow here.
    #[error("line {line}: dataset {key} is not of this replay, or not in its place")]
    OtherDataset {
        /// The line, from 1.
        line: usize,
        /// The dataset.
        key: Key,
    },
}

/// The file of a dataset of the replay with the given hash.
#[must_use]
pub fn text(rows: &[Row], replay: &str) -> String {
    let body = estimates_csv::header() + &rows.iter().map(Row::line).collect::<String>();
    stamp(replay, &body) + &body
}

fn stamp(replay: &str, body: &str) -> String {
    format!("# replay {replay} rows {}\n", sha256_hex(body.as_bytes()))
}

/// The rows of such a file.
///
/// # Errors
/// Bytes that are not as they were written, and rows of another replay.
pub fn read(bytes: &[u8], replay: &str) -> Result<Vec<Row>, UnfitFile> {
    let text = std::str::from_utf8(bytes).map_err(|_| UnfitFile::NotText)?;
    let (first, body) = text.split_once('\n').unwrap_or((text, ""));
    let words: Vec<&str> = first.split(' ').collect();
    let ["#", "replay", own, "rows", sha256] = words.as_slice() else {
        return Err(UnfitFile::NoStamp);
    };
    // The bytes before the replay, so that a damaged stamp is not taken for one of another replay.
    if *sha256 != sha256_hex(body.as_bytes()) {
        return Err(UnfitFile::OtherBytes);
    }
    if *own != replay {
        return Err(UnfitFile::OtherReplay);
    }
    Ok(estimates_csv::parse_all(body)?)
}

/// Holds rows against those of one dataset: `pairs` of estimand and estimator, in order.
///
/// # Errors
/// The first row that is not there, or not in its place.
pub fn check(rows: &[Row], key: Key, pairs: &[(Target, &str)]) -> Result<(), MisplacedRows> {
    let there: Vec<(Target, &str)> = rows.iter().map(|row| (row.estimand, row.estimator.key())).collect();
    if there == pairs && rows.iter().all(|row| row.key == key) {
        return Ok(());
    }
    let lacks = pairs.iter().find(|pair| !there.contains(pair));
    Err(match lacks {
        Some((estimand, estimator)) => {
            MisplacedRows::Missing { key, estimand: *estimand, estimator: (*estimator).to_owned() }
        }
        None => MisplacedRows::Order(key),
    })
}

/// Holds rows against those of the datasets of a replay, in order. Returns the datasets that have none.
///
/// # Errors
/// As [`check`], and rows of other datasets.
pub fn check_all(rows: &[Row], replay: &Identity) -> Result<Vec<Key>, MisplacedRows> {
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
        // Line 1 is the header, and the rows are counted from 0.
        Some(row) => Err(MisplacedRows::OtherDataset { line: rows.len() - rest.len() + 2, key: row.key }),
        None => Ok(missing),
    }
}
