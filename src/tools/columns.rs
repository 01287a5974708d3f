//! The columns that a plan names, each with what it is for.

use crate::plan::Plan;

/// The job of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Treatment,
    Outcome,
    Priority,
    Other,
    PlaceboOutcome,
    NegativeControl,
    UnitId,
    Weights,
    Clusters,
    KnownPropensity,
}

impl Role {
    /// As `describe_data` says it.
    pub(super) fn words(self) -> &'static str {
        match self {
            Role::Treatment => "treatment",
            Role::Outcome => "outcome",
            Role::Priority => "priority confounder",
            Role::Other => "other confounder",
            Role::PlaceboOutcome => "placebo outcome",
            Role::NegativeControl => "negative control",
            Role::UnitId => "unit id",
            Role::Weights => "weights",
            Role::Clusters => "clusters",
            Role::KnownPropensity => "known propensity",
        }
    }

    /// True if its values may be described while the loop is blind.
    pub(super) fn is_described(self) -> bool {
        matches!(self, Role::Priority | Role::Other | Role::PlaceboOutcome | Role::NegativeControl)
    }
}

/// Every column that the plan names, once, in the plan's order, priority confounders before the others.
pub(super) fn named(plan: &Plan) -> Vec<(String, Role)> {
    let mut columns: Vec<(String, Role)> = Vec::new();
    let mut add = |name: &str, role: Role| {
        if !columns.iter().any(|(known, _)| known == name) {
            columns.push((name.to_owned(), role));
        }
    };
    add(&plan.treatment.column, Role::Treatment);
    add(&plan.outcome.column, Role::Outcome);
    plan.confounders.priority.iter().for_each(|name| add(name, Role::Priority));
    plan.confounders.other.iter().for_each(|name| add(name, Role::Other));
    plan.confounders.terms.iter().flat_map(|term| term.columns()).for_each(|name| add(name, Role::Other));
    plan.placebo_outcomes.iter().for_each(|name| add(name, Role::PlaceboOutcome));
    plan.negative_controls.iter().for_each(|name| add(name, Role::NegativeControl));
    let bookkeeping = [
        (&plan.data.unit_id, Role::UnitId),
        (&plan.data.weights, Role::Weights),
        (&plan.analysis.clusters, Role::Clusters),
        (&plan.analysis.known_propensity, Role::KnownPropensity),
    ];
    for (name, role) in bookkeeping {
        name.iter().for_each(|name| add(name, role));
    }
    columns
}
