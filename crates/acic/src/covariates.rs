//! The covariates: `x.csv`, shared by every dataset. A cell that no model can use would spoil all of them, so it is refused
//! before anything is analysed.

use crate::AcicError;
use crate::csv_table::{self, CsvTable};
use crate::text::sha256_hex;
use std::path::Path;

/// Covariates of the competition.
pub const COVARIATES: usize = 58;
/// Those that are categories.
pub const CATEGORIES: [&str; 3] = ["x_2", "x_21", "x_24"];
/// The names of treatment and outcome, which each dataset brings.
const TAKEN: [&str; 2] = ["z", "y"];

/// The file of the covariates.
pub const FILE: &str = "x.csv";

/// `x_1` to `x_58`.
pub fn names() -> impl Iterator<Item = String> {
    (1..=COVARIATES).map(|j| format!("x_{j}"))
}

/// The values of one covariate, one per unit.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Finite numbers.
    Numbers(Vec<f64>),
    /// Levels of a category.
    Levels(Vec<String>),
}

impl Values {
    /// As text: a number so that it reads back to the same bits, a category as it is.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        match self {
            Values::Numbers(values) => values.iter().map(ToString::to_string).collect(),
            Values::Levels(levels) => levels.clone(),
        }
    }
}

/// One covariate.
#[derive(Debug, Clone, PartialEq)]
pub struct Covariate {
    /// Its name.
    pub name: String,
    /// Its values.
    pub values: Values,
}

/// The 58 covariates.
#[derive(Debug, Clone, PartialEq)]
pub struct Covariates {
    columns: Vec<Covariate>,
    units: usize,
    sha256: String,
}

impl Covariates {
    /// Reads the covariates of a folder.
    ///
    /// # Errors
    /// No file, columns that are missing or named like treatment or outcome, cells that hold nothing to work with.
    pub fn read(dir: &Path) -> Result<Covariates, AcicError> {
        let layout = |problem: String| AcicError::Layout { dir: dir.to_path_buf(), problem };
        let file = dir.join(FILE);
        if !file.is_file() {
            return Err(layout("it has no x.csv, the covariates".to_owned()));
        }
        let bytes = std::fs::read(&file).map_err(|error| AcicError::io("read", &file, error))?;
        let table = CsvTable::parse(&file, &bytes)?;
        let missing: Vec<String> = names().filter(|name| !table.has(name)).collect();
        if !missing.is_empty() {
            return Err(layout(format!("x.csv has {}", csv_table::no_columns(&missing))));
        }
        if let Some(name) = TAKEN.iter().find(|name| table.has(name)) {
            let problem = format!("it has a column `{name}`, and each dataset brings its own: remove or rename it");
            return Err(table.wrong(problem));
        }
        let columns: Result<Vec<Covariate>, AcicError> = names().map(|name| covariate(&table, name)).collect();
        Ok(Covariates { columns: columns?, units: table.rows(), sha256: sha256_hex(&bytes) })
    }

    /// The covariates, in the order of their numbers.
    #[must_use]
    pub fn columns(&self) -> &[Covariate] {
        &self.columns
    }

    /// The number of units.
    #[must_use]
    pub fn units(&self) -> usize {
        self.units
    }

    /// SHA-256 of the file.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.sha256
    }
}

/// A column, with every cell held against what is due there.
fn covariate(table: &CsvTable, name: String) -> Result<Covariate, AcicError> {
    let column = table.column(&name)?;
    let rows = 0..table.rows();
    let values = if CATEGORIES.contains(&name.as_str()) {
        Values::Levels(rows.map(|row| column.text(row).map(str::to_owned)).collect::<Result<_, _>>()?)
    } else {
        Values::Numbers(rows.map(|row| column.number(row)).collect::<Result<_, _>>()?)
    };
    Ok(Covariate { name, values })
}
