//! Terms on columns: `age^2`, `re74 == 0`, `educ * re74` as numbers.

use super::MISSING_LEVEL;
use super::column::{Column, Data, MISSING, level_index, number, truth};
use super::error::DatasetProblem;
use crate::schema::ColumnKind;
use crate::term::{Factor, Term};
use crate::text::lists::{counted, quoted, short};
use crate::text::numbers::count;
use ndarray::Array2;
use rayon::prelude::*;

/// Rows of the matrix that are written together: small enough for a cache, the same whatever the number of threads.
const BLOCK: usize = 512;

/// A value to compare rows with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Match<'a> {
    Number(&'a [f64], f64),
    Code(&'a [u32], u32),
    MissingNumber(&'a [f64]),
}

impl<'a> Match<'a> {
    /// The rows of `column` that equal `value`: numbers as numbers, `true` beside 1, levels by name. `None` if the
    /// value cannot occur in the column.
    pub(super) fn new(column: &'a Column, value: &str) -> Option<Self> {
        match &column.data {
            Data::Numbers(values) if value == MISSING_LEVEL => Some(Self::MissingNumber(values)),
            Data::Numbers(values) if column.kind == ColumnKind::Boolean => {
                truth(value).map(|t| Self::Number(values, f64::from(t)))
            }
            Data::Numbers(values) => {
                let word = ["true", "false"].contains(&value.to_lowercase().as_str());
                let wanted = if word { truth(value).map(f64::from) } else { number(value).filter(|v| !v.is_nan()) };
                wanted.map(|v| Self::Number(values, v))
            }
            Data::Codes { codes, levels } => match level_index(levels, value) {
                Some(index) => Some(Self::Code(codes, u32::try_from(index).ok()?)),
                // Only where no level is really called so.
                None => (value == MISSING_LEVEL).then_some(Self::Code(codes, MISSING)),
            },
            Data::Opaque { .. } => None,
        }
    }

    pub(super) fn at(&self, row: usize) -> bool {
        match self {
            Self::Number(values, wanted) => values.get(row) == Some(wanted),
            Self::Code(codes, wanted) => codes.get(row) == Some(wanted),
            Self::MissingNumber(values) => values.get(row).is_some_and(|v| v.is_nan()),
        }
    }
}

enum Piece<'a> {
    /// Column to a power; missing values are replaced by the number given.
    Power(&'a [f64], i32, f64),
    Equals(Match<'a>),
}

/// A term tied to its columns.
pub(super) struct Compiled<'a> {
    pieces: Vec<Piece<'a>>,
}

impl<'a> Compiled<'a> {
    /// Ties a term to columns; `find` gives a column and the number that stands for its missing values.
    pub(super) fn new(term: &Term, find: impl Fn(&str) -> Option<(&'a Column, f64)>) -> Result<Self, DatasetProblem> {
        let piece = |factor: &Factor| {
            let (Factor::Power { column, .. } | Factor::Equals { column, .. }) = factor;
            let (found, fill) = find(column).ok_or_else(|| {
                DatasetProblem::new(
                    column,
                    format!("the term `{term}` needs the column `{column}`, which is not among the analysed columns"),
                    "list the column among the confounders",
                )
            })?;
            match factor {
                Factor::Power { exponent, .. } => power(term, found, *exponent, fill),
                Factor::Equals { value, .. } => {
                    Match::new(found, value).map(Piece::Equals).ok_or_else(|| no_such_value(term, found, value))
                }
            }
        };
        let pieces = term.factors.iter().map(piece).collect::<Result<_, _>>();
        Ok(Self { pieces: pieces.map_err(|problem: DatasetProblem| problem.about(term))? })
    }

    /// The value of the term in a row.
    pub(super) fn at(&self, row: usize) -> f64 {
        let mut product = 1.0;
        for piece in &self.pieces {
            product *= match piece {
                Piece::Power(values, exponent, fill) => {
                    let value = values.get(row).copied().unwrap_or(f64::NAN);
                    (if value.is_nan() { *fill } else { value }).powi(*exponent)
                }
                Piece::Equals(wanted) => f64::from(wanted.at(row)),
            };
        }
        product
    }
}

fn power<'a>(term: &Term, column: &'a Column, exponent: u32, fill: f64) -> Result<Piece<'a>, DatasetProblem> {
    match &column.data {
        Data::Numbers(values) => Ok(Piece::Power(values, i32::try_from(exponent).unwrap_or(1), fill)),
        Data::Codes { levels, .. } => Err(DatasetProblem::new(
            &column.name,
            format!("the term `{term}` needs numbers, but `{}` is a category", column.name),
            format!(
                "write a term per level, such as `{}` (levels: {})",
                levels.last().map(|l| Term::level(&column.name, l).to_string()).unwrap_or_default(),
                quoted(levels, 8)
            ),
        )),
        Data::Opaque { .. } => Err(DatasetProblem::new(
            &column.name,
            format!("the term `{term}` needs numbers, but `{}` is stored as {}", column.name, column.stored_as),
            "convert the column to numbers before the analysis",
        )),
    }
}

fn no_such_value(term: &Term, column: &Column, value: &str) -> DatasetProblem {
    DatasetProblem::new(
        &column.name,
        format!("the term `{term}` names the value `{}`, which `{}` never has", short(value), column.name),
        format!("the values that occur are {}", occurring(column)),
    )
}

/// The values of a column with their counts, for a message.
pub(super) fn occurring(column: &Column) -> String {
    let tally = column.tally();
    let shown: Vec<String> =
        tally.iter().take(8).map(|(value, n)| format!("`{}` ({})", short(value), counted(*n, "row"))).collect();
    match tally.len().saturating_sub(8) {
        0 => shown.join(", "),
        rest => format!("{} and {} more", shown.join(", "), count(rest)),
    }
}

/// The n × p matrix of the terms, row by row in memory.
pub(super) fn matrix(terms: &[Compiled<'_>], n: usize) -> Array2<f64> {
    let p = terms.len();
    let mut x = Array2::zeros((n, p));
    if let Some(cells) = x.as_slice_mut().filter(|cells| !cells.is_empty()) {
        cells.par_chunks_mut(BLOCK * p).enumerate().for_each(|(block, cells)| {
            for (j, term) in terms.iter().enumerate() {
                let column = cells.iter_mut().skip(j).step_by(p);
                for (i, cell) in column.enumerate() {
                    *cell = term.at(block * BLOCK + i);
                }
            }
        });
    }
    x
}
