//! What is said to models, as it is rendered: a change of a prompt, of a tool's schema or of what the filter lets through shows
//! up here as a difference to be read.

use crate::adversary::world::{Ran, Side, calls, critique, run, study};
use oci_agent::agent::prompt;
use oci_agent::tools::Role;
use serde_json::{Value, json};

fn request(ran: &Ran, at: usize) -> Value {
    serde_json::from_str(&ran.heard[at].1).expect("a request")
}

fn prompt_text(ran: &Ran, at: usize) -> String {
    let request = request(ran, at);
    let blocks = request["messages"][0]["blocks"].as_array().expect("blocks").clone();
    blocks.iter().map(|block| block["text"].as_str().expect("text").to_owned()).collect::<Vec<_>>().join("\n-- \n")
}

fn acted() -> Ran {
    let script = |_: &oci_agent::llm::ChatRequest, _: u32| calls("propose_spec", json!({"changes": []}));
    run(&study(&str::to_owned), Side::Actor, Box::new(script))
}

fn criticised() -> Ran {
    let script = |_: &oci_agent::llm::ChatRequest, _: u32| calls("submit_critique", critique("not_satisfactory"));
    run(&study(&str::to_owned), Side::Critic, Box::new(script))
}

#[test]
fn standing_instructions() {
    insta::assert_snapshot!("system_actor", prompt::system(Role::Actor));
    insta::assert_snapshot!("system_critic", prompt::system(Role::Critic));
}

#[test]
fn what_an_actor_is_told() {
    let ran = acted();
    insta::assert_snapshot!("draft", prompt_text(&ran, 0));
    insta::assert_snapshot!("revise", prompt_text(&ran, 1));
}

#[test]
fn what_a_critic_is_told_blind_and_at_the_end() {
    let ran = criticised();
    insta::assert_snapshot!("criticise_design", prompt_text(&ran, 0));
    let last = ran.heard.len() - 1;
    let text = prompt_text(&ran, last);
    assert!(text.contains("The loop has settled and the effects are known"), "{text}");
    // The digits of an effect depend on the processor's mathematics in the last place; what is said about it does not.
    let upto = text.find("The loop has settled").expect("the results");
    insta::assert_snapshot!("criticise_final", &text[..upto]);
}

#[test]
fn the_tools_on_offer() {
    let tools = |ran: &Ran| serde_json::to_string_pretty(&request(ran, 0)["tools"]).expect("json");
    insta::assert_snapshot!("tools_actor", tools(&acted()));
    insta::assert_snapshot!("tools_critic", tools(&criticised()));
}

/// The manifest names every prompt by the hash of its text.
#[test]
fn each_prompt_has_its_hash() {
    let hashes = prompt::hashes();
    for name in ["actor", "critic", "draft", "revise", "criticise"] {
        assert_eq!(hashes[name].len(), 64, "{name}");
    }
    let text = include_bytes!("../../src/agent/prompts/actor.md");
    assert_eq!(hashes["actor"], oci_agent::text::sha256::sha256_hex(text));
}
