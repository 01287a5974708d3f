//! A causal graph: directed edges, latent nodes, and bidirected edges for common causes that have no name.
//!
//! Nodes are numbered by name, so that no answer depends on the order in which a file draws them. For the criteria each
//! bidirected edge `a <-> b` is a latent node of its own with edges to `a` and `b` (the canonical graph of Richardson &
//! Spirtes 2002, doi:10.1214/aos/1031689015): separation among the others is the same.

use crate::graph::builder::{Edge, Marks};
use crate::graph::dag::Dag;
use crate::graph::nodes::NodeSet;
use std::collections::HashMap;

/// Nodes by name, each with its marks and its line, and edges between their places in that list.
#[derive(Debug)]
pub(super) struct Drawn {
    pub(super) nodes: Vec<(String, Marks, usize)>,
    pub(super) edges: Vec<(usize, usize, Edge)>,
}

/// A graph without cycles, self-loops and edges drawn twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CausalGraph {
    names: Vec<String>,
    lines: Vec<usize>,
    index: HashMap<String, usize>,
    /// The ends of the bidirected edge that a node of the canonical graph stands for, from `names.len()` on.
    bidirected: Vec<(usize, usize)>,
    dag: Dag,
    observed: NodeSet,
    selected: NodeSet,
}

impl CausalGraph {
    pub(super) fn new(drawn: Drawn) -> Self {
        let named = drawn.nodes.len();
        let ends_of = |kind: Edge| drawn.edges.iter().filter(move |edge| edge.2 == kind).map(|edge| (edge.0, edge.1));
        let mut bidirected: Vec<(usize, usize)> =
            ends_of(Edge::Bidirected).map(|e| (e.0.min(e.1), e.0.max(e.1))).collect();
        bidirected.sort_unstable();
        let n = named + bidirected.len();
        let unnamed = bidirected.iter().enumerate().flat_map(|(i, ends)| [(named + i, ends.0), (named + i, ends.1)]);
        let dag = Dag::new(n, ends_of(Edge::Directed).chain(unnamed));
        let marked = |is: fn(&Marks) -> bool| (0..named).filter(|node| is(&drawn.nodes[*node].1)).collect::<Vec<_>>();
        let selected = NodeSet::of(n, marked(|marks| marks.selected && !marks.latent));
        let observed = NodeSet::of(n, marked(|marks| !marks.latent && !marks.selected));
        let lines = drawn.nodes.iter().map(|node| node.2).collect();
        let names: Vec<String> = drawn.nodes.into_iter().map(|node| node.0).collect();
        let index = names.iter().enumerate().map(|(node, name)| (name.clone(), node)).collect();
        Self { names, lines, index, bidirected, dag, observed, selected }
    }

    /// Number of the node of that name.
    #[must_use]
    pub fn node(&self, name: &str) -> Option<usize> {
        self.index.get(name).copied()
    }

    /// Names of the nodes, in their order. Those of bidirected edges have none, and are not among them.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The node's name; empty for the node of a bidirected edge.
    #[must_use]
    pub fn name(&self, node: usize) -> &str {
        self.names.get(node).map_or("", String::as_str)
    }

    /// Names of a set, in their order, without the nodes of bidirected edges.
    #[must_use]
    pub fn names_of(&self, set: &NodeSet) -> Vec<String> {
        set.iter().filter_map(|node| self.names.get(node).cloned()).collect()
    }

    /// The line on which a node was drawn first.
    #[must_use]
    pub fn line(&self, node: usize) -> Option<usize> {
        self.lines.get(node).copied()
    }

    /// The canonical graph: named nodes, then one for each bidirected edge.
    #[must_use]
    pub fn dag(&self) -> &Dag {
        &self.dag
    }

    /// Number of nodes of the canonical graph.
    #[must_use]
    pub fn len(&self) -> usize {
        self.dag.len()
    }

    /// True without nodes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.dag.is_empty()
    }

    /// The nodes that are columns: neither latent nor selected on.
    #[must_use]
    pub fn observed(&self) -> &NodeSet {
        &self.observed
    }

    /// The nodes on which the rows were selected: the same for all of them, and so conditioned on by everything.
    #[must_use]
    pub fn selected(&self) -> &NodeSet {
        &self.selected
    }

    /// True for a named node nobody observed.
    #[must_use]
    pub fn is_latent(&self, node: usize) -> bool {
        node < self.names.len() && !self.observed.contains(node) && !self.selected.contains(node)
    }

    /// Number of bidirected edges.
    #[must_use]
    pub fn bidirected_count(&self) -> usize {
        self.bidirected.len()
    }

    /// True for the node of a bidirected edge.
    #[must_use]
    pub fn is_unnamed(&self, node: usize) -> bool {
        node >= self.names.len()
    }

    /// An empty set of this graph's nodes.
    #[must_use]
    pub fn no_nodes(&self) -> NodeSet {
        NodeSet::empty(self.len())
    }
}
