//! Columns that stand in the names of folders, as in `sales/region=north/part-0.parquet`.

use crate::dataset::column::{Column, encode};
use crate::dataset::read::classify::{TextColumn, classify};
use crate::dataset::read::missing_words::Declared;
use crate::dataset::read::written_numbers::DecimalMark;
use crate::plan::{ColumnType, DataSection};
use crate::schema::{Conversion, ConversionKind};
use crate::text::percent::decoded;
use std::path::{Component, Path};

/// The name that Hive gives to the folder of missing values.
const MISSING: &str = "__HIVE_DEFAULT_PARTITION__";

/// The names and values in the folders of a file below `base`, outermost first.
pub(crate) fn of_path(path: &Path, base: &Path) -> Vec<(String, String)> {
    let below = path.strip_prefix(base).unwrap_or(path);
    let folders = below.parent().into_iter().flat_map(Path::components);
    let pair = |folder: Component<'_>| {
        let (name, value) = folder.as_os_str().to_str()?.split_once('=')?;
        (!name.is_empty()).then(|| (decoded(name), decoded(value)))
    };
    folders.filter_map(pair).collect()
}

/// A column for each name that the folders of all files have, unless the files have a column of that name themselves.
/// `files` holds the names and values of each file, `rows` the number of its rows.
pub(crate) fn columns(
    files: &[Vec<(String, String)>],
    rows: &[usize],
    own: &[Column],
    data: &DataSection,
) -> Vec<Column> {
    let Some((first, rest)) = files.split_first() else { return Vec::new() };
    let shared = |name: &str| rest.iter().all(|file| file.iter().any(|(other, _)| other == name));
    let is_own = |name: &str| own.iter().any(|column| column.name == name);
    let names = first.iter().map(|(name, _)| name.as_str()).filter(|name| shared(name) && !is_own(name));
    names.map(|name| column(name, files, rows, data)).collect()
}

fn column(name: &str, files: &[Vec<(String, String)>], rows: &[usize], data: &DataSection) -> Column {
    let value = |file: &Vec<(String, String)>| {
        let found = file.iter().find(|(other, _)| other == name).map(|(_, value)| value.clone());
        found.filter(|value| value != MISSING && !value.trim().is_empty())
    };
    let values: Vec<Option<String>> = files.iter().map(value).collect();
    let each = values.iter().zip(rows).flat_map(|(value, n)| std::iter::repeat_n(value.as_deref(), *n));
    let kind = data.columns.get(name).and_then(|said| said.kind);
    let how = TextColumn {
        name,
        typed: None,
        declared: Declared::of(name, data),
        decimal: DecimalMark::Point,
        category: kind == Some(ColumnType::Category),
        stored_as: "folder names",
    };
    let mut column = classify(encode(each), &how);
    column.stored_as = "folder names".to_owned();
    let mut examples: Vec<String> = values.into_iter().flatten().collect();
    examples.sort();
    examples.dedup();
    examples.truncate(5);
    let note =
        Conversion { column: Some(name.to_owned()), kind: ConversionKind::Partition, values: files.len(), examples };
    column.conversions.push(note);
    column
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_of_folders() {
        let pairs = of_path(Path::new("/data/x=1/d/region=new%20york/year=2020/p=1.csv"), Path::new("/data/x=1"));
        let expected = [("region", "new york"), ("year", "2020")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        assert_eq!(pairs, expected);
        assert_eq!(decoded("100%"), "100%");
        assert_eq!(decoded("a%2Fb%zz"), "a/b%zz");
    }
}
