//! What a follow-up found: `sweeps/NAME.json`, and the rows of `sweeps/NAME.csv`.

use crate::finding::Tier;
use crate::plan::follow_ups::{OutcomeForm, SweepKind};
use causal::diagnose::heterogeneity::Heterogeneity;
use causal::diagnose::specification_curve::CurveInference;
use causal::estimand::Target;
use causal::estimator::EstimatorKind;
use serde::{Serialize, Serializer};

/// When a follow-up was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Declared {
    /// In the plan, before anything was known.
    InThePlan,
    /// When the answers were known.
    AfterUnblinding,
}

/// A follow-up that was made.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FollowUpDocument {
    /// Its name.
    pub name: String,
    /// Its kind.
    #[serde(serialize_with = "kind_key")]
    pub sweep: SweepKind,
    /// The column that divides, if one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When it was asked for.
    pub declared: Declared,
    /// Title of the plan.
    pub title: String,
    /// Units of the outcome.
    pub units: String,
    /// Hash of the plan.
    pub plan_sha256: String,
    /// Hash of the data.
    pub data_sha256: String,
    /// Hash of the request.
    pub request_sha256: String,
    /// Program version.
    pub tool_version: String,
    /// The answers that it is about, as the run graded them. A follow-up changes none of them.
    pub answers: Vec<AnswerSwept>,
    /// Rows of the table.
    pub rows: usize,
    /// Of those, rows without an estimate.
    pub not_estimated: usize,
    /// Rows whose own design would have been gradable.
    pub gradable: usize,
    /// The specification curve, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub curve: Option<Curve>,
    /// The rows.
    #[serde(skip)]
    pub table: Vec<SweepRow>,
}

fn kind_key<S: Serializer>(kind: &SweepKind, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(kind.key())
}

/// An answer of the run beside its follow-up.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AnswerSwept {
    /// The estimand asked for.
    pub requested: Target,
    /// The name of the answer.
    pub name: String,
    /// The iteration that answers.
    pub iteration: u32,
    /// Hash of its spec.
    pub spec_sha256: String,
    /// The verdict of the run.
    pub verdict: Tier,
    /// True if the causal graph of the plan does not identify the effect by its confounders, so that no row is an effect.
    pub not_identified: bool,
    /// Rows analysed.
    pub analysed: usize,
    /// Rows of the answer's population, which is frozen where units are divided; absent if its design failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub population: Option<usize>,
    /// Rows of it that have no value in the column that divides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub without_group: Option<usize>,
    /// The test that all groups have one effect; absent where units are not divided, or groups are not independent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heterogeneity: Option<Heterogeneity>,
}

/// A specification curve as a whole.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Curve {
    /// The forks, with the names of their branches.
    pub forks: Vec<Fork>,
    /// Declared analyses, each once.
    pub declared: usize,
    /// Rows with an estimate that repeat an analysis of another row: trimming that leaves nobody out, winsorising that limits
    /// nothing. Joint test and m-values count each analysis once.
    pub repeated: usize,
    /// True if estimates are compared in standard deviations of the outcome as it was analysed.
    pub standardised: bool,
    /// The answer's estimate on the scale of the curve; absent if it could not be estimated again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<f64>,
    /// The joint test; absent if no analysis can be drawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub joint: Option<CurveInference>,
    /// Analyses with an estimate that are not in the joint test, since their estimators have no influence function.
    pub not_joint: usize,
    /// The m-value of the answer, by estimates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub m_value: Option<f64>,
    /// The same by estimates over their standard errors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub m_value_of_tests: Option<f64>,
    /// Of a form of the outcome, the values that were set to a limit.
    pub winsorised: usize,
}

/// One fork of a specification curve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fork {
    /// The choice: `trim`.
    pub key: String,
    /// Its branches: `0`, `0.1`.
    pub branches: Vec<String>,
}

/// One row of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct SweepRow {
    /// The estimand asked for.
    pub requested: Target,
    /// What is varied, as the table says it.
    pub label: String,
    /// The name of the estimand.
    pub estimand: String,
    /// The branch taken at each fork, of a specification curve.
    pub branches: Vec<String>,
    /// True if this is the answer of the run.
    pub answer: bool,
    /// Of a specification curve, the label of the row whose analysis this one is once more, on the same units with the same numbers.
    pub repeats: Option<String>,
    /// Rows, and treated rows among them; absent where not even that is known.
    pub n: Option<(usize, usize)>,
    /// Of the rows that could be in this row of the table, those left out by trimming.
    pub trimmed: Option<usize>,
    /// The estimator.
    pub estimator: EstimatorKind,
    /// Its learners.
    pub learners: String,
    /// What was done to the outcome.
    pub outcome: OutcomeForm,
    /// The estimate; absent with a reason.
    pub effect: Option<SweptEffect>,
    /// The largest absolute standardised difference after weighting, and its term.
    pub balance: Option<(f64, String)>,
    /// The grade of the row's own design by the rubric, blind: balance, overlap, placebos, population.
    pub grade: Option<Tier>,
    /// The codes of what fails in that design.
    pub fails: Vec<&'static str>,
    /// Why there is no estimate.
    pub missing: Option<String>,
}

impl SweepRow {
    /// True if this row by itself would have been gradable: it has an estimate, and nothing of its design fails.
    #[must_use]
    pub fn gradable(&self) -> bool {
        self.effect.is_some() && self.grade.is_some_and(|tier| tier > Tier::NotSatisfactory)
    }
}

/// P-values of no effect on one of several outcomes, by the normal distribution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OutcomeP {
    /// Of this outcome alone.
    pub alone: f64,
    /// After Holm: the chance of any false finding among the outcomes of this answer.
    pub holm: f64,
    /// After Benjamini and Hochberg: the expected share of false findings among them.
    pub benjamini_hochberg: f64,
}

/// The numbers of one row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SweptEffect {
    /// Estimate, in units of the outcome as it was analysed.
    pub estimate: f64,
    /// Standard error.
    pub std_error: f64,
    /// 95 % interval.
    pub interval: (f64, f64),
    /// Kish's effective sample sizes: treated, controls.
    pub effective: (f64, f64),
    /// The standard deviation of the outcome as it was analysed, over all analysed rows.
    pub outcome_sd: f64,
    /// Nuisance predictions that were moved into their range.
    pub clipped: usize,
    /// The p-value that holds for all rows of a specification curve at once.
    pub adjusted_p: Option<f64>,
    /// Of several outcomes, p-values for their number.
    pub among_outcomes: Option<OutcomeP>,
}
