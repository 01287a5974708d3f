//! All minimal separators of two sets.
//!
//! Every minimal separator of `X` and `Y` lies among their ancestors, and separates them in the moral graph of those
//! ancestors (van der Zander, Liśkiewicz & Textor 2019, doi:10.1016/j.artint.2018.12.006). Nodes that may not be used are
//! taken out of the moral graph and their neighbours joined; what separates then, separates before. The minimal separators
//! of an undirected graph are enumerated as in Shen & Liang 1997, doi:10.1016/S0304-3975(96)00092-8: from the one next to `X`,
//! each is moved past one of its nodes,
//!
//! ```text
//! S' = N(C_Y(G - N[C_X(S) ∪ {v}])),   v in S,
//! ```
//!
//! with `C_X(S)` the component of `X` without `S`, and `N` the neighbours. Each takes `O(n m)`; none is missed.

use crate::graph::dag::Dag;
use crate::graph::nodes::NodeSet;
use std::collections::{BTreeSet, HashSet};

/// Sets, and whether they are all there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetList {
    /// By size, then by their first nodes.
    pub sets: Vec<NodeSet>,
    /// False when the list was cut at its limit.
    pub complete: bool,
}

impl SetList {
    /// The list without anything in it.
    #[must_use]
    pub fn nothing() -> Self {
        Self { sets: Vec::new(), complete: true }
    }

    /// Sets in their order.
    #[must_use]
    pub fn sorted(mut sets: Vec<NodeSet>, complete: bool) -> Self {
        sets.sort_by_key(NodeSet::sort_key);
        Self { sets, complete }
    }
}

/// What is separated, from what, and with what.
#[derive(Debug, Clone, Copy)]
pub struct Search<'a> {
    /// One side.
    pub a: &'a NodeSet,
    /// The other.
    pub b: &'a NodeSet,
    /// The nodes that may be used.
    pub allowed: &'a NodeSet,
    /// Conditioned on in any case, and in no set of the answer.
    pub always: &'a NodeSet,
}

/// The minimal sets that separate the two sides together with `always`, at most `most` of them, the smallest of those first.
#[must_use]
pub fn minimal_separators(dag: &Dag, search: Search<'_>, most: usize) -> SetList {
    let Some(graph) = Moral::new(dag, search) else { return SetList::nothing() };
    let mut seen: HashSet<NodeSet> = HashSet::new();
    let mut open: BTreeSet<(usize, NodeSet)> = BTreeSet::new();
    let mut found = Vec::new();
    let first = graph.next_to(&graph.empty.with(graph.a));
    seen.insert(first.clone());
    open.insert((first.len(), first));
    while let Some((_, separator)) = open.pop_first() {
        if found.len() >= most {
            return SetList::sorted(found, false);
        }
        let side = graph.component(graph.a, &separator);
        for node in separator.iter().filter(|node| !graph.neighbours[*node].contains(graph.b)) {
            let moved = graph.next_to(&side.with(node));
            if seen.insert(moved.clone()) {
                open.insert((moved.len(), moved));
            }
        }
        found.push(graph.named(&separator, dag.len()));
    }
    SetList::sorted(found, true)
}

/// The moral graph of the ancestors, with one node for each side, and without what may not be used.
struct Moral {
    neighbours: Vec<NodeSet>,
    empty: NodeSet,
    a: usize,
    b: usize,
}

impl Moral {
    /// `None` if nothing separates the sides.
    fn new(dag: &Dag, search: Search<'_>) -> Option<Self> {
        let n = dag.len();
        let (a, b) = (n, n + 1);
        let empty = NodeSet::empty(n + 2);
        let relevant = dag.ancestors(&search.a.union(search.b).union(search.always));
        let place = |node: usize| match (search.a.contains(node), search.b.contains(node)) {
            (true, _) => a,
            (_, true) => b,
            _ => node,
        };
        let mut graph = Self { neighbours: vec![empty.clone(); n + 2], empty, a, b };
        for child in relevant.iter() {
            let mut family = graph.empty.with(place(child));
            dag.parents(child).iter().for_each(|parent| {
                family.insert(place(*parent));
            });
            graph.join(&family);
        }
        for node in relevant.iter().filter(|node| place(*node) == *node) {
            if search.always.contains(node) {
                graph.delete(node);
            } else if !search.allowed.contains(node) {
                let around = graph.neighbours[node].clone();
                graph.delete(node);
                graph.join(&around);
            }
        }
        (!graph.neighbours[a].contains(b)).then_some(graph)
    }

    fn join(&mut self, clique: &NodeSet) {
        for node in clique.iter() {
            self.neighbours[node].absorb(clique);
            self.neighbours[node].remove(node);
        }
    }

    fn delete(&mut self, node: usize) {
        let around = std::mem::replace(&mut self.neighbours[node], self.empty.clone());
        around.iter().for_each(|neighbour| self.neighbours[neighbour].remove(node));
    }

    /// What is reached from a node without entering the set.
    fn component(&self, from: usize, without: &NodeSet) -> NodeSet {
        let mut free = without.complement().without(from);
        let mut reached = self.empty.with(from);
        let mut open = vec![from];
        while let Some(node) = open.pop() {
            let neighbours = &self.neighbours[node];
            let before = open.len();
            open.extend(neighbours.common(&free));
            open[before..].iter().for_each(|next| {
                reached.insert(*next);
            });
            free.drop_all(neighbours);
        }
        reached
    }

    /// The neighbours of a set, outside of it.
    fn around(&self, set: &NodeSet) -> NodeSet {
        let mut around = self.empty.clone();
        set.iter().for_each(|node| around.absorb(&self.neighbours[node]));
        around.minus(set)
    }

    /// The minimal separator next to a connected set that holds the first side.
    fn next_to(&self, side: &NodeSet) -> NodeSet {
        let border = self.around(side);
        self.around(&self.component(self.b, &border.union(side)))
    }

    fn named(&self, set: &NodeSet, n: usize) -> NodeSet {
        NodeSet::of(n, set.iter())
    }
}
