//! Structural faults of the covariates as findings, and as sentences for whoever writes a plan.

use crate::critique::rubric::{EstimateState, rule};
use crate::finding::{Code, Finding, Severity};
use crate::record::structure::{DeterminedBy, OneArmPlace, Place, PocketPlace, StructureDocument};
use crate::text::lines::capitalised;
use crate::text::numbers::{percent, significant};
use causal::arm::Arm;
use causal::diagnose::structure::determined::Relation;
use causal::estimand::Target;

/// Every fault as a sentence, with the column in backticks.
#[must_use]
pub fn sentences(structure: &StructureDocument) -> Vec<String> {
    let one_arm = structure.one_arm.iter().map(one_arm_sentence);
    let determined = structure.determined.iter().map(determined_sentence);
    one_arm.chain(determined).chain(structure.determined_by_all.map(all_sentence)).collect()
}

/// The fault of one column, if it has one.
#[must_use]
pub fn of_column(structure: &StructureDocument, column: &str) -> Option<String> {
    let determined = structure.determined.iter().find(|found| found.column == column).map(determined_sentence);
    determined.or_else(|| structure.one_arm.iter().find(|found| found.column == column).map(one_arm_sentence))
}

pub(super) fn one_arm(structure: &StructureDocument, requested: Target) -> Finding {
    let rule = rule(Code::StructureOneArm);
    let hurt = |place: &&OneArmPlace| place.hurts(requested).is_some();
    let share = |place: &OneArmPlace| place.hurts(requested).unwrap_or_default();
    let worst = structure.one_arm.iter().filter(hurt).max_by(|a, b| share(a).total_cmp(&share(b)));
    let Some(worst) = worst else {
        return rule.finding(Severity::Pass, no_fault(structure, requested));
    };
    let more = structure.one_arm.iter().filter(hurt).count() - 1;
    let tail = if more > 0 { format!(" There are {more} more such places.") } else { String::new() };
    let message = format!("{}{tail}", one_arm_sentence(worst));
    let value = share(worst);
    Finding { subject: Some(worst.column.clone()), value: Some(value), ..rule.finding(rule.severity(value), message) }
}

fn no_fault(structure: &StructureDocument, requested: Target) -> String {
    match structure.one_arm.first() {
        None => {
            "No confounder has a level or a range, with units enough to tell, that is found in one arm only.".to_owned()
        }
        Some(elsewhere) => {
            format!("{} These controls are no part of the {}.", one_arm_sentence(elsewhere), requested.acronym())
        }
    }
}

pub(super) fn pocket(pockets: &[PocketPlace], requested: Target) -> Finding {
    let rule = rule(Code::StructurePocket);
    let hurt = pockets.iter().filter_map(|pocket| Some((pocket, pocket.hurts(requested)?)));
    let Some((worst, share)) = hurt.max_by(|a, b| a.1.total_cmp(&b.1)) else {
        let message = match pockets.first() {
            None => "No subgroup by up to three confounders, with units enough to tell, has next to nobody of one arm."
                .to_owned(),
            Some(elsewhere) => {
                format!("{} The {} asks nothing of them.", pocket_sentence(elsewhere), requested.acronym())
            }
        };
        return rule.finding(Severity::Pass, message);
    };
    let message = format!(
        "{} They are {} of the target population, and their effect is extrapolated from that of others: if it may be another, narrow the question to those who could have been in either arm.",
        pocket_sentence(worst),
        percent(share)
    );
    let columns: Vec<&str> = worst.conditions.iter().map(|condition| condition.column.as_str()).collect();
    let (subject, value) = (Some(columns.join(", ")), Some(share));
    Finding { subject, value, ..rule.finding(rule.severity(share), message) }
}

/// The few of the missing arm are not counted out: they are fewer than may be told of.
fn pocket_sentence(found: &PocketPlace) -> String {
    let places = found.conditions.iter().map(|condition| place_text(&condition.column, &condition.place));
    let missing = match found.arm {
        Arm::Treated => "control",
        Arm::Control => "treated unit",
    };
    let whom = if found.others == 0 { "no" } else { "hardly any" };
    format!("{} {missing} has {}.", capitalised(whom), places.collect::<Vec<_>>().join(" and "))
}

/// The residual spread of an outcome that all confounders explain up to 0.9999, as the standard error shows it: that of an
/// average effect is at least 2 √(1 − R²) sd(y) / √n.
const LEAST_ERROR: f64 = 0.02;

pub(super) fn determined(structure: &StructureDocument, estimate: EstimateState<'_>) -> Finding {
    let rule = rule(Code::StructureOutcome);
    if let Some(found) = structure.determined.first() {
        let (subject, value) = (Some(found.column.clone()), Some(found.r_squared));
        return Finding { subject, value, ..rule.finding(Severity::Fail, determined_sentence(found)) };
    }
    if let Some(r_squared) = structure.determined_by_all {
        return Finding { value: Some(r_squared), ..rule.finding(Severity::Fail, all_sentence(r_squared)) };
    }
    if let EstimateState::Measured { effect, diagnostics } = estimate {
        let error = effect.std_error * (effect.n as f64).sqrt() / diagnostics.outcome_sd;
        if error < LEAST_ERROR {
            let message = format!(
                "The standard error is {:.2e} of the outcome's standard deviation: the fitted models leave nothing to explain, so confounders are made of the outcome.",
                error / (effect.n as f64).sqrt()
            );
            return rule.finding(Severity::Fail, message);
        }
    }
    rule.finding(Severity::Pass, "No confounder, and not all of them together, says what the outcome is.")
}

fn one_arm_sentence(found: &OneArmPlace) -> String {
    let (here, missing) = match found.arm {
        Arm::Treated => ("treated", "control"),
        Arm::Control => ("controls", "treated unit"),
    };
    let whom = if found.others == 0 { "no".to_owned() } else { "hardly any".to_owned() };
    let share = percent(found.share_of_arm);
    let advice = match found.arm {
        Arm::Treated => {
            "If only treatment makes it so, it was measured too late and is no confounder; if it decided treatment, these units could not have been controls and belong in no comparison."
        }
        Arm::Control => "If it ruled treatment out, these units belong in no comparison.",
    };
    format!(
        "{share} of the {here} have {}, and {whom} {missing} does. {advice}",
        place_text(&found.column, &found.place)
    )
}

fn place_text(column: &str, place: &Place) -> String {
    match place {
        Place::Level(level) => format!("`{column}` = `{level}`"),
        Place::NotLevel(level) => format!("a `{column}` other than `{level}`"),
        Place::Missing => format!("no value of `{column}`"),
        Place::Value(value) => format!("`{column}` = {}", short(*value)),
        Place::NotValue(value) => format!("a `{column}` other than {}", short(*value)),
        Place::AtLeast(value) => format!("a `{column}` of {} or more", short(*value)),
        Place::AtMost(value) => format!("a `{column}` of {} or less", short(*value)),
    }
}

/// As a person would write it: 249, not 249.000.
fn short(value: f64) -> String {
    let digits = significant(value, 6);
    match digits.split_once('.') {
        Some((whole, decimals)) if decimals.chars().all(|c| c == '0') => whole.to_owned(),
        Some((whole, decimals)) if decimals.chars().all(|c| c.is_ascii_digit()) => {
            format!("{whole}.{}", decimals.trim_end_matches('0'))
        }
        _ => digits,
    }
}

fn determined_sentence(found: &DeterminedBy) -> String {
    let how = match found.relation {
        Relation::Linear => "a straight line",
        Relation::Monotone => "the same order",
        Relation::Curve => "a curve",
        Relation::Levels => "its levels",
        Relation::Bands => "classes that do not overlap",
    };
    format!(
        "`{}` says what the outcome is (by {how}, R² = {:.4}): it is the outcome, or was made from it, and adjusting for it takes the effect away.",
        found.column, found.r_squared
    )
}

fn all_sentence(r_squared: f64) -> String {
    format!(
        "The confounders together say what the outcome is (R² = {r_squared:.6}): some of them are parts of it, and adjusting for them takes the effect away."
    )
}
