//! Grades: the rubric turns measured diagnostics into findings, findings into a tier per estimand, and adds what a
//! careful reviewer owes the principal.

pub mod alignment;
pub mod rubric;
pub mod verdict;

use crate::estimand::Target;
use crate::finding::{Finding, Tier};
use serde::{Deserialize, Serialize};

/// One check that plan, spec and executed analysis agree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlignmentCheck {
    /// What was compared.
    pub check: String,
    /// Whether it holds.
    pub holds: bool,
    /// What was seen.
    pub detail: String,
}

/// The critic's grade of one analysis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AnalysisCritique {
    /// The estimand the plan asked for.
    pub requested: Target,
    /// The honest name of what is estimated now.
    pub estimand: String,
    /// The computed tier. Before unblinding it is the tier of the design, with sensitivity withheld.
    pub tier: Tier,
    /// Everything the rubric looked at.
    pub findings: Vec<Finding>,
    /// If and how this differs from the ATE in everyone, and for whom the answer holds.
    pub departs_from_ate: String,
}

/// One component of the ideal trial beside what this analysis does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialContrast {
    /// The component.
    pub component: String,
    /// What the target trial would do, in the principal's words.
    pub target_trial: String,
    /// What this analysis does instead.
    pub this_analysis: String,
}

/// `critique.json`: what the critic says of one iteration, or of the final, unblinded analysis.
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
    /// Plan, spec and executed analysis agree?
    pub alignment: Vec<AlignmentCheck>,
    /// The contrast with the ideal trial.
    pub trial_contrast: Vec<TrialContrast>,
    /// Blind spots: what the plan does not mention and a reviewer would ask.
    pub blind_spots: Vec<String>,
    /// At least one other way to learn the answer.
    pub alternatives: Vec<String>,
    /// Remediations taken so far.
    pub remediations: Vec<String>,
}

/// When a critique was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Before unblinding: diagnostics only.
    Design,
    /// After unblinding: with sensitivity.
    Final,
}
