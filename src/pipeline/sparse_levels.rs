//! Levels of confounders that occur in one arm only: a logistic propensity does not exist with them, and one at a time is no
//! way to be told.

use super::prepare::Prepared;
use crate::dataset::ColumnValues;
use crate::plan::yaml_text;
use crate::term::Term;
use crate::text::lists::counted;

/// A level that one arm does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SparseLevel {
    /// The confounder.
    pub column: String,
    /// The level.
    pub level: String,
    /// Treated units.
    pub treated: usize,
    /// Controls.
    pub control: usize,
}

/// The most levels that a sentence names.
const MOST_NAMED: usize = 12;

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

/// The levels in a sentence, and the line of the plan that does something about them; `None` if there are none.
#[must_use]
pub fn told(sparse: &[SparseLevel]) -> Option<[String; 2]> {
    let first = sparse.first()?;
    let each: Vec<String> = sparse
        .iter()
        .take(MOST_NAMED)
        .map(|one| {
            let who = if one.control == 0 { "treated only" } else { "controls only" };
            let rows = counted(one.treated + one.control, "row");
            format!("`{}` ({who}, {rows})", Term::level(&one.column, &one.level))
        })
        .collect();
    let more = sparse.len().saturating_sub(MOST_NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let largest = sparse.iter().map(|one| one.treated + one.control).max().unwrap_or_default();
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let here: Vec<String> =
        sparse.iter().filter(|one| one.column == first.column).map(|one| quoted(&one.level)).collect();
    let filter = format!("{} not in [{}]", Term::column(&first.column), here.join(", "));
    Some([
        format!("one arm has none of {}{more}", each.join(", ")),
        format!(
            "`rare_levels: {{below: {}, into: other}}` under `data` puts them with other rare levels; `filter: {}` leaves their \
             rows out",
            largest + 1,
            yaml_text(&filter)
        ),
    ])
}
