//! From the name of a learner to the learner of a propensity, at the cost that the budget allows.

use crate::learners::boosting::{BoostingLearner, BoostingParams};
use crate::learners::elastic_net::{ElasticNet, ElasticNetParams};
use crate::learners::learner::{Learner, LearnerError};
use crate::learners::regression::Regression;
use crate::nuisance::{Budget, LearnerKind};

/// The learner that plans and specs call `kind`, for the probability of treatment among `n` rows.
///
/// # Errors
/// [`LearnerError::Params`] for a learner that is not made for probabilities.
pub fn propensity_learner(kind: LearnerKind, budget: Budget, n: usize) -> Result<Box<dyn Learner>, LearnerError> {
    match kind {
        LearnerKind::Linear => Ok(Box::new(Regression::default())),
        LearnerKind::ElasticNet => Ok(Box::new(ElasticNet { params: elastic_net(budget) })),
        LearnerKind::Boosting => Ok(Box::new(BoostingLearner { params: BoostingParams::propensity(n) })),
        LearnerKind::BoostingLinear => Ok(Box::new(BoostingLearner { params: BoostingParams::outcome(n) })),
        LearnerKind::ElasticNetBasis | LearnerKind::Bart | LearnerKind::Stack => Err(LearnerError::Params {
            learner: kind.key(),
            problem: "does not fit propensities; use `boosting`, `boosting_linear`, `elastic_net` or `linear`"
                .to_owned(),
        }),
    }
}

fn elastic_net(budget: Budget) -> ElasticNetParams {
    match budget {
        Budget::Fast => ElasticNetParams::default(),
        Budget::Thorough => ElasticNetParams::thorough(),
    }
}
