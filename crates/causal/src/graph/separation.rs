//! d-separation by reachability.
//!
//! A path is open given `Z` if every collider on it has a descendant in `Z` and nothing else on it is in `Z`. The ball
//! of Shachter's Bayes ball travels along edges and remembers from which side it entered a node, so that all nodes that are
//! d-connected with a set are found in `O(n + m)`. In a graph with latent nodes and bidirected edges drawn as nodes
//! ([`crate::graph::causal_graph`]) this is m-separation.
//!
//! | symbol | here |
//! |---|---|
//! | `X`, `Z` | `from`, `given` |
//! | An(Z) | `opened`: the nodes that are open as colliders |
//!
//! References: Shachter 1998, arXiv:1301.7412; Geiger, Verma & Pearl 1990, doi:10.1002/net.3230200504; that a shortest open
//! walk is a path: Richardson 2003, doi:10.1111/1467-9469.00323, lemma 1.

use crate::graph::dag::Dag;
use crate::graph::nodes::NodeSet;
use std::collections::VecDeque;

/// The nodes outside `given` that are d-connected with `from`, `from` among them.
#[must_use]
pub fn connected(dag: &Dag, from: &NodeSet, given: &NodeSet) -> NodeSet {
    let ball = Ball { dag, given, opened: dag.ancestors(given) };
    let mut seen = [NodeSet::empty(dag.len()), NodeSet::empty(dag.len())];
    let mut open: Vec<State> = Vec::new();
    for state in from.iter().map(State::start) {
        seen[0].insert(state.node);
        open.push(state);
    }
    while let Some(state) = open.pop() {
        ball.moves(state, |next| {
            if seen[usize::from(next.from_parent)].insert(next.node) {
                open.push(next);
            }
        });
    }
    let [up, down] = seen;
    up.union(&down).minus(given).union(from)
}

/// `A ⊥ B | Z`. Nodes of `A` and `B` that are in `Z` have no say.
#[must_use]
pub fn separated(dag: &Dag, a: &NodeSet, b: &NodeSet, given: &NodeSet) -> bool {
    connected(dag, &a.minus(given), given).is_disjoint(&b.minus(given))
}

/// An edge of a path, read from left to right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrow {
    /// `->`
    Right,
    /// `<-`
    Left,
}

/// A path: its first node, then edges and nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// Where it begins.
    pub start: usize,
    /// Each edge and the node it leads to.
    pub steps: Vec<(Arrow, usize)>,
}

impl Path {
    /// Its nodes.
    pub fn nodes(&self) -> impl Iterator<Item = usize> + '_ {
        std::iter::once(self.start).chain(self.steps.iter().map(|step| step.1))
    }

    /// The colliders on it, `-> c <-`.
    pub fn colliders(&self) -> impl Iterator<Item = usize> + '_ {
        let meets =
            |pair: &[(Arrow, usize)]| (pair[0].0 == Arrow::Right && pair[1].0 == Arrow::Left).then_some(pair[0].1);
        self.steps.windows(2).filter_map(meets)
    }
}

/// A shortest path between two sets that is open given `given`, if there is one; of several, that through the first nodes.
#[must_use]
pub fn open_path(dag: &Dag, a: &NodeSet, b: &NodeSet, given: &NodeSet) -> Option<Path> {
    let ball = Ball { dag, given, opened: dag.ancestors(given) };
    let mut came_from: [Vec<Option<State>>; 2] = [vec![None; dag.len()], vec![None; dag.len()]];
    let mut open: VecDeque<State> = a.minus(given).iter().map(State::start).collect();
    while let Some(state) = open.pop_front() {
        if b.contains(state.node) && !given.contains(state.node) && !a.contains(state.node) {
            return Some(walk_back(&came_from, state, a));
        }
        ball.moves(state, |next| {
            let place = &mut came_from[usize::from(next.from_parent)][next.node];
            if place.is_none() && !a.contains(next.node) {
                *place = Some(state);
                open.push_back(next);
            }
        });
    }
    None
}

fn walk_back(came_from: &[Vec<Option<State>>; 2], end: State, a: &NodeSet) -> Path {
    let mut steps = Vec::new();
    let mut state = end;
    while let Some(before) = came_from[usize::from(state.from_parent)][state.node] {
        steps.push((if state.from_parent { Arrow::Right } else { Arrow::Left }, state.node));
        state = before;
        if a.contains(state.node) {
            break;
        }
    }
    steps.reverse();
    Path { start: state.node, steps }
}

/// A shortest directed path from one set to another, of one edge or more, past the nodes of `avoid`.
#[must_use]
pub fn directed_path(dag: &Dag, from: &NodeSet, to: &NodeSet, avoid: &NodeSet) -> Option<Path> {
    let mut came_from: Vec<Option<usize>> = vec![None; dag.len()];
    let mut open: VecDeque<usize> = from.iter().collect();
    while let Some(node) = open.pop_front() {
        for next in dag.children(node).iter().copied() {
            if from.contains(next) || avoid.contains(next) || came_from[next].is_some() {
                continue;
            }
            came_from[next] = Some(node);
            if to.contains(next) {
                return Some(directed_walk_back(&came_from, next));
            }
            open.push_back(next);
        }
    }
    None
}

fn directed_walk_back(came_from: &[Option<usize>], end: usize) -> Path {
    let mut steps = Vec::new();
    let mut node = end;
    while let Some(before) = came_from[node] {
        steps.push((Arrow::Right, node));
        node = before;
    }
    steps.reverse();
    Path { start: node, steps }
}

/// The ball at a node: it came along an edge into it, or out of it.
#[derive(Debug, Clone, Copy)]
struct State {
    node: usize,
    from_parent: bool,
}

impl State {
    /// At its start it may leave in any direction, as if it had come from a child.
    fn start(node: usize) -> Self {
        Self { node, from_parent: false }
    }
}

struct Ball<'a> {
    dag: &'a Dag,
    given: &'a NodeSet,
    opened: NodeSet,
}

impl Ball<'_> {
    fn moves(&self, state: State, mut go: impl FnMut(State)) {
        let blocked = self.given.contains(state.node);
        let to_parents = if state.from_parent { self.opened.contains(state.node) } else { !blocked };
        if to_parents {
            self.dag.parents(state.node).iter().for_each(|parent| go(State { node: *parent, from_parent: false }));
        }
        if !blocked {
            self.dag.children(state.node).iter().for_each(|child| go(State { node: *child, from_parent: true }));
        }
    }
}
