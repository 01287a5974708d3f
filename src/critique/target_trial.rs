//! The ideal trial beside this analysis, component by component (Hernán & Robins 2016, doi:10.1093/aje/kwv254). The
//! protocol has seven components, the last of which is the analysis plan; with the outcome split from follow-up there are
//! eight lines.

use crate::plan::{MissingPolicy, Plan};
use crate::record::critique::TrialContrast;
use crate::record::documents::DesignDocument;
use crate::spec::AnalysisSpec;
use causal::estimand::OutcomeKind;

/// Stands in where the plan says nothing.
pub(super) const UNSTATED: &str = "(the plan does not say)";

/// The eight components: title, and the principal's words.
pub(super) fn components(plan: &Plan) -> [(&'static str, &str); 8] {
    let trial = &plan.target_trial;
    [
        ("eligibility", &trial.eligibility),
        ("treatment strategies", &trial.treatment_strategies),
        ("assignment", &trial.assignment),
        ("time zero", &trial.time_zero),
        ("follow-up", &trial.follow_up),
        ("outcome", &trial.outcome),
        ("causal contrast", &trial.causal_contrast),
        ("analysis plan", &trial.analysis_plan),
    ]
}

/// One line for each component, always all eight.
#[must_use]
pub fn contrast(plan: &Plan, spec: &AnalysisSpec, document: &DesignDocument) -> Vec<TrialContrast> {
    let this = [
        eligibility(spec, document),
        strategies(spec),
        assignment(spec),
        "Not enforced by the analysis: it takes the confounders as measured before treatment and the outcome as measured after. Only the plan can vouch for that.".to_owned(),
        follow_up(spec),
        outcome(spec),
        causal_contrast(spec),
        analysis_plan(spec),
    ];
    let line = |((component, words), this_analysis): ((&str, &str), String)| TrialContrast {
        component: component.to_owned(),
        target_trial: if words.trim().is_empty() { UNSTATED.to_owned() } else { words.trim().to_owned() },
        this_analysis,
    };
    components(plan).into_iter().zip(this).map(line).collect()
}

fn eligibility(spec: &AnalysisSpec, document: &DesignDocument) -> String {
    let counters = &document.counters;
    let who = match spec.filter.as_slice() {
        [] => "Whoever is in the file".to_owned(),
        conditions => {
            let conditions: Vec<String> = conditions.iter().map(|one| format!("`{one}`")).collect();
            format!("The rows of the file in which {} holds", conditions.join(" and "))
        }
    };
    let filtered = match counters.rows_filtered {
        0 => String::new(),
        rows => format!("{rows} not eligible, "),
    };
    let weightless = match counters.rows_weight_zero {
        0 => String::new(),
        rows => format!(", {rows} of weight zero"),
    };
    let mut text = format!(
        "{who}: {} rows read, {} analysed ({filtered}{} dropped for missing values, {} for another treatment{weightless}).",
        counters.rows_read,
        counters.rows_analysed,
        counters.rows_dropped_missing,
        counters.rows_dropped_other_treatment
    );
    for design in &document.analyses {
        if let Some(who) = design.population.as_ref().filter(|who| who.n != counters.rows_analysed) {
            text.push_str(&format!(" For the {}, {} of them.", design.name, who.n));
        }
    }
    text
}

fn strategies(spec: &AnalysisSpec) -> String {
    format!(
        "`{}` = {} against {}, as recorded. Nobody was held to a protocol: if there are several versions of the treatment, the answer is an average over them.",
        spec.treatment, spec.treated, spec.control
    )
}

fn assignment(spec: &AnalysisSpec) -> String {
    let names: Vec<String> = spec.confounders.iter().map(|group| format!("`{}`", group.confounder)).collect();
    let given = match names.split_last() {
        None => "nothing at all: the plan names no confounder".to_owned(),
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
    };
    format!(
        "Observed, not randomised. The comparison is causal if treatment is as good as random given {given} (conditional exchangeability), and if everyone in the target population could have gone either way (positivity). The first cannot be tested here."
    )
}

fn follow_up(spec: &AnalysisSpec) -> String {
    let own: Vec<String> =
        spec.missing_for.iter().map(|(column, policy)| format!("`{column}`: {}", policy.key())).collect();
    let own = if own.is_empty() { own.concat() } else { format!(" (by column, {})", own.join(", ")) };
    let lost = match spec.missing {
        MissingPolicy::Error => "No value may be missing, so nobody in the file is lost",
        MissingPolicy::Drop => "Rows with a missing value are dropped, as if they were missing at random",
        MissingPolicy::Indicator => "Missing confounders are marked by an indicator; a missing outcome is an error",
    };
    format!(
        "One measurement of the outcome, whenever it was taken. {lost}{own}; units that never made it into the file are not accounted for."
    )
}

fn outcome(spec: &AnalysisSpec) -> String {
    let scale = match spec.outcome_kind {
        OutcomeKind::Continuous => "a difference of means",
        OutcomeKind::Binary => "a difference of risks",
    };
    let units = if spec.units.trim().is_empty() { "units not stated" } else { spec.units.trim() };
    format!("`{}` ({units}), as recorded and without blinded assessment; effects are {scale}.", spec.outcome)
}

fn causal_contrast(spec: &AnalysisSpec) -> String {
    let names: Vec<String> = spec.analyses.iter().map(|analysis| analysis.estimand().name()).collect();
    format!(
        "{}, of the treatment received. That is neither an intention-to-treat effect, since assignment is not what is analysed, nor a per-protocol effect, since adherence is not modelled.",
        names.join(", ")
    )
}

fn analysis_plan(spec: &AnalysisSpec) -> String {
    let each = spec.analyses.iter().map(|analysis| {
        format!("{} by {} with {} terms", analysis.estimand().name(), analysis.primary.title(), analysis.terms.len())
    });
    let blind = if spec.blind { "chosen before any effect was computed" } else { "chosen with effects in view" };
    format!("{}; {blind}. A trial would need no model for assignment.", each.collect::<Vec<_>>().join("; "))
}
