//! The quality of a design, so that two designs of the same analysis can be compared without looking at an effect.
//!
//! Designs are compared on, in this order: whether there is one; the tier; the number of findings that fail; the number
//! that warn or could not be measured; how far the largest priority |SMD| is above its warning threshold; how far the share
//! outside (0.1, 0.9) is above its own. Below a threshold smaller is not better: the rubric calls both negligible, and a
//! revision that mends the overlap should not be undone because an SMD went from 0.01 to 0.02.

use crate::agent::history::AnalysisSummary;
use crate::critique::rubric::rule;
use crate::finding::{Code, Severity, Tier};
use crate::record::critique::AnalysisCritique;
use std::cmp::Ordering;
use std::collections::BTreeSet;

/// The quality of one design.
#[derive(Debug, Clone, PartialEq)]
pub struct DesignQuality {
    /// There is no design.
    pub failed: bool,
    /// Its tier.
    pub tier: Tier,
    /// Findings that fail.
    pub fails: usize,
    /// Findings that warn, or could not be measured.
    pub doubts: usize,
    /// The codes of the findings that warn.
    pub warned: BTreeSet<Code>,
    /// The distance by which the largest priority |SMD| is above the warning threshold, 0 below it; `None` if it is unknown.
    pub excess_smd: Option<f64>,
    /// The distance by which the share outside (0.1, 0.9) is above the warning threshold, 0 below it; `None` if it is unknown.
    pub excess_outside: Option<f64>,
}

impl DesignQuality {
    /// From what the loop knows of a design and its grade.
    #[must_use]
    pub fn new(summary: &AnalysisSummary, graded: &AnalysisCritique) -> Self {
        let count = |wanted: &[Severity]| graded.findings.iter().filter(|f| wanted.contains(&f.severity)).count();
        Self {
            failed: summary.failed.is_some(),
            // The computed one: a model's mood must not choose between two designs.
            tier: graded.computed(),
            fails: count(&[Severity::Fail]),
            doubts: count(&[Severity::Warn, Severity::NotApplicable]),
            warned: graded.findings.iter().filter(|f| f.severity == Severity::Warn).map(|f| f.code).collect(),
            excess_smd: excess(Code::BalancePriority, summary.max_priority_smd),
            excess_outside: excess(Code::OverlapOutside, summary.share_outside),
        }
    }

    /// True if this design only trades: no better a tier and no fewer fails than `before`, and a warning that it had not.
    #[must_use]
    pub fn trades(&self, before: &DesignQuality) -> bool {
        let lifted = self.tier > before.tier || self.fails < before.fails;
        !lifted && self.warned.iter().any(|code| !before.warned.contains(code))
    }

    /// `Greater` if this design is better than `other`.
    #[must_use]
    pub fn compare(&self, other: &DesignQuality) -> Ordering {
        let fewer = |mine: usize, theirs: usize| theirs.cmp(&mine);
        (other.failed.cmp(&self.failed))
            .then(self.tier.cmp(&other.tier))
            .then(fewer(self.fails, other.fails))
            .then(fewer(self.doubts, other.doubts))
            .then_with(|| smaller(self.excess_smd, other.excess_smd))
            .then_with(|| smaller(self.excess_outside, other.excess_outside))
    }
}

fn excess(code: Code, value: Option<f64>) -> Option<f64> {
    let threshold = rule(code).warn.threshold()?;
    value.filter(|value| value.is_finite()).map(|value| (value - threshold).max(0.0))
}

/// `Greater` if mine is smaller. Unknown is worse than any number.
fn smaller(mine: Option<f64>, theirs: Option<f64>) -> Ordering {
    match (mine, theirs) {
        (Some(mine), Some(theirs)) => theirs.total_cmp(&mine),
        (mine, theirs) => mine.is_some().cmp(&theirs.is_some()),
    }
}

#[cfg(test)]
mod tests {
    use crate::agent::design_quality::*;

    fn clean() -> DesignQuality {
        DesignQuality {
            warned: BTreeSet::new(),
            failed: false,
            tier: Tier::FullySatisfactory,
            fails: 0,
            doubts: 0,
            excess_smd: Some(0.0),
            excess_outside: Some(0.0),
        }
    }

    #[test]
    fn each_key_in_its_turn() {
        let steps = [
            DesignQuality { failed: true, ..clean() },
            DesignQuality { tier: Tier::SatisfactoryWithCaveats, ..clean() },
            DesignQuality { fails: 1, ..clean() },
            DesignQuality { doubts: 1, ..clean() },
            DesignQuality { excess_smd: None, ..clean() },
            DesignQuality { excess_smd: Some(0.03), ..clean() },
            DesignQuality { excess_outside: None, ..clean() },
            DesignQuality { excess_outside: Some(0.2), ..clean() },
        ];
        for worse in &steps {
            assert_eq!(worse.compare(&clean()), Ordering::Less, "{worse:?}");
            assert_eq!(clean().compare(worse), Ordering::Greater, "{worse:?}");
            assert_eq!(worse.compare(worse), Ordering::Equal, "{worse:?}");
        }
        // An earlier key outweighs all later ones.
        let caveats = DesignQuality { tier: Tier::SatisfactoryWithCaveats, doubts: 1, ..clean() };
        let failing = DesignQuality { tier: Tier::NotSatisfactory, doubts: 0, excess_smd: Some(0.0), ..clean() };
        assert_eq!(caveats.compare(&failing), Ordering::Greater);
    }

    #[test]
    fn below_the_threshold_smaller_is_not_better() {
        assert_eq!(excess(Code::BalancePriority, Some(0.01)), excess(Code::BalancePriority, Some(0.099)));
        assert_eq!(excess(Code::BalancePriority, Some(0.1)), Some(0.0));
        assert!(excess(Code::BalancePriority, Some(0.15)) > excess(Code::BalancePriority, Some(0.12)));
        assert_eq!(excess(Code::OverlapOutside, Some(0.10)), Some(0.0));
        assert_eq!(excess(Code::OverlapOutside, Some(f64::NAN)), None);
    }

    #[test]
    fn one_warning_for_another_is_a_trade_and_a_lifted_tier_is_not() {
        let with = |codes: &[Code], tier| DesignQuality { warned: codes.iter().copied().collect(), tier, ..clean() };
        let (caveats, fails) = (Tier::SatisfactoryWithCaveats, Tier::NotSatisfactory);
        let before = with(&[Code::BalancePriority], caveats);
        assert!(with(&[Code::OverlapOutside], caveats).trades(&before));
        assert!(!with(&[Code::BalancePriority], caveats).trades(&before));
        assert!(!with(&[], caveats).trades(&before));
        assert!(!with(&[Code::OverlapOutside], caveats).trades(&with(&[], fails)));
    }
}
