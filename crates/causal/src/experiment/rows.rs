//! The rows of an experiment, and why there is no fit of them.

use crate::experiment::variance::VarianceKind;
use crate::numerics::chunks;
use crate::numerics::linalg::LinalgError;

/// Largest number of arms, the control included.
pub const MOST_ARMS: usize = 64;

/// A covariate term over the rows of a table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum TermValues<'a> {
    /// Finite numbers.
    Numbers(&'a [f64]),
    /// 1 where true, and 0 elsewhere, in a byte each.
    Flags(&'a [bool]),
}

impl TermValues<'_> {
    /// Rows of the table.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            TermValues::Numbers(values) => values.len(),
            TermValues::Flags(flags) => flags.len(),
        }
    }

    /// True without rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value in a row of the table.
    #[must_use]
    pub fn at(&self, row: usize) -> f64 {
        match self {
            TermValues::Numbers(values) => values[row],
            TermValues::Flags(flags) => f64::from(u8::from(flags[row])),
        }
    }
}

/// n rows. Arms and treatments are numbered from 0, which is the control.
#[derive(Debug, Clone)]
pub struct ExperimentRows<'a> {
    /// p covariate terms of a table that may have more rows than these.
    pub terms: Vec<TermValues<'a>>,
    /// For each of the n rows, its place among the values of the terms; `None` means one after the other.
    pub places: Option<&'a [usize]>,
    /// m metrics, each n finite numbers.
    pub metrics: Vec<&'a [f64]>,
    /// The arm assigned to each row.
    pub assigned: &'a [u16],
    /// The treatment that each row took up; `None` means as assigned.
    pub taken: Option<&'a [u16]>,
    /// A weight above 0 for each row, 1 / P(assigned arm); `None` means equal chances within each arm.
    pub weights: Option<&'a [f64]>,
    /// The cluster of each row, numbered from 0 without gaps; `None` means independent rows.
    pub clusters: Option<&'a [u32]>,
}

/// Why there is no fit, or no effect from it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ExperimentError {
    /// No rows, or arrays of different lengths.
    #[error("the rows do not fit together: {what} has {found} where {expected} are needed")]
    Shape {
        /// The array.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The length it should have.
        expected: usize,
    },
    /// A value that is not a finite number.
    #[error("row {row} (counting from 1) has a {what} that is not a finite number")]
    NotFinite {
        /// 1-based row.
        row: usize,
        /// Covariate, metric or weight.
        what: &'static str,
    },
    /// A weight that is not above 0.
    #[error("row {row} (counting from 1) has the weight {weight}; weights are 1 / P(assigned arm), above 0")]
    Weight {
        /// 1-based row.
        row: usize,
        /// The weight.
        weight: f64,
    },
    /// One arm only.
    #[error("there is one arm only, so there is nothing to compare")]
    OneArm,
    /// An arm without a row.
    #[error("no row is in arm {arm} (0 is the control)")]
    EmptyArm {
        /// The arm.
        arm: usize,
    },
    /// An arm of a few rows, whose standard error is a matter of single values.
    #[error("arm {arm} has {rows} rows with a value (0 is the control), and an effect needs {needed}")]
    SmallArm {
        /// The arm.
        arm: usize,
        /// Its rows.
        rows: usize,
        /// The fewest rows.
        needed: usize,
    },
    /// More arms than [`MOST_ARMS`].
    #[error("there are {arms} arms; at most {MOST_ARMS} are compared")]
    TooManyArms {
        /// Their number.
        arms: usize,
    },
    /// As many coefficients as rows, or more.
    #[error("{n} rows cannot carry {k} coefficients; use fewer covariates, or none")]
    TooFewRows {
        /// Rows.
        n: usize,
        /// Coefficients.
        k: usize,
    },
    /// Fewer than two clusters in an arm, or too few in all.
    #[error(
        "there are {clusters} clusters for {arms} arms; a clustered variance needs more clusters than arms, and at least 2"
    )]
    TooFewClusters {
        /// Clusters.
        clusters: usize,
        /// Arms.
        arms: usize,
    },
    /// An arm whose effect is not told apart from the rest.
    #[error(
        "the effect of {treatment} cannot be told apart from the other terms: the assignment does not move it, or a covariate follows it exactly"
    )]
    RankLoss {
        /// `arm 1`, or `treatment 1`.
        treatment: String,
    },
    /// More treatments than arms.
    #[error("{treatments} treatments cannot be told apart by an assignment to {arms} arms")]
    TooFewInstruments {
        /// Treatments, the control's included.
        treatments: usize,
        /// Arms.
        arms: usize,
    },
    /// A variance that is not defined for this fit.
    #[error("{} is not defined {} here: packages do not agree on it; use {}", .asked.name(), .setting, .instead.name())]
    Variance {
        /// The variance.
        asked: VarianceKind,
        /// `with weights`, `with an instrument`, `without clusters`, `with clusters`.
        setting: &'static str,
        /// A variance that is.
        instead: VarianceKind,
    },
    /// A row that decides a coefficient alone.
    #[error("row {row} (counting from 1) has leverage 1, so {} is not defined; use HC1, or leave out the term that only this row has", .asked.name())]
    Leverage {
        /// 1-based row.
        row: usize,
        /// The variance.
        asked: VarianceKind,
    },
    /// Nothing to divide by.
    #[error("{what} is 0 everywhere, so there is nothing to divide by")]
    ZeroDenominator {
        /// The denominator.
        what: &'static str,
    },
    /// A number outside its range.
    #[error("{what} is {value}, and must be {range}")]
    Range {
        /// The number's name.
        what: &'static str,
        /// Its value.
        value: f64,
        /// Where it may lie.
        range: &'static str,
    },
    /// Linear algebra failed.
    #[error(transparent)]
    Linalg(#[from] LinalgError),
}

impl ExperimentRows<'_> {
    /// Rows.
    #[must_use]
    pub fn n(&self) -> usize {
        self.assigned.len()
    }

    /// Covariate terms.
    #[must_use]
    pub fn p(&self) -> usize {
        self.terms.len()
    }

    /// Metrics.
    #[must_use]
    pub fn m(&self) -> usize {
        self.metrics.len()
    }

    /// The place of a row among the values of the terms.
    #[must_use]
    pub fn place(&self, row: usize) -> usize {
        self.places.map_or(row, |places| places[row])
    }

    /// A term in a row.
    #[must_use]
    pub fn term(&self, row: usize, term: usize) -> f64 {
        self.terms[term].at(self.place(row))
    }

    /// Arms, the control included.
    #[must_use]
    pub fn arms(&self) -> usize {
        self.assigned.iter().max().map_or(0, |a| usize::from(*a) + 1)
    }

    /// Treatments taken up, the control's included.
    #[must_use]
    pub fn treatments(&self) -> usize {
        self.taken.unwrap_or(self.assigned).iter().max().map_or(0, |a| usize::from(*a) + 1)
    }

    /// Clusters.
    #[must_use]
    pub fn cluster_count(&self) -> Option<usize> {
        self.clusters.map(|clusters| clusters.iter().max().map_or(0, |g| *g as usize + 1))
    }

    /// Holds the rows against what a fit needs.
    pub(super) fn check(&self) -> Result<(), ExperimentError> {
        let n = self.n();
        let longest = self.places.map_or(n, |places| places.iter().max().map_or(0, |place| place + 1));
        let of_terms =
            self.terms.iter().map(TermValues::len).find(|len| *len < longest).map(|len| ("covariate terms", len));
        if let Some((what, found)) = of_terms {
            return Err(ExperimentError::Shape { what, found, expected: longest });
        }
        let of_metrics = self.metrics.iter().map(|values| values.len()).find(|len| *len != n);
        let lengths = [
            ("places", self.places.map_or(n, <[usize]>::len)),
            ("metrics", of_metrics.unwrap_or(n)),
            ("treatments taken up", self.taken.map_or(n, <[u16]>::len)),
            ("weights", self.weights.map_or(n, <[f64]>::len)),
            ("clusters", self.clusters.map_or(n, <[u32]>::len)),
        ];
        if let Some((what, found)) = lengths.into_iter().find(|(_, found)| *found != n) {
            return Err(ExperimentError::Shape { what, found, expected: n });
        }
        self.check_finite()?;
        let wrong = self.weights.and_then(|w| w.iter().position(|w| !(w.is_finite() && *w > 0.0)).map(|i| (i, w[i])));
        if let Some((row, weight)) = wrong {
            return Err(ExperimentError::Weight { row: row + 1, weight });
        }
        self.check_arms()
    }

    fn check_finite(&self) -> Result<(), ExperimentError> {
        for term in &self.terms {
            if let TermValues::Numbers(values) = term
                && let Some(row) = first(self.n(), |row| !values[self.place(row)].is_finite())
            {
                return Err(ExperimentError::NotFinite { row: row + 1, what: "covariate" });
            }
        }
        for values in &self.metrics {
            if let Some(row) = first(self.n(), |row| !values[row].is_finite()) {
                return Err(ExperimentError::NotFinite { row: row + 1, what: "metric" });
            }
        }
        Ok(())
    }

    fn check_arms(&self) -> Result<(), ExperimentError> {
        let arms = self.arms();
        if arms.max(self.treatments()) > MOST_ARMS {
            return Err(ExperimentError::TooManyArms { arms: arms.max(self.treatments()) });
        }
        let mut rows = vec![0_usize; arms];
        self.assigned.iter().for_each(|a| rows[usize::from(*a)] += 1);
        if let Some(arm) = rows.iter().position(|n| *n == 0) {
            return Err(ExperimentError::EmptyArm { arm });
        }
        if arms < 2 {
            return Err(ExperimentError::OneArm);
        }
        match self.cluster_count() {
            Some(clusters) if clusters <= arms => Err(ExperimentError::TooFewClusters { clusters, arms }),
            _ => Ok(()),
        }
    }
}

/// The first of n rows for which something holds.
fn first(n: usize, holds: impl Fn(usize) -> bool + Sync + Send) -> Option<usize> {
    chunks::map(n, |mut range| range.find(|row| holds(*row))).into_iter().flatten().next()
}
