//! The adjustment set with the smallest asymptotic variance.
//!
//! `Z₂` is at least as good as `Z₁`, both valid, if `Y ⊥ Z₁∖Z₂ | X, Z₂` and `X ⊥ Z₂∖Z₁ | Z₁` (Henckel, Perković & Maathuis
//! 2022, theorem 3.1). A set is called optimal here if it is at least as good as every other valid one by chains of that
//! theorem. With latent nodes there may be none.
//!
//! Each such comparison is a chain of single steps, all between valid sets: add `v` where `X ⊥ v | Z` (it tells something of
//! the outcome and nothing of the treatment), drop `v` where `Y ⊥ v | X, Z∖v`. So in a small graph the optimal set is the one
//! that all valid sets lead to by such steps. Of sets that lead to each other, equally good, the smallest is given.
//!
//! In a large graph the observed parents of the causal nodes, reached past nodes that may not be used,
//!
//! ```text
//! O = { v allowed : v -> ... -> c, c on a causal path, no allowed node between },
//! ```
//!
//! are optimal if they are valid and `Y ⊥ allowed∖O | X, O`. For no valid `Z` can leave a path between `X` and a `v` in
//! `O∖Z` open, since the directed path from `v` to `Y` would carry it on; so `X ⊥ O∖Z | Z`, and one step of theorem 3.1 leads
//! from any `Z` to `O`. Without latent nodes this is the O-set of the paper. Else the answer is that it was not searched for.
//!
//! References: Henckel, Perković & Maathuis 2022, doi:10.1111/rssb.12451; Rotnitzky & Smucler 2020,
//! <https://jmlr.org/papers/v21/19-1026.html>; Runge 2021, arXiv:2102.10324 (latent nodes).

use crate::graph::adjustment::Adjustment;
use crate::graph::nodes::NodeSet;
use crate::graph::separation::{connected, separated};
use crate::graph::valid_sets::ValidSets;

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Optimal {
    /// The best of all valid sets.
    Set(NodeSet),
    /// No set is, or none is valid.
    Nothing,
    /// The graph has too many allowed nodes for a search, and the sufficient condition does not decide.
    NotSearched,
}

/// The optimal set. `valid` is the table of valid sets, where there is one.
#[must_use]
pub fn optimal(adjustment: &Adjustment<'_>, valid: Option<&ValidSets>) -> Optimal {
    match valid {
        _ if !adjustment.exists() => Optimal::Nothing,
        Some(valid) => Steps::new(adjustment, valid).sink().map_or(Optimal::Nothing, Optimal::Set),
        None => parents_of_causal_nodes(adjustment).map_or(Optimal::NotSearched, Optimal::Set),
    }
}

/// `O` of the header, if its condition holds.
fn parents_of_causal_nodes(adjustment: &Adjustment<'_>) -> Option<NodeSet> {
    if !adjustment.has_causal_path() || !adjustment.graph.selected().is_empty() {
        return None;
    }
    let dag = adjustment.graph.dag();
    let (x, allowed) = (&adjustment.question.treatments, &adjustment.allowed);
    let between = dag.ancestors_avoiding(&adjustment.causal, &allowed.union(x));
    let mut set = adjustment.graph.no_nodes();
    for node in between.iter() {
        set.absorb(&NodeSet::of(dag.len(), dag.parents(node).iter().copied()).intersection(allowed));
    }
    let rest = allowed.minus(&set);
    let enough = separated(dag, &adjustment.question.outcomes(), &rest, &set.union(x));
    (enough && adjustment.is_valid(&set)).then_some(set)
}

/// The single steps between the valid sets.
struct Steps<'a> {
    valid: &'a ValidSets,
    /// For each valid set the bits `v` outside of it with `X ⊥ v | Z`.
    gains: Vec<usize>,
    /// For each valid set the bits `v` outside of it with `Y ⊥ v | X, Z`.
    idle: Vec<usize>,
}

impl<'a> Steps<'a> {
    fn new(adjustment: &Adjustment<'_>, valid: &'a ValidSets) -> Self {
        let dag = adjustment.graph.dag();
        let (x, y) = (&adjustment.question.treatments, adjustment.question.outcomes());
        let bits = |mask: usize, reached: &NodeSet| {
            let free = |at: &(usize, &usize)| mask >> at.0 & 1 == 0 && !reached.contains(*at.1);
            valid.nodes().iter().enumerate().filter(free).map(|at| 1 << at.0).sum()
        };
        let mut steps = Self { valid, gains: vec![0; valid.subsets()], idle: vec![0; valid.subsets()] };
        for mask in (0..valid.subsets()).filter(|mask| valid.is_valid(*mask)) {
            let given = valid.set(mask).union(adjustment.graph.selected());
            steps.gains[mask] = bits(mask, &connected(dag, x, &given));
            steps.idle[mask] = bits(mask, &connected(dag, &y, &given.union(x)));
        }
        steps
    }

    fn valid_masks(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.valid.subsets()).filter(|mask| self.valid.is_valid(*mask))
    }

    /// The sets from which one step leads to this one.
    fn before(&self, mask: usize) -> Vec<usize> {
        let bits = (0..self.valid.nodes().len()).map(|at| 1 << at);
        let leads = |bit: usize| {
            let other = mask ^ bit;
            let step = if mask & bit != 0 { self.gains[other] & bit } else { self.idle[mask] & bit };
            (step != 0 && self.valid.is_valid(other)).then_some(other)
        };
        bits.filter_map(leads).collect()
    }

    /// Those that one step leads to from this one.
    fn after(&self, mask: usize) -> Vec<usize> {
        let bits = (0..self.valid.nodes().len()).map(|at| 1 << at);
        let leads = |bit: usize| {
            let other = mask ^ bit;
            let step = if mask & bit == 0 { self.gains[mask] & bit } else { self.idle[other] & bit };
            (step != 0 && self.valid.is_valid(other)).then_some(other)
        };
        bits.filter_map(leads).collect()
    }

    fn reach(&self, from: usize, seen: &mut [bool], next: impl Fn(usize) -> Vec<usize>) {
        let mut open = vec![from];
        seen[from] = true;
        while let Some(mask) = open.pop() {
            for other in next(mask) {
                if !std::mem::replace(&mut seen[other], true) {
                    open.push(other);
                }
            }
        }
    }

    /// The set that all others lead to: going backwards, it reaches them all. If there is one, the last set from which
    /// a backward search has to start is one.
    fn sink(&self) -> Option<NodeSet> {
        let mut seen = vec![false; self.valid.subsets()];
        let mut last = None;
        for mask in self.valid_masks() {
            if !seen[mask] {
                last = Some(mask);
                self.reach(mask, &mut seen, |mask| self.before(mask));
            }
        }
        let last = last?;
        let mut seen = vec![false; self.valid.subsets()];
        self.reach(last, &mut seen, |mask| self.before(mask));
        if self.valid_masks().any(|mask| !seen[mask]) {
            return None;
        }
        let mut equal = vec![false; self.valid.subsets()];
        self.reach(last, &mut equal, |mask| self.after(mask));
        let sets = self.valid_masks().filter(|mask| equal[*mask]).map(|mask| self.valid.set(mask));
        sets.min_by_key(NodeSet::sort_key)
    }
}
