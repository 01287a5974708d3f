//! From the word in a plan to the learner, with the settings of a budget.

use super::bart::{BartLearner, BartParams};
use super::basis::BasisParams;
use super::boosting::{BoostingLearner, BoostingParams};
use super::data::checked_rows;
use super::elastic_net::{ElasticNet, ElasticNetParams};
use super::elastic_net_basis::ElasticNetBasis;
use super::learner::{Learner, LearnerError, Model, Seed, Training};
use super::regression::Regression;
use super::stack::Stack;
use crate::nuisance::{Budget, Family, LearnerKind};

/// The learner of that name. The stack holds one of every other kind except plain gradient boosting.
#[must_use]
pub fn by_kind(kind: LearnerKind, budget: Budget) -> Box<dyn Learner> {
    match kind {
        LearnerKind::Linear => Box::new(Regression::default()),
        LearnerKind::ElasticNet => Box::new(ElasticNet { params: elastic_net(budget) }),
        LearnerKind::ElasticNetBasis => Box::new(ElasticNetBasis { basis: basis(budget), params: on_basis(budget) }),
        LearnerKind::Boosting => Box::new(Boosting { linear: false }),
        LearnerKind::BoostingLinear => Box::new(Boosting { linear: true }),
        LearnerKind::Bart => Box::new(BartLearner { params: bart(budget) }),
        LearnerKind::Stack => Box::new(stack(budget)),
    }
}

/// Gradient boosting, with the settings for `n` rows; `None` if `kind` is something else.
#[must_use]
pub fn boosting(kind: LearnerKind, n: usize) -> Option<BoostingParams> {
    match kind {
        LearnerKind::Boosting => Some(BoostingParams::propensity(n)),
        LearnerKind::BoostingLinear => Some(BoostingParams::outcome(n)),
        _ => None,
    }
}

/// Gradient boosting whose settings wait for the number of rows.
#[derive(Debug)]
struct Boosting {
    linear: bool,
}

impl Boosting {
    fn params(&self, n: usize) -> BoostingParams {
        if self.linear { BoostingParams::outcome(n) } else { BoostingParams::propensity(n) }
    }
}

impl Learner for Boosting {
    fn name(&self) -> &'static str {
        BoostingLearner { params: self.params(0) }.name()
    }

    fn fit(&self, training: &Training<'_>, family: Family, seed: &Seed) -> Result<Box<dyn Model>, LearnerError> {
        let counted = checked_rows(self.name(), training, family)?.len();
        BoostingLearner { params: self.params(counted) }.fit(training, family, seed)
    }
}

/// BART, with as many chains and sweeps as the budget allows.
#[must_use]
pub fn bart(budget: Budget) -> BartParams {
    match budget {
        Budget::Fast => BartParams { chains: 4, ..BartParams::default() },
        Budget::Thorough => BartParams { burn_in: 1500, draws: 500, chains: 8, ..BartParams::default() },
    }
}

fn elastic_net(budget: Budget) -> ElasticNetParams {
    match budget {
        Budget::Fast => ElasticNetParams::default(),
        Budget::Thorough => ElasticNetParams::thorough(),
    }
}

/// Hundreds of correlated columns: the small penalties cost most and are hardly ever chosen.
fn on_basis(budget: Budget) -> ElasticNetParams {
    let smallest = 1e-3;
    match budget {
        Budget::Fast => ElasticNetParams { points: 40, smallest, tolerance: 1e-6, ..ElasticNetParams::default() },
        Budget::Thorough => ElasticNetParams { smallest, ..ElasticNetParams::thorough() },
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

#[cfg(test)]
mod tests {
    use super::super::conformance::{conformance, fit_simulated};
    use super::*;

    #[test]
    fn boosting_conforms() {
        conformance(by_kind(LearnerKind::Boosting, Budget::Fast).as_ref());
        conformance(by_kind(LearnerKind::BoostingLinear, Budget::Fast).as_ref());
    }

    #[test]
    fn every_kind_has_a_learner_for_both_families() {
        for kind in LearnerKind::ALL {
            for family in [Family::Gaussian, Family::Bernoulli] {
                let (model, data) = fit_simulated(by_kind(kind, Budget::Fast).as_ref(), family, 3);
                let residual: f64 =
                    model.predict(data.x.view()).iter().zip(&data.y).map(|(m, y)| (y - m).powi(2)).sum();
                let mean = data.y.iter().sum::<f64>() / data.y.len() as f64;
                let total: f64 = data.y.iter().map(|y| (y - mean).powi(2)).sum();
                assert!(residual < total, "{kind:?} {family:?}: {residual} {total}");
            }
        }
    }
}
