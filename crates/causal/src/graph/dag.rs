//! Directed acyclic graphs on the nodes `0..n`: the bare structure all criteria are asked of.

use crate::graph::nodes::NodeSet;

/// Parents and children of each node, ascending. Acyclic: [`crate::graph::builder`] refuses cycles, and removing edges makes none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dag {
    parents: Vec<Vec<usize>>,
    children: Vec<Vec<usize>>,
}

impl Dag {
    /// `n` nodes, and edges (from, to) between them. The caller has seen to it that they make no cycle.
    #[must_use]
    pub fn new(n: usize, edges: impl IntoIterator<Item = (usize, usize)>) -> Self {
        let mut dag = Self { parents: vec![Vec::new(); n], children: vec![Vec::new(); n] };
        for (from, to) in edges {
            if let (Some(parents), true) = (dag.parents.get_mut(to), from < n) {
                parents.push(from);
                dag.children[from].push(to);
            }
        }
        for list in dag.parents.iter_mut().chain(&mut dag.children) {
            list.sort_unstable();
            list.dedup();
        }
        dag
    }

    /// Number of nodes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.parents.len()
    }

    /// True without nodes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parents.is_empty()
    }

    /// Those with an edge to the node.
    #[must_use]
    pub fn parents(&self, node: usize) -> &[usize] {
        self.parents.get(node).map_or(&[], Vec::as_slice)
    }

    /// Those to which the node has an edge.
    #[must_use]
    pub fn children(&self, node: usize) -> &[usize] {
        self.children.get(node).map_or(&[], Vec::as_slice)
    }

    /// All edges (from, to).
    pub fn edges(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.children.iter().enumerate().flat_map(|(from, to)| to.iter().map(move |to| (from, *to)))
    }

    /// How many edges.
    #[must_use]
    pub fn edge_count(&self) -> usize {
        self.children.iter().map(Vec::len).sum()
    }

    /// True if there is an edge between the two.
    #[must_use]
    pub fn adjacent(&self, a: usize, b: usize) -> bool {
        self.children(a).binary_search(&b).is_ok() || self.children(b).binary_search(&a).is_ok()
    }

    /// The same nodes with the edges (from, to) for which `keep` says so.
    #[must_use]
    pub fn filtered(&self, keep: impl Fn(usize, usize) -> bool) -> Self {
        Self::new(self.len(), self.edges().filter(|edge| keep(edge.0, edge.1)))
    }

    /// `G` without the edges out of a set (underlined in Pearl's notation).
    #[must_use]
    pub fn without_edges_from(&self, set: &NodeSet) -> Self {
        self.filtered(|from, _| !set.contains(from))
    }

    /// `G` without the edges into a set (overlined in Pearl's notation).
    #[must_use]
    pub fn without_edges_into(&self, set: &NodeSet) -> Self {
        self.filtered(|_, to| !set.contains(to))
    }

    /// The ancestors of a set, itself among them.
    #[must_use]
    pub fn ancestors(&self, set: &NodeSet) -> NodeSet {
        closure(set, &self.parents, None)
    }

    /// The descendants of a set, itself among them.
    #[must_use]
    pub fn descendants(&self, set: &NodeSet) -> NodeSet {
        closure(set, &self.children, None)
    }

    /// The descendants of a set by directed paths that avoid other nodes, itself among them.
    #[must_use]
    pub fn descendants_avoiding(&self, set: &NodeSet, avoid: &NodeSet) -> NodeSet {
        closure(set, &self.children, Some(avoid))
    }

    /// The ancestors of a set by directed paths that avoid other nodes, itself among them.
    #[must_use]
    pub fn ancestors_avoiding(&self, set: &NodeSet, avoid: &NodeSet) -> NodeSet {
        closure(set, &self.parents, Some(avoid))
    }
}

/// What is reached from a set by the lists, without entering `avoid`.
fn closure(set: &NodeSet, lists: &[Vec<usize>], avoid: Option<&NodeSet>) -> NodeSet {
    let mut reached = set.clone();
    let mut open: Vec<usize> = set.iter().collect();
    while let Some(node) = open.pop() {
        for next in lists.get(node).into_iter().flatten().copied() {
            if avoid.is_none_or(|avoid| !avoid.contains(next)) && reached.insert(next) {
                open.push(next);
            }
        }
    }
    reached
}
