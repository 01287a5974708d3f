//! Words that mean a missing value.

use crate::dataset::column::number;
use crate::plan::{ColumnOverride, DataSection};

/// Words that mean a missing value in any column of a text file.
const ANYWHERE: [&str; 13] =
    ["NA", "N/A", "n/a", "#N/A", "#NA", "#N/A N/A", "<NA>", "NULL", "null", "NaN", "nan", "-NaN", "\\N"];

/// Words that mean one only where everything else in the column is a number or a date; elsewhere they may be values. Capital
/// letters do not matter.
const AMONG_NUMBERS: [&str; 16] = [
    ".", "-", "--", "?", "none", "na", "n.a.", "nan", "null", "n/a", "missing", "unknown", "#div/0!", "#value!",
    "#ref!", "#num!",
];

/// True for a word that means a missing value in any column.
pub(crate) fn is_missing_anywhere(text: &str) -> bool {
    ANYWHERE.contains(&text.trim())
}

/// True for a word that means a missing value among numbers and dates.
pub(crate) fn is_missing_among_numbers(text: &str) -> bool {
    let text = text.trim();
    is_missing_anywhere(text) || AMONG_NUMBERS.iter().any(|word| word.eq_ignore_ascii_case(text))
}

/// What the plan says about the missing values of one column.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Declared<'a> {
    everywhere: &'a [String],
    here: Option<&'a [String]>,
}

impl<'a> Declared<'a> {
    pub(crate) fn of(column: &str, data: &'a DataSection) -> Self {
        let said: Option<&ColumnOverride> = data.columns.get(column);
        Self { everywhere: &data.missing_values, here: said.and_then(|said| said.missing_values.as_deref()) }
    }

    /// True if the plan says which values of the column are missing, so that nothing needs to be guessed.
    pub(crate) fn is_settled(&self) -> bool {
        self.here.is_some()
    }

    /// True if there is nothing to look for.
    pub(crate) fn is_empty(&self) -> bool {
        self.words().next().is_none()
    }

    /// True if the plan says that `text` means a missing value: by text, or as the same number.
    pub(crate) fn holds(&self, text: &str) -> bool {
        let text = text.trim();
        self.words().any(|word| word == text || number(word).is_some_and(|wanted| number(text) == Some(wanted)))
    }

    /// True if the plan says that `value` means a missing one.
    pub(crate) fn holds_number(&self, value: f64) -> bool {
        self.words().any(|word| number(word) == Some(value))
    }

    fn words(&self) -> impl Iterator<Item = &'a str> {
        self.everywhere.iter().chain(self.here.into_iter().flatten()).map(|word| word.trim())
    }
}
