//! A fit as plain data, from which any contrast can be estimated later without the rows.

use crate::experiment::cells::{Column, Standard};
use crate::experiment::linear_model::Fit;
use crate::experiment::rows::ExperimentError;
use crate::experiment::variance::VarianceKind;
use ndarray::Array2;
use serde::{Deserialize, Serialize};

/// A fit with k coefficients of m metrics on p terms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SavedFit {
    /// Rows.
    pub n: usize,
    /// Clusters.
    pub clusters: Option<usize>,
    /// The variance.
    pub variance: VarianceKind,
    /// The columns of the design, k of them.
    pub columns: Vec<SavedColumn>,
    /// Means of the terms, p.
    pub centre: Vec<f64>,
    /// 1 / standard deviation of the terms, p; 0 for a constant.
    pub inverse_scale: Vec<f64>,
    /// Means of the metrics, m.
    pub metric_means: Vec<f64>,
    /// Coefficients on the standardised terms, row by row: k × m.
    pub coefficients: Vec<f64>,
    /// Pairs of metrics with a covariance.
    pub pairs: Vec<[usize; 2]>,
    /// For each pair, the k × k covariance, row by row.
    pub covariances: Vec<Vec<f64>>,
    /// For each pair, Σwu_a u_b.
    pub squares: Vec<f64>,
}

/// A column of the design.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedColumn {
    /// The arm or treatment, from 1; 0 for none.
    pub level: usize,
    /// The term, from 0; absent for none.
    pub term: Option<usize>,
}

impl From<Column> for SavedColumn {
    fn from(column: Column) -> Self {
        match column {
            Column::Intercept => SavedColumn { level: 0, term: None },
            Column::Level(level) => SavedColumn { level, term: None },
            Column::Term(term) => SavedColumn { level: 0, term: Some(term) },
            Column::LevelTerm(level, term) => SavedColumn { level, term: Some(term) },
        }
    }
}

impl From<SavedColumn> for Column {
    fn from(column: SavedColumn) -> Self {
        match (column.level, column.term) {
            (0, None) => Column::Intercept,
            (level, None) => Column::Level(level),
            (0, Some(term)) => Column::Term(term),
            (level, Some(term)) => Column::LevelTerm(level, term),
        }
    }
}

impl Fit {
    /// The fit as plain data.
    #[must_use]
    pub fn save(&self) -> SavedFit {
        SavedFit {
            n: self.n,
            clusters: self.clusters,
            variance: self.variance,
            columns: self.columns.iter().map(|column| SavedColumn::from(*column)).collect(),
            centre: self.standard.centre.clone(),
            inverse_scale: self.standard.inverse_scale.clone(),
            metric_means: self.standard.y_centre.clone(),
            coefficients: self.beta.iter().copied().collect(),
            pairs: self.pairs.clone(),
            covariances: self.covariances.iter().map(|matrix| matrix.iter().copied().collect()).collect(),
            squares: self.squares.clone(),
        }
    }

    /// A fit from plain data, which may come from a file.
    ///
    /// # Errors
    /// [`ExperimentError::Shape`] for parts of the wrong length, [`ExperimentError::NotFinite`] for numbers that are none.
    pub fn restore(saved: &SavedFit) -> Result<Fit, ExperimentError> {
        let (k, m, p) = (saved.columns.len(), saved.metric_means.len(), saved.centre.len());
        let lengths = [
            ("inverse_scale", saved.inverse_scale.len(), p),
            ("coefficients", saved.coefficients.len(), k * m),
            ("covariances", saved.covariances.len(), saved.pairs.len()),
            ("squares", saved.squares.len(), saved.pairs.len()),
        ];
        if let Some((what, found, expected)) = lengths.into_iter().find(|(_, found, expected)| found != expected) {
            return Err(ExperimentError::Shape { what, found, expected });
        }
        if let Some(matrix) = saved.covariances.iter().find(|matrix| matrix.len() != k * k) {
            return Err(ExperimentError::Shape { what: "a covariance", found: matrix.len(), expected: k * k });
        }
        let outside = saved.columns.iter().filter_map(|column| column.term).find(|term| *term >= p);
        let outside = outside.or(saved.pairs.iter().flatten().copied().find(|metric| *metric >= m));
        if let Some(found) = outside {
            return Err(ExperimentError::Shape { what: "an index", found, expected: p.max(m) });
        }
        if saved.n <= k {
            return Err(ExperimentError::TooFewRows { n: saved.n, k });
        }
        let numbers = [&saved.centre, &saved.inverse_scale, &saved.metric_means, &saved.coefficients];
        if numbers.into_iter().chain(&saved.covariances).flatten().any(|value| !value.is_finite()) {
            return Err(ExperimentError::NotFinite { row: 1, what: "saved number" });
        }
        let square = |values: &Vec<f64>| Array2::from_shape_fn((k, k), |(i, j)| values[i * k + j]);
        Ok(Fit {
            n: saved.n,
            clusters: saved.clusters,
            variance: saved.variance,
            dropped: Vec::new(),
            columns: saved.columns.iter().map(|column| Column::from(*column)).collect(),
            standard: Standard {
                centre: saved.centre.clone(),
                inverse_scale: saved.inverse_scale.clone(),
                y_centre: saved.metric_means.clone(),
            },
            beta: Array2::from_shape_fn((k, m), |(i, j)| saved.coefficients[i * m + j]),
            squares: saved.squares.clone(),
            pairs: saved.pairs.clone(),
            covariances: saved.covariances.iter().map(square).collect(),
        })
    }
}
