//! The documents committed as JSON: `design.json` and `results.json` (`dataset.json` is `schema::DatasetDocument`).

use super::effect::EffectDocument;
use crate::finding::Tier;
use crate::record::basis::IdentificationBasis;
use crate::record::critique::Critique;
use crate::record::earlier::LedgerEntry;
use crate::record::model_review::FlaggedFigure;
use crate::record::not_estimated::NotEstimated;
use crate::record::structure::{PocketPlace, StructureDocument};
use crate::schema::Counters;
use crate::spec::Revision;
use causal::diagnose::balance::BalanceTable;
use causal::diagnose::bounds::Bounds;
use causal::diagnose::overlap::OverlapReport;
use causal::diagnose::placebo::PlaceboReport;
use causal::diagnose::sensitivity::SensitivityReport;
use causal::estimand::{Estimand, Target};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// A fitted coefficient, raw scale.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CoefficientRow {
    /// Term, `(Intercept)` first.
    pub term: String,
    /// Estimate.
    pub estimate: f64,
    /// Model standard error (inverse Fisher information).
    pub std_error: f64,
}

/// Where a propensity comes from. In a document: `logistic regression`, `known`, or the learner's own name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum FittedBy {
    /// A logistic regression on all rows.
    #[default]
    LogisticRegression,
    /// Nothing: the propensity is known.
    Known,
    /// Another learner, out of fold.
    Learner(String),
}

impl fmt::Display for FittedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LogisticRegression => "logistic regression",
            Self::Known => "known",
            Self::Learner(name) => name,
        })
    }
}

impl From<String> for FittedBy {
    fn from(written: String) -> Self {
        let plain = [Self::LogisticRegression, Self::Known].into_iter().find(|kind| kind.to_string() == written);
        plain.unwrap_or(Self::Learner(written))
    }
}

impl From<FittedBy> for String {
    fn from(learner: FittedBy) -> Self {
        learner.to_string()
    }
}

/// The propensity model of one analysis.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PropensityDocument {
    /// The learner that fitted it.
    pub learner: FittedBy,
    /// Coefficients of a logistic regression; empty for other learners.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub coefficients: Vec<CoefficientRow>,
    /// Terms given to a learner without coefficients; empty for a logistic regression and a known propensity.
    pub terms: Vec<String>,
    /// Terms left out because they are constant or a combination of earlier terms among the analysed rows.
    pub dropped_terms: Vec<String>,
    /// Newton iterations of a logistic regression; rounds or sweeps of another learner, one number for each fold.
    pub iterations: Vec<usize>,
    /// Log-likelihood at the maximum, of a logistic regression.
    pub log_likelihood: Option<f64>,
    /// Mean of −ln P(the treatment received): in sample for a logistic regression, out of fold for another learner.
    pub log_loss: f64,
    /// Area under the ROC curve, in sample or out of fold likewise.
    pub auc: f64,
    /// The smallest propensity that a cross-fitted learner is taken at its word for, and one minus the largest.
    pub clip: Option<f64>,
    /// Units whose propensity was moved to one of those bounds.
    pub clipped: usize,
    /// Remarks on the fits, one sentence each.
    pub notes: Vec<String>,
    /// The fits that did not end where they should, one sentence each.
    pub not_converged: Vec<String>,
}

/// Who is in the population of one analysis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PopulationDocument {
    /// Rows.
    pub n: usize,
    /// Treated rows.
    pub n_treated: usize,
    /// Control rows.
    pub n_control: usize,
    /// Share of the analysed rows kept.
    pub share_kept: f64,
    /// Treated rows trimmed away.
    pub trimmed_treated: usize,
    /// Control rows trimmed away.
    pub trimmed_control: usize,
    /// Smallest propensity kept, on the fit to all rows; `None` without trimming.
    pub alpha_lower: Option<f64>,
    /// Largest propensity kept; `None` without trimming.
    pub alpha_upper: Option<f64>,
    /// Who that is, in a sentence: means of the priority confounders in the target population and in everyone.
    pub description: String,
    /// Means of the priority confounder terms: (term, in the target population, among all analysed rows).
    pub profile: Vec<(String, f64, f64)>,
    /// The same means among all who were asked about, where the answer is not about all of them; empty otherwise, and where
    /// the overlap population was asked about, which has no members of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub profile_asked: Vec<(String, f64)>,
}

impl PopulationDocument {
    /// The priority term whose mean among those who are left is farthest, in proportion, from that among all who were asked
    /// about: the term, the one mean, the other.
    #[must_use]
    pub fn farthest_from_asked(&self) -> Option<(&str, f64, f64)> {
        let asked = |term: &str| self.profile_asked.iter().find(|row| row.0 == term).map(|row| row.1);
        let rows = self.profile.iter().filter_map(|row| Some((row.0.as_str(), row.1, asked(&row.0)?)));
        let apart = |row: &(&str, f64, f64)| (row.1 - row.2).abs() / (row.1.abs() + row.2.abs());
        let finite = rows.filter(|row| apart(row).is_finite());
        finite.max_by(|a, b| apart(a).total_cmp(&apart(b)))
    }
}

/// The design of one analysis: everything that can be known without the outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AnalysisDesign {
    /// The estimand the plan asked for.
    pub requested: Target,
    /// The estimand now.
    pub estimand: Estimand,
    /// Its name.
    pub name: String,
    /// The reason for a failed design (separation, an arm trimmed away, …); then all that follows is `None`.
    pub failed: Option<String>,
    /// Population.
    pub population: Option<PopulationDocument>,
    /// Propensity model; `None` if the design failed.
    pub propensity: Option<PropensityDocument>,
    /// Balance; `None` if the tool is not allowed.
    pub balance: Option<BalanceTable>,
    /// Overlap; `None` if the tool is not allowed.
    pub overlap: Option<OverlapReport>,
    /// Placebos; `None` if the tool is not allowed.
    pub placebo: Option<PlaceboReport>,
}

/// The design of an iteration. `design.json` is [`DesignDocument::without_tables`]; the tables are CSV files beside it, with a line
/// for each term, so that a diff shows which terms moved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DesignDocument {
    /// The iteration.
    pub iteration: u32,
    /// SHA-256 of `spec.yaml`.
    pub spec_sha256: String,
    /// SHA-256 fingerprint of the data that was read for it.
    pub data_sha256: String,
    /// Counts of what was done to rows and values.
    pub counters: Counters,
    /// Why the comparison would be causal.
    #[serde(default)]
    pub identification: IdentificationBasis,
    /// Structural faults of the confounders among all analysed rows, before any trimming.
    #[serde(default, skip_serializing_if = "StructureDocument::is_clean")]
    pub structure: StructureDocument,
    /// Subgroups in which one arm is all but missing, among all analysed rows, before any trimming.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pockets: Vec<PocketPlace>,
    /// One per analysis.
    pub analyses: Vec<AnalysisDesign>,
}

impl DesignDocument {
    /// The design without its long tables: balance by term, coefficients and histograms.
    #[must_use]
    pub fn without_tables(&self) -> DesignDocument {
        let mut short = self.clone();
        for analysis in &mut short.analyses {
            if let Some(balance) = &mut analysis.balance {
                balance.rows.clear();
                balance.second_moments.clear();
            }
            if let Some(propensity) = &mut analysis.propensity {
                propensity.coefficients.clear();
            }
            if let Some(overlap) = &mut analysis.overlap {
                overlap.histogram_treated.clear();
                overlap.histogram_control.clear();
            }
        }
        short
    }
}

/// All effects of one analysis in one iteration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EffectRow {
    /// The iteration whose spec this is.
    pub iteration: u32,
    /// The estimand the plan asked for.
    pub requested: Target,
    /// The honest name.
    pub name: String,
    /// True if this estimator is the primary one of its analysis.
    pub primary: bool,
    /// The learners of its propensity and its outcome means: `logistic, linear`; `none` for the difference in means.
    pub learners: String,
    /// The estimate.
    pub effect: EffectDocument,
}

/// The largest difference between doubly robust estimates of one effect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Disagreement {
    /// Whose estimates: `AIPW and AIPW, cross-fitted`.
    pub between: String,
    /// Their difference, outcome units, not negative.
    pub size: f64,
    /// What they are to each other.
    pub pair: EstimatePair,
}

/// Two doubly robust estimates of one effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EstimatePair {
    /// The members of an average, which is the answer.
    Members,
    /// The answer, by regressions, and a flexible estimate beside it.
    RegressionAndFlexible,
    /// The answer and another estimate of its kind.
    Other,
}

/// The same estimator for another target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TargetEstimate {
    /// Whose average effect.
    pub target: Target,
    /// The estimate, outcome units.
    pub estimate: f64,
}

/// The diagnostics computed with an answer, by which it is judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EstimateDiagnostics {
    /// Standard deviation of the outcome among the rows of the answer, observation weights included.
    pub outcome_sd: f64,
    /// Largest share of the squared deviations of the outcome that one of those rows makes, likewise.
    pub largest_row: f64,
    /// The smallest outcome among them: a ratio of means has a meaning where it is not negative.
    pub outcome_smallest: f64,
    /// The largest difference between doubly robust estimates; `None` if there is only one.
    pub disagreement: Option<Disagreement>,
    /// The answer's estimator for every target in the same population, as far as it can.
    pub by_target: Vec<TargetEstimate>,
    /// Nuisance fits of the answer that did not end where they should, one sentence each.
    pub not_converged: Vec<String>,
}

/// The answer to one requested estimand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The estimand the plan asked for.
    pub requested: Target,
    /// The honest name of what is answered.
    pub name: String,
    /// The iteration whose spec first had the analysis that answers; later specs may have left it as it was.
    pub iteration: u32,
    /// The final, computed verdict.
    pub tier: Tier,
    /// For whom, in a sentence.
    pub population: String,
    /// Population numbers.
    pub population_numbers: Option<PopulationDocument>,
    /// The reason for this estimator, in the spec's own words.
    pub because: String,
    /// Primary estimate; `None` if nothing could be estimated.
    pub effect: Option<EffectDocument>,
    /// The diagnostics of the estimate; `None` without an estimate.
    pub diagnostics: Option<EstimateDiagnostics>,
    /// The propensity model of the answer's design.
    pub propensity: Option<PropensityDocument>,
    /// Sensitivity; `None` if the tool is not allowed or it could not be computed.
    pub sensitivity: Option<SensitivityReport>,
    /// Worst-case bounds of what was asked for, where the outcome has a known range.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bounds: Option<Bounds>,
    /// Reasons for a missing effect or a missing sensitivity.
    pub missing: Vec<String>,
}

/// One line of the list of everything that was tried.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SpecTried {
    /// Iteration.
    pub iteration: u32,
    /// SHA-256 of its spec.
    pub spec_sha256: String,
    /// The changes.
    pub revisions: Vec<Revision>,
    /// Design tier per requested estimand, before unblinding.
    pub tiers: Vec<(Target, String, Tier)>,
}

/// `results.json`: exists only after `unblind`. The program writes it and never reads it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ResultsDocument {
    /// Title of the plan.
    pub title: String,
    /// Units of the outcome.
    pub units: String,
    /// Plan hash.
    pub plan_sha256: String,
    /// Data hash.
    pub data_sha256: String,
    /// Hash of the spec whose analyses are the answers.
    pub spec_sha256: String,
    /// Program version.
    pub tool_version: String,
    /// Playbooks by name with the SHA-256 of their text.
    pub playbooks: BTreeMap<String, String>,
    /// Counts of what was done to rows and values.
    pub counters: Counters,
    /// One per requested estimand.
    pub answers: Vec<Answer>,
    /// Every estimator of every analysis of every iteration.
    pub effects: Vec<EffectRow>,
    /// Estimators that could not be run, with the reason.
    pub not_estimated: Vec<NotEstimated>,
    /// Terms that estimators left out: sentences.
    pub estimation_notes: Vec<String>,
    /// Every spec that was tried.
    pub specs_tried: Vec<SpecTried>,
    /// Why the comparison would be causal, after the outcome was read.
    pub identification: IdentificationBasis,
    /// Analyses of the same outcome in the same data that were unblinded before this one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unblinded_before: Vec<LedgerEntry>,
    /// The final critique: `critique.json`, and not written a second time.
    #[serde(skip)]
    pub critique: Critique,
    /// The part of language models; `None` if there were none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conduct: Option<Conduct>,
}

/// The usage of one role.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleUsage {
    /// Answers of the model.
    pub calls: u32,
    /// Tools that it called.
    pub tool_calls: u32,
    /// Answers that were sent back to be repaired.
    pub repairs: u32,
    /// Tokens read, cached ones included.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
    /// Of the tokens read: from a cache.
    pub cache_read_tokens: u64,
    /// Of the tokens read: written into a cache.
    pub cache_write_tokens: u64,
    /// Of the tokens written: thinking.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reasoning_tokens: u64,
    /// The longest request, tokens: above a threshold some models cost more.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub longest_input: u64,
}

/// The part of language models in a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Conduct {
    /// Who wrote and revised the specs: `playbook`, or provider and model.
    pub actor: String,
    /// Who graded them beside the rubric, likewise.
    pub critic: String,
    /// The actor's usage.
    pub actor_usage: RoleUsage,
    /// The critic's usage.
    pub critic_usage: RoleUsage,
    /// US dollars by the price table; `None` if a model is not in it.
    pub cost_usd: Option<f64>,
    /// The budget that ended the run, as a sentence; `None` if it ended by itself.
    pub stopped: Option<String>,
    /// Things that a model was asked for and did not deliver, a sentence each.
    pub shortfalls: Vec<String>,
    /// Figures in the actor's reasons that are not in these results. (Those of the critic are in `critique.reviewed`.)
    pub flagged: Vec<FlaggedFigure>,
    /// Bytes of models' answers that were too long to be kept.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out_bytes: u64,
}

fn is_zero(bytes: &u64) -> bool {
    *bytes == 0
}
