//! The texts that name a value of a column.

use crate::schema::{ColumnInfo, ColumnKind};

/// The level that stands for a missing value under the policy `indicator`, as in the term `income == (missing)`.
pub const MISSING_LEVEL: &str = "(missing)";

/// The column's own spelling of `value`: the level it names by text, by number or, for a boolean, by yes/no; for a
/// number the text itself. `None` if the column cannot have that value.
pub(super) fn own_spelling(column: &ColumnInfo, value: &str) -> Option<String> {
    let text = value.trim();
    // By text first: where both `1` and `1.0` are levels, the one that was written is meant.
    if let Some(level) = column.levels.iter().find(|level| *level == value || *level == text) {
        return Some(level.clone());
    }
    match column.kind {
        ColumnKind::Number => (number(text).is_some() || is_truth_word(text)).then(|| value.to_owned()),
        ColumnKind::Boolean => {
            truth(text).and_then(|wanted| column.levels.iter().find(|level| truth(level) == Some(wanted)).cloned())
        }
        ColumnKind::Category => {
            number(text).and_then(|x| column.levels.iter().find(|level| number(level) == Some(x)).cloned())
        }
        _ => None,
    }
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|x: &f64| x.is_finite())
}

fn is_truth_word(text: &str) -> bool {
    matches!(text.to_ascii_lowercase().as_str(), "true" | "false")
}

fn truth(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "1" | "1.0" => Some(true),
        "false" | "f" | "no" | "n" | "0" | "0.0" => Some(false),
        _ => None,
    }
}
