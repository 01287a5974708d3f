//! Sentences about the part that language models took in a run: computed, and shared by page and terminal.

use crate::record::documents::{Conduct, ResultsDocument, RoleUsage};
use crate::record::model_review::GradeDisagreement;
use crate::report::sentences;
use crate::text::numbers;
use causal::estimand::Target;

/// The name of a role that no language model took.
const PLAYBOOK: &str = "playbook";

/// The origin of a verdict, for the reader of the verdict table.
#[must_use]
pub fn how_graded(results: &ResultsDocument) -> String {
    let end = "It grades the design of the comparison, not the size of the effect.";
    if results.critique.reviewed.as_ref().is_some_and(|reviewed| reviewed.opinion.is_some()) {
        return format!(
            "A verdict is the lower of two grades: one computed from the checks below by a fixed rubric, before and after \
             the effects were seen, and that of a language model, which can lower a verdict with a reason and never raise \
             one. {end}"
        );
    }
    format!(
        "A verdict is computed from the checks below by a fixed rubric, before and after the effects were seen. {end}"
    )
}

/// The words before and after the model's reason for a disagreement; without an end the reason is left out.
#[must_use]
pub fn disagreement(d: &GradeDisagreement) -> (String, Option<String>) {
    let (computed, model) = (sentences::tier(d.computed), sentences::tier(d.model));
    let (asked, verdict) = (d.requested.acronym(), sentences::tier(d.verdict));
    if d.model > d.computed {
        let said = format!(
            "The model graded the {asked} higher than the rubric ({model} against {computed}). The computed grade is a \
             cap, so the verdict stays {verdict}."
        );
        return (said, None);
    }
    let said =
        format!("The model graded the {asked} lower than the rubric ({model} against {computed}), for this reason:");
    (said, Some(format!("; the verdict is lowered to {verdict}.")))
}

/// That the verdict of an estimand is the model's and not the rubric's; `None` where it is not.
#[must_use]
pub fn lowered(results: &ResultsDocument, requested: Target) -> Option<String> {
    let reviewed = results.critique.reviewed.as_ref()?;
    let d = reviewed.disagreements.iter().find(|d| d.requested == requested && d.verdict < d.computed)?;
    Some(format!(
        "{}: the computed grade is {}; {} lowered it to {}, for the reason it gives below.",
        requested.acronym(),
        sentences::tier(d.computed),
        reviewed.by,
        sentences::tier(d.verdict)
    ))
}

/// `rubric: satisfactory with caveats, model: not satisfactory`
#[must_use]
pub fn both_grades(d: &GradeDisagreement) -> String {
    format!("rubric: {}, model: {}", sentences::tier(d.computed), sentences::tier(d.model))
}

/// That there is no opinion, and why.
#[must_use]
pub fn missing(why: &str) -> String {
    let why = why.trim().trim_end_matches('.');
    format!("The model gave no valid critique: {why}. The computed critique stands alone.")
}

/// That a budget ended the run.
#[must_use]
pub fn stopped(budget: &str) -> String {
    format!("{} What follows is what it had.", ended(budget))
}

/// The same without what follows.
#[must_use]
pub fn ended(budget: &str) -> String {
    format!("This run was ended by its budget: {}.", budget.trim().trim_end_matches('.'))
}

/// The number of figures in somebody's words that are not in the results.
#[must_use]
pub fn checked(figures: usize, flagged: usize) -> String {
    let count = numbers::count(figures);
    match (figures, flagged) {
        (0, _) => "There is no figure in these words.".to_owned(),
        (1, 0) => {
            "The one figure in these words is in results.json; whether it is used rightly was not checked.".to_owned()
        }
        (_, 0) => format!(
            "All {count} figures in these words are in results.json; whether each is used rightly was not checked."
        ),
        (1, 1) => "The one figure in these words is not in results.json:".to_owned(),
        (_, 1) => format!("Of the {count} figures in these words, 1 is not in results.json:"),
        (_, some) => {
            format!("Of the {count} figures in these words, {} are not in results.json:", numbers::count(some))
        }
    }
}

/// The roles that language models took, with what each used up: (role, by whom, usage).
#[must_use]
pub fn roles(conduct: &Conduct) -> Vec<(&'static str, &str, RoleUsage)> {
    let both = [
        ("actor", conduct.actor.as_str(), conduct.actor_usage),
        ("critic", conduct.critic.as_str(), conduct.critic_usage),
    ];
    both.into_iter().filter(|(_, by, used)| *by != PLAYBOOK || *used != RoleUsage::default()).collect()
}

/// The usage of actor and critic together.
#[must_use]
pub fn total(conduct: &Conduct) -> RoleUsage {
    let (a, c) = (conduct.actor_usage, conduct.critic_usage);
    RoleUsage {
        calls: a.calls.saturating_add(c.calls),
        tool_calls: a.tool_calls.saturating_add(c.tool_calls),
        repairs: a.repairs.saturating_add(c.repairs),
        input_tokens: a.input_tokens.saturating_add(c.input_tokens),
        output_tokens: a.output_tokens.saturating_add(c.output_tokens),
        cache_read_tokens: a.cache_read_tokens.saturating_add(c.cache_read_tokens),
        cache_write_tokens: a.cache_write_tokens.saturating_add(c.cache_write_tokens),
        reasoning_tokens: a.reasoning_tokens.saturating_add(c.reasoning_tokens),
        longest_input: a.longest_input.max(c.longest_input),
    }
}

/// `$0.12`, or `unknown: no price for …`.
#[must_use]
pub fn cost(conduct: &Conduct) -> String {
    match conduct.cost_usd {
        Some(dollars) if dollars > 0.0 && dollars < 0.095 => format!("${}", numbers::significant(dollars, 2)),
        Some(dollars) => format!("${}", numbers::fixed(dollars, 2)),
        None => {
            let mut models: Vec<&str> = roles(conduct).into_iter().map(|(_, by, _)| by).collect();
            models.dedup();
            format!("unknown: no price for {}", models.join(" or "))
        }
    }
}

/// `language models: 14 answers, 31,204 tokens in, 5,110 out, cost $0.12`
#[must_use]
pub fn usage(conduct: &Conduct) -> String {
    let used = total(conduct);
    let answers = if used.calls == 1 { "answer" } else { "answers" };
    format!(
        "language models: {} {answers}, {} tokens in, {} out, cost {}",
        tokens(u64::from(used.calls)),
        tokens(used.input_tokens),
        tokens(used.output_tokens),
        cost(conduct)
    )
}

/// A number of tokens: `31,204`.
#[must_use]
pub fn tokens(n: u64) -> String {
    numbers::count(usize::try_from(n).unwrap_or(usize::MAX))
}

/// The number of flagged figures of actor and critic together; `None` for zero.
#[must_use]
pub fn flagged(results: &ResultsDocument) -> Option<String> {
    let critic = results.critique.reviewed.as_ref().map_or(0, |reviewed| reviewed.flagged.len());
    match critic + results.conduct.as_ref().map_or(0, |conduct| conduct.flagged.len()) {
        0 => None,
        1 => Some("1 figure in the words of language models is not in results.json; the report shows it".to_owned()),
        n => Some(format!(
            "{} figures in the words of language models are not in results.json; the report shows each",
            numbers::count(n)
        )),
    }
}
