//! `experiment_validate`: false positives of the plan's own analysis under assignments that did nothing.

use super::told::SmallArms;
use super::{ExperimentAnswer, ExperimentContext, ExperimentTool};
use crate::pipeline::experiment::validate;
use crate::tools::ToolError;
use crate::tools::arguments::{parse, schema, wrong};
use crate::tools::reply::{bounded_reply, number};
use schemars::JsonSchema;
use serde_json::{Value, json};

pub(super) struct ExperimentValidate;

/// Assignments that are dealt out unless a host says otherwise.
const PERMUTATIONS: i64 = 200;
/// The fewest.
const FEWEST: i64 = 20;
/// The most: a host waits for the answer.
const MOST: i64 = 2_000;

#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// Assignments that are dealt out, from 20 to 2000; 200 if left out. The time it takes grows with it.
    permutations: Option<i64>,
}

impl ExperimentTool for ExperimentValidate {
    fn name(&self) -> &'static str {
        "experiment_validate"
    }

    fn description(&self) -> &'static str {
        "An A/A validation: the arms are dealt out again at random, many times, and the plan's own analysis counts how often it \
         finds an effect that is not there. Rates above alpha say that standard errors are too small. No effect is computed."
    }

    fn schema(&self) -> Value {
        schema::<Arguments>()
    }

    fn call(&self, arguments: &Value, context: &ExperimentContext<'_>) -> Result<ExperimentAnswer, ToolError> {
        let asked: Arguments = parse(self.name(), arguments)?;
        let permutations = asked.permutations.unwrap_or(PERMUTATIONS);
        if !(FEWEST..=MOST).contains(&permutations) {
            let problem = format!("`permutations` is {permutations}, and lies between {FEWEST} and {MOST}");
            return Err(wrong(self.name(), &problem));
        }
        let found = validate::validate(context.experiment, usize::try_from(permutations).unwrap_or_default());
        let small = SmallArms::new(context);
        let (withheld, rows): (Vec<_>, Vec<_>) = found.results.iter().partition(|row| small.withhold(&row.arm));
        let lines = rows.iter().map(|row| {
            json!({
                "metric": row.metric, "arm": row.arm, "rejected": row.rejected, "rate": number(row.rate),
                "lower": number(row.lower), "upper": number(row.upper), "holds": row.holds,
            })
        });
        let mut refused: Vec<Value> =
            found.refused.iter().map(|row| json!({"metric": row.0, "reason": row.1})).collect();
        refused.extend(withheld.iter().map(|row| small.withheld(&row.metric, &row.arm)));
        let object = json!({
            "alpha": number(found.alpha),
            "permutations": permutations,
            "permuted": found.permuted,
            "rows_used": small.total(found.rows_used),
            "results": lines.collect::<Vec<_>>(),
            "refused": refused,
            "explain": found.explain,
        });
        let operator = format!("{permutations} assignments that did nothing");
        Ok(ExperimentAnswer::Reply(bounded_reply(operator, object, &["results", "refused"])))
    }
}
