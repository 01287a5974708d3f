//! A path with names, as a person draws it.

use crate::graph::causal_graph::CausalGraph;
use crate::graph::separation::{Arrow, Path};

/// An edge of a path, read from left to right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DrawnArrow {
    /// `->`
    Right,
    /// `<-`
    Left,
    /// `<->`
    Both,
}

impl DrawnArrow {
    /// As it is drawn.
    #[must_use]
    pub fn sign(self) -> &'static str {
        match self {
            DrawnArrow::Right => "->",
            DrawnArrow::Left => "<-",
            DrawnArrow::Both => "<->",
        }
    }
}

/// A path: its first node, then edges and nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrawnPath {
    /// Where it begins.
    pub start: String,
    /// Each edge and the node it leads to.
    pub steps: Vec<(DrawnArrow, String)>,
}

impl DrawnPath {
    /// A path of the canonical graph, with its bidirected edges drawn as such again.
    #[must_use]
    pub fn new(graph: &CausalGraph, path: &Path) -> Self {
        let mut steps: Vec<(DrawnArrow, String)> = Vec::new();
        let mut behind_unnamed = false;
        for (arrow, node) in &path.steps {
            if graph.is_unnamed(*node) {
                behind_unnamed = true;
                continue;
            }
            let drawn = match arrow {
                _ if behind_unnamed => DrawnArrow::Both,
                Arrow::Right => DrawnArrow::Right,
                Arrow::Left => DrawnArrow::Left,
            };
            behind_unnamed = false;
            steps.push((drawn, graph.name(*node).to_owned()));
        }
        Self { start: graph.name(path.start).to_owned(), steps }
    }

    /// Its nodes.
    pub fn nodes(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.start.as_str()).chain(self.steps.iter().map(|step| step.1.as_str()))
    }
}

impl std::fmt::Display for DrawnPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.start)?;
        self.steps.iter().try_for_each(|(arrow, node)| write!(f, " {} {node}", arrow.sign()))
    }
}
