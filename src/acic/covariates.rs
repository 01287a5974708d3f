//! The covariates: `x.csv`, shared by every dataset. A cell that no model can use would spoil all of them, so it is refused
//! before anything is analysed.

use super::cells::Cells;
use super::error::AcicError;
use crate::dataset::{self, Table};
use crate::plan::{ColumnOverride, ColumnType};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Covariates of the competition.
pub const COVARIATES: usize = 58;
/// Those that are categories.
pub const CATEGORIES: [&str; 3] = ["x_2", "x_21", "x_24"];
/// The names of treatment and outcome, which each dataset brings.
const TAKEN: [&str; 2] = ["z", "y"];

const X: &str = "x.csv";

/// `x_1` to `x_58`.
pub(super) fn covariates() -> impl Iterator<Item = String> {
    (1..=COVARIATES).map(|j| format!("x_{j}"))
}

/// Reads the covariates of a folder.
///
/// # Errors
/// No file, columns that are missing or named like treatment or outcome, cells that hold nothing to work with.
pub(super) fn read(dir: &Path) -> Result<Table, AcicError> {
    let layout = |problem: String| AcicError::Layout { dir: dir.to_path_buf(), problem };
    if !dir.join(X).is_file() {
        return Err(layout("it has no x.csv, the covariates".to_owned()));
    }
    let x = dataset::read(X, dir, &categories())?;
    let names: BTreeSet<String> = x.document().columns.into_iter().map(|column| column.name).collect();
    let missing: Vec<String> =
        covariates().filter(|name| !names.contains(name)).map(|name| format!("`{name}`")).collect();
    if !missing.is_empty() {
        let plural = if missing.len() == 1 { "" } else { "s" };
        return Err(layout(format!("x.csv has no column{plural} {}", missing.join(", "))));
    }
    check(&Cells::read(&dir.join(X))?, &x)?;
    Ok(x)
}

fn categories() -> BTreeMap<String, ColumnOverride> {
    let category = |name: &&str| ((*name).to_owned(), ColumnOverride { kind: ColumnType::Category, reference: None });
    CATEGORIES.iter().map(category).collect()
}

/// Holds every cell of the file against what is due there, and the table against the file.
fn check(cells: &Cells, x: &Table) -> Result<(), AcicError> {
    if let Some(name) = TAKEN.iter().find(|name| cells.has(name)) {
        let problem = format!("it has a column `{name}`, and each dataset brings its own: remove or rename it");
        return Err(cells.wrong(problem));
    }
    for name in covariates() {
        let column = cells.column(&name)?;
        let category = CATEGORIES.contains(&name.as_str());
        for row in 0..cells.rows() {
            if category { column.text(row).map(|_| ()) } else { column.number(row).map(|_| ()) }?;
        }
        let reads = |values: &[f64]| values.len() == cells.rows() && values.iter().all(|value| value.is_finite());
        if !category && !x.numbers(&name).is_some_and(reads) {
            return Err(cells.wrong(format!("column `{name}` does not read as numbers")));
        }
    }
    Ok(())
}
