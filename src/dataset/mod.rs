//! CSV and Parquet files become a [`Table`], a [`Table`] and a [`Request`] become [`Analysed`] rows. The only polars.
//!
//! The kind of a column: a number if the file says so (integers and floats), a category if it is text, a boolean if it is
//! true/false; or what the plan's `data.columns` says instead. Types are decided from the whole file. A column that
//! mixes numbers and text is neither: it may be in the file, but using it is an error until the plan says which.
//!
//! Missing values: null and NaN; in CSV also empty or blank fields and words such as `NA` and `N/A`; and what the plan says.
//! They are counted per column, and what is done about them is the plan's choice ([`crate::plan::MissingPolicy`]).
//! Infinite values are an error. Nothing is dropped, replaced or recoded without a counter or a refusal.
//!
//! ```text
//! source -> files -> (scan: bytes, lines, shapes) -> polars -> (classify) -> (overrides, suspicions) -> (derive, filter) -> Table
//!        -> analyse -> Analysed -> Covariates, Sample
//! ```

mod analyse;
mod checks;
mod column;
mod derived;
mod design_columns;
mod error;
mod evaluate;
mod hash;
pub mod metrics;
mod outcome;
mod overrides;
mod place;
mod profile;
mod rare_levels;
mod read;
mod roles;
mod rows;
mod suspicions;
mod terms;
mod units;

pub use analyse::{Analysed, ColumnValues, Request};
pub use error::{DatasetError, DatasetProblem, Unfetched};
pub use place::{DataPlace, Objects};
pub use units::{LeftOut, UnitColumn, parquet as units_parquet};

use crate::plan::{ColumnOverride, DataSection, RareLevels};
use crate::schema::{ColumnFacts, ColumnKind, Conversion, DatasetDocument, DerivedColumn, FilterRecord};
use crate::term::Term;
use crate::text::sha256;
use column::Column;
use read::missing_words::Declared;
use read::{csv, parquet, partitions, source};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// The level that stands for a missing value under the policy `indicator`, as in the term `income == (missing)`.
pub const MISSING_LEVEL: &str = "(missing)";

/// The files of a source as columns in memory, with their fingerprint.
#[derive(Debug, Clone)]
pub struct Table {
    source: String,
    files: BTreeMap<String, String>,
    rows: usize,
    columns: Vec<Arc<Column>>,
    /// What was done to files as a whole.
    conversions: Vec<Conversion>,
    /// The columns that the plan computes.
    derived: Vec<DerivedColumn>,
    /// The rows that the plan asks about; `None`: all of them.
    selection: Option<Selection>,
}

/// The rows that a filter kept.
#[derive(Debug, Clone)]
struct Selection {
    rows_in_files: usize,
    record: FilterRecord,
    /// Their places in the files.
    places: Arc<Vec<usize>>,
    /// A column of the other rows, where a reader wanted it.
    left_out: Option<Arc<Column>>,
}

/// The files of this machine behind `source`, relative to the directory `base`, as [`read()`] would open them.
///
/// # Errors
/// [`DatasetError`] if there are none.
pub fn paths(source: &str, base: &Path) -> Result<Vec<std::path::PathBuf>, DatasetError> {
    Ok(source::resolve(source, base.into())?.files.into_iter().map(|file| file.path).collect())
}

/// The SHA-256 of each file behind `source`, by the names of a [`DatasetDocument`]; nothing of them is parsed.
///
/// # Errors
/// [`DatasetError`] if there are none, or one cannot be read.
pub fn fingerprints<'a>(
    source: &str,
    place: impl Into<DataPlace<'a>>,
) -> Result<BTreeMap<String, String>, DatasetError> {
    let files = source::resolve(source, place.into())?.files;
    files.into_iter().map(|file| Ok((file.name.clone(), hash::of_file(&file)?))).collect()
}

/// One fingerprint for the files behind `source`, as [`DatasetDocument::sha256`] has it.
///
/// # Errors
/// As [`fingerprints`].
pub fn fingerprint<'a>(source: &str, place: impl Into<DataPlace<'a>>) -> Result<String, DatasetError> {
    let files = fingerprints(source, place)?;
    Ok(hash::combined(files.values().map(String::as_str)))
}

/// Reads `source`, a CSV or Parquet file or a glob of either, relative to the folder of `place`, or an object of a store; the
/// files of a glob are read in name order and must have the same columns.
///
/// # Errors
/// [`DatasetError`] for files that are missing, unreadable, damaged or inconsistent, and for overrides that do not fit.
pub fn read<'a>(
    source: &str,
    place: impl Into<DataPlace<'a>>,
    overrides: &BTreeMap<String, ColumnOverride>,
) -> Result<Table, DatasetError> {
    read_section(&DataSection { columns: overrides.clone(), ..DataSection::of(source) }, place)
}

/// [`read()`] as the `data` section of a plan says.
///
/// # Errors
/// As [`read()`].
pub fn read_section<'a>(data: &DataSection, place: impl Into<DataPlace<'a>>) -> Result<Table, DatasetError> {
    read_rows(data, place.into(), &Wanted { fewest: 2, left_out_of: None })
}

/// What a reader needs of a table.
#[derive(Debug, Clone, Copy)]
struct Wanted<'a> {
    /// The fewest rows.
    fewest: usize,
    /// The column that is kept of the rows that the filter leaves out.
    left_out_of: Option<&'a str>,
}

fn read_rows(data: &DataSection, place: DataPlace<'_>, wanted: &Wanted<'_>) -> Result<Table, DatasetError> {
    let source = &data.source;
    let found = source::resolve(source, place)?;
    let csv::Read { mut columns, rows_of_files, hashes, conversions } = match found.format {
        source::Format::Csv => csv::read(&found.files, data)?,
        source::Format::Parquet => parquet::read(&found.files, data)?,
    };
    let rows = rows_of_files.iter().sum();
    if rows < wanted.fewest {
        return Err(DatasetError::TooFewRows { source_text: source.clone(), rows });
    }
    let folders: Vec<_> = found.files.iter().map(|file| file.partitions(place.folder())).collect();
    let in_folders = partitions::columns(&folders, &rows_of_files, &columns, data);
    columns.extend(in_folders);
    overrides::apply(&mut columns, data).map_err(|problems| DatasetError::Columns { problems })?;
    for column in &mut columns {
        suspicions::look(column, Declared::of(&column.name.clone(), data));
    }
    let selected = derived::apply(columns, rows, data, wanted.left_out_of)
        .map_err(|problems| DatasetError::Columns { problems })?;
    let derived::Selected { mut columns, derived, filter, kept, left_out } = selected;
    overrides::apply_to_derived(&mut columns, data).map_err(|problems| DatasetError::Columns { problems })?;
    let selection = filter.zip(kept).map(|(record, kept)| Selection {
        rows_in_files: rows,
        record,
        places: Arc::new(kept),
        left_out: left_out.map(Arc::new),
    });
    Ok(Table {
        source: source.clone(),
        files: found.files.into_iter().map(|file| file.name).zip(hashes).collect(),
        rows: selection.as_ref().map_or(rows, |selection| selection.places.len()),
        columns: columns.into_iter().map(Arc::new).collect(),
        conversions,
        derived,
        selection,
    })
}

impl Table {
    /// Fingerprint and schema.
    #[must_use]
    pub fn document(&self) -> DatasetDocument {
        DatasetDocument {
            source: self.source.clone(),
            files: self.files.clone(),
            sha256: hash::combined(self.files.values().map(String::as_str)),
            rows: self.rows_in_files(),
            derived: self.derived.clone(),
            filter: self.selection.as_ref().map(|selection| selection.record.clone()),
            columns: self.columns.iter().map(|c| c.info()).collect(),
            conversions: self
                .conversions
                .iter()
                .chain(self.columns.iter().flat_map(|c| &c.conversions))
                .cloned()
                .collect(),
            suspicions: self.columns.iter().flat_map(|c| &c.suspicions).cloned().collect(),
        }
    }

    /// What the values of the columns show by which a plan can be proposed, in file order.
    #[must_use]
    pub fn facts(&self) -> Vec<ColumnFacts> {
        profile::facts(self)
    }

    /// Rows in which at least one of the columns has no value.
    #[must_use]
    pub fn rows_with_gaps(&self, columns: &[&str]) -> usize {
        let gaps: Vec<&Arc<Column>> =
            columns.iter().filter_map(|name| self.column(name)).filter(|column| column.missing() > 0).collect();
        (0..self.rows).filter(|row| gaps.iter().any(|column| column.is_missing(*row))).count()
    }

    /// Makes the rare levels of every category one, but for the columns in `kept`.
    ///
    /// # Errors
    /// A category that has a level of the common name already.
    pub fn merge_rare_levels(&mut self, rule: &RareLevels, kept: &[&str]) -> Result<(), Vec<DatasetProblem>> {
        let columns = self.columns.iter_mut().filter(|column| !kept.contains(&column.name.as_str()));
        let problems: Vec<DatasetProblem> =
            columns.filter_map(|column| rare_levels::merge(Arc::make_mut(column), rule).err()).collect();
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    /// Number of rows that the plan asks about.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of rows in the files.
    #[must_use]
    pub fn rows_in_files(&self) -> usize {
        self.selection.as_ref().map_or(self.rows, |selection| selection.rows_in_files)
    }

    /// Place in the files of a row, from 0.
    fn place(&self, row: usize) -> usize {
        self.places().and_then(|places| places.get(row).copied()).unwrap_or(row)
    }

    fn places(&self) -> Option<&Arc<Vec<usize>>> {
        self.selection.as_ref().map(|selection| &selection.places)
    }

    /// The indicator terms that the policy `indicator` adds for those of the given columns that have missing values:
    /// `column == (missing)`, in the order given.
    #[must_use]
    pub fn missing_terms(&self, columns: &[&str]) -> Vec<Term> {
        let with_missing = columns.iter().filter(|name| self.column(name).is_some_and(|c| c.missing() > 0));
        with_missing.map(|name| Term::level(name, MISSING_LEVEL)).collect()
    }

    /// The rows and values that an analysis needs, checked.
    ///
    /// # Errors
    /// Every problem of the data for this analysis, all at once.
    pub fn analyse(&self, request: &Request) -> Result<Analysed, Vec<DatasetProblem>> {
        analyse::analyse(self, request)
    }

    /// [`Table::analyse`], giving back the memory of the columns that the analysis does not use.
    ///
    /// # Errors
    /// As [`Table::analyse`].
    pub fn into_analysed(self, request: &Request) -> Result<Analysed, Vec<DatasetProblem>> {
        analyse::analyse(&self, request)
    }

    /// The values of a column of numbers, NaN where one is missing; `None` if there is no such column, or it is no number.
    #[must_use]
    pub fn numbers(&self, name: &str) -> Option<&[f64]> {
        match self.column(name).map(|column| (&column.data, column.kind)) {
            Some((column::Data::Numbers(values), ColumnKind::Number)) => Some(values),
            _ => None,
        }
    }

    /// True if a column of 0 and 1, or of false and true, is 0 in every row in which `given` has a value, and 1 in some other.
    #[must_use]
    pub fn is_zero_where(&self, name: &str, given: &str, value: &str) -> bool {
        let (Some(column), Some(given)) = (self.column(name), self.column(given)) else { return false };
        let column::Data::Numbers(values) = &column.data else { return false };
        let two_valued = values.iter().all(|x| *x == 0.0 || *x == 1.0 || x.is_nan());
        let inside = |row: usize| given.shows(row, value);
        let one = |row: &usize| values.get(*row) == Some(&1.0);
        let ones: Vec<usize> = (0..self.rows).filter(one).collect();
        two_valued && !ones.is_empty() && (0..self.rows).any(inside) && !ones.into_iter().any(inside)
    }

    /// The texts of a category, `None` where one is missing; nothing if there is no such column, or it is no category.
    #[must_use]
    pub fn texts(&self, name: &str) -> Option<Vec<Option<&str>>> {
        match self.column(name).map(|column| &column.data) {
            Some(column::Data::Codes { codes, levels }) => {
                Some(codes.iter().map(|code| levels.get(*code as usize).map(String::as_str)).collect())
            }
            _ => None,
        }
    }

    /// The text in one row of a category; `None` where it is missing, and as for [`Table::texts`].
    #[must_use]
    pub fn text(&self, name: &str, row: usize) -> Option<&str> {
        match self.column(name).map(|column| &column.data) {
            Some(column::Data::Codes { codes, levels }) => levels.get(*codes.get(row)? as usize).map(String::as_str),
            _ => None,
        }
    }

    /// This table with more columns of numbers, n values each, made in memory and called `label` among its files: their
    /// values are part of the fingerprint. The columns that were there are shared, not copied.
    ///
    /// # Errors
    /// A column of another length, or a name that is taken.
    pub fn with_numbers(&self, label: &str, numbers: &[(&str, &[f64])]) -> Result<Table, DatasetProblem> {
        let mut table = self.clone();
        let mut digest = sha256::Running::default();
        for (name, values) in numbers {
            if values.len() != self.rows {
                let message = format!("`{name}` of {label} has {} values for {} rows", values.len(), self.rows);
                return Err(DatasetProblem::new(
                    name,
                    message,
                    "give one value for each row, in the order of the rows",
                ));
            }
            if table.column(name).is_some() {
                let message = format!("there is a column `{name}` already");
                return Err(DatasetProblem::new(name, message, "rename one of the two"));
            }
            digest.update(name.as_bytes());
            values.iter().for_each(|value| digest.update(&value.to_le_bytes()));
            table.columns.push(Arc::new(Column::numbers(name, "f64", values.to_vec())));
        }
        table.files.insert(label.to_owned(), digest.finish_hex());
        Ok(table)
    }

    /// A table of columns of numbers made in memory, called `label` among its files; n is the length of the first column.
    ///
    /// # Errors
    /// Columns of different lengths, or two of the same name.
    pub fn of_numbers(label: &str, numbers: &[(&str, &[f64])]) -> Result<Table, DatasetProblem> {
        let rows = numbers.first().map_or(0, |(_, values)| values.len());
        let source = label.to_owned();
        let empty = Table {
            source,
            files: BTreeMap::new(),
            rows,
            columns: Vec::new(),
            conversions: Vec::new(),
            derived: Vec::new(),
            selection: None,
        };
        empty.with_numbers(label, numbers)
    }

    fn column(&self, name: &str) -> Option<&Arc<Column>> {
        self.columns.iter().find(|c| c.name == name)
    }

    fn names(&self) -> Vec<&str> {
        self.columns.iter().map(|c| c.name.as_str()).collect()
    }
}
