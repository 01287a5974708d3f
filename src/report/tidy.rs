//! Estimates and balance as CSV: one line for each estimate, one for each term, for a spreadsheet, pandas or R.
//!
//! Numbers have the digits of `results.json`, absent ones are empty. Columns are documented in `docs/runs.md`.

use crate::record::documents::{AnalysisDesign, Answer, EffectRow, ResultsDocument};
use crate::record::{ReportError, json};
use crate::text::untrusted::visible;

/// `estimates.csv`: every estimate of every spec that was tried.
///
/// # Errors
/// [`ReportError::Csv`], where the writer refuses.
pub fn estimates_csv(results: &ResultsDocument) -> Result<Vec<u8>, ReportError> {
    let header = [
        "answer",
        "verdict",
        "iteration",
        "requested",
        "estimand",
        "estimator",
        "learners",
        "scale",
        "estimate",
        "std_error",
        "conf_low",
        "conf_high",
        "mean_treated",
        "mean_control",
        "n",
        "n_treated",
        "ess_treated",
        "ess_control",
        "se_method",
        "inference",
        "units",
    ];
    let mut lines = vec![header.map(str::to_owned).to_vec()];
    for row in &results.effects {
        let answer = answer_of(results, row);
        let effect = &row.effect;
        lines.push(vec![
            answer.is_some().to_string(),
            answer.map_or(String::new(), |answer| answer.tier.key().to_owned()),
            row.iteration.to_string(),
            row.requested.key().to_owned(),
            row.name.clone(),
            effect.estimator.key().to_owned(),
            row.learners.clone(),
            word(&effect.scale)?,
            number(effect.estimate)?,
            number(effect.std_error)?,
            number(effect.ci_lower)?,
            number(effect.ci_upper)?,
            optional(effect.mean_treated)?,
            optional(effect.mean_control)?,
            effect.n.to_string(),
            effect.n_treated.to_string(),
            number(effect.ess_treated)?,
            number(effect.ess_control)?,
            word(&effect.se_method)?,
            word(&effect.inference)?,
            results.units.clone(),
        ]);
    }
    write(lines)
}

/// The answer that a row is; `None` for an estimate beside one.
fn answer_of<'a>(results: &'a ResultsDocument, row: &EffectRow) -> Option<&'a Answer> {
    let is_it = |answer: &&Answer| {
        row.primary && answer.requested == row.requested && answer.iteration == row.iteration && answer.effect.is_some()
    };
    results.answers.iter().find(is_it)
}

/// A design that answers, with its iteration.
#[derive(Debug, Clone, Copy)]
pub struct AnsweringDesign<'a> {
    /// The iteration.
    pub iteration: u32,
    /// The design.
    pub design: &'a AnalysisDesign,
}

/// `balance.csv`: balance of every term in the designs that answer. Second moments have differences only.
///
/// # Errors
/// As [`estimates_csv`].
pub fn balance_csv(designs: &[AnsweringDesign<'_>]) -> Result<Vec<u8>, ReportError> {
    let header = [
        "iteration",
        "requested",
        "estimand",
        "term",
        "confounder",
        "priority",
        "mean_treated_before",
        "mean_control_before",
        "mean_treated_after",
        "mean_control_after",
        "smd_before",
        "smd_after",
        "variance_ratio_before",
        "variance_ratio_after",
        "ks_before",
        "ks_after",
    ];
    let mut lines = vec![header.map(str::to_owned).to_vec()];
    for AnsweringDesign { iteration, design } in designs {
        let start = [iteration.to_string(), design.requested.key().to_owned(), design.name.clone()];
        for row in design.balance.iter().flat_map(|table| &table.rows) {
            let mut line = start.to_vec();
            line.extend([row.term.clone(), row.confounder.clone(), row.priority.to_string()]);
            for mean in
                [row.mean_treated_before, row.mean_control_before, row.mean_treated_after, row.mean_control_after]
            {
                line.push(number(mean)?);
            }
            for ratio in [row.smd_before, row.smd_after, row.variance_ratio_before, row.variance_ratio_after] {
                line.push(optional(ratio)?);
            }
            line.extend([number(row.ks_before)?, number(row.ks_after)?]);
            lines.push(line);
        }
    }
    write(lines)
}

pub(super) fn optional(value: Option<f64>) -> Result<String, ReportError> {
    value.map_or(Ok(String::new()), number)
}

/// A number with the digits of the JSON documents.
pub(super) fn number(value: f64) -> Result<String, ReportError> {
    json::float(value).ok_or_else(|| ReportError::Csv(format!("a number is {value}")))
}

/// The key under which a value stands in the JSON documents.
fn word(value: &impl serde::Serialize) -> Result<String, ReportError> {
    match serde_json::to_value(value).map_err(|error| ReportError::Csv(error.to_string()))? {
        serde_json::Value::String(word) => Ok(word),
        other => Ok(other.to_string()),
    }
}

pub(super) fn write(lines: Vec<Vec<String>>) -> Result<Vec<u8>, ReportError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for line in lines {
        let line: Vec<String> = line.into_iter().map(|cell| not_a_formula(visible(&cell))).collect();
        writer.write_record(&line).map_err(|error| ReportError::Csv(error.to_string()))?;
    }
    writer.into_inner().map_err(|error| ReportError::Csv(error.to_string()))
}

/// A name that a spreadsheet would compute is set off by a quote; a number stays one.
fn not_a_formula(cell: String) -> String {
    let starts = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if starts && cell.parse::<f64>().is_err() { format!("'{cell}") } else { cell }
}
