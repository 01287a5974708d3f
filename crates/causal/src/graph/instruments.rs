//! Instruments, and what they have to be conditioned on.
//!
//! `Z` is an instrument for the total effect of `X` on `Y` given `W`, a set of observed nodes that `X` does not affect, if
//!
//! 1. `Z ⊥ Y | W` without the edges into `X`;
//! 2. `Z` and `X` are not separated by `W`.
//!
//! An instrument does not identify the average effect without more assumptions: it bounds it, and with monotonicity it gives
//! the effect on the compliers. It is called ancestral if `W` consists of ancestors of `Z` and `Y` in the graph of condition 1;
//! other sets are legal and odd.
//!
//! References: Pearl 2009, *Causality*, definition 7.4.1; Brito & Pearl 2002, arXiv:1301.0560; van der Zander, Textor & Liśkiewicz
//! 2015, <https://www.ijcai.org/Proceedings/15/Papers/457.pdf>; Angrist, Imbens & Rubin 1996, doi:10.1080/01621459.1996.10476902.

use crate::graph::adjustment::Adjustment;
use crate::graph::dag::Dag;
use crate::graph::nodes::NodeSet;
use crate::graph::separation::separated;
use crate::graph::separators::{Search, minimal_separators};

/// Nodes of which all subsets are tried.
const MOST_TRIED: usize = 10;
/// Ancestral sets that are looked at for each node of a large graph.
const MOST_SETS: usize = 20;
/// Instruments listed for one question.
const MOST_LISTED: usize = 200;

/// One instrument with one minimal set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instrument {
    /// The instrument, `Z`.
    pub node: usize,
    /// What it has to be conditioned on, `W`.
    pub given: NodeSet,
    /// True if that consists of ancestors of the instrument and the outcome.
    pub ancestral: bool,
}

/// Instruments of one question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instruments {
    /// By name, then by the size of their sets.
    pub found: Vec<Instrument>,
    /// False if only ancestral sets were searched, or the list was cut.
    pub complete: bool,
}

/// All instruments with all their minimal sets; only where a single treatment has a causal path to the outcome.
#[must_use]
pub fn instruments(adjustment: &Adjustment<'_>) -> Instruments {
    let x = &adjustment.question.treatments;
    let mut answer = Instruments { found: Vec::new(), complete: true };
    if !adjustment.has_causal_path() || x.len() != 1 {
        return answer;
    }
    let dag = adjustment.graph.dag();
    let unaffected = adjustment.graph.observed().minus(&dag.descendants(x)).without(adjustment.question.outcome);
    let search = InstrumentSearch { adjustment, cut: dag.without_edges_into(x), unaffected };
    let small = search.unaffected.len() <= MOST_TRIED + 1;
    for node in search.unaffected.iter() {
        let (sets, complete) = if small { (search.all_minimal(node), true) } else { search.ancestral(node) };
        answer.complete &= complete;
        let ancestors = search.cut.ancestors(&adjustment.question.outcomes().with(node));
        answer.found.extend(sets.into_iter().map(|given| {
            let ancestral = given.is_subset(&ancestors);
            Instrument { node, given, ancestral }
        }));
    }
    answer.complete &= answer.found.len() <= MOST_LISTED;
    answer.found.truncate(MOST_LISTED);
    answer
}

struct InstrumentSearch<'a> {
    adjustment: &'a Adjustment<'a>,
    cut: Dag,
    unaffected: NodeSet,
}

impl InstrumentSearch<'_> {
    fn holds(&self, node: usize, given: &NodeSet) -> bool {
        let z = NodeSet::of(given.universe(), [node]);
        let question = self.adjustment.question;
        let given = given.union(self.adjustment.graph.selected());
        separated(&self.cut, &z, &question.outcomes(), &given)
            && !separated(self.adjustment.graph.dag(), &z, &question.treatments, &given)
    }

    fn all_minimal(&self, node: usize) -> Vec<NodeSet> {
        let others: Vec<usize> = self.unaffected.without(node).iter().collect();
        let mut masks: Vec<usize> = (0..1_usize << others.len()).collect();
        masks.sort_by_key(|mask| mask.count_ones());
        let mut found: Vec<usize> = Vec::new();
        let set = |mask: usize| {
            let members = others.iter().enumerate().filter(|at| mask >> at.0 & 1 == 1).map(|at| *at.1);
            NodeSet::of(self.unaffected.universe(), members)
        };
        for mask in masks {
            let smaller = found.iter().any(|smaller| mask & smaller == *smaller);
            if !smaller && self.holds(node, &set(mask)) {
                found.push(mask);
            }
        }
        let mut sets: Vec<NodeSet> = found.into_iter().map(set).collect();
        sets.sort_by_key(NodeSet::sort_key);
        sets
    }

    /// The minimal sets of ancestors that separate the node from the outcome and leave it connected with the treatment. If
    /// there is any conditional instrument, one of these is found for some node (van der Zander et al. 2015, theorem 3), unless
    /// the list of separators was cut.
    fn ancestral(&self, node: usize) -> (Vec<NodeSet>, bool) {
        let a = NodeSet::of(self.unaffected.universe(), [node]);
        let b = self.adjustment.question.outcomes();
        let allowed = self.unaffected.without(node);
        let search = Search { a: &a, b: &b, allowed: &allowed, always: self.adjustment.graph.selected() };
        let list = minimal_separators(&self.cut, search, MOST_SETS);
        (list.sets.into_iter().filter(|given| self.holds(node, given)).collect(), false)
    }
}
