//! The bundled pack: `observed.parquet`, one row per dataset and unit with setting, response_id, split, z and y.

use super::error::AcicError;
use super::observed::{Key, Observed};
use super::settings::Split;
use super::source::Skipped;
use crate::dataset;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

/// The file with the observed data.
pub const FILE: &str = "observed.parquet";

/// The rows of one dataset.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Which dataset.
    pub key: Key,
    /// Which part of the pack.
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

impl Pack {
    /// Reads the pack in a folder.
    ///
    /// # Errors
    /// A file that cannot be read, or lacks a column.
    pub fn read(dir: &Path) -> Result<Pack, AcicError> {
        let table = dataset::read(FILE, dir, &BTreeMap::new())?;
        let column = |name: &str| table.numbers(name).ok_or_else(|| AcicError::column(FILE, name));
        let splits = table.texts("split").ok_or_else(|| AcicError::column(FILE, "split"))?;
        let (setting, response) = (column("setting")?, column("response_id")?);
        let mut pack =
            Pack { runs: Vec::new(), problems: Vec::new(), z: narrow(column("z")?), y: narrow(column("y")?) };
        let keys: Vec<(f64, f64)> = setting.iter().copied().zip(response.iter().copied()).collect();
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
            match part(splits.get(rows.clone()).unwrap_or_default(), rows.start) {
                Ok(split) => pack.runs.push(Run { key, split, rows }),
                Err(problem) => pack.problems.push(Skipped {
                    setting: key.setting,
                    response: Some(key.response),
                    file: format!("{FILE} ({key})"),
                    problem,
                }),
            }
        }
        Ok(pack)
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
fn part(words: &[Option<&str>], first: usize) -> Result<Split, String> {
    let mut agreed = None;
    for (i, word) in words.iter().enumerate() {
        let row = first + i + 1;
        let Some(split) = word.and_then(Split::parse) else {
            let word = word.unwrap_or_default();
            return Err(format!("row {row}: `{word}` in column `split` is neither choose nor report"));
        };
        if *agreed.get_or_insert(split) != split {
            return Err(format!("row {row}: `{}` in column `split`, and another part further up", split.key()));
        }
    }
    agreed.ok_or_else(|| "has no rows".to_owned())
}

fn narrow(values: &[f64]) -> Vec<f32> {
    values.iter().map(|value| *value as f32).collect()
}

fn key(setting: f64, response: f64) -> Option<Key> {
    let whole = |value: f64, most: f64| value.fract() == 0.0 && (0.0..=most).contains(&value);
    let valid = whole(setting, f64::from(u16::MAX)) && whole(response, 9e15);
    valid.then_some(Key { setting: setting as u16, response: response as u64 })
}
