//! The estimates that a threshold on one diagnostic keeps and refuses, and the threshold that one half of the cases chooses.
//!
//! The candidates are the rubric's own thresholds and quantiles of the choosing half. The rule: of the candidates that
//! keep at least [`KEEP`] of the choosing half, the one with the smallest RMSE of what it keeps, held against keeping
//! everything; on a tie, the one that keeps more. The other half has no say in it and shows whether it holds.

use super::case::{Case, Half};
use super::diagnostics::{Bound, Crossing, Diagnostic, Worse};
use crate::score::measures::{Error, Measures};
use causal::numerics::quantile;
use std::fmt;

/// The least share of the choosing half that a chosen threshold keeps.
pub const KEEP: f64 = 0.8;

/// Shares of the choosing half that the quantile candidates keep.
const KEPT: [f64; 7] = [0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95];

/// The effect of a threshold on one half.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cut {
    /// Share kept of the estimates that have the diagnostic.
    pub share: Option<f64>,
    /// Measures of the kept.
    pub kept: Measures,
    /// Measures of the refused.
    pub refused: Measures,
}

/// The origin of a candidate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Basis {
    /// The rubric has it now.
    Now(Crossing),
    /// It was made to keep this share of the choosing half.
    Keeps(f64),
}

impl fmt::Display for Basis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Basis::Now(crossing) => write!(f, "now {}", crossing.key()),
            Basis::Keeps(share) => write!(f, "keeps {:.0} %", 100.0 * share),
        }
    }
}

/// A candidate.
#[derive(Debug, Clone, PartialEq)]
pub struct Threshold {
    /// The number.
    pub at: f64,
    /// Its origin.
    pub basis: Basis,
    /// Its effect on the choosing half, and on the other.
    pub cuts: [Cut; 2],
}

/// All candidates of one diagnostic in one group of cases.
#[derive(Debug, Clone, PartialEq)]
pub struct Thresholds {
    /// Keeping everything.
    pub everything: [Cut; 2],
    /// From the strictest.
    pub candidates: Vec<Threshold>,
    /// Position of the chosen one; `None`: the choosing half would rather keep everything.
    pub chosen: Option<usize>,
}

impl Thresholds {
    /// The candidates on cases of one estimand; those without an estimate or without the diagnostic take no part. `None` if
    /// none has it. `now` are the rubric's own thresholds.
    #[must_use]
    pub fn for_diagnostic(diagnostic: &Diagnostic, now: &[Bound], cases: &[&Case]) -> Option<Thresholds> {
        let value = |case: &Case| {
            Some(Measured { half: case.half, value: *case.values.get(diagnostic.key)?, error: case.error? })
        };
        let measured: Vec<Measured> = cases.iter().filter_map(|case| value(case)).collect();
        if measured.is_empty() {
            return None;
        }
        let candidates = grid(diagnostic, now, &measured).into_iter().map(|Candidate { at, basis }| Threshold {
            cuts: Half::ALL.map(|half| cut(&measured, half, |value| diagnostic.keeps(value, at))),
            at,
            basis,
        });
        let candidates: Vec<Threshold> = candidates.collect();
        let everything = Half::ALL.map(|half| cut(&measured, half, |_| true));
        let chosen = choose(&everything, &candidates);
        Some(Thresholds { everything, candidates, chosen })
    }

    /// The chosen candidate.
    #[must_use]
    pub fn chosen(&self) -> Option<&Threshold> {
        self.candidates.get(self.chosen?)
    }
}

/// A case that has an estimate and the diagnostic.
struct Measured {
    half: Half,
    value: f64,
    error: Error,
}

/// A threshold that nothing was cut with yet.
struct Candidate {
    at: f64,
    basis: Basis,
}

/// From the strictest, each number once; a threshold of the rubric goes before a quantile.
fn grid(diagnostic: &Diagnostic, now: &[Bound], measured: &[Measured]) -> Vec<Candidate> {
    let choosing: Vec<f64> = measured.iter().filter(|m| m.half == Half::Choose).map(|m| m.value).collect();
    let mut grid: Vec<Candidate> =
        now.iter().map(|bound| Candidate { at: bound.at, basis: Basis::Now(bound.crossing) }).collect();
    for share in KEPT {
        let p = if diagnostic.worse == Worse::High { share } else { 1.0 - share };
        let at = quantile::quantiles(&choosing, &[p]).and_then(|found| found.first().copied());
        // Quantiles are rounded so that they can be written down and used as they are.
        let at = at.and_then(|at| format!("{at:.3e}").parse::<f64>().ok());
        grid.extend(at.map(|at| Candidate { at, basis: Basis::Keeps(share) }));
    }
    grid.sort_by(|a, b| diagnostic.risk(a.at).total_cmp(&diagnostic.risk(b.at)));
    grid.dedup_by(|later, first| {
        let same = later.at == first.at;
        if same && matches!(later.basis, Basis::Now(_)) {
            first.basis = later.basis;
        }
        same
    });
    grid
}

fn cut(measured: &[Measured], half: Half, keeps: impl Fn(f64) -> bool) -> Cut {
    let side = |kept: bool| -> Vec<Option<Error>> {
        measured.iter().filter(|m| m.half == half && keeps(m.value) == kept).map(|m| Some(m.error)).collect()
    };
    let (kept, refused) = (side(true), side(false));
    let all = kept.len() + refused.len();
    let kept_measures = Measures::from_group(&kept, all);
    Cut { share: kept_measures.share, kept: kept_measures, refused: Measures::from_group(&refused, all) }
}

fn choose(everything: &[Cut; 2], candidates: &[Threshold]) -> Option<usize> {
    let [all, _] = everything;
    let mut best = (all.kept.rmse?, None);
    // From the most lenient, so that on a tie more is kept.
    for (i, candidate) in candidates.iter().enumerate().rev() {
        let [cut, _] = &candidate.cuts;
        let enough = cut.share.is_some_and(|share| share >= KEEP);
        if let Some(rmse) = cut.kept.rmse.filter(|rmse| enough && *rmse < best.0) {
            best = (rmse, Some(i));
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::super::diagnostics;
    use super::*;
    use crate::grade::Grade;
    use causal::estimand::Target;

    const NOW: [Bound; 2] =
        [Bound { at: 0.1, crossing: Crossing::Warns }, Bound { at: 0.25, crossing: Crossing::Fails }];

    fn case(half: Half, value: f64, error: f64) -> Case {
        let covered = error.abs() < 0.5;
        Case {
            origin: "made".into(),
            half,
            dataset: "0/0".into(),
            estimand: Target::Ate,
            tier: Grade::FullySatisfactory,
            values: [("balance.priority", value)].into(),
            error: Some(Error { error, width: 1.0, covered }),
        }
    }

    #[test]
    fn a_table_of_ten_cases_by_hand() {
        // Values 0.01 … 0.10 on the choosing half; the two largest have error 1, the others 0.1. On the other half it is
        // the other way round: what is refused there is better.
        let mut cases: Vec<Case> =
            (1..=10).map(|i| case(Half::Choose, f64::from(i) / 100.0, if i > 8 { -1.0 } else { 0.1 })).collect();
        cases.extend([case(Half::Confirm, 0.02, 0.6), case(Half::Confirm, 0.3, 0.2)]);
        let cases: Vec<&Case> = cases.iter().collect();
        let found = Thresholds::for_diagnostic(&diagnostics::ALL[0], &NOW, &cases).expect("a table");
        let [all, _] = &found.everything;
        let expected = ((8.0 * 0.01 + 2.0) / 10.0_f64).sqrt();
        assert!((all.kept.rmse.expect("ten") - expected).abs() < 1e-12 && all.refused.n == 0);
        let chosen = found.chosen().expect("one that refuses two");
        // Type 7 of 0.01 … 0.10: the 80 % quantile is at place 1 + 0.8·9 = 8.2, the 85 % quantile at 8.65. Both keep eight;
        // of two that do the same the more lenient is chosen.
        assert_eq!((chosen.at, chosen.basis.to_string().as_str()), (0.0865, "keeps 85 %"));
        assert!(
            found.candidates.iter().any(|c| (c.at, c.basis) == (0.082, Basis::Keeps(0.8)) && c.cuts[0].kept.n == 8)
        );
        let [choose, confirm] = &chosen.cuts;
        assert_eq!((choose.kept.n, choose.refused.n, choose.share), (8, 2, Some(0.8)));
        assert!((choose.kept.rmse.expect("eight") - 0.1).abs() < 1e-12);
        assert_eq!(
            (choose.kept.coverage, choose.refused.coverage, choose.refused.rmse),
            (Some(1.0), Some(0.0), Some(1.0))
        );
        assert_eq!((confirm.kept.rmse, confirm.refused.rmse, confirm.share), (Some(0.6), Some(0.2), Some(0.5)));
        // The rubric's thresholds are there, and the one at 0.1 keeps what is on it.
        let now = found.candidates.iter().find(|c| c.basis.to_string() == "now warns").expect("present threshold");
        assert_eq!((now.at, now.cuts[0].kept.n, now.cuts[1].kept.n), (0.1, 10, 1));
        assert!(found.candidates.windows(2).all(|pair| pair[0].at < pair[1].at));
    }

    #[test]
    fn what_tells_nothing_chooses_nothing() {
        let cases: Vec<Case> = (1..=10).map(|i| case(Half::Choose, f64::from(i), 1.0 / f64::from(i))).collect();
        let cases: Vec<&Case> = cases.iter().collect();
        let found = Thresholds::for_diagnostic(&diagnostics::ALL[0], &NOW, &cases).expect("a table");
        assert_eq!(found.chosen, None);
        assert_eq!(found.everything[1].kept.rmse, None, "nothing on the other half");
        assert_eq!(Thresholds::for_diagnostic(&diagnostics::ALL[1], &[], &cases), None);
    }
}
