//! The generalised adjustment criterion: which sets of observed nodes make the arms comparable.
//!
//! `Z` is an adjustment set relative to `(X, Y)`, that is `P(y | do(x)) = Σ_z P(y | x, z) P(z)` in every model of the
//! graph, if and only if
//!
//! 1. no node of `Z` is in `Forb(X, Y)`: the descendants of nodes, other than `X`, on proper causal paths from `X` to `Y`;
//! 2. `Z` blocks every proper path from `X` to `Y` that is not causal: `X ⊥ Y | Z` in the proper back-door graph, which
//!    lacks the first edge of every proper causal path.
//!
//! A path is proper if only its first node is in `X`. Where the rows were selected on `S`, condition 2 is asked given `Z ∪ S`,
//! and `Y ⊥ S | X` must hold without the edges into `X`; sufficient, after Correa, Tian & Bareinboim 2018, definition 3
//! (doi:10.1609/aaai.v32i1.12125).
//!
//! | symbol | here |
//! |---|---|
//! | `X`, `Y`, `Z` | `question.treatments`, `question.outcome`, `set` |
//! | Forb | [`Adjustment::forbidden`] |
//! | nodes on proper causal paths, but for `X` | [`Adjustment::causal`] |
//! | proper back-door graph | `backdoor` |
//!
//! References: Shpitser, VanderWeele & Robins 2010, arXiv:1203.3515; Perković, Textor, Kalisch & Maathuis 2018,
//! <https://jmlr.org/papers/v18/16-319.html>; van der Zander, Liśkiewicz & Textor 2019, doi:10.1016/j.artint.2018.12.006.

use crate::graph::causal_graph::CausalGraph;
use crate::graph::dag::Dag;
use crate::graph::nodes::NodeSet;
use crate::graph::question::Question;
use crate::graph::separation::{Path, open_path, separated};
use crate::graph::separators::{Search, SetList, minimal_separators};

/// The criterion for one question.
#[derive(Debug)]
pub struct Adjustment<'g> {
    /// The graph.
    pub graph: &'g CausalGraph,
    /// The question.
    pub question: &'g Question,
    /// Nodes on proper causal paths, treatments left out; the outcome is among them if there is such a path.
    pub causal: NodeSet,
    /// Forb(X, Y), latent nodes and the outcome among them.
    pub forbidden: NodeSet,
    /// The nodes that a set may have: observed, neither treatment nor outcome, not forbidden.
    pub allowed: NodeSet,
    backdoor: Dag,
    selection_is_harmless: bool,
}

/// What the criterion says of one set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validity {
    /// Its nodes that are forbidden.
    pub forbidden: NodeSet,
    /// A shortest path that is not causal and stays open.
    pub open: Option<Path>,
    /// False where the selection of the rows depends on the outcome by other ways than the treatment.
    pub selection_is_harmless: bool,
}

impl Validity {
    /// True for an adjustment set.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.forbidden.is_empty() && self.open.is_none() && self.selection_is_harmless
    }
}

impl<'g> Adjustment<'g> {
    /// Prepares the criterion.
    #[must_use]
    pub fn new(graph: &'g CausalGraph, question: &'g Question) -> Self {
        let dag = graph.dag();
        let (x, y) = (&question.treatments, question.outcomes());
        let causal = dag.descendants_avoiding(x, x).intersection(&dag.ancestors_avoiding(&y, x)).minus(x);
        let forbidden = dag.descendants(&causal);
        let allowed = graph.observed().minus(&question.both()).minus(&forbidden);
        let backdoor = dag.filtered(|from, to| !(x.contains(from) && causal.contains(to)));
        let selection_is_harmless = separated(&dag.without_edges_into(x), &y, graph.selected(), x);
        Self { graph, question, causal, forbidden, allowed, backdoor, selection_is_harmless }
    }

    /// True if a directed path leads from a treatment to the outcome.
    #[must_use]
    pub fn has_causal_path(&self) -> bool {
        !self.causal.is_empty()
    }

    /// The forbidden nodes that are columns, without treatments and outcome.
    #[must_use]
    pub fn forbidden_columns(&self) -> NodeSet {
        self.forbidden.intersection(self.graph.observed()).minus(&self.question.both())
    }

    /// The observed nodes on causal paths.
    #[must_use]
    pub fn mediators(&self) -> NodeSet {
        self.causal.intersection(self.graph.observed()).minus(&self.question.both())
    }

    /// The criterion for a set.
    #[must_use]
    pub fn validity(&self, set: &NodeSet) -> Validity {
        let given = set.union(self.graph.selected());
        Validity {
            forbidden: set.intersection(&self.forbidden),
            open: open_path(&self.backdoor, &self.question.treatments, &self.question.outcomes(), &given),
            selection_is_harmless: self.selection_is_harmless,
        }
    }

    /// True for an adjustment set.
    #[must_use]
    pub fn is_valid(&self, set: &NodeSet) -> bool {
        self.selection_is_harmless && set.is_disjoint(&self.forbidden) && self.blocks(set)
    }

    /// Condition 2 alone.
    #[must_use]
    pub fn blocks(&self, set: &NodeSet) -> bool {
        let given = set.union(self.graph.selected());
        separated(&self.backdoor, &self.question.treatments, &self.question.outcomes(), &given)
    }

    /// True if any adjustment set exists: then the allowed ancestors of `X ∪ Y` are one (Perković et al. 2018, corollary 4.4).
    #[must_use]
    pub fn exists(&self) -> bool {
        self.is_valid(&self.canonical())
    }

    /// The allowed ancestors of treatments and outcome.
    #[must_use]
    pub fn canonical(&self) -> NodeSet {
        let ends = self.question.both().union(self.graph.selected());
        self.graph.dag().ancestors(&ends).intersection(&self.allowed)
    }

    /// All minimal adjustment sets, at most `most`.
    #[must_use]
    pub fn minimal(&self, most: usize) -> SetList {
        if !self.exists() {
            return SetList::nothing();
        }
        let outcomes = self.question.outcomes();
        let search = Search {
            a: &self.question.treatments,
            b: &outcomes,
            allowed: &self.allowed,
            always: self.graph.selected(),
        };
        minimal_separators(&self.backdoor, search, most)
    }
}
