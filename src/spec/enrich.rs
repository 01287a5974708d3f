//! Richer propensity terms: squares and products of what must balance.

use super::{Analysis, TermGroup};
use crate::term::{Factor, Term};
use causal::learner_kind::LearnerKind;
use std::collections::{BTreeMap, BTreeSet};

/// The terms that the playbook change `enrich_terms` adds to an analysis, in a fixed order and without anything it already has:
///
/// 1. the square of every priority term that is a numeric column, unless the column is in `binary`;
/// 2. the product of every pair of priority terms of *different* confounders (two levels of one category never occur
///    together, so their product would be zero).
///
/// `groups` are the spec's confounders; `binary` names the numeric columns with two distinct values, whose squares are
/// the columns again up to a linear map. Empty if there is nothing to add, and where the propensity is by a learner that
/// finds curves and products by itself.
#[must_use]
pub fn enrich_terms(analysis: &Analysis, groups: &[TermGroup], binary: &BTreeSet<String>) -> Vec<Term> {
    if !matches!(analysis.models.propensity, LearnerKind::Linear | LearnerKind::ElasticNet) {
        return Vec::new();
    }
    let mut seen: BTreeSet<Term> = analysis.terms.iter().map(canonical).collect();
    let priority: Vec<&TermGroup> = groups.iter().filter(|group| group.priority).collect();
    let squares = priority.iter().flat_map(|group| &group.terms).filter_map(|term| square(term, binary));
    let products = priority.iter().enumerate().flat_map(|(i, first)| {
        let later = priority.iter().skip(i + 1).flat_map(|second| &second.terms);
        first.terms.iter().flat_map(move |a| later.clone().map(move |b| product(a, b)))
    });
    let candidates: Vec<Term> = squares.chain(products).collect();
    candidates.into_iter().filter(|term| seen.insert(canonical(term))).collect()
}

/// The square of a column; indicators and binary columns have none worth adding.
fn square(term: &Term, binary: &BTreeSet<String>) -> Option<Term> {
    match term.factors.as_slice() {
        // Up to 4, since a term knows powers up to 9.
        [Factor::Power { column, exponent: exponent @ 1..=4 }] if !binary.contains(column) => {
            Some(Term { factors: vec![Factor::Power { column: column.clone(), exponent: 2 * exponent }] })
        }
        _ => None,
    }
}

fn product(a: &Term, b: &Term) -> Term {
    Term { factors: a.factors.iter().chain(&b.factors).cloned().collect() }
}

/// The same design column written in one way: factors sorted, powers of one column added up, repeated indicators
/// once. Two terms with the same canonical form are the same column of the design matrix.
#[must_use]
pub fn canonical(term: &Term) -> Term {
    let mut powers: BTreeMap<&str, u32> = BTreeMap::new();
    let mut indicators: BTreeSet<&Factor> = BTreeSet::new();
    for factor in &term.factors {
        match factor {
            Factor::Power { column, exponent } => *powers.entry(column).or_default() += exponent,
            Factor::Equals { .. } => drop(indicators.insert(factor)),
        }
    }
    let powers = powers.into_iter().map(|(column, exponent)| Factor::Power { column: column.to_owned(), exponent });
    Term { factors: powers.chain(indicators.into_iter().cloned()).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use causal::estimand::{Population, Target};
    use causal::estimator::EstimatorKind;
    use causal::estimator::NuisanceModels;

    fn term(text: &str) -> Term {
        Term::parse(text).expect(text)
    }

    fn group(confounder: &str, priority: bool, terms: &[&str]) -> TermGroup {
        TermGroup { confounder: confounder.to_owned(), priority, terms: terms.iter().map(|t| term(t)).collect() }
    }

    fn analysis(terms: &[&str]) -> Analysis {
        Analysis {
            requested: Target::Ate,
            target: Target::Ate,
            population: Population::All,
            terms: terms.iter().map(|t| term(t)).collect(),
            estimators: vec![EstimatorKind::Aipw],
            primary: EstimatorKind::Aipw,
            because: "test".to_owned(),
            models: NuisanceModels::default(),
        }
    }

    fn texts(terms: &[Term]) -> Vec<String> {
        terms.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn squares_then_products_of_priority_terms_only() {
        let groups = [
            group("age", true, &["age"]),
            group("sex", true, &["sex"]),
            group("edu", true, &["edu == 2", "edu == 3"]),
            group("wt", false, &["wt"]),
        ];
        let now = analysis(&["age", "sex", "edu == 2", "edu == 3", "wt", "sex * age"]);
        let added = enrich_terms(&now, &groups, &BTreeSet::from(["sex".to_owned()]));
        let expected = ["age^2", "age * edu == 2", "age * edu == 3", "sex * edu == 2", "sex * edu == 3"];
        assert_eq!(texts(&added), expected);
    }

    #[test]
    fn a_second_time_there_is_nothing_left_to_add() {
        let groups = [group("a", true, &["a"]), group("b", true, &["b"])];
        let mut now = analysis(&["a", "b", "b * a"]);
        let added = enrich_terms(&now, &groups, &BTreeSet::new());
        assert_eq!(texts(&added), ["a^2", "b^2"]);
        now.terms.extend(added);
        assert!(enrich_terms(&now, &groups, &BTreeSet::new()).is_empty());
    }

    #[test]
    fn one_canonical_form_per_column_of_the_design() {
        for (a, b) in [("a * b", "b * a"), ("a * a", "a^2"), ("a^2 * a", "a^3"), ("x == 1 * a * x == 1", "a * x == 1")]
        {
            assert_eq!(canonical(&term(a)), canonical(&term(b)), "{a}, {b}");
        }
        assert_ne!(canonical(&term("a^2")), canonical(&term("a")));
    }
}
