//! Values of arguments: words and numbers as typed, and what is said of those that cannot be read.

use causal::estimand::{Inference, OutcomeKind, Target};
use causal::estimator::EstimatorKind;
use causal::learner_kind::{Effort, LearnerKind};
use causal::learners::logistic::LogisticEngine;
use causal::simulate::Setup;

/// Why a value was refused. clap puts the argument's name before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// A word that the argument does not know.
    #[error("`{given}` is not {noun}; use {}", either(known))]
    UnknownWord {
        /// As typed.
        given: String,
        /// The kind of word that is wanted, with its article.
        noun: &'static str,
        /// The words that there are.
        known: Vec<&'static str>,
    },
    /// A count out of range.
    #[error("use a whole number from 1 to 1,000,000")]
    NotACount,
    /// A truth that is not written as `estimand=value`.
    #[error("`{0}` is not a truth; write the estimand and its value: ate=1.2")]
    NotATruth(String),
    /// A truth whose value is not a number.
    #[error("`{0}` is not a number; write ate=1.2")]
    NotANumber(String),
    /// A truth that is infinite, or not a number.
    #[error("a truth must be a finite number")]
    NotFinite,
}

/// The true effect for one estimand, where it is known, as with simulated data.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KnownEffect {
    /// The estimand.
    pub target: Target,
    /// The effect.
    pub value: f64,
}

/// `a, b or c`.
fn either(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// The value of a word, by its key.
pub(super) fn keyed<T: Copy>(
    text: &str,
    noun: &'static str,
    all: &[T],
    key: impl Fn(T) -> &'static str,
) -> Result<T, ValueError> {
    let found = all.iter().copied().find(|value| key(*value) == text.trim());
    let known = || all.iter().map(|value| key(*value)).collect();
    found.ok_or_else(|| ValueError::UnknownWord { given: text.to_owned(), noun, known: known() })
}

pub(super) fn setup(text: &str) -> Result<Setup, ValueError> {
    keyed(text, "a setup", &Setup::ALL, Setup::key)
}

pub(super) fn count(text: &str) -> Result<usize, ValueError> {
    text.parse().ok().filter(|n| (1..=1_000_000).contains(n)).ok_or(ValueError::NotACount)
}

pub(super) fn target(text: &str) -> Result<Target, ValueError> {
    let known = || Target::ALL.iter().map(|target| target.key()).collect();
    Target::parse(text).ok_or_else(|| ValueError::UnknownWord {
        given: text.to_owned(),
        noun: "an estimand",
        known: known(),
    })
}

pub(super) fn truth(text: &str) -> Result<KnownEffect, ValueError> {
    let (name, value) = text.split_once('=').ok_or_else(|| ValueError::NotATruth(text.to_owned()))?;
    let number: f64 = value.trim().parse().map_err(|_| ValueError::NotANumber(value.to_owned()))?;
    let number = Some(number).filter(|number| number.is_finite());
    Ok(KnownEffect { target: target(name.trim())?, value: number.ok_or(ValueError::NotFinite)? })
}

pub(super) fn estimator(text: &str) -> Result<EstimatorKind, ValueError> {
    keyed(text, "an estimator", &EstimatorKind::ALL, EstimatorKind::key)
}

pub(super) fn learner(text: &str) -> Result<LearnerKind, ValueError> {
    keyed(text, "a learner", &LearnerKind::ALL, LearnerKind::key)
}

pub(super) fn effort(text: &str) -> Result<Effort, ValueError> {
    keyed(text, "an effort", &Effort::ALL, Effort::key)
}

pub(super) fn inference(text: &str) -> Result<Inference, ValueError> {
    keyed(text, "a kind of inference", &[Inference::Population, Inference::Sample], Inference::key)
}

pub(super) fn engine(text: &str) -> Result<LogisticEngine, ValueError> {
    let key = |engine| match engine {
        LogisticEngine::Newton => "newton",
        LogisticEngine::Linfa => "linfa",
    };
    keyed(text, "an engine", &[LogisticEngine::Newton, LogisticEngine::Linfa], key)
}

pub(super) fn outcome_kind(text: &str) -> Result<OutcomeKind, ValueError> {
    let key = |kind| match kind {
        OutcomeKind::Continuous => "continuous",
        OutcomeKind::Binary => "binary",
    };
    keyed(text, "an outcome kind", &[OutcomeKind::Continuous, OutcomeKind::Binary], key)
}
