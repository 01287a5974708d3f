//! `estimate`: the answers, and every effect of every estimator. Only after unblinding.

use super::arguments::{Nothing, parse, schema};
use super::{Answer, Context, Role, Tool, ToolError};
use crate::plan;
use crate::tools::reply::{bounded_reply, maybe, number};
use causal::effect::Effect;
use serde_json::{Value, json};

pub(super) struct Estimate;

impl Tool for Estimate {
    fn name(&self) -> &'static str {
        "estimate"
    }

    fn description(&self) -> &'static str {
        "The answer to every requested estimand with its interval and verdict, and the effects by every estimator of every \
         spec that was tried. Only after unblinding."
    }

    fn schema(&self) -> Value {
        schema::<Nothing>()
    }

    fn needs(&self) -> Option<plan::Tool> {
        None
    }

    fn lacks(&self, listed: &[plan::Tool]) -> Option<String> {
        let any = listed.iter().any(|tool| plan::Tool::ESTIMATORS.contains(tool));
        (!any).then(|| "the plan's `tools:` list names no estimator".to_owned())
    }

    fn needs_effect(&self) -> bool {
        true
    }

    fn roles(&self) -> &'static [Role] {
        &[Role::Actor, Role::Critic, Role::Host]
    }

    fn call(&self, arguments: &Value, context: &Context<'_>) -> Result<Answer, ToolError> {
        let Nothing {} = parse(self.name(), arguments)?;
        let results = context.results.ok_or_else(|| ToolError::Blind { name: self.name().to_owned() })?;
        let answers = results.answers.iter().map(|answer| {
            json!({
                "estimand": answer.requested.key(),
                "name": answer.name,
                "iteration": answer.iteration,
                "verdict": answer.tier.key(),
                "effect": answer.effect.as_deref().map(effect),
                "missing": answer.missing,
            })
        });
        let effects = results.effects.iter().map(|row| {
            let mut line = effect(&row.effect);
            line["iteration"] = json!(row.iteration);
            line["estimand"] = json!(row.requested.key());
            line["name"] = json!(row.name);
            line["is_the_answer"] = json!(row.primary);
            line
        });
        let object = json!({
            "units": results.units,
            "answers": answers.collect::<Vec<_>>(),
            "effects": effects.collect::<Vec<_>>(),
            "not_estimated": results.not_estimated,
            "notes": results.estimation_notes,
        });
        let operator = format!("{} answers, {} effects", results.answers.len(), results.effects.len());
        Ok(Answer::Reply(bounded_reply(operator, object, &["effects", "not_estimated", "notes"])))
    }
}

fn effect(effect: &Effect) -> Value {
    json!({
        "estimator": effect.estimator.key(),
        "estimate": number(effect.estimate),
        "std_error": number(effect.std_error),
        "ci_lower": number(effect.ci_lower),
        "ci_upper": number(effect.ci_upper),
        "disagreement": maybe(effect.disagreement),
    })
}
