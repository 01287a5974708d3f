//! The calibration as a page for people.

use crate::critique::rubric::rule;
use crate::finding::Code;
use crate::report::table::{Column, Table};
use crate::text::numbers;
use acic::calibrate::auc::{Auc, RESAMPLES};
use acic::calibrate::diagnostics::{self, Bound, Crossing, Rubric};
use acic::calibrate::thresholds::{Cut, KEEP, Threshold};
use acic::calibrate::{ACIC, ALL, Calibrated, Calibration, Group, LARGE, Request, SIMULATED};
use acic::score::{SCORED, Tiers};
use std::fmt::Write as _;

/// The making of a calibration, for its head.
#[derive(Debug, Clone, PartialEq)]
pub struct Making<'a> {
    /// The replay in a sentence.
    pub replay: String,
    /// The command.
    pub command: String,
    /// The request.
    pub request: &'a Request<'a>,
}

/// The fixed thresholds of the rubric as it stands, for the diagnostics that are calibrated.
#[must_use]
pub fn rubric() -> Rubric {
    let graded = diagnostics::ALL.iter().filter_map(|diagnostic| Some((diagnostic.key, Code::parse(diagnostic.key)?)));
    let bounds = |code: Code| {
        let rule = rule(code);
        let bounds = [(rule.warn.threshold(), Crossing::Warns), (rule.fail.threshold(), Crossing::Fails)];
        bounds.into_iter().filter_map(|(at, crossing)| Some(Bound { at: at?, crossing })).collect()
    };
    Rubric(graded.map(|(key, code)| (key, bounds(code))).collect())
}

/// The page.
#[must_use]
pub fn markdown(calibration: &Calibration, making: &Making<'_>) -> String {
    Page { calibration, making }.markdown()
}

struct Page<'a> {
    calibration: &'a Calibration,
    making: &'a Making<'a>,
}

impl Page<'_> {
    fn markdown(&self) -> String {
        let mut out = String::from("# What the diagnostics are worth\n");
        for (heading, body) in [
            ("How it was made", self.made()),
            ("Verdicts of the rubric as it stands", self.tier_table().to_markdown()),
            ("How well each diagnostic tells", format!("{}\n\n{}", auc_legend(), self.auc_table().to_markdown())),
            ("Chosen thresholds", format!("{}\n\n{}", chosen_legend(), self.chosen_table().to_markdown())),
        ] {
            let _ = write!(out, "\n## {heading}\n\n{body}");
        }
        let _ = write!(out, "\n## Every threshold\n\n{THRESHOLD_LEGEND}\n");
        for diagnostic in diagnostics::ALL {
            if let Some(table) = self.threshold_table(diagnostic.key) {
                let _ = write!(out, "\n### {}\n\n{}", diagnostic.key, table.to_markdown());
            }
        }
        out
    }

    fn made(&self) -> String {
        let (making, cases) = (self.making, &self.calibration.cases);
        let request = making.request;
        let estimators: Vec<&str> = request.estimators.iter().map(|kind| kind.key()).collect();
        let families: Vec<&str> = request.families.0.iter().map(|family| family.key()).collect();
        let without = cases.iter().filter(|case| case.error.is_none()).count();
        format!(
            "```sh\n{}\n```\n\noci-agent {}. Replay: {} Simulated families ({}): {} datasets of {} units each, seed {}, through \
             the same pipeline. Estimators: {}, the first of which is calibrated; budget {}. Inference is about the sample. \
             {} cases, {without} of them without an estimate, which take no part.\n\nErrors are in units of sd(y). Truth: for \
             the ATT the average of y(1) − y(0) over the treated units of the dataset, for the ATE the average of mu1 − mu0 \
             over all its units; both for the replay and for the families. `{SIMULATED}` is all families together, `{ALL}` \
             those and {ACIC}: errors are pooled as they are, so a family with large errors weighs most in an RMSE. Half \
             `choose`: that part of the bundled pack (or every other dataset of data that are not divided), and the even \
             replicates of a family; half `confirm`: the others.\n",
            making.command,
            crate::VERSION,
            making.replay,
            families.join(", "),
            request.replicates,
            request.rows,
            request.seed,
            estimators.join(", "),
            request.budget.key(),
            cases.len(),
        )
    }

    fn tier_table(&self) -> Table {
        let head = ["group", "estimand", "verdict"].map(|name| (name, Column::Words));
        let halves = ["share", "n", "RMSE", "coverage", "width"].map(|name| (name, Column::Number));
        let confirm = CONFIRM_TIERS.map(|name| (name, Column::Number));
        let mut table = Table::new(&[&head[..], &halves, &confirm].concat());
        for group in &self.calibration.groups {
            for tiers in Tiers::ALL {
                let mut cells = vec![group.name.clone(), group.estimand.acronym().to_owned(), tiers.key().to_owned()];
                for (_, _, m) in group.tiers.iter().filter(|(_, group, _)| *group == tiers) {
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
        for (group, calibrated) in self.by_diagnostic() {
            let mut cells =
                vec![calibrated.diagnostic.key.to_owned(), group.estimand.acronym().to_owned(), group.name.clone()];
            let [miss, ..] = &calibrated.miss;
            cells.push(miss.n.to_string());
            for areas in [&calibrated.miss, &calibrated.large] {
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
        for (group, calibrated) in self.by_diagnostic() {
            let present = self.making.request.rubric.bounds(&calibrated.diagnostic).iter();
            let now: Vec<String> =
                present.map(|bound| format!("{} at {}", bound.crossing.key(), number(bound.at))).collect();
            let mut cells =
                vec![calibrated.diagnostic.key.to_owned(), group.estimand.acronym().to_owned(), group.name.clone()];
            cells.push(if now.is_empty() { "–".to_owned() } else { now.join(", ") });
            let chosen = calibrated.thresholds.chosen();
            cells.push(chosen.map_or("none".to_owned(), |chosen| number(chosen.at)));
            cells.extend(cut_cells(chosen.map_or(&calibrated.thresholds.everything, |chosen| &chosen.cuts)));
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
        let shown = |group: &Group| {
            group.name == ACIC || group.name == SIMULATED || self.calibration.groups.len() == SCORED.len()
        };
        for (group, calibrated) in
            self.by_diagnostic().filter(|(group, calibrated)| calibrated.diagnostic.key == key && shown(group))
        {
            let about = |which: &str| vec![group.estimand.acronym().to_owned(), group.name.clone(), which.to_owned()];
            for (i, candidate) in calibrated.thresholds.candidates.iter().enumerate() {
                let is_chosen = calibrated.thresholds.chosen == Some(i);
                let mut cells = about(&candidate.basis.to_string());
                cells.push(number(candidate.at));
                cells.extend(cut_cells(&candidate.cuts));
                if is_chosen { table.push_strong(cells) } else { table.push(cells) }
            }
            let mut cells = about("everything");
            cells.push("–".to_owned());
            cells.extend(cut_cells(&calibrated.thresholds.everything));
            table.push(cells);
        }
        (!table.rows.is_empty()).then_some(table)
    }

    /// Diagnostic by diagnostic, in each the groups in their order.
    fn by_diagnostic(&self) -> impl Iterator<Item = (&Group, &Calibrated)> {
        diagnostics::ALL.iter().flat_map(|diagnostic| {
            self.calibration.groups.iter().flat_map(move |group| {
                let own = group.diagnostics.iter().filter(move |calibrated| calibrated.diagnostic == *diagnostic);
                own.map(move |calibrated| (group, calibrated))
            })
        })
    }
}

const CONFIRM_TIERS: [&str; 5] =
    ["confirm: share", "confirm: n", "confirm: RMSE", "confirm: coverage", "confirm: width"];

const THRESHOLD_LEGEND: &str = "What lies on a threshold is kept. `now warns` and `now fails` are thresholds of the rubric; \
    the others were made to keep that share of the choosing half of the group. Bold is the one that the choosing half \
    chooses. Single families, and everything together, are in calibration.csv.";

fn auc_legend() -> String {
    format!(
        "AUC: the probability that a case with the event has a worse value than one without; 0.5 is no information, below it \
         the diagnostic points the wrong way. In brackets the 95 % percentile interval of {RESAMPLES} seeded resamples, drawn \
         within cases with and without the event. Events: the interval misses; the error is large, that is above the \
         {:.0} % quantile of its origin and estimand in size. `undefined`: no case, or every case, has the event.",
        100.0 * LARGE
    )
}

fn chosen_legend() -> String {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::analyse::FamilyPipeline;
    use acic::calibrate::calibrate;
    use acic::calibrate::case::Half;
    use acic::calibrate::families::Families;
    use causal::estimator::EstimatorKind;
    use causal::learner_kind::Effort;

    #[test]
    fn the_rubric_is_found_under_the_keys_of_the_diagnostics() {
        let rubric = rubric();
        let keys: Vec<&str> = rubric.0.keys().copied().collect();
        let graded: Vec<&str> = diagnostics::ALL.iter().take(8).map(|diagnostic| diagnostic.key).collect();
        assert!(graded.iter().all(|key| keys.contains(key)) && keys.len() == 8, "{keys:?}");
        let expected = [Bound { at: 0.1, crossing: Crossing::Warns }, Bound { at: 0.2, crossing: Crossing::Fails }];
        assert_eq!(rubric.bounds(&diagnostics::ALL[0]), expected);
    }

    #[test]
    fn the_bytes_do_not_depend_on_the_threads() {
        let rubric = rubric();
        let families = "heavy_tailed".parse::<Families>().expect("a family");
        let request = Request {
            families: &families,
            replicates: 2,
            rows: 200,
            seed: 7,
            estimators: &[EstimatorKind::Aipw],
            budget: Effort::Fast,
            rubric: &rubric,
        };
        let analyst = FamilyPipeline { estimators: request.estimators, budget: request.budget };
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
            pool.install(|| calibrate(Vec::new(), &request, &analyst, &|| ())).expect("a calibration")
        };
        let (one, two) = (with(1), with(2));
        assert_eq!(one.cases.len(), 4, "two datasets, ATT and ATE");
        assert!(one.cases.iter().all(|case| case.error.is_some_and(|e| e.error.abs() < 1.0)), "{:?}", one.cases);
        assert_ne!(one.cases[0].error, one.cases[2].error, "replicates are different data");
        assert_eq!((one.cases[0].half, one.cases[2].half), (Half::Choose, Half::Confirm));
        let making = Making { replay: "none".into(), command: "x".into(), request: &request };
        assert_eq!(markdown(&one, &making), markdown(&two, &making));
        assert_eq!((one.calibration_csv(), one.cases_csv()), (two.calibration_csv(), two.cases_csv()));
        assert!(one.calibration_csv().contains("heavy_tailed") && markdown(&one, &making).contains("balance.priority"));
    }
}
