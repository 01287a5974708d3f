//! The choice of nuisance models: words shared by plans, specs, estimators and reports.
//!
//! A nuisance is a function that has to be known to estimate an effect but is not itself the question: the propensity
//! e(x) = P(T = 1 | X = x) and the outcome means μ₁(x), μ₀(x) under treatment and under control.

use serde::{Deserialize, Serialize};

/// The response of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// A number, squared error: the model is the conditional mean.
    Gaussian,
    /// Zeros and ones, log loss: the model is the conditional probability.
    Bernoulli,
}

keyed_enum! {
    /// The learners, by the name that plans, specs and the command line use.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
    pub enum LearnerKind {
        /// Linear or logistic regression without penalty, by maximum likelihood.
        Linear = "linear",
        /// Linear or logistic regression with a ridge penalty chosen by restricted likelihood, on the terms as they are.
        Ridge = "ridge",
        /// Linear or logistic regression with an elastic-net penalty chosen by cross-validation, on the terms as they are.
        ElasticNet = "elastic_net",
        /// The same on splines of every term and products of pairs.
        ElasticNetBasis = "elastic_net_basis",
        /// Gradient-boosted trees with a constant in each leaf.
        Boosting = "boosting",
        /// Gradient-boosted trees with a ridge regression in each leaf.
        BoostingLinear = "boosting_linear",
        /// Boosting (with linear leaves for outcomes) or ridge regression, whichever predicts held-out rows better.
        BoostingOrRidge = "boosting_or_ridge",
        /// Bayesian additive regression trees with the sparse (Dirichlet) split prior.
        Bart = "bart",
        /// Non-negative combination of several learners, weighted by their out-of-fold predictions.
        Stack = "stack",
    }
}

impl LearnerKind {
    /// All learners, simplest first.
    pub const ALL: [LearnerKind; 9] = [
        LearnerKind::Linear,
        LearnerKind::Ridge,
        LearnerKind::ElasticNet,
        LearnerKind::ElasticNetBasis,
        LearnerKind::Boosting,
        LearnerKind::BoostingLinear,
        LearnerKind::BoostingOrRidge,
        LearnerKind::Bart,
        LearnerKind::Stack,
    ];

    /// The learners among which this one picks: itself, unless it is a choice. `boosting` is the kind of boosting among them:
    /// with constant leaves for a propensity, with linear ones for an outcome.
    #[must_use]
    pub fn candidates(self, boosting: LearnerKind) -> Vec<LearnerKind> {
        match self {
            LearnerKind::BoostingOrRidge => vec![boosting, LearnerKind::Ridge],
            kind => vec![kind],
        }
    }
}

keyed_enum! {
    /// The amount of computing that an answer is worth.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
    pub enum Effort {
        /// A few seconds at five thousand rows.
        #[default]
        Fast = "fast",
        /// More sweeps, chains and repeats.
        Thorough = "thorough",
    }
}

impl Effort {
    /// Both, quicker first.
    pub const ALL: [Effort; 2] = [Effort::Fast, Effort::Thorough];

    /// Repeats of the cross-fitting, unless the plan says.
    #[must_use]
    pub fn repeats(self) -> usize {
        match self {
            Effort::Fast => 1,
            Effort::Thorough => 5,
        }
    }
}
