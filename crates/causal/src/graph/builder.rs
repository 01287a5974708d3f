//! A graph while it is drawn: nodes and edges in any order, each with its line; then all that is wrong with it, or a
//! [`CausalGraph`].

use crate::graph::causal_graph::{CausalGraph, Drawn};
use crate::graph::problem::{GraphProblem, GraphProblems, MOST_PROBLEMS, ProblemKind};
use std::collections::{BTreeMap, HashMap};

/// The most nodes of a graph.
pub const MOST_NODES: usize = 2_000;
/// The most edges of a graph.
pub const MOST_EDGES: usize = 100_000;
/// The most bidirected edges, each of which is a node for the criteria.
pub const MOST_BIDIRECTED: usize = 4_000;

/// Edges that may be drawn one over the other before a graph is refused: a product of two large subgraphs that is drawn
/// again and again would otherwise take for ever.
const MOST_STROKES: usize = 10 * MOST_EDGES;

/// An edge as it is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Edge {
    /// `a -> b`.
    Directed,
    /// `a <-> b`: they share a cause nobody observed.
    Bidirected,
}

/// What is known of a node besides its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Marks {
    /// Not observed.
    pub latent: bool,
    /// The rows were selected on it.
    pub selected: bool,
}

/// Nodes and edges so far.
#[derive(Debug, Default)]
pub struct GraphBuilder {
    names: Vec<String>,
    lines: Vec<usize>,
    marks: Vec<Marks>,
    index: HashMap<String, usize>,
    edges: HashMap<(usize, usize, Edge), usize>,
    bidirected: usize,
    strokes: usize,
    merge_duplicates: bool,
    problems: Vec<GraphProblem>,
}

impl GraphBuilder {
    /// Nothing drawn. With `merge_duplicates` (DOT's `strict`) an edge may be drawn twice.
    #[must_use]
    pub fn new(merge_duplicates: bool) -> Self {
        Self { merge_duplicates, ..Self::default() }
    }

    /// Number of the node of that name, drawn now if it was not before.
    ///
    /// # Errors
    /// More nodes than [`MOST_NODES`], an empty name.
    pub fn node(&mut self, name: &str, line: usize) -> Result<usize, GraphProblem> {
        if let Some(node) = self.index.get(name) {
            return Ok(*node);
        }
        let refuse = |kind| Err(GraphProblem { line: Some(line), kind });
        if name.trim().is_empty() {
            return refuse(ProblemKind::EmptyName);
        }
        if self.names.len() >= MOST_NODES {
            return refuse(ProblemKind::TooLarge { what: "nodes", most: MOST_NODES });
        }
        let node = self.names.len();
        self.names.push(name.to_owned());
        self.lines.push(line);
        self.marks.push(Marks::default());
        self.index.insert(name.to_owned(), node);
        Ok(node)
    }

    /// Sets what is known of a node.
    pub fn mark(&mut self, node: usize, change: impl Fn(&mut Marks)) {
        if let Some(marks) = self.marks.get_mut(node) {
            change(marks);
        }
    }

    /// Nodes so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// True without nodes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The node's name.
    #[must_use]
    pub fn name(&self, node: usize) -> &str {
        self.names.get(node).map_or("", String::as_str)
    }

    /// Draws an edge. One that is drawn twice, or leads to itself, is noted and told by [`GraphBuilder::build`].
    ///
    /// # Errors
    /// More edges than are looked at.
    pub fn edge(&mut self, a: usize, b: usize, edge: Edge, line: usize) -> Result<(), GraphProblem> {
        self.stroke(1, line)?;
        if a == b {
            let name = self.name(a).to_owned();
            let bidirected = edge == Edge::Bidirected;
            self.note(line, ProblemKind::SelfLoop { name, bidirected });
            return Ok(());
        }
        let ends = if edge == Edge::Bidirected { (a.min(b), a.max(b)) } else { (a, b) };
        if let Some(first) = self.edges.get(&(ends.0, ends.1, edge)).copied() {
            if !self.merge_duplicates {
                let arrow = if edge == Edge::Bidirected { "<->" } else { "->" };
                let drawn = format!("{} {arrow} {}", self.name(a), self.name(b));
                self.note(line, ProblemKind::Duplicate { drawn, first });
            }
            return Ok(());
        }
        self.bidirected += usize::from(edge == Edge::Bidirected);
        let too_many = if self.edges.len() >= MOST_EDGES {
            Some(ProblemKind::TooLarge { what: "edges", most: MOST_EDGES })
        } else {
            let most = ProblemKind::TooLarge { what: "bidirected edges", most: MOST_BIDIRECTED };
            (self.bidirected > MOST_BIDIRECTED).then_some(most)
        };
        if let Some(kind) = too_many {
            return Err(GraphProblem { line: Some(line), kind });
        }
        self.edges.insert((ends.0, ends.1, edge), line);
        Ok(())
    }

    /// Counts work that a text makes without drawing anything new.
    ///
    /// # Errors
    /// A text that repeats itself without end.
    pub fn stroke(&mut self, count: usize, line: usize) -> Result<(), GraphProblem> {
        self.strokes += count;
        if self.strokes > MOST_STROKES {
            let kind = ProblemKind::TooLarge { what: "edges", most: MOST_EDGES };
            return Err(GraphProblem { line: Some(line), kind });
        }
        Ok(())
    }

    /// Notes a problem that does not stop the reader.
    pub fn note(&mut self, line: usize, kind: ProblemKind) {
        if self.problems.len() < MOST_PROBLEMS {
            self.problems.push(GraphProblem { line: Some(line), kind });
        }
    }

    /// The graph.
    ///
    /// # Errors
    /// All problems at once: what was noted, a cycle, no nodes.
    pub fn build(mut self) -> Result<CausalGraph, GraphProblems> {
        if self.names.is_empty() {
            self.problems.push(GraphProblem::of_question(ProblemKind::NoNodes));
        }
        if let Some(cycle) = self.cycle() {
            self.problems.push(cycle);
        }
        if !self.problems.is_empty() {
            self.problems.sort_by_key(|problem| problem.line);
            return Err(GraphProblems(self.problems));
        }
        let mut order: Vec<usize> = (0..self.names.len()).collect();
        order.sort_by(|a, b| self.names[*a].cmp(&self.names[*b]));
        let mut place = vec![0; order.len()];
        for (new, old) in order.iter().enumerate() {
            place[*old] = new;
        }
        let edges = self.edges.keys().map(|(a, b, edge)| (place[*a], place[*b], *edge)).collect();
        let nodes = order.iter().map(|old| (self.names[*old].clone(), self.marks[*old], self.lines[*old])).collect();
        Ok(CausalGraph::new(Drawn { nodes, edges }))
    }

    /// A shortest cycle of directed edges through the first node that lies on one, told at the line of its last edge.
    fn cycle(&self) -> Option<GraphProblem> {
        let mut children: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (from, to, _) in self.edges.keys().filter(|edge| edge.2 == Edge::Directed) {
            children.entry(*from).or_default().push(*to);
        }
        children.values_mut().for_each(|list| list.sort_unstable());
        let left = nodes_left_after_peeling(&children, self.names.len());
        let start = left.first().copied()?;
        // Every node that is left has a parent that is left: walk backwards until one comes again.
        let parent = |node: usize| {
            left.iter().copied().find(|from| children.get(from).is_some_and(|to| to.binary_search(&node).is_ok()))
        };
        let mut walk = vec![start];
        while let Some(from) = walk.last().and_then(|node| parent(*node)) {
            if let Some(at) = walk.iter().position(|node| *node == from) {
                let mut nodes: Vec<usize> = walk[at..].iter().rev().copied().collect();
                let least = nodes.iter().enumerate().min_by_key(|(_, node)| **node).map_or(0, |(at, _)| at);
                nodes.rotate_left(least);
                let first = nodes[0];
                nodes.push(first);
                let line =
                    nodes.windows(2).filter_map(|e| self.edges.get(&(e[0], e[1], Edge::Directed))).max().copied();
                let path = nodes.iter().map(|node| self.name(*node).to_owned()).collect();
                return Some(GraphProblem { line, kind: ProblemKind::Cycle { path } });
            }
            walk.push(from);
        }
        None
    }
}

/// The nodes on cycles, and between them and after them: peels off nodes without parents (Kahn 1962).
fn nodes_left_after_peeling(children: &BTreeMap<usize, Vec<usize>>, n: usize) -> Vec<usize> {
    let mut parents = vec![0_usize; n];
    for to in children.values().flatten() {
        parents[*to] += 1;
    }
    let mut free: Vec<usize> = (0..n).filter(|node| parents[*node] == 0).collect();
    while let Some(node) = free.pop() {
        for to in children.get(&node).into_iter().flatten() {
            parents[*to] -= 1;
            if parents[*to] == 0 {
                free.push(*to);
            }
        }
    }
    (0..n).filter(|node| parents[*node] > 0).collect()
}
