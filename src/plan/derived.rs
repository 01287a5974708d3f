//! `data.filter` and `data.derive`: the expressions of a plan, and what they may not be made of.
//!
//! Rows chosen by the outcome, a confounder computed from it, a treatment computed from a confounder: each makes an effect
//! out of nothing, whatever else is right. They are refused here, before any data are seen.

use super::reader::{Reader, Section, shown};
use super::{Measured, Plan, Problem};
use crate::expression::{ExpressionError, Written};
use crate::plan::yaml_tree::{Entry, Kind, Node};
use std::collections::{BTreeMap, BTreeSet};

/// The most derived columns and conditions.
const MOST: usize = 200;

/// `filter: EXPRESSION`, or a list of them.
pub(super) fn filter(reader: &mut Reader, data: &Section<'_>) -> Vec<Written> {
    let path = data.path("filter");
    let Some(node) = data.get("filter") else { return Vec::new() };
    let items: Vec<(String, &Node)> =
        if matches!(node.kind, Kind::Scalar { .. }) { vec![(path.clone(), node)] } else { reader.list(data, "filter") };
    too_many(reader, items.len(), &path, node);
    items.into_iter().filter_map(|(path, node)| expression(reader, node, &path)).collect()
}

/// `derive: {NAME: EXPRESSION}`.
pub(super) fn derive(reader: &mut Reader, data: &Section<'_>) -> BTreeMap<String, Written> {
    let (section, _) = reader.section(data, "derive");
    let entries: Vec<&Entry> = section.entries().collect();
    if let Some(node) = data.get("derive") {
        too_many(reader, entries.len(), &data.path("derive"), node);
    }
    let mut derived = BTreeMap::new();
    for entry in entries {
        let path = section.path(&entry.key);
        if entry.key.trim().is_empty() {
            reader.problem(
                Some(entry.place),
                &path,
                "the name of a derived column is empty".to_owned(),
                "Name the column before the `:`.",
            );
        } else if let Some(written) = expression(reader, &entry.value, &path) {
            derived.insert(entry.key.clone(), written);
        }
    }
    derived
}

fn too_many(reader: &mut Reader, n: usize, path: &str, node: &Node) {
    if n > MOST {
        let hint = "Compute the columns before the analysis, and name the file that has them.";
        reader.problem(
            Some(node.place),
            path,
            format!("`{path}` has {n} expressions, and at most {MOST} are read"),
            hint,
        );
    }
}

pub(super) fn expression(reader: &mut Reader, node: &Node, path: &str) -> Option<Written> {
    let text = reader.element(node, path)?;
    match Written::parse(&text) {
        Ok(written) => Some(written),
        Err(ExpressionError { text, fault }) => {
            let hint = "Expressions look like `cigs > 0`, `log(income + 1)`, `age >= 18 and state != \"TX\"`, \
                        `cut(age, [25, 45, 65])`; unusual column names go in backticks.";
            let message = format!("`{}` is not an expression: {}", shown(&text), shown_fault(&fault.to_string()));
            reader.problem(Some(node.place), path, message, hint);
            None
        }
    }
}

/// A fault names what it found, which may hold anything.
fn shown_fault(fault: &str) -> String {
    crate::text::untrusted::visible(fault)
}

/// A column in a role.
struct Use {
    path: String,
    column: String,
    role: &'static str,
}

/// Adds every problem of what columns are computed from.
pub(super) fn check(plan: &Plan, in_terms: &[(String, String)], out: &mut Vec<Problem>) {
    let mut rules = Rules { plan, out };
    rules.circles();
    let uses = uses(plan, in_terms);
    for used in &uses {
        rules.made_of_outcome(used);
        rules.measured_after(used);
        rules.confounder_and_treatment(used);
    }
    rules.outcome_of_treatment();
    rules.filter();
}

fn uses(plan: &Plan, in_terms: &[(String, String)]) -> Vec<Use> {
    let listed = |path: &'static str, columns: &[String], role: &'static str| -> Vec<Use> {
        let named = columns.iter().enumerate();
        named.map(|(i, column)| Use { path: format!("{path}[{i}]"), column: column.clone(), role }).collect()
    };
    let single = |path: &str, column: Option<&String>, role: &'static str| {
        column.map(|column| Use { path: path.to_owned(), column: column.clone(), role })
    };
    let mut uses = listed("confounders.priority", &plan.confounders.priority, CONFOUNDER);
    uses.extend(listed("confounders.other", &plan.confounders.other, CONFOUNDER));
    uses.extend(in_terms.iter().map(|(path, column)| Use {
        path: path.clone(),
        column: column.clone(),
        role: CONFOUNDER,
    }));
    uses.extend(listed("placebo_outcomes", &plan.placebo_outcomes, "a placebo outcome"));
    uses.extend(listed("negative_controls", &plan.negative_controls, "a negative control"));
    uses.extend(single("treatment.column", Some(&plan.treatment.column), TREATMENT));
    uses.extend(single("data.weights", plan.data.weights.as_ref(), "the weights"));
    uses.extend(single("analysis.clusters", plan.analysis.clusters.as_ref(), "the clusters"));
    uses.extend(single("analysis.known_propensity", plan.analysis.known_propensity.as_ref(), "the known propensity"));
    uses
}

const CONFOUNDER: &str = "a confounder";
const TREATMENT: &str = "the treatment";

struct Rules<'a> {
    plan: &'a Plan,
    out: &'a mut Vec<Problem>,
}

impl Rules<'_> {
    fn note(&mut self, path: &str, message: String, hint: impl Into<String>) {
        self.out.push(Problem { place: self.plan.at(path), path: path.to_owned(), message, hint: hint.into() });
    }

    fn circles(&mut self) {
        let plan = self.plan;
        for name in plan.data.derive.keys().filter(|name| plan.data.origins(name).contains(name.as_str())) {
            let own = plan.data.derive.get(name).is_some_and(|written| written.columns().contains(name.as_str()));
            let message = if own {
                format!("`{name}` is computed from itself")
            } else {
                format!("`{name}` is computed from a column that is computed from it")
            };
            let hint = "Give each derived column a name of its own, and compute it from columns of the file.";
            self.note(&format!("data.derive.{name}"), message, hint);
        }
    }

    fn made_of_outcome(&mut self, used: &Use) {
        let plan = self.plan;
        let outcome = plan.outcome.column.as_str();
        let of_outcome = plan.data.origins(&used.column).contains(outcome);
        // An outcome that is a function of one column is that column in other units. One of several, such as a change since
        // the baseline, may well be adjusted for one of them.
        let is_outcome =
            used.role == CONFOUNDER && file_columns(plan, outcome) == BTreeSet::from([used.column.as_str()]);
        if !of_outcome && !is_outcome {
            return;
        }
        let (column, role) = (&used.column, used.role);
        let message = if of_outcome {
            format!("`{column}` is computed from the outcome `{outcome}` and is {role}")
        } else {
            format!("the outcome `{outcome}` is computed from `{column}`, which is {role}")
        };
        self.note(&used.path, message, "Use a column that was settled before the outcome.");
    }

    fn measured_after(&mut self, used: &Use) {
        if !matches!(used.role, CONFOUNDER | "a placebo outcome") {
            return;
        }
        let plan = self.plan;
        let late = plan.data.origins(&used.column).into_iter().find(|name| is_late(plan, name));
        if let Some(late) = late {
            let message = format!(
                "`{}` is computed from `{late}`, which was measured after treatment (`data.columns`), and is {}",
                used.column, used.role
            );
            self.note(&used.path, message, "Compute it from columns that were settled before treatment.");
        }
    }

    fn confounder_and_treatment(&mut self, used: &Use) {
        let plan = self.plan;
        let treatment = plan.treatment.column.as_str();
        if used.role == TREATMENT || treatment.is_empty() {
            return;
        }
        let (column, role) = (&used.column, used.role);
        if plan.data.origins(column).contains(treatment) {
            let message = format!("`{column}` is computed from the treatment `{treatment}` and is {role}");
            self.note(&used.path, message, "Compute it from columns that were settled before treatment.");
        } else if plan.data.origins(treatment).contains(column.as_str()) && role == CONFOUNDER {
            let message = format!("the treatment `{treatment}` is computed from `{column}`, which is {role}");
            let hint = "Take it out here; once it is held fixed there is nothing left to compare.";
            self.note(&used.path, message, hint);
        }
    }

    fn outcome_of_treatment(&mut self) {
        let plan = self.plan;
        let (treatment, outcome) = (plan.treatment.column.as_str(), plan.outcome.column.as_str());
        if plan.data.origins(outcome).contains(treatment) {
            let message = format!("the outcome `{outcome}` is computed from the treatment `{treatment}`");
            self.note(
                "outcome.column",
                message,
                "Its effect would be there by definition; use an outcome that was measured.",
            );
        }
    }

    fn filter(&mut self) {
        let plan = self.plan;
        for (i, condition) in plan.data.filter.iter().enumerate() {
            let listed = format!("data.filter[{i}]");
            let path = if plan.places.contains_key(&listed) { listed } else { "data.filter".to_owned() };
            let named = condition.columns();
            let all: BTreeSet<&str> =
                named.iter().flat_map(|name| plan.data.origins(name)).chain(named.iter().copied()).collect();
            let outcome = plan.outcome.column.as_str();
            let of_outcome = all.contains(outcome)
                || file_columns(plan, outcome).iter().any(|it| all.contains(it) && is_late(plan, it));
            if of_outcome {
                let message = format!("the filter chooses rows by the outcome `{outcome}`");
                let hint = "Rows chosen by their outcome differ between the arms whatever treatment does. Filter on columns that were settled before treatment; rows without an outcome are left out by `missing: drop`.";
                self.note(&path, message, hint);
            } else if let Some(late) = all.iter().find(|name| is_late(plan, name)) {
                let message =
                    format!("the filter chooses rows by `{late}`, which was measured after treatment (`data.columns`)");
                self.note(&path, message, "Filter on columns that were settled before treatment.");
            }
        }
    }
}

/// The columns of the file that a column is computed from; itself if it is one of the file.
fn file_columns<'a>(plan: &'a Plan, column: &'a str) -> BTreeSet<&'a str> {
    let origins = plan.data.origins(column);
    origins.into_iter().filter(|name| !plan.data.derive.contains_key(*name)).collect()
}

fn is_late(plan: &Plan, column: &str) -> bool {
    plan.data.columns.get(column).and_then(|said| said.measured) == Some(Measured::After)
}
