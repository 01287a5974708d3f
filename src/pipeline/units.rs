//! The units of an analysis as a table that other tools can join: who was kept, with which propensity and weight.
//!
//! One line for each row of the files. `weight_T` is the balancing weight of the estimand T times the observation weight, not
//! normalised: weighted means of covariates by arm under it are those of the balance table. There is no outcome in it.

use super::design::{self, Fitted};
use super::prepare::Prepared;
use super::results::Iteration;
use crate::dataset::{DatasetError, UnitColumn, units_parquet};
use crate::record::documents::Answer;
use crate::spec::{Analysis, AnalysisSpec};
use causal::arm::Arm;

/// The most rows of a table that is committed, about 1 MiB with three estimands; a larger one is written on request.
pub const MOST_COMMITTED_ROWS: usize = 20_000;

/// The table for the analyses that answer, in the order of the answers.
///
/// # Errors
/// As [`units_parquet`].
pub fn of_answers(prepared: &Prepared, tried: &[Iteration], answers: &[Answer]) -> Result<Vec<u8>, DatasetError> {
    let analyses = answers.iter().filter_map(|answer| {
        let run = tried.iter().find(|run| run.spec.iteration == answer.iteration)?;
        Some((&run.spec, run.analysis(answer.requested)?))
    });
    table(prepared, analyses)
}

/// The table of one analysis.
///
/// # Errors
/// As [`units_parquet`].
pub fn of_analysis(prepared: &Prepared, spec: &AnalysisSpec, analysis: &Analysis) -> Result<Vec<u8>, DatasetError> {
    table(prepared, std::iter::once((spec, analysis)))
}

fn table<'a>(
    prepared: &Prepared,
    analyses: impl Iterator<Item = (&'a AnalysisSpec, &'a Analysis)>,
) -> Result<Vec<u8>, DatasetError> {
    let analysed = prepared.analysed();
    let places = analysed.places();
    let rows = prepared.counters().rows_read;
    let spread = Spread { places: &places, rows };
    let mut columns = vec![("row".to_owned(), UnitColumn::Rows((1..=rows as u64).collect()))];
    if let Some(ids) = analysed.unit_ids() {
        columns.push(("unit_id".to_owned(), spread.column(ids)));
    }
    let mut left_out: Vec<Option<String>> = vec![None; rows];
    for (place, why) in analysed.left_out() {
        if let Some(cell) = left_out.get_mut(place) {
            *cell = Some(why.key().to_owned());
        }
    }
    columns.push(("left_out".to_owned(), UnitColumn::Texts(left_out)));
    let arms = analysed.treatment().iter().map(|arm: &Arm| Some(arm.to_string())).collect();
    columns.push(("arm".to_owned(), spread.column(UnitColumn::Texts(arms))));
    for (spec, analysis) in analyses {
        // An analysis without a design has nobody in it.
        let Ok(fitted) = design::fit(prepared, spec, analysis) else { continue };
        columns.extend(of_target(prepared, analysis, &fitted, &spread));
    }
    units_parquet(columns)
}

fn of_target(
    prepared: &Prepared,
    analysis: &Analysis,
    fitted: &Fitted,
    spread: &Spread<'_>,
) -> [(String, UnitColumn); 3] {
    let n = spread.places.len();
    let mut kept = vec![false; spread.rows];
    let mut propensity = vec![None; n];
    let mut weight = vec![None; n];
    let own = prepared.analysed().weights();
    let values = fitted.kept.propensity.e().iter().zip(&fitted.weights);
    for (row, (e, w)) in fitted.kept.rows.iter().zip(values) {
        let observed = own.and_then(|own| own.get(*row)).copied().unwrap_or(1.0);
        let cells = (propensity.get_mut(*row), weight.get_mut(*row), spread.places.get(*row));
        let (Some(p), Some(balancing), Some(place)) = cells else { continue };
        (*p, *balancing) = (Some(*e), Some(w * observed));
        if let Some(cell) = kept.get_mut(*place) {
            *cell = true;
        }
    }
    let name = |what: &str| format!("{what}_{}", analysis.requested.key());
    [
        (name("kept"), UnitColumn::Flags(kept)),
        (name("propensity"), spread.column(UnitColumn::Numbers(propensity))),
        (name("weight"), spread.column(UnitColumn::Numbers(weight))),
    ]
}

/// From analysed rows to rows of the files.
struct Spread<'a> {
    places: &'a [usize],
    rows: usize,
}

impl Spread<'_> {
    fn column(&self, values: UnitColumn) -> UnitColumn {
        match values {
            UnitColumn::Whole(values) => UnitColumn::Whole(self.values(values)),
            UnitColumn::Numbers(values) => UnitColumn::Numbers(self.values(values)),
            UnitColumn::Texts(values) => UnitColumn::Texts(self.values(values)),
            other => other,
        }
    }

    fn values<T: Clone>(&self, values: Vec<Option<T>>) -> Vec<Option<T>> {
        let mut all = vec![None; self.rows];
        for (place, value) in self.places.iter().zip(values) {
            if let Some(cell) = all.get_mut(*place) {
                *cell = value;
            }
        }
        all
    }
}
