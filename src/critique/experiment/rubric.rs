//! The rubric of a randomisation, and the code that holds an experiment against it: one rule for each [`HealthCode`].
//!
//! A check that could not be made is `not_applicable`, which is never a pass; one that has no meaning for the design is
//! `not_graded`, which lowers nothing.

use crate::critique::rubric::Bound;
use crate::critique::verdict;
use crate::finding::{Severity, Tier};
use crate::record::experiment::{Check, HealthCheck, HealthCode};
use crate::text::numbers;

/// One line of the rubric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rule<C> {
    /// The check.
    pub code: C,
    /// Name of the number.
    pub measure: &'static str,
    /// The quantity, and on whom.
    pub measured: &'static str,
    /// Warns when.
    pub warn: Bound,
    /// Fails when.
    pub fail: Bound,
    /// The reason for the thresholds.
    pub why: &'static str,
    /// Where that comes from.
    pub source: &'static str,
}

/// One line of the rubric of a randomisation.
pub type HealthRule = Rule<HealthCode>;

/// The rubric, in reporting order, which is that of [`HealthCode`]. Where the source names no threshold it is ours, not calibrated.
pub const RULES: [HealthRule; 14] = [
    HealthRule {
        code: HealthCode::SampleRatio,
        measure: "p of the sample ratio",
        measured: "numbers of units (or of clusters, where those were randomised) in each arm against the planned shares, chi-squared; where chances vary, whether the weights of each arm add up to all units, Bonferroni over arms",
        warn: Bound::Below(0.01),
        fail: Bound::Below(0.001),
        why: "arms of another size than planned mean that units got lost or were added by something the arms did",
        source: "Fabijan et al. 2019, doi:10.1145/3292500.3330722",
    },
    HealthRule {
        code: HealthCode::SampleRatioByDay,
        measure: "p of the sample ratio within days",
        measured: "numbers of units in each arm against the planned shares within each day of assignment (days of fewer than 20 expected units in an arm put together), chi-squared",
        warn: Bound::Below(0.01),
        fail: Bound::Below(0.001),
        why: "shares that change while the experiment runs mix the arms with the days, and days differ",
        source: "Kohavi, Tang & Xu 2020, chapter 3 (Simpson's paradox under ramp-up)",
    },
    HealthRule {
        code: HealthCode::TwoArms,
        measure: "share of units in two arms",
        measured: "units with rows in more than one arm, of all units; clusters likewise, where those were assigned",
        warn: Bound::Above(0.0),
        fail: Bound::AtLeast(0.01),
        why: "whoever met both arms belongs to neither",
        source: "Kohavi, Tang & Xu 2020, Trustworthy Online Controlled Experiments, chapter 3",
    },
    HealthRule {
        code: HealthCode::AssignedAfterExposure,
        measure: "share exposed before assignment",
        measured: "units whose first exposure lies before their assignment, of all units with both times",
        warn: Bound::Above(0.0),
        fail: Bound::AtLeast(0.01),
        why: "an arm that was met before it was drawn was not drawn by chance",
        source: "Kohavi, Tang & Xu 2020, chapter 21",
    },
    HealthRule {
        code: HealthCode::PrePeriod,
        measure: "smallest Holm-adjusted p before the start",
        measured: "joint differences of the arms in each metric before the start, Holm over metrics",
        warn: Bound::Below(0.01),
        fail: Bound::Below(0.001),
        why: "what came before the assignment cannot be its effect",
        source: "Kohavi, Tang & Xu 2020, chapter 19",
    },
    HealthRule {
        code: HealthCode::CovariatesPredict,
        measure: "p of the covariates on assignment",
        measured: "whether the covariates together differ between the arms, robust joint test of each arm against the control, Holm over arms",
        warn: Bound::Below(0.01),
        fail: Bound::Below(0.001),
        why: "covariates fixed before assignment do not follow it, unless it was not random or they were measured after it",
        source: "Hansen & Bowers 2008, doi:10.1214/08-STS254",
    },
    HealthRule {
        code: HealthCode::FewClusters,
        measure: "clusters in the smallest arm",
        measured: "clusters of the arm that has the fewest",
        warn: Bound::Below(10.0),
        fail: Bound::Below(4.0),
        why: "with few clusters even bias-reduced intervals rest on the shape of the errors",
        source: "Pustejovsky & Tipton 2018, doi:10.1080/07350015.2016.1247004",
    },
    HealthRule {
        code: HealthCode::TermsAgainstClusters,
        measure: "coefficients per cluster",
        measured: "coefficients of the model divided by the number of clusters",
        warn: Bound::Above(0.2),
        fail: Bound::Above(0.5),
        why: "each coefficient uses up the variation between clusters that the standard error is made of",
        source: "Cameron & Miller 2015, doi:10.3368/jhr.50.2.317",
    },
    HealthRule {
        code: HealthCode::FirstStage,
        measure: "smallest robust F of the first stage",
        measured: "strength with which assignment moves the treatment taken up, smallest over arms",
        warn: Bound::Below(104.7),
        fail: Bound::Never,
        why: "a weak instrument pulls effects of the treatment to those of the self-selected comparison, and their intervals are too short; below 104.7 only the Anderson–Rubin set keeps 95 %, and below 10 they are refused; effects of assignment do not rest on it",
        source: "Staiger & Stock 1997, doi:10.2307/2171753; Lee et al. 2022, doi:10.1257/aer.20211063",
    },
    HealthRule {
        code: HealthCode::Propensity,
        measure: "effective share of rows",
        measured: "(Σw)²/(nΣw²) where chances of assignment vary within an arm",
        warn: Bound::Below(0.5),
        fail: Bound::Below(0.1),
        why: "a few rows with small chances decide, and their average is far from normal",
        source: "Hadad et al. 2021, doi:10.1073/pnas.2014602118",
    },
    HealthRule {
        code: HealthCode::MissingOutcomes,
        measure: "difference between arms in missing outcomes",
        measured: "largest difference of an arm from the control in the share of units without a value, over metrics",
        warn: Bound::AtLeast(0.05),
        fail: Bound::AtLeast(0.10),
        why: "whoever is left in each arm is no longer a random part of the same units",
        source: "What Works Clearinghouse 2022, Procedures and Standards Handbook 5.0, attrition",
    },
    HealthRule {
        code: HealthCode::FollowUp,
        measure: "share not followed to the end",
        measured: "units whose window ends after the last row of its source, of all units, largest over metrics",
        warn: Bound::Above(0.0),
        fail: Bound::AtLeast(0.5),
        why: "the effect is then one over a shorter time than the window says",
        source: "Hernán & Robins 2020, What If, chapter 17 (administrative censoring)",
    },
    HealthRule {
        code: HealthCode::Looks,
        measure: "looks beyond the plan",
        measured: "looks on record, where the plan allows one at a fixed size; or looks under another planned size",
        warn: Bound::Above(0.0),
        fail: Bound::Never,
        why: "a test made for one look rejects more true nulls at every further one, and its p-value does not say so",
        source: "Johari et al. 2022, doi:10.1287/opre.2021.2135",
    },
    HealthRule {
        code: HealthCode::Novelty,
        measure: "p of a trend in the effect",
        measured: "whether the effect on the primary metrics changes with the day or period, Holm over metrics and arms",
        warn: Bound::Below(0.01),
        fail: Bound::Never,
        why: "an effect that fades or grows is not the one that will last",
        source: "Hohnhold, O'Brien & Tang 2015, doi:10.1145/2783258.2788583",
    },
];

/// What a check found.
#[derive(Debug, Clone, PartialEq)]
pub enum Measured {
    /// A number, and the metric, covariate or arm it is about.
    Number(f64, Option<String>),
    /// It could not be made.
    NotMade(String),
    /// It has no meaning for this design.
    NoMeaning(String),
}

/// The rule of a check.
#[must_use]
pub fn rule(code: HealthCode) -> &'static HealthRule {
    &RULES[code as usize]
}

/// Holds what was measured against its rule.
#[must_use]
pub fn check(code: HealthCode, measured: &Measured) -> HealthCheck {
    held(rule(code), measured)
}

/// Holds what was measured against a rule.
pub(super) fn held<C: Copy>(rule: &Rule<C>, measured: &Measured) -> Check<C> {
    let of = |severity, value, threshold, subject: Option<String>, message| Check {
        code: rule.code,
        severity,
        measure: rule.measure.to_owned(),
        value,
        threshold,
        subject,
        message,
    };
    match measured {
        Measured::Number(value, subject) => {
            let (severity, bound) = if rule.fail.crossed(*value) {
                (Severity::Fail, rule.fail)
            } else if rule.warn.crossed(*value) {
                (Severity::Warn, rule.warn)
            } else {
                (Severity::Pass, if rule.warn == Bound::Never { rule.fail } else { rule.warn })
            };
            let about = subject.as_ref().map_or(String::new(), |subject| format!(" (`{subject}`)"));
            let why = if severity == Severity::Pass { String::new() } else { format!(" {}.", capitalised(rule.why)) };
            let message = format!("{}{about}: {}.{why}", rule.measure, shown(*value));
            of(severity, Some(*value), bound.threshold(), subject.clone(), capitalised(&message))
        }
        Measured::NotMade(why) => of(Severity::NotApplicable, None, None, None, format!("Not checked: {why}.")),
        Measured::NoMeaning(why) => of(Severity::NotGraded, None, None, None, format!("Does not apply: {why}.")),
    }
}

/// A count as one, anything else to three digits.
fn shown(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e12 { numbers::fixed(value, 0) } else { numbers::significant(value, 3) }
}

fn capitalised(text: &str) -> String {
    crate::text::lines::capitalised(text)
}

/// The grade of a randomisation.
#[must_use]
pub fn tier(checks: &[HealthCheck]) -> Tier {
    tier_of(checks.iter().map(|check| check.severity))
}

/// The grade of checks: that of the worst.
#[must_use]
pub fn tier_of(checks: impl Iterator<Item = Severity>) -> Tier {
    verdict::tier_of(checks)
}

#[cfg(test)]
mod tests {
    use super::RULES;

    #[test]
    fn each_check_has_its_rule_at_its_place() {
        assert!(RULES.iter().enumerate().all(|(at, rule)| rule.code as usize == at));
    }
}
