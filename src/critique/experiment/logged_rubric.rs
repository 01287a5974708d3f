//! The rubric of a log of decisions: one rule for each [`LoggedCode`].

use super::rubric::{Measured, Rule, held};
use crate::critique::rubric::Bound;
use crate::finding::Severity;
use crate::record::logged_actions::{LoggedCheck, LoggedCode};

/// The rubric, in the order of [`LoggedCode`]. Where the source names no threshold it is ours, not calibrated.
pub const LOGGED_RULES: [Rule<LoggedCode>; 6] = [
    Rule {
        code: LoggedCode::Chances,
        measure: "p of the logged chances",
        measured: "whether 1{action}/chance − 1 has the mean 0 for every action, alone and times each covariate, one joint test by units",
        warn: Bound::Below(0.01),
        fail: Bound::Below(0.001),
        why: "chances that do not describe the log mean that something else chose the action too, and what chose it may have chosen the reward",
        source: "Imai & Ratkovic 2014, doi:10.1111/rssb.12027 (the moments); thresholds as for the sample ratio, Fabijan et al. 2019, doi:10.1145/3292500.3330722",
    },
    Rule {
        code: LoggedCode::Support,
        measure: "share of decisions without support",
        measured: "decisions in which the policy takes an action that the log never took in any of them, of all decisions",
        warn: Bound::Above(0.0),
        fail: Bound::Above(0.0),
        why: "the log says nothing on what an action does where it was never taken",
        source: "Dudík, Langford & Li 2011, arXiv:1103.4601",
    },
    Rule {
        code: LoggedCode::PolicyWeights,
        measure: "smallest p of the weights of a policy",
        measured: "whether the weights have the mean 1 in the decisions in which the policy takes an action, Holm over its actions",
        warn: Bound::Below(0.01),
        fail: Bound::Below(0.001),
        why: "where the policy acts, the logged chances do not describe the log, or an action had no chance in some decisions",
        source: "Swaminathan & Joachims 2015, NeurIPS 28 (weights as a control variate with a known mean); thresholds as for the sample ratio",
    },
    Rule {
        code: LoggedCode::EffectiveUnits,
        measure: "effective number of units",
        measured: "(Σw)²/Σw² over units, where w is the sum of a unit's weights under the policy, or with the step on or off, the smaller of the two",
        warn: Bound::Below(100.0),
        fail: Bound::Below(20.0),
        why: "a few units with large weights decide, and their mean is far from normal",
        source: "Owen 2013, Monte Carlo theory, methods and examples, chapter 9.3; the numbers are ours",
    },
    Rule {
        code: LoggedCode::Coins,
        measure: "p of the coin of a step",
        measured: "whether the step was on as often as its chance says, alone and times each covariate, one joint test by units",
        warn: Bound::Below(0.01),
        fail: Bound::Below(0.001),
        why: "a step that was on more often in some tasks than its coin says was switched by something else too",
        source: "thresholds as for the sample ratio, Fabijan et al. 2019, doi:10.1145/3292500.3330722",
    },
    Rule {
        code: LoggedCode::IndependentCoins,
        measure: "p of independent coins",
        measured: "whether the products of two steps' surplus over their chances have the mean 0, all pairs jointly, by units",
        warn: Bound::Below(0.01),
        fail: Bound::Below(0.001),
        why: "steps that were switched together do not show what each does with the other and without; the credit of one step is then with the others as they went along",
        source: "Dasgupta, Pillai & Rubin 2015, doi:10.1111/rssb.12085; thresholds as for the sample ratio",
    },
];

/// Chances that describe the log better than any coin would were computed from it: of honest ones a thousandth is as good as this. Ours.
const TOO_GOOD: f64 = 0.999;

/// Holds what was measured against its rule.
#[must_use]
pub fn check(code: LoggedCode, measured: &Measured) -> LoggedCheck {
    let found = held(&LOGGED_RULES[code as usize], measured);
    let too_good = |p: f64| code == LoggedCode::Chances && p > TOO_GOOD;
    if !found.value.is_some_and(too_good) {
        return found;
    }
    let message = "The logged chances agree with the log as no coin does: they look computed from it afterwards, and not as drawn from. \
                   Whatever chose the actions may then have chosen the rewards, and this check cannot see it. Log the chances when the \
                   action is drawn.";
    LoggedCheck { severity: Severity::Fail, threshold: Some(TOO_GOOD), message: message.to_owned(), ..found }
}

#[cfg(test)]
mod tests {
    use super::LOGGED_RULES;

    #[test]
    fn each_check_has_its_rule_at_its_place() {
        let of = |p: f64| super::check(super::LoggedCode::Chances, &super::Measured::Number(p, None)).severity;
        assert_eq!(
            (of(1.0), of(0.9991), of(0.999)),
            (super::Severity::Fail, super::Severity::Fail, super::Severity::Pass)
        );
        assert!(LOGGED_RULES.iter().enumerate().all(|(at, rule)| rule.code as usize == at));
    }
}
