//! The calibration as a page for people and as tables for programs.

use super::auc::{Auc, RESAMPLES};
use super::thresholds::{Cut, KEEP, Threshold};
use super::{ACIC, ALL, Calibrated, Calibration, Group, LARGE, Request, SIMULATED, diagnostics};
use crate::acic::rows::line;
use crate::acic::score::measures::Measures;
use crate::acic::score::{SCORED, Tiers};
use crate::record::json;
use crate::report::table::{Column, Table};
use crate::text::numbers;
use std::fmt::Write as _;

/// How a calibration was made, for its head.
#[derive(Debug, Clone, PartialEq)]
pub struct How<'a> {
    /// The replay in a sentence.
    pub replay: String,
    /// The command.
    pub command: String,
    /// What was simulated.
    pub request: &'a Request<'a>,
}

impl Calibration {
    /// The page.
    #[must_use]
    pub fn markdown(&self, how: &How<'_>) -> String {
        let mut out = String::from("# What the diagnostics are worth\n");
        for (heading, body) in [
            ("How it was made", self.made(how)),
            ("Verdicts of the rubric as it stands", self.tier_table().to_markdown()),
            ("How well each diagnostic tells", format!("{}\n\n{}", auc_words(), self.auc_table().to_markdown())),
            ("Chosen thresholds", format!("{}\n\n{}", chosen_words(), self.chosen_table().to_markdown())),
        ] {
            let _ = write!(out, "\n## {heading}\n\n{body}");
        }
        let _ = write!(out, "\n## Every threshold\n\n{THRESHOLD_WORDS}\n");
        for diagnostic in diagnostics::ALL {
            if let Some(table) = self.threshold_table(diagnostic.key) {
                let _ = write!(out, "\n### {}\n\n{}", diagnostic.key, table.to_markdown());
            }
        }
        out
    }

    fn made(&self, how: &How<'_>) -> String {
        let request = how.request;
        let estimators: Vec<&str> = request.estimators.iter().map(|kind| kind.key()).collect();
        let families: Vec<&str> = request.families.0.iter().map(|family| family.key()).collect();
        let without = self.cases.iter().filter(|case| case.error.is_none()).count();
        format!(
            "```sh\n{}\n```\n\noci-agent {}. Replay: {} Simulated families ({}): {} datasets of {} units each, seed {}, through \
             the same pipeline. Estimators: {}, the first of which is calibrated; budget {}. Inference is about the sample. \
             {} cases, {without} of them without an estimate, which take no part.\n\nErrors are in units of sd(y). Truth: for \
             the ATT the average of y(1) − y(0) over the treated units of the dataset, for the ATE the average of mu1 − mu0 \
             over all its units; both for the replay and for the families. `{SIMULATED}` is all families together, `{ALL}` \
             those and {ACIC}: errors are pooled as they are, so a family with large errors weighs most in an RMSE. Half \
             `choose`: that part of the bundled pack (or every other dataset of data that are not divided), and the even \
             replicates of a family; half `confirm`: the others.\n",
            how.command,
            crate::VERSION,
            how.replay,
            families.join(", "),
            request.replicates,
            request.rows,
            request.seed,
            estimators.join(", "),
            request.budget.key(),
            self.cases.len(),
        )
    }

    fn tier_table(&self) -> Table {
        let head = ["group", "estimand", "verdict"].map(|name| (name, Column::Words));
        let halves = ["share", "n", "RMSE", "coverage", "width"].map(|name| (name, Column::Number));
        let confirm = CONFIRM_TIERS.map(|name| (name, Column::Number));
        let mut table = Table::new(&[&head[..], &halves, &confirm].concat());
        for group in &self.groups {
            for tiers in Tiers::ALL {
                let mut cells = vec![group.name.clone(), group.estimand.acronym().to_owned(), tiers.key().to_owned()];
                for (_, _, m) in group.tiers.iter().filter(|(_, of, _)| *of == tiers) {
                    cells.extend([
                        percent(m.share),
                        m.n.to_string(),
                        fixed(m.rmse, 4),
                        fixed(m.coverage, 3),
                        fixed(m.width, 4),
                    ]);
                }
                if tiers == Tiers::All { table.push_strong(cells) } else { table.push(cells) }
            }
        }
        table
    }

    fn auc_table(&self) -> Table {
        let words = ["diagnostic", "estimand", "group"].map(|name| (name, Column::Words));
        let figures =
            ["n", "misses", "AUC miss", "choose", "confirm", "large", "AUC large", "choose (large)", "confirm (large)"];
        let mut table = Table::new(&[&words[..], &figures.map(|name| (name, Column::Number))].concat());
        for (group, one) in self.by_diagnostic() {
            let mut cells =
                vec![one.diagnostic.key.to_owned(), group.estimand.acronym().to_owned(), group.name.clone()];
            let [miss, ..] = &one.miss;
            cells.push(miss.n.to_string());
            for areas in [&one.miss, &one.large] {
                let [both, choose, confirm] = areas;
                cells.extend([both.events.to_string(), area(both, true), area(choose, false), area(confirm, false)]);
            }
            if group.name == ALL { table.push_strong(cells) } else { table.push(cells) }
        }
        table
    }

    fn chosen_table(&self) -> Table {
        let words = ["diagnostic", "estimand", "group"].map(|name| (name, Column::Words));
        let mut columns = words.to_vec();
        columns.extend([("now", Column::Words), ("chosen", Column::Number)]);
        columns.extend(cut_columns());
        columns.push(("confirmed", Column::Words));
        let mut table = Table::new(&columns);
        for (group, one) in self.by_diagnostic() {
            let present = one.diagnostic.present();
            let now: Vec<String> = present.iter().map(|(at, does)| format!("{does} at {}", number(*at))).collect();
            let mut cells =
                vec![one.diagnostic.key.to_owned(), group.estimand.acronym().to_owned(), group.name.clone()];
            cells.push(if now.is_empty() { "–".to_owned() } else { now.join(", ") });
            let chosen = one.thresholds.chosen();
            cells.push(chosen.map_or("none".to_owned(), |chosen| number(chosen.at)));
            cells.extend(cut_cells(chosen.map_or(&one.thresholds.everything, |chosen| &chosen.cuts)));
            cells.push(chosen.map_or("–", confirmed).to_owned());
            table.push(cells);
        }
        table
    }

    /// Every threshold of one diagnostic: the competition and all families together; single families are in the CSV.
    fn threshold_table(&self, key: &str) -> Option<Table> {
        let words = ["estimand", "group", "which"].map(|name| (name, Column::Words));
        let mut columns = words.to_vec();
        columns.push(("threshold", Column::Number));
        columns.extend(cut_columns());
        let mut table = Table::new(&columns);
        let shown = |group: &Group| group.name == ACIC || group.name == SIMULATED || self.groups.len() == SCORED.len();
        for (group, one) in self.by_diagnostic().filter(|(group, one)| one.diagnostic.key == key && shown(group)) {
            let about = |which: &str| vec![group.estimand.acronym().to_owned(), group.name.clone(), which.to_owned()];
            for (i, candidate) in one.thresholds.candidates.iter().enumerate() {
                let is_chosen = one.thresholds.chosen == Some(i);
                let mut cells = about(&candidate.is);
                cells.push(number(candidate.at));
                cells.extend(cut_cells(&candidate.cuts));
                if is_chosen { table.push_strong(cells) } else { table.push(cells) }
            }
            let mut cells = about("everything");
            cells.push("–".to_owned());
            cells.extend(cut_cells(&one.thresholds.everything));
            table.push(cells);
        }
        (!table.rows.is_empty()).then_some(table)
    }

    /// Diagnostic by diagnostic, in each the groups in their order.
    fn by_diagnostic(&self) -> impl Iterator<Item = (&Group, &Calibrated)> {
        diagnostics::ALL.iter().flat_map(|diagnostic| {
            self.groups.iter().flat_map(move |group| {
                let of = group.diagnostics.iter().filter(move |one| one.diagnostic == *diagnostic);
                of.map(move |one| (group, one))
            })
        })
    }

    /// `calibration.csv`: a row per area (`auc_miss`, `auc_large`), per threshold and half (`threshold`), and per verdict
    /// and half (`tier`). What does not apply is empty.
    #[must_use]
    pub fn csv(&self) -> String {
        let mut out = String::from(CSV);
        for group in &self.groups {
            let head = |kind: &str| vec![kind.to_owned(), group.name.clone(), group.estimand.key().to_owned()];
            for (half, tiers, m) in &group.tiers {
                let mut cells = head("tier");
                cells.extend([half.key().to_owned(), String::new(), tiers.key().to_owned(), String::new()]);
                cells.extend(empty(5));
                cells.extend(measures(m));
                cells.extend(empty(4));
                out.push_str(&line(&cells));
            }
            for one in &group.diagnostics {
                for (kind, areas) in [("auc_miss", &one.miss), ("auc_large", &one.large)] {
                    for (half, a) in ["both", "choose", "confirm"].iter().zip(areas) {
                        let mut cells = head(kind);
                        cells.extend([(*half).to_owned(), one.diagnostic.key.to_owned(), String::new(), String::new()]);
                        let (lower, upper) = (a.interval.map(|i| i.0), a.interval.map(|i| i.1));
                        cells.extend([
                            a.n.to_string(),
                            a.events.to_string(),
                            float(a.area),
                            float(lower),
                            float(upper),
                        ]);
                        cells.extend(empty(9));
                        out.push_str(&line(&cells));
                    }
                }
                for (i, candidate) in one.thresholds.candidates.iter().enumerate() {
                    let chosen = if one.thresholds.chosen == Some(i) { "chosen: " } else { "" };
                    for (half, cut) in ["choose", "confirm"].iter().zip(&candidate.cuts) {
                        let mut cells = head("threshold");
                        let which = format!("{chosen}{}", candidate.is);
                        let key = one.diagnostic.key.to_owned();
                        cells.extend([(*half).to_owned(), key, which, float(Some(candidate.at))]);
                        cells.extend(empty(5));
                        cells.extend(measures(&cut.kept));
                        let r = &cut.refused;
                        cells.extend([r.n.to_string(), float(r.rmse), float(r.coverage), float(r.width)]);
                        out.push_str(&line(&cells));
                    }
                }
            }
        }
        out
    }

    /// `calibration_cases.csv`: every case with its error and what was measured.
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

const CONFIRM_TIERS: [&str; 5] =
    ["confirm: share", "confirm: n", "confirm: RMSE", "confirm: coverage", "confirm: width"];

const THRESHOLD_WORDS: &str = "What lies on a threshold is kept. `now warns` and `now fails` are thresholds of the rubric; \
    the others were made to keep that share of the choosing half of the group. Bold is the one that the choosing half \
    chooses. Single families, and everything together, are in calibration.csv.";

fn auc_words() -> String {
    format!(
        "AUC: the probability that a case with the event has a worse value than one without; 0.5 is no information, below it \
         the diagnostic points the wrong way. In brackets the 95 % percentile interval of {RESAMPLES} seeded resamples, drawn \
         within cases with and without the event. Events: the interval misses; the error is large, that is above the \
         {:.0} % quantile of its origin and estimand in size. `undefined`: no case, or every case, has the event.",
        100.0 * LARGE
    )
}

fn chosen_words() -> String {
    format!(
        "The rule: of the thresholds that keep at least {:.0} % of the choosing half, the one with the smallest RMSE of what \
         it keeps there; `none` if no threshold beats keeping everything. Confirmed: on the other half, which had no say, what \
         it refuses has a larger RMSE than what it keeps. The first figures are those of the choosing half, those marked \
         `confirm` of the other.",
        100.0 * KEEP
    )
}

fn confirmed(chosen: &Threshold) -> &'static str {
    let [_, confirm] = &chosen.cuts;
    match confirm.kept.rmse.zip(confirm.refused.rmse) {
        Some((kept, refused)) if refused > kept => "yes",
        Some(_) => "no",
        None => "not testable",
    }
}

fn cut_columns() -> Vec<(&'static str, Column)> {
    [
        "kept",
        "RMSE kept",
        "coverage kept",
        "RMSE refused",
        "coverage refused",
        "confirm: kept",
        "confirm: RMSE kept",
        "confirm: coverage kept",
        "confirm: RMSE refused",
        "confirm: coverage refused",
    ]
    .map(|name| (name, Column::Number))
    .to_vec()
}

fn cut_cells(cuts: &[Cut; 2]) -> Vec<String> {
    let cells = |cut: &Cut| {
        let (kept, refused) = (&cut.kept, &cut.refused);
        [
            percent(cut.share),
            fixed(kept.rmse, 4),
            fixed(kept.coverage, 3),
            fixed(refused.rmse, 4),
            fixed(refused.coverage, 3),
        ]
    };
    cuts.iter().flat_map(cells).collect()
}

fn area(auc: &Auc, with_interval: bool) -> String {
    match (auc.area, auc.interval.filter(|_| with_interval)) {
        (Some(area), Some((lower, upper))) => {
            format!("{} [{}, {}]", numbers::fixed(area, 2), numbers::fixed(lower, 2), numbers::fixed(upper, 2))
        }
        (Some(area), None) => numbers::fixed(area, 2),
        (None, _) => "undefined".to_owned(),
    }
}

fn number(value: f64) -> String {
    numbers::significant(value, 3)
}

fn fixed(value: Option<f64>, decimals: usize) -> String {
    value.map_or("–".to_owned(), |value| numbers::fixed(value, decimals))
}

fn percent(share: Option<f64>) -> String {
    share.map_or("–".to_owned(), numbers::percent)
}

fn float(value: Option<f64>) -> String {
    value.and_then(json::float).unwrap_or_default()
}

fn measures(m: &Measures) -> Vec<String> {
    vec![float(m.share), m.n.to_string(), float(m.rmse), float(m.coverage), float(m.width)]
}

fn empty(n: usize) -> Vec<String> {
    vec![String::new(); n]
}
