//! From the word in a plan to the learner, with the settings of a budget.

use super::basis::BasisParams;
use super::elastic_net::{ElasticNet, ElasticNetParams};
use super::elastic_net_basis::ElasticNetBasis;
use super::learner::Learner;
use super::regression::Regression;
use super::stack::Stack;
use crate::nuisance::{Budget, LearnerKind};

/// The learner of that name. The stack holds one of every other kind except plain gradient boosting.
#[must_use]
pub fn by_kind(kind: LearnerKind, budget: Budget) -> Box<dyn Learner> {
    match kind {
        LearnerKind::Linear => Box::new(Regression::default()),
        LearnerKind::ElasticNet => Box::new(ElasticNet { params: elastic_net(budget) }),
        LearnerKind::ElasticNetBasis => Box::new(ElasticNetBasis { basis: basis(budget), params: elastic_net(budget) }),
        LearnerKind::Boosting | LearnerKind::BoostingLinear | LearnerKind::Bart => todo!("merge"),
        LearnerKind::Stack => Box::new(stack(budget)),
    }
}

fn elastic_net(budget: Budget) -> ElasticNetParams {
    match budget {
        Budget::Fast => ElasticNetParams::default(),
        Budget::Thorough => ElasticNetParams::thorough(),
    }
}

fn basis(budget: Budget) -> BasisParams {
    match budget {
        Budget::Fast => BasisParams { most_products: 100, ..BasisParams::default() },
        Budget::Thorough => BasisParams { knots: 8, most_products: 400 },
    }
}

/// Weights need no more than a few digits, so the folds are few at the fast budget.
fn stack(budget: Budget) -> Stack {
    let kinds = [LearnerKind::Linear, LearnerKind::ElasticNet, LearnerKind::ElasticNetBasis];
    let folds = match budget {
        Budget::Fast => 3,
        Budget::Thorough => 10,
    };
    Stack { library: kinds.map(|kind| by_kind(kind, budget)).into_iter().collect(), folds }
}
