//! The tests over all partitions so far.
//!
//! An alarm of either is false with probability [`ALPHA_EFFECT`] + [`ALPHA_DESIGN`] = 0.05 at most, however long one watches. Most of
//! it goes to the effect: what a design shows is known far better than what an effect is. The division is ours.

use super::WatchError;
use crate::record::watch::{
    MovedQuantity, Quantity, WatchDocument, WatchFound, WatchTest, WatchedQuantity, WatchedShift, WatchedValue,
};
use causal::diagnose::drift::{self, Drift, Estimated, Shift};

/// The chance of ever saying that effects moved where they did not.
pub const ALPHA_EFFECT: f64 = 0.04;
/// The chance of ever saying that the design moved where it did not.
pub const ALPHA_DESIGN: f64 = 0.01;
/// Quantities that are named.
const MOST_MOVED: usize = 10;

/// Before anything is tested.
pub(super) fn nothing() -> WatchFound {
    let test = |alpha| WatchTest { alpha, log_e: Vec::new(), alarm: None };
    WatchFound {
        effect: test(ALPHA_EFFECT),
        design: test(ALPHA_DESIGN),
        shifts: Vec::new(),
        moved: Vec::new(),
        not_tested: 0,
    }
}

/// The tests after the last partition.
pub(super) fn found(document: &WatchDocument) -> Result<WatchFound, WatchError> {
    let effects = document.answers.iter().enumerate().map(|(at, answer)| {
        let values = document.partitions.iter().map(|partition| {
            let effect = partition.effects.get(at)?.effect?;
            Some(Estimated { estimate: effect.estimate, std_error: effect.std_error })
        });
        tested(values.collect(), document.shift_sd * answer.outcome_sd, &|| answer.name.clone())
    });
    let effects: Vec<Drift> = effects.collect::<Result<_, _>>()?;
    let varying = |quantity: &&(usize, &WatchedQuantity)| quantity.1.sd > 0.0;
    let quantities: Vec<(usize, &WatchedQuantity)> = document.quantities.iter().enumerate().collect();
    let tested_ones: Vec<(usize, &WatchedQuantity)> = quantities.iter().filter(varying).copied().collect();
    let designs = tested_ones.iter().map(|(at, watched)| {
        let values = document.partitions.iter().map(|partition| partition.design.get(*at).map(WatchedValue::estimated));
        tested(values.collect(), document.shift_sd * watched.sd, &|| key(&watched.quantity))
    });
    let designs: Vec<Drift> = designs.collect::<Result<_, _>>()?;
    let mut moved: Vec<MovedQuantity> = tested_ones
        .iter()
        .zip(&designs)
        .filter_map(|((at, _), test)| Some(MovedQuantity { at: *at, shift: shift(test)? }))
        .filter(|moved| moved.shift.log_e > 0.0)
        .collect();
    // A stable sort: equal evidence stays in the order of the list.
    moved.sort_by(|a, b| b.shift.log_e.total_cmp(&a.shift.log_e));
    moved.truncate(MOST_MOVED);
    Ok(WatchFound {
        effect: whole(&effects, ALPHA_EFFECT),
        design: whole(&designs, ALPHA_DESIGN),
        shifts: effects.iter().map(shift).collect(),
        moved,
        not_tested: document.quantities.len() - tested_ones.len(),
    })
}

fn tested(values: Vec<Option<Estimated>>, scale: f64, name: &dyn Fn() -> String) -> Result<Drift, WatchError> {
    drift::drift(&values, scale).map_err(|source| WatchError::Drift { quantity: name(), source })
}

fn whole(tests: &[Drift], alpha: f64) -> WatchTest {
    let processes: Vec<&[f64]> = tests.iter().map(|test| test.log_e.as_slice()).collect();
    let log_e = drift::mean_log_e(&processes).unwrap_or_default();
    WatchTest { alarm: drift::alarm(&log_e, alpha), alpha, log_e }
}

fn shift(test: &Drift) -> Option<WatchedShift> {
    let Shift { since, size, std_error, before, after } = test.shift?;
    let value = |it: Estimated| WatchedValue { value: it.estimate, std_error: it.std_error };
    let log_e = test.log_e.last().copied()?;
    Some(WatchedShift { since, log_e, size, std_error, before: value(before), after: value(after) })
}

fn key(quantity: &Quantity) -> String {
    match quantity {
        Quantity::TreatedShare => "share of treated units".to_owned(),
        Quantity::Mean { term } => format!("mean of {term}"),
        Quantity::Difference { term } => format!("difference of {term}"),
        Quantity::LeftOutShare => "share of rows left out".to_owned(),
        Quantity::MissingShare { column } => format!("missing values of {column}"),
    }
}
