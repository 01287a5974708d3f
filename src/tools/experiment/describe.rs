//! `describe_experiment`: the design, what identifies the effects, the metrics, and the audit. No effect is in it.

use super::told::{SmallArms, amount, count, fewest};
use super::{ExperimentAnswer, ExperimentContext, ExperimentTool};
use crate::pipeline::experiment::asked::units_of_arms;
use crate::pipeline::experiment::health;
use crate::plan::experiment::Metric;
use crate::record::experiment::{ArmFacts, DesignFacts, HealthDocument};
use crate::schema::{ColumnKind, MetricCounters};
use crate::tools::ToolError;
use crate::tools::arguments::{Nothing, parse, schema};
use crate::tools::privacy::Privacy;
use crate::tools::reply::{bounded_reply, maybe, number, stepped};
use serde_json::{Value, json};

pub(super) struct DescribeExperiment;

impl ExperimentTool for DescribeExperiment {
    fn name(&self) -> &'static str {
        "describe_experiment"
    }

    fn description(&self) -> &'static str {
        "The experiment before anything is known of its effects: arms and units, what identifies the effects, the metrics with \
         their roles and what was done to their values, the columns that segments may be conditions on, and the audit of the \
         randomisation with its grade. Read it first."
    }

    fn schema(&self) -> Value {
        schema::<Nothing>()
    }

    fn call(&self, arguments: &Value, context: &ExperimentContext<'_>) -> Result<ExperimentAnswer, ToolError> {
        let Nothing {} = parse(self.name(), arguments)?;
        let (experiment, privacy) = (context.experiment, context.privacy);
        // Once the results are open, the audit is the one on record.
        let health = context.results.map_or_else(|| health(experiment, context.looks), |found| found.health.clone());
        let plan = &experiment.plan;
        let pairs = plan.metrics.iter().zip(&experiment.table.metrics);
        let metrics = pairs.map(|(metric, column)| metric_line(privacy, metric, &column.counters));
        let columns = context.rows.columns(experiment, fewest(privacy)).into_iter().map(|column| {
            let mut line = json!({"name": column.name, "kind": column.kind});
            if column.kind == ColumnKind::Category {
                line["common_levels"] = json!(column.levels);
            }
            line
        });
        let operator = format!("the design and its audit: {}", health.tier.key());
        let object = json!({
            "title": plan.title,
            "question": plan.question,
            "design": design(context, &health.design),
            "identification": health.identification,
            "metrics": metrics.collect::<Vec<_>>(),
            "requests": plan.requests.iter().map(|request| request.key()).collect::<Vec<_>>(),
            "segments": segments(context),
            "segment_columns": columns.collect::<Vec<_>>(),
            "looks": {"plan": plan.looks.plan, "planned_n": plan.looks.planned_n, "before_this_session": context.looks.len()},
            "audit": audit(&health),
            "explain": [
                "Nothing here depends on an effect. The audit says whether chance made the arms; if it fails, the decision is to hold.",
                format!(
                    "Counts below {} are not told, nor are levels and segments of fewer than {} units of an arm.",
                    privacy.min_cell(), fewest(privacy)
                ),
            ],
        });
        let lists = ["segment_columns", "metrics", "segments"];
        Ok(ExperimentAnswer::Reply(bounded_reply(operator, object, &lists)))
    }
}

fn design(context: &ExperimentContext<'_>, facts: &DesignFacts) -> Value {
    let privacy = context.privacy;
    let small = SmallArms::new(context);
    let arms = facts.arms.iter().map(|arm| arm_line(privacy, arm, small.is_small(&arm.arm)));
    json!({
        "arms": arms.collect::<Vec<_>>(),
        "rows": small.total(facts.rows),
        "units": small.total(facts.units),
        "cluster_by": facts.cluster_by,
        "clusters": facts.clusters,
        "compliance": facts.compliance,
        "smallest_chance": maybe(facts.smallest_propensity),
        "covariates": context.experiment.plan.covariates,
        "covariate_terms": facts.covariates.len(),
        "terms_left_out": facts.dropped_terms.len(),
        "adjustment": facts.adjustment,
        "variance": facts.variance.key(),
        "confidence": number(1.0 - facts.alpha),
    })
}

fn arm_line(privacy: &Privacy, facts: &ArmFacts, small: bool) -> Value {
    let mut line = json!({
        "arm": facts.arm, "control": facts.control, "units": count(privacy, facts.units),
        "planned_share": number(facts.planned_share),
    });
    if !small {
        line["rows"] = json!(facts.rows);
        line["clusters"] = json!(facts.clusters);
        line["take_up"] = facts.take_up.map_or(Value::Null, |share| stepped(share, privacy.step(facts.units)));
    }
    line
}

fn metric_line(privacy: &Privacy, metric: &Metric, counters: &MetricCounters) -> Value {
    let mut line = json!({
        "name": metric.name,
        "measure": metric.measure.text(),
        "role": metric.role,
        "worse": metric.worse,
        "counters": counted(privacy, counters),
    });
    let optional = [
        ("source", metric.source.as_ref().map(|source| json!(source))),
        ("window_days", metric.window.map(|window| json!([window.from, window.to]))),
        ("filter", metric.filter.as_ref().map(|filter| json!(filter.text))),
        ("margin", metric.margin.map(amount)),
        ("smallest_effect", metric.smallest_effect.map(amount)),
    ];
    for (key, value) in optional {
        if let Some(value) = value {
            line[key] = value;
        }
    }
    line
}

/// What was done to the values; what was done to none is left out.
fn counted(privacy: &Privacy, counters: &MetricCounters) -> Value {
    let mut line = json!({"rows": count(privacy, counters.rows)});
    for (key, n) in [
        ("filtered", counters.filtered),
        ("outside_window", counters.outside_window),
        ("not_assigned", counters.not_assigned),
        ("rows_without_value", counters.rows_without_value),
        ("units_without_rows", counters.units_without_rows),
        ("set_to_zero", counters.set_to_zero),
        ("winsorised", counters.winsorised),
        ("window_not_over", counters.window_not_over),
    ] {
        if n > 0 {
            line[key] = count(privacy, n);
        }
    }
    line
}

/// The plan's segments. One of few units is not quoted: its condition may name a rare level.
fn segments(context: &ExperimentContext<'_>) -> Vec<Value> {
    let (experiment, privacy) = (context.experiment, context.privacy);
    let masks = experiment.plan.segments.iter().zip(&experiment.table.segments);
    masks
        .map(|(written, holds)| {
            let units = units_of_arms(experiment, holds);
            match units.iter().all(|units| *units >= fewest(privacy)) {
                true => json!({"condition": written.text, "units": privacy.about(units.iter().sum())}),
                false => json!(format!("a segment with fewer than {} units of an arm", fewest(privacy))),
            }
        })
        .collect()
}

fn audit(health: &HealthDocument) -> Value {
    let checks = health.checks.iter().map(|check| {
        json!({
            "check": check.code, "severity": check.severity, "value": maybe(check.value),
            "threshold": maybe(check.threshold), "message": check.message,
        })
    });
    json!({"grade": health.tier.key(), "checks": checks.collect::<Vec<_>>()})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::experiment::told::among;

    #[test]
    fn small_counts_are_words_and_none_is_none() {
        let privacy = Privacy::of_nobody(10);
        assert_eq!(count(&privacy, 0), json!(0));
        assert_eq!(count(&privacy, 9), json!("fewer than 10"));
        assert_eq!(count(&privacy, 10), json!(10));
        assert_eq!(among(&privacy, 995, 1_000), json!("about 1000"));
        assert_eq!(among(&privacy, 990, 1_000), json!(990));
        assert_eq!(among(&privacy, 1_000, 1_000), json!(1_000));
        assert_eq!(among(&privacy, 3, 1_000), json!("fewer than 10"));
    }
}
