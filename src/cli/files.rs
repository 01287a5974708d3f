//! Plans on disk: reading them, and finding the data they name.

use super::args::DataRoot;
use super::errors::CliError;
use std::path::{Path, PathBuf};

/// A plan file is never larger than this; see `plan::parse_bytes`.
const READ_AT_MOST: u64 = 2 << 20;

/// Reads the bytes of a plan; a file that is much too large is not read at all.
pub fn read_plan(path: &Path) -> Result<Vec<u8>, CliError> {
    use std::io::Read;
    let file = std::fs::File::open(path).map_err(|error| CliError::io(path, "read the plan", &error))?;
    let size = file.metadata().map_err(|error| CliError::io(path, "read the plan", &error))?.len();
    if size > READ_AT_MOST {
        let message = format!("{} has {size} bytes; a plan has at most 1 MiB", path.display());
        return Err(CliError::user(message, "A plan is a page of text; was a data file named in its place?"));
    }
    let mut bytes = Vec::new();
    // A pipe tells no size: then this is what holds.
    file.take(READ_AT_MOST).read_to_end(&mut bytes).map_err(|error| CliError::io(path, "read the plan", &error))?;
    Ok(bytes)
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
