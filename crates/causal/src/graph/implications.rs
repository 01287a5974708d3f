//! The conditional independencies a graph implies among what was observed: what data could refute.
//!
//! Two observed nodes can be separated by observed ones if and only if their observed ancestors separate them (no inducing
//! path; Verma & Pearl 1990, Richardson & Spirtes 2002, theorem 4.2). Those statements, one for each pair, are the pairwise
//! basis: with them all others hold. The minimal sets of a pair are its minimal separators.
//!
//! References: Pearl 1988, *Probabilistic Reasoning in Intelligent Systems*, section 3.3; Richardson & Spirtes 2002,
//! doi:10.1214/aos/1031689015; Ankan, Wortel & Textor 2021, doi:10.1002/cpz1.45 (testing them).

use crate::graph::causal_graph::CausalGraph;
use crate::graph::nodes::NodeSet;
use crate::graph::separation::separated;
use crate::graph::separators::{Search, minimal_separators};

/// Statements of each list.
const MOST_LISTED: usize = 1_000;
/// Minimal sets of one pair.
const MOST_OF_A_PAIR: usize = 50;
/// Pairs times nodes and edges that are looked at.
const MOST_WORK: usize = 100_000_000;

/// `a ⊥ b | given`, with `a` before `b` by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Independence {
    /// The first.
    pub a: usize,
    /// The second.
    pub b: usize,
    /// Given these.
    pub given: NodeSet,
}

/// The lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Implications {
    /// One statement for each pair that can be separated: given the observed ancestors of both.
    pub basis: Vec<Independence>,
    /// Every minimal set of every such pair.
    pub minimal: Vec<Independence>,
    /// False if a list was cut.
    pub complete: bool,
}

/// What the graph implies.
#[must_use]
pub fn implications(graph: &CausalGraph) -> Implications {
    let dag = graph.dag();
    let mut lists = Implications { basis: Vec::new(), minimal: Vec::new(), complete: true };
    let mut work = 0_usize;
    let columns: Vec<usize> = graph.observed().iter().collect();
    let pairs = columns.iter().enumerate().flat_map(|(i, a)| columns[i + 1..].iter().map(move |b| (*a, *b)));
    for (a, b) in pairs {
        if dag.adjacent(a, b) {
            continue;
        }
        work += dag.len() + dag.edge_count();
        if work > MOST_WORK || lists.basis.len() >= MOST_LISTED {
            lists.complete = false;
            break;
        }
        let both = NodeSet::of(dag.len(), [a, b]);
        let given = dag.ancestors(&both.union(graph.selected())).intersection(graph.observed()).minus(&both);
        if separated(dag, &both.without(b), &both.without(a), &given.union(graph.selected())) {
            lists.basis.push(Independence { a, b, given });
            lists.add_minimal(graph, a, b);
        }
    }
    lists
}

impl Implications {
    fn add_minimal(&mut self, graph: &CausalGraph, a: usize, b: usize) {
        let room = MOST_OF_A_PAIR.min(MOST_LISTED.saturating_sub(self.minimal.len()));
        if room == 0 {
            self.complete = false;
            return;
        }
        let only = |node: usize| NodeSet::of(graph.len(), [node]);
        let (left, right) = (only(a), only(b));
        let allowed = graph.observed().minus(&left.union(&right));
        let search = Search { a: &left, b: &right, allowed: &allowed, always: graph.selected() };
        let list = minimal_separators(graph.dag(), search, room);
        self.complete &= list.complete;
        self.minimal.extend(list.sets.into_iter().map(|given| Independence { a, b, given }));
    }
}
