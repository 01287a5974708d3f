//! The official layout: one folder per setting, with a file for each response of it.

use crate::error::{AcicError, Skipped};
use crate::observed::Key;
use crate::settings::{LARGEST, Settings};
use std::path::{Path, PathBuf};

/// A file that is called like a response.
pub(crate) struct Listed {
    /// The dataset that its name says.
    pub(crate) key: Key,
    /// Below the folder of the data.
    pub(crate) file: String,
    /// Its place.
    pub(crate) path: PathBuf,
}

/// The folder of a setting.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Folder {
    setting: u16,
    name: String,
}

/// The files of the settings that are wanted, in the order of their numbers; what cannot be a dataset goes to `bad`.
///
/// # Errors
/// A folder that cannot be listed, or no folder of a setting.
pub(crate) fn list(dir: &Path, wanted: Option<&Settings>, bad: &mut Vec<Skipped>) -> Result<Vec<Listed>, AcicError> {
    let mut settings: Vec<Folder> = Vec::new();
    let mut numbered = false;
    for folder in names(dir)? {
        if !folder.bytes().all(|b| b.is_ascii_digit()) || folder.is_empty() {
            continue;
        }
        numbered = true;
        match whole(&folder).and_then(|n| u16::try_from(n).ok()).filter(|n| (1..=LARGEST).contains(n)) {
            Some(setting) => settings.push(Folder { setting, name: folder }),
            // Nobody can ask for it by number: it is named wherever everything is asked for.
            None if wanted.is_none() => bad.push(no_setting(folder)),
            None => {}
        }
    }
    if !numbered && wanted.is_none() {
        let problem = "it has no folder of a setting (1, 2, …) and no observed.parquet".to_owned();
        return Err(AcicError::Layout { dir: dir.to_path_buf(), problem });
    }
    settings.retain(|folder| wanted.is_none_or(|wanted| wanted.has(folder.setting)));
    settings.sort();
    let mut listed = Vec::new();
    for folder in &settings {
        listed.extend(responses(dir, folder, bad)?);
    }
    Ok(listed)
}

fn no_setting(folder: String) -> Skipped {
    let problem = format!("is not the number of a setting, which are 1 to {LARGEST}");
    Skipped { setting: 0, response: None, file: folder, problem }
}

/// The files of one setting, below the folder of the data.
fn responses(data: &Path, folder: &Folder, bad: &mut Vec<Skipped>) -> Result<Vec<Listed>, AcicError> {
    let Folder { setting, name: folder } = folder;
    let (setting, dir) = (*setting, data.join(folder));
    let mut found = Vec::new();
    let before = bad.len();
    let mut refuse = |file: String, problem: &str| {
        bad.push(Skipped { setting, response: None, file, problem: problem.to_owned() });
    };
    if !dir.is_dir() {
        refuse(folder.clone(), "is not a folder, although it is called like a setting");
        return Ok(found);
    }
    for name in names(&dir)? {
        // In any case: a file that is only nearly called so is named as bad, not passed over.
        if !name.to_ascii_lowercase().starts_with("zymu_") {
            continue;
        }
        let file = format!("{folder}/{name}");
        match name.strip_prefix("zymu_").and_then(|rest| rest.strip_suffix(".csv")).and_then(whole) {
            Some(response) => found.push(Listed { key: Key { setting, response }, file, path: dir.join(name) }),
            None => refuse(file, "is not called zymu_<number>.csv"),
        }
    }
    if found.is_empty() && bad.len() == before {
        let problem = "is a setting without a dataset: no file in it is called zymu_<number>.csv".to_owned();
        bad.push(Skipped { setting, response: None, file: folder.clone(), problem });
    }
    // A folder is listed in no set order, and each shard must number the same list.
    found.sort_by(|a, b| (a.key, &a.file).cmp(&(b.key, &b.file)));
    Ok(found)
}

/// Names in a folder, sorted.
fn names(dir: &Path) -> Result<Vec<String>, AcicError> {
    let failed = |error| AcicError::io("list", dir, error);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        names.push(entry.map_err(failed)?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

fn whole(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}
