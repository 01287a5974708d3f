//! Thresholds that a plan sets: findings are graded again by them, each says so, and a looser one than the default is itself a
//! caveat.

use crate::critique::rubric::{Bound, Rule, rule};
use crate::finding::{Finding, Severity};
use crate::plan::Thresholds;
use crate::spec::AnalysisSpec;

/// The finding by the thresholds of the plan, if it sets any for this check.
pub(super) fn adjusted(finding: Finding, spec: &AnalysisSpec) -> Finding {
    let Some(set) = spec.thresholds.get(&finding.code) else { return finding };
    let default = rule(finding.code);
    let own = with(default, *set);
    let graded = [Severity::Pass, Severity::Warn, Severity::Fail].contains(&finding.severity);
    // Where more than the number decided, the number alone does not decide now.
    let by_number = |value: &f64| graded && default.severity(*value) == finding.severity;
    let severity = match finding.value.filter(by_number) {
        Some(value) => own.severity(value),
        None => finding.severity,
    };
    let looser = looser(default, &own);
    let severity = if looser && graded { severity.max(Severity::Warn) } else { severity };
    let kind = if looser { "looser than" } else { "not looser than" };
    let message = format!("{} The plan's own threshold, {}, is {kind} the default.", finding.message, told(*set));
    Finding { severity, threshold: own.threshold(severity), message, ..finding }
}

fn told(set: Thresholds) -> String {
    let warn = set.warn.map(|at| format!("warn at {at}"));
    let fail = set.fail.map(|at| format!("fail at {at}"));
    warn.into_iter().chain(fail).collect::<Vec<_>>().join(" and ")
}

/// The rule with other numbers, in its own direction.
fn with(default: &Rule, set: Thresholds) -> Rule {
    let direction = if default.warn.threshold().is_some() { default.warn } else { default.fail };
    let moved = |bound: Bound, to: Option<f64>| match to {
        None => bound,
        Some(to) => match if bound.threshold().is_some() { bound } else { direction } {
            Bound::AtLeast(_) => Bound::AtLeast(to),
            Bound::Above(_) => Bound::Above(to),
            Bound::Below(_) => Bound::Below(to),
            other => other,
        },
    };
    Rule { warn: moved(default.warn, set.warn), fail: moved(default.fail, set.fail), ..*default }
}

/// True if some number passes, or only warns, by `own` that would warn or fail by default.
fn looser(default: &Rule, own: &Rule) -> bool {
    let looser = |before: Bound, now: Bound| match (before, now) {
        (Bound::AtLeast(before) | Bound::Above(before), Bound::AtLeast(now) | Bound::Above(now)) => now > before,
        (Bound::Below(before), Bound::Below(now)) => now < before,
        _ => false,
    };
    looser(default.warn, own.warn) || looser(default.fail, own.fail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Code;

    fn set(warn: Option<f64>, fail: Option<f64>) -> Thresholds {
        Thresholds { warn, fail }
    }

    #[test]
    fn a_threshold_moves_in_its_own_direction() {
        let balance = with(rule(Code::BalancePriority), set(None, Some(0.15)));
        assert_eq!([0.14, 0.15].map(|value| balance.severity(value)), [Severity::Warn, Severity::Fail]);
        let size = with(rule(Code::OverlapEffectiveSize), set(Some(50.0), Some(20.0)));
        assert_eq!([19.0, 20.0, 50.0].map(|v| size.severity(v)), [Severity::Fail, Severity::Warn, Severity::Pass]);
    }

    #[test]
    fn looser_is_looser_in_either_direction() {
        let is = |code, warn, fail| looser(rule(code), &with(rule(code), set(warn, fail)));
        assert!(is(Code::BalancePriority, None, Some(0.3)));
        assert!(!is(Code::BalancePriority, Some(0.05), Some(0.2)));
        assert!(is(Code::OverlapEffectiveSize, Some(10.0), None));
        assert!(!is(Code::OverlapEffectiveSize, Some(100.0), Some(7.0)));
        assert!(is(Code::OverlapEffectiveSize, Some(100.0), Some(6.0)));
        assert!(is(Code::PlaceboEffect, Some(0.01), None));
    }
}
