//! The folder of a replay.
//!
//! ```text
//! out/
//! ├─ replay.json      the identity of the replay: data, datasets, plan, estimators, budget; another replay is refused here
//! ├─ plan.yaml        the plan that every dataset is held against
//! ├─ datasets/        one file per finished dataset, written whole or not at all: [`crate::dataset_file`]
//! ├─ estimates.csv    all of them, in the order of replay.json
//! ├─ timings.csv      wall-clock seconds of each dataset
//! └─ skipped.csv      datasets that cannot be analysed, and why
//! ```
//!
//! Everything but the seconds is a function of data, options and program. So that shards merge to the bytes of one run,
//! `estimates.csv` keeps its column `seconds` empty unless it is asked for; `timings.csv` always has them.

use crate::csv_table;
use crate::dataset_file::{self, UnfitFile};
use crate::error::{AcicError, Skipped};
use crate::estimates_csv::{self, Row};
use crate::identity::Identity;
use crate::observed::Key;
use crate::text::sha256_hex;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The folder, open.
#[derive(Debug)]
pub struct OutputFolder {
    dir: PathBuf,
    identity: Identity,
    sha256: String,
}

/// The state of a dataset on record.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    /// Its rows.
    Finished(Vec<Row>),
    /// Nothing yet.
    Nothing,
    /// A file that cannot be used: the dataset is to be analysed again.
    Unfit {
        /// The file.
        file: PathBuf,
        /// The reason.
        reason: UnfitFile,
    },
}

impl Found {
    /// The fault of a file that cannot be used, as a sentence.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        match self {
            Found::Unfit { file, reason } => Some(format!("`{}` {reason}", file.display())),
            Found::Finished(_) | Found::Nothing => None,
        }
    }
}

/// The finished datasets that were put together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Merged {
    /// Datasets with numbers in every row.
    pub complete: usize,
    /// Datasets with a row that has none, and says why as `no_estimate`.
    pub incomplete: usize,
    /// Datasets that are not finished.
    pub missing: Vec<Key>,
}

impl OutputFolder {
    /// Opens the folder for a replay; one that holds another replay is refused.
    ///
    /// # Errors
    /// [`AcicError::OtherReplay`], a folder that cannot be written.
    pub fn create(dir: &Path, identity: Identity, plan: &[u8]) -> Result<OutputFolder, AcicError> {
        let datasets = dir.join(DATASETS);
        std::fs::create_dir_all(&datasets).map_err(|error| AcicError::io("make the folder", &datasets, error))?;
        match OutputFolder::read_identity(dir)? {
            Some(there) if there != identity => {
                return Err(AcicError::OtherReplay {
                    dir: dir.to_path_buf(),
                    differences: there.differences(&identity),
                });
            }
            Some(_) => write_unless_there(&dir.join(PLAN), plan)?,
            None => {
                // The plan first: it is `replay.json` that makes the folder a replay's.
                write(&dir.join(PLAN), plan)?;
                write(&dir.join(REPLAY), &identity.bytes()?)?;
            }
        }
        OutputFolder::new(dir, identity)
    }

    /// Opens the folder of a replay that was begun.
    ///
    /// # Errors
    /// A folder without a replay, or a damaged one.
    pub fn open(dir: &Path) -> Result<OutputFolder, AcicError> {
        let problem = "there is no replay.json in it; `oci-agent acic run` makes one";
        let none = || AcicError::Request(format!("`{}` is not the folder of a replay: {problem}", dir.display()));
        OutputFolder::new(dir, OutputFolder::read_identity(dir)?.ok_or_else(none)?)
    }

    fn new(dir: &Path, identity: Identity) -> Result<OutputFolder, AcicError> {
        Ok(OutputFolder { dir: dir.to_path_buf(), sha256: identity.sha256()?, identity })
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

    /// The identity of the replay.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The path of the folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    fn place(&self, key: Key) -> PathBuf {
        self.dir.join(DATASETS).join(format!("{}.csv", key.stem()))
    }

    /// The state of a dataset. A file that was damaged, or belongs to another replay, is no finished dataset.
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
        Ok(match self.rows_of(&bytes, key) {
            Ok(rows) => Found::Finished(rows),
            Err(reason) => Found::Unfit { file, reason },
        })
    }

    fn rows_of(&self, bytes: &[u8], key: Key) -> Result<Vec<Row>, UnfitFile> {
        let rows = dataset_file::read(bytes, &self.sha256)?;
        dataset_file::check(&rows, key, &self.identity.pairs())?;
        Ok(rows)
    }

    /// The rows of a finished dataset; `None` if it is not finished.
    ///
    /// # Errors
    /// As [`OutputFolder::look`].
    pub fn finished(&self, key: Key) -> Result<Option<Vec<Row>>, AcicError> {
        match self.look(key)? {
            Found::Finished(rows) => Ok(Some(rows)),
            Found::Nothing | Found::Unfit { .. } => Ok(None),
        }
    }

    /// Puts a finished dataset on record, durably: after this returns, it survives a power cut.
    ///
    /// # Errors
    /// Anything that the system refuses.
    pub fn finish(&self, key: Key, rows: &[Row]) -> Result<(), AcicError> {
        write(&self.place(key), dataset_file::text(rows, &self.sha256).as_bytes())
    }

    /// Writes `skipped.csv`.
    ///
    /// # Errors
    /// Anything that the system refuses.
    pub fn skipped(&self, skipped: &[Skipped]) -> Result<(), AcicError> {
        let mut text = String::from("setting,response_id,file,problem\n");
        for Skipped { setting, response, file, problem } in skipped {
            let response = response.map(|response| response.to_string()).unwrap_or_default();
            let [file, problem] = [file, problem].map(|text| csv_table::foreign(text));
            text.push_str(&csv_table::line(&[setting.to_string(), response, file, problem]));
        }
        write(&self.dir.join(SKIPPED), text.as_bytes())
    }

    /// Puts all finished datasets together: `estimates.csv` and `timings.csv`.
    ///
    /// # Errors
    /// Anything that the system refuses.
    pub fn merge(&self, with_seconds: bool) -> Result<Merged, AcicError> {
        // Two shards may end in the same folder at the same time: the later one sees all files of the earlier one.
        let lock =
            std::fs::File::create(self.dir.join(LOCK)).map_err(|error| AcicError::io("write", &self.dir, error))?;
        lock.lock().map_err(|error| AcicError::io("lock", &self.dir, error))?;
        let (mut estimates, mut timings) = (estimates_csv::header(), String::from("setting,response_id,seconds\n"));
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
        // Last: its being there says that a run has ended.
        write(&self.dir.join(ESTIMATES), estimates.as_bytes())?;
        Ok(merged)
    }

    /// Takes over the finished datasets of other folders, which must hold the same replay, e.g. other shards of it. Returns
    /// the files there that could not be used, each as a sentence.
    ///
    /// # Errors
    /// [`AcicError::OtherReplay`], folders that cannot be read or written.
    pub fn collect(dir: &Path, from: &[PathBuf]) -> Result<(OutputFolder, Vec<String>), AcicError> {
        let Some(first) = from.first() else {
            return Err(AcicError::Request("there is nothing to merge: name the folders of the shards".to_owned()));
        };
        let origin = OutputFolder::open(first)?;
        let plan = find_plan(&origin.identity, from)?;
        let out = OutputFolder::create(dir, origin.identity, &plan)?;
        let mut unfit = Vec::new();
        for folder in from {
            let shard = OutputFolder::open(folder)?;
            if shard.identity != out.identity {
                let differences = shard.identity.differences(&out.identity);
                return Err(AcicError::OtherReplay { dir: folder.clone(), differences });
            }
            for key in &out.identity.datasets {
                let found = shard.look(*key)?;
                unfit.extend(found.fault());
                // Of a dataset that two shards have, the first that is found stays.
                if let (Found::Finished(rows), None) = (found, out.finished(*key)?) {
                    out.finish(*key, &rows)?;
                }
            }
            // Read for its check only: a list that was cut off must not be taken over.
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
        let damaged = |problem: String| AcicError::Damaged { file: file.clone(), problem };
        let rows = estimates_csv::parse_all(&text).map_err(|problem| damaged(problem.to_string()))?;
        let missing = dataset_file::check_all(&rows, &self.identity).map_err(|problem| damaged(problem.to_string()))?;
        Ok((rows, missing))
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
        let damaged = |problem: String| AcicError::Damaged { file: file.clone(), problem };
        let records = csv_table::records(&text).map_err(|problem| damaged(problem.to_string()))?;
        let line = |record: &csv_table::Record| csv_table::line(&record.fields()).trim_end().replace(['\n', '\r'], " ");
        let lines: Vec<String> = records.iter().skip(1).map(line).collect();
        if lines.len() == self.identity.skipped {
            return Ok(lines);
        }
        let (has, due) = (lines.len(), self.identity.skipped);
        let problem = format!("it lists {has}, and replay.json says that {due} were left out");
        Err(damaged(problem))
    }

    /// Writes a document into the folder.
    ///
    /// # Errors
    /// Anything that the system refuses.
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
fn find_plan(identity: &Identity, folders: &[PathBuf]) -> Result<Vec<u8>, AcicError> {
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
    // A name of its own, since other shards may write here too.
    let draft = file.with_file_name(format!(".{name}.{}", std::process::id()));
    let mut handle = std::fs::File::create(&draft).map_err(failed)?;
    handle.write_all(bytes).and_then(|()| handle.sync_all()).map_err(failed)?;
    std::fs::rename(&draft, file).map_err(failed)?;
    // The rename is a change of the folder, which has to reach the disk as well.
    match file.parent() {
        Some(folder) => std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed),
        None => Ok(()),
    }
}
