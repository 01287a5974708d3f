//! Why a graph, or a question about it, is refused.

/// At most this many problems of one graph are told.
pub const MOST_PROBLEMS: usize = 20;

/// One reason, and the line it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphProblem {
    /// 1-based line of the text, where it is about one.
    pub line: Option<usize>,
    /// The reason.
    pub kind: ProblemKind,
}

/// The part a node plays in a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The treatment.
    Treatment,
    /// The outcome.
    Outcome,
    /// A node that is to be adjusted for.
    Adjusted,
}

impl Role {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Role::Treatment => "treatment",
            Role::Outcome => "outcome",
            Role::Adjusted => "adjustment",
        }
    }
}

/// The reason itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProblemKind {
    /// Not one of the two languages.
    #[error("expected {expected}, found {found}")]
    Syntax {
        /// What could have stood here.
        expected: &'static str,
        /// What stands there, shortened.
        found: String,
    },
    /// A quoted name, a comment or an HTML text without its end.
    #[error("{0} begins here and does not end")]
    Unclosed(&'static str),
    /// Subgraphs within subgraphs within subgraphs.
    #[error("subgraphs are nested more than {most} deep")]
    TooDeep {
        /// The limit.
        most: usize,
    },
    /// A kind of graph that stands for many.
    #[error("`{0}` is a class of graphs, not one graph")]
    EquivalenceClass(String),
    /// An edge without a direction.
    #[error("`{a} {drawn} {b}` has no direction")]
    NoDirection {
        /// One end.
        a: String,
        /// The edge as it is drawn.
        drawn: String,
        /// The other end.
        b: String,
    },
    /// `dir=back`, which draws an arrow against its edge.
    #[error("`{a} -> {b}` is drawn backwards by `dir=back`")]
    Backwards {
        /// Tail.
        a: String,
        /// Head.
        b: String,
    },
    /// A mark that says neither yes nor no.
    #[error("`{mark}={value}` says neither yes nor no")]
    UnclearMark {
        /// Its name.
        mark: String,
        /// Its value.
        value: String,
    },
    /// A node's mark that stands where it says nothing.
    #[error("`{0}` stands on an edge")]
    MarkOnEdge(String),
    /// More nodes or edges than are looked at.
    #[error("the graph has more than {most} {what}")]
    TooLarge {
        /// Nodes or edges.
        what: &'static str,
        /// The limit.
        most: usize,
    },
    /// A name of nothing.
    #[error("a node has an empty name")]
    EmptyName,
    /// An edge from a node to itself.
    #[error("`{name}` has an edge to itself")]
    SelfLoop {
        /// The node.
        name: String,
        /// True for `x <-> x`.
        bidirected: bool,
    },
    /// An edge that was drawn before.
    #[error("the edge `{drawn}` is drawn twice, first on line {first}")]
    Duplicate {
        /// The edge.
        drawn: String,
        /// The line on which it was drawn first.
        first: usize,
    },
    /// A path that comes back.
    #[error("the graph has a cycle: {}", .path.join(" -> "))]
    Cycle {
        /// Its nodes; the first stands at the end again.
        path: Vec<String>,
    },
    /// No node at all.
    #[error("the graph has no nodes")]
    NoNodes,
    /// A node that a question names and the graph does not have.
    #[error("the {} `{name}` is not a node of the graph", .role.word())]
    UnknownNode {
        /// Its name.
        name: String,
        /// The part it was to play.
        role: Role,
        /// A node with a similar name.
        similar: Option<String>,
    },
    /// A node that a question names and nobody observed.
    #[error("the {} `{name}` is latent in the graph", .role.word())]
    LatentNode {
        /// Its name.
        name: String,
        /// The part it was to play.
        role: Role,
    },
    /// One node for two parts.
    #[error("`{name}` is both {} and {}", .roles.0.word(), .roles.1.word())]
    TwoRoles {
        /// Its name.
        name: String,
        /// The parts.
        roles: (Role, Role),
    },
    /// A node that is the same for all rows.
    #[error("the sample was selected on `{name}`, so it cannot be the {}", .role.word())]
    SelectedNode {
        /// Its name.
        name: String,
        /// The part it was to play.
        role: Role,
    },
}

impl GraphProblem {
    /// A reason without a place.
    #[must_use]
    pub fn of_question(kind: ProblemKind) -> Self {
        Self { line: None, kind }
    }

    /// A way out.
    #[must_use]
    pub fn hint(&self) -> String {
        match &self.kind {
            ProblemKind::Syntax { .. } => "write `digraph { x -> y; }` or `dag { x -> y }`; quote names with other than letters, digits, `_` and `.`".to_owned(),
            ProblemKind::Unclosed(what) => format!("close {what}"),
            ProblemKind::TooDeep { .. } => "draw the nodes without so many braces".to_owned(),
            ProblemKind::EquivalenceClass(_) => "choose one graph: every edge needs its arrow; begin with `dag {`".to_owned(),
            ProblemKind::NoDirection { a, b, .. } => format!("write `{a} -> {b}`, `{b} -> {a}`, or `{a} <-> {b}` for an unobserved common cause"),
            ProblemKind::Backwards { a, b } => format!("write `{b} -> {a}`"),
            ProblemKind::UnclearMark { mark, .. } => format!("write `{mark}=true` or `{mark}=false`"),
            ProblemKind::MarkOnEdge(mark) => format!("write it after the node: `u [{mark}]`"),
            ProblemKind::TooLarge { .. } => "keep the nodes that treatment and outcome have to do with".to_owned(),
            ProblemKind::EmptyName => "give it the name of its column".to_owned(),
            ProblemKind::SelfLoop { name, bidirected: true } => format!("delete it, or name the other node that shares an unobserved cause with `{name}`"),
            ProblemKind::SelfLoop { .. } => "delete it; what changes over time needs a node for each time".to_owned(),
            ProblemKind::Duplicate { .. } => "delete one of the two".to_owned(),
            ProblemKind::Cycle { .. } => "turn or delete one of these edges; what changes over time needs a node for each time".to_owned(),
            ProblemKind::NoNodes => "draw at least treatment, outcome and the arrow between them".to_owned(),
            ProblemKind::UnknownNode { similar: Some(similar), .. } => format!("did you mean `{similar}`?"),
            ProblemKind::UnknownNode { .. } => "add it to the graph, with the arrows that lead to it and from it".to_owned(),
            ProblemKind::LatentNode { role: Role::Adjusted, .. } => "nobody can adjust for what was not observed; take it out of the list, or its `latent` out of the graph".to_owned(),
            ProblemKind::LatentNode { .. } => "take its `latent` away if it is a column of the data".to_owned(),
            ProblemKind::TwoRoles { .. } => "name it once".to_owned(),
            ProblemKind::SelectedNode { .. } => "it is conditioned on already, whatever the list says".to_owned(),
        }
    }
}

impl std::fmt::Display for GraphProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.kind),
            None => write!(f, "{}", self.kind),
        }
    }
}

/// All that is wrong, in the order of the lines; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphProblems(pub Vec<GraphProblem>);

impl From<GraphProblem> for GraphProblems {
    fn from(problem: GraphProblem) -> Self {
        Self(vec![problem])
    }
}

impl std::fmt::Display for GraphProblems {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let lines: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for GraphProblems {}
