//! Worst-case bounds of what was asked for, where the outcome is known to lie between two numbers. They are about everybody who
//! was asked about: who has counterparts does not matter to them.

use super::prepare::Prepared;
use crate::plan::OutcomeSection;
use causal::diagnose::bounds::{Bounds, bounds};
use causal::estimand::{OutcomeKind, Target};
use causal::sample::Sample;

/// The range of the outcome: by its kind, or as the plan declares it.
fn range(outcome: &OutcomeSection) -> Option<(f64, f64)> {
    match outcome.kind {
        OutcomeKind::Binary => Some((0.0, 1.0)),
        OutcomeKind::Continuous => outcome.bounds,
    }
}

/// The bounds of one effect; `None` if the range of the outcome is not known, or the estimand has none. Reads the outcome: only
/// for after unblinding.
pub(super) fn of(prepared: &Prepared, requested: Target) -> Option<Bounds> {
    let range = range(&prepared.plan.outcome)?;
    let covariates = prepared.analysed().covariates(&[]).ok()?;
    let sample = Sample::new(covariates, prepared.outcome().ok()?.clone()).ok()?;
    bounds(&sample, range, requested).ok()
}
