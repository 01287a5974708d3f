//! The calibration as tables for programs.

use super::{Calibrated, Calibration, Group, diagnostics};
use crate::csv_table::line;
use crate::score::measures::Measures;
use crate::text::decimal_or_empty as float;
use std::fmt::Write as _;

impl Calibration {
    /// `calibration.csv`: a row per area (`auc_miss`, `auc_large`), per threshold and half (`threshold`), and per verdict
    /// and half (`tier`). What does not apply is empty.
    #[must_use]
    pub fn calibration_csv(&self) -> String {
        let mut out = String::from(CSV);
        for group in &self.groups {
            tier_rows(group, &mut out);
            for calibrated in &group.diagnostics {
                area_rows(group, calibrated, &mut out);
                threshold_rows(group, calibrated, &mut out);
            }
        }
        out
    }

    /// `calibration_cases.csv`: every case with its error and its measurements.
    #[must_use]
    pub fn cases_csv(&self) -> String {
        let mut out = String::from("origin,half,dataset,estimand,tier,error,width,covered");
        for diagnostic in diagnostics::ALL {
            let _ = write!(out, ",{}", diagnostic.key);
        }
        out.push('\n');
        for case in &self.cases {
            let words = [&case.origin, case.half.key(), &case.dataset, case.estimand.key(), case.tier.key()];
            let mut cells: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            cells.extend([float(case.error.map(|e| e.error)), float(case.error.map(|e| e.width))]);
            cells.push(case.error.map_or(String::new(), |e| e.covered.to_string()));
            cells.extend(diagnostics::ALL.iter().map(|d| float(case.values.get(d.key).copied())));
            out.push_str(&line(&cells));
        }
        out
    }
}

const CSV: &str = "kind,group,estimand,half,diagnostic,which,threshold,n,events,auc,auc_lower,auc_upper,share_kept,kept_n,\
                   kept_rmse,kept_coverage,kept_width,refused_n,refused_rmse,refused_coverage,refused_width\n";

/// The first cells of a row.
fn head(kind: &str, group: &Group) -> Vec<String> {
    vec![kind.to_owned(), group.name.clone(), group.estimand.key().to_owned()]
}

fn tier_rows(group: &Group, out: &mut String) {
    for (half, tiers, m) in &group.tiers {
        let mut cells = head("tier", group);
        cells.extend([half.key().to_owned(), String::new(), tiers.key().to_owned(), String::new()]);
        cells.extend(empty(5));
        cells.extend(measures(m));
        cells.extend(empty(4));
        out.push_str(&line(&cells));
    }
}

fn area_rows(group: &Group, calibrated: &Calibrated, out: &mut String) {
    for (kind, areas) in [("auc_miss", &calibrated.miss), ("auc_large", &calibrated.large)] {
        for (half, a) in ["both", "choose", "confirm"].iter().zip(areas) {
            let mut cells = head(kind, group);
            let key = calibrated.diagnostic.key.to_owned();
            cells.extend([(*half).to_owned(), key, String::new(), String::new()]);
            let (lower, upper) = (a.interval.map(|i| i.0), a.interval.map(|i| i.1));
            cells.extend([a.n.to_string(), a.events.to_string(), float(a.area), float(lower), float(upper)]);
            cells.extend(empty(9));
            out.push_str(&line(&cells));
        }
    }
}

fn threshold_rows(group: &Group, calibrated: &Calibrated, out: &mut String) {
    for (i, candidate) in calibrated.thresholds.candidates.iter().enumerate() {
        let chosen = if calibrated.thresholds.chosen == Some(i) { "chosen: " } else { "" };
        for (half, cut) in ["choose", "confirm"].iter().zip(&candidate.cuts) {
            let mut cells = head("threshold", group);
            let which = format!("{chosen}{}", candidate.basis);
            let key = calibrated.diagnostic.key.to_owned();
            cells.extend([(*half).to_owned(), key, which, float(Some(candidate.at))]);
            cells.extend(empty(5));
            cells.extend(measures(&cut.kept));
            let r = &cut.refused;
            cells.extend([r.n.to_string(), float(r.rmse), float(r.coverage), float(r.width)]);
            out.push_str(&line(&cells));
        }
    }
}

fn measures(m: &Measures) -> Vec<String> {
    vec![float(m.share), m.n.to_string(), float(m.rmse), float(m.coverage), float(m.width)]
}

fn empty(n: usize) -> Vec<String> {
    vec![String::new(); n]
}
