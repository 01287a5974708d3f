//! Rules that a plan can break although it reads well, before any data is seen.

use super::{Measured, Plan, Problem, StudyDesign, Tool, analysis, derived, draft, listed, models};
use crate::term::Term;
use causal::estimand::OutcomeKind;
use std::collections::BTreeMap;

/// The longest loop.
const MOST_ITERATIONS: u32 = 50;
/// Why a placebo must not be a confounder.
const PLACEBO_HINT: &str = "A placebo must not be needed for adjustment: on one that is adjusted for, the test fires about half the time \
                            even without any hidden confounding. Keep the column in one of the two lists.";

/// A column in a role, e.g. `age` at `confounders.priority[0]`.
struct Use<'a> {
    path: String,
    column: &'a str,
}

/// Adds every problem that needs no data.
pub(super) fn check(plan: &Plan, terms: &[(String, Term)], out: &mut Vec<Problem>) {
    let mut rules = Rules { plan, out };
    let confounders: Vec<Use<'_>> = uses("confounders.priority", &plan.confounders.priority)
        .chain(uses("confounders.other", &plan.confounders.other))
        .collect();
    let in_terms: Vec<Use<'_>> = terms
        .iter()
        .flat_map(|(path, term)| term.columns().into_iter().map(|column| Use { path: path.clone(), column }))
        .collect();
    let placebos: Vec<Use<'_>> = uses("placebo_outcomes", &plan.placebo_outcomes)
        .chain(uses("negative_controls", &plan.negative_controls))
        .collect();
    rules.treatment_and_outcome_differ();
    rules.levels_differ();
    rules.event();
    rules.adjustment(&confounders, "a confounder");
    rules.adjustment(&in_terms, "part of a term");
    rules.measured(&confounders, &in_terms);
    rules.repeats(&confounders, "confounder");
    rules.placebos(&placebos, &confounders, &in_terms);
    rules.repeats(&placebos, "placebo");
    rules.bookkeeping();
    rules.design();
    rules.tools();
    rules.iterations();
    let in_terms: Vec<(String, String)> =
        in_terms.iter().map(|used| (used.path.clone(), used.column.to_owned())).collect();
    derived::check(plan, &in_terms, out);
    analysis::check(plan, out);
    models::check(plan, out);
    draft::check(plan, out);
}

/// The readable elements of a list.
fn uses<'a>(path: &'static str, columns: &'a [String]) -> impl Iterator<Item = Use<'a>> {
    let named = columns.iter().enumerate().filter(|(_, column)| !column.is_empty());
    named.map(move |(i, column)| Use { path: format!("{path}[{i}]"), column })
}

struct Rules<'a> {
    plan: &'a Plan,
    out: &'a mut Vec<Problem>,
}

impl Rules<'_> {
    fn note(&mut self, path: &str, message: String, hint: impl Into<String>) {
        self.out.push(Problem { place: self.plan.at(path), path: path.to_owned(), message, hint: hint.into() });
    }

    fn treatment_and_outcome_differ(&mut self) {
        let (treatment, outcome) = (&self.plan.treatment.column, &self.plan.outcome.column);
        if treatment == outcome && !treatment.is_empty() {
            let message = format!("`{outcome}` is both the treatment and the outcome");
            self.note("outcome.column", message, "Name the column that is measured after treatment.");
        }
    }

    fn event(&mut self) {
        let outcome = &self.plan.outcome;
        if outcome.event.is_some() && outcome.kind == OutcomeKind::Continuous {
            let message = "`outcome.event` is for a binary outcome, and `kind` says `continuous`".to_owned();
            self.note("outcome.event", message, "Write `kind: binary`, or leave `event` out.");
        }
    }

    fn levels_differ(&mut self) {
        let (treated, control) = (self.plan.treatment.treated.trim(), self.plan.treatment.control.trim());
        let number = |text: &str| text.parse::<f64>().ok();
        let same_number = number(treated).is_some() && number(treated) == number(control);
        if treated == control || same_number {
            let path = if self.plan.places.contains_key("treatment.control") {
                "treatment.control"
            } else {
                "treatment.treated"
            };
            let message = format!("treated and control are the same value, `{treated}`");
            self.note(
                path,
                message,
                "Name the two values of the treatment column that are compared (defaults: treated 1, control 0).",
            );
        }
    }

    /// Treatment, outcome, weights and unit id have no place among what is adjusted for.
    fn adjustment(&mut self, uses: &[Use<'_>], role: &str) {
        for Use { path, column } in uses {
            let column = *column;
            if column == self.plan.treatment.column {
                let hint = "Take it out here; once treatment is held fixed there is nothing left to compare.";
                self.note(path, format!("the treatment `{column}` is listed as {role}"), hint);
            } else if column == self.plan.outcome.column {
                let hint = "Take it out here; adjusting for the outcome, or for anything that treatment may have changed, biases the effect.";
                self.note(path, format!("the outcome `{column}` is listed as {role}"), hint);
            } else if let Some(owner) = self.bookkeeper(column) {
                let hint = format!("Take it out here, or remove `{owner}`.");
                self.note(path, format!("`{column}` is the {} and is listed as {role}", bookkeeping_noun(owner)), hint);
            }
        }
    }

    /// What is adjusted for, and a placebo outcome, is settled before treatment; a negative control is not.
    fn measured(&mut self, confounders: &[Use<'_>], in_terms: &[Use<'_>]) {
        let moment = |column: &str| self.plan.data.columns.get(column).and_then(|said| said.measured);
        let placebos = uses("placebo_outcomes", &self.plan.placebo_outcomes);
        let late: Vec<(String, String, &str)> = confounders
            .iter()
            .map(|used| (used, "a confounder"))
            .chain(in_terms.iter().map(|used| (used, "part of a term")))
            .map(|(used, role)| (used.path.clone(), used.column.to_owned(), role))
            .chain(placebos.map(|used| (used.path, used.column.to_owned(), "a placebo outcome")))
            .filter(|(_, column, _)| moment(column) == Some(Measured::After))
            .collect();
        for (path, column, role) in late {
            let hint = "Take it out here: what treatment may have changed is no reason for it, and adjusting for it hides part of the effect or makes one up. If treatment cannot have changed it, it can be a negative control.";
            self.note(
                &path,
                format!("`{column}` was measured after treatment (`data.columns`) and is listed as {role}"),
                hint,
            );
        }
    }

    /// `data.weights` or `data.unit_id`, if the column has that job.
    fn bookkeeper(&self, column: &str) -> Option<&'static str> {
        let is = |job: &Option<String>| job.as_deref() == Some(column);
        if is(&self.plan.data.weights) {
            Some("data.weights")
        } else if is(&self.plan.data.unit_id) {
            Some("data.unit_id")
        } else {
            None
        }
    }

    fn repeats(&mut self, uses: &[Use<'_>], noun: &str) {
        let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
        for Use { path, column } in uses {
            let Some(first) = seen.get(column) else {
                seen.insert(column, path);
                continue;
            };
            let line = self.plan.at(first).map_or(0, |place| place.line);
            let hint = format!("It is already on line {line} (`{first}`); keep one of the two.");
            self.note(path, format!("the {noun} `{column}` is listed twice"), hint);
        }
    }

    fn placebos(&mut self, placebos: &[Use<'_>], confounders: &[Use<'_>], in_terms: &[Use<'_>]) {
        // Confounders last: of two entries the later stays, and theirs is the line to point at.
        let adjusted: BTreeMap<&str, &str> =
            in_terms.iter().chain(confounders).map(|other| (other.column, other.path.as_str())).collect();
        for Use { path, column } in placebos {
            let column = *column;
            if column == self.plan.treatment.column {
                self.note(path, format!("the treatment `{column}` is listed as a placebo"), "Take it out here.");
            } else if column == self.plan.outcome.column {
                let hint = "Take it out here; a placebo is something that treatment cannot have changed.";
                self.note(path, format!("the outcome `{column}` is listed as a placebo"), hint);
            } else if let Some(owner) = self.bookkeeper(column) {
                let message = format!("`{column}` is the {} and is listed as a placebo", bookkeeping_noun(owner));
                self.note(path, message, "Take it out here; a placebo is something that was measured.");
            } else if let Some(other) = adjusted.get(column) {
                let message = format!("`{column}` is a placebo and is also adjusted for (`{other}`)");
                self.note(path, message, PLACEBO_HINT);
            }
        }
    }

    /// Weights and unit id against treatment, outcome and each other.
    fn bookkeeping(&mut self) {
        for path in ["treatment.column", "outcome.column"] {
            let column =
                if path == "treatment.column" { &self.plan.treatment.column } else { &self.plan.outcome.column };
            let Some(owner) = self.bookkeeper(column) else { continue };
            let message = format!("`{column}` is both `{path}` and `{owner}`");
            self.note(owner, message, "One column can have one of the two jobs only.");
        }
        if self.plan.data.weights.is_some() && self.plan.data.weights == self.plan.data.unit_id {
            self.note(
                "data.weights",
                "one column is both the weights and the unit id".to_owned(),
                "Name the column of weights, or remove the line.",
            );
        }
    }

    /// A randomised treatment has chances that are known, in one place; another has none.
    fn design(&mut self) {
        let (share, known) = (self.plan.share, self.plan.analysis.known_propensity.is_some());
        if let Some(share) = share.filter(|share| !(*share > 0.0 && *share < 1.0)) {
            let hint = "Write the chance of treatment as a fraction, e.g. `share: 0.03` for 3 %.";
            self.note("share", format!("`share` is {share}; it must lie between 0 and 1"), hint);
        }
        match (self.plan.design, share.is_some(), known) {
            (StudyDesign::Observational, true, _) => {
                let message = "`share` is the chance of a randomised treatment, and the design is observational";
                self.note("share", message.to_owned(), "Add `design: randomised`, or take `share` out.");
            }
            (StudyDesign::Randomised, false, false) => {
                let hint = "Add `share: 0.5`, or, if units had different chances, `known_propensity: COLUMN` under `analysis:`.";
                self.note(
                    "design",
                    "the design is randomised, and the chance of treatment is not given".to_owned(),
                    hint,
                );
            }
            (StudyDesign::Randomised, true, true) => {
                let message = "the chance of treatment is given twice, by `share` and by `known_propensity`";
                self.note(
                    "share",
                    message.to_owned(),
                    "Keep `known_propensity` if units had different chances, else `share`.",
                );
            }
            _ => {}
        }
    }

    /// An empty list was reported while reading; here it is about lists that leave no way to answer.
    fn tools(&mut self) {
        let tools = &self.plan.tools;
        if tools.is_empty() {
            return;
        }
        if !tools.contains(&Tool::Propensity) {
            let hint = "Add `propensity`; weights, balance and overlap of every estimand are computed from it.";
            self.note("tools", "`tools` does not allow `propensity`".to_owned(), hint);
        }
        if !Tool::ESTIMATORS.iter().any(|tool| tools.contains(tool)) {
            let hint = format!("Add at least one of {}.", listed(Tool::ESTIMATORS.map(Tool::key)));
            self.note("tools", "`tools` allows no estimator, so no estimand could be answered".to_owned(), hint);
        }
    }

    fn iterations(&mut self) {
        let iterations = self.plan.loop_.max_iterations;
        if iterations == 0 {
            let hint = "Write at least 1: the draft itself is the first iteration.";
            self.note("loop.max_iterations", "`loop.max_iterations` is 0".to_owned(), hint);
        } else if iterations > MOST_ITERATIONS {
            let hint = "Every iteration is one more specification that a reader must be told of; 5 is a good start.";
            self.note("loop.max_iterations", format!("`loop.max_iterations` is more than {MOST_ITERATIONS}"), hint);
        }
    }
}

fn bookkeeping_noun(owner: &str) -> &'static str {
    if owner == "data.weights" { "column of weights" } else { "unit id" }
}
