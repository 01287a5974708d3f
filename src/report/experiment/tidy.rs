//! `effects.csv`: one line for each effect, for a spreadsheet, pandas or R.
//!
//! Numbers have the digits of `results.json`, absent ones are empty.

use crate::record::ReportError;
use crate::record::experiment::{EffectRow, ExperimentResults, SegmentArm};
use crate::report::experiment::first_page;
use crate::report::tidy::{number, optional, write};

const HEADER: [&str; 31] = [
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
    "n_control",
    "n_arm",
    "mean_control",
    "mean_arm",
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
    let arms = [first_page::control(results), &row.arm].map(|arm| of_arm(results, row, arm));
    cells.extend(arms.iter().map(|arm| arm.map_or(String::new(), |(n, _)| n.to_string())));
    for arm in arms {
        cells.push(optional(arm.and_then(|(_, mean)| mean))?);
    }
    Ok(cells)
}

/// Rows with a value of the metric in an arm of the segment, and what it is there before any adjustment: a mean, a ratio or, for
/// everyone, a quantile.
fn of_arm(results: &ExperimentResults, row: &EffectRow, arm: &str) -> Option<(usize, Option<f64>)> {
    match &row.segment {
        None => {
            let arms = &first_page::metric(results, &row.metric)?.arms;
            arms.iter().find(|found| found.arm == arm).map(|found| (found.n, Some(found.value)))
        }
        Some(segment) => {
            let here =
                |found: &&SegmentArm| found.metric == row.metric && found.segment == *segment && found.arm == arm;
            results.segment_arms.iter().find(here).map(|found| (found.n, found.value))
        }
    }
}
