//! The ends of nuisance fits, as facts: which model, which fold, and the reason a reader must know of it.

use crate::arm::Arm;
use crate::learners::learner::FitInfo;

/// A nuisance model of an analysis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FittedModel {
    /// P(T = 1 | X).
    Propensity,
    /// The outcome mean of one arm.
    Outcome(Arm),
    /// One model of the outcome mean in both arms, with treatment as a column.
    OutcomeBothArms,
}

/// One fit of a nuisance model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FitPlace {
    /// The model.
    pub model: FittedModel,
    /// The division into folds, counted from 0; 0 too where nothing is repeated.
    pub repeat: usize,
    /// The fold held out, counted from 0; `None` for a fit to all rows.
    pub fold: Option<usize>,
}

impl FitPlace {
    /// A fit to all rows.
    #[must_use]
    pub fn all_rows(model: FittedModel) -> Self {
        Self { model, repeat: 0, fold: None }
    }
}

/// A note on one fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FitNote {
    /// The fit ended where it should, and its learner adds something.
    Remark {
        /// The fit.
        place: FitPlace,
        /// In the learner's words: `stopped at the limit of 2,000 rounds`.
        remark: String,
    },
    /// The fit did not end where it should.
    NotConverged {
        /// The fit.
        place: FitPlace,
        /// Steps, rounds or sweeps taken.
        iterations: usize,
        /// The learner's reasons, in its words; empty if it was still moving.
        remarks: Vec<String>,
    },
    /// The likelihood has no maximum, and the fit is its limit: some fitted probabilities are 0 or 1.
    AtLimit {
        /// The fit.
        place: FitPlace,
        /// Rows of the fit whose probability is 0 or 1.
        rows: usize,
        /// The terms that separate them.
        terms: Vec<String>,
    },
}

impl FitNote {
    /// The notes of the fit at `place`: one for each remark, or one for all if it did not converge.
    #[must_use]
    pub fn from_info(place: FitPlace, info: &FitInfo) -> Vec<FitNote> {
        if !info.converged {
            let (iterations, remarks) = (info.iterations, info.notes.clone());
            return vec![FitNote::NotConverged { place, iterations, remarks }];
        }
        info.notes.iter().map(|remark| FitNote::Remark { place, remark: remark.clone() }).collect()
    }

    /// The fit that this is about.
    #[must_use]
    pub fn place(&self) -> FitPlace {
        match self {
            FitNote::Remark { place, .. } | FitNote::NotConverged { place, .. } | FitNote::AtLimit { place, .. } => {
                *place
            }
        }
    }
}
