//! The columns on which the balance of a design is judged.
//!
//! They are the same for every design of one plan, so that designs can be compared: each confounder's own terms, and the
//! squares and products of the numeric priority confounders about their means. The other terms of an analysis come after
//! them, with the priority of the confounders in them; its squares and products that are measured about their means anyway
//! are listed without priority.

use super::prepare::Prepared;
use crate::spec::{Analysis, AnalysisSpec, TermGroup, canonical};
use crate::term::{Factor, Term};
use causal::diagnose::balance::BalanceTerm;
use std::collections::BTreeSet;

/// The most squares and products that are measured; of more only the squares. It is those of 14 numeric priority confounders,
/// and about the time that the other terms of a design take.
const MOST_SECOND_MOMENTS: usize = 120;

/// Terms of a balance table.
pub(super) struct BalanceColumns {
    /// The terms, each once.
    pub terms: Vec<Term>,
    /// Whom each belongs to, in the order of `terms`.
    pub labels: Vec<BalanceTerm>,
    /// Squares and products to measure, as indices into `terms`.
    pub pairs: Vec<[usize; 2]>,
}

impl BalanceColumns {
    pub(super) fn new(prepared: &Prepared, spec: &AnalysisSpec, analysis: &Analysis) -> Self {
        let mut columns = Self { terms: Vec::new(), labels: Vec::new(), pairs: Vec::new() };
        for group in &spec.confounders {
            for term in own_terms(prepared, group) {
                columns.push(term, &group.confounder, group.priority);
            }
        }
        let binary = prepared.binary_columns();
        columns.pairs = columns.second_moments(&binary);
        let measured: BTreeSet<Term> = columns.pairs.iter().map(|pair| columns.product(*pair)).collect();
        for term in analysis.terms.iter().filter(|t| !spec.confounders.iter().any(|g| g.terms.contains(t))) {
            let of_priority = |column: &str| spec.confounders.iter().any(|g| g.priority && g.confounder == column);
            let priority = term.columns().into_iter().any(of_priority) && !measured.contains(&canonical(term));
            let confounder = term.columns().first().map(|c| (*c).to_owned()).unwrap_or_default();
            columns.push(term.clone(), &confounder, priority);
        }
        columns
    }

    fn push(&mut self, term: Term, confounder: &str, priority: bool) {
        self.labels.push(BalanceTerm { column: self.terms.len(), confounder: confounder.to_owned(), priority });
        self.terms.push(term);
    }

    /// The numeric priority terms squared, unless they have two values, and their products.
    fn second_moments(&self, binary: &BTreeSet<String>) -> Vec<[usize; 2]> {
        let numeric = |term: &Term| match term.factors.as_slice() {
            [Factor::Power { column, exponent: 1 }] => Some(column.clone()),
            _ => None,
        };
        let priority = self.labels.iter().filter(|label| label.priority).map(|label| label.column);
        let numeric: Vec<(usize, String)> =
            priority.filter_map(|at| Some((at, self.terms.get(at).and_then(numeric)?))).collect();
        let squares: Vec<[usize; 2]> =
            numeric.iter().filter(|(_, column)| !binary.contains(column)).map(|(at, _)| [*at, *at]).collect();
        let later = |i: usize| numeric.iter().skip(i + 1).map(|(second, _)| *second);
        let products =
            numeric.iter().enumerate().flat_map(|(i, (first, _))| later(i).map(move |second| [*first, second]));
        let all: Vec<[usize; 2]> = squares.iter().copied().chain(products).collect();
        if all.len() > MOST_SECOND_MOMENTS { squares } else { all }
    }

    /// The design term that a pair is about its means.
    fn product(&self, pair: [usize; 2]) -> Term {
        let factors = pair.iter().filter_map(|at| self.terms.get(*at)).flat_map(|term| term.factors.clone());
        canonical(&Term { factors: factors.collect() })
    }
}

/// The terms on which a confounder is judged: its column, or every level of a category. The models leave the reference
/// level out because it says nothing new there; for balance it does, and the grade must not depend on its choice.
pub(super) fn own_terms(prepared: &Prepared, group: &TermGroup) -> Vec<Term> {
    let info = prepared.document.columns.iter().find(|column| column.name == group.confounder);
    let reference = info.filter(|info| info.levels.len() > 2).and_then(|info| info.levels.first());
    let reference = reference.map(|level| Term::level(&group.confounder, level));
    reference.into_iter().filter(|term| !group.terms.contains(term)).chain(group.terms.iter().cloned()).collect()
}
