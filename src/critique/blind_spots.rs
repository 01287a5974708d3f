//! Things that the plan does not mention and a reviewer would ask. Computed from what is written and what was counted; a plan
//! without blind spots is not thereby right.

use super::rubric::rule;
use crate::critique::target_trial;
use crate::finding::Code;
use crate::plan::{Plan, Tool};
use crate::record::documents::{AnalysisDesign, DesignDocument};
use crate::spec::{Analysis, AnalysisSpec};
use crate::term::{Factor, Term};
use crate::text::lists::listed;
use causal::diagnose::balance::BalanceRow;
use causal::learner_kind::LearnerKind;

/// Fewer confounders than this are few: a choice that people make for more than two reasons is the rule.
const FEW_CONFOUNDERS: usize = 3;

/// Units of the smaller arm for each model term below which coefficients are unreliable (Peduzzi et al. 1996,
/// doi:10.1016/S0895-4356(96)00236-3).
const UNITS_PER_TERM: usize = 10;

/// Rounding of a difference of means.
const SAME: f64 = 1e-9;

/// Keeping less than this share of the rows leaves most of the data out of the answer.
const MOST: f64 = 0.5;

/// The blind spots, in a fixed order, each a question or a fact with its consequence.
#[must_use]
pub fn list(plan: &Plan, spec: &AnalysisSpec, document: &DesignDocument) -> Vec<String> {
    let mut spots = Vec::new();
    spots.extend(unstated_components(plan));
    spots.extend(undeclared(plan));
    spots.extend(confounders(plan));
    spots.extend(topics(plan));
    spots.extend(tools(plan));
    spots.extend(rows(plan, document));
    spots.extend(straight_lines(spec, document));
    for analysis in &spec.analyses {
        if let Some(design) = document.analyses.iter().find(|design| design.requested == analysis.requested) {
            spots.extend(of_design(analysis, design));
        }
    }
    // Analyses that share their terms share their blind spots: say each once.
    let mut said: Vec<String> = Vec::new();
    for spot in spots {
        if !said.contains(&spot) {
            said.push(spot);
        }
    }
    said
}

fn unstated_components(plan: &Plan) -> Option<String> {
    let empty: Vec<&str> = target_trial::components(plan)
        .into_iter()
        .filter(|(_, words)| words.trim().is_empty())
        .map(|(name, _)| name)
        .collect();
    (!empty.is_empty()).then(|| {
        format!(
            "The target trial does not say: {}. What is left open there can be settled after the fact.",
            empty.join(", ")
        )
    })
}

fn undeclared(plan: &Plan) -> Vec<String> {
    let mut spots = Vec::new();
    if plan.placebo_outcomes.is_empty() {
        spots.push("No placebo outcome is declared: is there nothing measured before treatment, and not needed for adjustment, that would betray hidden confounding?".to_owned());
    }
    if plan.negative_controls.is_empty() {
        spots.push(
            "No negative control is declared: is there no later outcome that treatment cannot plausibly change?"
                .to_owned(),
        );
    }
    if plan.threats.iter().all(|threat| threat.trim().is_empty()) {
        spots.push(
            "No threat to validity is written down: what would make the principal distrust the answer?".to_owned(),
        );
    }
    if plan.data.unit_id.is_none() {
        spots.push("No unit id is given: a unit that appears in several rows would not be noticed, and standard errors take rows as independent.".to_owned());
    }
    spots
}

fn confounders(plan: &Plan) -> Vec<String> {
    let mut spots = Vec::new();
    let count = plan.confounders.priority.len() + plan.confounders.other.len();
    if count < FEW_CONFOUNDERS {
        spots.push(format!(
            "Only {count} confounders are named: did nothing else influence both treatment and outcome?"
        ));
    }
    if plan.confounders.priority.is_empty() {
        spots.push(
            "No confounder has priority: balance is then not graded, and sensitivity has no benchmark.".to_owned(),
        );
    }
    spots
}

/// Subjects that every reviewer asks about, with the words that show that the plan has thought of them.
const TOPICS: [(&[&str], &str); 2] = [
    (
        &["interfer", "spill", "network", "contagio", "sutva", "peer"],
        "The plan is silent on interference: could one unit's treatment change another unit's outcome?",
    ),
    (
        &["attrition", "drop-out", "dropout", "censor", "lost to follow", "survivor", "selection"],
        "The plan is silent on who is missing from the file altogether: could treatment or outcome have kept units out of it?",
    ),
];

fn topics(plan: &Plan) -> Vec<String> {
    let prose = plan.threats.iter().chain([&plan.target_trial.follow_up, &plan.target_trial.eligibility]);
    let prose = prose.map(|text| text.to_lowercase()).collect::<Vec<_>>().join(" ");
    let silent = TOPICS.iter().filter(|(words, _)| !words.iter().any(|word| prose.contains(word)));
    silent.map(|(_, spot)| (*spot).to_owned()).collect()
}

fn tools(plan: &Plan) -> Option<String> {
    let diagnostics = [Tool::Balance, Tool::Overlap, Tool::Placebo, Tool::Sensitivity];
    let barred: Vec<&str> =
        diagnostics.iter().filter(|tool| !plan.tools.contains(tool)).map(|tool| tool.key()).collect();
    (!barred.is_empty()).then(|| {
        format!("Diagnostics that the plan does not allow, and that were therefore not made: {}.", barred.join(", "))
    })
}

fn rows(plan: &Plan, document: &DesignDocument) -> Vec<String> {
    let counters = &document.counters;
    let mut spots = Vec::new();
    let imputed: usize = counters.values_imputed_by_column.values().sum();
    if counters.rows_dropped_missing > 0 {
        spots.push(format!(
            "{} of {} rows were dropped because a value was missing: the answer is about complete rows, and they may differ from the rest.",
            counters.rows_dropped_missing, counters.rows_read
        ));
    }
    if imputed > 0 {
        spots.push(format!(
            "{imputed} missing values were replaced and marked by an indicator: that adjusts for a confounder only where it was seen or its absence is harmless."
        ));
    }
    if counters.rows_dropped_other_treatment > 0 {
        spots.push(format!(
            "{} rows have a `{}` other than {} and {} and are not analysed: what was done to them?",
            counters.rows_dropped_other_treatment,
            plan.treatment.column,
            plan.treatment.treated,
            plan.treatment.control
        ));
    }
    if counters.rows_weight_zero > 0 {
        spots.push(format!(
            "{} rows have observation weight zero and so no say in the answer.",
            counters.rows_weight_zero
        ));
    }
    spots
}

/// Analyses without squares or products, by the columns that enter their models as a straight line only.
fn straight_lines(spec: &AnalysisSpec, document: &DesignDocument) -> Vec<String> {
    let mut groups: Vec<(Vec<String>, Vec<&str>)> = Vec::new();
    for analysis in spec.analyses.iter().filter(|analysis| bends_nowhere(analysis)) {
        let design = document.analyses.iter().find(|design| design.requested == analysis.requested);
        let columns = straight_columns(analysis, design);
        match groups.iter_mut().find(|group| group.0 == columns) {
            Some(group) => group.1.push(analysis.requested.acronym()),
            None => groups.push((columns, vec![analysis.requested.acronym()])),
        }
    }
    let told = groups.into_iter().filter(|group| !group.0.is_empty()).map(|group| {
        let (columns, verb) = (format!("`{}`", group.0.join("`, `")), if group.0.len() == 1 { "enters" } else { "enter" });
        format!(
            "For the {}, {columns} {verb} the models as a straight line, without squares or products: is that believable?",
            listed(&group.1)
        )
    });
    told.collect()
}

/// No term is a power or a product, and a learner draws lines: trees and splines bend by themselves.
fn bends_nowhere(analysis: &Analysis) -> bool {
    let models = [analysis.models.propensity, analysis.models.outcome];
    let lines = models.iter().any(|m| matches!(m, LearnerKind::Linear | LearnerKind::ElasticNet));
    lines && analysis.terms.iter().all(is_straight)
}

fn is_straight(term: &Term) -> bool {
    matches!(term.factors.as_slice(), [Factor::Power { exponent: 1, .. } | Factor::Equals { .. }])
}

/// Columns of numbers with more than two values, none of which has a step of its own.
fn straight_columns(analysis: &Analysis, design: Option<&AnalysisDesign>) -> Vec<String> {
    let has_a_step = |name: &str| {
        let factors = analysis.terms.iter().flat_map(|term| &term.factors);
        factors.into_iter().any(|factor| matches!(factor, Factor::Equals { column, .. } if column == name))
    };
    let rows = design.and_then(|design| design.balance.as_ref()).map_or(&[][..], |table| &table.rows);
    let two_valued = |name: &str| rows.iter().any(|row| row.term == name && is_indicator(row));
    let lines = analysis.terms.iter().filter_map(|term| match term.factors.as_slice() {
        [Factor::Power { column, exponent: 1 }] => Some(column),
        _ => None,
    });
    lines.filter(|name| !has_a_step(name) && !two_valued(name)).cloned().collect()
}

/// Of a term that is zero or one, the Kolmogorov–Smirnov distance is the difference of the means.
fn is_indicator(row: &BalanceRow) -> bool {
    let apart = (row.mean_treated_before - row.mean_control_before).abs();
    (row.ks_before - apart).abs() <= SAME
}

fn of_design(analysis: &Analysis, design: &AnalysisDesign) -> Vec<String> {
    let name = analysis.estimand().name();
    let mut spots = Vec::new();
    if let Some(model) = design.propensity.as_ref().filter(|model| !model.dropped_terms.is_empty()) {
        spots.push(format!(
            "Left out of the models for the {name}, because constant or a combination of other terms: `{}`.",
            model.dropped_terms.join("`, `")
        ));
    }
    spots.extend(unprioritised_imbalance(design, &name));
    spots.extend(thin(analysis, design, &name));
    spots
}

fn unprioritised_imbalance(design: &AnalysisDesign, name: &str) -> Option<String> {
    let rule = rule(Code::BalancePriority);
    let off = |smd: Option<f64>| smd.is_some_and(|value| rule.warn.crossed(value.abs()));
    let rows = &design.balance.as_ref()?.rows;
    let terms: Vec<&str> =
        rows.iter().filter(|row| !row.priority && off(row.smd_after)).map(|row| row.term.as_str()).collect();
    (!terms.is_empty()).then(|| {
        format!(
            "Out of balance for the {name} after weighting, but not graded because without priority: `{}`.",
            terms.join("`, `")
        )
    })
}

fn thin(analysis: &Analysis, design: &AnalysisDesign, name: &str) -> Vec<String> {
    let Some(who) = design.population.as_ref() else { return Vec::new() };
    let mut spots = Vec::new();
    let (smaller, terms) = (who.n_treated.min(who.n_control), analysis.terms.len());
    if smaller < UNITS_PER_TERM * terms {
        spots.push(format!(
            "The smaller arm of the {name} has {smaller} units for {terms} terms: the models may be fitting noise."
        ));
    }
    if who.share_kept < MOST {
        spots.push(format!(
            "Trimming kept {:.1} % of the rows for the {name}: most of the data is not in the answer.",
            100.0 * who.share_kept
        ));
    }
    spots
}
