//! Gates: a run stops until a person has decided on what is on record.
//!
//! A gate is a step of its own, without files: it names the tree that is to be decided on. What a decision is about is that tree,
//! so an approval of other bytes opens nothing.

use super::driver::RunError;
use super::events::Observer;
use crate::plan::Gate;
use crate::store::{ArtifactStore, Decision, DecisionKind};
use crate::text::numbers::short_hash;

/// A gate that a run has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AtGate<'a> {
    /// The gate.
    pub gate: Gate,
    /// The tree that is to be decided on.
    pub tree: &'a str,
}

/// Why a run does not go through a gate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GateError {
    /// Nobody has decided.
    #[error("the run waits at the gate `{}` for a person's decision on tree {}", gate.key(), short_hash(tree))]
    Waiting {
        /// The gate.
        gate: Gate,
        /// The tree.
        tree: String,
    },
    /// Somebody decided against it.
    #[error("{by} rejected this run at the gate `{}`{}", gate.key(), because(reason))]
    Rejected {
        /// The gate.
        gate: Gate,
        /// Who.
        by: String,
        /// In their own words; may be empty.
        reason: String,
    },
    /// What was approved is not what is there.
    #[error(
        "{by} approved tree {} at the gate `{}`, and the run has come to tree {}",
        short_hash(approved), gate.key(), short_hash(tree)
    )]
    OtherTree {
        /// The gate.
        gate: Gate,
        /// Who.
        by: String,
        /// The tree that was approved.
        approved: String,
        /// The tree that is there.
        tree: String,
    },
}

fn because(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!(": {}", crate::text::escape::one_line(reason)) }
}

/// What the decisions on record say of a gate; the last one that is no comment counts.
///
/// # Errors
/// It is closed.
pub fn verdict(at: AtGate<'_>, decisions: &[Decision]) -> Result<(), GateError> {
    let AtGate { gate, tree } = at;
    let of_gate = |decision: &&Decision| decision.gate.as_deref() == Some(gate.key());
    let mut binding = decisions.iter().filter(of_gate).filter(|decision| decision.kind != DecisionKind::Comment);
    let Some(last) = binding.next_back() else { return Err(GateError::Waiting { gate, tree: tree.to_owned() }) };
    let by = last.by.clone();
    match last.kind {
        _ if last.tree != tree => {
            Err(GateError::OtherTree { gate, by, approved: last.tree.clone(), tree: tree.to_owned() })
        }
        DecisionKind::Rejected => Err(GateError::Rejected { gate, by, reason: last.reason.clone() }),
        DecisionKind::Approved | DecisionKind::Comment => Ok(()),
    }
}

/// Goes through the gate that the last step is, asking whoever is at the terminal if nobody has decided yet.
///
/// # Errors
/// [`RunError::Gate`] if it is closed; the store, if a decision cannot be recorded.
pub fn pass(gate: Gate, store: &mut dyn ArtifactStore, observer: &mut dyn Observer) -> Result<(), RunError> {
    let tree = store.tree_hash().unwrap_or_default();
    let at = AtGate { gate, tree: &tree };
    match verdict(at, &store.decisions()) {
        Err(waiting @ GateError::Waiting { .. }) => {
            let Some(decision) = observer.decide(at) else { return Err(waiting.into()) };
            store.decide(&decision)?;
            Ok(verdict(at, &store.decisions())?)
        }
        decided => Ok(decided?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decision(kind: DecisionKind, gate: &str, tree: &str) -> Decision {
        Decision {
            kind,
            gate: Some(gate.to_owned()),
            tree: tree.to_owned(),
            reason: "r".to_owned(),
            by: "Ada <a@b>".to_owned(),
            at: 0,
            commit: String::new(),
            signed: false,
        }
    }

    #[test]
    fn only_an_approval_of_this_gate_and_this_tree_opens_it() {
        use DecisionKind::{Approved, Comment, Rejected};
        let at = AtGate { gate: Gate::Unblind, tree: "t" };
        let waits = |of: &[Decision]| matches!(verdict(at, of), Err(GateError::Waiting { .. }));
        assert!(waits(&[]));
        assert!(waits(&[decision(Comment, "unblind", "t")]));
        assert!(waits(&[decision(Approved, "spec", "t")]));
        assert_eq!(verdict(at, &[decision(Approved, "unblind", "t")]), Ok(()));
        let other = verdict(at, &[decision(Approved, "unblind", "u")]);
        assert!(matches!(other, Err(GateError::OtherTree { .. })), "{other:?}");
        let rejected = [decision(Approved, "unblind", "t"), decision(Rejected, "unblind", "t")];
        assert!(matches!(verdict(at, &rejected), Err(GateError::Rejected { .. })));
        let after_all = [&rejected[..], &[decision(Approved, "unblind", "t")]].concat();
        assert_eq!(verdict(at, &after_all), Ok(()));
    }
}
