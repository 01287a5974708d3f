//! `check_sensitivity`: how strong a hidden confounder would have to be. Only after unblinding.

use super::arguments::{Nothing, parse, schema};
use super::{Answer, Context, Role, Tool, ToolError};
use crate::finding::Code;
use crate::plan;
use crate::tools::reply::{bounded_reply, number};
use serde_json::{Value, json};

pub(super) struct CheckSensitivity;

impl Tool for CheckSensitivity {
    fn name(&self) -> &'static str {
        "check_sensitivity"
    }

    fn description(&self) -> &'static str {
        "Sensitivity of every answer to a hidden confounder: robustness values, E-values, the bias that would take the \
         interval to zero, and how strong a hidden confounder like each priority confounder would be. Only after unblinding."
    }

    fn schema(&self) -> Value {
        schema::<Nothing>()
    }

    fn needs(&self) -> Option<plan::Tool> {
        Some(plan::Tool::Sensitivity)
    }

    fn needs_effect(&self) -> bool {
        true
    }

    fn roles(&self) -> &'static [Role] {
        &[Role::Actor, Role::Critic, Role::Host]
    }

    fn call(&self, arguments: &Value, context: &Context<'_>) -> Result<Answer, ToolError> {
        let Nothing {} = parse(self.name(), arguments)?;
        // The registry refuses it too; without results there is nothing that could be told by mistake.
        let results = context.results.ok_or_else(|| ToolError::Blind { name: self.name().to_owned() })?;
        let answers = results.answers.iter().map(|answer| {
            let graded = results.critique.analyses.iter().find(|graded| graded.requested == answer.requested);
            let findings = graded
                .map(|graded| crate::tools::reply::findings(&graded.findings, &[Code::SensitivityRobustness], None));
            let mut line = json!({"estimand": answer.requested.key(), "name": answer.name, "findings": findings});
            let Some(report) = &answer.sensitivity else {
                line["not_computed"] = json!(answer.missing);
                return line;
            };
            let mut benchmarks: Vec<_> = report.benchmarks.iter().collect();
            benchmarks.sort_by(|a, b| b.equivalent_rv.total_cmp(&a.equivalent_rv));
            let benchmark = benchmarks.iter().take(8).map(|benchmark| {
                json!({
                    "confounder": benchmark.confounder,
                    "equivalent_robustness_value": number(benchmark.equivalent_rv),
                    "estimate_after_one_like_it": number(benchmark.adjusted_estimate),
                })
            });
            line["strongest_benchmarks"] = benchmark.collect();
            line["stronger_than_any_bound"] = json!(report.benchmarks_unattainable);
            line["robustness_value"] = number(report.rv_q1);
            line["robustness_value_weighted_to_target"] = number(report.target_rv_q1);
            line["robustness_value_for_significance"] = number(report.rv_q1_alpha05);
            line["e_value"] = number(report.e_value);
            line["e_value_of_interval"] = number(report.e_value_ci);
            line["bias_that_takes_interval_to_zero"] = number(report.tipping_bias);
            line
        });
        let object = json!({"units": results.units, "answers": answers.collect::<Vec<_>>()});
        Ok(Answer::Reply(bounded_reply(
            format!("sensitivity of {} answers", results.answers.len()),
            object,
            &["answers"],
        )))
    }
}
