//! What the analysis is given of a dataset: who was treated, and the outcome that followed. Nothing else.

use crate::text::sha256::Running;
use std::fmt;

/// Which dataset: a setting of the simulation and one response of it.
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

impl Observed {
    /// What stands between these numbers and an analysis of `units` rows, if anything.
    #[must_use]
    pub fn problem(&self, units: usize) -> Option<String> {
        let treated = self.z.iter().filter(|z| **z == 1.0).count();
        if self.z.len() != units || self.y.len() != units {
            return Some(format!("has {} rows, and the covariates have {units}", self.z.len().max(self.y.len())));
        }
        if let Some(row) = self.z.iter().position(|z| *z != 0.0 && *z != 1.0) {
            let value = self.z.get(row).copied().unwrap_or(f64::NAN);
            return Some(format!("row {}: z is {value}, and it must be 0 or 1", row + 1));
        }
        if let Some(row) = self.y.iter().position(|y| !y.is_finite()) {
            return Some(format!("row {}: the outcome is not a finite number", row + 1));
        }
        match treated {
            0 => Some("has one arm only: nobody is treated".to_owned()),
            n if n == units => Some("has one arm only: everybody is treated".to_owned()),
            _ => None,
        }
    }

    /// SHA-256 of the numbers, in lower-case hexadecimal: two datasets with the same one are the same.
    #[must_use]
    pub fn sha256(&self) -> String {
        let mut hash = Running::default();
        self.z.iter().chain(&self.y).for_each(|value| hash.update(&value.to_le_bytes()));
        hash.finish_hex()
    }
}
