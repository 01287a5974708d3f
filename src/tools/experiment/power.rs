//! `experiment_power`: how many units the metrics need. No effect is in it.

use super::told::{SmallArms, known, metrics, wanted};
use super::{ExperimentAnswer, ExperimentContext, ExperimentTool};
use crate::pipeline::experiment::power;
use crate::record::experiment_planning::PowerRow;
use crate::tools::ToolError;
use crate::tools::arguments::{parse, schema, wrong};
use crate::tools::reply::{bounded_reply, maybe, number};
use schemars::JsonSchema;
use serde_json::{Value, json};

pub(super) struct ExperimentPower;

#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// The chance of finding an effect of the size asked about, between 0.5 and 1; 0.8 if left out.
    power: Option<f64>,
    /// Variances of the metrics before the start instead of after it.
    before: Option<bool>,
    /// Names of metrics; all if left out.
    metrics: Option<Vec<String>>,
}

impl ExperimentTool for ExperimentPower {
    fn name(&self) -> &'static str {
        "experiment_power"
    }

    fn description(&self) -> &'static str {
        "For each metric and arm: the smallest effect that is found now and at the planned size, the units and days that the \
         plan's smallest effect needs, and what covariates save and clusters and looks cost. No effect is computed."
    }

    fn schema(&self) -> Value {
        schema::<Arguments>()
    }

    fn call(&self, arguments: &Value, context: &ExperimentContext<'_>) -> Result<ExperimentAnswer, ToolError> {
        let asked: Arguments = parse(self.name(), arguments)?;
        let (chance, before) = (asked.power.unwrap_or(0.8), asked.before.unwrap_or(false));
        if !(chance > 0.5 && chance < 1.0) {
            return Err(wrong(self.name(), &format!("`power` is {chance}, and lies between 0.5 and 1; 0.8 is usual")));
        }
        let names = asked.metrics.unwrap_or_default();
        known(self.name(), "metric", &names, &metrics(context.experiment))?;
        let small = SmallArms::new(context);
        let found = power::power(context.experiment, chance, before);
        let chosen = found.rows.iter().filter(|row| wanted(&names, &row.metric));
        let (withheld, rows): (Vec<_>, Vec<_>) = chosen.partition(|row| small.withhold(&row.arm));
        let mut refused: Vec<Value> = found
            .refused
            .iter()
            .filter(|row| wanted(&names, &row.0))
            .map(|row| json!({"metric": row.0, "reason": row.1}))
            .collect();
        refused.extend(withheld.iter().map(|row| small.withheld(&row.metric, &row.arm)));
        let object = json!({
            "power": number(found.power),
            "confidence": number(1.0 - found.alpha),
            "anytime": found.anytime,
            "counted": found.counted,
            "rows": rows.into_iter().map(|row| line(&small, row)).collect::<Vec<_>>(),
            "refused": refused,
            "explain": found.explain,
        });
        let operator = format!("sizes of {} metrics", found.rows.len());
        Ok(ExperimentAnswer::Reply(bounded_reply(operator, object, &["rows", "refused"])))
    }
}

fn line(small: &SmallArms<'_>, row: &PowerRow) -> Value {
    json!({
        "metric": row.metric,
        "arm": row.arm,
        "n": small.among(row.n),
        "std_error": number(row.std_error),
        "control_mean": number(row.control_mean),
        "smallest_effect_now": number(row.smallest_effect_now),
        "smallest_effect_planned": maybe(row.smallest_effect_planned),
        "needed": maybe(row.needed.map(f64::ceil)),
        "days": maybe(row.days),
        "variance_reduction": maybe(row.variance_reduction),
        "design_effect": maybe(row.design_effect),
        "anytime_inflation": maybe(row.anytime_inflation),
    })
}
