//! The part of a dataset that an analysis is given: who was treated, and the outcome that followed. Nothing else.

use causal::arm::Arm;
use sha2::{Digest, Sha256};
use std::fmt;

/// The name of a dataset: a setting of the simulation and one response of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Key {
    /// 1 to 77.
    pub setting: u16,
    /// The number in the official file name, `zymu_<response>.csv`.
    pub response: u64,
}

impl Key {
    /// The name of its file or folder: `001_336720328`, sorted as the datasets are.
    #[must_use]
    pub fn stem(self) -> String {
        format!("{:03}_{}", self.setting, self.response)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.setting, self.response)
    }
}

/// One dataset as an analyst sees it. The covariates are shared by all datasets, row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// n zeros and ones.
    pub z: Vec<f64>,
    /// n outcomes.
    pub y: Vec<f64>,
}

/// The reason why numbers cannot be analysed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ObservedProblem {
    /// Another number of rows than the covariates.
    #[error("has {rows} rows, and the covariates have {units}")]
    Rows {
        /// Rows.
        rows: usize,
        /// Rows of the covariates.
        units: usize,
    },
    /// A treatment that is neither 0 nor 1.
    #[error("row {row}: z is {value}, and it must be 0 or 1")]
    Treatment {
        /// The row, from 1.
        row: usize,
        /// The value.
        value: f64,
    },
    /// An outcome that is no number.
    #[error("row {row}: the outcome is not a finite number")]
    Outcome {
        /// The row, from 1.
        row: usize,
    },
    /// Nobody is treated.
    #[error("has one arm only: nobody is treated")]
    NobodyTreated,
    /// Everybody is treated.
    #[error("has one arm only: everybody is treated")]
    EverybodyTreated,
}

impl Observed {
    /// Holds the numbers against an analysis of `units` rows.
    ///
    /// # Errors
    /// The first [`ObservedProblem`].
    pub fn check(&self, units: usize) -> Result<(), ObservedProblem> {
        if self.z.len() != units || self.y.len() != units {
            return Err(ObservedProblem::Rows { rows: self.z.len().max(self.y.len()), units });
        }
        if let Some((row, value)) = self.z.iter().enumerate().find(|(_, z)| Arm::decode(**z).is_none()) {
            return Err(ObservedProblem::Treatment { row: row + 1, value: *value });
        }
        if let Some(row) = self.y.iter().position(|y| !y.is_finite()) {
            return Err(ObservedProblem::Outcome { row: row + 1 });
        }
        match self.z.iter().filter(|z| Arm::decode(**z) == Some(Arm::Treated)).count() {
            0 => Err(ObservedProblem::NobodyTreated),
            n if n == units => Err(ObservedProblem::EverybodyTreated),
            _ => Ok(()),
        }
    }

    /// SHA-256 of the numbers, in lower-case hexadecimal: two datasets with the same one are the same.
    #[must_use]
    pub fn sha256(&self) -> String {
        let mut digest = Sha256::new();
        self.z.iter().chain(&self.y).for_each(|value| digest.update(value.to_le_bytes()));
        crate::text::hex(&digest.finalize())
    }
}
