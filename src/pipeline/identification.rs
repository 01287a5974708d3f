//! The plan's graph: read, held against the data's columns, asked for identification, and tested.
//!
//! Everything here happens before the first spec, except for the tests that involve the outcome.

use crate::dataset::{Analysed, Request, Table};
use crate::input_file::{self, MOST_OF_A_TEXT};
use crate::plan::{GraphSource, Place, Plan, Problem, closest};
use crate::record::identification::{
    CheckedDocument, ChosenBy, ForbiddenDocument, HowIdentified, IdentificationDocument, IdentificationFacts,
    NotIdentified, RunIdentification, TestedIndependence, method_key,
};
use crate::report::identification as words;
use crate::schema::{ColumnInfo, ColumnKind, DatasetDocument};
use crate::term::Term;
use crate::text::sha256::sha256_hex;
use causal::graph::answer::{self, CheckedSet, Identification, Method, NamedIndependence, NamedOptimal};
use causal::graph::causal_graph::CausalGraph;
use causal::graph::problem::{GraphProblem, GraphProblems};
use causal::graph::question::Question;
use causal::graph::read;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

/// The significance level of each family of tests, after Holm.
pub(super) const LEVEL: f64 = 0.05;
/// Tests of one family.
const MOST_TESTED: usize = 100;
/// A category with more levels is not tested.
const MOST_LEVELS: usize = 20;

/// What the graph says about the plan.
#[derive(Debug)]
pub struct PlanIdentification {
    /// The graph's text.
    pub text: String,
    /// True if it came from a file of its own, which is then committed.
    pub from_file: bool,
    /// The answer.
    pub answer: Identification,
    /// The confounders of the run against the criterion.
    pub checked: CheckedSet,
    /// Who chose them.
    pub chosen_by: ChosenBy,
    /// The statements that are tested, each pair once with its smallest set.
    statements: Vec<NamedIndependence>,
    /// The rows of the tests, and what each node is made of; `None` if the data have no such rows.
    rows: Option<TestRows>,
    /// Tests without the outcome, and with it: made once, when they are first asked for.
    tested: [OnceLock<Vec<TestedIndependence>>; 2],
}

/// The rows of the tests.
#[derive(Debug)]
pub(super) struct TestRows {
    pub(super) analysed: Analysed,
    pub(super) terms: BTreeMap<String, Vec<Term>>,
}

/// The text of the plan's graph, if it has one.
///
/// # Errors
/// A file that cannot be read.
pub(super) fn text(plan: &Plan, folder: &Path) -> Option<Result<String, Problem>> {
    Some(match plan.graph.as_ref()? {
        GraphSource::Inline(text) => Ok(text.clone()),
        GraphSource::File(name) => input_file::read_text(&folder.join(name), MOST_OF_A_TEXT).map_err(|error| {
            let hint = "Write the graph itself here (`graph: |`, then `dag { x -> y }`), or the path of a file, relative to the plan.";
            problem(plan, "graph", format!("the graph could not be read: {error}"), hint)
        }),
    })
}

fn problem(plan: &Plan, path: &str, message: String, hint: impl Into<String>) -> Problem {
    Problem { place: plan.at(path), path: path.to_owned(), message, hint: hint.into() }
}

/// The plan's text and its graph's.
pub(super) struct Texts<'a> {
    pub(super) plan: &'a str,
    pub(super) graph: String,
}

/// Holds the graph against plan and data, answers, and fills in the confounders if the plan names none.
///
/// # Errors
/// All problems at once: of the graph, of nodes that are neither columns nor latent, of columns that are no nodes.
pub(super) fn identify(
    plan: &mut Plan,
    texts: Texts<'_>,
    document: &DatasetDocument,
) -> Result<PlanIdentification, Vec<Problem>> {
    let at = Pointer { plan, text: texts.plan };
    let graph = read::read(&texts.graph).map_err(|problems| at.all(&problems))?;
    let mut problems = at.no_columns(&graph, document);
    let question = Question::new(&graph, &[&plan.treatment.column], &plan.outcome.column);
    let named: Vec<&str> = adjusted(plan);
    let set = match &question {
        Ok(question) => question.adjustment(&graph, &named).map_err(|found| problems.extend(at.all(&found))).ok(),
        Err(found) => {
            problems.extend(at.all(found));
            None
        }
    };
    let (Ok(question), Some(set), true) = (question, set, problems.is_empty()) else { return Err(problems) };
    let answer = answer::identify(&graph, &question);
    let (chosen, chosen_by) = if named.is_empty() { choose(&graph, &question, &answer) } else { (set, ChosenBy::Plan) };
    let checked = answer::check(&graph, &question, &chosen);
    if chosen_by != ChosenBy::Plan {
        plan.confounders.priority = graph.names_of(&chosen);
    }
    let statements = each_pair_once(&answer);
    let from_file = matches!(plan.graph, Some(GraphSource::File(_)));
    Ok(PlanIdentification {
        text: texts.graph,
        from_file,
        answer,
        checked,
        chosen_by,
        statements,
        rows: None,
        tested: Default::default(),
    })
}

/// The columns that the plan adjusts for, those of its terms among them.
fn adjusted(plan: &Plan) -> Vec<&str> {
    let section = &plan.confounders;
    let mut names: Vec<&str> = section.priority.iter().chain(&section.other).map(String::as_str).collect();
    names.extend(section.terms.iter().flat_map(Term::columns));
    names.sort_unstable();
    names.dedup();
    names
}

fn choose(
    graph: &CausalGraph,
    question: &Question,
    answer: &Identification,
) -> (causal::graph::nodes::NodeSet, ChosenBy) {
    let set = |names: &[String]| {
        let nodes = names.iter().filter_map(|name| graph.node(name));
        causal::graph::nodes::NodeSet::of(graph.len(), nodes)
    };
    match (&answer.adjustment.optimal, answer.adjustment.minimal.sets.first()) {
        (NamedOptimal::Set(best), _) => (set(best), ChosenBy::Optimal),
        (_, Some(smallest)) => (set(smallest), ChosenBy::SmallestMinimal),
        (_, None) => {
            let criterion = causal::graph::adjustment::Adjustment::new(graph, question);
            (criterion.canonical(), ChosenBy::AllowedAncestors)
        }
    }
}

/// The first statement of each pair: the one with the smallest set.
fn each_pair_once(answer: &Identification) -> Vec<NamedIndependence> {
    let mut statements: Vec<NamedIndependence> = answer.implied.clone();
    statements.dedup_by(|next, first| next.a == first.a && next.b == first.b);
    statements
}

/// Points problems of the graph at lines of the plan.
struct Pointer<'a> {
    plan: &'a Plan,
    text: &'a str,
}

impl Pointer<'_> {
    fn all(&self, problems: &GraphProblems) -> Vec<Problem> {
        problems.0.iter().map(|problem| self.one(problem)).collect()
    }

    fn one(&self, found: &GraphProblem) -> Problem {
        let place = found.line.and_then(|line| self.line(line)).or_else(|| self.plan.at("graph"));
        let file = match (&self.plan.graph, found.line) {
            (Some(GraphSource::File(name)), Some(line)) => format!(" ({name}, line {line})"),
            _ => String::new(),
        };
        Problem { place, path: "graph".to_owned(), message: format!("{}{file}", found.kind), hint: found.hint() }
    }

    /// A line of a graph that is written as a block below `graph: |`.
    fn line(&self, line: usize) -> Option<Place> {
        let value = self.plan.at("graph")?;
        let is_head = |written: &&str| {
            let end = written.trim_end().trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+'));
            end.ends_with('|') && end.split(':').next().is_some_and(|key| key.trim() == "graph")
        };
        let inline = matches!(self.plan.graph, Some(GraphSource::Inline(_)));
        let head = self.text.lines().take(value.line).position(|written| is_head(&written)).filter(|_| inline)?;
        // Counted from 0, so that the first line below it is the next number but one.
        let number = head + 1 + line;
        let written = self.text.lines().nth(number.checked_sub(1)?)?;
        let offset = written.as_ptr() as usize - self.text.as_ptr() as usize;
        let indent = written.len() - written.trim_start().len();
        Some(Place { line: number, column: indent + 1, offset: offset + indent, length: written.trim().len().max(1) })
    }

    /// Nodes that are neither columns nor latent.
    fn no_columns(&self, graph: &CausalGraph, document: &DatasetDocument) -> Vec<Problem> {
        let columns: Vec<&str> = document.columns.iter().map(|column| column.name.as_str()).collect();
        let missing = graph.observed().iter().filter(|node| !columns.contains(&graph.name(*node)));
        let told = |node: usize| {
            let name = graph.name(node);
            let near = closest(name, columns.iter().copied());
            let hint = match near {
                Some(near) => format!("Did you mean `{near}`? If nobody observed it, mark it: `{name} [latent=true]`."),
                None => format!(
                    "If nobody observed it, mark it: `{name} [latent=true]`; else call it as its column is called."
                ),
            };
            let place = graph.line(node).and_then(|line| self.line(line)).or_else(|| self.plan.at("graph"));
            let message = format!("the graph's node `{name}` is neither a column of the data nor latent");
            Problem { place, path: "graph".to_owned(), message, hint }
        };
        missing.map(told).collect()
    }
}

impl PlanIdentification {
    /// Takes the rows of the tests from the data: those without a missing value in any node.
    pub(super) fn take_rows(&mut self, plan: &Plan, table: &Table, document: &DatasetDocument) {
        let kinds: BTreeMap<&str, &ColumnInfo> =
            document.columns.iter().map(|column| (column.name.as_str(), column)).collect();
        let own = [&plan.treatment.column, &plan.outcome.column];
        let named = self.statements.iter().flat_map(|one| one.given.iter().chain([&one.a, &one.b]));
        let nodes = named.filter(|name| !own.contains(name));
        let terms: BTreeMap<String, Vec<Term>> =
            nodes.filter_map(|name| Some((name.clone(), terms_of(kinds.get(name.as_str())?)?))).collect();
        let request = Request {
            share: None,
            treatment: plan.treatment.column.clone(),
            contrast: plan.treatment.contrast(),
            outcome: Some((plan.outcome.column.clone(), plan.outcome.kind)),
            event: plan.outcome.event.clone(),
            weights: plan.data.weights.clone(),
            unit_id: None,
            clusters: plan.analysis.clusters.clone(),
            known_propensity: None,
            terms: terms.values().flatten().cloned().collect(),
            groups: Vec::new(),
            placebos: Vec::new(),
            missing: crate::plan::MissingPolicy::Drop,
            missing_for: BTreeMap::new(),
        };
        self.rows = table.analyse(&request).ok().map(|analysed| TestRows { analysed, terms });
    }

    /// The tests of one family: without the outcome while the loop is blind, with it afterwards.
    #[must_use]
    pub fn tests(&self, with_outcome: bool) -> &[TestedIndependence] {
        let [blind, open] = &self.tested;
        let place = if with_outcome { open } else { blind };
        place.get_or_init(|| {
            let family = self.statements.iter().filter(|one| one.involves(&self.answer.outcome) == with_outcome);
            let family: Vec<&NamedIndependence> = family.take(MOST_TESTED).collect();
            super::independence::tests(&family, self.rows.as_ref(), &self.answer)
        })
    }

    /// The implied independencies that involve the outcome and that the data reject, as `a ⫫ b | c`: for after unblinding.
    #[must_use]
    pub fn rejected_with_outcome(&self) -> Vec<String> {
        let rejected = self.tests(true).iter().filter(|one| one.test.is_some_and(|test| test.rejected));
        rejected.map(|one| one.statement.to_string()).collect()
    }

    /// What the rubric grades: while blind without the tests that involve the outcome.
    #[must_use]
    pub fn facts(&self, unblinded: bool) -> IdentificationFacts {
        let with_outcome = if unblinded { self.tests(true) } else { &[] };
        let tests = || self.tests(false).iter().chain(with_outcome);
        IdentificationFacts {
            how: self.how(),
            forbidden_adjusted: self.checked.forbidden.iter().map(ForbiddenDocument::from).collect(),
            rejected: tests().filter(|one| one.test.is_some_and(|test| test.rejected)).cloned().collect(),
            tested: tests().filter(|one| one.test.is_some()).count(),
        }
    }

    fn how(&self) -> HowIdentified {
        let by_adjustment = matches!(self.answer.method, Method::BackDoor | Method::NoCausalPath);
        if by_adjustment && self.checked.valid {
            return HowIdentified::Graph { method: method_key(self.answer.method) };
        }
        let sets = &self.answer.adjustment;
        HowIdentified::NotIdentified(NotIdentified {
            method: method_key(self.answer.method),
            open_path: self.checked.open.as_ref().map(ToString::to_string),
            instead: sets.optimal.set().map(<[String]>::to_vec).or_else(|| sets.minimal.sets.first().cloned()),
            instruments: self.answer.instruments.iter().map(|one| one.instrument.clone()).collect(),
        })
    }

    /// The graph's answer, with the confounders of the run held against it. Tests nothing.
    #[must_use]
    pub fn answer_document(&self) -> IdentificationDocument {
        let quote = words::in_backticks;
        let mut answer = IdentificationDocument::new(&self.answer, words::sentence(&self.answer, quote));
        answer.checked = Some(CheckedDocument::new(&self.checked, words::checked(&self.checked, quote)));
        answer
    }

    /// `identification.json`; the tests with the outcome only after unblinding.
    #[must_use]
    pub fn document(&self, unblinded: bool) -> RunIdentification {
        RunIdentification {
            answer: self.answer_document(),
            graph_sha256: sha256_hex(self.text.as_bytes()),
            chosen_by: self.chosen_by,
            level: LEVEL,
            tests: self.tests(false).to_vec(),
            tests_with_outcome: unblinded.then(|| self.tests(true).to_vec()),
            facts: self.facts(unblinded),
        }
    }
}

/// A number as it is, an indicator for each level but the first of anything else; `None` for what cannot be tested.
fn terms_of(column: &ColumnInfo) -> Option<Vec<Term>> {
    match column.kind {
        ColumnKind::Number => Some(vec![Term::column(&column.name)]),
        ColumnKind::Category | ColumnKind::Boolean if (2..=MOST_LEVELS).contains(&column.levels.len()) => {
            Some(column.levels.iter().skip(1).map(|level| Term::level(&column.name, level)).collect())
        }
        _ => None,
    }
}
