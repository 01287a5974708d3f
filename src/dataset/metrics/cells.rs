//! Rows with the same values of discrete columns as one cell: what a fit needs of them, without the rows.
//!
//! A cell holds its values, and for each fit the number of rows and the sums of the covariate terms. Means of terms in a segment that
//! is a condition on those columns are then sums over cells: a new segment costs no pass over the data.

use super::error::{Fault, Found};
use crate::dataset::column::{Column, Data};
use crate::dataset::derived::Rows;
use crate::dataset::{DatasetError, DatasetProblem, Table, UnitColumn, Wanted, read_rows, units_parquet};
use crate::expression::Written;
use crate::plan::DataSection;
use crate::plan::experiment::ExperimentPlan;
use crate::schema::ColumnKind;
use std::collections::{BTreeSet, HashMap};
use std::path::Path;

/// A column with more values than this is not discrete.
pub const MOST_VALUES: usize = 50;
/// More cells than this save nothing.
pub const MOST_CELLS: usize = 200_000;

/// The cell of every row of the table of assignments.
#[derive(Debug, Clone)]
pub struct Cells {
    /// The discrete columns, one value for each cell.
    pub columns: Vec<(String, UnitColumn)>,
    /// The cell of each row.
    pub of_row: Vec<u32>,
    /// Number of cells.
    pub count: usize,
    /// Columns of covariates and segments that have too many values.
    pub left_out: Vec<String>,
}

/// Groups the rows by the discrete columns among those that covariates and segments name, and `more`. `None` if a column of `more`
/// is not there or has too many values, or there are too many cells, which was noted.
pub(super) fn cells(plan: &ExperimentPlan, table: &Table, more: &[String], found: &mut Found) -> Option<Cells> {
    let segments = plan.segments.iter().flat_map(Written::columns).map(str::to_owned);
    let wanted: BTreeSet<String> =
        plan.covariates.iter().cloned().chain(segments).chain(more.iter().cloned()).collect();
    let (mut keys, mut left_out): (Vec<&Column>, Vec<String>) = (Vec::new(), Vec::new());
    for name in &wanted {
        let asked = more.contains(name);
        match super::columns::find(table, name) {
            Ok(column) if values(column).is_some_and(|values| values.len() <= MOST_VALUES) => keys.push(column),
            _ if !asked => left_out.push(name.clone()),
            Ok(_) => found.note("--by", unusable(name)),
            Err(fault) => found.note("--by", fault),
        }
    }
    if found.any() {
        return None;
    }
    let (of_row, first) = numbered(&keys, table.rows());
    if first.len() > MOST_CELLS {
        found.note("--by", too_many(first.len()));
        return None;
    }
    let columns = keys.iter().map(|column| (column.name.clone(), of_rows(column, &first))).collect();
    Some(Cells { columns, of_row, count: first.len(), left_out })
}

/// The cell of each row, numbered in order of appearance, and the first row of each cell.
fn numbered(keys: &[&Column], rows: usize) -> (Vec<u32>, Vec<usize>) {
    let mut of_row = vec![0_u32; rows];
    let mut first: Vec<usize> = (0..rows.min(1)).collect();
    // One column after the other: a cell so far and a value make a cell.
    for column in keys {
        let mut known: HashMap<(u32, u64), u32> = HashMap::new();
        first.clear();
        for (row, cell) in of_row.iter_mut().enumerate() {
            let next = u32::try_from(known.len()).unwrap_or(u32::MAX);
            *cell = *known.entry((*cell, code(column, row))).or_insert_with(|| {
                first.push(row);
                next
            });
        }
    }
    (of_row, first)
}

fn unusable(name: &str) -> Fault {
    Fault::Unusable {
        column: name.to_owned(),
        reason: format!("has more than {MOST_VALUES} values, so its cells would be about as many as the rows"),
        fix: "group it with `derive:` under `data`, as in `age_group: cut(age, [25, 45, 65])`, and name that"
            .to_owned(),
    }
}

fn too_many(count: usize) -> Fault {
    Fault::Unusable {
        column: "--by".to_owned(),
        reason: format!("and the discrete covariates make {count} cells; at most {MOST_CELLS} save anything"),
        fix: "name fewer columns, or group some with `derive:` under `data`".to_owned(),
    }
}

/// The different values of a column that can make cells; `None` for one that cannot.
fn values(column: &Column) -> Option<BTreeSet<u64>> {
    let rows = match &column.data {
        Data::Numbers(values) => values.len(),
        Data::Codes { codes, .. } => codes.len(),
        Data::Opaque { .. } => return None,
    };
    let mut seen = BTreeSet::new();
    for row in 0..rows {
        seen.insert(code(column, row));
        if seen.len() > MOST_VALUES {
            break;
        }
    }
    Some(seen)
}

fn code(column: &Column, row: usize) -> u64 {
    match &column.data {
        // One pattern for every missing value, and one for both zeros.
        Data::Numbers(values) if values[row].is_nan() => f64::NAN.to_bits(),
        Data::Numbers(values) => (values[row] + 0.0).to_bits(),
        Data::Codes { codes, .. } => u64::from(codes[row]),
        Data::Opaque { .. } => 0,
    }
}

fn of_rows(column: &Column, rows: &[usize]) -> UnitColumn {
    match &column.data {
        Data::Numbers(values)
            if column.kind == ColumnKind::Boolean && rows.iter().all(|row| !values[*row].is_nan()) =>
        {
            UnitColumn::Flags(rows.iter().map(|row| values[*row] != 0.0).collect())
        }
        Data::Numbers(values) => {
            UnitColumn::Numbers(rows.iter().map(|row| Some(values[*row]).filter(|v| !v.is_nan())).collect())
        }
        Data::Codes { codes, levels } => {
            UnitColumn::Texts(rows.iter().map(|row| levels.get(codes[*row] as usize).cloned()).collect())
        }
        Data::Opaque { .. } => UnitColumn::Texts(vec![None; rows.len()]),
    }
}

impl Cells {
    /// The bytes of `cells.parquet`: the discrete columns and the given sums, without the cells where `kept` is false.
    ///
    /// # Errors
    /// The writer refuses.
    pub fn parquet(&self, sums: &[(String, Vec<f64>)], kept: &[bool]) -> Result<Vec<u8>, DatasetError> {
        fn pick<T: Clone>(values: &[T], kept: &[bool]) -> Vec<T> {
            values.iter().zip(kept).filter(|(_, kept)| **kept).map(|(value, _)| value.clone()).collect()
        }
        let mut columns: Vec<(String, UnitColumn)> = Vec::new();
        for (name, values) in &self.columns {
            let values = match values {
                UnitColumn::Rows(values) => UnitColumn::Rows(pick(values, kept)),
                UnitColumn::Whole(values) => UnitColumn::Whole(pick(values, kept)),
                UnitColumn::Numbers(values) => UnitColumn::Numbers(pick(values, kept)),
                UnitColumn::Texts(values) => UnitColumn::Texts(pick(values, kept)),
                UnitColumn::Flags(values) => UnitColumn::Flags(pick(values, kept)),
            };
            columns.push((name.clone(), values));
        }
        for (name, values) in sums {
            let values = pick(values, kept).into_iter().map(Some).collect();
            columns.push((name.clone(), UnitColumn::Numbers(values)));
        }
        units_parquet(columns)
    }
}

/// A table of cells that was read back.
#[derive(Debug)]
pub struct CellTable {
    table: Table,
}

impl CellTable {
    /// Reads `cells.parquet` from a folder.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read(file: &str, folder: &Path) -> Result<CellTable, DatasetError> {
        // One cell is enough: an experiment without discrete covariates has no more.
        Ok(CellTable {
            table: read_rows(&DataSection::of(file), folder.into(), &Wanted { fewest: 1, left_out_of: None })?,
        })
    }

    /// The sums of a column over the cells where a condition holds; 0 for a column that is not there.
    ///
    /// # Errors
    /// The condition names a column that the cells do not have, or does not fit one.
    pub fn sums(&self, segment: &Written, columns: &[String]) -> Result<Vec<f64>, DatasetProblem> {
        let rows = Rows {
            table: &self.table,
            path: "segment",
            needed: None,
            way_out: "the cells hold discrete columns only; fit again with the column under --by",
        };
        let inside = rows.condition(segment)?;
        let sum = |name: &String| {
            let values = self.table.numbers(name).unwrap_or_default();
            causal::numerics::sums::sum(
                values.iter().zip(&inside).filter(|(_, inside)| **inside == Some(true)).map(|(value, _)| *value),
            )
        };
        Ok(columns.iter().map(sum).collect())
    }
}
