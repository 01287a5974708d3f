//! The value of one expression in every row of a table, as metrics and segments need it.

use super::bind::{Binder, NO_FAULTS, Sources};
use super::values::{Faults, Source};
use super::{compute, faulty};
use crate::dataset::Table;
use crate::dataset::column::{Column, Data};
use crate::dataset::error::DatasetProblem;
use crate::expression::Written;
use crate::schema::ColumnKind;

/// The rows of a table that an expression is computed for.
pub(in crate::dataset) struct Rows<'a> {
    pub(in crate::dataset) table: &'a Table,
    /// The key of the plan that holds the expression.
    pub(in crate::dataset) path: &'a str,
    /// The rows in which it must have a result, in order; the others may fail.
    pub(in crate::dataset) needed: Option<&'a [usize]>,
    /// How to leave a row without a result out.
    pub(in crate::dataset) way_out: &'a str,
}

impl Rows<'_> {
    fn sources(&self) -> Sources<'_> {
        let columns = self.table.columns.iter();
        columns.map(|column| (column.name.as_str(), Source { column, faults: &NO_FAULTS })).collect()
    }

    fn fault(&self, written: &Written, faults: &Faults) -> Result<(), DatasetProblem> {
        match faulty(self.path, written, faults, self.needed) {
            None => Ok(()),
            Some(problem) => Err(DatasetProblem { hint: self.way_out.to_owned(), ..problem }),
        }
    }

    /// The column that an expression makes.
    pub(in crate::dataset) fn column(&self, written: &Written) -> Result<Column, DatasetProblem> {
        let sources = self.sources();
        let bound = Binder { sources: &sources, path: self.path, written }.bind()?;
        let made = compute(&written.text, self.table.rows, &bound);
        self.fault(written, &made.faults)?;
        Ok(made.column)
    }

    /// Whether a condition holds in each row; `None` where it has no value.
    pub(in crate::dataset) fn condition(&self, written: &Written) -> Result<Vec<Option<bool>>, DatasetProblem> {
        let sources = self.sources();
        let flag = Binder { sources: &sources, path: self.path, written }.condition()?;
        let made = compute(&written.text, self.table.rows, &super::Bound::Flag(flag));
        self.fault(written, &made.faults)?;
        Ok(match (&made.column.data, made.column.kind) {
            (Data::Numbers(values), ColumnKind::Boolean) => {
                values.iter().map(|value| (!value.is_nan()).then_some(*value != 0.0)).collect()
            }
            _ => vec![None; self.table.rows],
        })
    }
}
