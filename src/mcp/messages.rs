//! Messages to a host beside the answers of tools.

use crate::agent::driver::{Outcome, RunError};
use crate::record::documents::Answer;
use crate::tools::privacy::Privacy;
use std::fmt::Write as _;

/// The longest account of a failure, characters.
const LONGEST: usize = 2_000;

/// The task, which goes with the first answer.
pub(super) fn task(brief: &str) -> String {
    format!("This is the task, with everything that is known.\n\n{brief}")
}

/// A tool's answer. `hurry`: the loop will not listen much longer.
pub(super) fn tool_result(content: &str, hurry: bool) -> String {
    if hurry {
        format!("{content}\n\nThe loop has answered many calls, and now waits for `propose_spec`.")
    } else {
        content.to_owned()
    }
}

/// A refusal, and how many of them in a row the plan bears.
pub(super) fn refused(content: &str, in_a_row: u32, repairs: u32) -> String {
    if in_a_row < repairs {
        return content.to_owned();
    }
    format!(
        "{content}\n\nThis is refused call {in_a_row} in a row; one more, and the loop goes on without a proposal \
         (`budget.repairs` of the plan is {repairs})."
    )
}

/// A call that ended a conversation, and the brief of the next one.
pub(super) fn taken(call: &str, news: &[String], brief: &str) -> String {
    if news.is_empty() && call == "propose_spec" {
        format!("The proposal was taken, and its design was run.\n\n{brief}")
    } else if news.is_empty() {
        format!("The loop went on without a proposal.\n\n{brief}")
    } else {
        format!("The loop went on without a proposal: {}\n\n{brief}", news.join(" "))
    }
}

/// The end of the loop: the verdict on every estimand, and where the report is.
pub(super) fn settled(outcome: &Outcome, news: &[String], out: &str, privacy: &Privacy) -> String {
    let mut text = "The loop has settled and the effects were computed; all of it is on record.\n".to_owned();
    for what in news {
        let _ = writeln!(text, "{}", privacy.outward(what));
    }
    for answer in &outcome.results.answers {
        let _ = writeln!(text, "- {}", privacy.outward(&verdict(answer, &outcome.results.units)));
    }
    let accepted = if outcome.accepted {
        "Accepted: every estimand got at least satisfactory_with_caveats."
    } else {
        "Not accepted; the report says why, and what would help."
    };
    let _ = write!(
        text,
        "{accepted}\nThe report is {out}/report.md. From now on `estimate` and `check_sensitivity` answer, and the tools \
         that look at the design still do."
    );
    text
}

fn verdict(answer: &Answer, units: &str) -> String {
    let name = format!("{} ({}): {}", answer.requested.acronym(), answer.name, answer.tier.key());
    match &answer.effect {
        Some(effect) => format!(
            "{name}; {:.4} {units}, 95 % interval {:.4} to {:.4}",
            effect.estimate, effect.ci_lower, effect.ci_upper
        ),
        None if answer.missing.is_empty() => format!("{name}; no estimate"),
        None => format!("{name}; no estimate: {}", answer.missing.join("; ")),
    }
}

/// A tool that would change a spec, once there is nothing left to change.
pub(super) fn finished(tool: &str) -> String {
    format!(
        "`{tool}` belongs to the loop, and the run is finished: its answers are known, so nothing may be changed any more. \
         Read them with `estimate`."
    )
}

/// Why the run ended early.
pub(super) fn failed(error: &RunError, privacy: &Privacy) -> String {
    let why = privacy.plain(&error.to_string(), LONGEST);
    format!(
        "The run has stopped: {why}. No effect was computed, and what was recorded stays. The next call goes on with it."
    )
}
