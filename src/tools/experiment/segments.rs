//! `experiment_segments`: effects among the units for which a condition holds. Only when the results are open.

use super::told::{SmallArms, arms, effect, fewest, known, metrics, refused, wanted};
use super::{ExperimentAnswer, ExperimentContext, ExperimentTool};
use crate::pipeline::experiment::asked::{self, ConditionFault, units_of_arms};
use crate::pipeline::experiment::fit::adjust;
use crate::record::experiment::{EffectRow, ExperimentResults, Refused};
use crate::tools::ToolError;
use crate::tools::arguments::{QUOTED, listed, parse, schema, wrong};
use crate::tools::privacy::one_line;
use crate::tools::reply::{bounded_reply, number};
use schemars::JsonSchema;
use serde_json::{Value, json};

pub(super) struct ExperimentSegments;

/// The most conditions of one call.
const MOST_CONDITIONS: usize = 10;

#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// Conditions on columns of the table of assignments that were settled before the start, such as `tenure > 30` or
    /// `device == "desktop" and tenure > 30`; from 1 to 10.
    conditions: Vec<String>,
    /// Names of metrics; all if left out.
    metrics: Option<Vec<String>>,
    /// Names of arms; all but the control if left out.
    arms: Option<Vec<String>>,
}

/// What the conditions of one call have come to.
#[derive(Default)]
struct Found {
    /// Effects in segments of the plan, as they are on record.
    of_plan: Vec<EffectRow>,
    /// Effects in any other.
    exploratory: Vec<EffectRow>,
    refused: Vec<Refused>,
    problems: Vec<String>,
}

impl ExperimentTool for ExperimentSegments {
    fn name(&self) -> &'static str {
        "experiment_segments"
    }

    fn description(&self) -> &'static str {
        "Effects of being assigned among the units for which a condition holds. Segments that the plan names answer from its \
         results; any other is exploratory, and decides nothing. Segments with few units of an arm, or that differ by few from \
         another one, are refused. Only after `run_experiment`."
    }

    fn schema(&self) -> Value {
        schema::<Arguments>()
    }

    fn needs_results(&self) -> bool {
        true
    }

    fn call(&self, arguments: &Value, context: &ExperimentContext<'_>) -> Result<ExperimentAnswer, ToolError> {
        let asked: Arguments = parse(self.name(), arguments)?;
        let results = context.results.ok_or_else(|| ToolError::NotOpen { name: self.name().to_owned() })?;
        let (chosen, of_arms) = (asked.metrics.unwrap_or_default(), asked.arms.unwrap_or_default());
        known(self.name(), "metric", &chosen, &metrics(context.experiment))?;
        known(self.name(), "arm beside the control", &of_arms, &arms(context.experiment))?;
        let n = asked.conditions.len();
        if n == 0 || n > MOST_CONDITIONS {
            let problem = format!("`conditions` has {n} conditions, and takes from 1 to {MOST_CONDITIONS}");
            return Err(wrong(self.name(), &problem));
        }
        let mut found = Found::default();
        asked.conditions.iter().for_each(|condition| answer(context, results, condition, &mut found));
        if found.of_plan.is_empty() && found.exploratory.is_empty() && found.refused.is_empty() {
            return Err(wrong(self.name(), &listed(&found.problems)));
        }
        let small = SmallArms::new(context);
        adjust(&mut found.exploratory, |row| row.metric.clone());
        let rows = found.of_plan.iter().chain(&found.exploratory);
        let of_metrics = rows.filter(|row| wanted(&chosen, &row.metric) && wanted(&of_arms, &row.arm));
        let (withheld, rows): (Vec<_>, Vec<_>) = of_metrics.partition(|row| small.withhold(&row.arm));
        let refusals = found.refused.iter().filter(|row| wanted(&chosen, &row.metric));
        let mut not_given: Vec<Value> = refusals.map(refused).collect();
        not_given.extend(withheld.iter().map(|row| small.withheld(&row.metric, &row.arm)));
        let operator = format!("{} effects in {n} segments", rows.len());
        let object = json!({
            "confidence": number(1.0 - results.health.design.alpha),
            "effects": rows.into_iter().map(|row| effect(&small, row)).collect::<Vec<_>>(),
            "refused": not_given,
            "not_answered": found.problems,
            "explain": [
                "Effects of being assigned, from the plan's model with all rows, at the covariate means of the segment. Intervals are for one look.",
                "`exploratory` marks segments that the plan does not name: `holm` and `benjamini_hochberg` are over the exploratory rows of one metric in this call, and do not count what was asked before. The more segments are asked for, the more of them seem to differ by chance; confirm one in a new experiment.",
            ],
        });
        Ok(ExperimentAnswer::Reply(bounded_reply(operator, object, &["effects", "refused", "not_answered"])))
    }
}

/// Adds what one condition comes to.
fn answer(context: &ExperimentContext<'_>, results: &ExperimentResults, condition: &str, found: &mut Found) {
    let segment = match context.rows.segment(context.experiment, condition) {
        Ok(segment) => segment,
        Err(fault) => return found.problems.push(fault_line(context, condition, fault)),
    };
    let units = units_of_arms(context.experiment, &segment.holds);
    if units.iter().any(|units| *units < fewest(context.privacy)) {
        return found.problems.push(too_few(context, condition));
    }
    let text = segment.written.text.as_str();
    let in_plan = context.experiment.plan.segments.iter().any(|own| own.text == text);
    if in_plan {
        let own = |segment: &Option<String>| segment.as_deref() == Some(text);
        found.of_plan.extend(results.segments.iter().filter(|row| own(&row.segment)).cloned());
        found.refused.extend(results.refused.iter().filter(|row| own(&row.segment)).cloned());
        return;
    }
    if let Err(refusal) = context.privacy.describe(&segment.rows(), false) {
        return found.problems.push(format!("`{}`: {refusal}", shown(condition)));
    }
    let (rows, refused) = asked::effects(context.experiment, &segment);
    found.exploratory.extend(rows);
    found.refused.extend(refused);
}

fn shown(condition: &str) -> String {
    one_line(condition, 2 * QUOTED)
}

/// The same words where too few units are in a segment and where a value does not occur: which values there are is not told.
fn too_few(context: &ExperimentContext<'_>, condition: &str) -> String {
    let least = fewest(context.privacy);
    format!(
        "`{}`: fewer than {least} units of an arm are in it, or it does not fit the columns; `segment_columns` of `describe_experiment` \
         lists columns and common values",
        shown(condition)
    )
}

fn fault_line(context: &ExperimentContext<'_>, condition: &str, fault: ConditionFault) -> String {
    match fault {
        ConditionFault::Unreadable(why) => why,
        ConditionFault::Forbidden(problems) => {
            let told = problems.iter().map(|problem| format!("{}. {}", problem.message, problem.hint));
            told.collect::<Vec<_>>().join(" ")
        }
        ConditionFault::Unfit => too_few(context, condition),
    }
}
