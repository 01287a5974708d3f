//! The difference between an answer and the average effect in everyone: for whom it holds, who was left out, and how many.

use crate::record::documents::PopulationDocument;
use crate::spec::Analysis;
use causal::estimand::{Population, Target, TrimRule};

/// A paragraph in plain words. Without a population (the design failed) it has no numbers.
#[must_use]
pub fn departs_from_ate(analysis: &Analysis, population: Option<&PopulationDocument>) -> String {
    let mut sentences = vec![whose_effect(analysis)];
    if analysis.requested != analysis.target {
        sentences.push(format!(
            "The plan asked for the {}; a revision put the {} in its place, which is another question.",
            analysis.requested.acronym(),
            analysis.target.acronym()
        ));
    }
    sentences.extend(difference(analysis.target).map(str::to_owned));
    match (analysis.population, population) {
        (_, None) => sentences.push("There is no design, so nobody can be counted.".to_owned()),
        (Population::All, Some(who)) => sentences.push(counted(who)),
        (Population::Trimmed { trim }, Some(who)) => {
            sentences.push(left_out(trim, who));
            sentences.push(counted(who));
        }
    }
    sentences.join(" ")
}

fn whose_effect(analysis: &Analysis) -> String {
    let name = analysis.estimand().name();
    match (analysis.target, analysis.population) {
        (Target::Ate, Population::All) => "This is the ATE itself: the average effect in everyone analysed.".to_owned(),
        (Target::Ate, Population::Trimmed { .. }) => {
            format!("This is the {name}, not the ATE: the average effect among those whose treatment was in doubt.")
        }
        (target, Population::All) => {
            format!("This is the {name}, not the ATE: the average effect in {}.", target.population())
        }
        (target, Population::Trimmed { .. }) => format!(
            "This is the {name}, not the ATE: the average effect in {}, as far as their treatment was in doubt.",
            target.population()
        ),
    }
}

fn difference(target: Target) -> Option<&'static str> {
    match target {
        Target::Ate => None,
        Target::Att => Some(
            "It says what treatment did to those who got it; it equals the ATE only if treatment would have done the same to those who did not.",
        ),
        Target::Atc => Some(
            "It says what treatment would have done to those who went without; it equals the ATE only if it did the same to those who got it.",
        ),
        Target::Ato => Some(
            "A unit counts in proportion to e(1 − e): most where treatment was a toss-up, next to nothing where it was all but certain. It equals the ATE only if the effect does not depend on how likely treatment was.",
        ),
    }
}

fn left_out(trim: TrimRule, who: &PopulationDocument) -> String {
    let gone = who.trimmed_treated + who.trimmed_control;
    let total = who.n + gone;
    let rule = match trim {
        TrimRule::Fixed { .. } => "the fixed rule",
        TrimRule::CrumpOptimal => "the rule that minimises the variance",
    };
    let range = match (who.alpha_lower, who.alpha_upper) {
        (Some(lower), Some(upper)) => format!("below {lower:.3} or above {upper:.3} ({rule})"),
        _ => format!("outside the range of {rule}"),
    };
    if gone == 0 {
        return format!("No row had a propensity {range}, so nobody was left out.");
    }
    format!(
        "{gone} of {total} rows ({:.1} %) were left out, {} treated and {} controls, because their propensity lay {range}: this answer says nothing about them.",
        percent(gone, total),
        who.trimmed_treated,
        who.trimmed_control
    )
}

fn percent(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { 100.0 * part as f64 / whole as f64 }
}

fn counted(who: &PopulationDocument) -> String {
    format!("It rests on {} rows: {} treated and {} controls.", who.n, who.n_treated, who.n_control)
}
