//! Plans on disk: reading them, and finding the data they name.

use super::args::DataRoot;
use super::errors::{self, CliError};
use crate::input_file::{self, InputFileError};
use std::path::{Path, PathBuf};

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

/// The folder that `data.source` is relative to: `--data-root`, else, inside a run's repository, the folder of the plan
/// that was run, else the plan's own folder.
pub fn data_root(plan: &Path, given: &DataRoot) -> PathBuf {
    if let Some(root) = &given.data_root {
        return root.clone();
    }
    let own = plan.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_path_buf();
    match crate::store::read_note(&own, "data-root") {
        Ok(Some(root)) => PathBuf::from(root),
        _ => own,
    }
}
