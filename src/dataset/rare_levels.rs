//! `data.rare_levels`: levels of a category that are made one, by the number of their rows alone, whatever their outcomes.

use super::column::{Column, Data, Encoded, encode};
use super::error::DatasetProblem;
use crate::plan::RareLevels;
use crate::schema::{ColumnKind, Conversion, ConversionKind};
use crate::text::lists::short;
use std::cmp::Reverse;
use std::collections::BTreeSet;

/// The most examples that a conversion names.
const MOST_EXAMPLES: usize = 5;

/// Makes the rare levels of a category one. A single rare level keeps its name: there is nothing to put it with.
pub(super) fn merge(column: &mut Column, rule: &RareLevels) -> Result<(), DatasetProblem> {
    if column.kind != ColumnKind::Category || column.obstacle.is_some() {
        return Ok(());
    }
    let rare = rare(column, rule);
    if rare.len() < 2 {
        return Ok(());
    }
    let Data::Codes { codes, levels } = &column.data else { return Ok(()) };
    if levels.contains(&rule.into) && !rare.contains(rule.into.as_str()) {
        return Err(DatasetProblem::new(
            "data.rare_levels.into",
            format!("`{}` has a level `{}` already, which is not rare", column.name, rule.into),
            "choose another name for the common level, such as `into: all others`",
        ));
    }
    let name = |code: &u32| {
        let level = levels.get(*code as usize)?.as_str();
        Some(if rare.contains(level) { rule.into.as_str() } else { level })
    };
    let moved =
        codes.iter().filter(|code| levels.get(**code as usize).is_some_and(|it| rare.contains(it.as_str()))).count();
    let encoded = encode(codes.iter().map(name)).sorted();
    let conversion = Conversion {
        column: Some(column.name.clone()),
        kind: ConversionKind::RareLevels,
        values: moved,
        examples: rare.iter().take(MOST_EXAMPLES).map(|level| short(level)).collect(),
    };
    let Encoded { codes, levels } = encoded;
    column.data = Data::Codes { codes, levels };
    column.conversions.push(conversion);
    Ok(())
}

/// The rare levels: too few rows, or beyond the most frequent, of which the common one takes a place.
fn rare(column: &Column, rule: &RareLevels) -> BTreeSet<String> {
    let mut tally = column.tally();
    // Ties in the order of the levels.
    tally.sort_by_key(|(_, rows)| Reverse(*rows));
    let room = match rule.keep {
        Some(keep) if tally.len() > keep => keep.saturating_sub(1),
        _ => tally.len(),
    };
    let few = |rows: usize| rule.below.is_some_and(|below| rows < below);
    let all = tally.into_iter().enumerate();
    all.filter(|(place, (_, rows))| *place >= room || few(*rows)).map(|(_, (level, _))| level).collect()
}
