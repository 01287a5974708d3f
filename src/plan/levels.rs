//! How many levels a category may have.

/// More dummies than this are a model of names, not of a confounder, unless there are rows enough for each.
const MOST_LEVELS: usize = 50;
/// Rows for each level, on average, with which a category may have more levels than that.
const ROWS_PER_LEVEL: usize = 20;
/// The most levels with however many rows.
const MOST_LEVELS_EVER: usize = 500;

/// The most levels that a category that is adjusted for may have in so many rows.
#[must_use]
pub fn most_levels(rows: usize) -> usize {
    (rows / ROWS_PER_LEVEL).clamp(MOST_LEVELS, MOST_LEVELS_EVER)
}
