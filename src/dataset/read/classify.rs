//! A column of text becomes what its values are: numbers, truth values, dates, codes, or text after all.
//!
//! | every value, words for missing ones apart, is | the column is |
//! |---|---|
//! | digits, all as many, some with a zero in front | a category of codes |
//! | `true` or `false` | a boolean |
//! | what `str::parse::<f64>` reads | a number |
//! | a number written for people ([`written_numbers`]) | a number, counted as converted |
//! | a date, and there are more than a category has | a date |
//! | text | a category, or free text |
//! | some numbers and some text | neither, until the plan says which |

use crate::dataset::column::{Column, Data, Encoded, MISSING, number, too_large_for_f64};
use crate::dataset::read::missing_words::{Declared, is_missing_among_numbers, is_missing_anywhere};
use crate::dataset::read::written_numbers::{self, DecimalMark};
use crate::schema::ColumnKind;
use crate::schema::{Conversion, ConversionKind};
use crate::text::dates;
use crate::text::lists::short;
use crate::text::numbers::count;

/// Dates with no more distinct values than this can be a category, as any other text.
const FEW_DATES: usize = 50;

/// Texts that a note shows.
const SHOWN: usize = 5;

/// A column of text and what is known of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TextColumn<'a> {
    pub(crate) name: &'a str,
    /// The file's own type, where it has types.
    pub(crate) typed: Option<&'a str>,
    /// What the plan says of its missing values.
    pub(crate) declared: Declared<'a>,
    /// The decimal mark of the file.
    pub(crate) decimal: DecimalMark,
    /// The plan reads it as a category, so every text is a level with the spelling it has.
    pub(crate) category: bool,
    /// The name of its type if it is a category after all.
    pub(crate) stored_as: &'a str,
}

/// The column that the texts are.
pub(crate) fn classify(encoded: Encoded, how: &TextColumn<'_>) -> Column {
    let mut notes = Vec::new();
    let declared = |level: &str| how.declared.holds(level);
    let encoded = if how.declared.is_empty() {
        encoded
    } else {
        without(encoded, declared, (how, ConversionKind::DeclaredMissing), &mut notes)
    };
    // A file with types knows of missing values, and the plan may have said which words are.
    let words = how.typed.is_none() && !how.declared.is_settled();
    let encoded = if words {
        without(encoded, is_missing_anywhere, (how, ConversionKind::MissingWords), &mut notes)
    } else {
        encoded
    };
    let mut column = if how.category { category(encoded, how, how.stored_as) } else { by_values(encoded, how) };
    column.conversions.splice(..0, notes);
    column
}

/// The texts without those that mean a missing value, which are counted.
fn without(
    encoded: Encoded,
    is_missing: impl Fn(&str) -> bool,
    note: (&TextColumn<'_>, ConversionKind),
    notes: &mut Vec<Conversion>,
) -> Encoded {
    let levels = || encoded.levels.iter().enumerate();
    let gone: Vec<usize> = levels().filter(|(_, level)| is_missing(level)).map(|(i, _)| i).collect();
    if gone.is_empty() {
        return encoded;
    }
    notes.push(conversion(&encoded, &gone, note.0.name, note.1));
    let order: Vec<usize> = levels().filter(|(_, level)| !is_missing(level)).map(|(i, _)| i).collect();
    encoded.reordered(&order)
}

/// The note that the values of some levels were converted.
fn conversion(encoded: &Encoded, levels: &[usize], name: &str, kind: ConversionKind) -> Conversion {
    let mut wanted = vec![false; encoded.levels.len()];
    for level in levels {
        if let Some(cell) = wanted.get_mut(*level) {
            *cell = true;
        }
    }
    let values = encoded.codes.iter().filter(|code| wanted.get(**code as usize) == Some(&true)).count();
    let examples = levels.iter().take(SHOWN).filter_map(|level| encoded.levels.get(*level)).map(|s| short(s)).collect();
    Conversion { column: Some(name.to_owned()), kind, values, examples }
}

fn category(encoded: Encoded, how: &TextColumn<'_>, stored_as: &str) -> Column {
    Column::text(how.name, how.typed.unwrap_or(stored_as), encoded)
}

fn by_values(encoded: Encoded, how: &TextColumn<'_>) -> Column {
    let is_missing = |level: &str| level.trim().is_empty() || is_missing_among_numbers(level);
    let values: Vec<&str> = encoded.levels.iter().map(String::as_str).filter(|level| !is_missing(level)).collect();
    if values.is_empty() && !encoded.levels.is_empty() {
        return text_or_mixed(encoded, how);
    }
    let Some(kind) = kind_of(&values, how) else { return text_or_mixed(encoded, how) };
    let mut notes = Vec::new();
    let encoded = without(encoded, is_missing, (how, ConversionKind::MissingWords), &mut notes);
    let mut column = made(encoded, kind, how);
    column.conversions.splice(..0, notes);
    column
}

/// What all values of a column are.
enum Kind {
    Codes,
    Boolean,
    Numbers,
    LargeNumbers,
    Written(written_numbers::WrittenNumbers),
    Dates(Vec<f64>),
}

fn kind_of(values: &[&str], how: &TextColumn<'_>) -> Option<Kind> {
    if are_codes(values) {
        return Some(Kind::Codes);
    }
    let is_truth = |text: &&str| ["true", "false"].contains(&text.trim().to_lowercase().as_str());
    if !values.is_empty() && values.iter().all(is_truth) {
        return Some(Kind::Boolean);
    }
    if values.iter().all(|text| number(text).is_some()) {
        let large = values.iter().any(|text| too_large_for_f64(text));
        return Some(if large { Kind::LargeNumbers } else { Kind::Numbers });
    }
    if let Some(written) = written_numbers::numbers(values, how.decimal) {
        return Some(Kind::Written(written));
    }
    if values.len() <= FEW_DATES {
        return None;
    }
    values.iter().map(|text| dates::days(text)).collect::<Option<Vec<f64>>>().map(Kind::Dates)
}

/// Digits only, all as many, and zeros in front: codes such as `02139`, whose zeros a number would lose.
fn are_codes(values: &[&str]) -> bool {
    let length = values.first().map_or(0, |first| first.len());
    let digits = |text: &&str| text.len() == length && text.bytes().all(|b| b.is_ascii_digit());
    length > 1 && values.iter().all(digits) && values.iter().any(|text| text.starts_with('0'))
}

fn made(encoded: Encoded, kind: Kind, how: &TextColumn<'_>) -> Column {
    let name = how.name;
    let all: Vec<usize> = (0..encoded.levels.len()).collect();
    match kind {
        Kind::Codes => {
            let note = how.typed.is_none().then(|| conversion(&encoded, &all, name, ConversionKind::PaddedCodes));
            noted(category(encoded, how, "digits with zeros in front"), note)
        }
        Kind::Boolean => {
            let values = decode(&encoded, |l| if l.trim().eq_ignore_ascii_case("true") { 1.0 } else { 0.0 });
            Column::new(name, how.typed.unwrap_or("boolean"), ColumnKind::Boolean, Data::Numbers(values))
        }
        Kind::LargeNumbers => large_integers(name, how.typed.unwrap_or("integer"), encoded),
        Kind::Numbers => {
            let whole = encoded.levels.iter().all(|l| l.trim().bytes().all(|b| b.is_ascii_digit() || b == b'-'));
            let own = if whole { "integer" } else { "float" };
            let note = how.typed.map(|_| conversion(&encoded, &all, name, ConversionKind::NumbersAsText));
            let values = decode(&encoded, |l| number(l).unwrap_or(f64::NAN));
            noted(Column::numbers(name, how.typed.unwrap_or(own), values), note)
        }
        Kind::Written(written) => {
            let is_converted =
                |level: &&usize| encoded.levels.get(**level).is_some_and(|text| written_numbers::is_converted(text));
            let converted: Vec<usize> = all.iter().filter(is_converted).copied().collect();
            let notes = written.kinds.iter().map(|kind| conversion(&encoded, &converted, name, *kind));
            let notes: Vec<Conversion> = notes.collect();
            let column = Column::numbers(name, how.typed.unwrap_or("text"), by_level(&encoded, &written.values));
            noted(column, notes)
        }
        Kind::Dates(days) => {
            let note = conversion(&encoded, &all, name, ConversionKind::Dates);
            noted(Column::dates(name, how.typed.unwrap_or("text"), by_level(&encoded, &days)), Some(note))
        }
    }
}

fn noted(mut column: Column, notes: impl IntoIterator<Item = Conversion>) -> Column {
    column.conversions.extend(notes);
    column
}

fn text_or_mixed(encoded: Encoded, how: &TextColumn<'_>) -> Column {
    let numbers: Vec<Option<f64>> = encoded.levels.iter().map(|l| number(l)).collect();
    // Text of a file with types is text, whatever it looks like.
    if how.typed.is_some() || numbers.iter().all(Option::is_none) {
        return category(encoded, how, "text");
    }
    mixed(how.name, encoded, &numbers)
}

/// Whole numbers beyond 2^53 are identifiers, not quantities: kept as text so that no two of them become equal.
pub(crate) fn large_integers(name: &str, stored_as: &str, encoded: Encoded) -> Column {
    let Encoded { codes, levels } = encoded.sorted();
    let mut column = Column::new(name, stored_as, ColumnKind::Other, Data::Codes { codes, levels });
    column.obstacle = Some("has whole numbers beyond 2^53, which look like identifiers".into());
    column
}

fn mixed(name: &str, encoded: Encoded, numbers: &[Option<f64>]) -> Column {
    let is_text = |code: &u32| *code != MISSING && numbers.get(*code as usize).is_some_and(Option::is_none);
    let row = encoded.codes.iter().position(is_text).unwrap_or_default();
    let texts = encoded.codes.iter().filter(|c| is_text(c)).count();
    let present = encoded.codes.iter().filter(|c| **c != MISSING).count();
    let mut column = Column::text(name, "text and numbers", encoded);
    column.kind = ColumnKind::Other;
    column.obstacle = Some(format!(
        "mixes numbers and text: row {} has `{}`; {} of {} values are not numbers",
        count(row + 1),
        short(&column.value(row)),
        count(texts),
        count(present)
    ));
    column
}

fn decode(encoded: &Encoded, f: impl Fn(&str) -> f64) -> Vec<f64> {
    let values: Vec<f64> = encoded.levels.iter().map(|l| f(l)).collect();
    by_level(encoded, &values)
}

fn by_level(encoded: &Encoded, values: &[f64]) -> Vec<f64> {
    encoded.codes.iter().map(|c| values.get(*c as usize).copied().unwrap_or(f64::NAN)).collect()
}
