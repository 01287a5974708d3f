//! The data of the competition, opened with the readers of this program.

use crate::dataset::{self, DatasetError, Table};
use crate::plan::{ColumnOverride, ColumnType};
use acic::AcicError;
use acic::covariates::{self, CATEGORIES, Covariates, Values};
use acic::error::ReadFailure;
use acic::pack::{self, Pack, PackColumns};
use acic::source::Source;
use std::collections::BTreeMap;
use std::path::Path;

/// Opens a folder of either layout.
///
/// # Errors
/// As [`Source::open`]; a pack that cannot be read or lacks a column.
pub fn open(dir: &Path) -> Result<Source, AcicError> {
    Source::open(dir, &read_pack)
}

fn read_pack(dir: &Path) -> Result<Pack, AcicError> {
    let table = dataset::read(pack::FILE, dir, &BTreeMap::new()).map_err(failure)?;
    let column = |name: &str| table.numbers(name).ok_or_else(|| Pack::lacks_column(name));
    let split = table.texts("split").ok_or_else(|| Pack::lacks_column("split"))?;
    Ok(Pack::from_columns(&PackColumns {
        setting: column("setting")?,
        response: column("response_id")?,
        split: &split,
        z: column("z")?,
        y: column("y")?,
    }))
}

/// The covariates of `source` as a table that a plan can be held against.
///
/// # Errors
/// A file that cannot be read as a table, or that is no longer the one that `source` has read.
pub(super) fn covariate_table(source: &Source) -> Result<Table, AcicError> {
    let table = dataset::read(covariates::FILE, source.dir(), &categories()).map_err(failure)?;
    let x = source.x();
    if table.document().sha256 != x.sha256() {
        return Err(AcicError::Request(format!("`{}` was changed while it was read", covariates::FILE)));
    }
    check(&table, x, &source.dir().join(covariates::FILE))?;
    Ok(table)
}

fn categories() -> BTreeMap<String, ColumnOverride> {
    let category = |name: &&str| {
        ((*name).to_owned(), ColumnOverride { kind: Some(ColumnType::Category), ..ColumnOverride::default() })
    };
    CATEGORIES.iter().map(category).collect()
}

/// Two readers have to agree on which columns are numbers.
fn check(table: &Table, x: &Covariates, file: &Path) -> Result<(), AcicError> {
    let reads = |values: &[f64]| values.len() == x.units() && values.iter().all(|value| value.is_finite());
    let mut numbers = x.columns().iter().filter(|column| matches!(column.values, Values::Numbers(_)));
    match numbers.find(|column| !table.numbers(&column.name).is_some_and(reads)) {
        Some(column) => Err(AcicError::Cells {
            file: file.to_path_buf(),
            problem: format!("column `{}` does not read as numbers", column.name),
        }),
        None => Ok(()),
    }
}

/// An error of the readers, for the replay.
fn failure(error: DatasetError) -> AcicError {
    let failure = ReadFailure { message: error.to_string(), hint: error.hint(), outside: error.is_io() };
    AcicError::Read(failure)
}
