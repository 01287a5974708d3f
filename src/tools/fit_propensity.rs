//! `fit_propensity`: what fits the propensity, how well it tells the arms apart, and whether the fit ended where it should.

use super::arguments::schema;
use super::design_run::{self, Arguments};
use super::{Answer, Context, Role, Tool, ToolError};
use crate::finding::Code;
use crate::plan;
use crate::tools::reply::{bounded_reply, stepped};
use serde_json::{Value, json};

pub(super) struct FitPropensity;

const CODES: [Code; 2] = [Code::DesignFailed, Code::EstimateConvergence];

impl Tool for FitPropensity {
    fn name(&self) -> &'static str {
        "fit_propensity"
    }

    fn description(&self) -> &'static str {
        "Fits the propensity model of one analysis and says what fitted it, its AUC and log loss, how many terms it has, \
         which terms were left out as constant or redundant, and whether it converged. An AUC near 1 means that hardly any \
         unit could have gone either way. Use `preview` to see what one change would do."
    }

    fn schema(&self) -> Value {
        schema::<Arguments>()
    }

    fn needs(&self) -> Option<plan::Tool> {
        Some(plan::Tool::Propensity)
    }

    fn roles(&self) -> &'static [Role] {
        &[Role::Actor, Role::Critic, Role::Host]
    }

    fn call(&self, arguments: &Value, context: &Context<'_>) -> Result<Answer, ToolError> {
        let ran = design_run::run(self.name(), arguments, context, &[plan::Tool::Propensity])?;
        let model = ran.design.propensity.as_ref();
        let model = model.ok_or_else(|| ToolError::Failed("this design holds no propensity".to_owned()))?;
        let step = ran.step(context);
        let mut object = ran.head(context);
        object.extend([
            ("learner".to_owned(), json!(model.learner)),
            ("terms".to_owned(), json!(ran.analysis.terms.len())),
            ("auc".to_owned(), stepped(model.auc, step)),
            ("log_loss".to_owned(), stepped(model.log_loss, step)),
            ("propensities_moved_to_a_bound".to_owned(), json!(context.privacy.count_or_none(model.clipped))),
            ("dropped_terms".to_owned(), json!(model.dropped_terms)),
            ("notes".to_owned(), json!(model.notes)),
            ("not_converged".to_owned(), json!(model.not_converged)),
            ("findings".to_owned(), ran.told(&CODES, context)),
        ]);
        let operator = format!("propensity of the {}: {}, AUC {:.3}", ran.design.name, model.learner, model.auc);
        Ok(Answer::Reply(bounded_reply(operator, Value::Object(object), &["dropped_terms", "notes", "not_converged"])))
    }
}
