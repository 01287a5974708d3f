//! THE rubric: one table of what is measured, where it warns, where it fails and why; and the code that holds a design
//! against it.
//!
//! Nothing else in the program knows a threshold. A check that could not be made is `not_applicable`, which is never a
//! pass: see [`crate::critique::verdict`].

use crate::critique::{design_findings, estimate_findings, population_findings, thresholds};
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
    /// Anything at all is wrong.
    Any,
}

impl Bound {
    /// The fixed number in it, if there is one.
    #[must_use]
    pub fn threshold(self) -> Option<f64> {
        match self {
            Bound::AtLeast(at) | Bound::Above(at) | Bound::Below(at) => Some(at),
            Bound::Never | Bound::Any => None,
        }
    }

    /// True if a finite `value` crosses a fixed threshold.
    #[must_use]
    pub fn crossed(self, value: f64) -> bool {
        match self {
            Bound::AtLeast(at) => value >= at,
            Bound::Above(at) => value > at,
            Bound::Below(at) => value < at,
            Bound::Never | Bound::Any => false,
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
pub const RULES: [Rule; 22] = [
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
        code: Code::Identification,
        metric: "smallest p-value of the allocation",
        measured: "whether chance, a causal graph or only an assumption makes the comparison causal; of a randomised treatment, the number of treated against the declared chances, and whether the covariates together predict assignment; a graph passes if the data reject nothing that it implies and a placebo outcome or negative control was tested and did not move",
        warn: Bound::Below(0.01),
        fail: Bound::Below(0.001),
        why: "no number about what was measured says anything on what was not; a randomisation that does not look like one is none",
        source: "Fabijan et al. 2019, doi:10.1145/3292500.3330722; Hansen & Bowers 2008, doi:10.1214/08-STS254",
    },
    Rule {
        code: Code::StructureOneArm,
        metric: "share where one arm is missing",
        measured: "largest share of the target population at a level, a value or in a tail of a confounder where the other arm is missing, or 25 times rarer than in the whole sample, and not by chance; over all analysed rows, before any trimming",
        warn: Bound::Above(0.0),
        fail: Bound::AtLeast(0.01),
        why: "a confounder that decides treatment leaves nothing to compare, and one that only treatment makes is none; trimming hides either",
        source: "Petersen et al. 2012, doi:10.1177/0962280210386207",
    },
    Rule {
        code: Code::StructurePocket,
        metric: "share in a pocket",
        measured: "share of the target population in the largest subgroup, by up to three confounders, where the arm it is compared with is 15 times rarer than in the whole sample, has fewer than 30 units, and not by chance; over all analysed rows, before any trimming",
        warn: Bound::AtLeast(0.02),
        fail: Bound::Never,
        why: "whoever has no counterpart gets the effect of others, and no share of everyone and no balance shows that theirs is another",
        source: "Petersen et al. 2012, doi:10.1177/0962280210386207",
    },
    Rule {
        code: Code::StructureOutcome,
        metric: "R² of the outcome",
        measured: "R² of the outcome on one confounder (fails from 0.99 on) or on all of them (from 0.9999 on)",
        warn: Bound::Never,
        fail: Bound::Any,
        why: "a confounder that is the outcome, or was made from it, takes the effect away",
        source: "Rosenbaum 1984, doi:10.2307/2981697",
    },
    Rule {
        code: Code::PopulationKept,
        metric: "share of the target kept",
        measured: "share of those asked about who are in the answer; another estimand that the plan did not accept beforehand (`estimands: [{ask: ate, accept: [trimmed_ate]}]`) fails, one that it accepted warns",
        warn: Bound::Below(0.9),
        fail: Bound::Below(0.1),
        why: "an answer about others is not the answer to what was asked, unless whoever asked said so before it was known",
        source: "Crump et al. 2009, doi:10.1093/biomet/asn055; Petersen et al. 2012, doi:10.1177/0962280210386207",
    },
    Rule {
        code: Code::PopulationAttrition,
        metric: "difference in loss",
        measured: "difference between the arms in the share of units that have no outcome and are left out for it, where it is beyond chance; before any trimming",
        warn: Bound::AtLeast(0.05),
        fail: Bound::AtLeast(0.1),
        why: "whoever is lost from one arm rather than the other may be lost because of treatment, and those who are left are then no longer comparable",
        source: "Deke & Chiang 2017, doi:10.1177/0193841X16670047",
    },
    Rule {
        code: Code::BalancePriority,
        metric: "max |SMD|",
        measured: "largest absolute standardised mean difference after weighting among the priority confounders, all their levels and spikes, and, where it is beyond chance, of the squares and products of the numeric ones about their means, whether or not the propensity model has them; it warns as well where a variance ratio is outside [0.5, 2] or a Kolmogorov–Smirnov distance above 0.1, both beyond what chance explains at the effective sample sizes",
        warn: Bound::AtLeast(0.1),
        fail: Bound::AtLeast(0.2),
        why: "0.1 is the usual limit of negligible imbalance; from a fifth of a standard deviation on the arms are not comparable, and means of the columns alone do not show it",
        source: "Austin 2009, doi:10.1002/sim.3697; Rubin 2001, doi:10.1023/A:1020363010465; Stuart 2010, doi:10.1214/09-STS313",
    },
    Rule {
        code: Code::OverlapOutside,
        metric: "share without counterparts",
        measured: "share of the target population whose propensity is where it lacks counterparts (the ATE below 0.1 and above 0.9, the ATT above 0.9, the ATC below 0.1), where a few weights decide: the effective sample size of an arm is below half of what it stands for",
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
        fail: Bound::Below(7.0),
        why: "so few units in effect carry the comparison that normal intervals cannot be relied on: one whose standard error comes from k normal numbers holds P(|t| ≤ 1.96) with k − 1 degrees of freedom, less than 90 % below k = 7 and nothing at k = 1",
        source: "Li, Thomas & Li 2019, doi:10.1093/aje/kwy201",
    },
    Rule {
        code: Code::PlaceboEffect,
        metric: "smallest Holm-adjusted p-value",
        measured: "effects on the declared placebo outcomes and negative controls, adjusted for their number; it fails as well where p < 0.001 and the whole 95 % interval of one lies more than 0.1 of its standard deviation from zero, or p < 0.01 and the effect is 0.25 of them or more",
        warn: Bound::Below(0.05),
        fail: Bound::Never,
        why: "an effect on what treatment cannot change is confounding that adjustment has left; 0.1 is the usual limit of negligible imbalance, and a placebo outcome is a covariate that was not adjusted for",
        source: "Lipsitch et al. 2010, doi:10.1097/EDE.0b013e3181d61eeb; Holm 1979, doi:10.2307/4615733; Austin 2009, doi:10.1002/sim.3697; Stuart 2010, doi:10.1214/09-STS313",
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
        measured: "difference between the two members of a doubly robust average, which fail differently, or between an answer by regressions and cross-fitted AIPW by flexible learners; it warns if it is half a standard error of the answer as well, and fails if it is a whole one (one and two for a regression, and where treatment was randomised)",
        warn: Bound::Above(0.01),
        fail: Bound::Above(0.02),
        why: "estimators that need different things to go right differ when one of them did not get it; the numbers are from the ACIC 2016 data, see docs/verdict.md",
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
        code: Code::EstimateWidth,
        metric: "width / sd(outcome)",
        measured: "width of the 95 % interval of the answer against the spread of the outcome itself",
        warn: Bound::Above(2.0),
        fail: Bound::Above(3.92),
        why: "3.92 standard deviations hold 95 % of all outcomes: an interval wider than that says nothing about the effect that the outcome's scale does not",
        source: "Petersen et al. 2012, doi:10.1177/0962280210386207",
    },
    Rule {
        code: Code::EstimateOneRow,
        metric: "share of one row",
        measured: "largest share of the squared deviations of the outcome from its mean that a single row makes, among the rows of the answer, observation weights included",
        warn: Bound::Above(0.5),
        fail: Bound::Above(0.9),
        why: "what one row decides is no average, and every check in standard deviations of the outcome is then measured with that row: without it they are a third as long at 0.9",
        source: "Feller 1935, doi:10.1007/BF01186878",
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
        warn: Bound::Never,
        fail: Bound::Never,
        why: "a hidden confounder like a measured one would explain the effect away; it informs and is never graded, since it tells large errors from small ones with an AUC of 0.39 (docs/verdict.md): a confounded effect is large, and a poor list of confounders makes a weak benchmark",
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
        Code::Identification => &RULES[2],
        Code::StructureOneArm => &RULES[3],
        Code::StructurePocket => &RULES[4],
        Code::StructureOutcome => &RULES[5],
        Code::PopulationKept => &RULES[6],
        Code::PopulationAttrition => &RULES[7],
        Code::BalancePriority => &RULES[8],
        Code::OverlapOutside => &RULES[9],
        Code::OverlapEffectiveSize => &RULES[10],
        Code::PlaceboEffect => &RULES[11],
        Code::EstimateConvergence => &RULES[12],
        Code::EstimateDisagreement => &RULES[13],
        Code::EstimateDisagreementInterval => &RULES[14],
        Code::EstimateWidth => &RULES[15],
        Code::EstimateOneRow => &RULES[16],
        Code::EstimateStandardError => &RULES[17],
        Code::EstimateTargets => &RULES[18],
        Code::SensitivityRobustness => &RULES[19],
        Code::Alignment => &RULES[20],
        Code::Blindness => &RULES[21],
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
    let findings = vec![
        design_findings::design(design, analysis),
        population_findings::kept(design, spec, analysis),
        design_findings::balance(design, spec),
        design_findings::overlap(design, spec),
        design_findings::effective_size(design, spec),
        design_findings::placebo(design, spec),
        estimate_findings::convergence(design, after.estimate),
        estimate_findings::disagreement(spec, after.estimate),
        estimate_findings::disagreement_interval(after.estimate),
        estimate_findings::width(after.estimate),
        estimate_findings::one_row(after.estimate),
        estimate_findings::standard_error(design, spec, after.estimate),
        estimate_findings::targets(after.estimate),
        design_findings::sensitivity(design, spec, after.sensitivity),
        design_findings::blindness(spec),
    ];
    findings.into_iter().map(|finding| thresholds::adjusted(finding, spec)).collect()
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
