//! `run_placebo`: effects on what treatment cannot have changed.

use super::arguments::schema;
use super::design_run::{self, Arguments};
use super::{Answer, Context, Role, Tool, ToolError};
use crate::finding::Code;
use crate::plan;
use crate::tools::reply::{bounded_reply, brief, stepped};
use serde_json::{Value, json};

pub(super) struct RunPlacebo;

const CODES: [Code; 1] = [Code::PlaceboEffect];

impl Tool for RunPlacebo {
    fn name(&self) -> &'static str {
        "run_placebo"
    }

    fn description(&self) -> &'static str {
        "Effects of treatment on the declared placebo outcomes and negative controls of one analysis, adjusted as the \
         outcome will be, with p-values as they are and after Holm's correction. An effect on what treatment cannot have \
         changed is confounding that adjustment has left. Use `preview` to see what one change would do."
    }

    fn schema(&self) -> Value {
        schema::<Arguments>()
    }

    fn needs(&self) -> Option<plan::Tool> {
        Some(plan::Tool::Placebo)
    }

    fn roles(&self) -> &'static [Role] {
        &[Role::Actor, Role::Critic, Role::Host]
    }

    fn call(&self, arguments: &Value, context: &Context<'_>) -> Result<Answer, ToolError> {
        let ran = design_run::run(self.name(), arguments, context, &[plan::Tool::Placebo])?;
        let report = ran.design.placebo.as_ref();
        let report = report.ok_or_else(|| ToolError::Failed("this design holds no placebo report".to_owned()))?;
        let step = ran.step(context);
        let effects = report.effects.iter().map(|effect| {
            json!({
                "column": effect.column,
                "role": effect.role,
                "estimate": brief(effect.estimate, step),
                "std_error": brief(effect.std_error, step),
                "in_standard_deviations": stepped(effect.standardised, step),
                "p_value": brief(effect.p_value, step),
                "p_holm": brief(effect.p_holm, step),
            })
        });
        let mut object = ran.head(context);
        object.extend([
            ("declared".to_owned(), json!(ran.spec.placebos.len())),
            ("placebos".to_owned(), effects.collect()),
            ("not_tested".to_owned(), json!(report.not_applicable)),
            ("findings".to_owned(), ran.told(&CODES, context)),
        ]);
        Ok(Answer::Reply(bounded_reply(ran.operator("placebos", &CODES), Value::Object(object), &["placebos"])))
    }
}
