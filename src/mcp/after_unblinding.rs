//! After the loop has settled: calls are answered from the results, in their order, until the host leaves.

use crate::agent::driver::{Outcome, RunInput};
use crate::agent::events::{Observer, ProgressEvent};
use crate::agent::tool_calls::{ConversationContext, Purpose};
use crate::mcp::messages;
use crate::mcp::queue::{CallQueue, Reply};
use crate::mcp::refusal::{Refused, code};
use crate::tools::privacy::one_line;
use crate::tools::{Answer, Context, Registry, Role};
use std::collections::BTreeMap;

/// Tools that only make sense while a spec is being written.
const CHANGING_TOOLS: [&str; 2] = ["propose_spec", "trim"];
/// The longest line for the operator.
const LONGEST_LINE: usize = 160;

/// `end` is what no call was open for when the loop settled: it goes before the first answer.
pub(super) fn answer_from_results(
    queue: &mut CallQueue,
    mut end: Option<Reply>,
    outcome: &Outcome,
    input: &RunInput<'_>,
    observer: &mut dyn Observer,
) {
    let conversation = ConversationContext {
        purpose: Purpose::Look,
        spec: outcome.kept.clone(),
        tried: outcome.tried.clone(),
        applied: Vec::new(),
        candidates: BTreeMap::new(),
        results: Some(outcome.results.clone()),
    };
    let context = conversation.context(input.prepared, input.catalogue, &outcome.privacy);
    let registry = Registry::new(Role::Host, &input.prepared.plan.tools);
    while let Some(()) = queue.next(&|| observer.cancelled()) {
        let Some(call) = queue.open() else { return };
        let (mut reply, told) = answered(&call.name, &call.arguments, &registry, &context);
        let (tool, reason) = (call.name.clone(), reply.refused.as_ref().map(|refused| refused.code));
        observer.on(&ProgressEvent::ToolRan {
            role: Role::Host,
            tool,
            line: one_line(&told, LONGEST_LINE),
            refused: reason.is_some(),
            reason,
        });
        if let Some(end) = end.take() {
            reply.texts.splice(0..0, end.texts);
        }
        let _ = queue.answer(reply);
    }
}

fn answered(name: &str, arguments: &serde_json::Value, registry: &Registry, at: &Context<'_>) -> (Reply, String) {
    if CHANGING_TOOLS.contains(&name) {
        let refused = Refused::new(code::RUN_FINISHED, messages::finished(name));
        return (Reply::refused(refused), "the run is finished".to_owned());
    }
    match registry.call(name, arguments, at) {
        Ok(Answer::Reply(reply) | Answer::Proposed(reply, _) | Answer::Criticised(reply, _)) => {
            (Reply::text(reply.model), reply.operator)
        }
        Err(error) => {
            let refused = Refused::new(error.code(), error.for_model(at.privacy));
            (Reply::refused(refused), error.to_string())
        }
    }
}
