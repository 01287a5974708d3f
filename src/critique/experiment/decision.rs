//! Ship, hold or stop: the effects held against what the plan declared before anyone saw them.
//!
//! With the effect and its interval counted in the direction in which the metric gets better, τ the smallest effect that matters
//! (0 if none is declared), M the margin of a guardrail, and p adjusted by Holm over every primary metric and arm:
//!
//! | primary metric | stands |
//! |---|---|
//! | p < α, estimate ≥ τ, better | better |
//! | p < α, worse | worse |
//! | upper end < τ, τ declared | no effect that matters; where p < α, smaller than matters |
//! | otherwise | undecided |
//!
//! | guardrail | stands |
//! |---|---|
//! | lower end > −M | within its margin |
//! | upper end < −M | beyond its margin |
//! | otherwise | undecided |
//!
//! A guardrail or primary metric without an effect is no pass: it holds.
//!
//! Stop: a guardrail is beyond its margin, a primary metric is worse, or no primary metric has an effect that matters. Ship: a primary
//! metric is better, none is worse, every guardrail is within its margin. Hold otherwise; and whatever the effects are, where
//! the randomisation failed its audit. Intervals and p-values are those that hold at every look, where the plan has looks.
//!
//! Non-inferiority: Schumi & Wittes 2011, doi:10.1186/1745-6215-12-106. Holm 1979.

use crate::finding::Tier;
use crate::plan::experiment::{EffectRequest, Role, Worse};
use crate::record::experiment::{
    ArmDecision, DecisionRow, EffectRow, HealthDocument, MetricResult, Refused, Standing, Verdict,
};
use crate::text::lists::listed;
use crate::text::numbers;
use causal::experiment::anytime::Mixture;
use causal::experiment::multiplicity::holm;
use causal::numerics::distributions::{normal_quantile, t_quantile};

/// What a decision is made from.
#[derive(Debug, Clone, Copy)]
pub struct DecisionInput<'a> {
    /// The audit.
    pub health: &'a HealthDocument,
    /// The metrics.
    pub metrics: &'a [MetricResult],
    /// Effects on everyone.
    pub effects: &'a [EffectRow],
    /// What was asked for and is not given.
    pub refused: &'a [Refused],
    /// 1 − confidence.
    pub alpha: f64,
    /// True if the plan looks at any time: an interval for one look then decides nothing.
    pub anytime: bool,
}

/// The decision on each arm but the control.
#[must_use]
pub fn decide(input: &DecisionInput<'_>) -> Vec<ArmDecision> {
    let family = family(input);
    let arms = input.health.design.arms.iter().filter(|arm| !arm.control);
    arms.map(|arm| decide_arm(input, &family, &arm.arm)).collect()
}

/// The effects of assignment on everyone, of metrics with a part in the decision.
fn deciding<'a>(input: &'a DecisionInput<'_>) -> impl Iterator<Item = (&'a EffectRow, &'a MetricResult)> {
    let rows = input.effects.iter().filter(|row| row.request == EffectRequest::Itt && row.segment.is_none());
    rows.filter_map(|row| input.metrics.iter().find(|metric| metric.name == row.metric).map(|metric| (row, metric)))
        .filter(|found| found.1.role != Role::Secondary && !found.0.exploratory)
}

/// A primary metric in one arm among all of them.
struct Member<'a> {
    row: &'a EffectRow,
    /// Holm's p-value.
    p_adjusted: f64,
    /// How many times the present size lets Holm reject no effect, if the estimates stay where they are.
    times: f64,
}

/// The primary metrics of every arm, which Holm adjusts together.
///
/// With the p-values in order, that of rank r (from 0) of m is held against α/(m − r), after those before it were rejected. As half
/// an interval falls as 1/√n, and the order stays, the size that rejects it is the largest that one up to it needs at its own level.
fn family<'a>(input: &'a DecisionInput<'_>) -> Vec<Member<'a>> {
    let primary = deciding(input).filter(|found| found.1.role == Role::Primary).map(|found| found.0);
    let mut rows: Vec<&EffectRow> = primary.collect();
    rows.sort_by(|a, b| p_value(a).total_cmp(&p_value(b)));
    let p: Vec<f64> = rows.iter().map(|row| p_value(row)).collect();
    let m = rows.len();
    let mut largest: f64 = 0.0;
    let ranked = rows.into_iter().zip(holm(&p)).enumerate();
    ranked
        .map(|(rank, (row, p_adjusted))| {
            let half = half_width(row) * wider(row, input, (m - rank) as f64);
            largest = largest.max((half / row.effect.estimate).powi(2));
            Member { row, p_adjusted, times: largest }
        })
        .collect()
}

/// Half the interval that decides.
fn half_width(row: &EffectRow) -> f64 {
    let [lower, upper] =
        row.anytime.map_or([row.effect.lower, row.effect.upper], |anytime| [anytime.lower, anytime.upper]);
    (upper - lower) / 2.0
}

/// How many times wider an interval at the level α/k is than at α.
fn wider(row: &EffectRow, input: &DecisionInput<'_>, k: f64) -> f64 {
    let half = |alpha: f64| match (row.anytime, row.df) {
        (Some(anytime), df) => {
            let index = anytime.index as f64;
            // A sequence over clusters has its own degrees of freedom.
            let df = input.health.design.clusters.map_or(df.unwrap_or(f64::INFINITY), |_| index - 1.0);
            Mixture { precision: anytime.g, index, df }.radius(alpha)
        }
        (None, Some(df)) => t_quantile(1.0 - alpha / 2.0, df).unwrap_or(f64::INFINITY),
        (None, None) => normal_quantile(1.0 - alpha / 2.0).unwrap_or(f64::INFINITY),
    };
    half(input.alpha / k) / half(input.alpha)
}

/// The p-value that holds under the plan's looks.
fn p_value(row: &EffectRow) -> f64 {
    row.anytime.map_or(row.p_value, |anytime| anytime.p_value)
}

fn decide_arm(input: &DecisionInput<'_>, family: &[Member<'_>], arm: &str) -> ArmDecision {
    let rows: Vec<DecisionRow> = deciding(input)
        .filter(|found| found.0.arm == arm)
        .map(|(row, metric)| {
            let member = family.iter().find(|member| std::ptr::eq(member.row, row));
            stand(row, metric, member, input)
        })
        .collect();
    let missing = missing(input, arm);
    let (verdict, reason) = verdict(input, &rows, Missing { metrics: &missing, arm });
    ArmDecision { arm: arm.to_owned(), verdict, reason, rows }
}

/// Metrics with a part in the decision that have no effect.
fn missing(input: &DecisionInput<'_>, arm: &str) -> Vec<String> {
    let has = |name: &str| deciding(input).any(|found| found.0.arm == arm && found.1.name == name);
    let needed = input.metrics.iter().filter(|metric| metric.role != Role::Secondary);
    needed.filter(|metric| !has(&metric.name)).map(|metric| metric.name.clone()).collect()
}

/// The effect of one row, counted so that more is better.
struct Better {
    estimate: f64,
    lower: f64,
    upper: f64,
}

impl Better {
    fn new(row: &EffectRow, worse: Worse) -> Better {
        let [lower, upper] =
            row.anytime.map_or([row.effect.lower, row.effect.upper], |anytime| [anytime.lower, anytime.upper]);
        match worse {
            Worse::Down => Better { estimate: row.effect.estimate, lower, upper },
            Worse::Up => Better { estimate: -row.effect.estimate, lower: -upper, upper: -lower },
        }
    }

    /// How many times the present size makes the interval end at a distance from the estimate.
    fn times(&self, distance: f64) -> f64 {
        ((self.upper - self.lower) / 2.0 / distance).powi(2)
    }
}

fn stand(
    row: &EffectRow,
    metric: &MetricResult,
    member: Option<&Member<'_>>,
    input: &DecisionInput<'_>,
) -> DecisionRow {
    let p = member.map(|member| member.p_adjusted);
    let better = Better::new(row, metric.worse);
    // Neither a comparison that chance did not make nor an interval for one look among many decides.
    let decides = input.health.tier != Tier::NotSatisfactory && (row.anytime.is_some() || !input.anytime);
    if !decides {
        let (metric, arm, role) = (row.metric.clone(), row.arm.clone(), metric.role);
        return DecisionRow { metric, arm, role, standing: Standing::Undecided, p_adjusted: p, more_units: None };
    }
    let (standing, times) = match metric.role {
        Role::Guardrail => {
            // A share of a control mean that is not there is no margin.
            metric.margin.map_or((Standing::Undecided, None), |margin| guardrail(&better, margin))
        }
        _ => {
            let rejected = (p.unwrap_or(1.0) < input.alpha, member.map_or(f64::INFINITY, |member| member.times));
            primary(&better, metric.smallest_effect, rejected)
        }
    };
    let undecided = standing == Standing::Undecided;
    DecisionRow {
        metric: row.metric.clone(),
        arm: row.arm.clone(),
        role: metric.role,
        standing,
        p_adjusted: p,
        more_units: times.filter(|_| undecided).and_then(|times| more_units(row, times, input)),
    }
}

/// Where a primary metric stands, and how many times the present size would probably decide it. `rejected`: whether Holm rejects no
/// effect, and how many times the present size lets him.
fn primary(better: &Better, smallest: Option<f64>, rejected: (bool, f64)) -> (Standing, Option<f64>) {
    let (rejected, until_rejected) = rejected;
    let matters = smallest.unwrap_or_default();
    let excluded = smallest.is_some() && better.upper < matters;
    let standing = match (rejected, better.estimate > 0.0) {
        (true, false) => Standing::Worse,
        (true, true) if excluded => Standing::SmallerThanMatters,
        (true, true) if better.estimate >= matters => Standing::Better,
        _ if excluded => Standing::NoEffectThatMatters,
        _ => Standing::Undecided,
    };
    // What chance does not explain decides only where it is worse, or as large as matters; what is smaller has to be excluded.
    let by_chance = (better.estimate <= 0.0 || better.estimate >= matters).then_some(until_rejected);
    let by_size = (smallest.is_some() && better.estimate < matters).then(|| better.times(matters - better.estimate));
    (standing, by_chance.into_iter().chain(by_size).reduce(f64::min))
}

fn guardrail(better: &Better, margin: f64) -> (Standing, Option<f64>) {
    let standing = if better.lower > -margin {
        Standing::WithinMargin
    } else if better.upper < -margin {
        Standing::BeyondMargin
    } else {
        Standing::Undecided
    };
    (standing, Some(better.times(better.estimate + margin)))
}

/// Units (or clusters) to add until there are so many times as many.
fn more_units(row: &EffectRow, times: f64, input: &DecisionInput<'_>) -> Option<usize> {
    let now = input.health.design.clusters.unwrap_or(row.n) as f64;
    // Beyond this the estimate says that there is nothing to find rather than how long it takes.
    const MOST_TIMES: f64 = 1_000.0;
    (times <= MOST_TIMES).then(|| (now * (times - 1.0)).max(1.0).ceil() as usize)
}

/// The metrics with a part in the decision that have no effect in an arm.
#[derive(Debug, Clone, Copy)]
struct Missing<'a> {
    metrics: &'a [String],
    arm: &'a str,
}

impl Missing<'_> {
    /// That they are missing, and why; nothing if none is.
    fn reason(&self, input: &DecisionInput<'_>) -> Option<String> {
        if self.metrics.is_empty() {
            return None;
        }
        let names: Vec<String> = self.metrics.iter().map(|name| format!("`{name}`")).collect();
        let has = if names.len() == 1 { "has" } else { "have" };
        let late = |name: &String| input.effects.iter().any(|row| row.metric == *name && is_late(row));
        let why = if self.metrics.iter().any(late) {
            ", since the plan was changed after the first look".to_owned()
        } else {
            match self.metrics.iter().find_map(|name| self.refused(input, name)) {
                // Of several, the list of what was refused has the reasons.
                Some(refused) if names.len() == 1 => format!(": {}", refused.reason),
                _ => String::new(),
            }
        };
        Some(format!("{} {has} no effect to decide on{why}", listed(&names)))
    }

    fn refused<'a>(&self, input: &'a DecisionInput<'_>, metric: &str) -> Option<&'a Refused> {
        let of_everyone = |row: &&Refused| row.request == EffectRequest::Itt && row.segment.is_none();
        let in_arm = |row: &&Refused| row.arm.as_deref().is_none_or(|arm| arm == self.arm);
        input.refused.iter().filter(of_everyone).filter(in_arm).find(|row| row.metric == metric)
    }
}

/// An effect of assignment that came after the first look.
fn is_late(row: &EffectRow) -> bool {
    row.exploratory && row.request == EffectRequest::Itt
}

fn verdict(input: &DecisionInput<'_>, rows: &[DecisionRow], missing: Missing<'_>) -> (Verdict, String) {
    let named = |standing: Standing| -> Vec<String> {
        rows.iter().filter(|row| row.standing == standing).map(|row| format!("`{}`", row.metric)).collect()
    };
    let are = |names: &[String]| if names.len() == 1 { "is" } else { "are" };
    if input.health.tier == Tier::NotSatisfactory {
        let failed = input.health.checks.iter().filter(|check| check.severity == crate::finding::Severity::Fail);
        let failed: Vec<String> = failed.map(|check| check.measure.clone()).collect();
        let reason =
            format!("the randomisation failed its audit ({}), so no effect here can be trusted", listed(&failed));
        return (Verdict::Hold, reason);
    }
    let (beyond, worse) = (named(Standing::BeyondMargin), named(Standing::Worse));
    if !beyond.is_empty() || !worse.is_empty() {
        let part = |names: &[String], how: &str| {
            (!names.is_empty()).then(|| format!("{} {} {how}", listed(names), are(names)))
        };
        let parts = [part(&worse, "worse beyond chance"), part(&beyond, "worse than the margin allows")];
        return (Verdict::Stop, parts.into_iter().flatten().collect::<Vec<_>>().join(", and "));
    }
    if let Some(reason) = missing.reason(input) {
        return (Verdict::Hold, reason);
    }
    let primary: Vec<&DecisionRow> = rows.iter().filter(|row| row.role == Role::Primary).collect();
    let small =
        |row: &&DecisionRow| matches!(row.standing, Standing::NoEffectThatMatters | Standing::SmallerThanMatters);
    if !primary.is_empty() && primary.iter().all(small) {
        let names: Vec<String> = primary.iter().map(|row| format!("`{}`", row.metric)).collect();
        return (Verdict::Stop, format!("an effect on {} of the size that matters is excluded", listed(&names)));
    }
    let unbounded = deciding(input)
        .filter(|found| input.anytime && found.0.anytime.is_none())
        .find(|found| rows.iter().any(|row| row.metric == found.0.metric && row.arm == found.0.arm));
    if let Some((first, _)) = unbounded {
        let reason = format!("no interval for `{}` holds at every look, so it cannot decide", first.metric);
        return (Verdict::Hold, reason);
    }
    let (better, open) = (named(Standing::Better), named(Standing::Undecided));
    let waits = rows.iter().filter(|row| row.standing == Standing::Undecided && waits_for(row, !better.is_empty()));
    let waits: Vec<&DecisionRow> = waits.collect();
    if !better.is_empty() && waits.is_empty() {
        let guarded = if rows.iter().any(|row| row.role == Role::Guardrail) {
            ", and every guardrail is within its margin"
        } else {
            ""
        };
        return (Verdict::Ship, format!("{} {} better beyond chance{guarded}", listed(&better), are(&better)));
    }
    let more = waits.iter().filter_map(|row| row.more_units).max();
    let kind = if input.health.design.clusters.is_some() { "clusters" } else { "units" };
    let how =
        more.map_or("; at the present estimates no number of units within reach would decide it".to_owned(), |more| {
            let kind = if more == 1 { kind.trim_end_matches('s') } else { kind };
            format!("; about {} more {kind} would decide it if the estimates stay where they are", numbers::count(more))
        });
    let subject = if open.is_empty() { "the primary metrics".to_owned() } else { listed(&open) };
    (Verdict::Hold, format!("not enough is known about {subject}{how}"))
}

/// With one primary metric better, another that is undecided holds nothing up; a guardrail does.
fn waits_for(row: &DecisionRow, one_is_better: bool) -> bool {
    row.role == Role::Guardrail || !one_is_better
}
