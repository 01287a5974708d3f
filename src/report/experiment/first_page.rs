//! The first page of an experiment: what to do with each arm and why, what moved, how sound the randomisation is, and for
//! whom it holds.

use super::{logged_words, phases, shown, words};
use crate::finding::{Severity, Tier};
use crate::plan::experiment::{EffectRequest, Role};
use crate::record::experiment::{
    ArmFacts, DecisionRow, EffectRow, ExperimentResults, HealthCheck, HealthCode, MetricResult, Standing, Verdict,
};
use crate::report::sentences;
use crate::text::{lists, numbers};

/// The decision on an arm.
#[derive(Debug, Clone, PartialEq)]
pub struct DecisionLine {
    /// The arm.
    pub arm: String,
    /// What to do.
    pub verdict: Verdict,
    /// Why.
    pub reason: String,
}

/// A metric that decides, in one arm.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricLine {
    /// The metric.
    pub metric: String,
    /// The arm.
    pub arm: String,
    /// Its part.
    pub role: Role,
    /// Relative effect, with its interval unless a confidence sequence decides; a dash where it is not defined.
    pub relative: String,
    /// Effect with the interval that decides, in units of the metric.
    pub effect: String,
    /// Where it stands.
    pub standing: Standing,
    /// More units, or clusters, that would probably decide it.
    pub more_units: Option<usize>,
}

/// The first page in plain text.
#[derive(Debug, Clone, PartialEq)]
pub struct FirstPage {
    /// A decision for each arm.
    pub decisions: Vec<DecisionLine>,
    /// The effects on the primary metrics, one sentence each.
    pub told: Vec<String>,
    /// Primary metrics and guardrails in every arm.
    pub metrics: Vec<MetricLine>,
    /// The grade of the randomisation.
    pub tier: Tier,
    /// Checks of it that failed or warned, and what else limits the results.
    pub caveats: Vec<String>,
    /// What was asked for and is not given, with the reasons.
    pub refused: Vec<String>,
    /// Who was compared.
    pub whom: Vec<String>,
    /// What identifies the effects.
    pub identification: Vec<String>,
}

/// The first page of a finished experiment.
#[must_use]
pub fn first_page(results: &ExperimentResults) -> FirstPage {
    let health = &results.health;
    let decided = results.decisions.iter();
    FirstPage {
        decisions: decided
            .map(|d| DecisionLine { arm: d.arm.clone(), verdict: d.verdict, reason: sentences::sentence(&d.reason) })
            .collect(),
        told: told(results),
        metrics: results.decisions.iter().flat_map(|d| &d.rows).map(|row| metric_line(results, row)).collect(),
        tier: health.tier,
        caveats: health
            .checks
            .iter()
            .chain(&results.checks_of_effects)
            .filter(|c| is_bad(c))
            .flat_map(|check| caveats(results, check))
            .chain(results.caveats.iter().map(|line| sentences::sentence(line)))
            .collect(),
        refused: results.refused.iter().map(words::refused).chain(logged_words::refusals(results)).collect(),
        whom: whom(results),
        identification: health.identification.iter().map(|line| sentences::sentence(line)).collect(),
    }
}

fn is_bad(check: &HealthCheck) -> bool {
    matches!(check.severity, Severity::Warn | Severity::Fail)
}

/// A check that failed or warned; where the effect changes with time, also how.
fn caveats(results: &ExperimentResults, check: &HealthCheck) -> Vec<String> {
    let sign = if check.severity == Severity::Fail { "Fails" } else { "Warning" };
    let told = format!("{sign}: {}", sentences::sentence(&check.message));
    let changes = if check.code == HealthCode::Novelty { phases::sentences(results) } else { Vec::new() };
    std::iter::once(told).chain(changes).collect()
}

/// The effect of assignment on everyone, of one metric and arm.
#[must_use]
pub fn assignment_effect<'a>(results: &'a ExperimentResults, metric: &str, arm: &str) -> Option<&'a EffectRow> {
    results.effects.iter().find(|row| {
        row.request == EffectRequest::Itt && row.segment.is_none() && row.metric == metric && row.arm == arm
    })
}

fn metric_line(results: &ExperimentResults, row: &DecisionRow) -> MetricLine {
    let effect = assignment_effect(results, &row.metric, &row.arm);
    MetricLine {
        metric: row.metric.clone(),
        arm: row.arm.clone(),
        role: row.role,
        relative: effect.and_then(shown::relative_beside).unwrap_or_else(|| shown::NOTHING.to_owned()),
        effect: effect.map_or_else(|| "not estimated".to_owned(), |e| shown::absolute(&shown::deciding(e))),
        standing: row.standing,
        more_units: row.more_units,
    }
}

/// The control arm's name.
#[must_use]
pub fn control(results: &ExperimentResults) -> &str {
    results.health.design.arms.iter().find(|arm| arm.control).map_or("control", |arm| &arm.arm)
}

/// The effects on the primary metrics in sentences: of assignment, then whatever else was asked for.
fn told(results: &ExperimentResults) -> Vec<String> {
    let primary = |row: &&EffectRow| {
        let found = results.metrics.iter().find(|metric| metric.name == row.metric);
        row.segment.is_none() && found.is_some_and(|metric| metric.role == Role::Primary)
    };
    let lines = results.effects.iter().filter(primary).map(|row| sentence(results, row));
    // A comparison that chance did not make has no effect to tell of.
    if results.health.tier == Tier::NotSatisfactory {
        return vec![
            "No effect is told here, since the randomisation failed its audit; the tables below have the differences."
                .to_owned(),
        ];
    }
    lines.collect()
}

fn sentence(results: &ExperimentResults, row: &EffectRow) -> String {
    let decides = shown::deciding(row);
    let size = shown::absolute(&decides);
    let share = shown::relative_beside(row).map_or(String::new(), |share| format!(", {share}"));
    if row.request != EffectRequest::Itt {
        let what = sentences::sentence(words::request(row.request));
        let what = what.trim_end_matches('.');
        return format!("{what} (`{}`, metric `{}`): {size}{share}.", row.arm, row.metric);
    }
    let arms = format!("being assigned to `{}` rather than `{}`", row.arm, control(results));
    if decides.lower <= 0.0 && decides.upper >= 0.0 {
        return format!("Whether {arms} raises or lowers `{}` is open: {size}{share}.", row.metric);
    }
    let verb = if decides.estimate < 0.0 { "lowers" } else { "raises" };
    let end = row.baseline.map_or(String::new(), |from_mean| {
        let [from, to] = [from_mean, from_mean + decides.estimate].map(|mean| shown::value(mean, decides.std_error));
        let adjusted = if is_adjusted(results, row, from_mean) { "adjusted for covariates, " } else { "" };
        format!(": {adjusted}from {from} to {to}")
    });
    let [estimate, low, high] = match verb {
        "lowers" => [-decides.estimate, -decides.upper, -decides.lower],
        _ => [decides.estimate, decides.lower, decides.upper],
    };
    let size = numbers::interval(estimate, decides.std_error, low, high);
    let share = shown::relative_beside(row).map_or(String::new(), |share| format!(" ({share})"));
    sentences::sentence(&format!("{arms} {verb} `{}` by {size}{end}{share}", row.metric))
}

/// True if the mean under control is that of the model rather than of the rows.
fn is_adjusted(results: &ExperimentResults, row: &EffectRow, from: f64) -> bool {
    /// Of a standard error: less is not to be seen.
    const SAME: f64 = 1e-6;
    let arms = metric(results, &row.metric).map(|metric| metric.arms.as_slice()).unwrap_or_default();
    let raw = arms.iter().find(|arm| arm.arm == control(results));
    raw.is_some_and(|raw| (raw.value - from).abs() > SAME * row.effect.std_error)
}

/// Units, clusters, take-up and how it was analysed.
fn whom(results: &ExperimentResults) -> Vec<String> {
    let design = &results.health.design;
    let arms: Vec<String> = design.arms.iter().map(arm).collect();
    let rows =
        if design.rows == design.units { String::new() } else { format!(" with {} rows", numbers::count(design.rows)) };
    let mut lines = vec![format!("{} units{rows}: {}.", numbers::count(design.units), lists::listed(&arms))];
    lines.extend(design.filtered_out.and_then(words::filtered_out));
    lines.extend(design.clusters.map(|clusters| {
        let by: Vec<String> = design.cluster_by.iter().map(|column| format!("`{column}`")).collect();
        format!("Randomised or repeated together: {} clusters by {}.", numbers::count(clusters), lists::listed(&by))
    }));
    if design.arms.iter().any(|arm| arm.take_up.is_some()) {
        lines.push(words::compliance(design.compliance).to_owned());
    }
    lines.extend(design.smallest_propensity.map(|smallest| {
        let rows = design.effective_rows.map_or(String::new(), |rows| {
            format!(" They are as informative as {} rows of equal weight.", numbers::effective(rows))
        });
        format!(
            "Rows are weighted by the inverse of their chance of the arm they got, at least {}.{rows}",
            numbers::significant(smallest, 3)
        )
    }));
    lines.push(analysis(results));
    lines
}

fn arm(arm: &ArmFacts) -> String {
    let clusters = arm.clusters.map_or(String::new(), |n| format!(" in {} clusters", numbers::count(n)));
    let take_up =
        arm.take_up.map_or(String::new(), |share| format!(", {} took a treatment up", numbers::percent(share)));
    let planned = numbers::percent(arm.planned_share);
    format!("{} in `{}`{clusters} (planned {planned}{take_up})", numbers::count(arm.units), arm.arm)
}

fn analysis(results: &ExperimentResults) -> String {
    let design = &results.health.design;
    let iv = design
        .variance_of_iv
        .filter(|iv| *iv != design.variance)
        .map_or(String::new(), |variance| format!("; {} for effects of the treatment", words::variance(variance)));
    let terms: Vec<String> = design.covariates.iter().map(|term| format!("`{term}`")).collect();
    let given = if terms.is_empty() { String::new() } else { format!(": {}", lists::listed(&terms)) };
    let dropped: Vec<String> = design.dropped_terms.iter().map(|term| format!("`{term}`")).collect();
    let dropped = if dropped.is_empty() {
        String::new()
    } else {
        format!(" Left out, as constant or a combination of others: {}.", lists::listed(&dropped))
    };
    let how = words::adjustment(design.adjustment);
    format!("Analysed by {how}{given}; standard errors {}{iv}.{dropped}", words::variance(design.variance))
}

/// The metric of a name.
#[must_use]
pub fn metric<'a>(results: &'a ExperimentResults, name: &str) -> Option<&'a MetricResult> {
    results.metrics.iter().find(|metric| metric.name == name)
}
