//! How much of one answer is kept. Whatever is kept goes on record, and back to the model with every further request of the
//! conversation, so that an answer of megabytes would be there dozens of times.

use crate::llm::{Block, ChatResponse};
use crate::tools::LARGEST_ARGUMENTS;
use serde_json::Value;

/// Bytes of prose in one answer, and of anything else beside the arguments of tools.
const MOST_PROSE: usize = 64 * 1024;
/// Bytes of arguments in one answer, all calls together.
const MOST_ARGUMENTS: usize = 4 * LARGEST_ARGUMENTS;
/// Bytes of opaque state in one answer: thinking of a hundred thousand tokens fits, also when it is encrypted.
const MOST_OPAQUE: usize = 1024 * 1024;
/// Parts of one answer.
const MOST_BLOCKS: usize = 64;
/// Bytes of a name or an identifier.
const LONGEST_NAME: usize = 256;
/// Room for the note of what is left out.
const NOTE: usize = 64;

/// An answer as it is kept, and how many bytes of it are not.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Bounded {
    pub response: ChatResponse,
    pub left_out: u64,
}

/// Cuts an answer that is too long to be kept. What was cut before is left as it is.
pub(super) fn bounded(response: ChatResponse) -> Bounded {
    let (mut prose, mut arguments, mut opaque, mut left_out) = (MOST_PROSE, MOST_ARGUMENTS, MOST_OPAQUE, 0);
    let mut blocks = Vec::new();
    for (at, block) in response.blocks.into_iter().enumerate() {
        let room = match &block {
            Block::Text { .. } => prose,
            Block::ToolUse { .. } => arguments.min(LARGEST_ARGUMENTS + 2 * NOTE),
            Block::ToolResult { .. } => usize::MAX,
            Block::Opaque { .. } => opaque,
        };
        let size = size(&block);
        // Opaque state is kept whole or not at all.
        let too_large = matches!(block, Block::Opaque { .. }) && size > room;
        if at >= MOST_BLOCKS || too_large || room < NOTE && size > room {
            left_out += size;
            continue;
        }
        match block {
            Block::Text { text } => {
                let text = cut(text, room, &mut left_out);
                prose = if text.len() < size { 0 } else { prose - text.len() };
                blocks.push(Block::Text { text });
            }
            Block::ToolUse { id, name, input } => {
                let input = input_within(input, room, &mut left_out);
                arguments = arguments.saturating_sub(input.to_string().len());
                let [id, name] = [id, name].map(|text| cut(text, LONGEST_NAME, &mut left_out));
                blocks.push(Block::ToolUse { id, name, input });
            }
            result @ Block::ToolResult { .. } => blocks.push(result),
            state @ Block::Opaque { .. } => {
                opaque -= size;
                blocks.push(state);
            }
        }
    }
    let model = cut(response.model, LONGEST_NAME, &mut left_out);
    Bounded { response: ChatResponse { blocks, model, ..response }, left_out: left_out as u64 }
}

fn size(block: &Block) -> usize {
    match block {
        Block::Text { text } => text.len(),
        Block::ToolUse { name, input, .. } => name.len() + input.to_string().len(),
        Block::ToolResult { content, .. } => content.len(),
        Block::Opaque { value, .. } => value.to_string().len(),
    }
}

/// Arguments that are too long come as the beginning of their text, still too long for any tool: none reads half of them.
fn input_within(input: Value, room: usize, left_out: &mut usize) -> Value {
    let text = match &input {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if text.len() <= room { input } else { Value::String(cut(text, room, left_out)) }
}

/// At most `room` bytes, a note of what is left out included.
fn cut(text: String, room: usize, left_out: &mut usize) -> String {
    if text.len() <= room {
        return text;
    }
    let mut end = room.saturating_sub(NOTE);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let gone = text.len() - end;
    *left_out += gone;
    format!("{}[{gone} more bytes are left out here]", text.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::Ended;
    use serde_json::json;

    fn answer(blocks: Vec<Block>) -> ChatResponse {
        ChatResponse { blocks, ended: Ended::EndTurn, usage: None, model: "m".to_owned(), stop: None }
    }

    fn text(n: usize) -> Block {
        Block::Text { text: "ä".repeat(n) }
    }

    fn call(input: Value) -> Block {
        Block::ToolUse { id: "a".to_owned(), name: "trim".to_owned(), input }
    }

    fn kept(response: &ChatResponse) -> usize {
        response.blocks.iter().map(size).sum()
    }

    #[test]
    fn ten_megabytes_are_kept_as_a_few_kilobytes_and_the_rest_is_counted() {
        let long = json!({"estimand": "x".repeat(5_000_000)});
        for blocks in [
            vec![text(5_000_000)],
            vec![text(60_000), text(60_000), text(60_000)],
            vec![call(long.clone()), call(long.clone()), call(Value::String("y".repeat(5_000_000)))],
            (0..100_000).map(|_| text(50)).collect(),
        ] {
            let before: usize = blocks.iter().map(size).sum();
            let Bounded { response, left_out } = bounded(answer(blocks));
            assert!(kept(&response) <= MOST_PROSE + MOST_ARGUMENTS + 100 * NOTE, "{}", kept(&response));
            let gone = usize::try_from(left_out).expect("a size");
            assert!(gone + kept(&response) >= before, "{gone} and {} of {before}", kept(&response));
        }
    }

    #[test]
    fn what_is_kept_is_kept_again_as_it_is() {
        let blocks = vec![text(100_000), call(json!({"a": "x".repeat(100_000)})), call(json!({"estimand": "ate"}))];
        let once = bounded(answer(blocks));
        assert!(once.left_out > 0);
        let again = bounded(once.response.clone());
        assert_eq!((again.response, again.left_out), (once.response, 0));
        let short = answer(vec![text(100), call(json!({"estimand": "ate"}))]);
        assert_eq!(bounded(short.clone()), Bounded { response: short, left_out: 0 });
    }

    #[test]
    fn arguments_that_were_cut_are_too_long_for_any_tool() {
        let cut = bounded(answer(vec![call(json!({"a": "x".repeat(100_000)}))]));
        let Some(Block::ToolUse { input: Value::String(text), .. }) = cut.response.blocks.first() else {
            panic!("a text")
        };
        assert!(text.len() > LARGEST_ARGUMENTS);
    }
}
