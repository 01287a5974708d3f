//! Every adjustment set of a small graph, as a table over the subsets of the allowed nodes.

use crate::graph::adjustment::Adjustment;
use crate::graph::nodes::NodeSet;

/// Subsets times nodes and edges: what a table may cost. A tenth of a second.
const MOST_WORK: u64 = 4_000_000;

/// For each subset of the allowed nodes (bit `i` of its number stands for node `nodes[i]`), whether it is valid.
#[derive(Debug)]
pub struct ValidSets {
    nodes: Vec<usize>,
    valid: Vec<bool>,
    universe: usize,
}

impl ValidSets {
    /// `None` if there are too many subsets.
    #[must_use]
    pub fn new(adjustment: &Adjustment<'_>) -> Option<Self> {
        let nodes: Vec<usize> = adjustment.allowed.iter().collect();
        let dag = adjustment.graph.dag();
        let work = (dag.len() + dag.edge_count()) as u64;
        let subsets = u32::try_from(nodes.len()).ok().and_then(|k| 1_u64.checked_shl(k))?;
        if nodes.len() > 24 || subsets.checked_mul(work)? > MOST_WORK {
            return None;
        }
        let mut table = Self { nodes, valid: Vec::new(), universe: dag.len() };
        table.valid = (0..1_usize << table.nodes.len()).map(|mask| adjustment.is_valid(&table.set(mask))).collect();
        Some(table)
    }

    /// The allowed nodes.
    #[must_use]
    pub fn nodes(&self) -> &[usize] {
        &self.nodes
    }

    /// Number of subsets.
    #[must_use]
    pub fn subsets(&self) -> usize {
        self.valid.len()
    }

    /// The subset of that number.
    #[must_use]
    pub fn set(&self, mask: usize) -> NodeSet {
        NodeSet::of(self.universe, self.nodes.iter().enumerate().filter(|at| mask >> at.0 & 1 == 1).map(|at| *at.1))
    }

    /// True if the subset of that number is valid.
    #[must_use]
    pub fn is_valid(&self, mask: usize) -> bool {
        self.valid.get(mask).copied().unwrap_or(false)
    }

    /// A smallest valid set that a node makes invalid, if there is one.
    #[must_use]
    pub fn spoiled_by(&self, node: usize) -> Option<NodeSet> {
        let bit = 1 << self.nodes.iter().position(|other| *other == node)?;
        let spoiled =
            (0..self.subsets()).filter(|mask| mask & bit == 0 && self.valid[*mask] && !self.valid[mask | bit]);
        spoiled.min_by_key(|mask| (mask.count_ones(), *mask)).map(|mask| self.set(mask))
    }
}
