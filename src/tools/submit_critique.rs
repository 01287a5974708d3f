//! `submit_critique`: a critique is complete, or goes back with the list of what it lacks.

use super::arguments::{listed, parse, schema, wrong};
use super::{Answer, Context, Role, Task, Tool, ToolError, ToolReply};
use crate::critique::model_review::missing_duties;
use crate::plan;
use crate::record::model_review::ModelReview;
use serde_json::Value;

pub(super) struct SubmitCritique;

impl Tool for SubmitCritique {
    fn name(&self) -> &'static str {
        "submit_critique"
    }

    fn description(&self) -> &'static str {
        "Hands in your critique: blind spots, alignment, a grade for each requested estimand with its reason, the contrast \
         with the target trial, alternatives, and the remediations taken. Call it once, when you have looked at what you \
         need. An incomplete critique comes back with the list of what it lacks."
    }

    fn schema(&self) -> Value {
        schema::<ModelReview>()
    }

    fn needs(&self) -> Option<plan::Tool> {
        None
    }

    fn roles(&self) -> &'static [Role] {
        &[Role::Critic]
    }

    fn call(&self, arguments: &Value, context: &Context<'_>) -> Result<Answer, ToolError> {
        let Task::Criticise(computed) = context.task else {
            let why = "no critique is being written now; submit one when you are asked to criticise".to_owned();
            return Err(ToolError::NotAllowed { name: self.name().to_owned(), why });
        };
        let opinion: ModelReview = parse(self.name(), arguments)?;
        let lacking = missing_duties(&opinion, computed, context.applied);
        if !lacking.is_empty() {
            return Err(wrong(self.name(), &format!("the critique is not complete yet: {}", listed(&lacking))));
        }
        let grades: Vec<String> =
            opinion.grades.iter().map(|grade| format!("{} {}", grade.requested, grade.credibility)).collect();
        let reply = ToolReply {
            model: "The critique is complete and accepted.".to_owned(),
            operator: format!("critique: {}", grades.join(", ")),
        };
        Ok(Answer::Criticised(reply, opinion))
    }
}
