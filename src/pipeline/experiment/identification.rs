//! The reason why the effects are those of the arms, in sentences.

use super::modelling::Experiment;
use crate::plan::experiment::EffectRequest;
use crate::record::experiment::Compliance;
use crate::text::lists::listed;

/// What identifies the effects: chance, and for effects of treatment what has to be assumed besides.
pub(super) fn sentences(experiment: &Experiment) -> Vec<String> {
    let plan = &experiment.plan;
    let drawn = match (experiment.clusters_were_assigned(), plan.assignment.cluster_by.is_empty()) {
        (true, false) => format!("whole groups by {}", columns(&plan.assignment.cluster_by)),
        _ => "each unit".to_owned(),
    };
    let chance = match experiment.weights() {
        Some(_) => format!(
            "with chances in `{}` that vary within an arm: rows are weighted by one over the chance of the arm they got",
            plan.assignment.propensity.as_deref().unwrap_or_default()
        ),
        None => "with the planned shares".to_owned(),
    };
    let mut sentences = vec![format!(
        "By design: `{}` was drawn for {drawn} {chance}, so the arms differ by chance and by what the arms do.",
        plan.assignment.column
    )];
    sentences.push("It is assumed that no unit is affected by the arm of another.".to_owned());
    if !plan.assignment.cluster_by.is_empty() {
        sentences.push(format!(
            "Rows with the same {} may depend on each other; different ones are taken to be independent.",
            columns(&plan.assignment.cluster_by)
        ));
    }
    if plan.requests.iter().any(|request| *request != EffectRequest::Itt) {
        sentences.push(of_treatment(experiment));
    }
    if plan.requests.contains(&EffectRequest::Ate) {
        sentences.push(
            "The effect of treatment on everyone assumes besides that units with the same covariates have the same average effect, whether or not the assignment moves them; the data cannot show that."
                .to_owned(),
        );
    }
    sentences
}

fn of_treatment(experiment: &Experiment) -> String {
    let taken = experiment.plan.treated.as_deref().unwrap_or_default();
    match experiment.compliance() {
        Compliance::Full => format!(
            "Everyone took up what they were assigned to in `{taken}`, so effects of assignment are effects of treatment."
        ),
        Compliance::OneSided | Compliance::TwoSided => format!(
            "`{taken}` is not always as assigned, so the assignment serves as an instrument: it is assumed to act on the metrics through `{taken}` only, and to keep nobody from it who would have taken it up otherwise."
        ),
    }
}

fn columns(names: &[String]) -> String {
    listed(&names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>())
}
