//! THE rubric: one table of what is measured, where it warns, where it fails and why; and the code that holds a design
//! against it.
//!
//! Nothing else in the program knows a threshold. A check that could not be made is `not_applicable`, which is never a
//! pass: see [`crate::critique::verdict`].

use crate::critique::{design_findings, estimate_findings};
use crate::finding::{Code, Finding, Severity};
use crate::record::documents::{AnalysisDesign, EstimateDiagnostics};
use crate::record::not_estimated::NoSensitivity;
use crate::spec::{Analysis, AnalysisSpec};
use causal::diagnose::sensitivity::SensitivityReport;
use causal::effect::Effect;

/// When a number crosses a threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bound {
    /// Never.
    Never,
    /// The number is this or more.
    AtLeast(f64),
    /// The number is more than this.
    Above(f64),
    /// The number is less than this.
    Below(f64),
    /// The number is no larger than the largest benchmark of the analysis, whatever that is.
    NotAboveBenchmark,
    /// Anything at all is wrong.
    Any,
}

impl Bound {
    /// The fixed number in it, if there is one.
    #[must_use]
    pub fn threshold(self) -> Option<f64> {
        match self {
            Bound::AtLeast(at) | Bound::Above(at) | Bound::Below(at) => Some(at),
            Bound::Never | Bound::NotAboveBenchmark | Bound::Any => None,
        }
    }

    /// True if a finite `value` crosses a fixed threshold.
    #[must_use]
    pub fn crossed(self, value: f64) -> bool {
        match self {
            Bound::AtLeast(at) => value >= at,
            Bound::Above(at) => value > at,
            Bound::Below(at) => value < at,
            Bound::Never | Bound::NotAboveBenchmark | Bound::Any => false,
        }
    }
}

/// One line of the rubric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rule {
    /// The finding it makes.
    pub code: Code,
    /// Name of the number.
    pub metric: &'static str,
    /// The quantity measured, and on whom.
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

/// The rubric, in reporting order: one rule for each [`Code`].
pub const RULES: [Rule; 14] = [
    Rule {
        code: Code::DesignFailed,
        metric: "design",
        measured: "whether the propensity could be fitted and both arms have units",
        warn: Bound::Never,
        fail: Bound::Any,
        why: "without a design there is nothing to compare",
        source: "Petersen et al. 2012, doi:10.1177/0962280210386207",
    },
    Rule {
        code: Code::EstimateFailed,
        metric: "estimate",
        measured: "whether the primary estimator gave an estimate once the loop had settled",
        warn: Bound::Never,
        fail: Bound::Any,
        why: "a fair design without an answer answers nothing",
        source: "Petersen et al. 2012, doi:10.1177/0962280210386207",
    },
    Rule {
        code: Code::BalancePriority,
        metric: "max |SMD|",
        measured: "largest absolute standardised mean difference among the priority confounders and all their levels, after weighting; squares, products and spikes in `terms` are listed, not graded",
        warn: Bound::AtLeast(0.1),
        fail: Bound::AtLeast(0.25),
        why: "0.1 is the usual limit of negligible imbalance; from a quarter of a standard deviation on, not even adjusting the outcome for what is left can be relied on",
        source: "Austin 2009, doi:10.1002/sim.3697; Rubin 2001, doi:10.1023/A:1020363010465; Stuart 2010, doi:10.1214/09-STS313",
    },
    Rule {
        code: Code::OverlapOutside,
        metric: "share outside (0.1, 0.9)",
        measured: "share of the target population whose propensity is below 0.1 or above 0.9; it fails for the ATE only, which no reweighting moves to where the arms meet",
        warn: Bound::Above(0.10),
        fail: Bound::Above(0.5),
        why: "near 0 a unit has next to no treated counterpart, near 1 next to no control, and the answer leans on the models; an average over everyone of whom most have no counterpart is extrapolation",
        source: "Crump et al. 2009, doi:10.1093/biomet/asn055",
    },
    Rule {
        code: Code::OverlapEffectiveSize,
        metric: "smallest effective sample size",
        measured: "Kish effective sample size of each arm under the weights of the estimand, the smaller of the two",
        warn: Bound::Below(30.0),
        fail: Bound::Never,
        why: "so few units in effect carry the comparison that normal intervals cannot be relied on",
        source: "Li, Thomas & Li 2019, doi:10.1093/aje/kwy201",
    },
    Rule {
        code: Code::PlaceboEffect,
        metric: "smallest Holm-adjusted p-value",
        measured: "effects on the declared placebo outcomes and negative controls, adjusted for their number",
        warn: Bound::Below(0.05),
        fail: Bound::Never,
        why: "an effect on what treatment cannot change is confounding that adjustment has left",
        source: "Lipsitch et al. 2010, doi:10.1097/EDE.0b013e3181d61eeb; Holm 1979, doi:10.2307/4615733",
    },
    Rule {
        code: Code::EstimateConvergence,
        metric: "fits not converged",
        measured: "nuisance fits of the design and of the answer that did not end where they should",
        warn: Bound::Above(0.0),
        fail: Bound::Never,
        why: "a model that was still moving when it was stopped is not the model that was asked for",
        source: "Gelman & Rubin 1992, doi:10.1214/ss/1177011136",
    },
    Rule {
        code: Code::EstimateDisagreement,
        metric: "|difference| / sd(outcome)",
        measured: "difference between the two members of a doubly robust average, which fail differently; an answer that is no average has no members, and is held against the other doubly robust estimates by the next rule only",
        warn: Bound::Above(0.01),
        fail: Bound::Above(0.02),
        why: "estimators that need different things to go right differ when one of them did not get it; the numbers are from the ACIC 2016 data, see docs/thresholds.md",
        source: "Chernozhukov et al. 2018, doi:10.1111/ectj.12097",
    },
    Rule {
        code: Code::EstimateDisagreementInterval,
        metric: "|difference| / half-width",
        measured: "that difference, or else the largest between the answer and another doubly robust estimate, as a share of the half-width of the 95 % interval of the answer",
        warn: Bound::Above(1.0),
        fail: Bound::Never,
        why: "an interval that the other estimate leaves does not hold what is uncertain about the models",
        source: "Chernozhukov et al. 2018, doi:10.1111/ectj.12097",
    },
    Rule {
        code: Code::EstimateStandardError,
        metric: "share outside (0.1, 0.9)",
        measured: "overlap, where the standard error of the answer is from an influence function that takes the nuisance models as known",
        warn: Bound::Above(0.10),
        fail: Bound::Never,
        why: "where overlap is poor the estimation of the models is most of the uncertainty, and such a standard error has none of it: in the LaLonde data it is a third of what the bootstrap says",
        source: "Crump et al. 2009, doi:10.1093/biomet/asn055",
    },
    Rule {
        code: Code::EstimateTargets,
        metric: "|difference| / sd(outcome)",
        measured: "largest difference between the effect in the target population and the effects in everyone, in the treated and in the overlap population, by the same estimator",
        warn: Bound::Above(0.1),
        fail: Bound::Never,
        why: "the effect depends on for whom it is asked, or the models fail where overlap is thin; either way it does not carry over",
        source: "Li, Morgan & Zaslavsky 2018, doi:10.1080/01621459.2016.1260466",
    },
    Rule {
        code: Code::SensitivityRobustness,
        metric: "robustness value",
        measured: "partial R² with treatment and outcome that would bring the regression-adjusted effect to zero, unweighted or weighted to the target (the smaller counts), against that of the strongest priority confounder",
        warn: Bound::NotAboveBenchmark,
        fail: Bound::Never,
        why: "a hidden confounder like a measured one would explain the effect away",
        source: "Cinelli & Hazlett 2020, doi:10.1111/rssb.12348",
    },
    Rule {
        code: Code::Alignment,
        metric: "failed checks",
        measured: "agreement of plan, spec and executed analysis",
        warn: Bound::Never,
        fail: Bound::Any,
        why: "an answer to something other than what was planned is no answer",
        source: "Hernán & Robins 2016, doi:10.1093/aje/kwv254",
    },
    Rule {
        code: Code::Blindness,
        metric: "blind loop",
        measured: "whether effects stayed hidden until the loop had settled",
        warn: Bound::Any,
        fail: Bound::Never,
        why: "revisions chosen with the answer in view can be chosen for the answer",
        source: "Rubin 2008, doi:10.1214/08-AOAS187",
    },
];

/// The rule of a code.
#[must_use]
pub fn rule(code: Code) -> &'static Rule {
    // Not a search: a code without a rule does not compile.
    match code {
        Code::DesignFailed => &RULES[0],
        Code::EstimateFailed => &RULES[1],
        Code::BalancePriority => &RULES[2],
        Code::OverlapOutside => &RULES[3],
        Code::OverlapEffectiveSize => &RULES[4],
        Code::PlaceboEffect => &RULES[5],
        Code::EstimateConvergence => &RULES[6],
        Code::EstimateDisagreement => &RULES[7],
        Code::EstimateDisagreementInterval => &RULES[8],
        Code::EstimateStandardError => &RULES[9],
        Code::EstimateTargets => &RULES[10],
        Code::SensitivityRobustness => &RULES[11],
        Code::Alignment => &RULES[12],
        Code::Blindness => &RULES[13],
    }
}

/// The state of the sensitivity analysis when a critique is written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SensitivityState<'a> {
    /// Effects are still hidden.
    Withheld,
    /// It was tried, or would have been, and failed.
    NotComputable {
        /// The reason.
        reason: &'a NoSensitivity,
    },
    /// It was computed.
    Measured(&'a SensitivityReport),
}

/// The state of the estimate when a critique is written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum EstimateState<'a> {
    /// Effects are still hidden.
    Withheld,
    /// There is no estimate to look at.
    NotComputable {
        /// The reason, as a clause.
        reason: &'a str,
    },
    /// It was computed.
    Measured {
        /// The answer.
        effect: &'a Effect,
        /// Its diagnostics.
        diagnostics: &'a EstimateDiagnostics,
    },
}

/// Knowledge that only an effect can give.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AfterUnblinding<'a> {
    /// Of hidden confounding.
    pub sensitivity: SensitivityState<'a>,
    /// Of the estimate itself.
    pub estimate: EstimateState<'a>,
}

impl AfterUnblinding<'_> {
    /// Nothing yet.
    pub const WITHHELD: AfterUnblinding<'static> =
        AfterUnblinding { sensitivity: SensitivityState::Withheld, estimate: EstimateState::Withheld };
}

/// Everything the rubric can say of one analysis, one finding for each code but [`Code::Alignment`], which
/// [`super::alignment::finding`] adds, and [`Code::EstimateFailed`]. In reporting order.
#[must_use]
pub fn findings(
    design: &AnalysisDesign,
    spec: &AnalysisSpec,
    analysis: &Analysis,
    after: AfterUnblinding<'_>,
) -> Vec<Finding> {
    vec![
        design_findings::design(design, analysis),
        design_findings::balance(design, spec),
        design_findings::overlap(design, spec),
        design_findings::effective_size(design, spec),
        design_findings::placebo(design, spec),
        estimate_findings::convergence(design, after.estimate),
        estimate_findings::disagreement(after.estimate),
        estimate_findings::disagreement_interval(after.estimate),
        estimate_findings::standard_error(design, after.estimate),
        estimate_findings::targets(after.estimate),
        design_findings::sensitivity(design, spec, after.sensitivity),
        design_findings::blindness(spec),
    ]
}

/// The placebo finding of one design alone.
#[must_use]
pub(super) fn placebo_finding(design: &AnalysisDesign, spec: &AnalysisSpec) -> Finding {
    design_findings::placebo(design, spec)
}

impl Rule {
    /// The severity of a measured `value`. A value that is not a finite number was not measured.
    #[must_use]
    pub fn severity(&self, value: f64) -> Severity {
        if !value.is_finite() {
            Severity::NotApplicable
        } else if self.fail.crossed(value) {
            Severity::Fail
        } else if self.warn.crossed(value) {
            Severity::Warn
        } else {
            Severity::Pass
        }
    }

    /// The threshold that decided `severity`: the one crossed, or the first one that was not.
    #[must_use]
    pub fn threshold(&self, severity: Severity) -> Option<f64> {
        match severity {
            Severity::Fail => self.fail.threshold(),
            _ => self.warn.threshold().or(self.fail.threshold()),
        }
    }

    /// A finding of this rule without a number.
    #[must_use]
    pub fn finding(&self, severity: Severity, message: impl Into<String>) -> Finding {
        Finding {
            code: self.code,
            severity,
            metric: self.metric.to_owned(),
            value: None,
            threshold: self.threshold(severity),
            subject: None,
            message: message.into(),
        }
    }
}
