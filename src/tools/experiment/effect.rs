//! `experiment_effect`: the effects on everyone. Only when the results are open.

use super::told::{SmallArms, arms, effect, known, metrics, refused, wanted};
use super::{ExperimentAnswer, ExperimentContext, ExperimentTool};
use crate::record::experiment::{FirstStage, Refused};
use crate::tools::ToolError;
use crate::tools::arguments::{parse, schema};
use crate::tools::reply::{bounded_reply, number};
use schemars::JsonSchema;
use serde_json::{Value, json};

pub(super) struct ExperimentEffect;

#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// Names of metrics; all if left out.
    metrics: Option<Vec<String>>,
    /// Names of arms; all but the control if left out.
    arms: Option<Vec<String>>,
}

impl ExperimentTool for ExperimentEffect {
    fn name(&self) -> &'static str {
        "experiment_effect"
    }

    fn description(&self) -> &'static str {
        "The effects of every arm on every metric, or on those named, with intervals, p-values adjusted over the plan's family, \
         relative effects and, where the plan looks at any time, the confidence sequence. Only after `run_experiment`."
    }

    fn schema(&self) -> Value {
        schema::<Arguments>()
    }

    fn needs_results(&self) -> bool {
        true
    }

    fn call(&self, arguments: &Value, context: &ExperimentContext<'_>) -> Result<ExperimentAnswer, ToolError> {
        let asked: Arguments = parse(self.name(), arguments)?;
        // The registry refuses it too; without results there is nothing that could be told by mistake.
        let results = context.results.ok_or_else(|| ToolError::NotOpen { name: self.name().to_owned() })?;
        let (chosen, of_arms) = (asked.metrics.unwrap_or_default(), asked.arms.unwrap_or_default());
        known(self.name(), "metric", &chosen, &metrics(context.experiment))?;
        known(self.name(), "arm beside the control", &of_arms, &arms(context.experiment))?;
        let small = SmallArms::new(context);
        let rows = results.effects.iter().filter(|row| wanted(&chosen, &row.metric) && wanted(&of_arms, &row.arm));
        let (withheld, rows): (Vec<_>, Vec<_>) = rows.partition(|row| small.withhold(&row.arm));
        let mine = |row: &&Refused| {
            let arm = row.arm.as_deref().is_none_or(|arm| wanted(&of_arms, arm));
            row.segment.is_none() && wanted(&chosen, &row.metric) && arm
        };
        let mut not_given: Vec<Value> = results.refused.iter().filter(mine).map(refused).collect();
        not_given.extend(withheld.iter().map(|row| small.withheld(&row.metric, &row.arm)));
        let stages = results.first_stages.iter();
        let stages = stages.filter(|stage| wanted(&of_arms, &stage.arm) && !small.withhold(&stage.arm));
        let operator = format!("{} effects", rows.len());
        let object = json!({
            "confidence": number(1.0 - results.health.design.alpha),
            "effects": rows.into_iter().map(|row| effect(&small, row)).collect::<Vec<_>>(),
            "first_stages": stages.map(|stage| first_stage(stage, &chosen)).collect::<Vec<_>>(),
            "refused": not_given,
            "explain": [
                "`itt` is the effect of being assigned; `late`, `att` and `ate` are effects of the treatment, for those whom the assignment moves, for the treated and for everyone.",
                "`estimate`, `lower` and `upper` hold for one look; where the plan looks at any time, `anytime` decides. `holm` and `benjamini_hochberg` are over the metrics of one role and request.",
                "What was added or changed after the first look is exploratory and decides nothing.",
            ],
        });
        Ok(ExperimentAnswer::Reply(bounded_reply(operator, object, &["effects", "refused", "first_stages"])))
    }
}

/// Without the means of those moved, whose terms name levels.
fn first_stage(stage: &FirstStage, chosen: &[String]) -> Value {
    let sets = stage.anderson_rubin.iter().filter(|(metric, _)| wanted(chosen, metric));
    json!({
        "arm": stage.arm,
        "share_moved": number(stage.compliance.estimate),
        "f": number(stage.f),
        "anderson_rubin": sets.map(|(metric, set)| json!({"metric": metric, "set": set})).collect::<Vec<_>>(),
    })
}
