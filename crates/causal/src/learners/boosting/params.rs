//! Settings of gradient boosting, checked.

use crate::learners::boosting::NAME;
use crate::learners::learner::LearnerError;

/// The prediction of a leaf.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LeafModel {
    /// One number.
    Constant,
    /// A ridge regression on the columns that the leaf's path splits on.
    Linear {
        /// Penalty λ ≥ 0 on the slopes, of columns scaled to standard deviation one; the intercept is free.
        ridge: f64,
    },
}

/// The rule for the number of rounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Stopping {
    /// `max_rounds`, whatever happens.
    Never,
    /// On one part of the rows, drawn at random (by class for zeros and ones) and kept out of the fit.
    HeldOut {
        /// Share of the rows kept out, in (0, 0.5].
        share: f64,
        /// Rounds without improvement after which boosting ends; at least 1.
        patience: usize,
    },
    /// On held-out parts first, as a search; then a fit to all rows for the mean number of rounds found, raised in proportion to
    /// the rows.
    Refit {
        /// The rows are cut into this many parts, at least 2.
        parts: usize,
        /// This many of them are held out in turn, 1..=parts.
        searches: usize,
        /// The search learns this many times faster, at least 1: it takes that many times fewer rounds.
        speed: f64,
        /// Rounds of the final fit without improvement after which a search ends; at least 1.
        patience: usize,
    },
    /// On each of several parts in turn: one model per part, fitted to the others; predictions are averaged.
    Folds {
        /// Number of parts, at least 2.
        folds: usize,
        /// Rounds without improvement after which boosting ends; at least 1.
        patience: usize,
    },
}

/// Settings of gradient boosting.
#[derive(Debug, Clone, PartialEq)]
pub struct BoostingParams {
    /// The prediction of a leaf.
    pub leaves: LeafModel,
    /// Factor on every tree, in (0, 1].
    pub learning_rate: f64,
    /// Longest path from root to leaf, 1..=12.
    pub max_depth: usize,
    /// Most leaves of a tree, at least 2.
    pub max_leaves: usize,
    /// λ ≥ 0 in the gain and in the value of a constant leaf; weights are scaled to mean one first.
    pub l2: f64,
    /// Fewest rows of a leaf, counted, not weighed; at least 1.
    pub min_leaf_rows: usize,
    /// Share of the columns that each tree may split on, in (0, 1].
    pub column_share: f64,
    /// Probability with which a row takes part in a tree, in (0, 1].
    pub row_share: f64,
    /// Most trees, at least 1.
    pub max_rounds: usize,
    /// The rule for the number of trees.
    pub stopping: Stopping,
    /// With linear leaves, how far a prediction may leave the range of the training responses, as a share of it; ≥ 0.
    pub clip_margin: f64,
}

impl BoostingParams {
    /// For a propensity: constant leaves, all columns in every tree.
    #[must_use]
    pub fn propensity(n: usize) -> Self {
        Self { leaves: LeafModel::Constant, column_share: 1.0, ..Self::outcome(n) }
    }

    /// For an outcome mean: linear leaves, four columns in five for each tree.
    ///
    /// From 50,000 rows on steps are large and patience is long. What two columns do together and neither does alone is
    /// found late and after many rounds without a gain: with confounding of that kind in 250,000 rows, small steps (0.1, 300
    /// rounds, patience 30) left a bias of seven standard errors, these less than two, in less time.
    #[must_use]
    pub fn outcome(n: usize) -> Self {
        let large = n >= 50_000;
        Self {
            leaves: LeafModel::Linear { ridge: 0.01 },
            learning_rate: if large { 0.3 } else { 0.05 },
            max_depth: 3,
            max_leaves: 8,
            l2: 1.0,
            min_leaf_rows: 10,
            column_share: 0.8,
            row_share: 0.8,
            max_rounds: if large { 1000 } else { 2000 },
            stopping: if large {
                Stopping::HeldOut { share: 0.1, patience: 100 }
            } else {
                // The refit to all rows was chosen along with the doubly robust average; see `estimate/dr_average.rs`.
                Stopping::Refit { parts: 7, searches: 1, speed: 2.0, patience: 30 }
            },
            clip_margin: 0.1,
        }
    }

    /// Holds every field against its range.
    ///
    /// # Errors
    /// [`LearnerError::Params`] names the field and its range.
    pub fn check(&self) -> Result<(), LearnerError> {
        let ridge = if let LeafModel::Linear { ridge } = self.leaves { ridge } else { 0.0 };
        let share = |v: f64| v > 0.0 && v <= 1.0;
        let positive = |v: f64| v >= 0.0 && v.is_finite();
        let (stopping, patience) = match self.stopping {
            Stopping::Never => (true, 1),
            Stopping::HeldOut { share, patience } => (share > 0.0 && share <= 0.5, patience),
            Stopping::Refit { parts, searches, speed, patience } => {
                (parts >= 2 && (1..=parts).contains(&searches) && speed >= 1.0 && speed.is_finite(), patience)
            }
            Stopping::Folds { folds, patience } => (folds >= 2, patience),
        };
        let rules = [
            (share(self.learning_rate), "learning_rate must be in (0, 1]"),
            ((1..=12).contains(&self.max_depth), "max_depth must be between 1 and 12"),
            (self.max_leaves >= 2, "max_leaves must be at least 2"),
            (positive(self.l2), "l2 must be a number not below 0"),
            (positive(ridge), "the ridge penalty of linear leaves must be a number not below 0"),
            (self.min_leaf_rows >= 1, "min_leaf_rows must be at least 1"),
            (share(self.column_share), "column_share must be in (0, 1]"),
            (share(self.row_share), "row_share must be in (0, 1]"),
            (self.max_rounds >= 1, "max_rounds must be at least 1"),
            (
                stopping,
                "stopping needs a held-out share in (0, 0.5], at least 2 parts or folds, 1..=parts searches, and a speed of at least 1",
            ),
            (patience >= 1, "patience must be at least 1"),
            (positive(self.clip_margin), "clip_margin must be a number not below 0"),
        ];
        match rules.into_iter().find(|(holds, _)| !holds) {
            None => Ok(()),
            Some((_, problem)) => Err(LearnerError::Params { learner: NAME, problem: problem.into() }),
        }
    }
}
