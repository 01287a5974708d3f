//! From the word in a plan to the learner, with the settings of an effort.

use crate::learner_kind::{Effort, Family, LearnerKind};
use crate::learners::bart::{BartLearner, BartParams};
use crate::learners::basis::BasisParams;
use crate::learners::boosting::{BoostingLearner, BoostingParams};
use crate::learners::data::checked_rows;
use crate::learners::elastic_net::{ElasticNet, ElasticNetParams};
use crate::learners::elastic_net_basis::ElasticNetBasis;
use crate::learners::learner::{Learner, LearnerError, Model, Seed, Training};
use crate::learners::picked::Picked;
use crate::learners::regression::Regression;
use crate::learners::ridge::Ridge;
use crate::learners::stack::Stack;

/// The learner of that name. The stack holds regressions, the elastic net and both kinds of boosting; at the thorough
/// effort also the expanded basis and BART.
#[must_use]
pub fn by_kind(kind: LearnerKind, effort: Effort) -> Box<dyn Learner> {
    match kind {
        LearnerKind::Linear => Box::new(Regression::default()),
        LearnerKind::ElasticNet => Box::new(ElasticNet { params: elastic_net(effort) }),
        LearnerKind::ElasticNetBasis => Box::new(ElasticNetBasis { basis: basis(effort), params: on_basis(effort) }),
        LearnerKind::Boosting => Box::new(Boosting { linear: false }),
        LearnerKind::BoostingLinear => Box::new(Boosting { linear: true }),
        LearnerKind::Ridge => Box::new(Ridge),
        LearnerKind::BoostingOrRidge => {
            let candidates = kind.candidates(LearnerKind::BoostingLinear);
            Box::new(Picked { candidates: candidates.into_iter().map(|kind| by_kind(kind, effort)).collect() })
        }
        LearnerKind::Bart => Box::new(Bart::new(effort)),
        LearnerKind::Stack => Box::new(stack(effort)),
    }
}

/// The settings of boosting for `n` rows; `None` if `kind` is something else. For who bins the columns once and fits
/// often.
#[must_use]
pub fn boosting(kind: LearnerKind, n: usize) -> Option<BoostingParams> {
    match kind {
        LearnerKind::Boosting => Some(BoostingParams::propensity(n)),
        LearnerKind::BoostingLinear => Some(BoostingParams::outcome(n)),
        _ => None,
    }
}

/// The settings of BART: as many chains and sweeps as the effort allows.
#[must_use]
pub fn bart(effort: Effort) -> BartParams {
    match effort {
        // Four chains, as the doubly robust average was calibrated with; see `estimate/dr_average.rs`.
        Effort::Fast => BartParams { chains: 4, ..BartParams::default() },
        Effort::Thorough => BartParams { burn_in: 1500, draws: 500, chains: 8, ..BartParams::default() },
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
        // By the rows that count, so that rows of weight zero do not choose the settings.
        let counted = checked_rows(self.name(), training, family)?.len();
        BoostingLearner { params: self.params(counted) }.fit(training, family, seed)
    }
}

/// BART, told of bad rows as the other learners tell of them.
#[derive(Debug)]
struct Bart(BartLearner);

impl Bart {
    fn new(effort: Effort) -> Self {
        Self(BartLearner { params: bart(effort) })
    }
}

impl Learner for Bart {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn fit(&self, training: &Training<'_>, family: Family, seed: &Seed) -> Result<Box<dyn Model>, LearnerError> {
        // The checks of BART itself name neither the column nor the row.
        checked_rows(self.name(), training, family)?;
        self.0.fit(training, family, seed)
    }
}

fn elastic_net(effort: Effort) -> ElasticNetParams {
    match effort {
        Effort::Fast => ElasticNetParams::default(),
        Effort::Thorough => ElasticNetParams::thorough(),
    }
}

/// Hundreds of correlated columns: the small penalties cost most and are hardly ever chosen.
fn on_basis(effort: Effort) -> ElasticNetParams {
    let smallest = 1e-3;
    match effort {
        Effort::Fast => ElasticNetParams { points: 40, smallest, tolerance: 1e-6, ..ElasticNetParams::default() },
        Effort::Thorough => ElasticNetParams { smallest, ..ElasticNetParams::thorough() },
    }
}

fn basis(effort: Effort) -> BasisParams {
    match effort {
        Effort::Fast => BasisParams { most_products: 100, ..BasisParams::default() },
        Effort::Thorough => BasisParams { knots: 8, most_products: 400 },
    }
}

/// The library grows with the effort; folds are few at the fast one, since weights need no more than a digit.
fn stack(effort: Effort) -> Stack {
    use LearnerKind::{Bart, Boosting, BoostingLinear, ElasticNet, ElasticNetBasis, Linear};
    let (folds, kinds): (usize, &[LearnerKind]) = match effort {
        Effort::Fast => (3, &[Linear, ElasticNet, Boosting, BoostingLinear]),
        Effort::Thorough => (10, &[Linear, ElasticNet, ElasticNetBasis, Boosting, BoostingLinear, Bart]),
    };
    Stack { library: kinds.iter().map(|kind| by_kind(*kind, effort)).collect(), folds }
}

#[cfg(test)]
mod tests {
    use crate::learners::conformance::{conformance, conformance_of, conformance_unweighted, fit_unweighted};
    use crate::learners::factory::*;

    #[test]
    fn boosting_conforms() {
        conformance(by_kind(LearnerKind::Boosting, Effort::Fast).as_ref());
        conformance(by_kind(LearnerKind::BoostingLinear, Effort::Fast).as_ref());
    }

    #[test]
    fn bart_conforms() {
        let params = BartParams { trees: 20, burn_in: 60, draws: 40, ..BartParams::default() };
        let bart = Bart(BartLearner { params });
        conformance_of(&bart, Family::Gaussian);
        // The probit sampler is not defined for unequal weights.
        conformance_unweighted(&bart, Family::Bernoulli);
    }

    #[test]
    fn every_kind_has_a_learner_for_both_families() {
        for kind in LearnerKind::ALL {
            for family in [Family::Gaussian, Family::Bernoulli] {
                let (model, data) = fit_unweighted(by_kind(kind, Effort::Fast).as_ref(), family, 3);
                let residual: f64 =
                    model.predict(data.x.view()).iter().zip(&data.y).map(|(m, y)| (y - m).powi(2)).sum();
                let mean = data.y.iter().sum::<f64>() / data.y.len() as f64;
                let total: f64 = data.y.iter().map(|y| (y - mean).powi(2)).sum();
                assert!(residual < total, "{kind:?} {family:?}: {residual} {total}");
            }
        }
    }
}
