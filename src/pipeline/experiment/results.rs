//! `results.json`: every effect, what was refused, and the decision.

use super::days::{days, novelty, phases};
use super::effects::{Answers, adjust_p_values, itt, summaries};
use super::instrument::effects_of_treatment;
use super::logged_actions;
use super::modelling::Experiment;
use super::segment_arms::segment_arms;
use super::segments::effects_in_segments;
use crate::critique::experiment::decision::{DecisionInput, decide};
use crate::critique::experiment::rubric;
use crate::plan::experiment::{Amount, EffectRequest, Metric, Role};
use crate::record::experiment::{
    EffectRow, ExperimentResults, FirstStage, HealthCode, HealthDocument, Look, MetricResult, Refused, SeenEffect,
};
use std::collections::BTreeMap;

/// The results after earlier looks, which are in order.
#[must_use]
pub fn results(experiment: &Experiment, health: HealthDocument, looks: &[Look]) -> ExperimentResults {
    let plan = &experiment.plan;
    let declared = declared(experiment);
    let (mut answers, first_stages) = for_everyone(experiment, looks, &declared);
    let mut in_segments = effects_in_segments(experiment);
    answers.refused.splice(0..0, without_values(experiment));
    let metrics: Vec<MetricResult> = plan.metrics.iter().filter_map(|metric| result(experiment, metric)).collect();
    let exploratory = Exploratory::after(looks, experiment);
    for row in answers.effects.iter_mut().chain(&mut in_segments.effects) {
        row.exploratory = exploratory.is(row, &declared);
    }
    let role = |row: &EffectRow| plan.metrics.iter().find(|metric| metric.name == row.metric).map(|metric| metric.role);
    adjust_p_values(&mut answers.effects, |row| {
        format!("{} {}", row.request.key(), role(row).unwrap_or(Role::Secondary).key())
    });
    adjust_p_values(&mut in_segments.effects, |row| row.metric.clone());
    let mut caveats = caveats(experiment, looks);
    let decisions = decide(&DecisionInput {
        health: &health,
        metrics: &metrics,
        effects: &answers.effects,
        refused: &answers.refused,
        alpha: experiment.alpha(),
        anytime: experiment.anytime(),
    });
    caveats.extend(exploratory_caveat(&answers.effects, &in_segments.effects));
    answers.refused.extend(in_segments.refused);
    let logged_audit = logged_actions::audit(experiment);
    let logged_answers = logged_audit.as_ref().and_then(|audit| logged_actions::answers(experiment, audit));
    let this = look(experiment, &answers.effects, &declared);
    let again = looks.iter().any(|look| look.data_sha256 == this.data_sha256 && look.plan_sha256 == this.plan_sha256);
    let all = looks.iter().cloned().chain((!again).then_some(this)).collect();
    ExperimentResults {
        title: plan.title.clone(),
        question: plan.question.clone(),
        health,
        metrics,
        effects: answers.effects,
        segments: in_segments.effects,
        segment_arms: segment_arms(experiment),
        segment_covariances: in_segments.covariances,
        refused: answers.refused,
        first_stages,
        days: days(experiment),
        phases: phases(experiment),
        looks_planned: plan.looks.plan,
        looks: all,
        checks_of_effects: vec![rubric::check(HealthCode::Novelty, &novelty(experiment))],
        decisions,
        logged_audit,
        logged_answers,
        caveats,
        data_sha256: experiment.table.sha256.clone(),
        plan_sha256: experiment.plan_sha256.clone(),
        version: crate::VERSION.to_owned(),
    }
}

/// The effects on everyone that were asked for, and the first stages of those of treatment.
fn for_everyone(
    experiment: &Experiment,
    looks: &[Look],
    declared: &BTreeMap<String, String>,
) -> (Answers, Vec<FirstStage>) {
    // A sequence goes on only over looks at the same metric, analysed in the same way.
    let now = analysis(experiment);
    let comparable: Vec<Look> = looks
        .iter()
        .filter(|look| look.analysis == now)
        .map(|look| {
            let same = |seen: &SeenEffect| look.metrics.get(&seen.metric) == declared.get(&seen.metric);
            Look { seen: look.seen.iter().filter(|seen| same(seen)).cloned().collect(), ..look.clone() }
        })
        .collect();
    let mut answers = itt(experiment, &comparable);
    let (first_stages, of_treatment) = effects_of_treatment(experiment, &comparable);
    answers.extend(of_treatment);
    (answers, first_stages)
}

/// What somebody sees of the effects who sees those on everyone, after earlier looks.
#[must_use]
pub fn this_look(experiment: &Experiment, looks: &[Look]) -> Look {
    let declared = declared(experiment);
    let (answers, _) = for_everyone(experiment, looks, &declared);
    look(experiment, &answers.effects, &declared)
}

/// Every effect that was asked for of the metrics that could not be computed.
fn without_values(experiment: &Experiment) -> Vec<Refused> {
    let refused = |(metric, reason): (String, String)| {
        // Effects of assignment are always given.
        let others = experiment.plan.requests.iter().copied().filter(|request| *request != EffectRequest::Itt);
        let requests = std::iter::once(EffectRequest::Itt).chain(others);
        let refuse = move |request: EffectRequest| {
            let (metric, reason) = (metric.clone(), reason.clone());
            Refused { metric, arm: None, request, segment: None, reason }
        };
        requests.map(refuse).collect::<Vec<_>>()
    };
    experiment.refused_metrics().into_iter().flat_map(refused).collect()
}

/// A metric in each arm; in none if it could not be computed.
fn result(experiment: &Experiment, metric: &Metric) -> Option<MetricResult> {
    let table = &experiment.table;
    let computed = table.metrics.iter().find(|column| column.name == metric.name);
    let refused = || table.refused.iter().map(|refused| &refused.column).find(|column| column.name == metric.name);
    let column = computed.or_else(refused)?;
    let arms = computed.map(|column| summaries(experiment, column)).unwrap_or_default();
    let control = arms.iter().find(|arm| arm.arm == experiment.table.arms[0]).map(|arm| arm.value.abs());
    let in_units = |amount: Amount| match amount {
        Amount::Absolute(size) => Some(size),
        Amount::Relative(share) => control.map(|control| share * control),
    };
    Some(MetricResult {
        name: metric.name.clone(),
        measure: metric.measure.text(),
        role: metric.role,
        worse: metric.worse,
        smallest_effect: metric.smallest_effect.and_then(in_units),
        margin: metric.margin.and_then(in_units),
        arms,
        counters: column.counters.clone(),
    })
}

/// The metrics of the plan with everything that defines them.
fn declared(experiment: &Experiment) -> BTreeMap<String, String> {
    experiment.plan.metrics.iter().map(|metric| (metric.name.clone(), definition(metric))).collect()
}

fn definition(metric: &Metric) -> String {
    let part = |name: &str, value: Option<String>| value.map_or(String::new(), |value| format!("; {name} {value}"));
    [
        metric.measure.text(),
        part("source", metric.source.clone()),
        part("window", metric.window.map(|window| format!("{}d to {}d", window.from, window.to))),
        part("filter", metric.filter.as_ref().map(|filter| filter.text.clone())),
        part("winsorised at", metric.winsorise.map(|at| at.to_string())),
        part("role", Some(metric.role.key().to_owned())),
        part("worse", Some(metric.worse.key().to_owned())),
        part("time", metric.time.clone()),
        part("per", metric.per.clone()),
        part("margin", metric.margin.map(amount)),
        part("smallest effect", metric.smallest_effect.map(amount)),
    ]
    .concat()
}

fn amount(amount: Amount) -> String {
    match amount {
        Amount::Absolute(size) => size.to_string(),
        Amount::Relative(share) => format!("{}%", 100.0 * share),
    }
}

/// Everything but the metrics that decides what is compared and how. A plan that changes it after a look asks another question.
fn analysis(experiment: &Experiment) -> String {
    let plan = &experiment.plan;
    let written = |conditions: &[crate::expression::Written]| {
        conditions.iter().map(|condition| condition.text.clone()).collect::<Vec<_>>().join(" and ")
    };
    let derive = plan.data.derive.iter().map(|(name, made)| format!("{name}: {}", made.text)).collect::<Vec<_>>();
    format!(
        "arms {} of {}; shares {:?}; units {:?}; clusters {:?}; chances {:?}; start {:?} {:?}; taken {:?}; rows where {}; computed {}; \
         covariates {}; adjust {}; variance {:?}; alpha {}",
        plan.assignment.column,
        plan.assignment.control,
        plan.assignment.shares,
        plan.assignment.unit_id,
        plan.assignment.cluster_by,
        plan.assignment.propensity,
        plan.assignment.start,
        plan.assignment.assigned_at,
        plan.treated,
        written(&plan.data.filter),
        derive.join(", "),
        plan.covariates.join(", "),
        experiment.adjustment().key(),
        plan.analysis.variance,
        experiment.alpha()
    )
}

/// What was declared at the first look. Without earlier looks, everything is.
struct Exploratory<'a> {
    first: Option<&'a Look>,
    /// The analysis as it is now.
    analysis: String,
}

impl<'a> Exploratory<'a> {
    fn after(looks: &'a [Look], experiment: &Experiment) -> Self {
        Exploratory { first: looks.first(), analysis: analysis(experiment) }
    }

    /// True if the metric (as it is defined now) or the segment of a row came later.
    fn is(&self, row: &EffectRow, declared: &BTreeMap<String, String>) -> bool {
        let Some(first) = self.first else { return false };
        let changed = first.metrics.get(&row.metric) != declared.get(&row.metric) || first.analysis != self.analysis;
        changed || row.segment.as_ref().is_some_and(|segment| !first.segments.contains(segment))
    }
}

fn exploratory_caveat(effects: &[EffectRow], segments: &[EffectRow]) -> Option<String> {
    let late = effects.iter().chain(segments).filter(|row| row.exploratory).count();
    (late > 0).then(|| {
        format!("{late} effects are exploratory: their metric or segment, or how they are analysed, was added or changed after the first look, and they decide nothing.")
    })
}

fn caveats(experiment: &Experiment, looks: &[Look]) -> Vec<String> {
    let mut caveats = Vec::new();
    if experiment.anytime() && experiment.cluster_count().is_some() {
        caveats.push(
            "Confidence sequences count clusters, in the t form; that they hold there is asymptotic, and no published package gives them."
                .to_owned(),
        );
    }
    let changed = looks.iter().any(|look| look.planned_n != experiment.plan.looks.planned_n);
    if experiment.anytime() && changed {
        caveats.push(
            "`looks.planned_n` was changed after a look: the sequences of before and after are not one.".to_owned(),
        );
    }
    for (segment, missing) in experiment.plan.segments.iter().zip(&experiment.table.segment_missing) {
        if *missing > 0 {
            caveats.push(format!(
                "{missing} rows are outside the segment `{}` because a value of it is missing.",
                segment.text
            ));
        }
    }
    for (column, filled) in &experiment.table.filled {
        caveats.push(format!("{filled} missing values of the covariate `{column}` were set to 0 beside an indicator."));
    }
    caveats
}

fn look(experiment: &Experiment, effects: &[EffectRow], declared: &BTreeMap<String, String>) -> Look {
    let seen = |row: &EffectRow| {
        let [lower, upper, p_value] = row
            .anytime
            .map_or([row.effect.lower, row.effect.upper, row.p_value], |any| [any.lower, any.upper, any.p_value]);
        SeenEffect {
            metric: row.metric.clone(),
            arm: row.arm.clone(),
            request: row.request,
            estimate: row.effect.estimate,
            lower,
            upper,
            p_value,
            anytime: row.anytime.is_some(),
        }
    };
    Look {
        n: experiment.cluster_count().unwrap_or(experiment.n()),
        data_sha256: experiment.table.sha256.clone(),
        plan_sha256: experiment.plan_sha256.clone(),
        metrics: declared.clone(),
        analysis: analysis(experiment),
        segments: experiment.plan.segments.iter().map(|segment| segment.text.clone()).collect(),
        planned_n: experiment.plan.looks.planned_n,
        seen: effects
            .iter()
            .filter(|row| row.request != EffectRequest::Ate || row.anytime.is_some())
            .map(seen)
            .collect(),
    }
}
