//! `fit.json`: an experiment without its rows. With the cells beside it, effects in new segments and contrasts come from it.

use causal::experiment::saved::SavedFit;
use serde::{Deserialize, Serialize};

/// The version of the file.
pub const FIT_VERSION: u32 = 1;

/// The fits of an experiment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FitDocument {
    /// [`FIT_VERSION`].
    pub fit_version: u32,
    /// Title of the plan.
    pub title: String,
    /// SHA-256 of the plan.
    pub plan_sha256: String,
    /// SHA-256 of the data.
    pub data_sha256: String,
    /// 1 − confidence.
    pub alpha: f64,
    /// Names of the arms, the control first.
    pub arms: Vec<String>,
    /// The covariate terms.
    pub terms: Vec<String>,
    /// The columns that the terms come from.
    pub term_sources: Vec<String>,
    /// True if every term has a slope for each arm.
    pub interacted: bool,
    /// One for each set of metrics with values in the same rows.
    pub models: Vec<FittedMetrics>,
    /// The file of the cells, beside this one.
    pub cells: String,
    /// The discrete columns of the cells.
    pub cell_columns: Vec<String>,
    /// Cells that were left out because they are too small, and their rows.
    pub cells_left_out: usize,
    /// Rows in those.
    pub rows_left_out: usize,
    /// Cells of fewer rows were left out; 0 for none.
    pub least: usize,
    /// Segments of fewer rows are not shown, as the plan has it.
    pub min_cell: usize,
    /// Metrics that are in no fit, and why.
    pub refused: Vec<(String, String)>,
    /// What this is and what it is not, in sentences.
    pub explain: Vec<String>,
}

/// Metrics with values in the same rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FittedMetrics {
    /// Their names, in the order of the fit.
    pub metrics: Vec<String>,
    /// Means of the terms over the rows of the fit.
    pub term_means: Vec<f64>,
    /// Degrees of freedom of the average effects, for each metric and arm; the smallest serves new contrasts.
    pub df: f64,
    /// Column of the cells with the number of rows; sums of terms are in `<this>:<term>`.
    pub rows_column: String,
    /// The fit.
    pub fit: SavedFit,
}
