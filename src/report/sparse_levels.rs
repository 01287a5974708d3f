//! Levels of confounders that one arm lacks, in a sentence, and what can be done about them.

use crate::expression::literal;
use crate::plan::yaml_text;
use crate::record::structure::SparseLevel;
use crate::term::Term;
use crate::text::lists::counted;

/// The most levels that a sentence names.
const MOST_NAMED: usize = 12;

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
    let here: Vec<String> =
        sparse.iter().filter(|one| one.column == first.column).map(|one| literal(&one.level)).collect();
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
