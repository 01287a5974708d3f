//! A real model on loopback: `LLM_BASE_URL=http://127.0.0.1:18091 cargo test llm::local -- --ignored --nocapture`.
//!
//! Protocol and termination are asserted, never judgement: the model is a small one.

#![allow(clippy::print_stdout, reason = "what a real model said is worth a look")]

use super::support::*;
use oci_agent::llm::{Block, ChatRequest, Choice, Ended, Structured, connect};
use std::time::Duration;

fn real(provider: oci_agent::llm::Provider, structured: Option<Structured>) -> Box<dyn oci_agent::llm::ChatModel> {
    let url = std::env::var("LLM_BASE_URL").expect("LLM_BASE_URL is the address of a model");
    let mut settings = settings(provider, &url);
    settings.limits.call = Duration::from_secs(180);
    settings.structured = structured;
    settings.temperature = Some(0.0);
    connect(settings).unwrap()
}

#[test]
#[ignore = "needs a model on loopback"]
fn prose_is_streamed() {
    for provider in PROTOCOLS {
        let (mut model, mut ear) = (real(provider, None), Ear::default());
        let request =
            ChatRequest { messages: vec![user("Count from one to eight in words.")], max_tokens: 40, ..request() };
        let response = model.complete(&request, &mut ear).unwrap();
        assert_eq!(response.blocks, [text(&ear.text())]);
        assert!(ear.pieces.len() > 3, "{} pieces", ear.pieces.len());
        assert!(response.usage.is_some_and(|usage| usage.input > 0 && usage.output > 0), "{response:?}");
        assert!(matches!(response.ended, Ended::EndTurn | Ended::MaxTokens), "{response:?}");
        println!("{provider:?}: {} pieces, {response:?}", ear.pieces.len());
    }
}

#[test]
#[ignore = "needs a model on loopback"]
fn data_of_a_schema() {
    for (provider, structured) in [
        (PROTOCOLS[0], None),
        (PROTOCOLS[1], Some(Structured::JsonSchema)),
        (PROTOCOLS[1], Some(Structured::Function)),
        (PROTOCOLS[1], Some(Structured::Instruction)),
    ] {
        let (mut model, mut ear) = (real(provider, structured), Ear::default());
        let request = ChatRequest {
            messages: vec![user("Grade this essay from 1 to 5: \"Causes precede effects.\"")],
            tools: vec![tool("grade")],
            choice: Choice::Tool("grade".to_owned()),
            max_tokens: 60,
            ..request()
        };
        let response = model.complete(&request, &mut ear).unwrap();
        println!("{provider:?} {structured:?}: {response:?} {:?}", ear.notes);
        let called = response.blocks.iter().any(
            |block| matches!(block, Block::ToolUse { name, input, .. } if name == "grade" && input["grade"].is_i64()),
        );
        assert!(called || structured == Some(Structured::Instruction), "{response:?}");
        if structured == Some(Structured::JsonSchema) {
            after_the_call(&mut *model, request, response.blocks);
        }
    }
}

/// The tools stay in a conversation in which one was called, and the schema still holds.
fn after_the_call(model: &mut dyn oci_agent::llm::ChatModel, mut request: ChatRequest, blocks: Vec<Block>) {
    let Some(Block::ToolUse { id, .. }) = blocks.first() else { panic!("a call: {blocks:?}") };
    let result = Block::ToolResult { id: id.clone(), content: "too high, grade again".to_owned(), is_error: true };
    request.messages.push(oci_agent::llm::Message { speaker: oci_agent::llm::Speaker::Assistant, blocks });
    request.messages.push(oci_agent::llm::Message { speaker: oci_agent::llm::Speaker::User, blocks: vec![result] });
    let mut ear = Ear::default();
    let response = model.complete(&request, &mut ear).unwrap();
    println!("again: {response:?} {:?}", ear.notes);
    assert!(matches!(&response.blocks[..], [Block::ToolUse { id, .. }] if id == "structured-3"), "{response:?}");
}
