//! The notes of an effect in words.

use crate::record::EffectDocument;
use crate::text::lists::counted;
use causal::arm::Arm;
use causal::effect::{Effect, Note};
use causal::fit_note::{FitNote, FitPlace, FittedModel};

/// The effect as it is written down.
#[must_use]
pub fn document(effect: Effect) -> EffectDocument {
    let notes = sentences(&effect);
    EffectDocument::new(effect, notes)
}

/// Every note, one clause each. Of several repeats they are in alphabetical order, since the middle repeat is no more
/// important than the others.
#[must_use]
pub fn sentences(effect: &Effect) -> Vec<String> {
    let about_all = |note: &&Note| matches!(note, Note::PropensityKnown | Note::PopulationOnly);
    let mut fits: Vec<String> = effect.notes.iter().filter(|note| !about_all(note)).map(sentence).collect();
    if effect.repeats > 1 {
        fits.sort();
    }
    fits.extend(effect.notes.iter().filter(about_all).map(sentence));
    fits
}

/// The nuisance fits that did not end where they should, one clause each.
#[must_use]
pub fn not_converged(effect: &Effect) -> Vec<String> {
    let mut fits: Vec<String> = effect.not_converged().map(fit).collect();
    if effect.repeats > 1 {
        fits.sort();
    }
    fits
}

fn sentence(note: &Note) -> String {
    match note {
        Note::Fit(note @ FitNote::NotConverged { .. }) => format!("not converged: {}", fit(note)),
        Note::Fit(note @ (FitNote::Remark { .. } | FitNote::AtLimit { .. })) => fit(note),
        Note::PopulationOnly => "this estimator has an interval about the population only".to_owned(),
        Note::PropensityKnown => "the propensity is known and was not estimated".to_owned(),
        Note::InSampleResiduals => {
            "residuals of BART are those of the rows it was fitted to: the interval tends to be short".to_owned()
        }
        Note::Widened { factor } => {
            format!("its standard error is {factor} times that of the formula, see docs/coverage.md")
        }
    }
}

/// `outcome of the treated arm, fold 2: stopped at the limit of 2,000 rounds`.
fn fit(note: &FitNote) -> String {
    match note {
        FitNote::Remark { place: at, remark } => format!("{}: {remark}", place(*at)),
        FitNote::NotConverged { place: at, iterations, remarks } => {
            let why = if remarks.is_empty() { "it was still moving".to_owned() } else { remarks.join("; ") };
            format!("{}, after {iterations} iterations: {why}", place(*at))
        }
        FitNote::AtLimit { place: at, rows, terms } => {
            let terms: Vec<String> = terms.iter().map(|term| format!("`{term}`")).collect();
            format!(
                "{}: {} have outcomes of one kind only ({}), and fitted risks of 0 or 1 there",
                place(*at),
                counted(*rows, "row"),
                terms.join(", ")
            )
        }
    }
}

/// `propensity, repeat 2, fold 3`.
fn place(at: FitPlace) -> String {
    let model = match at.model {
        FittedModel::Propensity => "propensity",
        FittedModel::Outcome(Arm::Control) => "outcome of the control arm",
        FittedModel::Outcome(Arm::Treated) => "outcome of the treated arm",
        FittedModel::OutcomeBothArms => "outcome by BART",
    };
    let repeat = if at.repeat > 0 { format!(", repeat {}", at.repeat + 1) } else { String::new() };
    let fold = at.fold.map_or(String::new(), |fold| format!(", fold {}", fold + 1));
    format!("{model}{repeat}{fold}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fit_is_named_by_model_repeat_and_fold() {
        let at = |model, repeat, fold| FitPlace { model, repeat, fold };
        for (at, expected) in [
            (at(FittedModel::Propensity, 0, Some(0)), "propensity, fold 1"),
            (at(FittedModel::Outcome(Arm::Control), 1, Some(2)), "outcome of the control arm, repeat 2, fold 3"),
            (at(FittedModel::Outcome(Arm::Treated), 0, Some(4)), "outcome of the treated arm, fold 5"),
            (FitPlace::all_rows(FittedModel::OutcomeBothArms), "outcome by BART"),
        ] {
            assert_eq!(place(at), expected);
        }
    }

    #[test]
    fn a_fit_that_did_not_converge_says_after_how_many_steps_and_why() {
        let place = FitPlace { model: FittedModel::Propensity, repeat: 0, fold: Some(1) };
        let failed = |remarks: &[&str]| {
            let remarks = remarks.iter().map(|remark| (*remark).to_owned()).collect();
            sentence(&Note::Fit(FitNote::NotConverged { place, iterations: 70, remarks }))
        };
        assert_eq!(failed(&[]), "not converged: propensity, fold 2, after 70 iterations: it was still moving");
        assert_eq!(failed(&["a", "b"]), "not converged: propensity, fold 2, after 70 iterations: a; b");
        let remark = Note::Fit(FitNote::Remark { place, remark: "a".to_owned() });
        assert_eq!(sentence(&remark), "propensity, fold 2: a");
        assert_eq!(
            sentence(&Note::Widened { factor: 1.2 }),
            "its standard error is 1.2 times that of the formula, see docs/coverage.md"
        );
    }
}
