//! The data of a replay: covariates shared by all datasets, and the observed part of each dataset.
//!
//! Two layouts. The official one has `x.csv` and one folder per setting with files `zymu_<response>.csv`; its datasets
//! are taken in the order of their numbers. The bundled pack has `x.csv` and `observed.parquet`, which holds nothing but
//! z and y; its datasets are taken in the order of the file.
//!
//! [`Source::scan`] reads every selected dataset once before anything is analysed, and says which are good and which are
//! not, so that each shard of a replay knows the same list.

use super::covariates;
use super::error::AcicError;
use super::folders;
use super::observed::{Key, Observed};
use super::pack::{self, Pack};
use super::response::Response;
use super::settings::{Selection, Settings, Split};
use crate::dataset::Table;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

/// A dataset that is left out, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Skipped {
    /// Its setting.
    pub setting: u16,
    /// Its response; `None` if a whole setting or a file without a number is meant.
    pub response: Option<u64>,
    /// The file, below the folder of the data.
    pub file: String,
    /// What is wrong with it.
    pub problem: String,
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file, self.problem)
    }
}

/// A dataset that can be analysed.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Which.
    pub key: Key,
    /// SHA-256 of z and y.
    pub sha256: String,
    place: Place,
}

#[derive(Debug, Clone, PartialEq)]
enum Place {
    File(PathBuf),
    Rows(usize),
}

/// What is there.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scan {
    /// Datasets that can be analysed, in order.
    pub good: Vec<Entry>,
    /// Datasets that cannot, in order.
    pub bad: Vec<Skipped>,
    /// Settings with fewer datasets than were asked for.
    pub short: Vec<u16>,
}

/// A candidate of the listing, not read yet.
struct Listed {
    key: Key,
    file: String,
    place: Place,
    split: Option<Split>,
}

/// The data of a replay, open.
#[derive(Debug)]
pub struct Source {
    dir: PathBuf,
    x: Table,
    pack: Option<Pack>,
}

impl Source {
    /// Opens a folder of either layout and reads its covariates.
    ///
    /// # Errors
    /// A folder of neither layout, covariates that cannot be read, lack a column or have a cell that is no value.
    pub fn open(dir: &Path) -> Result<Source, AcicError> {
        if !dir.is_dir() {
            let problem = "there is no such folder".to_owned();
            return Err(AcicError::Layout { dir: dir.to_path_buf(), problem });
        }
        let x = covariates::read(dir)?;
        let pack = if dir.join(pack::FILE).is_file() { Some(Pack::read(dir)?) } else { None };
        Ok(Source { dir: dir.to_path_buf(), x, pack })
    }

    /// The covariates.
    #[must_use]
    pub fn x(&self) -> &Table {
        &self.x
    }

    /// Whether these are the data of the bundled pack.
    #[must_use]
    pub fn is_pack(&self) -> bool {
        self.pack.is_some()
    }

    /// Reads the selected datasets, and tells the good from the bad.
    ///
    /// # Errors
    /// A selection that does not go with the layout, a folder that cannot be listed, nothing selected.
    pub fn scan(&self, selection: &Selection) -> Result<Scan, AcicError> {
        let mut scan = Scan::default();
        let mut listed = match &self.pack {
            Some(pack) => self.in_pack(pack, &mut scan.bad),
            None if selection.split.is_some() => {
                let message = "--split goes with the bundled pack; these data are not divided";
                return Err(AcicError::Request(message.to_owned()));
            }
            None => self.in_folders(selection.settings.as_ref(), &mut scan.bad)?,
        };
        listed.retain(|one| selection.settings.as_ref().is_none_or(|wanted| wanted.has(one.key.setting)));
        scan.bad.retain(|one| selection.settings.as_ref().is_none_or(|wanted| wanted.has(one.setting)));
        listed.retain(|one| selection.split.is_none() || one.split == selection.split);
        if let Some(wanted) = &selection.settings {
            scan.bad.extend(absent(wanted, &listed, &scan.bad));
        }
        scan.short = first_of_each(&mut listed, selection.responses);
        self.read_all(listed, &mut scan);
        scan.bad.sort();
        scan.bad.dedup();
        if scan.good.is_empty() && scan.bad.is_empty() {
            return Err(AcicError::Nothing("the selection is empty".to_owned()));
        }
        Ok(scan)
    }

    /// The observed part of one dataset of a scan.
    ///
    /// # Errors
    /// A file that cannot be read any more, or not as before.
    pub fn observed(&self, entry: &Entry) -> Result<Observed, String> {
        self.read(&entry.place)
    }

    /// The files of the official layout; of two with one name, the first.
    ///
    /// # Errors
    /// A folder that cannot be listed.
    pub fn files(&self) -> Result<BTreeMap<Key, PathBuf>, AcicError> {
        let mut files = BTreeMap::new();
        for one in self.in_folders(None, &mut Vec::new())? {
            if let Place::File(path) = one.place {
                files.entry(one.key).or_insert(path);
            }
        }
        Ok(files)
    }

    /// SHA-256 of z and y of every dataset of the pack; of two with one name, the first.
    #[must_use]
    pub fn hashes_in_pack(&self) -> BTreeMap<Key, String> {
        let mut hashes = BTreeMap::new();
        for (pack, (i, run)) in self.pack.iter().flat_map(|pack| pack.runs().iter().enumerate().map(move |r| (pack, r)))
        {
            hashes.entry(run.key).or_insert_with(|| pack.observed(i).sha256());
        }
        hashes
    }

    fn read(&self, place: &Place) -> Result<Observed, String> {
        let observed = match (place, &self.pack) {
            (Place::File(path), _) => {
                let bytes = std::fs::read(path).map_err(|error| format!("could not be read: {error}"))?;
                let text = String::from_utf8(bytes).map_err(|_| "is not text in UTF-8".to_owned())?;
                Response::parse(&text)?.observed()
            }
            (Place::Rows(run), Some(pack)) => pack.observed(*run),
            (Place::Rows(_), None) => return Err("is in no pack".to_owned()),
        };
        observed.problem(self.x.rows()).map_or(Ok(observed), Err)
    }

    /// Reads what is listed, in parallel, and judges it in order: the first of two equal datasets is kept.
    fn read_all(&self, listed: Vec<Listed>, scan: &mut Scan) {
        let hashes: Vec<Result<String, String>> =
            listed.par_iter().map(|one| self.read(&one.place).map(|observed| observed.sha256())).collect();
        let mut names: BTreeMap<Key, String> = BTreeMap::new();
        let mut contents: BTreeMap<(u16, String), String> = BTreeMap::new();
        for (one, hash) in listed.into_iter().zip(hashes) {
            let again = names
                .get(&one.key)
                .map(|first| format!("is response {} a second time, after {first}", one.key.response));
            names.entry(one.key).or_insert_with(|| one.file.clone());
            let judged = again.map_or(hash, Err).and_then(|sha256| {
                let twin = contents.insert((one.key.setting, sha256.clone()), one.file.clone());
                twin.map_or(Ok(sha256), |twin| {
                    Err(format!("has the same z and y as {twin}: a copy, not another response"))
                })
            });
            match judged {
                Ok(sha256) => scan.good.push(Entry { key: one.key, sha256, place: one.place }),
                Err(problem) => scan.bad.push(Skipped {
                    setting: one.key.setting,
                    response: Some(one.key.response),
                    file: one.file,
                    problem,
                }),
            }
        }
    }

    fn in_pack(&self, pack: &Pack, bad: &mut Vec<Skipped>) -> Vec<Listed> {
        bad.extend(pack.problems().iter().cloned());
        let one = |(i, run): (usize, &pack::Run)| Listed {
            key: run.key,
            file: format!("{} ({})", pack::FILE, run.key),
            place: Place::Rows(i),
            split: Some(run.split),
        };
        pack.runs().iter().enumerate().map(one).collect()
    }

    fn in_folders(&self, wanted: Option<&Settings>, bad: &mut Vec<Skipped>) -> Result<Vec<Listed>, AcicError> {
        let one =
            |one: folders::Listed| Listed { key: one.key, file: one.file, place: Place::File(one.path), split: None };
        Ok(folders::list(&self.dir, wanted, bad)?.into_iter().map(one).collect())
    }
}

/// Settings that were asked for by number and are not there at all.
fn absent(wanted: &Settings, listed: &[Listed], bad: &[Skipped]) -> Vec<Skipped> {
    let there: BTreeSet<u16> =
        listed.iter().map(|one| one.key.setting).chain(bad.iter().map(|one| one.setting)).collect();
    let gone = |setting: u16| Skipped {
        setting,
        response: None,
        file: setting.to_string(),
        problem: "has no dataset, although the setting was asked for".to_owned(),
    };
    wanted.iter().filter(|setting| !there.contains(setting)).map(gone).collect()
}

/// Keeps the first so many datasets of each setting; returns the settings that have fewer.
fn first_of_each(listed: &mut Vec<Listed>, responses: Option<usize>) -> Vec<u16> {
    let Some(most) = responses else { return Vec::new() };
    let mut seen: BTreeMap<u16, usize> = BTreeMap::new();
    listed.retain(|one| {
        let n = seen.entry(one.key.setting).or_default();
        *n += 1;
        *n <= most
    });
    seen.into_iter().filter(|(_, n)| *n < most).map(|(setting, _)| setting).collect()
}
