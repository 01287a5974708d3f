//! The only data that the numerics ever see.
//!
//! [`Covariates`] is what a design may look at: no outcome in it. [`Sample`] adds the outcome.

use crate::arm::Arm;
use ndarray::{Array1, Array2, Axis};

/// A fault of the arrays handed in.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SampleError {
    /// Shapes differ.
    #[error("{what} has {got} rows, expected {expected}")]
    Length {
        /// The offending array.
        what: &'static str,
        /// Its length.
        got: usize,
        /// The number of rows of the covariates.
        expected: usize,
    },
    /// A value that is not a finite number.
    #[error("`{name}` has the value {value} in row {row} (counting from 1); every value must be a finite number")]
    NotFinite {
        /// Column name.
        name: String,
        /// 1-based row among the analysed rows.
        row: usize,
        /// The value.
        value: f64,
    },
    /// Treatment other than 0 or 1.
    #[error("treatment has the value {value} in row {row} (counting from 1); it must be 0 or 1")]
    Treatment {
        /// 1-based row.
        row: usize,
        /// The value.
        value: f64,
    },
    /// An arm without units.
    #[error("the {arm} arm has no units")]
    EmptyArm {
        /// The arm.
        arm: Arm,
    },
    /// A column that is not there.
    #[error("column {column} (counting from 0) was said to have filled cells, and there are {columns} columns")]
    NoColumn {
        /// 0-based.
        column: usize,
        /// Columns.
        columns: usize,
    },
    /// A negative observation weight.
    #[error("the observation weight in row {row} (counting from 1) is {value}; weights must be zero or positive")]
    NegativeWeight {
        /// 1-based row.
        row: usize,
        /// The value.
        value: f64,
    },
}

/// Covariates, treatment and observation weights of n units: everything a design may see.
#[derive(Debug, Clone, PartialEq)]
pub struct Covariates {
    x: Array2<f64>,
    names: Vec<String>,
    treatment: Vec<Arm>,
    /// The same as zeros and ones, kept for the regressions.
    treated: Array1<f64>,
    weights: Option<Array1<f64>>,
    clusters: Option<Array1<usize>>,
    imputed: Vec<Imputed>,
}

/// A column with cells that were missing and have been filled.
#[derive(Debug, Clone, PartialEq)]
pub struct Imputed {
    /// The column, 0-based.
    pub column: usize,
    /// True for each of the n rows whose cell was filled.
    pub filled: Array1<bool>,
}

impl Covariates {
    /// Checks and takes the arrays. `x` is n × p without an intercept, `treated` is n zeros and ones,
    /// `weights` n non-negative observation weights (`None`: every unit counts once).
    ///
    /// # Errors
    /// Unequal lengths, values that are not finite, treatment other than 0/1, an empty arm, negative weights.
    pub fn new(
        x: Array2<f64>,
        names: Vec<String>,
        treated: Array1<f64>,
        weights: Option<Array1<f64>>,
    ) -> Result<Self, SampleError> {
        check_columns(&x, &names, treated.len())?;
        let decode = |(row, value): (usize, &f64)| {
            Arm::decode(*value).ok_or(SampleError::Treatment { row: row + 1, value: *value })
        };
        let treatment = treated.iter().enumerate().map(decode).collect::<Result<Vec<Arm>, _>>()?;
        Self::from_finite(x, names, treatment, weights)
    }

    /// As [`Covariates::new`], with the arm of each unit.
    ///
    /// # Errors
    /// As [`Covariates::new`].
    pub fn from_arms(
        x: Array2<f64>,
        names: Vec<String>,
        treatment: Vec<Arm>,
        weights: Option<Array1<f64>>,
    ) -> Result<Self, SampleError> {
        check_columns(&x, &names, treatment.len())?;
        Self::from_finite(x, names, treatment, weights)
    }

    /// The rest of the checks, for columns that [`check_columns`] has seen.
    fn from_finite(
        x: Array2<f64>,
        names: Vec<String>,
        treatment: Vec<Arm>,
        weights: Option<Array1<f64>>,
    ) -> Result<Self, SampleError> {
        if let Some(w) = &weights {
            check_weights(w, x.nrows())?;
        }
        // A row of weight zero is not in the sample, so it does not fill an arm.
        let counts = |i: usize| weights.as_ref().is_none_or(|w| w[i] > 0.0);
        let empty = |arm: &Arm| !treatment.iter().enumerate().any(|(i, t)| t == arm && counts(i));
        if let Some(arm) = [Arm::Treated, Arm::Control].into_iter().find(empty) {
            return Err(SampleError::EmptyArm { arm });
        }
        let treated = treatment.iter().map(|arm| arm.encode()).collect();
        Ok(Self { x, names, treatment, treated, weights, clusters: None, imputed: Vec::new() })
    }

    /// The same units in clusters: n labels, equal for units that share their luck. Folds keep clusters together, and
    /// standard errors are robust to them.
    ///
    /// # Errors
    /// [`SampleError::Length`] for another number of labels than units.
    pub fn with_clusters(self, clusters: Array1<usize>) -> Result<Self, SampleError> {
        if clusters.len() != self.n() {
            return Err(SampleError::Length { what: "the cluster column", got: clusters.len(), expected: self.n() });
        }
        Ok(Self { clusters: Some(clusters), ..self })
    }

    /// The same values, with a record of which were filled in because they were missing. Cross-fitting fills those cells
    /// again in each fold, with the mean of the column over the units that the fold's models are fitted to.
    ///
    /// # Errors
    /// [`SampleError::Length`] for another number of cells than units, [`SampleError::NoColumn`] for a column that is not
    /// there.
    pub fn with_imputed(self, imputed: Vec<Imputed>) -> Result<Self, SampleError> {
        for part in &imputed {
            if part.column >= self.p() {
                return Err(SampleError::NoColumn { column: part.column, columns: self.p() });
            }
            if part.filled.len() != self.n() {
                let what = "a column of filled cells";
                return Err(SampleError::Length { what, got: part.filled.len(), expected: self.n() });
            }
        }
        Ok(Self { imputed, ..self })
    }

    /// Columns with cells that were filled in.
    #[must_use]
    pub fn imputed(&self) -> &[Imputed] {
        &self.imputed
    }

    /// The cluster of each unit; `None` means that units are independent.
    #[must_use]
    pub fn clusters(&self) -> Option<&Array1<usize>> {
        self.clusters.as_ref()
    }

    /// n × p covariate matrix, no intercept.
    #[must_use]
    pub fn x(&self) -> &Array2<f64> {
        &self.x
    }

    /// The p term names, in column order.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The arm of each of the n units.
    #[must_use]
    pub fn treatment(&self) -> &[Arm] {
        &self.treatment
    }

    /// The arm of each unit as a regressor: n zeros and ones.
    #[must_use]
    pub fn treated(&self) -> &Array1<f64> {
        &self.treated
    }

    /// Observation weights; `None` means that every unit counts once.
    #[must_use]
    pub fn weights(&self) -> Option<&Array1<f64>> {
        self.weights.as_ref()
    }

    /// Observation weights, ones where there are none.
    #[must_use]
    pub fn weights_or_ones(&self) -> Array1<f64> {
        self.weights.clone().unwrap_or_else(|| Array1::ones(self.n()))
    }

    /// Number of units.
    #[must_use]
    pub fn n(&self) -> usize {
        self.x.nrows()
    }

    /// Number of covariate columns.
    #[must_use]
    pub fn p(&self) -> usize {
        self.x.ncols()
    }

    /// Number of treated units.
    #[must_use]
    pub fn n_treated(&self) -> usize {
        self.treatment.iter().filter(|t| t.is_treated()).count()
    }

    /// Number of control units.
    #[must_use]
    pub fn n_control(&self) -> usize {
        self.n() - self.n_treated()
    }

    /// The given rows, in the given order.
    ///
    /// # Errors
    /// [`SampleError::EmptyArm`] if one arm has no unit left.
    pub fn rows(&self, rows: &[usize]) -> Result<Self, SampleError> {
        // Checked again: rows taken away can leave an arm empty.
        let kept = Self::from_arms(
            self.x.select(Axis(0), rows),
            self.names.clone(),
            rows.iter().map(|row| self.treatment[*row]).collect(),
            self.weights.as_ref().map(|w| w.select(Axis(0), rows)),
        )?;
        let imputed_rows = |part: &Imputed| Imputed { column: part.column, filled: part.filled.select(Axis(0), rows) };
        let imputed = self.imputed.iter().map(imputed_rows).collect();
        Ok(Self { clusters: self.clusters.as_ref().map(|c| c.select(Axis(0), rows)), imputed, ..kept })
    }
}

/// Shapes and finite values, before treatment is looked at.
fn check_columns(x: &Array2<f64>, names: &[String], treatment: usize) -> Result<(), SampleError> {
    if names.len() != x.ncols() {
        let what = "the list of covariate names";
        return Err(SampleError::Length { what, got: names.len(), expected: x.ncols() });
    }
    if treatment != x.nrows() {
        return Err(SampleError::Length { what: "treatment", got: treatment, expected: x.nrows() });
    }
    // Row by row, so that the first bad cell in reading order is the one that is named.
    for (row, values) in x.axis_iter(Axis(0)).enumerate() {
        if let Some((j, value)) = values.iter().enumerate().find(|(_, v)| !v.is_finite()) {
            let name = names.get(j).cloned().unwrap_or_default();
            return Err(SampleError::NotFinite { name, row: row + 1, value: *value });
        }
    }
    Ok(())
}

fn check_weights(w: &Array1<f64>, n: usize) -> Result<(), SampleError> {
    if w.len() != n {
        return Err(SampleError::Length { what: "the weight column", got: w.len(), expected: n });
    }
    match w.iter().enumerate().find(|(_, v)| !v.is_finite() || **v < 0.0) {
        None => Ok(()),
        Some((row, value)) if value.is_finite() => Err(SampleError::NegativeWeight { row: row + 1, value: *value }),
        Some((row, value)) => Err(SampleError::NotFinite { name: "weights".into(), row: row + 1, value: *value }),
    }
}

/// Covariates and the outcome: what an estimator sees.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    covariates: Covariates,
    y: Array1<f64>,
}

impl Sample {
    /// Adds the outcome `y`, n finite values.
    ///
    /// # Errors
    /// A wrong length or a value that is not finite.
    pub fn new(covariates: Covariates, y: Array1<f64>) -> Result<Self, SampleError> {
        if y.len() != covariates.n() {
            return Err(SampleError::Length { what: "the outcome", got: y.len(), expected: covariates.n() });
        }
        if let Some((row, value)) = y.iter().enumerate().find(|(_, v)| !v.is_finite()) {
            return Err(SampleError::NotFinite { name: "outcome".into(), row: row + 1, value: *value });
        }
        Ok(Self { covariates, y })
    }

    /// The part that a design may see.
    #[must_use]
    pub fn covariates(&self) -> &Covariates {
        &self.covariates
    }

    /// The n outcomes.
    #[must_use]
    pub fn y(&self) -> &Array1<f64> {
        &self.y
    }

    /// The given rows, in the given order.
    ///
    /// # Errors
    /// [`SampleError::EmptyArm`] if one arm has no unit left.
    pub fn rows(&self, rows: &[usize]) -> Result<Self, SampleError> {
        Self::new(self.covariates.rows(rows)?, self.y.select(Axis(0), rows))
    }
}
