//! The bundled pack: `observed.parquet`, one row per dataset and unit with setting, response_id, split, z and y.
//!
//! This crate reads no Parquet: whoever opens the data passes a [`PackReader`], which hands the columns of the file over.

use crate::error::{AcicError, Skipped};
use crate::observed::{Key, Observed};
use crate::settings::Split;
use std::ops::Range;
use std::path::Path;

/// The file with the observed data.
pub const FILE: &str = "observed.parquet";

/// Reads the pack in a folder: finds the columns of [`FILE`] and passes them to [`Pack::from_columns`].
pub type PackReader<'a> = &'a dyn Fn(&Path) -> Result<Pack, AcicError>;

/// The columns of [`FILE`], all of one length.
#[derive(Debug, Clone, Copy)]
pub struct PackColumns<'a> {
    /// The setting.
    pub setting: &'a [f64],
    /// The response.
    pub response: &'a [f64],
    /// The part of the pack; `None` where it is missing.
    pub split: &'a [Option<&'a str>],
    /// The treatment.
    pub z: &'a [f64],
    /// The outcome.
    pub y: &'a [f64],
}

/// The rows of one dataset.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// The dataset.
    pub key: Key,
    /// The part of the pack.
    pub split: Split,
    rows: Range<usize>,
}

/// The pack in memory. Its numbers were single precision in the file, and are kept so.
#[derive(Debug)]
pub struct Pack {
    runs: Vec<Run>,
    problems: Vec<Skipped>,
    z: Vec<f32>,
    y: Vec<f32>,
}

/// The reason why the rows of a dataset belong to no part of the pack.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum SplitProblem {
    #[error("row {row}: `{word}` in column `split` is neither choose nor report")]
    Word { row: usize, word: String },
    #[error("row {row}: `{}` in column `split`, and another part further up", split.key())]
    Mixed { row: usize, split: Split },
    #[error("has no rows")]
    NoRows,
}

impl Pack {
    /// The error of a [`PackReader`] that finds no usable column of that name.
    #[must_use]
    pub fn lacks_column(name: &str) -> AcicError {
        AcicError::column(FILE, name)
    }

    /// The pack of these columns.
    #[must_use]
    pub fn from_columns(columns: &PackColumns<'_>) -> Pack {
        let mut pack = Pack { runs: Vec::new(), problems: Vec::new(), z: narrow(columns.z), y: narrow(columns.y) };
        let keys: Vec<(f64, f64)> = columns.setting.iter().copied().zip(columns.response.iter().copied()).collect();
        let mut first = 0;
        for run in keys.chunk_by(|a, b| a == b) {
            let rows = first..first + run.len();
            first = rows.end;
            let Some((setting, response)) = run.first().copied() else { continue };
            let Some(key) = key(setting, response) else {
                pack.problems.push(Skipped {
                    setting: 0,
                    response: None,
                    file: format!("{FILE}, row {}", rows.start + 1),
                    problem: format!("setting {setting} and response {response} name no dataset"),
                });
                continue;
            };
            match part(columns.split.get(rows.clone()).unwrap_or_default(), rows.start) {
                Ok(split) => pack.runs.push(Run { key, split, rows }),
                Err(problem) => pack.problems.push(Skipped {
                    setting: key.setting,
                    response: Some(key.response),
                    file: format!("{FILE} ({key})"),
                    problem: problem.to_string(),
                }),
            }
        }
        pack
    }

    /// The datasets, in the order of the file.
    #[must_use]
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// Rows that belong to no dataset, or to no part of the pack.
    #[must_use]
    pub fn problems(&self) -> &[Skipped] {
        &self.problems
    }

    /// The observed part of the i-th dataset.
    #[must_use]
    pub fn observed(&self, i: usize) -> Observed {
        let wide = |values: &[f32]| -> Vec<f64> {
            let rows = self.runs.get(i).and_then(|run| values.get(run.rows.clone()));
            rows.unwrap_or_default().iter().map(|value| f64::from(*value)).collect()
        };
        Observed { z: wide(&self.z), y: wide(&self.y) }
    }
}

/// The part of the pack that the rows of one dataset name, all of them the same; `first` of the file is their first.
fn part(words: &[Option<&str>], first: usize) -> Result<Split, SplitProblem> {
    let mut agreed = None;
    for (i, word) in words.iter().enumerate() {
        let row = first + i + 1;
        let Some(split) = word.and_then(Split::parse) else {
            return Err(SplitProblem::Word { row, word: word.unwrap_or_default().to_owned() });
        };
        if *agreed.get_or_insert(split) != split {
            return Err(SplitProblem::Mixed { row, split });
        }
    }
    agreed.ok_or(SplitProblem::NoRows)
}

fn narrow(values: &[f64]) -> Vec<f32> {
    values.iter().map(|value| *value as f32).collect()
}

fn key(setting: f64, response: f64) -> Option<Key> {
    // Below 2^53 a float is the very number it was read from.
    let whole = |value: f64, most: f64| value.fract() == 0.0 && (0.0..=most).contains(&value);
    let valid = whole(setting, f64::from(u16::MAX)) && whole(response, 9e15);
    valid.then_some(Key { setting: setting as u16, response: response as u64 })
}
