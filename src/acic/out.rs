//! The folder of a replay.
//!
//! ```text
//! out/
//! ├─ replay.json      what is replayed: data, datasets, plan, estimators, budget; another replay is refused here
//! ├─ plan.yaml        the plan that every dataset is held against
//! ├─ datasets/        one file per finished dataset, written whole or not at all
//! ├─ estimates.csv    all of them, in the order of replay.json
//! ├─ timings.csv      wall-clock seconds of each dataset
//! └─ skipped.csv      datasets that cannot be analysed, and why
//! ```
//!
//! Everything but the seconds is a function of data, options and program. So that shards merge to the bytes of one run,
//! `estimates.csv` keeps its column `seconds` empty unless it is asked for; `timings.csv` always has them.

use super::error::AcicError;
use super::observed::Key;
use super::rows::{self, Row};
use super::source::Skipped;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The format of replay.json.
const FORMAT: u32 = 1;

/// What is replayed. Shards, threads and what is done about bad datasets are no part of it: they change nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// Of this document.
    pub format: u32,
    /// Of the program.
    pub version: String,
    /// `official` or `pack`.
    pub layout: String,
    /// Settings asked for, or `all`.
    pub settings: String,
    /// Datasets of each setting asked for, or `all`.
    pub responses: String,
    /// `choose`, `report` or `all`.
    pub split: String,
    /// Keys of the estimators; the first is graded.
    pub estimators: Vec<String>,
    /// `fast` or `thorough`.
    pub budget: String,
    /// SHA-256 of plan.yaml.
    pub plan_sha256: String,
    /// SHA-256 of the covariates.
    pub covariates_sha256: String,
    /// SHA-256 over the names and hashes of the datasets.
    pub datasets_sha256: String,
    /// Datasets that are left out.
    pub skipped: usize,
    /// The datasets, in order.
    pub datasets: Vec<Key>,
}

impl Identity {
    /// The current format.
    #[must_use]
    pub fn format() -> u32 {
        FORMAT
    }

    /// What differs, as `name is A there, and B now`.
    fn differences(&self, other: &Identity) -> Vec<String> {
        let fields = |identity: &Identity| match serde_json::to_value(identity) {
            Ok(serde_json::Value::Object(fields)) => fields,
            _ => serde_json::Map::new(),
        };
        let (there, now) = (fields(self), fields(other));
        let differ = there.iter().filter(|(name, value)| *name != "datasets" && now.get(*name) != Some(*value));
        differ
            .map(|(name, value)| format!("{name} is {} there, and {} now", shown(Some(value)), shown(now.get(name))))
            .collect()
    }
}

fn shown(value: Option<&serde_json::Value>) -> String {
    let text = match value {
        Some(serde_json::Value::Array(items)) => {
            items.iter().map(|item| shown(Some(item))).collect::<Vec<_>>().join(",")
        }
        Some(serde_json::Value::String(text)) => text.clone(),
        other => other.map(ToString::to_string).unwrap_or_default(),
    };
    if text.len() == 64 { crate::report::numbers::short_hash(&text) } else { text }
}

/// The folder, open.
#[derive(Debug)]
pub struct Out {
    dir: PathBuf,
    identity: Identity,
}

impl Out {
    /// Opens the folder for a replay; one that holds another replay is refused.
    ///
    /// # Errors
    /// [`AcicError::OtherReplay`], a folder that cannot be written.
    pub fn create(dir: &Path, identity: Identity, plan: &[u8]) -> Result<Out, AcicError> {
        let datasets = dir.join(DATASETS);
        std::fs::create_dir_all(&datasets).map_err(|error| AcicError::io("make the folder", &datasets, error))?;
        match Out::read_identity(dir)? {
            Some(there) if there != identity => {
                return Err(AcicError::OtherReplay {
                    dir: dir.to_path_buf(),
                    differences: there.differences(&identity),
                });
            }
            Some(_) => {}
            None => {
                write(&dir.join(PLAN), plan)?;
                write(&dir.join(REPLAY), &pretty(&identity)?)?;
            }
        }
        Ok(Out { dir: dir.to_path_buf(), identity })
    }

    /// Opens the folder of a replay that was begun.
    ///
    /// # Errors
    /// A folder without a replay, or a damaged one.
    pub fn open(dir: &Path) -> Result<Out, AcicError> {
        let problem = "there is no replay.json in it; `oci-agent acic run` makes one";
        let none = || AcicError::Request(format!("`{}` is not the folder of a replay: {problem}", dir.display()));
        let identity = Out::read_identity(dir)?.ok_or_else(none)?;
        Ok(Out { dir: dir.to_path_buf(), identity })
    }

    fn read_identity(dir: &Path) -> Result<Option<Identity>, AcicError> {
        let file = dir.join(REPLAY);
        let bytes = match std::fs::read(&file) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(AcicError::io("read", &file, error)),
        };
        let damaged = |error: serde_json::Error| AcicError::Damaged { file, problem: error.to_string() };
        serde_json::from_slice(&bytes).map(Some).map_err(damaged)
    }

    /// What is replayed here.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Where.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    fn place(&self, key: Key) -> PathBuf {
        self.dir.join(DATASETS).join(format!("{:03}_{}.csv", key.setting, key.response))
    }

    /// The rows of a finished dataset; `None` if it is not finished. A file that does not read is not finished: it is
    /// made again.
    ///
    /// # Errors
    /// A file that is there and cannot be opened.
    pub fn finished(&self, key: Key) -> Result<Option<Vec<Row>>, AcicError> {
        let file = self.place(key);
        let text = match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::InvalidData) => {
                return Ok(None);
            }
            Err(error) => return Err(AcicError::io("read", &file, error)),
        };
        let expected = super::analyse::ESTIMANDS.len() * self.identity.estimators.len();
        let whole = |rows: &Vec<Row>| rows.len() == expected && rows.iter().all(|row| row.key == key);
        Ok(rows::parse_all(&text).ok().filter(whole))
    }

    /// Puts a finished dataset on record, durably: after this returns, it survives a power cut.
    ///
    /// # Errors
    /// What the system says.
    pub fn finish(&self, key: Key, rows: &[Row]) -> Result<(), AcicError> {
        let text = rows::header() + &rows.iter().map(Row::line).collect::<String>();
        write(&self.place(key), text.as_bytes())
    }

    /// Writes `skipped.csv`.
    ///
    /// # Errors
    /// What the system says.
    pub fn skipped(&self, skipped: &[Skipped]) -> Result<(), AcicError> {
        let mut text = String::from("setting,response_id,file,problem\n");
        for one in skipped {
            let response = one.response.map(|response| response.to_string()).unwrap_or_default();
            text.push_str(&rows::line(&[one.setting.to_string(), response, one.file.clone(), one.problem.clone()]));
        }
        write(&self.dir.join(SKIPPED), text.as_bytes())
    }

    /// Puts all finished datasets together: `estimates.csv` and `timings.csv`. Returns the datasets that are not finished.
    ///
    /// # Errors
    /// What the system says.
    pub fn merge(&self, with_seconds: bool) -> Result<Vec<Key>, AcicError> {
        // Two shards may end in the same folder at the same time: the later one sees all files of the earlier one.
        let lock =
            std::fs::File::create(self.dir.join(LOCK)).map_err(|error| AcicError::io("write", &self.dir, error))?;
        lock.lock().map_err(|error| AcicError::io("lock", &self.dir, error))?;
        let (mut estimates, mut timings) = (rows::header(), String::from("setting,response_id,seconds\n"));
        let mut missing = Vec::new();
        for key in &self.identity.datasets {
            let Some(found) = self.finished(*key)? else {
                missing.push(*key);
                continue;
            };
            for row in &found {
                let seconds = row.seconds.filter(|_| with_seconds);
                estimates.push_str(&Row { seconds, ..row.clone() }.line());
            }
            if let Some(seconds) = found.first().and_then(|row| row.seconds) {
                timings.push_str(&format!("{},{},{seconds:.3}\n", key.setting, key.response));
            }
        }
        write(&self.dir.join(TIMINGS), timings.as_bytes())?;
        write(&self.dir.join(ESTIMATES), estimates.as_bytes())?;
        Ok(missing)
    }

    /// Takes over the finished datasets of other folders, which must hold the same replay, e.g. other shards of it.
    ///
    /// # Errors
    /// [`AcicError::OtherReplay`], folders that cannot be read or written.
    pub fn collect(dir: &Path, from: &[PathBuf]) -> Result<Out, AcicError> {
        let Some(first) = from.first() else {
            return Err(AcicError::Request("there is nothing to merge: name the folders of the shards".to_owned()));
        };
        let origin = Out::open(first)?;
        let plan = first.join(PLAN);
        let plan = std::fs::read(&plan).map_err(|error| AcicError::io("read", &plan, error))?;
        let out = Out::create(dir, origin.identity, &plan)?;
        for folder in from {
            let shard = Out::open(folder)?;
            if shard.identity != out.identity {
                let differences = shard.identity.differences(&out.identity);
                return Err(AcicError::OtherReplay { dir: folder.clone(), differences });
            }
            for key in &out.identity.datasets {
                if let (Some(rows), None) = (shard.finished(*key)?, out.finished(*key)?) {
                    out.finish(*key, &rows)?;
                }
            }
            let skipped = folder.join(SKIPPED);
            let list = std::fs::read(&skipped).map_err(|error| AcicError::io("read", &skipped, error))?;
            write(&dir.join(SKIPPED), &list)?;
        }
        Ok(out)
    }

    /// All rows, from `estimates.csv`, and the datasets that have none.
    ///
    /// # Errors
    /// A file that cannot be read, or not as it was written.
    pub fn estimates(&self) -> Result<(Vec<Row>, Vec<Key>), AcicError> {
        let file = self.dir.join(ESTIMATES);
        let text = std::fs::read_to_string(&file).map_err(|error| AcicError::io("read", &file, error))?;
        let rows = rows::parse_all(&text).map_err(|problem| AcicError::Damaged { file, problem })?;
        let mut count: BTreeMap<Key, usize> = BTreeMap::new();
        rows.iter().for_each(|row| *count.entry(row.key).or_default() += 1);
        let expected = super::analyse::ESTIMANDS.len() * self.identity.estimators.len();
        let lacks = |key: &&Key| count.get(key).copied().unwrap_or_default() != expected;
        let missing = self.identity.datasets.iter().filter(lacks).copied().collect();
        Ok((rows, missing))
    }

    /// The lines of `skipped.csv` below its header.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn skipped_lines(&self) -> Result<Vec<String>, AcicError> {
        let file = self.dir.join(SKIPPED);
        let text = std::fs::read_to_string(&file).map_err(|error| AcicError::io("read", &file, error))?;
        Ok(text.lines().skip(1).map(str::to_owned).collect())
    }

    /// Writes a document into the folder.
    ///
    /// # Errors
    /// What the system says.
    pub fn document(&self, name: &str, bytes: &[u8]) -> Result<(), AcicError> {
        write(&self.dir.join(name), bytes)
    }
}

const DATASETS: &str = "datasets";
const REPLAY: &str = "replay.json";
const PLAN: &str = "plan.yaml";
const ESTIMATES: &str = "estimates.csv";
const TIMINGS: &str = "timings.csv";
const SKIPPED: &str = "skipped.csv";
const LOCK: &str = ".lock";

fn pretty(identity: &Identity) -> Result<Vec<u8>, AcicError> {
    Ok(crate::report::json::to_bytes(identity)?)
}

/// Writes a file whole or not at all, and waits until it is on the disk.
fn write(file: &Path, bytes: &[u8]) -> Result<(), AcicError> {
    let failed = |error| AcicError::io("write", file, error);
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let draft = file.with_file_name(format!(".{name}.{}", std::process::id()));
    let mut handle = std::fs::File::create(&draft).map_err(failed)?;
    handle.write_all(bytes).and_then(|()| handle.sync_all()).map_err(failed)?;
    std::fs::rename(&draft, file).map_err(failed)?;
    match file.parent() {
        Some(folder) => std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed),
        None => Ok(()),
    }
}
