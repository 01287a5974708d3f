//! The study as a page for people and as tables for programs.

use super::{Accuracy, Cell};
use std::fmt::Write as _;

/// One line per family, size, target and contender; numbers with six significant digits. Nothing in it depends on the machine.
#[must_use]
pub fn csv(accuracy: &Accuracy) -> String {
    let mut out = String::from(
        "family,rows,overlap,target,contender,estimators,answered,failed,truth,bias,rmse,coverage,width,ratio,accepted,accepted_coverage,covering_refused\n",
    );
    for cell in &accuracy.cells {
        let by: Vec<&str> = cell.by.iter().copied().collect();
        let _ = write!(
            out,
            "{},{},{},{},{},{},{},{}",
            cell.family.key(),
            cell.rows,
            cell.family.has_overlap(),
            cell.target.key(),
            cell.contender.key(),
            by.join("+"),
            cell.answered,
            cell.failed
        );
        let errors = cell.errors;
        for v in [cell.truth, errors.bias, errors.rmse, errors.coverage, errors.width, cell.ratio] {
            let _ = write!(out, ",{}", digits(v));
        }
        let _ = match cell.verdicts {
            None => writeln!(out, ",,,"),
            Some(v) => {
                writeln!(out, ",{},{},{}", v.accepted, digits(v.accepted_coverage), digits(v.covering_refused))
            }
        };
    }
    out
}

/// Seconds of processor time per draw.
#[must_use]
pub fn timings_csv(accuracy: &Accuracy) -> String {
    let mut out = String::from("family,rows,contender,cpu_seconds\n");
    for timing in &accuracy.timings {
        let _ =
            writeln!(out, "{},{},{},{:.3}", timing.family.key(), timing.rows, timing.contender.key(), timing.seconds);
    }
    out
}

/// Six significant digits, without an exponent where that is short; empty if there is no number.
fn digits(v: f64) -> String {
    if !v.is_finite() {
        return String::new();
    }
    // By way of text: the nearest double to six digits prints as six digits.
    let rounded: f64 = format!("{v:.5e}").parse().unwrap_or(v);
    rounded.to_string()
}

/// What the page has to say of everything, and a table with a line for each cell.
#[must_use]
pub fn markdown(accuracy: &Accuracy) -> String {
    let mut out = String::new();
    summary(&mut out, accuracy);
    out.push_str(
        "\n| family | rows | target | contender | RMSE | ratio | bias | coverage | width | accepted | accepted coverage | covering, refused | failed |\n",
    );
    out.push_str("|---|---|---|---|---|---|---|---|---|---|---|---|---|\n");
    for cell in &accuracy.cells {
        line(&mut out, cell);
    }
    out
}

fn summary(out: &mut String, accuracy: &Accuracy) {
    let graded: Vec<&Cell> = accuracy.cells.iter().filter(|cell| cell.verdicts.is_some()).collect();
    let worst = graded.iter().filter(|cell| cell.ratio.is_finite()).max_by(|a, b| a.ratio.total_cmp(&b.ratio));
    if let Some(worst) = worst {
        let (family, rows, target) = (worst.family.key(), worst.rows, worst.target.acronym());
        let _ = writeln!(out, "Worst ratio of the default: {:.2} ({family}, n = {rows}, {target}).", worst.ratio);
    }
    let (mut accepted, mut right, mut covering, mut refused) = (0.0, 0.0, 0.0, 0.0);
    for (cell, verdicts) in graded.iter().filter_map(|cell| Some((cell, cell.verdicts?))) {
        let covers = (cell.errors.coverage * cell.answered as f64).round();
        let n = verdicts.accepted as f64;
        let hit = if verdicts.accepted > 0 { (verdicts.accepted_coverage * n).round() } else { 0.0 };
        accepted += n;
        right += hit;
        if cell.family.has_overlap() && cell.answered > 0 {
            covering += covers;
            refused += covers - hit;
        }
    }
    let _ = writeln!(out, "\nIntervals of accepted answers that hold the truth: {}.", share(right, accepted));
    let _ = writeln!(
        out,
        "\nIntervals that hold the truth and are refused, families with overlap: {}.",
        share(refused, covering)
    );
}

fn share(part: f64, whole: f64) -> String {
    if whole > 0.0 { format!("{part:.0} of {whole:.0} ({:.1} %)", 100.0 * part / whole) } else { "none".to_owned() }
}

fn line(out: &mut String, cell: &Cell) {
    let number = |v: f64, decimals: usize| if v.is_finite() { format!("{v:.decimals$}") } else { "–".to_owned() };
    let percent = |v: f64| if v.is_finite() { format!("{:.0} %", 100.0 * v) } else { "–".to_owned() };
    let errors = cell.errors;
    let verdicts = match cell.verdicts {
        None => "– | – | –".to_owned(),
        Some(v) => {
            let accepted = v.accepted as f64 / (cell.answered + cell.failed) as f64;
            [accepted, v.accepted_coverage, v.covering_refused].map(percent).join(" | ")
        }
    };
    let by: Vec<String> = cell.by.iter().map(|by| format!("`{by}`")).collect();
    let who =
        if cell.verdicts.is_some() { format!("default ({})", by.join(", ")) } else { cell.contender.key().to_owned() };
    let _ = writeln!(
        out,
        "| {} | {} | {} | {who} | {} | {} | {} | {} | {} | {verdicts} | {} |",
        cell.family.key(),
        cell.rows,
        cell.target.acronym(),
        number(errors.rmse, 4),
        number(cell.ratio, 2),
        number(errors.bias, 4),
        percent(errors.coverage),
        number(errors.width, 3),
        cell.failed
    );
}
