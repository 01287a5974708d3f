//! Sets of nodes, as bits.

use fixedbitset::FixedBitSet;

/// A set of the nodes `0..n` of one graph. Sets of different graphs are never mixed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct NodeSet(FixedBitSet);

impl NodeSet {
    /// The empty set of a graph with `n` nodes.
    #[must_use]
    pub fn empty(n: usize) -> Self {
        Self(FixedBitSet::with_capacity(n))
    }

    /// The set of some nodes of a graph with `n`; numbers of `n` or more are no nodes, and are left out.
    #[must_use]
    pub fn of(n: usize, nodes: impl IntoIterator<Item = usize>) -> Self {
        let mut set = Self::empty(n);
        for node in nodes {
            set.insert(node);
        }
        set
    }

    /// Nodes of the graph, in the set or not.
    #[must_use]
    pub fn universe(&self) -> usize {
        self.0.len()
    }

    /// True if the node is in the set.
    #[must_use]
    pub fn contains(&self, node: usize) -> bool {
        self.0.contains(node)
    }

    /// Adds a node; false if it was there already, or is no node of the graph.
    pub fn insert(&mut self, node: usize) -> bool {
        node < self.0.len() && !self.0.put(node)
    }

    /// Takes a node out.
    pub fn remove(&mut self, node: usize) {
        if node < self.0.len() {
            self.0.remove(node);
        }
    }

    /// The nodes, ascending.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.ones()
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.count_ones(..)
    }

    /// True without any.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_clear()
    }

    /// In this one or in the other.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let mut set = self.clone();
        set.0.union_with(&other.0);
        set
    }

    /// In both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let mut set = self.clone();
        set.0.intersect_with(&other.0);
        set
    }

    /// In this one, not in the other.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        let mut set = self.clone();
        set.0.difference_with(&other.0);
        set
    }

    /// The set and one node more.
    #[must_use]
    pub fn with(&self, node: usize) -> Self {
        let mut set = self.clone();
        set.insert(node);
        set
    }

    /// The set but for one node.
    #[must_use]
    pub fn without(&self, node: usize) -> Self {
        let mut set = self.clone();
        set.remove(node);
        set
    }

    /// Adds all of the other.
    pub fn absorb(&mut self, other: &Self) {
        self.0.union_with(&other.0);
    }

    /// Takes all of the other out.
    pub fn drop_all(&mut self, other: &Self) {
        self.0.difference_with(&other.0);
    }

    /// The nodes in both, ascending.
    pub fn common<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = usize> + 'a {
        self.0.intersection(&other.0)
    }

    /// All nodes that are not in it.
    #[must_use]
    pub fn complement(&self) -> Self {
        let mut set = self.clone();
        set.0.toggle_range(..);
        set
    }

    /// True if nothing is in both.
    #[must_use]
    pub fn is_disjoint(&self, other: &Self) -> bool {
        self.0.is_disjoint(&other.0)
    }

    /// True if all of it is in the other.
    #[must_use]
    pub fn is_subset(&self, other: &Self) -> bool {
        self.0.is_subset(&other.0)
    }

    /// The first node.
    #[must_use]
    pub fn first(&self) -> Option<usize> {
        self.0.ones().next()
    }

    /// Sets by size, then by their first nodes: the order in which lists of sets are given.
    #[must_use]
    pub fn sort_key(&self) -> (usize, Vec<usize>) {
        (self.len(), self.iter().collect())
    }
}
