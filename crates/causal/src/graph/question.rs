//! What is asked of a graph: the total effect of some treatments on an outcome.

use crate::graph::causal_graph::CausalGraph;
use crate::graph::nodes::NodeSet;
use crate::graph::problem::{GraphProblem, GraphProblems, ProblemKind, Role};

/// A treatment (or several, set together) and an outcome, observed and different.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The treatments, `X`.
    pub treatments: NodeSet,
    /// The outcome, `Y`.
    pub outcome: usize,
}

impl Question {
    /// Finds the nodes.
    ///
    /// # Errors
    /// All that is wrong: a name that is no node, a latent node, one that is both.
    pub fn new(graph: &CausalGraph, treatments: &[&str], outcome: &str) -> Result<Self, GraphProblems> {
        let mut problems = Vec::new();
        let mut set = graph.no_nodes();
        for name in treatments {
            match find(graph, name, Role::Treatment) {
                Ok(node) => {
                    set.insert(node);
                }
                Err(problem) => problems.push(problem),
            }
        }
        let outcome = match find(graph, outcome, Role::Outcome) {
            Ok(node) if set.contains(node) => {
                let roles = (Role::Treatment, Role::Outcome);
                problems.push(GraphProblem::of_question(ProblemKind::TwoRoles { name: outcome.to_owned(), roles }));
                None
            }
            Ok(node) => Some(node),
            Err(problem) => {
                problems.push(problem);
                None
            }
        };
        match outcome {
            Some(outcome) if problems.is_empty() => Ok(Self { treatments: set, outcome }),
            _ => Err(GraphProblems(problems)),
        }
    }

    /// `{Y}`.
    #[must_use]
    pub fn outcomes(&self) -> NodeSet {
        NodeSet::of(self.treatments.universe(), [self.outcome])
    }

    /// `X ∪ {Y}`.
    #[must_use]
    pub fn both(&self) -> NodeSet {
        self.treatments.with(self.outcome)
    }

    /// The nodes somebody wants to adjust for.
    ///
    /// # Errors
    /// All that is wrong: a name that is no node, a latent node, the treatment or the outcome.
    pub fn adjustment(&self, graph: &CausalGraph, names: &[&str]) -> Result<NodeSet, GraphProblems> {
        let mut problems = Vec::new();
        let mut set = graph.no_nodes();
        for name in names {
            match find(graph, name, Role::Adjusted) {
                Ok(node) if self.both().contains(node) => {
                    let other = if node == self.outcome { Role::Outcome } else { Role::Treatment };
                    let kind = ProblemKind::TwoRoles { name: (*name).to_owned(), roles: (other, Role::Adjusted) };
                    problems.push(GraphProblem::of_question(kind));
                }
                Ok(node) => {
                    set.insert(node);
                }
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() { Ok(set) } else { Err(GraphProblems(problems)) }
    }
}

fn find(graph: &CausalGraph, name: &str, role: Role) -> Result<usize, GraphProblem> {
    let Some(node) = graph.node(name) else {
        let similar = similar(name, graph.names());
        return Err(GraphProblem::of_question(ProblemKind::UnknownNode { name: name.to_owned(), role, similar }));
    };
    let name = name.to_owned();
    let line = graph.line(node);
    if graph.is_latent(node) {
        return Err(GraphProblem { line, kind: ProblemKind::LatentNode { name, role } });
    }
    if graph.selected().contains(node) {
        return Err(GraphProblem { line, kind: ProblemKind::SelectedNode { name, role } });
    }
    Ok(node)
}

/// The name that differs by case, spaces and underscores only.
fn similar(name: &str, names: &[String]) -> Option<String> {
    let plain =
        |text: &str| -> String { text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect() };
    let wanted = plain(name);
    names.iter().find(|other| !wanted.is_empty() && plain(other) == wanted).cloned()
}
