//! Remarks on the answers: that one is to another question, by which estimator it is, and what a one-shot analysis would say.

use crate::plan::Plan;
use crate::record::documents::{Answer, ResultsDocument, SpecTried};
use crate::report::sentences;
use crate::spec::Revision;
use crate::text::lists;
use crate::text::numbers;
use causal::estimand::Inference;

/// The remarks on every answer that is to another question, and where the earlier estimates are.
pub fn all_switched(results: &ResultsDocument) -> Vec<String> {
    let mut told: Vec<String> = results.answers.iter().filter_map(|answer| switched(results, answer)).collect();
    if !told.is_empty() {
        told.push(BEFORE.to_owned());
    }
    told
}

/// That the answer is to another question, which playbook changed it and why; the estimates for the one asked are kept.
fn switched(results: &ResultsDocument, answer: &Answer) -> Option<String> {
    let asked = answer.requested.acronym();
    if answer.name == asked {
        return None;
    }
    let steps: Vec<String> = led_to(results, answer)
        .map(|made| match made.because.as_slice() {
            [] => format!("`{}`", made.playbook),
            because => format!("`{}` because of {}", made.playbook, lists::listed(because)),
        })
        .collect();
    let by = if steps.is_empty() { String::new() } else { format!(" The loop applied {}.", lists::listed(&steps)) };
    Some(format!("Asked for the {asked}, the run answers for the {}.{by}", answer.name))
}

/// Where the estimates of a question are that was changed.
const BEFORE: &str = "What was estimated for the question as it was asked is among the estimates, and its verdicts are in the list of specs.";

/// The revisions that led to the analysis that answers. One that the next spec undid did not, nor did any after that analysis.
fn led_to<'a>(results: &'a ResultsDocument, answer: &'a Answer) -> impl Iterator<Item = &'a Revision> {
    let of = |spec: &'a SpecTried| spec.revisions.iter().filter(|made| made.requested == answer.requested);
    let undone = move |spec: &SpecTried| {
        let next = results.specs_tried.iter().find(|next| next.iteration == spec.iteration + 1);
        next.is_some_and(|next| of(next).any(|made| made.reverted))
    };
    let before = results.specs_tried.iter().filter(|spec| spec.iteration <= answer.iteration);
    before.filter(move |spec| !undone(spec)).flat_map(of).filter(|made| !made.reverted)
}

/// By which estimator each answer is and why, about whom its interval is, and what a one-shot analysis would have said.
pub fn answered_by(results: &ResultsDocument, plan: &Plan) -> Vec<String> {
    let answers = || super::distinct(results);
    let by = answers().filter_map(|answer| Some((answer.name.as_str(), estimator(answer, results, plan)?)));
    let benchmark = answers().filter_map(|answer| Some((answer.name.as_str(), one_shot(results, answer)?)));
    sentences::grouped(by.collect()).into_iter().chain(sentences::grouped(benchmark.collect())).collect()
}

fn estimator(answer: &Answer, results: &ResultsDocument, plan: &Plan) -> Option<String> {
    let effect = answer.effect.as_ref()?;
    let whom = match effect.inference {
        Inference::Population => "the population that these rows were drawn from",
        Inference::Sample => "the average effect among these very rows",
    };
    // The plan may have asked for the other, and the estimator decides.
    let only = if effect.inference == plan.analysis.inference.unwrap_or_default() {
        ""
    } else {
        ", since this estimator has no other"
    };
    let members = effect.disagreement.map_or_else(String::new, |size| {
        let size = numbers::fixed(size, numbers::decimals(effect.std_error));
        let size = sentences::with_units(&size, &results.units);
        format!(" Its two members, boosting or ridge and BART, are {size} apart.")
    });
    Some(format!(
        "answered by {}. {} The interval is about {whom}{only}.{members}",
        effect.estimator.title(),
        sentences::sentence(&answer.because)
    ))
}

/// The estimate of a one-shot linear regression on every analysed row.
fn one_shot(results: &ResultsDocument, answer: &Answer) -> Option<String> {
    let mut rows = results.effects.iter().filter(|row| row.requested == answer.requested);
    let row = rows.find(|row| row.effect.estimator.is_pooled_regression())?;
    let said = sentences::effect(&row.effect, &results.units);
    Some(format!("a one-shot linear regression on all rows would have said {said}."))
}
