//! The two languages, and texts that are neither.

use super::{answer_xy, graph};
use crate::graph::answer::Method;
use crate::graph::builder::MOST_NODES;
use crate::graph::problem::{ProblemKind, Role};
use crate::graph::question::Question;
use crate::graph::read::read;
use proptest::prelude::*;

/// Edges of the named nodes as text, sorted; a bidirected edge once, latent nodes in brackets.
fn edges(text: &str) -> Vec<String> {
    let graph = graph(text);
    let name = |node: usize| {
        let name = graph.name(node);
        if graph.is_latent(node) { format!("[{name}]") } else { name.to_owned() }
    };
    let mut edges = Vec::new();
    for (from, to) in graph.dag().edges() {
        if !graph.is_unnamed(from) {
            edges.push(format!("{}>{}", name(from), name(to)));
        } else if graph.dag().children(from).first() == Some(&to) {
            let ends: Vec<String> = graph.dag().children(from).iter().map(|end| name(*end)).collect();
            edges.push(ends.join("<>"));
        }
    }
    edges.sort();
    edges
}

#[test]
fn both_languages() {
    for (text, expected) in [
        ("digraph { x -> y; }", "x>y"),
        ("strict digraph name { x -> y x -> y }", "x>y"),
        ("DiGraph \"a b\" {\n a -> b -> c\n}\n", "a>b b>c"),
        ("dag { x -> y ; y <- z ; x <-> z }", "x<>z x>y z>y"),
        ("dag{x [exposure,pos=\"-1.2,0.3\"] y [outcome] u [latent] u -> x u -> y x -> y [beta=.3]}", "[u]>x [u]>y x>y"),
        ("dag { bb=\"0,0,1,1\" {a b} -> {c d} }", "a>c a>d b>c b>d"),
        ("digraph { subgraph cluster_0 { label=in; a -> b; } -> c }", "a>b a>c b>c"),
        ("digraph { subgraph s { a b } c -> subgraph s }", "c>a c>b"),
        ("digraph { a:port:ne -> b:sw [label=<<b>x</b> y>, weight=2]; }", "a>b"),
        (
            "digraph { u [latent=true]; v [unobserved=\"yes\"][shape=box]; w [observed=no]; o [observed=yes] u->o v->o w->o }",
            "[u]>o [v]>o [w]>o",
        ),
        ("digraph { node [latent=true]; u; v; node [latent=false]; a; u -> a; v -> a; }", "[u]>a [v]>a"),
        ("digraph { { node [latent=true] u } u -> a; b -> a }", "[u]>a b>a"),
        ("digraph { a -> b [dir=both, style=dashed] }", "a<>b"),
        ("digraph { edge [dir=both]; a -> b; b -> c [dir=forward] }", "a<>b b>c"),
        ("digraph { \"a \\\"b\\\"\" -> \"päter + 日本\"; 1.5 -> -2; }", "1.5>-2 a \"b\">päter + 日本"),
        ("digraph { \"a\" + \"b\" -> c }", "ab>c"),
        ("digraph {\n# a line\n// another\n/* and\n more */ a->b// end\n}", "a>b"),
        ("\u{feff}digraph { blood.pressure -> größe }", "blood.pressure>größe"),
        ("dag { x [u] x -> y }", "[x]>y"),
        ("digraph { u [LATENT=True] u -> y }", "[u]>y"),
    ] {
        let found = edges(text).join(" ");
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn marks() {
    let drawn = graph("digraph { s [selected=true]; a [latent]; a -> s; b; c [latent=0] }");
    assert_eq!(drawn.names_of(drawn.selected()), ["s"]);
    assert_eq!(drawn.names_of(drawn.observed()), ["b", "c"]);
    assert_eq!((drawn.line(0), drawn.names()[0].as_str()), (Some(1), "a"));
}

#[test]
fn refusals_name_the_line_and_a_way_out() {
    for (text, line, expected) in [
        ("", 1, "expected `digraph {` or `dag {`, found the end of the text"),
        ("x -> y", 1, "expected `digraph {` or `dag {`, found `x`"),
        ("pdag { x -- y }", 1, "`pdag` is a class of graphs, not one graph"),
        ("graph { x -- y }", 1, "`x -- y` has no direction"),
        ("dag {\n x @-> y }", 2, "`x @-> y` has no direction"),
        ("digraph { x -> y [dir=none] }", 1, "`x -> [dir=none] y` has no direction"),
        ("digraph { x -> y [dir=back] }", 1, "`x -> y` is drawn backwards by `dir=back`"),
        ("digraph {\n x -> y;\n y -> z;\n z -> x;\n}", 4, "the graph has a cycle: x -> y -> z -> x"),
        ("digraph {\n x -> x\n}", 2, "`x` has an edge to itself"),
        ("dag {\n x <-> x\n}", 2, "`x` has an edge to itself"),
        ("dag {\n x -> y\n\n y <- x }", 4, "the edge `x -> y` is drawn twice, first on line 2"),
        ("dag {\n x <-> y\n y <-> x }", 3, "the edge `y <-> x` is drawn twice, first on line 2"),
        ("digraph {\n x -> \n}", 3, "expected a name after the arrow, found the end of the statement"),
        ("digraph { -> x }", 1, "expected a name before the arrow, found `->`"),
        ("digraph { \"\" -> x }", 1, "a node has an empty name"),
        ("digraph { x [latent=perhaps] }", 1, "`latent=perhaps` says neither yes nor no"),
        ("digraph { u -> x [latent] }", 1, "`latent` stands on an edge"),
        ("digraph {\n\"x -> y }", 2, "a quoted name begins here and does not end"),
        ("digraph { /* x", 1, "a comment begins here and does not end"),
        ("digraph { x <y }", 1, "an HTML text (or a broken arrow) begins here and does not end"),
        ("digraph { }", 0, "the graph has no nodes"),
        (
            "digraph { x -> y } digraph { a }",
            1,
            "expected the end of the text, since one graph is read, found `digraph`",
        ),
        ("digraph { x -> y", 1, "expected a name, an arrow or `}`, found the end of the text"),
        (
            "digraph { node -> y }",
            1,
            "expected `[` after `node`, `edge` or `graph` (quote the word if it is a column's name), found `->`",
        ),
        ("dag { x → y }", 1, "expected a name or an arrow, found `→`"),
        ("dag { x –> y }", 1, "expected a name or an arrow, found `–`"),
        ("dag { “x” -> y }", 1, "expected a name or an arrow, found `“`"),
        ("digraph { a & b }", 1, "expected a name or an arrow, found `&`"),
    ] {
        let problems = read(text).expect_err(text).0;
        let found = &problems[0];
        assert_eq!((found.line.unwrap_or(0), found.kind.to_string()), (line, expected.to_owned()), "{text}");
        assert!(!found.hint().is_empty());
    }
}

#[test]
fn all_problems_at_once_in_the_order_of_lines() {
    let text = "digraph {\n b -> c\n c -> b\n a -> a\n b -> c\n}";
    let lines: Vec<String> = read(text).expect_err("a bad graph").0.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "line 3: the graph has a cycle: b -> c -> b",
            "line 4: `a` has an edge to itself",
            "line 5: the edge `b -> c` is drawn twice, first on line 2",
        ]
    );
    let endless: String = (0..100).map(|i| format!("n{i} -> n{i};\n")).collect();
    assert_eq!(read(&format!("digraph {{ {endless} }}")).expect_err("loops").0.len(), 20);
}

#[test]
fn questions() {
    let drawn = graph("dag { u [latent]\n Age -> y u -> y\n s [s] }");
    let kinds = |treatments: &[&str], outcome: &str| -> Vec<ProblemKind> {
        let problems = Question::new(&drawn, treatments, outcome).expect_err("a bad question");
        problems.0.into_iter().map(|problem| problem.kind).collect()
    };
    let similar = Some("Age".to_owned());
    let unknown = |name: &str, role, similar| ProblemKind::UnknownNode { name: name.to_owned(), role, similar };
    assert_eq!(kinds(&["age"], "z"), [unknown("age", Role::Treatment, similar), unknown("z", Role::Outcome, None)]);
    assert_eq!(kinds(&["u"], "y"), [ProblemKind::LatentNode { name: "u".to_owned(), role: Role::Treatment }]);
    assert_eq!(
        kinds(&["y"], "y"),
        [ProblemKind::TwoRoles { name: "y".to_owned(), roles: (Role::Treatment, Role::Outcome) }]
    );
    assert_eq!(kinds(&["s"], "y"), [ProblemKind::SelectedNode { name: "s".to_owned(), role: Role::Treatment }]);
    let question = Question::new(&drawn, &["Age"], "y").expect("a question");
    assert_eq!(question.adjustment(&drawn, &["u", "y", "w"]).expect_err("none can be").0.len(), 3);
}

/// `x <-> y` at the treatment itself is a confounded treatment, and no mistake.
#[test]
fn a_bidirected_edge_at_the_treatment_is_confounding() {
    let answer = answer_xy("dag { x -> y x <-> y }");
    assert_eq!(answer.method, Method::Unidentified);
    assert_eq!(answer.adjustment.open_without.expect("a path").to_string(), "x <-> y");
    let hedge = answer.hedge.expect("a hedge");
    assert_eq!((hedge.outer, hedge.inner), (vec!["x".to_owned(), "y".to_owned()], vec!["y".to_owned()]));
}

/// Rows that are there because of treatment and outcome (Berkson), because of the outcome, and because of a confounder.
#[test]
fn rows_that_were_selected() {
    let berkson = answer_xy("dag { x -> y x -> s y -> s s [selected] }");
    assert!(!berkson.is_identified() && berkson.selected == ["s"]);
    assert!(!answer_xy("dag { x -> y y -> s s [selected] }").is_identified());
    assert!(!answer_xy("dag { x -> y x -> s s <-> y s [selected] }").is_identified());
    let by_confounder = answer_xy("dag { x <- c -> y x -> y c -> s s [selected] }");
    assert_eq!(by_confounder.method, Method::Unidentified, "who is in the sample differs in c, which changes y");
    let harmless = answer_xy("dag { x <- c -> y x -> y z -> s z -> x s [selected] }");
    assert_eq!((harmless.method, harmless.adjustment.minimal.sets), (Method::BackDoor, vec![vec!["c".to_owned()]]));
}

#[test]
fn names_of_any_kind_come_back_as_they_are() {
    let text = "digraph { \"my treatment\" -> \"Ergebnis (€)\"; \"my treatment\" <- \"Größe\" -> \"Ergebnis (€)\" }";
    let drawn = graph(text);
    let question = Question::new(&drawn, &["my treatment"], "Ergebnis (€)").expect("a question");
    let answer = crate::graph::answer::identify(&drawn, &question);
    assert_eq!(answer.adjustment.minimal.sets, [["Größe"]]);
    assert_eq!(answer.adjustment.open_without.expect("a path").to_string(), "my treatment <- Größe -> Ergebnis (€)");
}

/// Texts that ask for much: each ends in an answer or a refusal, at once and without a deep stack.
#[test]
fn hostile_texts_end() {
    let deep = "{".repeat(1_000_000);
    let refused = |text: &str| read(text).expect_err("a refusal").0[0].kind.clone();
    assert_eq!(refused(&format!("digraph {deep}")), ProblemKind::TooDeep { most: 100 });
    assert!(matches!(refused(&format!("digraph {{ x [label={}", "<".repeat(1_000_000))), ProblemKind::Unclosed(_)));
    let many: String = (0..MOST_NODES).map(|i| format!("n{i} ")).collect();
    let product = format!("strict digraph {{ subgraph s {{{many}}} ");
    let again = "subgraph s -> subgraph s; ".repeat(100_000);
    assert!(matches!(refused(&format!("{product}{again}}}")), ProblemKind::TooLarge { .. }));
    let again = "subgraph s ".repeat(100_000);
    assert!(matches!(refused(&format!("{product}{again}}}")), ProblemKind::TooLarge { .. }));
    let mut ten_megabytes = String::from("digraph {\n");
    let mut node = 0;
    while ten_megabytes.len() < 10_000_000 {
        ten_megabytes.push_str(&format!("node_{node} -> node_{};\n", node + 1));
        node += 1;
    }
    assert_eq!(refused(&(ten_megabytes + "}")), ProblemKind::TooLarge { what: "nodes", most: MOST_NODES });
    let comments = format!("digraph {{ x -> y /*{}*/ }}", "a\n".repeat(5_000_000));
    assert_eq!(graph(&comments).len(), 2);
    let repeated = format!("strict digraph {{ {} }}", "x -> y; ".repeat(900_000));
    assert_eq!(graph(&repeated).dag().edge_count(), 1);
}

fn text_like_a_graph() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "digraph", "dag", "strict", "subgraph", "node", "edge", "graph", "{", "}", "[", "]", "->", "<-", "<->", "--",
        "@->", "x", "y", "u", "\"a b\"", "latent", "=", "true", "no", ";", ",", ":", "<b>", "\"", "\\", "/*", "*/",
        "//", "\n", "#", "+", "dir=both", "-1", ".", "é", "\u{202e}",
    ]);
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,200}|[\\x00-\\x7f]{0,200}") {
        let _ = read(&text);
        let _ = read(&format!("digraph {{ {text} }}"));
    }

    #[test]
    fn no_pieces_make_the_reader_panic(text in text_like_a_graph()) {
        let _ = read(&text);
        let _ = read(&format!("digraph {{ {text} }}"));
        let _ = read(&format!("dag {{ {text} "));
    }

    /// A graph of the pack with one part overwritten.
    #[test]
    fn no_mutation_makes_the_reader_panic(at in 0_usize..400, cut in 0_usize..40, insert in "[\\x00-\\x7f]{0,4}") {
        let text = include_str!("../../../tests/fixtures/graphs/handmade/time_varying_confounding/graph.dot");
        let (start, end) = (at.min(text.len()), (at + cut).min(text.len()));
        let _ = read(&format!("{}{insert}{}", &text[..start], &text[end..]));
    }
}
