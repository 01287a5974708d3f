//! The documents of a randomised experiment: `health.json`, which holds no effect, and `results.json`.

use crate::finding::{Severity, Tier};
use crate::plan::experiment::{Adjustment, EffectRequest, LookPlan, Role, Worse};
pub use crate::record::experiment_segments::{SegmentArm, SegmentCovariance, SegmentEffect};
use crate::record::logged_actions::{LoggedAnswers, LoggedAudit};
pub use crate::record::looks::{Look, LookEntry, SeenEffect};
pub use crate::schema::{FilteredOut, MetricCounters};
use causal::experiment::VarianceKind;
use causal::keyed_enum;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One arm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ArmFacts {
    /// Its name.
    pub arm: String,
    /// True for the arm that the others are compared with.
    pub control: bool,
    /// Rows assigned to it.
    pub rows: usize,
    /// Units assigned to it.
    pub units: usize,
    /// Clusters with a unit in it; absent without clusters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clusters: Option<usize>,
    /// Planned share of the units (or clusters).
    pub planned_share: f64,
    /// Share that took up a treatment other than the control's; absent where take-up is not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub take_up: Option<f64>,
}

keyed_enum! {
    /// How take-up follows assignment.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Compliance {
        /// Everyone took up what they were assigned to.
        Full = "full",
        /// Only units of the control arm all did.
        OneSided = "one_sided",
        /// Some units of every arm did not.
        TwoSided = "two_sided",
    }
}

/// The design, as it was found in the data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DesignFacts {
    /// The arms, control first.
    pub arms: Vec<ArmFacts>,
    /// Rows analysed.
    pub rows: usize,
    /// Units analysed.
    pub units: usize,
    /// What `data.filter` leaves out; absent without a filter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filtered_out: Option<FilteredOut>,
    /// The columns that name a cluster; empty for independent rows.
    pub cluster_by: Vec<String>,
    /// Clusters; absent without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clusters: Option<usize>,
    /// How take-up follows assignment.
    pub compliance: Compliance,
    /// The smallest chance of an arm that a unit got, where chances vary within an arm and so are used as weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub smallest_propensity: Option<f64>,
    /// (Σw)²/Σw² over all rows, where there are weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_rows: Option<f64>,
    /// How covariates enter.
    pub adjustment: Adjustment,
    /// The terms of the covariates.
    pub covariates: Vec<String>,
    /// Terms left out because they are constant or a combination of others.
    pub dropped_terms: Vec<String>,
    /// The variance of the effects of assignment.
    pub variance: VarianceKind,
    /// The variance of the effects of treatment, where those are asked for and it is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variance_of_iv: Option<VarianceKind>,
    /// One minus the confidence level.
    pub alpha: f64,
}

keyed_enum! {
    /// A check of the randomisation. None needs an effect, but for the last.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum HealthCode {
        /// Units by arm against the planned shares.
        SampleRatio = "sample_ratio",
        /// The same within each day of assignment.
        SampleRatioByDay = "sample_ratio_by_day",
        /// Units (or clusters that were assigned whole) with rows in more than one arm.
        TwoArms = "two_arms",
        /// Units that were exposed before they were assigned.
        AssignedAfterExposure = "assigned_after_exposure",
        /// Differences between the arms before the start.
        PrePeriod = "pre_period",
        /// Covariates that predict assignment.
        CovariatesPredict = "covariates_predict",
        /// Clusters in the smallest arm.
        FewClusters = "few_clusters",
        /// Terms of the model against clusters.
        TermsAgainstClusters = "terms_against_clusters",
        /// The strength of the instrument.
        FirstStage = "first_stage",
        /// The chances of assignment.
        Propensity = "propensity",
        /// Units without an outcome, by arm.
        MissingOutcomes = "missing_outcomes",
        /// Units that were not followed to the end of a window.
        FollowUp = "follow_up",
        /// Looks that the plan did not allow for.
        Looks = "looks",
        /// An effect that changes with time. Needs effects.
        Novelty = "novelty",
    }
}

/// One check of the randomisation.
pub type HealthCheck = Check<HealthCode>;

/// One check, of the randomisation or of a log of decisions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Check<C> {
    /// The check.
    pub code: C,
    /// Its outcome.
    pub severity: Severity,
    /// Name of the number, such as `p of the sample ratio`.
    pub measure: String,
    /// The number; absent where the check could not be made.
    pub value: Option<f64>,
    /// The threshold that decided.
    pub threshold: Option<f64>,
    /// The metric, covariate or arm that it is about.
    pub subject: Option<String>,
    /// One sentence for a reader.
    pub message: String,
}

/// A metric in one arm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ArmSummary {
    /// The arm.
    pub arm: String,
    /// Rows with a value.
    pub n: usize,
    /// Rows without.
    pub missing: usize,
    /// Mean over rows, a ratio of sums, or the quantile.
    pub value: f64,
    /// Standard deviation of the values; absent for ratios and quantiles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sd: Option<f64>,
}

/// An estimate with its interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The estimate.
    pub estimate: f64,
    /// Its standard error.
    pub std_error: f64,
    /// Lower end.
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
}

/// Anytime-valid inference at one look.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AnytimeInterval {
    /// Lower end of the confidence sequence.
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
    /// Natural logarithm of the e-value of no effect.
    pub log_e: f64,
    /// Sequential p-value.
    pub p_value: f64,
    /// Rows, or clusters, by which the sequence is indexed.
    pub index: usize,
    /// The tuning parameter g.
    pub g: f64,
    /// True where only an asymptotic argument supports it, as for clusters, weights and instruments.
    pub asymptotic: bool,
}

/// An effect of one arm on one metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EffectRow {
    /// The metric.
    pub metric: String,
    /// The arm that is compared with the control.
    pub arm: String,
    /// Which effect.
    pub request: EffectRequest,
    /// The segment; absent for everyone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment: Option<String>,
    /// Rows it is about.
    pub n: usize,
    /// The effect in units of the metric, at the planned confidence, for one look.
    pub effect: Estimate,
    /// Degrees of freedom of the interval; absent for the normal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub df: Option<f64>,
    /// Two-sided p-value of no effect, for one look.
    pub p_value: f64,
    /// The mean under control that relative effects are relative to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<f64>,
    /// The effect as a share of the baseline; absent where the baseline may be 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relative: Option<Estimate>,
    /// What holds at any number of looks; absent for fixed plans and outside its scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anytime: Option<AnytimeInterval>,
    /// Holm's p-value over the family of this row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holm: Option<f64>,
    /// Benjamini and Hochberg's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub benjamini_hochberg: Option<f64>,
    /// True if the metric or segment was not in the first plan that was unblinded on these data.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub exploratory: bool,
}

/// An effect that was asked for and is not given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Refused {
    /// The metric.
    pub metric: String,
    /// The arm; absent where it is about all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arm: Option<String>,
    /// Which effect.
    pub request: EffectRequest,
    /// The segment; absent for everyone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment: Option<String>,
    /// Why, and what would help.
    pub reason: String,
}

/// The first stage of an instrument, and the weak-instrument interval.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FirstStage {
    /// The arm.
    pub arm: String,
    /// Share moved by the assignment.
    pub compliance: Estimate,
    /// Robust F of the instrument.
    pub f: f64,
    /// For each metric, the Anderson–Rubin set of the effect on those moved.
    pub anderson_rubin: BTreeMap<String, AndersonRubin>,
    /// For each covariate term, its mean among those moved and in the population.
    pub complier_means: Vec<ComplierMean>,
}

/// An Anderson–Rubin confidence set.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AndersonRubin {
    /// From `lower` to `upper`.
    Interval {
        /// Lower end.
        lower: f64,
        /// Upper end.
        upper: f64,
    },
    /// Everything outside (`lower`, `upper`).
    Outside {
        /// Lower end.
        lower: f64,
        /// Upper end.
        upper: f64,
    },
    /// Everything: the instrument says nothing.
    Everything,
    /// Nothing: the model does not fit.
    Empty,
}

/// A covariate among those moved by the assignment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ComplierMean {
    /// The term.
    pub term: String,
    /// Mean among those moved.
    pub compliers: f64,
    /// Mean in the population.
    pub population: f64,
}

/// One metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricResult {
    /// Its name.
    pub name: String,
    /// What it measures, as the plan has it: `sum(amount)`.
    pub measure: String,
    /// Its part in the decision.
    pub role: Role,
    /// The direction in which it gets worse.
    pub worse: Worse,
    /// The smallest effect that matters, in units of the metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub smallest_effect: Option<f64>,
    /// How much worse a guardrail may get, in units of the metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin: Option<f64>,
    /// Its values in each arm, control first.
    pub arms: Vec<ArmSummary>,
    /// What was done to its values.
    pub counters: MetricCounters,
}

/// Effects and counts up to a day, or of a period.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DayRow {
    /// The day since the start (from 1), or the period as the data name it.
    pub day: f64,
    /// Units of each arm assigned up to then, in the order of the arms.
    pub units: Vec<usize>,
    /// p-value of the sample ratio up to then; absent where it was not made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample_ratio_p: Option<f64>,
    /// Effects on the primary metrics of those assigned up to then.
    pub cumulative: Vec<EffectRow>,
    /// Effects in this period alone.
    pub of_the_day: Vec<EffectRow>,
    /// Effects on the primary metrics that could not be estimated then, with the reasons.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<Refused>,
}

/// Effects on the primary metrics of those who were assigned in a stretch of days, or in a stretch of periods.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Phase {
    /// The first day or period.
    pub from: f64,
    /// The last.
    pub to: f64,
    /// The effects, with intervals for one look.
    pub effects: Vec<EffectRow>,
    /// Those that could not be estimated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<Refused>,
}

keyed_enum! {
    /// What the experiment says to do.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Verdict {
        /// A primary metric is better by what matters, nothing is worse than it may be.
        Ship = "ship",
        /// Not enough is known.
        Hold = "hold",
        /// A metric is worse than it may be, or the effect that matters is excluded.
        Stop = "stop",
    }
}

keyed_enum! {
    /// Where one metric stands.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Standing {
        /// Better, beyond chance, and by the smallest effect that matters or more at the estimate.
        Better = "better",
        /// Better beyond chance, but the estimate is below the smallest effect that matters.
        SmallerThanMatters = "smaller_than_matters",
        /// The smallest effect that matters is excluded.
        NoEffectThatMatters = "no_effect_that_matters",
        /// A guardrail that is within its margin.
        WithinMargin = "within_margin",
        /// Worse, beyond chance.
        Worse = "worse",
        /// A guardrail beyond its margin.
        BeyondMargin = "beyond_margin",
        /// The interval covers both.
        Undecided = "undecided",
    }
}

/// One metric of one arm in the decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DecisionRow {
    /// The metric.
    pub metric: String,
    /// The arm.
    pub arm: String,
    /// Its part.
    pub role: Role,
    /// Where it stands.
    pub standing: Standing,
    /// The p-value that decided, adjusted over the primary metrics; absent for guardrails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p_adjusted: Option<f64>,
    /// More units (or clusters) by which an undecided metric would probably be decided; absent if it is decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more_units: Option<usize>,
}

/// The decision on one arm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ArmDecision {
    /// The arm.
    pub arm: String,
    /// What to do.
    pub verdict: Verdict,
    /// Why, one sentence for a reader.
    pub reason: String,
    /// Its metrics.
    pub rows: Vec<DecisionRow>,
}

/// `health.json`: everything that is known before an effect is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HealthDocument {
    /// The design.
    pub design: DesignFacts,
    /// What identifies the effects, in words.
    pub identification: Vec<String>,
    /// The checks.
    pub checks: Vec<HealthCheck>,
    /// The grade of the randomisation.
    pub tier: Tier,
}

/// `results.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExperimentResults {
    /// Title of the plan.
    pub title: String,
    /// Question of the plan.
    pub question: String,
    /// Everything that was known before.
    pub health: HealthDocument,
    /// The metrics, in the order of the plan.
    pub metrics: Vec<MetricResult>,
    /// The effects on everyone.
    pub effects: Vec<EffectRow>,
    /// The effects in segments.
    pub segments: Vec<EffectRow>,
    /// The arms in the segments, for each metric.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub segment_arms: Vec<SegmentArm>,
    /// How the effects in segments vary together; a file of its own.
    #[serde(skip)]
    pub segment_covariances: Vec<SegmentCovariance>,
    /// What was asked for and is not given.
    pub refused: Vec<Refused>,
    /// First stages, one for each arm, where effects of the treatment were asked for.
    pub first_stages: Vec<FirstStage>,
    /// By day or period.
    pub days: Vec<DayRow>,
    /// The earlier and the later half of the rows; empty where there are fewer than three days or periods.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<Phase>,
    /// How looks were planned.
    pub looks_planned: LookPlan,
    /// The looks, this one last.
    pub looks: Vec<Look>,
    /// Checks that need effects; they warn, and the decision does not rest on them.
    pub checks_of_effects: Vec<HealthCheck>,
    /// The decision for each arm.
    pub decisions: Vec<ArmDecision>,
    /// How sound the log of decisions is; absent where the plan has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logged_audit: Option<LoggedAudit>,
    /// Values of policies and credits of steps from that log. The decisions on the arms do not rest on them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logged_answers: Option<LoggedAnswers>,
    /// Sentences for the reader on what limits these results.
    pub caveats: Vec<String>,
    /// SHA-256 of the data.
    pub data_sha256: String,
    /// SHA-256 of the plan.
    pub plan_sha256: String,
    /// Version of the program.
    pub version: String,
}
