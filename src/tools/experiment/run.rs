//! `run_experiment`: opens the results, and says what was decided.

use super::told::SmallArms;
use super::{ExperimentAnswer, ExperimentContext, ExperimentTool};
use crate::record::experiment::{ArmDecision, ExperimentResults};
use crate::tools::ToolError;
use crate::tools::arguments::{Nothing, parse, schema};
use crate::tools::reply::{bounded_reply, maybe};
use serde_json::{Value, json};

pub(super) struct RunExperiment;

impl ExperimentTool for RunExperiment {
    fn name(&self) -> &'static str {
        "run_experiment"
    }

    fn description(&self) -> &'static str {
        "Runs the experiment as the plan has it, into the run's git repository: audit, look, effects, decision, report. The \
         look is put on record before an effect is seen, and cannot be taken back; at a later look a plan of a fixed size loses \
         its error rate. Call it once, when nothing is left to ask before. Then `experiment_effect` and `experiment_segments` answer."
    }

    fn schema(&self) -> Value {
        schema::<Nothing>()
    }

    fn call(&self, arguments: &Value, context: &ExperimentContext<'_>) -> Result<ExperimentAnswer, ToolError> {
        let Nothing {} = parse(self.name(), arguments)?;
        let Some(results) = context.results else { return Ok(ExperimentAnswer::Open) };
        let small = SmallArms::new(context);
        let decisions: Vec<Value> = results.decisions.iter().map(|arm| decision(&small, arm)).collect();
        let object = json!({
            "decisions": decisions,
            "audit": results.health.tier.key(),
            "look": results.looks.len(),
            "caveats": results.caveats,
            "effects_refused": results.refused.iter().filter(|row| row.segment.is_none()).count(),
            "run": context.out,
            "report": format!("{}/report.md", context.out),
            "explain": [
                "The decision follows from the plan's own rule: roles, margins, smallest effects, and intervals that hold under its looks.",
                "Read effects with `experiment_effect`; effects in segments that the plan does not name are exploratory and decide nothing.",
            ],
        });
        Ok(ExperimentAnswer::Reply(bounded_reply(line(results), object, &["caveats", "decisions"])))
    }
}

fn line(results: &ExperimentResults) -> String {
    let decided = results.decisions.iter().map(|arm| format!("{} {}", arm.arm, arm.verdict.key()));
    format!("decided: {}", decided.collect::<Vec<_>>().join(", "))
}

fn decision(small: &SmallArms<'_>, arm: &ArmDecision) -> Value {
    if small.withhold(&arm.arm) {
        return json!({"arm": arm.arm, "verdict": arm.verdict.key(), "not_told": small.why()});
    }
    let rows = arm.rows.iter().map(|row| {
        json!({
            "metric": row.metric, "role": row.role, "standing": row.standing, "p_adjusted": maybe(row.p_adjusted),
            "more_units": row.more_units,
        })
    });
    json!({
        "arm": arm.arm, "verdict": arm.verdict.key(), "reason": arm.reason, "metrics": rows.collect::<Vec<_>>(),
    })
}
