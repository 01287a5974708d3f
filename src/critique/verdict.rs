//! From findings to a grade, and from grades to the exit decision.
//!
//! | the worst finding | tier |
//! |---|---|
//! | fail | `not_satisfactory` |
//! | warn, or not applicable | `satisfactory_with_caveats` |
//! | withheld | does not lower the tier of a *design*; a *final* grade cannot be given |
//! | not graded: it informs, or does not apply to the study | lowers nothing |
//! | pass | `fully_satisfactory` |

use crate::finding::{Code, Finding, Severity, Tier};

/// The reason why no final grade can be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VerdictError {
    /// A check is still withheld.
    #[error("`{}` is still withheld, so there is no final grade yet; measure it after unblinding, or record why it cannot be measured", code.key())]
    StillWithheld {
        /// Which.
        code: Code,
    },
}

/// The tier of a design: anything withheld until unblinding does not lower it. No findings at all is not a clean bill:
/// nothing was checked, so it is at most `satisfactory_with_caveats`.
#[must_use]
pub fn tier(findings: &[Finding]) -> Tier {
    tier_of(findings.iter().map(|finding| finding.severity))
}

/// The tier of the worst of some severities.
pub(super) fn tier_of(severities: impl Iterator<Item = Severity>) -> Tier {
    match severities.max() {
        Some(Severity::Fail) => Tier::NotSatisfactory,
        Some(Severity::Warn | Severity::NotApplicable) | None => Tier::SatisfactoryWithCaveats,
        Some(Severity::Withheld | Severity::NotGraded | Severity::Pass) => Tier::FullySatisfactory,
    }
}

/// The tier of a final, unblinded analysis.
///
/// # Errors
/// [`VerdictError::StillWithheld`]: what is withheld has not been checked, and must not count as a pass.
pub fn final_tier(findings: &[Finding]) -> Result<Tier, VerdictError> {
    match findings.iter().find(|finding| finding.severity == Severity::Withheld) {
        Some(finding) => Err(VerdictError::StillWithheld { code: finding.code }),
        None => Ok(tier(findings)),
    }
}

/// A critic's own grade, held under the computed one: a critic may lower a grade, giving a reason, and never raise it.
#[must_use]
pub fn cap(computed: Tier, proposed: Tier) -> Tier {
    computed.min(proposed)
}

/// The exit decision: accepted if at least one estimand was requested and none of them is `not_satisfactory`.
#[must_use]
pub fn accepted(tiers: &[Tier]) -> bool {
    !tiers.is_empty() && !tiers.contains(&Tier::NotSatisfactory)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SEVERITIES: [Severity; 5] =
        [Severity::Pass, Severity::Withheld, Severity::NotApplicable, Severity::Warn, Severity::Fail];
    const TIERS: [Tier; 3] = [Tier::NotSatisfactory, Tier::SatisfactoryWithCaveats, Tier::FullySatisfactory];

    fn finding(code: Code, severity: Severity) -> Finding {
        crate::critique::rubric::rule(code).finding(severity, "test")
    }

    fn some_findings() -> impl Strategy<Value = Vec<Finding>> {
        prop::collection::vec(
            (prop::sample::select(Code::ALL.to_vec()), prop::sample::select(SEVERITIES.to_vec()))
                .prop_map(|(code, severity)| finding(code, severity)),
            0..9,
        )
    }

    #[test]
    fn each_severity_alone() {
        let of = |severity| tier(&[finding(Code::BalancePriority, severity)]);
        assert_eq!(of(Severity::Fail), Tier::NotSatisfactory);
        assert_eq!(of(Severity::Warn), Tier::SatisfactoryWithCaveats);
        assert_eq!(of(Severity::NotApplicable), Tier::SatisfactoryWithCaveats);
        assert_eq!(of(Severity::Withheld), Tier::FullySatisfactory);
        assert_eq!(of(Severity::Pass), Tier::FullySatisfactory);
        assert_eq!(tier(&[]), Tier::SatisfactoryWithCaveats);
    }

    #[test]
    fn nothing_answered_is_not_accepted() {
        assert!(!accepted(&[]));
        assert!(accepted(&[Tier::SatisfactoryWithCaveats, Tier::FullySatisfactory]));
        assert!(!accepted(&[Tier::FullySatisfactory, Tier::NotSatisfactory]));
    }

    proptest! {
        #[test]
        fn another_finding_never_raises_a_tier(findings in some_findings(), extra in some_findings()) {
            let all: Vec<Finding> = findings.iter().cloned().chain(extra).collect();
            prop_assume!(!findings.is_empty());
            prop_assert!(tier(&all) <= tier(&findings));
        }

        #[test]
        fn the_order_of_findings_does_not_matter(findings in some_findings()) {
            let turned: Vec<Finding> = findings.iter().rev().cloned().collect();
            prop_assert_eq!(tier(&findings), tier(&turned));
        }

        #[test]
        fn a_final_grade_refuses_what_is_withheld_and_else_agrees(findings in some_findings()) {
            let withheld = findings.iter().any(|f| f.severity == Severity::Withheld);
            match final_tier(&findings) {
                Err(VerdictError::StillWithheld { code }) => {
                    prop_assert!(withheld);
                    prop_assert!(findings.iter().any(|f| f.code == code && f.severity == Severity::Withheld));
                }
                Ok(grade) => {
                    prop_assert!(!withheld);
                    prop_assert_eq!(grade, tier(&findings));
                }
            }
        }

        #[test]
        fn a_critic_lowers_and_never_raises(a in prop::sample::select(TIERS.to_vec()), b in prop::sample::select(TIERS.to_vec())) {
            prop_assert!(cap(a, b) <= a);
            prop_assert!(cap(a, b) <= b);
            prop_assert!(cap(a, b) == a || cap(a, b) == b);
        }
    }
}
