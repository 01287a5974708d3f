//! Confidence sequences over the looks on record, within their scope.
//!
//! The precision g of the mixture is fixed by the plan's `planned_n` before the first look. Over several looks the smallest p-value
//! of those with an estimate of the same sign and the intersection of the intervals hold. Out of scope, and refused by name: fewer than eight clusters, and clusters that
//! were there and keep gaining rows (repeated rows of a unit).

use super::modelling::Experiment;
use crate::plan::experiment::EffectRequest;
use crate::record::experiment::{AnytimeInterval, Look};
use causal::experiment::anytime::{Mixture, Running, planned_precision};
use causal::experiment::linear_model::Estimated;

/// The clusters from which the t form keeps its error.
const FEWEST_CLUSTERS: usize = 8;

/// Why there is no confidence sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OutOfScope {
    /// The plan has one look.
    NotPlanned,
    /// No planned size, so no precision was fixed.
    NoPlannedSize,
    /// Fewer clusters than [`FEWEST_CLUSTERS`].
    FewClusters(usize),
    /// Clusters that gain rows.
    ClustersGainRows,
    /// At this size the sequence covers every number.
    TooEarly(usize),
}

impl OutOfScope {
    /// The reason, for a reader; `None` where the plan did not ask.
    pub fn reason(self) -> Option<String> {
        match self {
            OutOfScope::NotPlanned => None,
            OutOfScope::NoPlannedSize => Some(
                "no confidence sequence: set `looks.planned_n`, which fixes its shape before the first look".to_owned(),
            ),
            OutOfScope::FewClusters(clusters) => Some(format!(
                "no confidence sequence yet: there are {clusters} clusters, and the first look is at {FEWEST_CLUSTERS} or more"
            )),
            OutOfScope::TooEarly(size) => Some(format!(
                "no confidence sequence yet: at {size} rows or clusters, so far from `looks.planned_n`, it covers every number"
            )),
            OutOfScope::ClustersGainRows => Some(
                "no confidence sequence: units that were there keep gaining rows, for which none is known to hold; use one row for each unit, or `looks: {plan: fixed}`"
                    .to_owned(),
            ),
        }
    }
}

/// One effect, as earlier looks name it.
#[derive(Debug, Clone, Copy)]
pub(super) struct EffectName<'a> {
    pub metric: &'a str,
    pub arm: &'a str,
    pub request: EffectRequest,
}

/// The size that indexes the sequence: clusters, or rows of the fit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Index {
    pub rows: usize,
    pub clusters: Option<usize>,
    /// Weights or an instrument: only an asymptotic argument.
    pub adjusted: bool,
}

/// The interval over this look and the earlier ones.
pub(super) fn interval(
    experiment: &Experiment,
    estimated: &Estimated,
    index: Index,
    earlier: (&[Look], EffectName<'_>),
) -> Result<AnytimeInterval, OutOfScope> {
    if !experiment.anytime() {
        return Err(OutOfScope::NotPlanned);
    }
    let planned = experiment.plan.looks.planned_n.ok_or(OutOfScope::NoPlannedSize)?;
    if let Some(clusters) = index.clusters.filter(|clusters| *clusters < FEWEST_CLUSTERS) {
        return Err(OutOfScope::FewClusters(clusters));
    }
    if experiment.clusters_gain_rows() {
        return Err(OutOfScope::ClustersGainRows);
    }
    let alpha = experiment.alpha();
    let precision = planned_precision(planned as f64, alpha).map_err(|_| OutOfScope::NoPlannedSize)?;
    let size = index.clusters.unwrap_or(index.rows);
    let df = index.clusters.map_or(estimated.df, |clusters| clusters as f64 - 1.0);
    let look = Mixture { precision, index: size as f64, df }.look(estimated, alpha);
    if !look.radius.is_finite() {
        return Err(OutOfScope::TooEarly(size));
    }
    let now = Running::default().after(&look, estimated);
    let seen = earlier.0.iter().filter(|look| look.planned_n == Some(planned)).flat_map(|look| &look.seen);
    let name = earlier.1;
    let before = seen.filter(|seen| {
        seen.anytime && (seen.metric.as_str(), seen.arm.as_str(), seen.request) == (name.metric, name.arm, name.request)
    });
    let all = before.fold(now, |all, seen| Running {
        // Evidence for an effect of the other sign is none for this one.
        p_value: if seen.estimate * estimated.estimate > 0.0 { all.p_value.min(seen.p_value) } else { all.p_value },
        lower: all.lower.max(seen.lower),
        upper: all.upper.min(seen.upper),
    });
    // Looks that contradict each other leave nothing; what this one says is then shown, not an interval turned inside out.
    let shown = if all.lower <= all.upper { all } else { Running { p_value: all.p_value, ..now } };
    Ok(AnytimeInterval {
        lower: shown.lower,
        upper: shown.upper,
        log_e: look.log_e,
        p_value: shown.p_value,
        index: size,
        g: precision,
        asymptotic: index.clusters.is_some() || index.adjusted,
    })
}
