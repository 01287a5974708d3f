//! Plans on disk: reading them, and finding the data they name.

use super::args::{DataRoot, Settings};
use super::env;
use super::errors::{self, CliError};
use super::sources::DataSources;
use crate::input_file::{self, InputFileError};
use crate::plan::{self, SetError};
use crate::store;
use crate::store::RepositoryTrust;
use crate::text::object_address::DataAddress;
use std::path::{Component, Path, PathBuf};

/// A plan file is never larger than this; see `plan::parse_bytes`.
const READ_AT_MOST: u64 = 2 << 20;

/// Reads the bytes of a plan; a file that is much too large is not read at all.
pub fn read_plan(path: &Path) -> Result<Vec<u8>, CliError> {
    input_file::read(path, READ_AT_MOST).map_err(|error| match error {
        InputFileError::TooLarge { size, .. } => {
            let message = format!("{} has {size} bytes; a plan has at most 1 MiB", path.display());
            CliError::user(message, "A plan is a page of text; was a data file named in its place?")
        }
        error => errors::from_input(path, "read the plan", &error),
    })
}

/// The bytes of a plan with the values that were set on the command line.
pub fn read_plan_with(path: &Path, settings: &Settings) -> Result<Vec<u8>, CliError> {
    let bytes = read_plan(path)?;
    if settings.set.is_empty() {
        return Ok(bytes);
    }
    // What is no text is told when it is read.
    let Ok(text) = String::from_utf8(bytes.clone()) else { return Ok(bytes) };
    let changed = plan::set(&text, &settings.set).map_err(|error| {
        let hint = match error {
            SetError::NotAnAssignment(_) => "Write it as --set analysis.folds=10; the keys are in docs/plan.md.",
            SetError::NotYaml { .. } => "Put the value in quotes within the shell's own, as in --set 'title=\"a: b\"'.",
            _ => "Name a key as docs/plan.md has it, with dots between sections.",
        };
        CliError::user(error.to_string(), hint)
    })?;
    Ok(changed.into_bytes())
}

/// The folder that `data.source` is relative to: `--data-root`, else, for the plan of a run in the run's own directory, the
/// folder of the plan that was run, else the plan's own folder.
pub fn data_root(plan: &Path, given: &DataRoot) -> Result<PathBuf, CliError> {
    if let Some(root) = &given.data_root {
        return Ok(root.clone());
    }
    let own = folder_of(plan);
    let note = store::read_note(&own, "data-root", &trust()).map_err(|error| errors::from_artifacts(&error))?;
    Ok(note.map_or(own, PathBuf::from))
}

/// The sources of a plan: files relative to [`data_root`], and objects of stores.
pub fn data_sources(plan: &Path, given: &DataRoot) -> Result<DataSources, CliError> {
    let expected = given.data_root.clone().unwrap_or_else(|| folder_of(plan));
    Ok(DataSources::new(data_root(plan, given)?, expected))
}

fn folder_of(plan: &Path) -> PathBuf {
    plan.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_path_buf()
}

/// Whose repositories this process may use.
pub fn trust() -> RepositoryTrust {
    RepositoryTrust { safe_directories: store::safe_directories(), sudo_user: env::sudo_user() }
}

/// Names the data if they are neither in the plan's folder nor in the one that `--data-root` gives. An object of a store was
/// named before it was asked for.
pub fn data_elsewhere(plan: &Path, given: &DataRoot, root: &Path, source: &str) -> Option<String> {
    let Ok(DataAddress::Local(source)) = DataAddress::read(source) else { return None };
    // Of a pattern, the folders before its first wildcard.
    let plain = |part: &Component<'_>| !part.as_os_str().to_string_lossy().contains(['*', '?', '[']);
    let named: PathBuf = Path::new(&source).components().take_while(plain).collect();
    let real = std::fs::canonicalize(root.join(named)).ok()?;
    let expected = given.data_root.clone().unwrap_or_else(|| folder_of(plan));
    let expected = std::fs::canonicalize(expected).ok()?;
    let message = || format!("the data are outside {}: they are read from {}", expected.display(), real.display());
    (!real.starts_with(&expected)).then(message)
}

/// Opens a file to be written: a new one, or, with `replace`, whatever is there.
pub fn create(path: &Path, replace: bool) -> std::io::Result<std::fs::File> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true);
    if replace {
        options.create(true).truncate(true)
    } else {
        // Not a look beforehand, after which somebody else could still write the file.
        options.create_new(true)
    };
    options.open(path)
}

/// Writes a file that is not there yet: what a command is asked to write never takes the place of something else.
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    let mut file = create(path, false).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => CliError::user(
            format!("{} is there already, and nothing is overwritten", path.display()),
            "Name another file, or remove that one first.",
        ),
        _ => CliError::io(path, "write", &error),
    })?;
    std::io::Write::write_all(&mut file, bytes).map_err(|error| CliError::io(path, "write", &error))
}

/// Writes a file that is not there yet, for nobody else to read.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(path).and_then(|mut file| std::io::Write::write_all(&mut file, bytes));
    written.map_err(|error| CliError::io(path, "write", &error))
}
