//! What was done to values while a file was read, and what is suspected of them, as sentences.

use super::quote::yaml_text;
use super::reader::shown;
use crate::schema::{Conversion, ConversionKind, Suspicion, SuspicionKind};
use crate::text::numbers::count;

/// A conversion as the end of a sentence: "`income`: 40 values `N/A` are missing".
#[must_use]
pub fn conversion_text(done: &Conversion) -> String {
    let examples = quoted(&done.examples);
    let values = |noun: &str| format!("{} {noun}{}", count(done.values), if done.values == 1 { "" } else { "s" });
    let what = match done.kind {
        ConversionKind::Utf16 => return format!("{} decoded from UTF-16", values("file")),
        ConversionKind::Windows1252 => return format!("{} decoded from Windows-1252 (Latin-1)", values("file")),
        ConversionKind::Separator => {
            return format!("{} with values separated by {}", values("file"), done.examples.join(" and "));
        }
        ConversionKind::Partition => format!("read from the names of folders ({examples})"),
        ConversionKind::MissingWords => format!("{} taken as missing ({examples})", values("value")),
        ConversionKind::DeclaredMissing => format!("{} missing, as the plan says ({examples})", values("value")),
        ConversionKind::Thousands => {
            format!("{} with separators of thousands read as numbers ({examples})", values("value"))
        }
        ConversionKind::DecimalComma => {
            format!("{} with a decimal comma read as numbers ({examples})", values("value"))
        }
        ConversionKind::Currency => {
            format!("{} with the sign of a currency read as numbers ({examples})", values("value"))
        }
        ConversionKind::Percent => format!("{} with a percent sign read as per cent ({examples})", values("value")),
        ConversionKind::Negative => {
            format!("{} in brackets, or with another minus, read as negative numbers ({examples})", values("value"))
        }
        ConversionKind::NumbersAsText => format!("{} stored as text read as numbers ({examples})", values("value")),
        ConversionKind::PaddedCodes => format!("digits with zeros in front kept as text ({examples})"),
        ConversionKind::Dates => format!("{} read as dates, days since 1970-01-01 ({examples})", values("value")),
        ConversionKind::MergedSpellings => {
            format!("{} given the spelling of their level ({examples})", values("value"))
        }
        ConversionKind::RareLevels => {
            format!("{} of rare levels put into one, as the plan says ({examples})", values("value"))
        }
    };
    match &done.column {
        Some(column) => format!("`{}`: {what}", shown(column)),
        None => what,
    }
}

/// A suspicion with the line of a plan that settles it.
#[must_use]
pub fn suspicion_text(found: &Suspicion) -> String {
    let (column, name) = (shown(&found.column), yaml_text(&found.column));
    let (examples, values) = (quoted(&found.examples), count(found.values));
    match found.kind {
        SuspicionKind::MissingCode => format!(
            "`{column}`: {examples} ({values} values) may be a code for a missing value; if so, `columns: {{{name}: \
             {{missing_values: [{}]}}}}` under `data`",
            found.examples.join(", ")
        ),
        SuspicionKind::Blanks | SuspicionKind::Case => format!(
            "`{column}`: {examples} differ in {} only; `columns: {{{name}: {{merge: {}}}}}` under `data` makes them one",
            if found.kind == SuspicionKind::Blanks { "blanks" } else { "capital letters" },
            merge_word(found.kind)
        ),
    }
}

pub(super) fn merge_word(kind: SuspicionKind) -> &'static str {
    if kind == SuspicionKind::Blanks { "blanks" } else { "case" }
}

fn quoted(examples: &[String]) -> String {
    examples.iter().map(|text| format!("`{}`", shown(text))).collect::<Vec<_>>().join(", ")
}
