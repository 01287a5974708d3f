//! Why a node may not be adjusted for: the path that shows it.

use crate::graph::adjustment::Adjustment;
use crate::graph::drawn_path::DrawnPath;
use crate::graph::nodes::NodeSet;
use crate::graph::separation::{Path, directed_path};
use crate::graph::valid_sets::ValidSets;

/// Minimal sets to which a node is added, where a graph has too many valid sets to try them all.
const MOST_TRIED: usize = 20;

/// What makes a node forbidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForbiddenKind {
    /// It lies on a path from treatment to outcome: part of the effect passes through it.
    Mediator,
    /// It is a consequence of the outcome.
    AfterOutcome,
    /// It is a consequence of a node on such a path.
    AfterMediator,
}

/// A node that is in no adjustment set, with a directed path from the treatment through it or to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forbidden {
    /// Its name.
    pub name: String,
    /// The reason.
    pub kind: ForbiddenKind,
    /// The path: from the treatment to the outcome for a mediator, else from the treatment to the node.
    pub path: DrawnPath,
}

/// A node that treatment does not affect, and that opens a path when it is adjusted for (M-bias).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opener {
    /// Its name.
    pub name: String,
    /// A valid set that it makes invalid.
    pub spoils: Vec<String>,
    /// The path that is open then.
    pub path: DrawnPath,
}

/// All forbidden columns, by name.
#[must_use]
pub fn forbidden(adjustment: &Adjustment<'_>) -> Vec<Forbidden> {
    adjustment.forbidden_columns().iter().filter_map(|node| forbidden_because(adjustment, node)).collect()
}

/// Why that node is forbidden; `None` if it is not.
#[must_use]
pub fn forbidden_because(adjustment: &Adjustment<'_>, node: usize) -> Option<Forbidden> {
    let (dag, x) = (adjustment.graph.dag(), &adjustment.question.treatments);
    let here = NodeSet::of(dag.len(), [node]);
    let mut kind = ForbiddenKind::Mediator;
    let (first, second);
    if adjustment.causal.contains(node) {
        first = directed_path(dag, x, &here, x)?;
        second = directed_path(dag, &here, &adjustment.question.outcomes(), x)?;
    } else {
        second = directed_path(dag, &adjustment.causal, &here, &adjustment.graph.no_nodes())?;
        kind = if second.start == adjustment.question.outcome {
            ForbiddenKind::AfterOutcome
        } else {
            ForbiddenKind::AfterMediator
        };
        first = directed_path(dag, x, &NodeSet::of(dag.len(), [second.start]), x)?;
    }
    let steps = first.steps.into_iter().chain(second.steps).collect();
    let path = DrawnPath::new(adjustment.graph, &Path { start: first.start, steps });
    Some(Forbidden { name: adjustment.graph.name(node).to_owned(), kind, path })
}

/// All columns that treatment does not affect and that spoil a valid set, by name.
#[must_use]
pub fn openers(adjustment: &Adjustment<'_>, valid: Option<&ValidSets>, minimal: &[NodeSet]) -> Vec<Opener> {
    let graph = adjustment.graph;
    let affected = graph.dag().descendants(&adjustment.question.treatments);
    let mut found = Vec::new();
    for node in adjustment.allowed.minus(&affected).iter() {
        let spoiled = match valid {
            Some(valid) => valid.spoiled_by(node),
            None => minimal.iter().take(MOST_TRIED).find(|set| !adjustment.blocks(&set.with(node))).cloned(),
        };
        let Some(set) = spoiled else { continue };
        if let Some(path) = adjustment.validity(&set.with(node)).open {
            let path = DrawnPath::new(graph, &path);
            found.push(Opener { name: graph.name(node).to_owned(), spoils: graph.names_of(&set), path });
        }
    }
    found
}
