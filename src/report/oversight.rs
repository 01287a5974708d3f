//! What a person decides on a run, in words for a terminal.

use crate::record::oversight::{DecidedAs, PendingDecision, RecordedDecision};
use crate::text::dates::{Part, part_of};
use crate::text::escape::one_line;
use crate::text::lists::counted;
use crate::text::numbers::short_hash;
use crate::text::untrusted::visible;

const DAY: i64 = 86_400;

/// The day of a moment in seconds since 1970-01-01 UTC, as `2026-11-30`.
fn day(seconds: i64) -> String {
    // Days are few: they are exact as floats.
    let days = seconds.div_euclid(DAY) as f64;
    let part = |part| part_of(days, part);
    format!("{:04}-{:02}-{:02}", part(Part::Year), part(Part::Month), part(Part::Day))
}

/// A decision in a line.
fn line(decision: &RecordedDecision) -> String {
    let at = decision.gate.as_deref().map_or(String::new(), |gate| format!(" at the gate `{}`", one_line(gate)));
    let said = match decision.kind {
        DecidedAs::Approved => "approved",
        DecidedAs::Rejected => "rejected",
        DecidedAs::Comment => "commented on",
    };
    let signed = if decision.signed { ", signed" } else { "" };
    let reason = one_line(&decision.reason);
    let reason = if reason.is_empty() { reason } else { format!(": {reason}") };
    let when = day(decision.at);
    let (by, tree) = (one_line(&decision.by), short_hash(&decision.tree));
    visible(&format!("{when}  {by} {said} tree {tree}{at}{signed}{reason}"))
}

/// What a run waits with, the decisions before, and what changed since the last of them.
#[must_use]
pub fn review(run: &str, waiting: Option<&PendingDecision>, decisions: &[RecordedDecision], diff: &str) -> String {
    let mut out = match waiting {
        None => format!("{run} waits for nobody.\n"),
        Some(waiting) if waiting.rejected => {
            format!("{run} was rejected at the gate `{}`, on tree {}.\n", waiting.gate, short_hash(&waiting.tree))
        }
        Some(waiting) => {
            let tree = short_hash(&waiting.tree);
            format!(
                "{run} waits at the gate `{}`, on tree {tree}.\n\nAfter you have read what is below:\n  \
                 oci-agent approve {run} --tree {tree}\n  oci-agent reject {run} --tree {tree} --reason \"…\"\n",
                waiting.gate
            )
        }
    };
    if !decisions.is_empty() {
        out.push_str("\nDecisions so far:\n");
        decisions.iter().for_each(|decision| out.push_str(&format!("  {}\n", line(decision))));
    }
    if !diff.is_empty() {
        let binding = decisions.iter().any(|decision| decision.kind != DecidedAs::Comment);
        let since = if binding { "Since the last decision" } else { "Everything so far" };
        out.push_str(&format!("\n{since}:\n\n{}", visible(diff)));
    }
    out
}

/// A decision that was just recorded, or had been before.
#[must_use]
pub fn decided(decision: &RecordedDecision, run: &str, before: bool) -> String {
    let already = if before { "Already on record: " } else { "" };
    let next = match (decision.kind, decision.gate.as_deref()) {
        (DecidedAs::Approved, Some("publish")) => "The run may be published.".to_owned(),
        (DecidedAs::Approved, _) => {
            format!("The run goes on with the command that started it and `--resume`; its plan is {run}/plan.yaml.")
        }
        (DecidedAs::Rejected, _) => "The run does not go on, unless somebody approves it after all.".to_owned(),
        (DecidedAs::Comment, _) => "It decides nothing.".to_owned(),
    };
    format!("{already}{}\ncommit {}\n{next}\n", line(decision), short_hash(&decision.commit))
}

/// The runs that wait, those that have waited longest first. `now` is in seconds since 1970-01-01 UTC.
#[must_use]
pub fn queue(rows: &[PendingDecision], now: i64) -> String {
    if rows.is_empty() {
        return "No run waits for anybody.\n".to_owned();
    }
    let mut out = format!(
        "{} for a person:\n",
        if rows.len() == 1 { "1 run waits".to_owned() } else { format!("{} runs wait", rows.len()) }
    );
    for waiting in rows {
        let days = usize::try_from((now - waiting.since).div_euclid(DAY)).unwrap_or_default();
        let how_long = if days == 0 { "since today".to_owned() } else { format!("for {}", counted(days, "day")) };
        let state = if waiting.rejected { "rejected at" } else { "waits at" };
        let (tree, gate, run) = (short_hash(&waiting.tree), &waiting.gate, &waiting.run);
        out.push_str(&visible(&format!("  {run}  {state} `{gate}`, tree {tree}, {how_long}\n")));
    }
    out.push_str(&format!("Look at the first: oci-agent review {}\n", rows.first().map_or("", |row| row.run.as_str())));
    out
}
