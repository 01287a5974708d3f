//! `data.columns`: reading a column as something else than its file says; and values that the plan declares to be missing.

use super::column::{Column, DERIVED, Data, Encoded, MISSING, encode, level_index, number, truth, type_key};
use super::error::DatasetProblem;
use super::read::missing_words::Declared;
use super::suspicions::{groups, spelling};
use crate::plan::{ColumnOverride, ColumnType, DataSection, Merge};
use crate::schema::{ColumnKind, Conversion, ConversionKind};
use crate::text::lists::{did_you_mean, quoted, short};
use crate::text::numbers::count;
use std::collections::HashMap;

/// Applies what the plan says of columns; all that does not fit is reported together.
pub(super) fn apply(columns: &mut [Column], data: &DataSection) -> Result<(), Vec<DatasetProblem>> {
    for column in columns.iter_mut() {
        let declared = Declared::of(&column.name.clone(), data);
        if !declared.is_empty() {
            take_missing(column, declared);
        }
    }
    let of_file = |name: &String| !data.derive.contains_key(name);
    convert_named(columns, data.columns.iter().filter(|(name, _)| of_file(name)))
}

/// Applies what the plan says of columns that it derives itself.
pub(super) fn apply_to_derived(columns: &mut [Column], data: &DataSection) -> Result<(), Vec<DatasetProblem>> {
    convert_named(columns, data.columns.iter().filter(|(name, _)| data.derive.contains_key(*name)))
}

fn convert_named<'p>(
    columns: &mut [Column],
    overrides: impl Iterator<Item = (&'p String, &'p ColumnOverride)>,
) -> Result<(), Vec<DatasetProblem>> {
    let names: Vec<String> = columns.iter().map(|c| c.name.clone()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let places: HashMap<&str, usize> = names.iter().enumerate().map(|(i, name)| (*name, i)).collect();
    let mut problems = Vec::new();
    for (name, wanted) in overrides {
        let path = format!("data.columns.{name}");
        let outcome = match places.get(name.as_str()).and_then(|i| columns.get_mut(*i)) {
            None => {
                Err(DatasetProblem::new(&path, format!("the data have no column `{name}`"), did_you_mean(name, &names)))
            }
            Some(column) => convert(column, wanted, &path),
        };
        problems.extend(outcome.err());
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn convert(column: &mut Column, wanted: &ColumnOverride, path: &str) -> Result<(), DatasetProblem> {
    if let Some(merge) = wanted.merge {
        merge_spellings(column, merge, path)?;
    }
    // When it was measured says nothing about how to read it.
    let Some(kind) = wanted.kind else { return Ok(()) };
    if let Data::Opaque { .. } = column.data {
        return Err(DatasetProblem::new(
            path,
            format!("`{}` is stored as {} and cannot be read as a {}", column.name, column.stored_as, type_key(kind)),
            "convert the column before the analysis, for example a date to a number of days",
        ));
    }
    match kind {
        ColumnType::Number => to_number(column, path),
        ColumnType::Boolean => to_boolean(column, path),
        ColumnType::Category => to_category(column),
    }?;
    // The plan has said how to read it.
    column.obstacle = None;
    match &wanted.reference {
        Some(reference) => set_reference(column, reference, path),
        None => Ok(()),
    }
}

/// Values that the plan declares to be missing and that were read as values.
fn take_missing(column: &mut Column, declared: Declared<'_>) {
    let mut examples: Vec<String> = Vec::new();
    let mut taken = 0;
    match &mut column.data {
        Data::Numbers(values) => {
            for value in values.iter_mut().filter(|value| declared.holds_number(**value)) {
                if !examples.contains(&value.to_string()) {
                    examples.push(value.to_string());
                }
                *value = f64::NAN;
                taken += 1;
            }
        }
        Data::Codes { codes, levels } => {
            let (gone, order): (Vec<usize>, Vec<usize>) =
                (0..levels.len()).partition(|i| levels.get(*i).is_some_and(|level| declared.holds(level)));
            if gone.is_empty() {
                return;
            }
            let before = codes.iter().filter(|code| **code == MISSING).count();
            examples.extend(gone.iter().filter_map(|i| levels.get(*i)).map(|level| short(level)));
            let encoded = Encoded { codes: std::mem::take(codes), levels: std::mem::take(levels) }.reordered(&order);
            taken = encoded.codes.iter().filter(|code| **code == MISSING).count() - before;
            (*codes, *levels) = (encoded.codes, encoded.levels);
        }
        Data::Opaque { .. } => {}
    }
    if taken > 0 {
        note(column, ConversionKind::DeclaredMissing, taken, examples);
    }
}

fn note(column: &mut Column, kind: ConversionKind, values: usize, mut examples: Vec<String>) {
    examples.truncate(5);
    column.conversions.push(Conversion { column: Some(column.name.clone()), kind, values, examples });
}

/// Every group of spellings becomes its most frequent one, the first in order of several.
fn merge_spellings(column: &mut Column, merge: Merge, path: &str) -> Result<(), DatasetProblem> {
    let Data::Codes { codes, levels } = &mut column.data else {
        return Err(DatasetProblem::new(
            &format!("{path}.merge"),
            format!("`{}` is no text, so it has no spellings to merge", column.name),
            "remove `merge`",
        ));
    };
    let mut frequency = vec![0_usize; levels.len()];
    for code in codes.iter() {
        if let Some(n) = frequency.get_mut(*code as usize) {
            *n += 1;
        }
    }
    let often = |level: &usize| frequency.get(*level).copied().unwrap_or_default();
    let mut merged = 0;
    let mut examples = Vec::new();
    let mut spellings: Vec<String> = levels.iter().map(|level| spelling(level, Merge::Blanks)).collect();
    for group in groups(levels, merge) {
        // `min_by_key` keeps the first of several, and `max_by_key` the last.
        let Some(kept) = group.iter().copied().min_by_key(|level| std::cmp::Reverse(often(level))) else { continue };
        let name = spellings.get(kept).cloned().unwrap_or_default();
        for level in group.into_iter().filter(|level| *level != kept) {
            merged += often(&level);
            examples.extend(levels.get(level).map(|level| short(level)));
            if let Some(own) = spellings.get_mut(level) {
                own.clone_from(&name);
            }
        }
    }
    let texts = codes.iter().map(|code| spellings.get(*code as usize).map(String::as_str));
    let encoded = encode(texts).sorted();
    (*codes, *levels) = (encoded.codes, encoded.levels);
    if merged > 0 {
        note(column, ConversionKind::MergedSpellings, merged, examples);
    }
    Ok(())
}

fn to_number(column: &mut Column, path: &str) -> Result<(), DatasetProblem> {
    let values = decode(column, number).map_err(|row| misfit(column, row, "number", path))?;
    column.data = Data::Numbers(values);
    column.kind = ColumnKind::Number;
    Ok(())
}

fn to_boolean(column: &mut Column, path: &str) -> Result<(), DatasetProblem> {
    let values =
        decode(column, |text| truth(text).map(f64::from)).map_err(|row| misfit(column, row, "boolean", path))?;
    column.data = Data::Numbers(values);
    column.kind = ColumnKind::Boolean;
    Ok(())
}

/// Every value through `f`; the first row that `f` does not understand is the error.
fn decode(column: &Column, f: impl Fn(&str) -> Option<f64>) -> Result<Vec<f64>, usize> {
    match &column.data {
        Data::Numbers(values) => {
            let each = |(row, v): (usize, &f64)| if v.is_nan() { Ok(*v) } else { f(&v.to_string()).ok_or(row) };
            values.iter().enumerate().map(each).collect()
        }
        Data::Codes { codes, levels } => {
            let decoded: Vec<Option<f64>> = levels.iter().map(|l| f(l)).collect();
            let each = |(row, code): (usize, &u32)| match decoded.get(*code as usize) {
                Some(value) => value.ok_or(row),
                None => Ok(f64::NAN),
            };
            codes.iter().enumerate().map(each).collect()
        }
        Data::Opaque { .. } => Err(0),
    }
}

fn misfit(column: &Column, row: usize, wanted: &str, path: &str) -> DatasetProblem {
    let hint = match wanted {
        "number" => "correct the value in the data, or read the column as a category",
        _ => "a boolean has the values true/false, yes/no or 1/0; with others, read the column as a category",
    };
    DatasetProblem::new(
        path,
        format!(
            "`{}` is to be read as a {wanted}, but row {} has `{}`",
            column.name,
            count(row + 1),
            short(&column.value(row))
        ),
        hint,
    )
}

fn to_category(column: &mut Column) -> Result<(), DatasetProblem> {
    // Intervals have an order of their own.
    if column.kind == ColumnKind::Category && column.stored_as == DERIVED {
        return Ok(());
    }
    let data = std::mem::replace(&mut column.data, Data::Opaque { missing: 0 });
    let encoded = match data {
        Data::Numbers(values) => encode_numbers(&values, column.kind),
        Data::Codes { codes, levels } => Encoded { codes, levels: tidy(levels) },
        Data::Opaque { missing } => {
            column.data = Data::Opaque { missing };
            return Ok(());
        }
    };
    let Encoded { codes, levels } = encoded.sorted();
    column.data = Data::Codes { codes, levels };
    column.kind = ColumnKind::Category;
    Ok(())
}

fn encode_numbers(values: &[f64], kind: ColumnKind) -> Encoded {
    let text: Vec<Option<String>> = values
        .iter()
        .map(|v| match (v.is_nan(), kind) {
            (true, _) => None,
            (false, ColumnKind::Boolean) => Some((*v == 1.0).to_string()),
            // `+ 0.0` makes one level of 0 and -0.
            _ => Some((v + 0.0).to_string()),
        })
        .collect();
    encode(text.iter().map(Option::as_deref))
}

/// Numbers as levels get one spelling (`1`, not `1.0`), so that CSV and Parquet agree; unless that would merge levels
/// (`1.1` and `1.10`) or change codes such as `007`.
fn tidy(levels: Vec<String>) -> Vec<String> {
    let tidied: Option<Vec<String>> = levels.iter().map(|text| plain_spelling(text)).collect();
    let Some(tidied) = tidied else { return levels };
    let mut distinct = tidied.clone();
    distinct.sort();
    distinct.dedup();
    if distinct.len() == levels.len() { tidied } else { levels }
}

fn plain_spelling(text: &str) -> Option<String> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let padded = digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0.");
    // A float holds no more digits than these, and would not give the others back.
    let plain = !padded && digits.len() <= 16 && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if plain { number(text).map(|v| (v + 0.0).to_string()) } else { None }
}

fn set_reference(column: &mut Column, reference: &str, path: &str) -> Result<(), DatasetProblem> {
    let Data::Codes { codes, levels } = &mut column.data else {
        return Err(DatasetProblem::new(
            &format!("{path}.reference"),
            format!("`{}` is not a category, so it has no reference level", column.name),
            "remove `reference`, or write `type: category`",
        ));
    };
    let Some(index) = level_index(levels, reference) else {
        return Err(DatasetProblem::new(
            &format!("{path}.reference"),
            format!("`{}` has no level `{}`", column.name, short(reference)),
            format!("its levels are {}", quoted(levels, 12)),
        ));
    };
    let mut order: Vec<usize> = (0..levels.len()).filter(|i| *i != index).collect();
    order.insert(0, index);
    let encoded = Encoded { codes: std::mem::take(codes), levels: std::mem::take(levels) }.reordered(&order);
    debug_assert!(encoded.codes.iter().all(|c| *c == MISSING || (*c as usize) < encoded.levels.len()));
    column.data = Data::Codes { codes: encoded.codes, levels: encoded.levels };
    Ok(())
}
