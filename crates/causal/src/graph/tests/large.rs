//! Graphs that are too large to try all subsets of.

use super::graph;
use crate::graph::answer::{Identification, Method, NamedOptimal, check, identify};
use crate::graph::question::Question;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// `n` nodes in causal order, `per_node` edges from earlier ones each, every tenth node latent; the treatment in the middle,
/// the outcome last.
fn text(n: usize, per_node: usize, latent: bool, seed: u64) -> String {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut lines = vec!["strict digraph {".to_owned(), format!("n{:04} -> n{:04};", n / 2, n - 1)];
    for to in 1..n {
        lines.push(format!("n{to:04} [latent={}];", latent && to % 10 == 3));
        for _ in 0..per_node.min(to) {
            lines.push(format!("n{:04} -> n{to:04};", random.random_range(to.saturating_sub(20)..to)));
        }
    }
    lines.push("}".to_owned());
    lines.join("\n")
}

fn ask(text: &str, n: usize) -> Identification {
    let graph = graph(text);
    let (x, y) = (format!("n{:04}", n / 2), format!("n{:04}", n - 1));
    identify(&graph, &Question::new(&graph, &[&x], &y).expect("a question"))
}

#[test]
fn sixty_nodes() {
    for seed in 0..5 {
        let answer = ask(&text(60, 3, false, seed), 60);
        assert_eq!(answer.method, Method::BackDoor, "everything is observed");
        let graph = graph(&text(60, 3, false, seed));
        let question = Question::new(&graph, &["n0030"], "n0059").expect("a question");
        let NamedOptimal::Set(set) = &answer.adjustment.optimal else { panic!("an optimal set exists: {answer:?}") };
        for set in answer.adjustment.minimal.sets.iter().chain([set]) {
            let names: Vec<&str> = set.iter().map(String::as_str).collect();
            let nodes = question.adjustment(&graph, &names).expect("a set");
            assert!(check(&graph, &question, &nodes).valid);
            for left_out in nodes.iter().filter(|_| answer.adjustment.minimal.sets.contains(set)) {
                assert!(!check(&graph, &question, &nodes.without(left_out)).valid, "{set:?} is not minimal");
            }
        }
        ask(&text(60, 4, true, seed), 60);
    }
}

#[test]
fn five_hundred_nodes() {
    let answer = ask(&text(500, 3, false, 1), 500);
    assert_eq!(answer.method, Method::BackDoor);
    assert!(!answer.implied_complete && answer.implied.len() == 1_000, "the list is cut, and says so");
    let answer = ask(&text(500, 3, true, 1), 500);
    assert!(answer.is_identified() || answer.hedge.is_some());
}

#[test]
fn every_node_with_every_other() {
    let n = 300;
    let mut lines = vec!["digraph {".to_owned()];
    for to in 0..n {
        lines.extend((0..to).map(|from| format!("n{from:04} -> n{to:04};")));
    }
    lines.push("}".to_owned());
    let answer = ask(&lines.join("\n"), n);
    assert_eq!(answer.adjustment.minimal.sets.len(), 1);
    assert_eq!(answer.adjustment.minimal.sets[0].len(), n / 2);
}

#[test]
fn many_bidirected_edges() {
    let mut lines = vec!["dag {".to_owned()];
    lines.extend((0..99).map(|i| format!("n{i:04} -> n{:04}", i + 1)));
    for to in 0..100 {
        lines.extend((to % 7..to).step_by(7).map(|from| format!("n{from:04} <-> n{to:04}")));
    }
    lines.push("}".to_owned());
    let answer = ask(&lines.join("\n"), 100);
    assert!(answer.is_identified() || answer.hedge.is_some());
}

/// A ladder of `k` rungs has `2^k` minimal separators: the list is cut, and says so.
#[test]
fn exponentially_many_minimal_sets() {
    let k = 30;
    let mut lines = vec!["dag { x -> y".to_owned()];
    lines.extend((0..k).map(|i| format!("x <- a{i} <- b{i} -> y")));
    lines.push("}".to_owned());
    let graph = graph(&lines.join("\n"));
    let answer = identify(&graph, &Question::new(&graph, &["x"], "y").expect("a question"));
    assert_eq!((answer.adjustment.minimal.sets.len(), answer.adjustment.minimal.complete), (200, false));
    let best: Vec<String> = {
        let mut names: Vec<String> = (0..k).map(|i| format!("b{i}")).collect();
        names.sort();
        names
    };
    assert_eq!(answer.adjustment.optimal, NamedOptimal::Set(best));
}

/// A chain as long as a graph may be: no function calls itself for each node.
#[test]
fn a_long_chain() {
    let edges: Vec<String> = (1..2_000).map(|i| format!("n{:04} -> n{i:04}", i - 1)).collect();
    let answer = ask(&format!("digraph {{ {} }}", edges.join("\n")), 2_000);
    assert_eq!(answer.adjustment.minimal.sets, [Vec::<String>::new()]);
    assert_eq!(answer.forbidden.len(), 998);
}
