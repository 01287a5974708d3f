//! The difference of two runs in words, for a terminal: what decides first.

use crate::record::run_diff::{EffectChange, FindingChange, FindingState, RunDiff, ValueChange, Written};
use crate::text::escape::one_line;
use crate::text::lists::counted;
use crate::text::numbers::{fixed, significant};

/// The most lines of a part.
const MOST_LINES: usize = 40;
/// Characters of a value.
const LONGEST: usize = 72;

/// All parts that differ; one line if none does.
#[must_use]
pub fn run_diff(diff: &RunDiff) -> String {
    let title = format!("{} -> {}", one_line(&diff.first), one_line(&diff.second));
    if diff.same {
        return format!("{title}: no difference.\n");
    }
    let mut lines = vec![title];
    let (graded, moved): (Vec<&FindingChange>, Vec<&FindingChange>) =
        diff.findings.iter().partition(|change| severity(change.before.as_ref()) != severity(change.after.as_ref()));
    let mut part = |name: &str, told: Vec<String>| {
        if told.is_empty() {
            return;
        }
        lines.push(format!("\n{name}"));
        let left = told.len().saturating_sub(MOST_LINES);
        lines.extend(told.into_iter().take(MOST_LINES).map(|line| format!("  {}", one_line(&line))));
        if left > 0 {
            lines.push(format!("  and {left} more; --json has all of them"));
        }
    };
    part("Answers", diff.answers.iter().map(value).collect());
    part("Effects", diff.effects.iter().map(effect).collect());
    part("Findings that changed their grade", graded.into_iter().map(finding).collect());
    part("Findings with another value, in the same grade", moved.into_iter().map(finding).collect());
    part("Plan", diff.plan.iter().map(value).collect());
    part("Spec", diff.spec.iter().map(value).collect());
    part("Data, playbooks and program, by hash", diff.input.iter().map(value).collect());
    lines.join("\n") + "\n"
}

fn short(value: &Written) -> String {
    let text = match value {
        Written::Text(text) => text.clone(),
        Written::List(items) => items.join(", "),
    };
    if text.chars().count() <= LONGEST { text } else { text.chars().take(LONGEST).collect::<String>() + "…" }
}

fn value(change: &ValueChange) -> String {
    let path = &change.path;
    let long = |items: &[String]| items.iter().map(String::len).sum::<usize>() > LONGEST;
    match (&change.before, &change.after) {
        // Of two long lists, only what came and went.
        (Some(Written::List(before)), Some(Written::List(after))) if long(before) || long(after) => {
            list(path, before, after)
        }
        (Some(before), Some(after)) => format!("{path}: {} -> {}", short(before), short(after)),
        (Some(before), None) => format!("{path}: {} -> (not there)", short(before)),
        (None, Some(after)) => format!("{path}: (not there) -> {}", short(after)),
        (None, None) => path.clone(),
    }
}

fn list(path: &str, before: &[String], after: &[String]) -> String {
    let only = |from: &[String], to: &[String]| -> Vec<String> {
        from.iter().filter(|item| !to.contains(item)).cloned().collect()
    };
    let (gone, new) = (only(before, after), only(after, before));
    let told = |sign: char, items: &[String]| {
        if items.is_empty() {
            return String::new();
        }
        let more = items.len().saturating_sub(4);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!(" {sign} {}{more}", items.iter().take(4).cloned().collect::<Vec<_>>().join(", "))
    };
    if gone.is_empty() && new.is_empty() {
        return format!("{path}: {} in another order", counted(after.len(), "item"));
    }
    format!("{path}:{}{}", told('-', &gone), told('+', &new))
}

fn severity(state: Option<&FindingState>) -> Option<&'static str> {
    state.map(|state| state.severity.key())
}

fn finding(change: &FindingChange) -> String {
    let subject = change.subject.as_ref().map_or(String::new(), |subject| format!(" ({subject})"));
    let state = |state: Option<&FindingState>| match state {
        None => "not there".to_owned(),
        Some(FindingState { severity, value: Some(value), .. }) => {
            format!("{} {}", severity.key(), significant(*value, 3))
        }
        Some(FindingState { severity, value: None, .. }) => severity.key().to_owned(),
    };
    let (before, after) = (state(change.before.as_ref()), state(change.after.as_ref()));
    format!("{}: {}{subject}: {before} -> {after}", change.of, change.code)
}

fn effect(change: &EffectChange) -> String {
    let state = |state: &Option<crate::record::run_diff::EffectState>| match state {
        None => "none".to_owned(),
        Some(effect) => {
            format!("{} (se {})", significant(effect.estimate, 4), significant(effect.std_error, 3))
        }
    };
    let moved = change.moved.filter(|moved| moved.is_finite());
    let moved = moved.map_or(String::new(), |moved| {
        let sign = if moved >= 0.0 { "+" } else { "" };
        format!(", {sign}{} standard errors of the first", fixed(moved, 2))
    });
    let names = change.before.as_ref().zip(change.after.as_ref()).filter(|it| it.0.name != it.1.name);
    let other = names.map_or(String::new(), |it| format!(", not the same: {} -> {}", it.0.name, it.1.name));
    format!("{}: {} -> {}{moved}{other}", change.of, state(&change.before), state(&change.after))
}
