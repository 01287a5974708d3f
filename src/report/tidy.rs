//! Estimates and designs as CSV: one line for each estimate, one for each term, for a spreadsheet, pandas or R, and for `git diff`.
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

/// `balance.csv`: balance of every term in each design.
///
/// # Errors
/// As [`estimates_csv`].
pub fn balance_csv(designs: &[&AnalysisDesign]) -> Result<Vec<u8>, ReportError> {
    let header = [
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
    for design in designs {
        for row in design.balance.iter().flat_map(|table| &table.rows) {
            let mut line = named(design);
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

/// `second_moments.csv`: balance of squares and products of the priority terms in each design.
///
/// # Errors
/// As [`estimates_csv`].
pub fn second_moments_csv(designs: &[&AnalysisDesign]) -> Result<Vec<u8>, ReportError> {
    let header = ["requested", "estimand", "first", "second", "smd_before", "smd_after", "beyond_chance"];
    let mut lines = vec![header.map(str::to_owned).to_vec()];
    for design in designs {
        for row in design.balance.iter().flat_map(|table| &table.second_moments) {
            let mut line = named(design);
            line.extend([row.first.clone(), row.second.clone()]);
            line.extend([optional(row.smd_before)?, optional(row.smd_after)?, row.beyond_chance.to_string()]);
            lines.push(line);
        }
    }
    write(lines)
}

/// `propensity.csv`: coefficients of the logistic regressions, raw scale.
///
/// # Errors
/// As [`estimates_csv`].
pub fn propensity_csv(designs: &[&AnalysisDesign]) -> Result<Vec<u8>, ReportError> {
    let header = ["requested", "estimand", "term", "estimate", "std_error"];
    let mut lines = vec![header.map(str::to_owned).to_vec()];
    for design in designs {
        for row in design.propensity.iter().flat_map(|model| &model.coefficients) {
            let mut line = named(design);
            line.extend([row.term.clone(), number(row.estimate)?, number(row.std_error)?]);
            lines.push(line);
        }
    }
    write(lines)
}

/// `overlap.csv`: how many units of each arm have a propensity in each of the equal bins of [0, 1], whose lower bounds head the
/// columns; each unit counts its observation weight.
///
/// # Errors
/// As [`estimates_csv`].
pub fn overlap_csv(designs: &[&AnalysisDesign]) -> Result<Vec<u8>, ReportError> {
    let reports = || designs.iter().filter_map(|design| Some((design, design.overlap.as_ref()?)));
    let bins = reports().map(|it| it.1.histogram_treated.len()).max().unwrap_or_default();
    let mut header = ["requested", "estimand", "arm"].map(str::to_owned).to_vec();
    // Bins are few: their number is exact as a float.
    header.extend((0..bins).map(|bin| (bin as f64 / bins as f64).to_string()));
    let mut lines = vec![header];
    for (design, report) in reports() {
        for (arm, counts) in [("treated", &report.histogram_treated), ("control", &report.histogram_control)] {
            let mut line = named(design);
            line.push(arm.to_owned());
            line.extend(counts.iter().map(|count| number(*count)).collect::<Result<Vec<_>, _>>()?);
            lines.push(line);
        }
    }
    write(lines)
}

fn named(design: &AnalysisDesign) -> Vec<String> {
    vec![design.requested.key().to_owned(), design.name.clone()]
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
