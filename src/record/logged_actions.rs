//! What an experiment's log of decisions says: `logged_actions.json` before any reward is looked at, and the answers of `results.json`.

use crate::finding::Tier;
use crate::record::experiment::{Check, Estimate};
use causal::keyed_enum;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

keyed_enum! {
    /// A check of a log of decisions. None needs a reward.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum LoggedCode {
        /// The logged chances of actions against the actions.
        Chances = "chances",
        /// Decisions in which a policy takes an action that the log never took there.
        Support = "support",
        /// The mean weight of a policy, action by action.
        PolicyWeights = "policy_weights",
        /// The effective number of units behind a policy, or behind a step on or off.
        EffectiveUnits = "effective_units",
        /// The logged chances of a step against its coin.
        Coins = "coins",
        /// Whether the coins of different steps are independent.
        IndependentCoins = "independent_coins",
    }
}

/// One check of the log.
pub type LoggedCheck = Check<LoggedCode>;

/// A number that should be near another, with its standard error.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Held {
    /// The number.
    pub value: f64,
    /// Its standard error, by units.
    pub std_error: f64,
}

/// One action of the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActionFacts {
    /// The action.
    pub action: String,
    /// Decisions in which it was taken.
    pub decisions: usize,
    /// Σ1/μ over those, divided by all decisions: 1 if the chances describe the log.
    pub weight: Held,
}

/// One action of a policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PolicyAction {
    /// The action.
    pub action: String,
    /// Decisions in which the policy takes it.
    pub wanted: usize,
    /// Those in which the log took it too.
    pub matched: usize,
    /// Their mean weight, which should be 1.
    pub weight: Held,
}

/// How a policy meets the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PolicyAudit {
    /// The policy.
    pub policy: String,
    /// Decisions in which the log did what it does.
    pub matched: usize,
    /// As many units of equal weight say as much.
    pub effective_units: f64,
    /// The largest weight of a decision.
    pub largest_weight: f64,
    /// The mean weight, which should be 1.
    pub weight: Held,
    /// Its actions.
    pub actions: Vec<PolicyAction>,
    /// Its checks.
    pub checks: Vec<LoggedCheck>,
}

/// How a step was switched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepAudit {
    /// The step.
    pub step: String,
    /// Decisions with it on.
    pub on: usize,
    /// Σ of the chances that it was on: decisions with it on, if they describe the log.
    pub expected: f64,
    /// Share on minus mean chance, which should be 0.
    pub surplus: Held,
    /// The smaller effective number of units of on and off.
    pub effective_units: f64,
    /// Its checks.
    pub checks: Vec<LoggedCheck>,
}

/// `logged_actions.json`: everything that is known of the log before a reward is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoggedAudit {
    /// Decisions of assigned units.
    pub decisions: usize,
    /// Their units.
    pub units: usize,
    /// Units or clusters that are taken for independent.
    pub independent: usize,
    /// Decisions by arm of their units, in the order of the arms.
    pub by_arm: Vec<(String, usize)>,
    /// Rows of units that were never assigned.
    pub not_assigned: usize,
    /// Rows of units that `data.filter` leaves out.
    pub of_filtered_units: usize,
    /// Terms of the covariates.
    pub covariates: Vec<String>,
    /// Missing covariate values that were set to 0 beside an indicator, by column.
    pub covariate_values_filled: BTreeMap<String, usize>,
    /// The actions, by name; empty without policies.
    pub actions: Vec<ActionFacts>,
    /// The policies, in the order of the plan.
    pub policies: Vec<PolicyAudit>,
    /// The steps, in the order of the plan.
    pub steps: Vec<StepAudit>,
    /// Checks of the log as a whole.
    pub checks: Vec<LoggedCheck>,
    /// The grade of the log: of all its checks.
    pub tier: Tier,
}

impl LoggedAudit {
    /// Every check, those of the whole log first.
    pub fn all_checks(&self) -> impl Iterator<Item = &LoggedCheck> {
        let policies = self.policies.iter().flat_map(|policy| &policy.checks);
        self.checks.iter().chain(policies).chain(self.steps.iter().flat_map(|step| &step.checks))
    }
}

/// An estimate with its p-values.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Tested {
    /// The estimate.
    pub effect: Estimate,
    /// Degrees of freedom: units − 1.
    pub df: f64,
    /// Two-sided p-value of no difference.
    pub p_value: f64,
    /// Holm's, over the policies or over the steps; absent for what is no member of such a family.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holm: Option<f64>,
}

/// A performance score under a policy, or with a step on and off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScoreRow {
    /// The score.
    pub score: String,
    /// Its mean under the policy, or with the step on.
    pub with: f64,
    /// Its mean in the log, or with the step off.
    pub without: f64,
    /// The difference, estimated as that of the reward is.
    pub difference: Tested,
}

/// The value of a policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PolicyRow {
    /// The policy.
    pub policy: String,
    /// Doubly robust: the answer.
    pub value: Estimate,
    /// Value minus the mean reward of the log.
    pub gain: Tested,
    /// By inverse weighting alone.
    pub horvitz_thompson: Estimate,
    /// By self-normalised inverse weighting.
    pub hajek: Estimate,
    /// The scores under it.
    pub scores: Vec<ScoreRow>,
}

/// The credit of a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepRow {
    /// The step.
    pub step: String,
    /// Mean reward with the step on, the others as logged.
    pub on: Estimate,
    /// With it off.
    pub off: Estimate,
    /// The difference.
    pub credit: Tested,
    /// The scores with the step on and off.
    pub scores: Vec<ScoreRow>,
}

/// What two steps do together beyond what each does alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PairRow {
    /// The two steps.
    pub steps: [String; 2],
    /// (both − one) − (other − neither).
    pub together: Tested,
}

/// All steps on against all off.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AllStepsRow {
    /// Decisions with all on.
    pub on: usize,
    /// Decisions with all off.
    pub off: usize,
    /// The difference.
    pub effect: Tested,
    /// That, minus the sum of the credits.
    pub left_over: Tested,
}

/// Something that the plan asks of the log and that is not given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoggedRefusal {
    /// The policy, the step, the pair or `all steps`.
    pub asked: String,
    /// Why.
    pub reason: String,
}

/// The answers from the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoggedAnswers {
    /// The column of the reward.
    pub reward: String,
    /// Mean reward of the log.
    pub logged: Estimate,
    /// Values of policies.
    pub policies: Vec<PolicyRow>,
    /// Credits of steps.
    pub steps: Vec<StepRow>,
    /// Steps two by two.
    pub pairs: Vec<PairRow>,
    /// All steps; absent with fewer than two, and where it is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub all_steps: Option<AllStepsRow>,
    /// What is not given.
    pub refused: Vec<LoggedRefusal>,
}
