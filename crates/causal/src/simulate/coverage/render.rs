//! The study as a table for people, and as one for programs.

use crate::effect::SeMethod;
use crate::estimand::Inference;
use crate::estimand::Target;
use crate::simulate::coverage::{Coverage, LEVEL, Row};
use std::fmt::Write as _;

fn method(of: SeMethod) -> &'static str {
    match of {
        SeMethod::InfluenceFunction => "influence function",
        SeMethod::StackedEquations => "stacked equations",
        SeMethod::Classical => "classical",
        SeMethod::Welch => "Welch",
        SeMethod::Clustered => "clustered",
        SeMethod::Conditional => "conditional",
        SeMethod::Posterior => "posterior",
        SeMethod::Disagreement => "disagreement",
    }
}

fn inference(of: Inference) -> &'static str {
    match of {
        Inference::Population => "population",
        Inference::Sample => "sample",
    }
}

/// One line per setup, analysis, target and variance; numbers with six significant digits.
#[must_use]
pub fn csv(studies: &[Coverage]) -> String {
    let mut out = String::from(
        "setup,rows,estimator,learner,inference,target,variance,headline,suited,overlap,replicates,failed,truth,bias,bias_mcse,rmse,sd,mean_se,coverage,coverage_mcse\n",
    );
    for row in studies.iter().flat_map(|s| &s.rows) {
        let learner = if row.analysis.estimator.takes_learners() { row.analysis.learner.key() } else { "" };
        let _ = write!(
            out,
            "{},{},{},{learner},{},{},{},{},{},{},{},{}",
            row.setup.key(),
            row.rows,
            row.analysis.estimator.key(),
            inference(row.analysis.inference),
            row.target.key(),
            method(row.variance.method),
            row.variance.headline,
            row.analysis.suits(row.setup),
            row.setup.has_overlap(),
            row.replicates,
            row.failed,
        );
        let numbers =
            [row.truth, row.bias, row.bias_error(), row.rmse, row.sd, row.mean_se, row.coverage, row.coverage_error()];
        for v in numbers {
            let _ = write!(out, ",{}", digits(v));
        }
        out.push('\n');
    }
    out
}

/// Six significant digits, without an exponent where that is short.
fn digits(v: f64) -> String {
    // By way of text: the nearest double to six digits prints as six digits.
    let rounded: f64 = format!("{v:.5e}").parse().unwrap_or(v);
    rounded.to_string()
}

/// A summary over setups, and one table per setup.
#[must_use]
pub fn markdown(studies: &[Coverage]) -> String {
    let mut out = String::new();
    summary(&mut out, studies);
    for study in studies {
        setup(&mut out, study);
    }
    out
}

/// Analyses and variances in order of first appearance.
fn kinds<'a>(rows: impl Iterator<Item = &'a Row>) -> Vec<&'a Row> {
    let mut kinds: Vec<&Row> = Vec::new();
    for row in rows {
        if !kinds.iter().any(|k| is_same_kind(k, row)) {
            kinds.push(row);
        }
    }
    kinds
}

/// The same analysis and variance, on the same draws.
fn is_same_kind(a: &Row, b: &Row) -> bool {
    let planned = |r: &Row| r.replicates + r.failed;
    a.analysis == b.analysis && a.variance == b.variance && planned(a) == planned(b)
}

fn name(row: &Row) -> String {
    let star = if row.variance.headline { " *" } else { "" };
    format!("{} | {}{star}", row.analysis.label(), method(row.variance.method))
}

/// Per analysis and variance, over setups with overlap where the analysis is consistent.
fn summary(out: &mut String, studies: &[Coverage]) {
    out.push_str(
        "| estimator | variance | R | setups | cells | mean coverage | lowest | cells 2 s.e. below 95 % | 2 s.e. above |\n",
    );
    out.push_str("|---|---|---|---|---|---|---|---|---|\n");
    let all: Vec<&Row> = studies.iter().flat_map(|s| &s.rows).collect();
    let counted = |r: &&&Row| r.setup.has_overlap() && r.analysis.suits(r.setup);
    for kind in kinds(all.iter().filter(counted).copied()) {
        let same = |r: &&&Row| is_same_kind(r, kind);
        let cells: Vec<&Row> = all.iter().filter(counted).filter(same).copied().collect();
        let mut setups: Vec<_> = cells.iter().map(|r| r.setup).collect();
        // Rows stand setup by setup, so neighbours are all that can be equal.
        setups.dedup();
        let mean = cells.iter().map(|r| r.coverage).sum::<f64>() / cells.len() as f64;
        let Some(lowest) = cells.iter().min_by(|a, b| a.coverage.total_cmp(&b.coverage)) else { continue };
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {:.1} % | {:.1} % ({}, {}) | {} | {} |",
            name(kind),
            kind.replicates + kind.failed,
            setups.len(),
            cells.len(),
            100.0 * mean,
            100.0 * lowest.coverage,
            lowest.setup.key(),
            lowest.target.acronym(),
            cells.iter().filter(|r| r.coverage_z() < -2.0).count(),
            cells.iter().filter(|r| r.coverage_z() > 2.0).count(),
        );
    }
}

fn setup(out: &mut String, study: &Coverage) {
    let Some(first) = study.rows.first() else { return };
    // Learners are given more rows, and their analyses come last.
    let last = study.rows.last().map_or(first.rows, |row| row.rows);
    let flexible = if last == first.rows { String::new() } else { format!("; {last} where learners are flexible") };
    let _ = writeln!(out, "\n### {} (n = {}{flexible})\n", first.setup.key(), first.rows);
    let truths: Vec<String> = Target::ALL
        .iter()
        .filter_map(|t| study.rows.iter().find(|r| r.target == *t))
        .map(|r| format!("{} {:.4}", r.target.acronym(), r.truth))
        .collect();
    let _ = writeln!(out, "Population effects: {}.\n", truths.join(", "));
    out.push_str("| estimator | variance | R | ATE bias | RMSE | sd | mean SE | ATE | ATT | ATC | ATO | failed |\n");
    out.push_str("|---|---|---|---|---|---|---|---|---|---|---|---|\n");
    for kind in kinds(study.rows.iter()) {
        let of = |target: Target| {
            let same = |r: &&Row| is_same_kind(r, kind) && r.target == target;
            study.rows.iter().find(same)
        };
        let Some(ate) = Target::ALL.into_iter().find_map(of) else { continue };
        let covers: Vec<String> = Target::ALL.iter().map(|t| of(*t).map_or("–".to_owned(), coverage)).collect();
        // A target may fail more often than others, and the worst is shown.
        let failed: usize = Target::ALL.iter().filter_map(|t| of(*t)).map(|r| r.failed).max().unwrap_or(0);
        let unsuited = if kind.analysis.suits(kind.setup) { "" } else { " (not consistent here)" };
        let _ = writeln!(
            out,
            "| {}{unsuited} | {} | {:.4} ± {:.4} | {:.4} | {:.4} | {:.4} | {} | {failed} |",
            name(kind),
            ate.replicates,
            ate.bias,
            ate.bias_error(),
            ate.rmse,
            ate.sd,
            ate.mean_se,
            covers.join(" | "),
        );
    }
    for (analysis, reason) in &study.failures {
        let _ = writeln!(out, "\nFirst failure of {}: {reason}", analysis.label());
    }
}

/// Per cent with one digit; bold where it is more than two standard errors below the level.
fn coverage(row: &Row) -> String {
    let text = format!("{:.1}", 100.0 * row.coverage);
    let limit = LEVEL - 2.0 * (LEVEL * (1.0 - LEVEL) / row.replicates as f64).sqrt();
    if row.coverage < limit { format!("**{text}**") } else { text }
}
