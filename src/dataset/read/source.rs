//! From the plan's `data.source` to files: one file, a pattern, sorted by name, or an object of a store.

use crate::dataset::error::{DatasetError, Unfetched};
use crate::dataset::place::DataPlace;
use crate::dataset::read::csv::MOST_BYTES;
use crate::dataset::read::partitions;
use crate::input_file::{InputFile, InputFileError};
use crate::text::lists::nearest_first;
use crate::text::object_address::{DataAddress, ObjectAddress};
use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};

/// The format of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Csv,
    Parquet,
}

/// The most entries of a folder that are looked into for data files.
const MOST_FOLDERS: usize = 100;

/// The files behind a source.
pub(crate) struct Files {
    pub(crate) format: Format,
    /// In name order.
    pub(crate) files: Vec<DataFile>,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct DataFile {
    /// Where it lies on this machine, or in its bucket.
    pub(crate) path: PathBuf,
    /// The name to show.
    pub(crate) name: String,
    /// The copy of an object.
    copy: Option<File>,
}

impl DataFile {
    /// Opens it, if it has at most `most` bytes.
    pub(crate) fn open(&self, most: u64) -> Result<InputFile, InputFileError> {
        let Some(copy) = &self.copy else { return InputFile::open(&self.path, &self.name, most) };
        let copy = copy.try_clone();
        let copy = copy.map_err(|source| InputFileError::System { name: self.name.clone(), source })?;
        InputFile::of_handle(copy, &self.name, most)
    }

    /// The names and values in the folders that it lies in, below `base`, outermost first.
    pub(crate) fn partitions(&self, base: &Path) -> Vec<(String, String)> {
        // Every folder of a bucket is below it.
        partitions::of_path(&self.path, if self.copy.is_some() { Path::new("") } else { base })
    }
}

/// Finds the files of `source`, and has an object of a store brought here.
pub(crate) fn resolve(source: &str, place: DataPlace<'_>) -> Result<Files, DatasetError> {
    match DataAddress::read(source)? {
        DataAddress::Local(path) => local(&path, place.folder()),
        DataAddress::Object(address) => object(&address, place),
    }
}

fn object(address: &ObjectAddress, place: DataPlace<'_>) -> Result<Files, DatasetError> {
    let (path, name) = (PathBuf::from(address.key()), address.name());
    // Before anything is asked for.
    let format = format_of(&path, &name)?;
    let copy = match place.objects() {
        Some(objects) => objects.open(address, MOST_BYTES),
        None => Err(Unfetched {
            message: format!("{address} is not read here: only files of this machine are"),
            fix: "copy it to this machine, and name the copy".to_owned(),
            outside: false,
        }),
    };
    let copy = Some(copy.map_err(DatasetError::Unfetched)?);
    Ok(Files { format, files: vec![DataFile { path, name, copy }] })
}

/// Finds the files of `source`, relative to `base`.
fn local(source: &str, base: &Path) -> Result<Files, DatasetError> {
    let direct = base.join(source);
    // A file that is there is meant, even if its name has brackets in it.
    let paths = if direct.exists() || direct.is_symlink() || !source.contains(['*', '?', '[']) {
        single(source, base, direct)?
    } else {
        matching(source, base)?
    };
    let files = named(paths, base);
    let mut formats = Vec::new();
    for DataFile { path, name, .. } in &files {
        formats.push((format_of(path, name)?, name));
    }
    let Some((format, first)) = formats.first().copied() else { return Err(not_found(source, base)) };
    if let Some((_, file)) = formats.iter().find(|(f, _)| *f != format) {
        return Err(DatasetError::Mismatch {
            file: (*file).clone(),
            first: first.clone(),
            reason: "the pattern mixes CSV and Parquet files".into(),
        });
    }
    Ok(Files { format, files })
}

fn single(source: &str, base: &Path, path: PathBuf) -> Result<Vec<PathBuf>, DatasetError> {
    match std::fs::metadata(&path) {
        Ok(meta) if meta.is_dir() => {
            let mut similar = data_files(&path);
            if similar.is_empty() {
                let below = patterns_below(&path, 3).into_iter();
                similar = below.map(|pattern| Path::new(source).join(pattern).to_string_lossy().into_owned()).collect();
            }
            Err(DatasetError::Directory { source_text: source.into(), similar })
        }
        Ok(_) => Ok(vec![path]),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Err(not_found(source, base)),
        Err(e) => Err(DatasetError::Io { file: source.into(), reason: e.to_string() }),
    }
}

fn matching(source: &str, base: &Path) -> Result<Vec<PathBuf>, DatasetError> {
    let invalid = |reason: String| DatasetError::Pattern { source_text: source.into(), reason };
    let folder = base.to_str().ok_or_else(|| not_utf8(base.to_string_lossy().into_owned()))?;
    // Brackets in the name of the folder are no pattern.
    let escaped = glob::Pattern::escape(folder);
    let pattern = if Path::new(source).is_absolute() || escaped.is_empty() {
        source.to_owned()
    } else {
        format!("{}/{source}", escaped.trim_end_matches('/'))
    };
    let mut paths = Vec::new();
    for entry in glob::glob(&pattern).map_err(|e| invalid(e.msg.to_owned()))? {
        let path = entry.map_err(|e| DatasetError::Io { file: source.into(), reason: e.to_string() })?;
        if !path.is_dir() {
            paths.push(path);
        }
    }
    paths.sort();
    match overlooked(&pattern, &paths) {
        None => Ok(paths),
        Some(name) => Err(not_utf8(name)),
    }
}

/// A data file that the pattern does not see, since its name is not UTF-8, in a folder that the pattern looks into. Nothing
/// is left out in silence.
fn overlooked(pattern: &str, paths: &[PathBuf]) -> Option<String> {
    let file = Path::new(pattern).file_name()?.to_str()?;
    let file = glob::Pattern::new(file).ok()?;
    let folders = paths.iter().map(PathBuf::as_path).chain([Path::new(pattern)]).filter_map(Path::parent);
    let folders: BTreeSet<&Path> = folders.collect();
    let entries = folders.into_iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten().flatten();
    let names = entries.map(|entry| entry.file_name()).filter(|name| name.to_str().is_none());
    names.map(|name| name.to_string_lossy().into_owned()).find(|name| file.matches(name))
}

fn not_utf8(name: String) -> DatasetError {
    DatasetError::Format {
        file: name,
        reason: "its name is not UTF-8, so a pattern cannot match it".into(),
        fix: "rename it with letters, digits and `-`".into(),
    }
}

/// File names, or paths below `base` where two files have the same name.
fn named(paths: Vec<PathBuf>, base: &Path) -> Vec<DataFile> {
    let name = |p: &Path| p.file_name().unwrap_or(p.as_os_str()).to_string_lossy().into_owned();
    let mut names: Vec<String> = paths.iter().map(|p| name(p)).collect();
    let mut distinct = names.clone();
    distinct.sort();
    distinct.dedup();
    if distinct.len() < names.len() {
        names = paths.iter().map(|p| p.strip_prefix(base).unwrap_or(p).to_string_lossy().into_owned()).collect();
    }
    paths.into_iter().zip(names).map(|(path, name)| DataFile { path, name, copy: None }).collect()
}

fn extension(name: &str) -> String {
    Path::new(name).extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default()
}

fn format_of(path: &Path, name: &str) -> Result<Format, DatasetError> {
    let refuse =
        |reason: &str, fix: &str| DatasetError::Format { file: name.into(), reason: reason.into(), fix: fix.into() };
    match extension(&path.to_string_lossy()).as_str() {
        "csv" | "tsv" | "tab" | "txt" => Ok(Format::Csv),
        "parquet" | "pq" => Ok(Format::Parquet),
        "gz" | "zip" | "bz2" | "xz" | "zst" => {
            Err(refuse("it is compressed", "unpack it first, for example with `gunzip`; Parquet files stay small"))
        }
        "xls" | "xlsx" | "ods" => {
            Err(refuse("it is a spreadsheet", &format!("save the sheet as CSV, or {}", by_pandas("read_excel", name))))
        }
        ending => foreign(ending, name, refuse),
    }
}

/// Formats of other programs: each with the line that converts it.
fn foreign(ending: &str, name: &str, refuse: impl Fn(&str, &str) -> DatasetError) -> Result<Format, DatasetError> {
    let converted = |by: &str| Err(refuse("this format is not supported", by));
    match ending {
        "dta" => converted(&by_pandas("read_stata", name)),
        "sav" => converted(&by_pandas("read_spss", name)),
        "sas7bdat" | "xpt" => converted(&by_pandas("read_sas", name)),
        "feather" | "arrow" => converted(&by_pandas("read_feather", name)),
        "json" => converted(&by_pandas("read_json", name)),
        "rds" => converted(&format!(
            "convert it: `Rscript -e 'write.csv(readRDS(\"{name}\"), \"data.csv\", row.names = FALSE)'`"
        )),
        "rdata" | "jsonl" | "db" | "sqlite" | "duckdb" => converted("export it as CSV or Parquet"),
        "" => Err(refuse("its name has no ending", "name it `.csv` or `.parquet`, according to what it is")),
        other => Err(refuse(
            &format!("`.{other}` is neither CSV nor Parquet"),
            "export it as CSV or Parquet, or rename it if it already is one",
        )),
    }
}

fn not_found(source: &str, base: &Path) -> DatasetError {
    let wanted = Path::new(source);
    let folder = base.join(wanted.parent().unwrap_or(Path::new("")));
    let prefix = wanted.parent().filter(|p| !p.as_os_str().is_empty());
    let file = wanted.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let similar = nearest_first(&file, data_files(&folder))
        .into_iter()
        .map(|name| prefix.map_or(name.clone(), |p| p.join(&name).to_string_lossy().into_owned()))
        .collect();
    DatasetError::NotFound { source_text: source.into(), base: base.to_path_buf(), similar }
}

fn by_pandas(reader: &str, name: &str) -> String {
    format!("convert it: `python3 -c 'import pandas; pandas.{reader}(\"{name}\").to_parquet(\"data.parquet\")'`")
}

/// The patterns under which data files lie below a folder, at most three folders deep.
fn patterns_below(folder: &Path, depth: usize) -> Vec<String> {
    let endings: BTreeSet<String> = data_files(folder).iter().map(|name| extension(name)).collect();
    if !endings.is_empty() {
        return endings.into_iter().map(|ending| format!("*.{ending}")).collect();
    }
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().take(MOST_FOLDERS);
    let below = entries.filter(|entry| depth > 0 && entry.path().is_dir());
    let found: BTreeSet<String> = below.flat_map(|entry| patterns_below(&entry.path(), depth - 1)).collect();
    found.into_iter().map(|pattern| format!("*/{pattern}")).collect()
}

/// Names of the CSV and Parquet files of a directory, sorted; empty if it cannot be listed.
fn data_files(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> = entries
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        .filter(|name| ["csv", "tsv", "tab", "parquet", "pq"].contains(&extension(name).as_str()))
        .collect();
    names.sort();
    names
}
