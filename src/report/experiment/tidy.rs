//! `effects.csv`: one line for each effect, for a spreadsheet, pandas or R.
//!
//! Numbers have the digits of `results.json`, absent ones are empty.

use crate::record::ReportError;
use crate::record::experiment::{EffectRow, ExperimentResults};
use crate::report::experiment::first_page;
use crate::report::tidy::{number, optional, write};

const HEADER: [&str; 27] = [
    "metric",
    "role",
    "arm",
    "control",
    "effect",
    "segment",
    "exploratory",
    "n",
    "estimate",
    "std_error",
    "conf_low",
    "conf_high",
    "conf_level",
    "df",
    "p_value",
    "p_holm",
    "p_benjamini_hochberg",
    "baseline",
    "relative",
    "relative_std_error",
    "relative_conf_low",
    "relative_conf_high",
    "anytime_low",
    "anytime_high",
    "anytime_p_value",
    "anytime_log_e",
    "anytime_asymptotic",
];

/// Every effect, those on everyone first, then those in segments.
///
/// # Errors
/// [`ReportError::Csv`], where a number is not finite or the writer refuses.
pub fn effects_csv(results: &ExperimentResults) -> Result<Vec<u8>, ReportError> {
    let mut lines = vec![HEADER.map(str::to_owned).to_vec()];
    for row in results.effects.iter().chain(&results.segments) {
        lines.push(line(results, row)?);
    }
    write(lines)
}

fn line(results: &ExperimentResults, row: &EffectRow) -> Result<Vec<String>, ReportError> {
    let role = first_page::metric(results, &row.metric).map_or(String::new(), |metric| metric.role.key().to_owned());
    let mut cells = vec![
        row.metric.clone(),
        role,
        row.arm.clone(),
        first_page::control(results).to_owned(),
        row.request.key().to_owned(),
        row.segment.clone().unwrap_or_default(),
        row.exploratory.to_string(),
        row.n.to_string(),
    ];
    let level = 1.0 - results.health.design.alpha;
    for value in [row.effect.estimate, row.effect.std_error, row.effect.lower, row.effect.upper, level] {
        cells.push(number(value)?);
    }
    let share = row.relative;
    let sequence = row.anytime;
    for value in [
        row.df,
        Some(row.p_value),
        row.holm,
        row.benjamini_hochberg,
        row.baseline,
        share.map(|share| share.estimate),
        share.map(|share| share.std_error),
        share.map(|share| share.lower),
        share.map(|share| share.upper),
        sequence.map(|sequence| sequence.lower),
        sequence.map(|sequence| sequence.upper),
        sequence.map(|sequence| sequence.p_value),
        sequence.map(|sequence| sequence.log_e),
    ] {
        cells.push(optional(value)?);
    }
    cells.push(sequence.map_or(String::new(), |sequence| sequence.asymptotic.to_string()));
    Ok(cells)
}
