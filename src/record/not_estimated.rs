//! The reasons for designs, estimates and sensitivity analyses that there are not, as facts. They become words where a
//! document or a report says them; nothing reads the words back.

use causal::design::DesignError;
use causal::diagnose::balance::BalanceError;
use causal::diagnose::overlap::OverlapError;
use causal::diagnose::sensitivity::SensitivityError;
use causal::error::EstimateError;
use causal::estimand::Target;
use causal::estimator::EstimatorKind;
use causal::sample::SampleError;
use serde::{Serialize, Serializer};
use std::fmt;

/// The reason why a single analysis has no design. The loop goes on without it; the record says why.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DesignFailure {
    /// The outcome was left out of the data that were read.
    #[error("the outcome was not read")]
    OutcomeNotRead,
    /// A placebo was left out of the data that were read.
    #[error("the placebo `{column}` was not read")]
    PlaceboNotRead {
        /// Its column.
        column: String,
    },
    /// Terms that cannot be evaluated on the analysed rows.
    #[error("{}", problems.join("; "))]
    Terms {
        /// One message for each problem of the dataset.
        problems: Vec<String>,
    },
    /// Numbers that do not make a sample.
    #[error(transparent)]
    Sample(#[from] SampleError),
    /// The rows that trimming keeps do not make a sample.
    #[error("trimming left {kept} of {all} rows, and {source}")]
    Trimmed {
        /// Rows kept.
        kept: usize,
        /// Rows before trimming.
        all: usize,
        /// The problem.
        source: SampleError,
    },
    /// Trimming, or a part of the population, leaves too few to estimate anything with.
    #[error("{rows} rows are left with {smaller} in the smaller arm, too few for models of {terms} terms in each arm")]
    TooFewLeft {
        /// Rows kept.
        rows: usize,
        /// Rows of the smaller arm among them.
        smaller: usize,
        /// Terms.
        terms: usize,
    },
    /// No propensity.
    #[error(transparent)]
    Propensity(#[from] DesignError),
    /// No propensity among the rows that trimming keeps.
    #[error("on the {rows} rows kept by trimming: {source}")]
    PropensityAfterTrimming {
        /// Rows kept.
        rows: usize,
        /// The problem.
        source: DesignError,
    },
    /// No balance table.
    #[error(transparent)]
    Balance(#[from] BalanceError),
    /// No overlap report.
    #[error(transparent)]
    Overlap(#[from] OverlapError),
}

/// The reason why an estimator gave no estimate.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum NoEstimate {
    /// The analysis has no design.
    #[error(transparent)]
    Design(#[from] DesignFailure),
    /// The nuisances or the estimator failed.
    #[error(transparent)]
    Estimator(#[from] EstimateError),
    /// The estimate has no error, so it is none.
    #[error(
        "its standard error is {std_error:.1e}, zero to machine precision for an outcome with a standard deviation of {outcome_sd:.3e}: the confounders and the treatment say what the outcome is, so nothing was estimated"
    )]
    NoError {
        /// The standard error.
        std_error: f64,
        /// The standard deviation of the outcome.
        outcome_sd: f64,
    },
}

/// The reason why there is no sensitivity analysis of a primary estimate.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum NoSensitivity {
    /// The plan does not list the tool.
    #[error("the plan's tools do not include `sensitivity`")]
    NotListed,
    /// There is no estimate whose sensitivity could be computed.
    #[error("there is no primary estimate")]
    NoPrimaryEstimate,
    /// Nobody computed it.
    #[error("no sensitivity was computed after unblinding")]
    NotComputed,
    /// The analysis has no design.
    #[error(transparent)]
    Design(#[from] DesignFailure),
    /// The computation failed.
    #[error(transparent)]
    Computation(#[from] SensitivityError),
}

/// One thing that was to be estimated and was not.
///
/// In a document it is a line: `iteration 2, trimmed ATE: TMLE: …`, without an estimator where the reason holds for all of
/// them.
#[derive(Debug, Clone, PartialEq)]
pub struct NotEstimated {
    /// The iteration whose spec has the analysis.
    pub iteration: u32,
    /// The estimand the plan asked for.
    pub requested: Target,
    /// The honest name of what would have been estimated.
    pub name: String,
    /// The estimator that failed; `None` means every estimator of the analysis.
    pub estimator: Option<EstimatorKind>,
    /// The reason.
    pub reason: NoEstimate,
}

impl NotEstimated {
    /// True if the reason concerns `estimator` of the analysis of `requested` in `iteration`.
    #[must_use]
    pub fn concerns(&self, iteration: u32, requested: Target, estimator: EstimatorKind) -> bool {
        let same = (self.iteration, self.requested) == (iteration, requested);
        same && self.estimator.is_none_or(|kind| kind == estimator)
    }

    /// The estimator, if it is about one, and the reason.
    #[must_use]
    pub fn clause(&self) -> String {
        match self.estimator {
            Some(kind) => format!("{}: {}", kind.title(), self.reason),
            None => self.reason.to_string(),
        }
    }
}

impl fmt::Display for NotEstimated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "iteration {}, {}: {}", self.iteration, self.name, self.clause())
    }
}

impl Serialize for NotEstimated {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use crate::record::not_estimated::*;

    fn line(estimator: Option<EstimatorKind>, reason: NoEstimate) -> NotEstimated {
        NotEstimated { iteration: 2, requested: Target::Att, name: "trimmed ATT".to_owned(), estimator, reason }
    }

    #[test]
    fn a_reason_concerns_its_own_analysis_and_estimator() {
        let all = line(None, DesignFailure::OutcomeNotRead.into());
        let aipw = line(Some(EstimatorKind::Aipw), EstimateError::NoTreatmentCoefficient.into());
        for kind in EstimatorKind::ALL {
            assert!(all.concerns(2, Target::Att, kind));
            assert_eq!(aipw.concerns(2, Target::Att, kind), kind == EstimatorKind::Aipw);
            assert!(!all.concerns(1, Target::Att, kind) && !all.concerns(2, Target::Ate, kind));
        }
    }

    #[test]
    fn it_is_written_as_a_line() {
        let all = line(None, DesignFailure::OutcomeNotRead.into());
        assert_eq!(all.to_string(), "iteration 2, trimmed ATT: the outcome was not read");
        let aipw = line(Some(EstimatorKind::Aipw), DesignFailure::OutcomeNotRead.into());
        let expected = format!("iteration 2, trimmed ATT: {}: the outcome was not read", EstimatorKind::Aipw.title());
        assert_eq!(serde_json::to_value(&aipw).expect("a text"), expected);
    }
}
