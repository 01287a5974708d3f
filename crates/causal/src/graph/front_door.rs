//! The front-door criterion: mediators through which all of the effect passes, and which share no cause with treatment or
//! outcome but the treatment.
//!
//! `M` satisfies it relative to `(X, Y)` if
//!
//! 1. every directed path from `X` to `Y` meets `M`;
//! 2. no back-door path from `X` to `M` is open: `X ⊥ M` without the edges out of `X`;
//! 3. `X` blocks all back-door paths from `M` to `Y`: `M ⊥ Y | X` without the edges out of `M`.
//!
//! Then `P(y | do(x)) = Σ_m P(m | x) Σ_x' P(y | m, x') P(x')`. Condition 2 holds node by node; the sets within it that satisfy
//! 3 have a largest one, found by dropping what fails, since a smaller `M` leaves more edges.
//!
//! References: Pearl 1995, doi:10.1093/biomet/82.4.669; Jeong, Tian & Bareinboim 2022, arXiv:2210.05816.

use crate::graph::adjustment::Adjustment;
use crate::graph::nodes::NodeSet;
use crate::graph::separation::{connected, directed_path, separated};
use crate::graph::separators::SetList;

/// Nodes of which all subsets are tried.
const MOST_TRIED: usize = 14;

/// All minimal front-door sets; one of them, and the list not complete, where there are too many candidates.
#[must_use]
pub fn front_door(adjustment: &Adjustment<'_>) -> SetList {
    if !adjustment.has_causal_path() || !adjustment.graph.selected().is_empty() {
        return SetList::nothing();
    }
    let largest = largest(adjustment);
    if !intercepts(adjustment, &largest) {
        return SetList::nothing();
    }
    if largest.len() <= MOST_TRIED {
        return SetList::sorted(all_minimal(adjustment, &largest), true);
    }
    SetList::sorted(vec![shrunk(adjustment, largest)], false)
}

/// The largest set with conditions 2 and 3.
fn largest(adjustment: &Adjustment<'_>) -> NodeSet {
    let (dag, x) = (adjustment.graph.dag(), &adjustment.question.treatments);
    let unsafe_nodes = connected(&dag.without_edges_from(x), x, &adjustment.graph.no_nodes());
    let mut set = adjustment.graph.observed().minus(&adjustment.question.both()).minus(&unsafe_nodes);
    loop {
        let open = connected(&dag.without_edges_from(&set), &adjustment.question.outcomes(), x).intersection(&set);
        if open.is_empty() {
            return set;
        }
        set = set.minus(&open);
    }
}

fn intercepts(adjustment: &Adjustment<'_>, set: &NodeSet) -> bool {
    let (dag, x) = (adjustment.graph.dag(), &adjustment.question.treatments);
    directed_path(dag, x, &adjustment.question.outcomes(), set).is_none()
}

/// Condition 3.
fn is_clean(adjustment: &Adjustment<'_>, set: &NodeSet) -> bool {
    let cut = adjustment.graph.dag().without_edges_from(set);
    separated(&cut, set, &adjustment.question.outcomes(), &adjustment.question.treatments)
}

fn all_minimal(adjustment: &Adjustment<'_>, largest: &NodeSet) -> Vec<NodeSet> {
    let nodes: Vec<usize> = largest.iter().collect();
    let mut masks: Vec<usize> = (0..1_usize << nodes.len()).collect();
    masks.sort_by_key(|mask| mask.count_ones());
    let mut found: Vec<usize> = Vec::new();
    let set = |mask: usize| {
        let members = nodes.iter().enumerate().filter(|at| mask >> at.0 & 1 == 1).map(|at| *at.1);
        NodeSet::of(largest.universe(), members)
    };
    for mask in masks {
        if found.iter().any(|smaller| mask & smaller == *smaller) {
            continue;
        }
        let candidate = set(mask);
        if intercepts(adjustment, &candidate) && is_clean(adjustment, &candidate) {
            found.push(mask);
        }
    }
    found.into_iter().map(set).collect()
}

/// Drops single nodes as long as what is left is a front-door set.
fn shrunk(adjustment: &Adjustment<'_>, mut set: NodeSet) -> NodeSet {
    for node in set.clone().iter() {
        let smaller = set.without(node);
        if intercepts(adjustment, &smaller) && is_clean(adjustment, &smaller) {
            set = smaller;
        }
    }
    set
}
