//! Graphs with known answers, an oracle that uses no criterion, and texts that are no graphs.

mod large;
mod oracle;
mod reader;
mod reference;

use crate::graph::answer::{Identification, identify};
use crate::graph::causal_graph::CausalGraph;
use crate::graph::question::Question;
use crate::graph::read::read;

/// The graph of a text that is one.
fn graph(text: &str) -> CausalGraph {
    read(text).unwrap_or_else(|problems| panic!("{problems}\nin {text}"))
}

/// The answer for treatment `x` and outcome `y`.
fn answer_xy(text: &str) -> Identification {
    let graph = graph(text);
    let question = Question::new(&graph, &["x"], "y").expect("a question");
    identify(&graph, &question)
}
