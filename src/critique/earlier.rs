//! Sentences about analyses that were unblinded before.

use crate::record::earlier::{LedgerAnswer, LedgerEntry};
use crate::text::numbers::significant;

/// `This is the third unblinded analysis of this outcome in these data.`
#[must_use]
pub fn count(analyses: usize) -> String {
    format!("This is the {} unblinded analysis of this outcome in these data.", ordinal(analyses))
}

/// The answers of one of them.
#[must_use]
pub fn answers(entry: &LedgerEntry) -> String {
    let told: Vec<String> = entry.answers.iter().map(answer).collect();
    format!("The one before, `{}`, branch {}, answered {}.", entry.run, entry.branch, told.join("; "))
}

fn answer(answer: &LedgerAnswer) -> String {
    let number = |value: f64| significant(value, 3);
    match (answer.estimate, answer.ci_lower, answer.ci_upper) {
        (Some(estimate), Some(lower), Some(upper)) => {
            format!("{} {} [{}, {}]", answer.name, number(estimate), number(lower), number(upper))
        }
        _ => format!("{}: no estimate", answer.name),
    }
}

fn ordinal(n: usize) -> String {
    const WORDS: [&str; 10] =
        ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"];
    let word = n.checked_sub(1).and_then(|i| WORDS.get(i));
    let ending = match (n % 100, n % 10) {
        (11..=13, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    };
    word.map_or_else(|| format!("{n}{ending}"), |word| (*word).to_owned())
}
