//! Whether `P(y | do(x))` can be computed from the distribution of the observed nodes at all: the ID algorithm.
//!
//! The graph is projected on the observed nodes `V`: `a -> b` if a directed path leads from `a` to `b` past latent nodes only;
//! `a <-> b` if such paths lead to both from one latent node (Verma & Pearl 1990). Nodes joined by bidirected edges form
//! districts (c-components). With `D = An(Y)` in the graph without `X`, the effect is
//!
//! ```text
//! P(y | do(x)) = Σ_{D∖Y} Π_i Q[D_i],   D_i the districts of G_D,
//! ```
//!
//! and is identified if and only if every `Q[D_i]` is, from the district `S_i` of `G` that holds `D_i`: with `A = An(D_i)` in
//! `G_T`, beginning with `T = S_i`, it is when `A = D_i`, it is not when `A = T` (the two form a hedge), and else `T` becomes
//! the district of `G_A` that holds `D_i`. This decides what the algorithm of Shpitser & Pearl decides.
//!
//! References: Shpitser & Pearl 2006, AAAI, 1219-1226; Tian & Pearl 2002, AAAI, 567-573; Huang & Valtorta 2006, arXiv:1206.6831
//! (soundness and completeness of this form); Tikka & Karvanen 2017, doi:10.18637/jss.v076.i12.

use crate::graph::causal_graph::CausalGraph;
use crate::graph::nodes::NodeSet;
use crate::graph::question::Question;

/// The graph over the observed nodes.
#[derive(Debug, Clone)]
pub struct Projection {
    observed: NodeSet,
    parents: Vec<NodeSet>,
    /// For each latent node with two observed nodes below it, those.
    confounded: Vec<NodeSet>,
}

/// Two districts, the smaller within the larger, that both lead to the outcome and cannot be told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hedge {
    /// The larger, which holds a treatment.
    pub outer: NodeSet,
    /// The smaller.
    pub inner: NodeSet,
}

impl Projection {
    /// The latent projection. Nodes on which rows were selected count as observed.
    #[must_use]
    pub fn new(graph: &CausalGraph) -> Self {
        let dag = graph.dag();
        let observed = graph.observed().union(graph.selected());
        let only = |node: usize| NodeSet::of(graph.len(), [node]);
        let neighbours = |set: &NodeSet, list: fn(&crate::graph::dag::Dag, usize) -> &[usize]| {
            let all = set.iter().flat_map(|node| list(dag, node).iter().copied());
            NodeSet::of(graph.len(), all).intersection(&observed)
        };
        let mut parents = vec![graph.no_nodes(); graph.len()];
        for node in observed.iter() {
            let past_latent = dag.ancestors_avoiding(&only(node), &observed);
            parents[node] = neighbours(&past_latent, |dag, node| dag.parents(node));
        }
        let latent = (0..graph.len()).filter(|node| !observed.contains(*node));
        let below = latent
            .map(|node| neighbours(&dag.descendants_avoiding(&only(node), &observed), |dag, node| dag.children(node)));
        let confounded = below.filter(|set| set.len() > 1).collect();
        Self { observed, parents, confounded }
    }

    /// The ancestors of a set, itself among them, by paths within `within`.
    #[must_use]
    pub fn ancestors(&self, set: &NodeSet, within: &NodeSet) -> NodeSet {
        let mut reached = set.intersection(within);
        let mut open: Vec<usize> = reached.iter().collect();
        while let Some(node) = open.pop() {
            for parent in self.parents[node].intersection(within).minus(&reached).iter() {
                reached.insert(parent);
                open.push(parent);
            }
        }
        reached
    }

    /// The district of a node in the graph of `within`.
    #[must_use]
    pub fn district(&self, node: usize, within: &NodeSet) -> NodeSet {
        let mut reached = NodeSet::of(within.universe(), [node]);
        loop {
            let mut larger = reached.clone();
            for set in self.confounded.iter().filter(|set| !set.is_disjoint(&reached)) {
                larger.absorb(&set.intersection(within));
            }
            if larger == reached {
                return reached;
            }
            reached = larger;
        }
    }

    /// All districts of the graph of `within`.
    #[must_use]
    pub fn districts(&self, within: &NodeSet) -> Vec<NodeSet> {
        let mut left = within.clone();
        let mut districts = Vec::new();
        while let Some(node) = left.first() {
            let district = self.district(node, within);
            left = left.minus(&district);
            districts.push(district);
        }
        districts
    }

    /// Whether the effect is identified.
    ///
    /// # Errors
    /// The hedge that stands in the way.
    pub fn identify(&self, question: &Question) -> Result<(), Hedge> {
        let below = self.ancestors(&question.outcomes(), &self.observed.minus(&question.treatments));
        for inner in self.districts(&below) {
            let Some(node) = inner.first() else { continue };
            let mut outer = self.district(node, &self.observed);
            loop {
                let ancestors = self.ancestors(&inner, &outer);
                if ancestors == inner {
                    break;
                }
                if ancestors == outer {
                    return Err(Hedge { outer, inner });
                }
                outer = self.district(node, &ancestors);
            }
        }
        Ok(())
    }
}
