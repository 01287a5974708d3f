//! `oci-agent graph identify`.

use super::args::{Global, GraphCommand};
use super::errors::{self, CliError, Kind};
use super::output;
use crate::input_file::{self, MOST_OF_A_TEXT};
use crate::record::identification::{CheckedDocument, IdentificationDocument};
use crate::report::identification as words;
use causal::graph::answer::{self, CheckedSet, Identification};
use causal::graph::causal_graph::CausalGraph;
use causal::graph::problem::GraphProblems;
use causal::graph::question::Question;
use causal::graph::read;
use std::path::Path;
use std::process::ExitCode;

/// Answers from a graph alone. Not identified, or a set that is not valid, is exit code 1: a result, not a malfunction.
pub fn graph(command: &GraphCommand, global: &Global) -> Result<ExitCode, CliError> {
    let GraphCommand::Identify(args) = command;
    let refused = |problems: &GraphProblems| refused(&args.file, problems);
    let text = input_file::read_text(&args.file, MOST_OF_A_TEXT)
        .map_err(|error| errors::from_input(&args.file, "read the graph", &error))?;
    let graph = read::read(&text).map_err(|problems| refused(&problems))?;
    let treatments = several(&args.treatment, &graph);
    let question = Question::new(&graph, &treatments, &args.outcome).map_err(|problems| refused(&problems))?;
    let answer = answer::identify(&graph, &question);
    let checked = match &args.adjust {
        None => None,
        Some(list) => {
            let names = several(list, &graph);
            let set = question.adjustment(&graph, &names).map_err(|problems| refused(&problems))?;
            Some(answer::check(&graph, &question, &set))
        }
    };
    show(&answer, checked.as_ref(), global)?;
    let good = answer.is_identified() && checked.is_none_or(|checked| checked.valid);
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Names separated by commas, unless a node has the whole text as its name.
fn several<'a>(list: &'a [String], graph: &CausalGraph) -> Vec<&'a str> {
    let names = list.iter().flat_map(|text| match graph.node(text) {
        Some(_) => vec![text.as_str()],
        None => text.split(',').map(str::trim).collect(),
    });
    names.filter(|name| !name.is_empty()).collect()
}

fn show(answer: &Identification, checked: Option<&CheckedSet>, global: &Global) -> Result<(), CliError> {
    if !global.json {
        return output::stdout(words::page(answer, checked));
    }
    let mut document = IdentificationDocument::new(answer, words::sentence(answer, words::in_backticks));
    document.checked = checked.map(|set| CheckedDocument::new(set, words::checked(set, words::in_backticks)));
    let value = serde_json::to_value(&document).map_err(|error| CliError::bug(error.to_string()))?;
    output::json_line(&value)
}

/// Every problem on a line of its own, with its place and its remedy.
fn refused(file: &Path, problems: &GraphProblems) -> CliError {
    let name = file.display();
    let lines = problems.0.iter().map(|problem| {
        let place = problem.line.map_or(String::new(), |line| format!(":{line}"));
        format!("{name}{place}: {} ({})", problem.kind, problem.hint())
    });
    CliError { kind: Kind::User, message: lines.collect::<Vec<_>>().join("\n"), hints: Vec::new(), rendered: None }
}
