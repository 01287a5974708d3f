//! Gates of the plan: the run stopped at each, and went on with what a person had approved.

use super::Outside;
use super::checks::{Checked, Place};
use super::facts::{AuditFinding as Finding, Unaudited};
use super::history::History;
use crate::plan::Gate;
use crate::record::oversight::DecidedAs;

/// The trailer of a step that is a gate.
const GATE: &str = "Gate";

/// Each gate that the run came to, with its approval; and those that it should have come to.
pub(super) fn gates(history: &History<'_>, outside: &Outside) -> Checked {
    let gates = history.observational().map(|plan| &plan.gates).or(history.experiment().map(|plan| &plan.gates));
    let Some(gates) = gates.filter(|gates| !gates.is_empty()) else { return Checked::not(Unaudited::NoGates) };
    let mut check = Checked::default();
    let last = history.commits.len().saturating_sub(1);
    let at_gate = |gate: Gate| {
        let named = history.commits.iter().enumerate();
        named.filter(move |(_, commit)| commit.trailer(GATE) == Some(gate.key())).map(|(at, _)| at).collect::<Vec<_>>()
    };
    for gate in gates {
        let name = gate.key().to_owned();
        for commit in at_gate(*gate) {
            let tree = history.commits.get(commit).map(|commit| commit.tree.as_str()).unwrap_or_default();
            // Directly behind the gate; the last one that is no comment counts.
            let mut here = outside.decisions.iter().filter(|(after, _)| *after == commit + 1).map(|it| &it.1);
            let binding = here.rfind(|it| it.gate.as_deref() == Some(gate.key()) && it.kind != DecidedAs::Comment);
            let approved = binding.filter(|it| it.kind == DecidedAs::Approved && it.tree == tree);
            let finding = match approved {
                Some(decision) => Finding::GatePassed { gate: name.clone(), by: decision.by.clone() },
                None if commit == last => Finding::GateWaits { gate: name.clone() },
                None => Finding::GateNotApproved { gate: name.clone() },
            };
            check.add(finding, Place::commit(commit));
        }
        // The commit that the gate stands before, if the run has come to it.
        let behind = match gate {
            Gate::Plan => history.dataset.as_ref().map(|it| it.filed.commit),
            Gate::Spec => {
                history.specs.values().nth(at_gate(*gate).len()).map(|it| it.filed.commit).filter(|it| *it < last)
            }
            Gate::Unblind => history.unblinded,
            Gate::Publish => (outside.finished && at_gate(*gate).is_empty()).then_some(last),
        };
        let before = |commit: usize| at_gate(*gate).iter().any(|at| *at < commit);
        if let Some(commit) = behind.filter(|commit| *gate == Gate::Spec || !before(*commit)) {
            check.add(Finding::GateLeftOut { gate: name }, Place::commit(commit));
        }
    }
    check
}
