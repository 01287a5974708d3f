//! The application of a change to an analysis: the new analysis, and a sentence for the record.

use super::Change;
use crate::spec::Analysis;
use crate::term::Term;
use causal::estimand::{Population, TrimRule};

/// The most new terms that a revision's sentence lists; more are counted.
const LISTED_TERMS: usize = 8;

/// The changed analysis and a sentence, or `None` if the change changes nothing.
#[must_use]
pub fn apply(change: &Change, base: &Analysis, enrich: &dyn Fn(&Analysis) -> Vec<Term>) -> Option<(Analysis, String)> {
    let (analysis, sentence) = match change {
        Change::None => return None,
        Change::Trim { trim } => {
            let population = Population::Trimmed { trim: *trim };
            (Analysis { population, ..base.clone() }, trim_sentence(*trim, base.population))
        }
        Change::SwitchTarget { target } if *target == base.target => return None,
        Change::SwitchTarget { target } => {
            let sentence = format!(
                "The target is the {} instead of the {}, among every analysed row.",
                target.acronym(),
                base.estimand().name()
            );
            (Analysis { target: *target, population: Population::All, ..base.clone() }, sentence)
        }
        Change::EnrichTerms => return add_terms(enrich(base), base),
    };
    (analysis != *base).then_some((analysis, sentence))
}

/// The analysis with terms added that it does not have yet, and a sentence; `None` if it has them all.
#[must_use]
pub fn add_terms(terms: Vec<Term>, base: &Analysis) -> Option<(Analysis, String)> {
    let added: Vec<Term> = terms.into_iter().filter(|term| !base.terms.contains(term)).collect();
    let sentence = added_sentence(&added);
    let terms = base.terms.iter().cloned().chain(added).collect();
    let analysis = Analysis { terms, ..base.clone() };
    (analysis != *base).then_some((analysis, sentence))
}

fn trim_sentence(trim: TrimRule, before: Population) -> String {
    let kept = match trim {
        TrimRule::Fixed { alpha } => {
            format!("Only rows with a propensity from {alpha} to {} are kept", short(1.0 - alpha))
        }
        TrimRule::CrumpOptimal => {
            "Only rows with a propensity from α* to 1 − α* are kept, with α* from Crump's variance bound".to_owned()
        }
    };
    let instead = if matches!(before, Population::Trimmed { .. }) { " (instead of the earlier trimming)" } else { "" };
    format!("{kept}{instead}, and the models are refitted on them.")
}

/// A threshold as it would be written by hand: 1 − 0.07 is 0.93, not 0.9299999999999999.
fn short(value: f64) -> String {
    format!("{value:.6}").trim_end_matches('0').to_owned()
}

fn added_sentence(added: &[Term]) -> String {
    let names: Vec<String> = added.iter().take(LISTED_TERMS).map(|term| format!("`{term}`")).collect();
    let more = added.len().saturating_sub(LISTED_TERMS);
    let tail = if more > 0 { format!(" and {more} more") } else { String::new() };
    let count = if added.len() == 1 { "1 term is".to_owned() } else { format!("{} terms are", added.len()) };
    format!("{count} added to the models: {}{tail}.", names.join(", "))
}
