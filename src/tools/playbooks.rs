//! `list_playbooks` and `read_playbook`: what is known to help, and when.

use super::apply::no_such_playbook;
use super::arguments::{Nothing, parse, schema, wrong};
use super::{Answer, Context, Role, Tool, ToolError, ToolReply};
use crate::plan;
use crate::playbook::{Change, Playbook};
use crate::tools::reply::bounded_reply;
use schemars::JsonSchema;
use serde_json::{Value, json};

pub(super) struct ListPlaybooks;
pub(super) struct ReadPlaybook;

#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Which {
    /// Name of the playbook, as `list_playbooks` gives it.
    name: String,
}

impl Tool for ListPlaybooks {
    fn name(&self) -> &'static str {
        "list_playbooks"
    }

    fn description(&self) -> &'static str {
        "The playbooks: what each addresses, for which estimands, for which of them it applies now, and for which it was \
         tried already. Read one with `read_playbook` before proposing it."
    }

    fn schema(&self) -> Value {
        schema::<Nothing>()
    }

    fn needs(&self) -> Option<plan::Tool> {
        None
    }

    fn roles(&self) -> &'static [Role] {
        &[Role::Actor, Role::Critic, Role::Host]
    }

    fn call(&self, arguments: &Value, context: &Context<'_>) -> Result<Answer, ToolError> {
        let Nothing {} = parse(self.name(), arguments)?;
        let playbooks: Vec<Value> = context.catalogue.iter().map(|playbook| line(playbook, context)).collect();
        let own = context.tried.iter().map(|(target, names)| {
            let own = names.iter().filter(|name| context.catalogue.get(name).is_none());
            json!({"estimand": target.key(), "changes": own.collect::<Vec<_>>()})
        });
        let own: Vec<Value> = own.filter(|line| line["changes"].as_array().is_some_and(|c| !c.is_empty())).collect();
        let operator = format!("{} playbooks listed", playbooks.len());
        let object = json!({"playbooks": playbooks, "other_changes_tried": own});
        Ok(Answer::Reply(bounded_reply(operator, object, &["playbooks", "other_changes_tried"])))
    }
}

fn line(playbook: &Playbook, context: &Context<'_>) -> Value {
    let front = &playbook.front;
    let among = |lists: &dyn Fn(&causal::estimand::Target) -> bool| -> Vec<&'static str> {
        let requested = context.spec.analyses.iter().map(|analysis| analysis.requested);
        requested.filter(|target| lists(target)).map(causal::estimand::Target::key).collect()
    };
    json!({
        "name": front.name,
        "title": front.title,
        "addresses": front.addresses.iter().map(|code| code.key()).collect::<Vec<_>>(),
        "estimands": front.estimands.iter().map(|target| target.key()).collect::<Vec<_>>(),
        "advice_only": front.change == Change::None,
        "effect_on_the_estimand": front.estimand_effect,
        "applies_now_to": among(&|target| context.candidates.get(target).is_some_and(|names| names.contains(&front.name))),
        "tried_on": among(&|target| context.tried.get(target).is_some_and(|names| names.contains(&front.name))),
    })
}

impl Tool for ReadPlaybook {
    fn name(&self) -> &'static str {
        "read_playbook"
    }

    fn description(&self) -> &'static str {
        "The text of one playbook: when it helps, why, what it changes, what to check afterwards, and its sources."
    }

    fn schema(&self) -> Value {
        schema::<Which>()
    }

    fn needs(&self) -> Option<plan::Tool> {
        None
    }

    fn roles(&self) -> &'static [Role] {
        &[Role::Actor, Role::Critic, Role::Host]
    }

    fn call(&self, arguments: &Value, context: &Context<'_>) -> Result<Answer, ToolError> {
        let Which { name } = parse(self.name(), arguments)?;
        let playbook = context.catalogue.get(name.trim());
        let playbook = playbook.ok_or_else(|| wrong(self.name(), &no_such_playbook(&name, context)))?;
        let operator = format!("playbook {} read", playbook.front.name);
        Ok(Answer::Reply(ToolReply { model: playbook.prose.clone(), operator }))
    }
}
