//! The right answers of a dataset, for the scorer alone.

use super::Response;
use crate::AcicError;
use crate::csv_table::{Column, CsvTable};
use crate::observed::Key;
use crate::settings::Split;
use crate::text::shortened;
use causal::arm::Arm;
use std::collections::BTreeMap;
use std::path::Path;

/// The right answers of one dataset, outcome units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Truth {
    /// Mean of y1 − y0 over the treated: the sample average effect on the treated, which the competition asked for.
    pub satt: f64,
    /// Mean of mu1 − mu0 over everyone.
    pub ate_mu: f64,
    /// Standard deviation of the observed outcome, divisor n − 1: the unit of the published table.
    pub sd_y: f64,
    /// The part of the pack, if the data say so.
    pub split: Option<Split>,
}

impl Truth {
    /// The truth of a response that is complete.
    #[must_use]
    pub fn from_response(response: &Response) -> Truth {
        let effects = response.y1.iter().zip(&response.y0).map(|(y1, y0)| y1 - y0);
        let treated =
            effects.zip(&response.z).filter(|(_, z)| Arm::decode(**z) == Some(Arm::Treated)).map(|(effect, _)| effect);
        let means = response.mu1.iter().zip(&response.mu0).map(|(mu1, mu0)| mu1 - mu0);
        Truth { satt: mean(treated), ate_mu: mean(means), sd_y: sd(&response.observed().y), split: None }
    }
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut n) = (0.0, 0.0);
    for value in values {
        sum += value;
        n += 1.0;
    }
    sum / n
}

fn sd(values: &[f64]) -> f64 {
    let centre = mean(values.iter().copied());
    let squares: f64 = values.iter().map(|value| (value - centre).powi(2)).sum();
    (squares / (values.len() as f64 - 1.0)).sqrt()
}

/// The truth of every dataset of the bundled pack: `truth.csv`.
///
/// # Errors
/// A file that cannot be read, was cut off or lacks a column; a cell that is no answer, no unit or no part of the pack;
/// a dataset that comes twice: each with its row and column.
pub fn read_pack(dir: &Path) -> Result<BTreeMap<Key, Truth>, AcicError> {
    let table = CsvTable::read(&dir.join(FILE))?;
    let [setting, response, satt, ate_mu, sd_y, split] =
        ["setting", "response_id", "satt", "ate_mu", "sd_y", "split"].map(|name| table.column(name));
    let (setting, response, satt, ate_mu, sd_y, split) = (setting?, response?, satt?, ate_mu?, sd_y?, split?);
    let mut truths = BTreeMap::new();
    for row in 0..table.rows() {
        let key = Key { setting: whole(&setting, row)?, response: whole(&response, row)? };
        let word = split.text(row)?;
        let part = Split::parse(word)
            .ok_or_else(|| split.wrong(row, &format!("`{}` is neither choose nor report", shortened(word))))?;
        let unit = sd_y.number(row)?;
        if unit <= 0.0 {
            return Err(sd_y.wrong(row, &format!("{unit} is no standard deviation to divide by")));
        }
        let truth = Truth { satt: satt.number(row)?, ate_mu: ate_mu.number(row)?, sd_y: unit, split: Some(part) };
        if truths.insert(key, truth).is_some() {
            return Err(response.wrong(row, &format!("dataset {key} has a row further up; keep one of the two")));
        }
    }
    Ok(truths)
}

/// The file with the right answers of the pack.
pub const FILE: &str = "truth.csv";

/// A cell that numbers something.
fn whole<T: std::str::FromStr>(column: &Column<'_>, row: usize) -> Result<T, AcicError> {
    let text = column.text(row)?;
    text.parse().map_err(|_| column.wrong(row, &format!("`{}` is not a whole number", shortened(text))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let text = "z,y0,y1,mu0,mu1\n1,1,4,1.5,3.5\n1,0,1,0,2\n0,2,9,2,8\n";
        let truth = Truth::from_response(&Response::parse(text).expect("a good file"));
        assert_eq!((truth.satt, truth.ate_mu), (2.0, 10.0 / 3.0));
        // Observed: 4, 1, 2; mean 7/3; squares (25 + 16 + 1)/9 over 2.
        assert!((truth.sd_y - (42.0_f64 / 18.0).sqrt()).abs() < 1e-15);
    }
}
