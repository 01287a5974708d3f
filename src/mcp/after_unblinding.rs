//! After the loop has settled: calls are answered from the results, in their order, until the host leaves.

use crate::agent::driver::{Outcome, RunInput};
use crate::agent::events::{Event, Observer};
use crate::agent::tool_calls::{Desk, Matter};
use crate::mcp::messages;
use crate::mcp::queue::{Line, Reply};
use crate::tools::privacy::{Privacy, one_line};
use crate::tools::{Answer, Context, Registry, Role};
use std::collections::BTreeMap;

/// What only makes sense while a spec is being written.
const CHANGES: [&str; 2] = ["propose_spec", "trim"];
/// The longest line for the operator.
const LINE: usize = 160;

/// `end` is what no call was open for when the loop settled: it goes before the first answer.
pub(super) fn look(
    (line, mut end): (&mut Line, Option<Reply>),
    outcome: &Outcome,
    input: &RunInput<'_>,
    privacy: &Privacy,
    observer: &mut dyn Observer,
) {
    let desk = Desk {
        matter: Matter::Look,
        spec: outcome.kept.clone(),
        tried: outcome.tried.clone(),
        applied: Vec::new(),
        candidates: BTreeMap::new(),
        results: Some(outcome.results.clone()),
    };
    let context = desk.context(input.prepared, input.catalogue, privacy);
    let registry = Registry::new(Role::Host, &input.prepared.plan.tools);
    while let Some(()) = line.next(&|| observer.cancelled()) {
        let Some(call) = line.open() else { return };
        let (mut reply, told) = answered(&call.name, &call.arguments, &registry, &context);
        let (tool, refused) = (call.name.clone(), reply.is_error);
        observer.on(&Event::ToolRan { role: Role::Host, tool, line: one_line(&told, LINE), refused });
        if let Some(end) = end.take() {
            reply.texts.splice(0..0, end.texts);
        }
        let _ = line.answer(reply);
    }
}

fn answered(name: &str, arguments: &serde_json::Value, registry: &Registry, at: &Context<'_>) -> (Reply, String) {
    if CHANGES.contains(&name) {
        return (Reply::refused(messages::finished(name)), "the run is finished".to_owned());
    }
    match registry.call(name, arguments, at) {
        Ok(Answer::Said(said) | Answer::Proposed(said, _) | Answer::Criticised(said, _)) => {
            (Reply::said(said.model), said.operator)
        }
        Err(error) => (Reply::refused(error.for_model(at.privacy)), error.to_string()),
    }
}
