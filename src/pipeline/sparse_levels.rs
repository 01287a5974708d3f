//! Levels of confounders that occur in one arm only: a logistic propensity does not exist with them, and one at a time is no
//! way to be told.

use super::prepare::Prepared;
use crate::dataset::ColumnValues;
use crate::record::structure::SparseLevel;

/// Every level of a confounder that occurs in one arm only, among all analysed rows, in the order of the plan.
#[must_use]
pub fn sparse_levels(prepared: &Prepared) -> Vec<SparseLevel> {
    let analysed = prepared.analysed();
    let mut found = Vec::new();
    for group in &prepared.draft.confounders {
        let Some(ColumnValues::Codes { codes, levels }) = analysed.values(&group.confounder) else { continue };
        let mut counts = vec![[0_usize; 2]; levels.len()];
        for (code, arm) in codes.iter().zip(analysed.treatment()) {
            if let Some(cell) = counts.get_mut(*code as usize) {
                cell[usize::from(arm.is_treated())] += 1;
            }
        }
        let sparse = levels.iter().zip(counts).filter(|(_, [control, treated])| (*control == 0) != (*treated == 0));
        found.extend(sparse.map(|(level, [control, treated])| SparseLevel {
            column: group.confounder.clone(),
            level: level.clone(),
            treated,
            control,
        }));
    }
    found
}
