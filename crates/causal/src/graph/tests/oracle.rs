//! Random small graphs against answers that use no criterion of ours: separation by listing all paths, adjustment by the
//! criterion as it is defined on paths, for all subsets; and what may not change an answer.

use crate::graph::adjustment::Adjustment;
use crate::graph::answer::{Identification, identify};
use crate::graph::builder::{Edge, GraphBuilder};
use crate::graph::causal_graph::CausalGraph;
use crate::graph::dag::Dag;
use crate::graph::identify::Projection;
use crate::graph::nodes::NodeSet;
use crate::graph::question::Question;
use crate::graph::separation::{connected, open_path, separated};
use crate::graph::separators::{Search, minimal_separators};
use proptest::prelude::*;

/// A drawing: nodes `0..latent.len()`, edges from lower to higher numbers.
#[derive(Debug, Clone)]
struct Drawing {
    latent: Vec<bool>,
    edges: Vec<(usize, usize, Edge)>,
}

fn drawings(most: usize) -> impl Strategy<Value = Drawing> {
    (3..=most).prop_flat_map(|n| {
        let pairs: Vec<(usize, usize)> = (0..n).flat_map(|a| (a + 1..n).map(move |b| (a, b))).collect();
        let kinds = prop::collection::vec(0_u8..20, pairs.len());
        (prop::collection::vec(prop::bool::weighted(0.2), n), kinds).prop_map(move |(mut latent, kinds)| {
            let edges = pairs.iter().zip(kinds).flat_map(|((a, b), kind)| {
                let directed = (kind < 7).then_some((*a, *b, Edge::Directed));
                let bidirected = (kind % 7 == 6).then_some((*a, *b, Edge::Bidirected));
                directed.into_iter().chain(bidirected)
            });
            let edges = edges.collect();
            let observed = latent.iter().filter(|latent| !**latent).count();
            if observed < 2 {
                latent.fill(false);
            }
            Drawing { latent, edges }
        })
    })
}

impl Drawing {
    /// Draws it with those names, in the order of a list of edges.
    fn draw(&self, names: &[String], reversed: bool) -> CausalGraph {
        let mut builder = GraphBuilder::new(false);
        let mut order: Vec<usize> = (0..self.latent.len()).collect();
        let mut edges = self.edges.clone();
        if reversed {
            order.reverse();
            edges.reverse();
        }
        let mut place = vec![0; order.len()];
        for old in order {
            place[old] = builder.node(&names[old], 1).expect("a node");
            builder.mark(place[old], |marks| marks.latent = self.latent[old]);
        }
        for (a, b, kind) in edges {
            builder.edge(place[a], place[b], kind, 1).expect("an edge");
        }
        builder.build().expect("a graph")
    }

    fn graph(&self) -> CausalGraph {
        self.draw(&self.names(), false)
    }

    fn names(&self) -> Vec<String> {
        (0..self.latent.len()).map(|i| format!("n{i}")).collect()
    }
}

/// All simple paths between two nodes.
fn paths(dag: &Dag, from: usize, to: usize) -> Vec<Vec<usize>> {
    let mut found = Vec::new();
    let mut open = vec![vec![from]];
    while let Some(path) = open.pop() {
        let last = *path.last().expect("a node");
        if last == to {
            found.push(path);
            continue;
        }
        for next in dag.parents(last).iter().chain(dag.children(last)) {
            if !path.contains(next) {
                let mut longer = path.clone();
                longer.push(*next);
                open.push(longer);
            }
        }
    }
    found
}

fn has_edge(dag: &Dag, from: usize, to: usize) -> bool {
    dag.children(from).contains(&to)
}

/// The definition: every collider has a descendant in the set, no other inner node is in it.
fn is_open(dag: &Dag, path: &[usize], given: &NodeSet) -> bool {
    path.windows(3).all(|three| {
        let collider = has_edge(dag, three[0], three[1]) && has_edge(dag, three[2], three[1]);
        let here = NodeSet::of(dag.len(), [three[1]]);
        if collider { !dag.descendants(&here).is_disjoint(given) } else { !given.contains(three[1]) }
    })
}

fn is_causal(dag: &Dag, path: &[usize]) -> bool {
    path.windows(2).all(|two| has_edge(dag, two[0], two[1]))
}

/// The adjustment criterion, on paths.
fn is_valid_by_paths(dag: &Dag, x: usize, y: usize, set: &NodeSet) -> bool {
    paths(dag, x, y).iter().all(|path| {
        if is_causal(dag, path) {
            let after = NodeSet::of(dag.len(), path[1..].iter().copied());
            dag.descendants(&after).is_disjoint(set)
        } else {
            !is_open(dag, path, set)
        }
    })
}

fn subsets(of: &NodeSet) -> impl Iterator<Item = NodeSet> + '_ {
    let nodes: Vec<usize> = of.iter().collect();
    (0..1_usize << nodes.len()).map(move |mask| {
        NodeSet::of(of.universe(), nodes.iter().enumerate().filter(|at| mask >> at.0 & 1 == 1).map(|at| *at.1))
    })
}

fn minimal_of(sets: &[NodeSet]) -> Vec<NodeSet> {
    let smaller = |set: &NodeSet| sets.iter().any(|other| other != set && other.is_subset(set));
    let mut minimal: Vec<NodeSet> = sets.iter().filter(|set| !smaller(set)).cloned().collect();
    minimal.sort_by_key(NodeSet::sort_key);
    minimal
}

/// First and last observed node: a question with a causal order, and the other way round.
fn questions(graph: &CausalGraph) -> Vec<Question> {
    let observed: Vec<usize> = graph.observed().iter().collect();
    let (first, last) = (observed[0], observed[observed.len() - 1]);
    let ask = |x: usize, outcome: usize| Question { treatments: NodeSet::of(graph.len(), [x]), outcome };
    vec![ask(first, last), ask(last, first)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn separation_is_that_of_all_paths(drawing in drawings(6), mask in any::<u16>()) {
        let graph = drawing.graph();
        let dag = graph.dag();
        let given = NodeSet::of(dag.len(), (0..dag.len()).filter(|node| mask >> (node % 16) & 1 == 1));
        for a in (0..dag.len()).filter(|a| !given.contains(*a)) {
            let from = NodeSet::of(dag.len(), [a]);
            let reached = connected(dag, &from, &given);
            for b in (0..dag.len()).filter(|b| *b != a && !given.contains(*b)) {
                let to = NodeSet::of(dag.len(), [b]);
                let open = paths(dag, a, b).iter().any(|path| is_open(dag, path, &given));
                prop_assert_eq!(reached.contains(b), open);
                prop_assert_eq!(separated(dag, &from, &to, &given), !open);
                let shown = open_path(dag, &from, &to, &given);
                prop_assert_eq!(shown.is_some(), open);
                if let Some(path) = shown {
                    let nodes: Vec<usize> = path.nodes().collect();
                    prop_assert!(paths(dag, a, b).contains(&nodes), "{:?} is no path", nodes);
                    prop_assert!(is_open(dag, &nodes, &given));
                }
            }
        }
    }

    #[test]
    fn adjustment_is_that_of_all_subsets(drawing in drawings(6)) {
        let graph = drawing.graph();
        for question in questions(&graph) {
            let (x, y) = (question.treatments.first().expect("one"), question.outcome);
            let adjustment = Adjustment::new(&graph, &question);
            let candidates = graph.observed().minus(&question.both());
            let mut valid = Vec::new();
            for set in subsets(&candidates) {
                let expected = is_valid_by_paths(graph.dag(), x, y, &set);
                prop_assert_eq!(adjustment.is_valid(&set), expected);
                prop_assert_eq!(adjustment.validity(&set).is_valid(), expected);
                if expected {
                    valid.push(set);
                }
            }
            prop_assert_eq!(adjustment.exists(), !valid.is_empty());
            prop_assert_eq!(adjustment.minimal(1_000).sets, minimal_of(&valid));
            // An adjustment set identifies the effect.
            prop_assert!(valid.is_empty() || Projection::new(&graph).identify(&question).is_ok());
        }
    }

    #[test]
    fn minimal_separators_are_those_of_all_subsets(drawing in drawings(6)) {
        let graph = drawing.graph();
        let dag = graph.dag();
        let question = &questions(&graph)[0];
        let (a, b) = (&question.treatments, question.outcomes());
        let allowed = graph.observed().minus(&question.both());
        let separating: Vec<NodeSet> = subsets(&allowed).filter(|set| separated(dag, a, &b, set)).collect();
        let search = Search { a, b: &b, allowed: &allowed, always: &graph.no_nodes() };
        prop_assert_eq!(minimal_separators(dag, search, 1_000).sets, minimal_of(&separating));
    }

    /// Optimal sets by theorem 3.1 itself, pair by pair, and its chains.
    #[test]
    fn optimal_sets_are_those_of_the_theorem(drawing in drawings(6)) {
        let graph = drawing.graph();
        let dag = graph.dag();
        for question in questions(&graph) {
            let adjustment = Adjustment::new(&graph, &question);
            let (x, y) = (&question.treatments, question.outcomes());
            let valid: Vec<NodeSet> = subsets(&adjustment.allowed).filter(|set| adjustment.is_valid(set)).collect();
            let better = |old: &NodeSet, new: &NodeSet| {
                separated(dag, &y, &old.minus(new), &new.union(x)) && separated(dag, x, &new.minus(old), old)
            };
            let n = valid.len();
            let mut leads: Vec<Vec<bool>> = valid.iter().map(|old| valid.iter().map(|new| better(old, new)).collect()).collect();
            for k in 0..n {
                for i in 0..n {
                    for j in 0..n {
                        leads[i][j] |= leads[i][k] && leads[k][j];
                    }
                }
            }
            let best = (0..n).filter(|j| (0..n).all(|i| i == *j || leads[i][*j])).map(|j| valid[j].clone());
            let expected = best.min_by_key(NodeSet::sort_key).map(|set| graph.names_of(&set));
            let found = identify(&graph, &question).adjustment.optimal;
            prop_assert_eq!(found.set().map(<[String]>::to_vec), expected);
            // What a large graph is told agrees, where it is told anything.
            if let crate::graph::optimal::Optimal::Set(set) = crate::graph::optimal::optimal(&adjustment, None) {
                let at = valid.iter().position(|other| *other == set).expect("a valid set");
                prop_assert!((0..n).all(|i| i == at || leads[i][at]));
            }
        }
    }

    #[test]
    fn order_and_names_change_nothing(drawing in drawings(7), shift in 1_usize..7) {
        let names = drawing.names();
        // The same order of names, so that ties are broken alike; other words.
        let others: Vec<String> = names.iter().map(|name| format!("Größe {name}")).collect();
        let rotated: Vec<String> = (0..names.len()).map(|i| names[(i + shift) % names.len()].clone()).collect();
        let first = answer(&drawing.draw(&names, false), &names);
        prop_assert_eq!(&first, &answer(&drawing.draw(&names, true), &names));
        let renamed = format!("{:?}", answer(&drawing.draw(&others, false), &others)).replace("Größe ", "");
        prop_assert_eq!(format!("{first:?}"), renamed);
        // With the names dealt out anew, all that is no tie stays.
        let dealt = answer(&drawing.draw(&rotated, false), &rotated);
        prop_assert_eq!(first.method, dealt.method);
        prop_assert_eq!(&first.methods, &dealt.methods);
        let back = |sets: &[Vec<String>]| {
            let name = |name: &String| rotated.iter().position(|other| other == name).map(|i| names[i].clone());
            let mut sets: Vec<Vec<String>> = sets.iter().map(|set| {
                let mut set: Vec<String> = set.iter().filter_map(name).collect();
                set.sort();
                set
            }).collect();
            sets.sort_by_key(|set| (set.len(), set.clone()));
            sets
        };
        prop_assert_eq!(&first.adjustment.minimal.sets, &back(&dealt.adjustment.minimal.sets));
        prop_assert_eq!(&first.front_door.sets, &back(&dealt.front_door.sets));
        prop_assert_eq!(first.implied.len(), dealt.implied.len());
        prop_assert_eq!(first.instruments.len(), dealt.instruments.len());
        prop_assert_eq!(first.forbidden.len(), dealt.forbidden.len());
        prop_assert_eq!(first.openers.len(), dealt.openers.len());
    }

    /// The effect is identified by the graph if it is by the graph with an observed node more that nobody needs.
    #[test]
    fn a_node_that_touches_nothing_changes_nothing(drawing in drawings(6)) {
        let names = drawing.names();
        let mut larger = drawing.clone();
        larger.latent.push(false);
        let more: Vec<String> = names.iter().cloned().chain(["zz".to_owned()]).collect();
        let ask = |graph: &CausalGraph| {
            let question = questions_by_name(&drawing, graph);
            identify(graph, &question)
        };
        let (small, large) = (ask(&drawing.graph()), ask(&larger.draw(&more, false)));
        prop_assert_eq!(small.methods, large.methods);
        prop_assert_eq!(small.adjustment.minimal, large.adjustment.minimal);
        prop_assert_eq!(small.adjustment.optimal, large.adjustment.optimal);
        prop_assert_eq!(small.front_door, large.front_door);
        prop_assert_eq!(small.forbidden, large.forbidden);
        prop_assert_eq!(small.openers, large.openers);
    }
}

fn questions_by_name(drawing: &Drawing, graph: &CausalGraph) -> Question {
    let names = drawing.names();
    let observed: Vec<&str> = (0..names.len()).filter(|i| !drawing.latent[*i]).map(|i| names[i].as_str()).collect();
    Question::new(graph, &observed[..1], observed[observed.len() - 1]).expect("a question")
}

fn answer(graph: &CausalGraph, names: &[String]) -> Identification {
    let observed: Vec<&str> = names
        .iter()
        .map(String::as_str)
        .filter(|name| graph.node(name).is_some_and(|node| !graph.is_latent(node)))
        .collect();
    identify(graph, &Question::new(graph, &observed[..1], observed[observed.len() - 1]).expect("a question"))
}
