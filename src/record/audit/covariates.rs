//! Nothing that treatment may have changed is adjusted for: by what the plan says of each column, by its graph, by the structure of
//! the data.

use super::checks::Checked;
use super::facts::AuditFinding as Finding;
use super::history::{Document, Filed, History, line_of, line_with, places_of};
use super::tools::held;
use super::{AlignmentSubject, Outside, experiment};
use crate::plan::{Measured, Plan};
use crate::spec::AnalysisSpec;
use serde_json::Value;
use std::collections::BTreeSet;

/// Every column that a spec adjusts for.
pub(super) fn covariates(history: &History<'_>, outside: &Outside) -> Checked {
    let Some(plan) = history.observational() else { return experiment::covariates(history) };
    if history.specs.is_empty() {
        return Checked::waits_for("spec.yaml");
    }
    let mut check = Checked::default();
    held(&mut check, history, outside, AlignmentSubject::Adjustment);
    for (iteration, spec) in &history.specs {
        let Some(read) = spec.read() else { continue };
        of_spec(&mut check, history, plan, (*iteration, read, spec.filed));
    }
    for (iteration, design) in &history.designs {
        let Some(read) = design.read() else { continue };
        let places = places_of(design.filed);
        let at = |path: String| design.filed.at(line_of(&places, &path));
        for (i, found) in read.structure.determined.iter().enumerate() {
            let finding = Finding::DeterminesOutcome { iteration: *iteration, column: Some(found.column.clone()) };
            check.add(finding, at(format!("structure.determined[{i}].column")));
        }
        if read.structure.determined_by_all.is_some() {
            let finding = Finding::DeterminesOutcome { iteration: *iteration, column: None };
            check.add(finding, at("structure.determined_by_all".to_owned()));
        }
        for (i, found) in read.structure.one_arm.iter().enumerate() {
            let finding = Finding::OneArm { iteration: *iteration, column: found.column.clone() };
            check.add(finding, at(format!("structure.one_arm[{i}].column")));
        }
    }
    check
}

fn of_spec(check: &mut Checked, history: &History<'_>, plan: &Plan, spec: (u32, &AnalysisSpec, Filed<'_>)) {
    let (iteration, read, filed) = spec;
    let columns: BTreeSet<&str> =
        read.analyses.iter().flat_map(|it| &it.terms).flat_map(|term| term.columns()).collect();
    let declared = declared(plan, read);
    let forbidden = forbidden(history);
    let place = |column: &str| filed.at(line_with(filed.file.text(), &format!("- {column}")));
    for column in &columns {
        let named = (*column).to_owned();
        if !declared.contains(column) {
            check.add(Finding::NotAConfounder { iteration, column: named.clone() }, place(column));
        }
        if is_after(plan, column) {
            check.add(Finding::MeasuredAfter { iteration, column: named.clone() }, place(column));
        }
        if forbidden.contains(*column) {
            check.add(Finding::ForbiddenByGraph { iteration, column: named }, place(column));
        }
    }
    let measured = |column: &str| plan.data.columns.get(column).and_then(|it| it.measured);
    let declared_before = columns.iter().filter(|column| measured(column) == Some(Measured::Before)).count();
    let graph = plan.graph.is_some();
    check.add(Finding::Adjusted { iteration, columns: columns.len(), declared_before, graph }, place("confounder: "));
}

/// The columns that the plan lets be adjusted for; where it leaves the choice to its graph, those that were chosen.
fn declared<'a>(plan: &'a Plan, spec: &'a AnalysisSpec) -> BTreeSet<&'a str> {
    let named = plan.confounders.priority.iter().chain(&plan.confounders.other).map(String::as_str);
    let terms = plan.confounders.terms.iter().flat_map(|term| term.columns());
    let mut all: BTreeSet<&str> = named.collect();
    if all.is_empty() {
        all.extend(spec.confounders.iter().map(|group| group.confounder.as_str()));
    }
    all.extend(terms);
    all
}

/// True if the plan says that a column, or one that it is computed from, was measured after treatment, or is its outcome.
fn is_after(plan: &Plan, column: &str) -> bool {
    let origins = plan.data.origins(column);
    let later = |column: &str| {
        let said = plan.data.columns.get(column).and_then(|it| it.measured) == Some(Measured::After);
        said || column == plan.outcome.column || plan.negative_controls.iter().any(|it| it == column)
    };
    later(column) || origins.into_iter().any(later)
}

/// The columns that the plan's graph forbids.
fn forbidden(history: &History<'_>) -> BTreeSet<String> {
    let document = history.identification.as_ref().and_then(Document::read);
    let named = document.and_then(|it| it.get("forbidden")?.as_array());
    let mut all: BTreeSet<String> = named.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    let designs = history.designs.values().filter_map(Document::read);
    all.extend(designs.flat_map(|design| design.identification.forbidden.clone()));
    all
}
