//! An experiment compressed once: fits and cells, from which new contrasts, segments and subsets of metrics come without the rows.

use super::effects::{DETERMINED, Fitted, Subject, effect_row, itt_model, with_covariates};
use super::metric_rows::{MetricGroup, MetricGroups, MetricRows, metric_groups};
use super::modelling::Experiment;
use crate::dataset::metrics::CellTable;
use crate::dataset::metrics::{Cells, MetricColumn, MetricValues};
use crate::dataset::{DatasetError, DatasetProblem};
use crate::expression::Written;
use crate::plan::experiment::{Adjustment, EffectRequest};
use crate::record::experiment::EffectRow;
use crate::record::experiment_fit::{FIT_VERSION, FitDocument, FittedMetrics};
use causal::experiment::linear_model::Estimated;
use causal::experiment::relative::Ratio;
use causal::experiment::{ExperimentError, Fit};

/// The file of the cells.
pub const CELLS: &str = "cells.parquet";
/// The file of the fits.
pub const FIT: &str = "fit.json";

/// The fits of an experiment, and the bytes of its cells. Cells of fewer than `least` rows are left out.
///
/// # Errors
/// The cells cannot be written.
pub fn compress(experiment: &Experiment, cells: &Cells, least: usize) -> Result<(FitDocument, Vec<u8>), DatasetError> {
    let is_mean = |column: &MetricColumn| matches!(column.values, MetricValues::Mean(_));
    let MetricGroups { groups, refused: failed, .. } = metric_groups(experiment, is_mean);
    let mut refused = experiment.refused_metrics();
    refused.extend(failed.iter().map(|(column, error)| (column.name.clone(), error.to_string())));
    let others = experiment.table.metrics.iter().filter(|column| !is_mean(column));
    let reason = "ratios and quantiles of a segment need the rows of the segment; `oci-agent run` gives them";
    refused.extend(others.map(|column| (column.name.clone(), reason.to_owned())));
    let mut sizes = vec![0_usize; cells.count];
    cells.of_row.iter().for_each(|cell| sizes[*cell as usize] += 1);
    let kept: Vec<bool> = sizes.iter().map(|size| *size >= least).collect();
    let (mut models, mut sums) = (Vec::new(), Vec::new());
    for MetricGroup { rows, columns, values } in groups {
        let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
        let rows_column = format!("rows:{}", models.len());
        match fitted(experiment, rows, values) {
            // One saved fit answers for all of its metrics.
            Ok((fitted, _)) if (0..names.len()).any(|metric| fitted.determines(metric)) => {
                refused.extend(names.into_iter().map(|name| (name, DETERMINED.to_owned())));
            }
            Ok((fitted, df)) => {
                sums.extend(cell_sums(experiment, cells, &fitted.rows, &rows_column));
                let term_means = fitted.rows.term_means(None);
                models.push(FittedMetrics { metrics: names, term_means, df, rows_column, fit: fitted.fit.save() });
            }
            Err(error) => refused.extend(names.into_iter().map(|name| (name, error.to_string()))),
        }
    }
    let left_out: Vec<usize> = sizes.iter().zip(&kept).filter(|(_, kept)| !**kept).map(|(size, _)| *size).collect();
    let bytes = cells.parquet(&sums, &kept)?;
    let document = FitDocument {
        fit_version: FIT_VERSION,
        title: experiment.plan.title.clone(),
        plan_sha256: experiment.plan_sha256.clone(),
        data_sha256: experiment.table.sha256.clone(),
        alpha: experiment.alpha(),
        arms: experiment.table.arms.clone(),
        terms: used_terms(experiment),
        term_sources: if used_terms(experiment).is_empty() {
            Vec::new()
        } else {
            experiment.table.term_sources.clone()
        },
        interacted: experiment.adjustment() == Adjustment::Lin,
        models,
        cells: CELLS.to_owned(),
        cell_columns: cells.columns.iter().map(|column| column.0.clone()).collect(),
        cells_left_out: left_out.len(),
        rows_left_out: left_out.iter().sum(),
        least,
        min_cell: experiment.plan.min_cell,
        refused,
        explain: explain(experiment, cells, &left_out),
    };
    Ok((document, bytes))
}

fn used_terms(experiment: &Experiment) -> Vec<String> {
    if experiment.adjustment() == Adjustment::None { Vec::new() } else { experiment.table.terms.clone() }
}

fn explain(experiment: &Experiment, cells: &Cells, left_out: &[usize]) -> Vec<String> {
    let mut explain = vec![format!(
        "{} rows became {} cells; effects of assignment come from them with the same digits as from the rows.",
        experiment.n(),
        cells.count
    )];
    if !cells.left_out.is_empty() {
        explain.push(format!(
            "{} have too many values to make cells: segments cannot be conditions on them.",
            crate::text::lists::listed(&cells.left_out.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>())
        ));
    }
    if !left_out.is_empty() {
        explain.push(format!(
            "{} cells with {} rows were left out as too small; segments are without them, the average effects are not.",
            left_out.len(),
            left_out.iter().sum::<usize>()
        ));
    }
    explain
}

fn fitted(experiment: &Experiment, rows: Vec<usize>, values: Vec<Vec<f64>>) -> Result<(Fitted, f64), ExperimentError> {
    let rows = with_covariates(experiment, MetricRows::of(experiment, rows)).with_metrics(values);
    let model = itt_model(experiment, rows.p(), true);
    let fitted = Fitted::new(rows, model)?;
    let contrasts: Vec<_> = (1..experiment.table.arms.len()).map(|arm| fitted.fit.average_effect(arm)).collect();
    let df = fitted.estimates(&contrasts, 0)?.iter().map(|found| found.df).fold(f64::INFINITY, f64::min);
    Ok((fitted, df))
}

/// Rows and sums of terms in each cell.
fn cell_sums(experiment: &Experiment, cells: &Cells, rows: &MetricRows, name: &str) -> Vec<(String, Vec<f64>)> {
    let p = rows.p();
    let mut sums = vec![vec![0.0; cells.count]; p + 1];
    let cell_of = |row: &usize| cells.of_row[*row] as usize;
    rows.rows.iter().for_each(|row| sums[0][cell_of(row)] += 1.0);
    for (j, sums) in sums.iter_mut().skip(1).enumerate() {
        rows.rows.iter().zip(rows.term(j)).for_each(|(row, value)| sums[cell_of(row)] += value);
    }
    let terms = experiment.table.terms.iter().take(p).map(|term| format!("{name}:{term}"));
    std::iter::once(name.to_owned()).chain(terms).zip(sums).collect()
}

/// Why a saved fit does not answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The file is of another version.
    #[error(
        "the fit has version {found}, and this program reads {FIT_VERSION}: make it again with `oci-agent experiment fit`"
    )]
    Version {
        /// Its version.
        found: u32,
    },
    /// The fit does not hang together.
    #[error("the fit cannot be used: {0}")]
    Fit(#[from] ExperimentError),
    /// The segment does not fit the cells.
    #[error("{0}; {hint}", hint = .0.hint)]
    Segment(DatasetProblem),
    /// A segment by a column that the cells do not have.
    #[error(
        "`{column}` is not in the cells, which have {there}: fit again with --by {column}, grouped with `derive:` if it has many values"
    )]
    NotInCells {
        /// The column.
        column: String,
        /// The columns of the cells.
        there: String,
    },
    /// A segment by columns that the model does not let the effect depend on.
    #[error(
        "the effect was not modelled by `{column}`, so it cannot differ by it here: add `{column}` to `covariates` (with `adjust: lin`), or name the segment in the plan and run it"
    )]
    NotModelled {
        /// The column.
        column: String,
    },
    /// Nobody is in it.
    #[error("fewer than {least} rows are in `{segment}`")]
    TooSmall {
        /// The segment.
        segment: String,
        /// The fewest rows.
        least: usize,
    },
    /// No such metric or arm.
    #[error("the fit has no {kind} `{name}`; it has {there}")]
    Unknown {
        /// `metric` or `arm`.
        kind: &'static str,
        /// As asked.
        name: String,
        /// Those there are.
        there: String,
    },
}

/// The fewest rows of a segment.
const FEWEST_ROWS: f64 = 20.0;

/// The question to a saved fit: metrics and arms by name, empty for all; a segment, or everyone.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// Metrics.
    pub metrics: Vec<String>,
    /// Arms.
    pub arms: Vec<String>,
    /// Segment.
    pub segment: Option<Written>,
}

/// Effects from a saved fit.
///
/// # Errors
/// [`QueryError`].
pub fn effects(document: &FitDocument, cells: &CellTable, query: &Query) -> Result<Vec<EffectRow>, QueryError> {
    if document.fit_version != FIT_VERSION {
        return Err(QueryError::Version { found: document.fit_version });
    }
    let metrics: Vec<&String> = document.models.iter().flat_map(|model| &model.metrics).collect();
    known("metric", &query.metrics, &metrics)?;
    known("arm", &query.arms, &document.arms.iter().skip(1).collect::<Vec<_>>())?;
    if let Some(segment) = &query.segment {
        answerable(document, segment)?;
    }
    let mut rows = Vec::new();
    for model in &document.models {
        rows.extend(of_model(document, model, cells, query)?);
    }
    Ok(rows)
}

/// Refuses a segment by columns that are not in the cells, or that the effect was not modelled by. A name that is neither may be a
/// level without its quotes.
fn answerable(document: &FitDocument, segment: &Written) -> Result<(), QueryError> {
    let holds = |list: &[String], name: &str| list.iter().any(|found| found == name);
    let names = segment.columns();
    let in_cells: Vec<&&str> = names.iter().filter(|name| holds(&document.cell_columns, name)).collect();
    let lost = names.iter().find(|name| holds(&document.term_sources, name) && !holds(&document.cell_columns, name));
    let lost = lost.or_else(|| names.first().filter(|_| in_cells.is_empty()));
    if let Some(column) = lost {
        let there: Vec<String> = document.cell_columns.iter().map(|name| format!("`{name}`")).collect();
        return Err(QueryError::NotInCells { column: (*column).to_owned(), there: crate::text::lists::listed(&there) });
    }
    let modelled = |name: &str| document.interacted && holds(&document.term_sources, name);
    match in_cells.into_iter().find(|name| !modelled(name)) {
        Some(column) => Err(QueryError::NotModelled { column: (*column).to_owned() }),
        None => Ok(()),
    }
}

fn known(kind: &'static str, asked: &[String], there: &[&String]) -> Result<(), QueryError> {
    match asked.iter().find(|name| !there.contains(name)) {
        None => Ok(()),
        Some(name) => {
            let there: Vec<String> = there.iter().map(|name| format!("`{name}`")).collect();
            Err(QueryError::Unknown { kind, name: name.clone(), there: crate::text::lists::listed(&there) })
        }
    }
}

fn of_model(
    document: &FitDocument,
    model: &FittedMetrics,
    cells: &CellTable,
    query: &Query,
) -> Result<Vec<EffectRow>, QueryError> {
    let fit = Fit::restore(&model.fit)?;
    let (n, means) = match &query.segment {
        None => (fit.n, model.term_means.clone()),
        Some(segment) => {
            let terms = document.terms.iter().map(|term| format!("{}:{term}", model.rows_column));
            let columns: Vec<String> = std::iter::once(model.rows_column.clone()).chain(terms).collect();
            let sums = cells.sums(segment, &columns).map_err(QueryError::Segment)?;
            let least = FEWEST_ROWS.max(document.least.max(document.min_cell) as f64);
            if sums[0] < least {
                return Err(QueryError::TooSmall { segment: segment.text.clone(), least: least as usize });
            }
            (sums[0] as usize, sums.iter().skip(1).map(|sum| sum / sums[0]).collect())
        }
    };
    let baseline = fit.baseline_at(&means)?;
    let mut rows = Vec::new();
    let wanted = |list: &[String], name: &String| list.is_empty() || list.contains(name);
    for (at, metric) in model.metrics.iter().enumerate().filter(|(_, name)| wanted(&query.metrics, name)) {
        for (arm, name) in document.arms.iter().enumerate().skip(1).filter(|(_, name)| wanted(&query.arms, name)) {
            let contrast = fit.effect_at(arm, &means)?;
            let found = Estimated { df: model.df, ..fit.estimate(&contrast, at) };
            let ratio = Ratio::new(&fit, &contrast, &baseline, at).map(|ratio| Ratio { df: model.df, ..ratio });
            let subject = Subject {
                metric: metric.clone(),
                arm: name.clone(),
                request: EffectRequest::Itt,
                segment: query.segment.as_ref().map(|segment| segment.text.clone()),
                n,
            };
            let row = effect_row(document.alpha, subject, &found, ratio)?;
            rows.push(EffectRow { exploratory: query.segment.is_some(), ..row });
        }
    }
    Ok(rows)
}

/// Adds adjusted p-values over families of rows.
pub fn adjust(rows: &mut [EffectRow], family: impl Fn(&EffectRow) -> String) {
    super::effects::adjust_p_values(rows, family);
}
