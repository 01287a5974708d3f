//! The critique of one iteration, or of the final analysis, as it is committed.

use crate::finding::{Finding, Tier};
use crate::record::model_review::ReviewRecord;
use causal::estimand::Target;
use serde::{Deserialize, Serialize};

/// One check that plan, spec and executed analysis agree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlignmentCheck {
    /// The two things compared, as a claim.
    pub check: String,
    /// True if it holds.
    pub holds: bool,
    /// The evidence.
    pub detail: String,
}

/// The critic's grade of one analysis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AnalysisCritique {
    /// The estimand the plan asked for.
    pub requested: Target,
    /// The honest name of what is estimated now.
    pub estimand: String,
    /// The verdict: the computed tier, or a lower one that a language model gave a reason for. Before unblinding it is the
    /// tier of the design, with sensitivity withheld.
    pub tier: Tier,
    /// The computed tier, where a language model graded as well; then `tier` is the lower of the two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rubric_tier: Option<Tier>,
    /// Everything the rubric looked at.
    pub findings: Vec<Finding>,
    /// The difference from the ATE in everyone, if any, and the population for whom the answer holds.
    pub departs_from_ate: String,
}

impl AnalysisCritique {
    /// The tier that the rubric computed, whatever a language model said.
    #[must_use]
    pub fn computed(&self) -> Tier {
        self.rubric_tier.unwrap_or(self.tier)
    }
}

/// One component of the ideal trial beside what this analysis does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialContrast {
    /// The component.
    pub component: String,
    /// The target trial, in the principal's words.
    pub target_trial: String,
    /// This analysis, where it differs.
    pub this_analysis: String,
}

/// `critique.json`: the critique of one iteration, or of the final, unblinded analysis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Critique {
    /// The iteration criticised.
    pub iteration: u32,
    /// `design` while blind, `final` after unblinding.
    pub stage: Stage,
    /// SHA-256 of the spec criticised.
    pub spec_sha256: String,
    /// One per analysis.
    pub analyses: Vec<AnalysisCritique>,
    /// Checks that plan, spec and executed analysis agree.
    pub alignment: Vec<AlignmentCheck>,
    /// The contrast with the ideal trial.
    pub trial_contrast: Vec<TrialContrast>,
    /// Blind spots: what the plan does not mention and a reviewer would ask.
    pub blind_spots: Vec<String>,
    /// At least one other way to learn the answer.
    pub alternatives: Vec<String>,
    /// Remediations taken so far.
    pub remediations: Vec<String>,
    /// A language model's critique beside the computed one; `None` if the critic is the rubric alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reviewed: Option<ReviewRecord>,
}

/// The stage at which a critique was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Before unblinding: diagnostics only.
    Design,
    /// After unblinding: with sensitivity.
    Final,
}
