//! Settings of the flexible nuisances, and of the average of two estimators: every tuned number in one place.
//!
//! They were chosen by simulation on data sets with known effects (the 77 settings of the 2016 causal inference data
//! analysis challenge, Dorie et al. 2019, doi:10.1214/18-STS667, one data set of each), never on the data at hand.

use crate::learners::bart::{BartParams, SparsePrior};
use crate::learners::boosting::{BoostingParams, Stopping};
use crate::nuisance::{Budget, Family, LearnerKind};

/// The standard error of the average of two estimators is multiplied by this where it is about the units of the sample:
/// √V alone covered 92 % and 96 % on two sets of such data, and 1.15·√V 94 % and 99 %.
pub(crate) const WIDENING: f64 = 1.15;

/// Rounds of boosting without improvement after which it ends.
const PATIENCE: usize = 30;

/// Gradient boosting by the row count n; `None` if `kind` is something else.
pub(crate) fn boosting(kind: LearnerKind, family: Family, budget: Budget, n: usize) -> Option<BoostingParams> {
    let params = match (kind, family) {
        (LearnerKind::Boosting, _) => BoostingParams::propensity(n),
        (LearnerKind::BoostingLinear, _) => BoostingParams::outcome(n),
        _ => return None,
    };
    let stopping = match budget {
        Budget::Fast => params.stopping,
        Budget::Thorough => Stopping::Folds { folds: 5, patience: PATIENCE },
    };
    Some(BoostingParams { stopping, ..params })
}

/// One BART for both arms.
pub(crate) fn bart(budget: Budget) -> BartParams {
    match budget {
        Budget::Fast => BartParams::default(),
        Budget::Thorough => BartParams {
            burn_in: 1000,
            draws: 500,
            chains: 4,
            sparse: Some(SparsePrior { start: 250, a: 0.5, b: 1.0 }),
            ..BartParams::default()
        },
    }
}
