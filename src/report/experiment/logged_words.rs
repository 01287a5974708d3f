//! What a log of decisions says, in sentences for report and terminal.

use super::shown;
use crate::finding::Severity;
use crate::record::experiment::{Estimate, ExperimentResults};
use crate::record::logged_actions::{
    AllStepsRow, LoggedAnswers, LoggedAudit, LoggedCheck, LoggedCode, LoggedRefusal, PolicyRow, ScoreRow, StepRow,
    Tested,
};
use crate::report::sentences;
use crate::text::lists::counted;
use crate::text::numbers;

/// The subject of a check.
#[must_use]
pub fn check(code: LoggedCode) -> &'static str {
    match code {
        LoggedCode::Chances => "logged chances",
        LoggedCode::Support => "actions without support",
        LoggedCode::PolicyWeights => "weights of a policy",
        LoggedCode::EffectiveUnits => "effective units",
        LoggedCode::Coins => "coin of a step",
        LoggedCode::IndependentCoins => "independent coins",
    }
}

/// The checks, each with the policy or step that it is about.
#[must_use]
pub fn checks(audit: &LoggedAudit) -> Vec<(Option<&str>, &LoggedCheck)> {
    let whole = audit.checks.iter().map(|check| (None, check));
    let policies = audit.policies.iter().flat_map(|it| it.checks.iter().map(|check| (Some(it.policy.as_str()), check)));
    let steps = audit.steps.iter().flat_map(|it| it.checks.iter().map(|check| (Some(it.step.as_str()), check)));
    whole.chain(policies).chain(steps).collect()
}

/// How many decisions there are, whose they are, and which take no part.
#[must_use]
pub fn whose(audit: &LoggedAudit) -> Vec<String> {
    let arms = audit.by_arm.iter().filter(|(_, decisions)| *decisions > 0);
    let arms: Vec<String> = match arms.clone().count() {
        1 => arms.map(|(arm, _)| format!("all in `{arm}`")).collect(),
        _ => arms.map(|(arm, decisions)| format!("{} in `{arm}`", numbers::count(*decisions))).collect(),
    };
    let units = counted(audit.units, "unit");
    let clusters = if audit.independent < audit.units {
        format!(", in {} that are taken for independent", counted(audit.independent, "cluster"))
    } else {
        String::new()
    };
    let decisions = counted(audit.decisions, "decision");
    let mut lines = vec![format!("{decisions} of {units}{clusters}: {}.", crate::text::lists::listed(&arms))];
    for (rows, of) in
        [(audit.not_assigned, "that were never assigned"), (audit.of_filtered_units, "that `data.filter` leaves out")]
    {
        if rows > 0 {
            lines.push(format!(
                "{} of units {of} {} no part.",
                counted(rows, "decision"),
                if rows == 1 { "takes" } else { "take" }
            ));
        }
    }
    for (column, filled) in &audit.covariate_values_filled {
        lines.push(format!(
            "{} of the covariate `{column}` were set to 0 beside an indicator.",
            counted(*filled, "missing value")
        ));
    }
    lines
}

/// Checks that failed or warned.
#[must_use]
pub fn doubts(audit: &LoggedAudit) -> Vec<String> {
    let bad = checks(audit).into_iter().filter(|(_, check)| matches!(check.severity, Severity::Warn | Severity::Fail));
    bad.map(|(owner, check)| {
        let sign = if check.severity == Severity::Fail { "Fails" } else { "Warning" };
        let owner = owner.map_or(String::new(), |owner| format!(" `{owner}`:"));
        format!("{sign}:{owner} {}", sentences::sentence(&check.message))
    })
    .collect()
}

/// What is assumed of the log.
#[must_use]
pub fn assumed(audit: &LoggedAudit) -> String {
    let several = if audit.decisions > audit.units {
        " Where a unit has several decisions, a value is that of one of them, the others as they were."
    } else {
        ""
    };
    format!(
        "It is assumed that nothing but the logged chances drew actions and steps, and that what came of a decision depends on its own action and steps alone.{several} The answers are about decisions like the logged ones, by the units that made them."
    )
}

/// Up, down or open at a level, by Holm's p-value where there is one.
fn direction(found: &Tested, alpha: f64) -> f64 {
    let p = found.holm.unwrap_or(found.p_value);
    if p < alpha { found.effect.estimate.signum() } else { 0.0 }
}

fn size(effect: &Estimate) -> String {
    let [low, high] = if effect.estimate < 0.0 { [-effect.upper, -effect.lower] } else { [effect.lower, effect.upper] };
    numbers::interval(effect.estimate.abs(), effect.std_error, low, high)
}

/// Values, credits and where scores disagree with them; no more than one sentence each.
#[must_use]
pub fn told(answers: &LoggedAnswers, alpha: f64) -> Vec<String> {
    let mean = shown::absolute(&answers.logged);
    let mut lines = vec![format!("The log's own mean of `{}` is {mean}.", answers.reward)];
    lines.extend(answers.policies.iter().map(|row| policy(row, &answers.reward, alpha)));
    lines.extend(answers.steps.iter().map(|row| step(row, &answers.reward, alpha)));
    lines.extend(answers.all_steps.iter().map(|row| all_steps(row, &answers.reward, alpha)));
    let policies = answers.policies.iter().map(|row| (format!("the policy `{}`", row.policy), &row.gain, &row.scores));
    let steps = answers.steps.iter().map(|row| (format!("the step `{}`", row.step), &row.credit, &row.scores));
    for (subject, answer, scores) in policies.chain(steps) {
        lines.extend(scores.iter().filter_map(|score| disagrees(&subject, answer, score, (&answers.reward, alpha))));
    }
    lines
}

fn policy(row: &PolicyRow, reward: &str, alpha: f64) -> String {
    let value = shown::value(row.value.estimate, row.value.std_error);
    let name = &row.policy;
    match direction(&row.gain, alpha) {
        0.0 => format!(
            "Whether the policy `{name}` would raise or lower `{reward}` is open: {} against the log, to {value}.",
            shown::absolute(&row.gain.effect)
        ),
        up => {
            let verb = if up > 0.0 { "raise" } else { "lower" };
            format!(
                "The policy `{name}` would {verb} `{reward}` by {} against the log, to {value}.",
                size(&row.gain.effect)
            )
        }
    }
}

fn step(row: &StepRow, reward: &str, alpha: f64) -> String {
    let name = &row.step;
    match direction(&row.credit, alpha) {
        0.0 => format!(
            "Whether the step `{name}` raises or lowers `{reward}` is open: {}.",
            shown::absolute(&row.credit.effect)
        ),
        up => {
            let verb = if up > 0.0 { "raises" } else { "lowers" };
            format!("The step `{name}` {verb} `{reward}` by {}, the other steps as logged.", size(&row.credit.effect))
        }
    }
}

fn all_steps(row: &AllStepsRow, reward: &str, alpha: f64) -> String {
    let left = shown::absolute(&row.left_over.effect);
    let rest = match direction(&row.left_over, alpha) {
        0.0 => format!("beyond the sum of the credits, {left} is left over, which may be chance"),
        _ => format!("{left} of it is more than the sum of the credits: steps that do together what none does alone"),
    };
    format!("All steps on against all off changes `{reward}` by {}; {rest}.", shown::absolute(&row.effect.effect))
}

/// A score that moves where the reward is open or moves the other way, or the reverse.
fn disagrees(subject: &str, answer: &Tested, score: &ScoreRow, of: (&str, f64)) -> Option<String> {
    let (reward, alpha) = of;
    let [causal, scored] = [direction(answer, alpha), direction(&score.difference, alpha)];
    if causal == scored {
        return None;
    }
    let says = |direction: f64, effect: &Estimate| match direction {
        0.0 => "may rise or fall".to_owned(),
        up if up > 0.0 => format!("rises by {}", size(effect)),
        _ => format!("falls by {}", size(effect)),
    };
    let name = &score.score;
    Some(format!(
        "Score and reward disagree on {subject}: `{name}` {}, while `{reward}` {}.",
        says(scored, &score.difference.effect),
        says(causal, &answer.effect)
    ))
}

/// Something that is not given, and why.
#[must_use]
pub fn refusal(refused: &LoggedRefusal) -> String {
    format!("`{}`, from the log of decisions: {}.", refused.asked, refused.reason.trim_end_matches('.'))
}

/// What is not given from the log.
#[must_use]
pub fn refusals(results: &ExperimentResults) -> Vec<String> {
    results.logged_answers.iter().flat_map(|answers| &answers.refused).map(refusal).collect()
}
