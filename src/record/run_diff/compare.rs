//! What is not the same in two states.

use super::snapshot::Snapshot;
use super::{EffectChange, FindingChange, RunDiff, ValueChange, Written};
use crate::finding::Severity;
use std::collections::{BTreeMap, BTreeSet};

/// Holds two states against each other.
#[must_use]
pub fn compare(first: (&str, &Snapshot), second: (&str, &Snapshot)) -> RunDiff {
    let ((first_name, a), (second_name, b)) = (first, second);
    let mut diff = RunDiff {
        first: first_name.to_owned(),
        second: second_name.to_owned(),
        same: false,
        plan: values(&a.plan, &b.plan),
        spec: values(&a.spec, &b.spec),
        input: values(&a.input, &b.input),
        findings: changed(&a.findings, &b.findings)
            .map(|(key, before, after)| FindingChange {
                of: key.0.clone(),
                code: key.1.clone(),
                subject: key.2.clone(),
                before: before.cloned(),
                after: after.cloned(),
            })
            .filter(is_seen)
            .collect(),
        answers: values(&a.answers, &b.answers)
            .into_iter()
            .filter(|change| !(a.is_iteration || b.is_iteration) || change.before.is_some() && change.after.is_some())
            .collect(),
        effects: changed(&a.effects, &b.effects)
            .map(|(of, before, after)| EffectChange {
                of: of.clone(),
                before: before.cloned(),
                after: after.cloned(),
                moved: before
                    .zip(after)
                    .filter(|it| it.0.name == it.1.name && it.0.std_error > 0.0)
                    .map(|it| (it.1.estimate - it.0.estimate) / it.0.std_error),
            })
            .collect(),
    };
    diff.same = diff.plan.is_empty()
        && diff.spec.is_empty()
        && diff.input.is_empty()
        && diff.findings.is_empty()
        && diff.answers.is_empty()
        && diff.effects.is_empty();
    diff
}

/// A check that passes, or says nothing, in one state and is not made in the other is no difference.
fn is_seen(change: &FindingChange) -> bool {
    let silent = |state: &super::FindingState| state.severity < Severity::Warn;
    match (&change.before, &change.after) {
        (Some(only), None) | (None, Some(only)) => !silent(only),
        // What the loop withholds while it is blind changes by being told.
        (Some(before), Some(after)) if [before.severity, after.severity].contains(&Severity::Withheld) => false,
        (Some(before), Some(after)) => before.severity != after.severity || before.value != after.value,
        (None, None) => false,
    }
}

/// An entry that is not the same: its key, and what the two states have.
type Changed<'a, K, V> = (&'a K, Option<&'a V>, Option<&'a V>);

fn changed<'a, K: Ord, V: PartialEq>(
    a: &'a BTreeMap<K, V>,
    b: &'a BTreeMap<K, V>,
) -> impl Iterator<Item = Changed<'a, K, V>> {
    let keys: BTreeSet<&K> = a.keys().chain(b.keys()).collect();
    keys.into_iter().map(|key| (key, a.get(key), b.get(key))).filter(|it| it.1 != it.2)
}

fn values(a: &BTreeMap<String, Written>, b: &BTreeMap<String, Written>) -> Vec<ValueChange> {
    changed(a, b)
        .map(|(path, before, after)| ValueChange { path: path.clone(), before: before.cloned(), after: after.cloned() })
        .collect()
}
