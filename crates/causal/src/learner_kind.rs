//! How nuisance models are chosen: words shared by plans, specs, estimators and reports.
//!
//! A nuisance is a function that has to be known to estimate an effect but is not itself the question: the propensity
//! e(x) = P(T = 1 | X = x) and the outcome means μ₁(x), μ₀(x) under treatment and under control.

use serde::{Deserialize, Serialize};

/// What a model is fitted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// A number, squared error: the model is the conditional mean.
    Gaussian,
    /// Zeros and ones, log loss: the model is the conditional probability.
    Bernoulli,
}

/// The learners, by the name that plans, specs and the command line use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LearnerKind {
    /// Linear or logistic regression without penalty, by maximum likelihood.
    Linear,
    /// Linear or logistic regression with an elastic-net penalty chosen by cross-validation, on the terms as they are.
    ElasticNet,
    /// The same on splines of every term and products of pairs.
    ElasticNetBasis,
    /// Gradient-boosted trees with a constant in each leaf.
    Boosting,
    /// Gradient-boosted trees with a ridge regression in each leaf.
    BoostingLinear,
    /// Bayesian additive regression trees with the sparse (Dirichlet) split prior.
    Bart,
    /// Non-negative combination of several learners, weighted by their out-of-fold predictions.
    Stack,
}

impl LearnerKind {
    /// All learners, simplest first.
    pub const ALL: [LearnerKind; 7] = [
        LearnerKind::Linear,
        LearnerKind::ElasticNet,
        LearnerKind::ElasticNetBasis,
        LearnerKind::Boosting,
        LearnerKind::BoostingLinear,
        LearnerKind::Bart,
        LearnerKind::Stack,
    ];

    /// The key used in plans, specs and on the command line.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            LearnerKind::Linear => "linear",
            LearnerKind::ElasticNet => "elastic_net",
            LearnerKind::ElasticNetBasis => "elastic_net_basis",
            LearnerKind::Boosting => "boosting",
            LearnerKind::BoostingLinear => "boosting_linear",
            LearnerKind::Bart => "bart",
            LearnerKind::Stack => "stack",
        }
    }

    /// Parses a [`LearnerKind::key`].
    #[must_use]
    pub fn parse(text: &str) -> Option<LearnerKind> {
        LearnerKind::ALL.into_iter().find(|k| k.key() == text.trim())
    }
}

/// How much computing an answer is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effort {
    /// A few seconds at five thousand rows.
    #[default]
    Fast,
    /// More sweeps, chains and repeats.
    Thorough,
}

impl Effort {
    /// Both, quicker first.
    pub const ALL: [Effort; 2] = [Effort::Fast, Effort::Thorough];

    /// The key used in plans, specs and on the command line.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Effort::Fast => "fast",
            Effort::Thorough => "thorough",
        }
    }

    /// How often cross-fitting is repeated unless the plan says.
    #[must_use]
    pub fn repeats(self) -> usize {
        match self {
            Effort::Fast => 1,
            Effort::Thorough => 5,
        }
    }
}
