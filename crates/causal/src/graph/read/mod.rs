//! Reads a graph from text: DOT (`digraph { u [latent=true]; u -> x; }`), which DoWhy and most programs write, and dagitty's
//! language (`dag { u [latent] x <-> y }`). The two share their grammar but for the heading, so one reader has both.
//!
//! The reader is our own. Of the crates, `dot-parser` is under the GPL; `graphviz-rust` (57 crates with pest) refuses `{a b}`
//! without the word `subgraph`, `[latent]` and `<->`, and gives no line for a node or an edge, which the messages need.
//!
//! | written | read as |
//! |---|---|
//! | `a -> b`, `b <- a`, chains, `{a b} -> c`, ports | directed edges |
//! | `a <-> b`, `a -> b [dir=both]` | a common cause that nobody observed |
//! | `[latent]`, `[latent=true]`, `[unobserved]`, `[observed=no]` (DoWhy), `[l]`, `[u]` (dagitty) | a latent node |
//! | `[selected]`, `[selected=true]`, `[s]` | the rows were selected on it |
//! | `node [..]`, `edge [..]` | defaults for what is drawn after it in the same braces |
//! | `a -- b`, `@->`, `dir=none`, `dir=back`, `pdag`, `mag`, `pag` | refused: a direction is missing or unclear |
//!
//! `exposure`, `outcome` and `adjusted` are not read: the question names them. References: the DOT grammar
//! (graphviz.org/doc/info/lang.html); Textor et al. 2016, doi:10.1093/ije/dyw341 (dagitty).

mod attributes;
mod tokens;

use crate::graph::builder::{Edge, GraphBuilder};
use crate::graph::causal_graph::CausalGraph;
use crate::graph::problem::{GraphProblem, GraphProblems, ProblemKind};
use crate::graph::read::attributes::{Attributes, Dir, value};
use crate::graph::read::tokens::{EdgeSign, Token, Tokens};
use std::collections::HashMap;

/// Subgraphs within each other.
const DEEPEST: usize = 100;

/// Reads a graph.
///
/// # Errors
/// [`GraphProblems`]: the first mistake of the language, or all that is wrong with the graph it draws.
pub fn read(text: &str) -> Result<CausalGraph, GraphProblems> {
    let mut tokens = Tokens::new(text);
    let strict = heading(&mut tokens)?;
    let mut reader =
        Reader { tokens, builder: GraphBuilder::new(strict), open: vec![Braces::default()], subgraphs: HashMap::new() };
    reader.statements()?;
    reader.builder.build()
}

/// True for a `strict` graph. Leaves the tokens behind the first brace.
fn heading(tokens: &mut Tokens<'_>) -> Result<bool, GraphProblem> {
    const HEADINGS: &str = "`digraph {` or `dag {`";
    let syntax = |token: &Token, line, expected| {
        Err(GraphProblem { line: Some(line), kind: ProblemKind::Syntax { expected, found: token.shown() } })
    };
    let (mut token, mut line) = tokens.next()?;
    let strict = is_word(&token, "strict");
    if strict {
        (token, line) = tokens.next()?;
    }
    if let Some(class) = ["pdag", "cpdag", "mag", "pag"].iter().find(|class| is_word(&token, class)) {
        return Err(GraphProblem { line: Some(line), kind: ProblemKind::EquivalenceClass((*class).to_owned()) });
    }
    if !["digraph", "dag", "graph"].iter().any(|word| is_word(&token, word)) {
        return syntax(&token, line, HEADINGS);
    }
    (token, line) = tokens.next()?;
    if matches!(token, Token::Name { .. } | Token::Html) {
        (token, line) = tokens.next()?;
    }
    if token == Token::Sign('{') { Ok(strict) } else { syntax(&token, line, "`{`") }
}

fn is_word(token: &Token, word: &str) -> bool {
    matches!(token, Token::Name { text, quoted: false } if text.eq_ignore_ascii_case(word))
}

/// What stands between arrows: a node, or the nodes of a subgraph.
#[derive(Debug)]
enum Term {
    Node(usize),
    Nodes(Vec<usize>),
}

impl Term {
    fn nodes(&self) -> &[usize] {
        match self {
            Term::Node(node) => std::slice::from_ref(node),
            Term::Nodes(nodes) => nodes,
        }
    }
}

/// A pair of braces that is still open: its defaults, its nodes so far, the statement that is being read.
#[derive(Debug, Default)]
struct Braces {
    name: Option<String>,
    node_defaults: Attributes,
    edge_defaults: Attributes,
    members: Vec<usize>,
    terms: Vec<Term>,
    signs: Vec<(EdgeSign, usize)>,
    attributes: Attributes,
}

struct Reader<'a> {
    tokens: Tokens<'a>,
    builder: GraphBuilder,
    /// Never empty before the last brace is closed; a stack of our own, so that no text can use up the thread's.
    open: Vec<Braces>,
    subgraphs: HashMap<String, Vec<usize>>,
}

impl Reader<'_> {
    fn statements(&mut self) -> Result<(), GraphProblem> {
        while !self.open.is_empty() {
            let (token, line) = self.tokens.next()?;
            match token {
                Token::Sign(';') => self.finish(line)?,
                Token::Sign('{') => self.open_braces(None, line)?,
                Token::Sign('}') => self.close_braces(line)?,
                Token::Sign('[') => self.attributes(line)?,
                Token::Edge(sign) => self.arrow(sign, line)?,
                Token::Name { ref text, quoted: false } if is_keyword(text) => self.keyword(&token, line)?,
                Token::Name { text, .. } => self.name(&text, line)?,
                other => return Err(self.syntax(&other, line)),
            }
        }
        match self.tokens.next()? {
            (Token::End, _) => Ok(()),
            (other, line) => Err(syntax(&other, line, "the end of the text, since one graph is read")),
        }
    }

    /// The message for a token that cannot stand here.
    fn syntax(&self, token: &Token, line: usize) -> GraphProblem {
        syntax(token, line, if self.awaits_term() { "a name after the arrow" } else { "a name, an arrow or `}`" })
    }

    fn braces(&mut self) -> Result<&mut Braces, GraphProblem> {
        let none = GraphProblem::of_question(ProblemKind::Unclosed("a graph"));
        self.open.last_mut().ok_or(none)
    }

    /// True between an arrow and what it leads to.
    fn awaits_term(&self) -> bool {
        self.open.last().is_some_and(|braces| !braces.signs.is_empty() && braces.signs.len() == braces.terms.len())
    }

    fn keyword(&mut self, token: &Token, line: usize) -> Result<(), GraphProblem> {
        if is_word(token, "subgraph") {
            let name = match self.tokens.peek()? {
                Token::Name { text, .. } => Some(text.clone()),
                _ => None,
            };
            if name.is_some() {
                self.tokens.next()?;
            }
            if self.tokens.take_sign('{')? {
                return self.open_braces(name, line);
            }
            let members = name.and_then(|name| self.subgraphs.get(&name).cloned()).unwrap_or_default();
            return self.term(Term::Nodes(members), line);
        }
        if self.awaits_term() {
            return Err(self.syntax(token, line));
        }
        self.finish(line)?;
        if *self.tokens.peek()? == Token::Sign('=') {
            self.tokens.next()?;
            value(&mut self.tokens)?;
            return Ok(());
        }
        if *self.tokens.peek()? != Token::Sign('[') {
            let expected = "`[` after `node`, `edge` or `graph` (quote the word if it is a column's name)";
            let (found, line) = self.tokens.next()?;
            return Err(syntax(&found, line, expected));
        }
        let mut found = Attributes::default();
        let defaults = match self.open.last_mut() {
            Some(braces) if is_word(token, "node") => &mut braces.node_defaults,
            Some(braces) if is_word(token, "edge") => &mut braces.edge_defaults,
            _ => &mut found,
        };
        defaults.read(&mut self.tokens)
    }

    fn name(&mut self, text: &str, line: usize) -> Result<(), GraphProblem> {
        if !self.awaits_term() {
            self.finish(line)?;
            if self.tokens.take_sign('=')? {
                value(&mut self.tokens)?;
                return Ok(());
            }
        }
        // A port and a compass point are about looks.
        for _ in 0..2 {
            if self.tokens.take_sign(':')? {
                value(&mut self.tokens)?;
            }
        }
        let before = self.builder.len();
        let node = self.builder.node(text, line)?;
        if self.builder.len() > before {
            let defaults = self.braces()?.node_defaults.clone();
            self.builder.mark(node, |marks| defaults.apply(marks));
        }
        self.term(Term::Node(node), line)
    }

    fn term(&mut self, term: Term, line: usize) -> Result<(), GraphProblem> {
        if !self.awaits_term() {
            self.finish(line)?;
        }
        if let Term::Nodes(nodes) = &term {
            self.builder.stroke(nodes.len(), line)?;
        }
        let braces = self.braces()?;
        braces.members.extend_from_slice(term.nodes());
        braces.terms.push(term);
        Ok(())
    }

    fn arrow(&mut self, sign: EdgeSign, line: usize) -> Result<(), GraphProblem> {
        let braces = self.braces()?;
        if braces.terms.len() != braces.signs.len() + 1 {
            return Err(syntax(&Token::Edge(sign), line, "a name before the arrow"));
        }
        braces.signs.push((sign, line));
        Ok(())
    }

    fn attributes(&mut self, line: usize) -> Result<(), GraphProblem> {
        let braces = self.open.last_mut().filter(|braces| braces.terms.len() == braces.signs.len() + 1);
        let Some(braces) = braces else { return Err(self.syntax(&Token::Sign('['), line)) };
        let mut found = std::mem::take(&mut braces.attributes);
        found.read_list_then_more(&mut self.tokens)?;
        self.braces()?.attributes = found;
        Ok(())
    }

    fn open_braces(&mut self, name: Option<String>, line: usize) -> Result<(), GraphProblem> {
        if !self.awaits_term() {
            self.finish(line)?;
        }
        if self.open.len() > DEEPEST {
            return Err(GraphProblem { line: Some(line), kind: ProblemKind::TooDeep { most: DEEPEST } });
        }
        let outer = self.braces()?;
        let node_defaults = outer.node_defaults.clone();
        let edge_defaults = outer.edge_defaults.clone();
        self.open.push(Braces { name, node_defaults, edge_defaults, ..Braces::default() });
        Ok(())
    }

    fn close_braces(&mut self, line: usize) -> Result<(), GraphProblem> {
        self.finish(line)?;
        let Some(mut closed) = self.open.pop() else { return Ok(()) };
        if self.open.is_empty() {
            return Ok(());
        }
        closed.members.sort_unstable();
        closed.members.dedup();
        if let Some(name) = closed.name {
            self.subgraphs.insert(name, closed.members.clone());
        }
        self.term(Term::Nodes(closed.members), line)
    }

    /// Ends a statement: marks its node, or draws its edges.
    fn finish(&mut self, line: usize) -> Result<(), GraphProblem> {
        if self.awaits_term() {
            let found = "the end of the statement".to_owned();
            return Err(GraphProblem {
                line: Some(line),
                kind: ProblemKind::Syntax { expected: "a name after the arrow", found },
            });
        }
        let braces = self.braces()?;
        let terms = std::mem::take(&mut braces.terms);
        let signs = std::mem::take(&mut braces.signs);
        let attributes = std::mem::take(&mut braces.attributes);
        let dir = attributes.dir.or(braces.edge_defaults.dir);
        if let ([Term::Node(node)], []) = (terms.as_slice(), signs.as_slice()) {
            self.builder.mark(*node, |marks| attributes.apply(marks));
        }
        if let (Some((mark, line)), false) = (attributes.mark, signs.is_empty()) {
            self.builder.note(line, ProblemKind::MarkOnEdge(mark));
        }
        for (ends, sign) in terms.windows(2).zip(signs) {
            self.draw(ends, sign, dir)?;
        }
        Ok(())
    }

    fn draw(&mut self, ends: &[Term], sign: (EdgeSign, usize), dir: Option<Dir>) -> Result<(), GraphProblem> {
        let [left, right] = ends else { return Ok(()) };
        for a in left.nodes() {
            for b in right.nodes() {
                self.draw_edge(*a, *b, sign, dir)?;
            }
        }
        Ok(())
    }

    fn draw_edge(&mut self, a: usize, b: usize, sign: (EdgeSign, usize), dir: Option<Dir>) -> Result<(), GraphProblem> {
        let line = sign.1;
        let (from, to) = if sign.0 == EdgeSign::Back { (b, a) } else { (a, b) };
        let name = |node| self.builder.name(node).to_owned();
        let refused = match (sign.0, dir) {
            (EdgeSign::Undecided(drawn), _) => {
                ProblemKind::NoDirection { a: name(a), drawn: drawn.to_owned(), b: name(b) }
            }
            (_, Some(Dir::Neither)) => {
                ProblemKind::NoDirection { a: name(a), drawn: "-> [dir=none]".to_owned(), b: name(b) }
            }
            (EdgeSign::Forward | EdgeSign::Back, Some(Dir::Back)) => {
                ProblemKind::Backwards { a: name(from), b: name(to) }
            }
            (EdgeSign::Both, _) | (_, Some(Dir::Both)) => return self.builder.edge(from, to, Edge::Bidirected, line),
            _ => return self.builder.edge(from, to, Edge::Directed, line),
        };
        Err(GraphProblem { line: Some(line), kind: refused })
    }
}

fn is_keyword(text: &str) -> bool {
    ["node", "edge", "graph", "subgraph"].iter().any(|word| text.eq_ignore_ascii_case(word))
}

fn syntax(token: &Token, line: usize, expected: &'static str) -> GraphProblem {
    GraphProblem { line: Some(line), kind: ProblemKind::Syntax { expected, found: token.shown() } }
}
