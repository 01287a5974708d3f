//! The folder of a replay.
//!
//! ```text
//! out/
//! ├─ replay.json      what is replayed: data, datasets, plan, estimators, budget; another replay is refused here
//! ├─ plan.yaml        the plan that every dataset is held against
//! ├─ datasets/        one file per finished dataset, written whole or not at all: [`super::record`]
//! ├─ estimates.csv    all of them, in the order of replay.json
//! ├─ timings.csv      wall-clock seconds of each dataset
//! └─ skipped.csv      datasets that cannot be analysed, and why
//! ```
//!
//! Everything but the seconds is a function of data, options and program. So that shards merge to the bytes of one run,
//! `estimates.csv` keeps its column `seconds` empty unless it is asked for; `timings.csv` always has them.

use super::cells;
use super::error::AcicError;
pub use super::identity::Identity;
use super::observed::Key;
use super::record;
use super::rows::{self, Row};
use super::source::Skipped;
use crate::text::sha256::sha256_hex;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The folder, open.
#[derive(Debug)]
pub struct Out {
    dir: PathBuf,
    identity: Identity,
    sha256: String,
}

/// What there is of a dataset.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    /// Its rows.
    Finished(Vec<Row>),
    /// Nothing yet.
    Nothing,
    /// A file that cannot be used, and why: the dataset is to be analysed again.
    Unfit(String),
}

/// What was put together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Merged {
    /// Datasets with numbers in every row.
    pub complete: usize,
    /// Datasets with a row that has none, and says why as `no_estimate`.
    pub incomplete: usize,
    /// Datasets that are not finished.
    pub missing: Vec<Key>,
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
            Some(_) => write_unless_there(&dir.join(PLAN), plan)?,
            None => {
                write(&dir.join(PLAN), plan)?;
                write(&dir.join(REPLAY), &identity.bytes()?)?;
            }
        }
        Out::new(dir, identity)
    }

    /// Opens the folder of a replay that was begun.
    ///
    /// # Errors
    /// A folder without a replay, or a damaged one.
    pub fn open(dir: &Path) -> Result<Out, AcicError> {
        let problem = "there is no replay.json in it; `oci-agent acic run` makes one";
        let none = || AcicError::Request(format!("`{}` is not the folder of a replay: {problem}", dir.display()));
        Out::new(dir, Out::read_identity(dir)?.ok_or_else(none)?)
    }

    fn new(dir: &Path, identity: Identity) -> Result<Out, AcicError> {
        Ok(Out { dir: dir.to_path_buf(), sha256: identity.sha256()?, identity })
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
        self.dir.join(DATASETS).join(format!("{}.csv", key.stem()))
    }

    /// What there is of a dataset. A file that was damaged, or belongs to another replay, is no finished dataset.
    ///
    /// # Errors
    /// A file that is there and cannot be opened.
    pub fn look(&self, key: Key) -> Result<Found, AcicError> {
        let file = self.place(key);
        let bytes = match std::fs::read(&file) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Found::Nothing),
            Err(error) => return Err(AcicError::io("read", &file, error)),
        };
        let rows = record::read(&bytes, &self.sha256)
            .and_then(|rows| record::check(&rows, key, &self.identity.pairs()).map(|()| rows));
        let unfit = |problem| Found::Unfit(format!("`{}` {problem}", file.display()));
        Ok(rows.map_or_else(unfit, Found::Finished))
    }

    /// The rows of a finished dataset; `None` if it is not finished.
    ///
    /// # Errors
    /// As [`Out::look`].
    pub fn finished(&self, key: Key) -> Result<Option<Vec<Row>>, AcicError> {
        match self.look(key)? {
            Found::Finished(rows) => Ok(Some(rows)),
            Found::Nothing | Found::Unfit(_) => Ok(None),
        }
    }

    /// Puts a finished dataset on record, durably: after this returns, it survives a power cut.
    ///
    /// # Errors
    /// What the system says.
    pub fn finish(&self, key: Key, rows: &[Row]) -> Result<(), AcicError> {
        write(&self.place(key), record::text(rows, &self.sha256).as_bytes())
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

    /// Puts all finished datasets together: `estimates.csv` and `timings.csv`.
    ///
    /// # Errors
    /// What the system says.
    pub fn merge(&self, with_seconds: bool) -> Result<Merged, AcicError> {
        // Two shards may end in the same folder at the same time: the later one sees all files of the earlier one.
        let lock =
            std::fs::File::create(self.dir.join(LOCK)).map_err(|error| AcicError::io("write", &self.dir, error))?;
        lock.lock().map_err(|error| AcicError::io("lock", &self.dir, error))?;
        let (mut estimates, mut timings) = (rows::header(), String::from("setting,response_id,seconds\n"));
        let mut merged = Merged::default();
        for key in &self.identity.datasets {
            let Some(found) = self.finished(*key)? else {
                merged.missing.push(*key);
                continue;
            };
            let whole = found.iter().all(|row| row.numbers.is_some());
            *if whole { &mut merged.complete } else { &mut merged.incomplete } += 1;
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
        Ok(merged)
    }

    /// Takes over the finished datasets of other folders, which must hold the same replay, e.g. other shards of it. Says
    /// which files there could not be used.
    ///
    /// # Errors
    /// [`AcicError::OtherReplay`], folders that cannot be read or written.
    pub fn collect(dir: &Path, from: &[PathBuf]) -> Result<(Out, Vec<String>), AcicError> {
        let Some(first) = from.first() else {
            return Err(AcicError::Request("there is nothing to merge: name the folders of the shards".to_owned()));
        };
        let origin = Out::open(first)?;
        let plan = plan_of(&origin.identity, from)?;
        let out = Out::create(dir, origin.identity, &plan)?;
        let mut unfit = Vec::new();
        for folder in from {
            let shard = Out::open(folder)?;
            if shard.identity != out.identity {
                let differences = shard.identity.differences(&out.identity);
                return Err(AcicError::OtherReplay { dir: folder.clone(), differences });
            }
            for key in &out.identity.datasets {
                match (shard.look(*key)?, out.finished(*key)?) {
                    (Found::Finished(rows), None) => out.finish(*key, &rows)?,
                    (Found::Unfit(problem), _) => unfit.push(problem),
                    _ => {}
                }
            }
            shard.skipped_lines()?;
            let skipped = folder.join(SKIPPED);
            let list = std::fs::read(&skipped).map_err(|error| AcicError::io("read", &skipped, error))?;
            write(&dir.join(SKIPPED), &list)?;
        }
        Ok((out, unfit))
    }

    /// All rows, from `estimates.csv`, and the datasets that have none. As long as no run has ended, there is no such file,
    /// and the rows are those on record.
    ///
    /// # Errors
    /// A file that cannot be read, or not as it was written: another order, a dataset that lacks a row.
    pub fn estimates(&self) -> Result<(Vec<Row>, Vec<Key>), AcicError> {
        let file = self.dir.join(ESTIMATES);
        let text = match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return self.on_record(),
            Err(error) => return Err(AcicError::io("read", &file, error)),
        };
        let read = rows::parse_all(&text).and_then(|rows| {
            let missing = record::check_all(&rows, &self.identity)?;
            Ok((rows, missing))
        });
        read.map_err(|problem| AcicError::Damaged { file, problem })
    }

    /// The rows of all datasets that are finished, and the others.
    fn on_record(&self) -> Result<(Vec<Row>, Vec<Key>), AcicError> {
        let (mut rows, mut missing) = (Vec::new(), Vec::new());
        for key in &self.identity.datasets {
            match self.finished(*key)? {
                Some(found) => rows.extend(found),
                None => missing.push(*key),
            }
        }
        Ok((rows, missing))
    }

    /// The records of `skipped.csv`, each in a line.
    ///
    /// # Errors
    /// A file that cannot be read, or has another number of records than replay.json says.
    pub fn skipped_lines(&self) -> Result<Vec<String>, AcicError> {
        let file = self.dir.join(SKIPPED);
        let text = match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(AcicError::Damaged { file, problem: "it is not there any more".to_owned() });
            }
            Err(error) => return Err(AcicError::io("read", &file, error)),
        };
        let records = cells::records(&text).into_iter().skip(1);
        let lines: Vec<String> = records.map(|one| one.trim_end().replace(['\n', '\r'], " ")).collect();
        if lines.len() == self.identity.skipped {
            return Ok(lines);
        }
        let (has, due) = (lines.len(), self.identity.skipped);
        let problem = format!("it lists {has}, and replay.json says that {due} were left out");
        Err(AcicError::Damaged { file, problem })
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

/// The plan of a replay, from the first folder that has it as it was.
fn plan_of(identity: &Identity, folders: &[PathBuf]) -> Result<Vec<u8>, AcicError> {
    let plans = folders.iter().filter_map(|folder| std::fs::read(folder.join(PLAN)).ok());
    let lost = "none of these folders has the plan.yaml of this replay; run `oci-agent acic run` again in one of them, \
                which writes it anew";
    let mut own = plans.filter(|bytes| sha256_hex(bytes) == identity.plan_sha256);
    own.next().ok_or_else(|| AcicError::Request(lost.to_owned()))
}

/// Writes a file unless it has these bytes.
fn write_unless_there(file: &Path, bytes: &[u8]) -> Result<(), AcicError> {
    match std::fs::read(file) {
        Ok(there) if there == bytes => Ok(()),
        _ => write(file, bytes),
    }
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
