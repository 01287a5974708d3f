//! The data of a replay: covariates shared by all datasets, and the observed part of each dataset.
//!
//! Two layouts. The official one has `x.csv` and one folder per setting with files `zymu_<response>.csv`; its datasets
//! are taken in the order of their numbers. The bundled pack has `x.csv` and `observed.parquet`, which holds nothing but
//! z and y; its datasets are taken in the order of the file.
//!
//! [`Source::scan`] reads every selected dataset once before anything is analysed, and tells the good from the bad, so that
//! each shard of a replay knows the same list.

use crate::covariates::Covariates;
use crate::error::{AcicError, Skipped};
use crate::folders;
use crate::observed::{Key, Observed, ObservedProblem};
use crate::pack::{self, Pack, PackReader};
use crate::response::Response;
pub use crate::response::ResponseProblem;
use crate::settings::{Selection, Settings, Split};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The reason why a dataset cannot be analysed, as a sentence without its subject.
#[derive(Debug, thiserror::Error)]
pub enum UnusableDataset {
    /// A file that cannot be read.
    #[error("could not be read: {0}")]
    Io(#[from] std::io::Error),
    /// A file that is no response.
    #[error(transparent)]
    Response(#[from] ResponseProblem),
    /// Numbers that cannot be analysed.
    #[error(transparent)]
    Observed(#[from] ObservedProblem),
    /// A dataset of a pack, in data without one.
    #[error("is in no pack")]
    NoPack,
    /// A dataset that comes twice under one name.
    #[error("is response {response} a second time, after {first}")]
    SameName {
        /// The response.
        response: u64,
        /// The file that was first.
        first: String,
    },
    /// A dataset that comes twice under two names.
    #[error("has the same z and y as {first}: a copy, not another response")]
    SameNumbers {
        /// The file that was first.
        first: String,
    },
}

/// A dataset that can be analysed.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its name.
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

/// The datasets that are there.
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
    x: Covariates,
    pack: Option<Pack>,
}

impl Source {
    /// Opens a folder of either layout and reads its covariates; `read_pack` reads the pack if there is one.
    ///
    /// # Errors
    /// A folder of neither layout, covariates that cannot be read, lack a column or have a cell that is no value, what
    /// `read_pack` refuses.
    pub fn open(dir: &Path, read_pack: PackReader<'_>) -> Result<Source, AcicError> {
        if !dir.is_dir() {
            let problem = "there is no such folder".to_owned();
            return Err(AcicError::Layout { dir: dir.to_path_buf(), problem });
        }
        let x = Covariates::read(dir)?;
        let pack = if dir.join(pack::FILE).is_file() { Some(read_pack(dir)?) } else { None };
        Ok(Source { dir: dir.to_path_buf(), x, pack })
    }

    /// The folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The covariates.
    #[must_use]
    pub fn x(&self) -> &Covariates {
        &self.x
    }

    /// `true` if these are the data of the bundled pack.
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
        listed.retain(|entry| selection.settings.as_ref().is_none_or(|wanted| wanted.has(entry.key.setting)));
        scan.bad.retain(|entry| selection.settings.as_ref().is_none_or(|wanted| wanted.has(entry.setting)));
        listed.retain(|entry| selection.split.is_none() || entry.split == selection.split);
        if let Some(wanted) = &selection.settings {
            scan.bad.extend(absent(wanted, &listed, &scan.bad));
        }
        // Before any file is read: which datasets are taken must not depend on which are good.
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
    pub fn observed(&self, entry: &Entry) -> Result<Observed, UnusableDataset> {
        self.read(&entry.place)
    }

    /// The files of the official layout; of two with one name, the first.
    ///
    /// # Errors
    /// A folder that cannot be listed.
    pub fn files(&self) -> Result<BTreeMap<Key, PathBuf>, AcicError> {
        let mut files = BTreeMap::new();
        for entry in self.in_folders(None, &mut Vec::new())? {
            if let Place::File(path) = entry.place {
                files.entry(entry.key).or_insert(path);
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

    fn read(&self, place: &Place) -> Result<Observed, UnusableDataset> {
        let observed = match (place, &self.pack) {
            (Place::File(path), _) => {
                let bytes = std::fs::read(path)?;
                let text = std::str::from_utf8(&bytes).map_err(|_| ResponseProblem::NotText)?;
                Response::parse(text)?.observed()
            }
            (Place::Rows(run), Some(pack)) => pack.observed(*run),
            (Place::Rows(_), None) => return Err(UnusableDataset::NoPack),
        };
        observed.check(self.x.units())?;
        Ok(observed)
    }

    /// Reads the listed datasets, in parallel, and judges them in order: the first of two equal datasets is kept.
    fn read_all(&self, listed: Vec<Listed>, scan: &mut Scan) {
        let hashes: Vec<Result<String, UnusableDataset>> =
            listed.par_iter().map(|entry| self.read(&entry.place).map(|observed| observed.sha256())).collect();
        let mut seen = Seen::default();
        for (Listed { key, file, place, .. }, hash) in listed.into_iter().zip(hashes) {
            match seen.judge(key, &file, hash) {
                Ok(sha256) => scan.good.push(Entry { key, sha256, place }),
                Err(problem) => scan.bad.push(Skipped {
                    setting: key.setting,
                    response: Some(key.response),
                    file,
                    problem: problem.to_string(),
                }),
            }
        }
    }

    fn in_pack(&self, pack: &Pack, bad: &mut Vec<Skipped>) -> Vec<Listed> {
        bad.extend(pack.problems().iter().cloned());
        let listed = |(i, run): (usize, &pack::Run)| Listed {
            key: run.key,
            file: format!("{} ({})", pack::FILE, run.key),
            place: Place::Rows(i),
            split: Some(run.split),
        };
        pack.runs().iter().enumerate().map(listed).collect()
    }

    fn in_folders(&self, wanted: Option<&Settings>, bad: &mut Vec<Skipped>) -> Result<Vec<Listed>, AcicError> {
        let listed = |found: folders::Listed| Listed {
            key: found.key,
            file: found.file,
            place: Place::File(found.path),
            split: None,
        };
        Ok(folders::list(&self.dir, wanted, bad)?.into_iter().map(listed).collect())
    }
}

/// The datasets that were judged so far: the first file of each name and of each content.
#[derive(Default)]
struct Seen {
    names: BTreeMap<Key, String>,
    contents: BTreeMap<(u16, String), String>,
}

impl Seen {
    fn judge(
        &mut self,
        key: Key,
        file: &str,
        hash: Result<String, UnusableDataset>,
    ) -> Result<String, UnusableDataset> {
        if let Some(first) = self.names.get(&key) {
            return Err(UnusableDataset::SameName { response: key.response, first: first.clone() });
        }
        // Even if it could not be read: a second file of that name is no replacement for it.
        self.names.insert(key, file.to_owned());
        let sha256 = hash?;
        match self.contents.insert((key.setting, sha256.clone()), file.to_owned()) {
            Some(first) => Err(UnusableDataset::SameNumbers { first }),
            None => Ok(sha256),
        }
    }
}

/// Settings that were asked for by number and are not there at all.
fn absent(wanted: &Settings, listed: &[Listed], bad: &[Skipped]) -> Vec<Skipped> {
    let there: BTreeSet<u16> =
        listed.iter().map(|entry| entry.key.setting).chain(bad.iter().map(|entry| entry.setting)).collect();
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
    listed.retain(|entry| {
        let n = seen.entry(entry.key.setting).or_default();
        *n += 1;
        *n <= most
    });
    seen.into_iter().filter(|(_, n)| *n < most).map(|(setting, _)| setting).collect()
}
