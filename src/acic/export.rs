//! Datasets of the replay as folders that stand on their own: `data.csv`, `plan.yaml` and `truth.json`.
//!
//! Whatever answers a plan, the loop with a language model or a single call of one, can so be held against answers that are
//! known. Nothing is analysed here, and the answers go into a file that no plan names.
//!
//! | file | what |
//! |---|---|
//! | `data.csv` | z, y and the 58 covariates; numbers are the shortest decimals that read back to the same bits |
//! | `plan.yaml` | the plan of the replay for this file, see [`plan::of_one`] |
//! | `truth.json` | `ate` = mean(mu1 − mu0) over everyone, `att` = mean(y1 − y0) over the treated, in the units of y: what the scorer of the replay holds estimates against, before it divides errors by sd(y) |

use super::covariates::covariates;
use super::error::AcicError;
use super::observed::{Key, Observed};
use super::plan;
use super::rows;
use super::score::{self, Known};
use super::settings::Selection;
use super::source::{Entry, Source};
use crate::dataset::Table;
use causal::estimator::EstimatorKind;
use causal::learner_kind::Effort;
use std::path::{Path, PathBuf};

/// The data of a dataset, in its folder.
pub const DATA: &str = "data.csv";
/// Its plan.
pub const PLAN: &str = "plan.yaml";
/// Its answers.
pub const ANSWERS: &str = "truth.json";

/// How an exported plan is analysed: as `oci-agent acic run` does by default.
const RECIPE: (&[EstimatorKind], Effort) = (&[EstimatorKind::DrAverage], Effort::Fast);

/// A dataset to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// Which.
    pub key: Key,
    /// Its folder.
    pub folder: PathBuf,
    /// Its right answers, in units of y.
    pub known: Known,
    entry: Entry,
}

/// Datasets that can be written, all of them looked at, none of them there yet.
#[derive(Debug)]
pub struct Export {
    source: Source,
    out: PathBuf,
    datasets: Vec<Dataset>,
    covariates: Vec<String>,
}

impl Export {
    /// Reads the selected datasets of the folder `data`, to be written below `out`. Writes nothing.
    ///
    /// # Errors
    /// As [`Source::open`] and [`Source::scan`]; a dataset that cannot be analysed or has no known answer; a folder that is
    /// there already.
    pub fn open(data: &Path, selection: &Selection, out: &Path) -> Result<Export, AcicError> {
        let source = Source::open(data)?;
        let scan = source.scan(selection)?;
        if !scan.bad.is_empty() {
            return Err(AcicError::NotExported(scan.bad));
        }
        let known = score::known(&source, data, &scan.good)?;
        let one = |(entry, known): (Entry, Known)| Dataset {
            key: entry.key,
            folder: out.join(entry.key.stem()),
            known,
            entry,
        };
        let datasets: Vec<Dataset> = scan.good.into_iter().zip(known).map(one).collect();
        let there = datasets.iter().filter(|dataset| dataset.folder.symlink_metadata().is_ok());
        let folders: Vec<String> = there.map(|dataset| dataset.folder.display().to_string()).collect();
        if !folders.is_empty() {
            return Err(AcicError::Exists { folders });
        }
        let covariates = lines(source.x())?;
        Ok(Export { source, out: out.to_path_buf(), datasets, covariates })
    }

    /// The datasets, in the order of the replay.
    #[must_use]
    pub fn datasets(&self) -> &[Dataset] {
        &self.datasets
    }

    /// Writes the folder of one of them, whole or not at all.
    ///
    /// # Errors
    /// Data that have changed since they were looked at; what the operating system refuses.
    pub fn write(&self, dataset: &Dataset) -> Result<(), AcicError> {
        let changed = |problem: String| AcicError::Request(format!("dataset {} has changed: {problem}", dataset.key));
        let observed = self.source.observed(&dataset.entry).map_err(changed)?;
        if observed.sha256() != dataset.entry.sha256 {
            return Err(changed("its numbers are others".to_owned()));
        }
        let draft = self.out.join(format!(".{}.{}", dataset.key.stem(), std::process::id()));
        std::fs::create_dir_all(&draft).map_err(|error| AcicError::io("create", &draft, error))?;
        let written = self.fill(&draft, dataset, &observed).and_then(|()| {
            std::fs::rename(&draft, &dataset.folder).map_err(|error| AcicError::io("write", &dataset.folder, error))
        });
        if written.is_err() {
            // The error that led here says more than one about tidying up.
            let _ = std::fs::remove_dir_all(&draft);
        }
        written
    }

    fn fill(&self, folder: &Path, dataset: &Dataset, observed: &Observed) -> Result<(), AcicError> {
        let files = [
            (DATA, table(observed, &self.covariates)),
            (PLAN, plan::of_one(dataset.key, DATA, RECIPE)),
            (ANSWERS, answers(&dataset.known)),
        ];
        for (name, text) in files {
            let file = folder.join(name);
            std::fs::write(&file, text).map_err(|error| AcicError::io("write", &file, error))?;
        }
        Ok(())
    }
}

/// Keys in order; a number reads back to the same bits.
fn answers(known: &Known) -> String {
    format!("{{\n  \"ate\": {:?},\n  \"att\": {:?}\n}}\n", known.ate, known.att)
}

/// `data.csv`: the covariates, names first, behind z and y.
fn table(observed: &Observed, covariates: &[String]) -> String {
    let numbers = observed.z.iter().zip(&observed.y).map(|(z, y)| format!("{z},{y}"));
    let front = std::iter::once("z,y".to_owned()).chain(numbers);
    front.zip(covariates).map(|(front, covariates)| format!("{front},{covariates}")).collect()
}

/// The 58 covariates as lines of a CSV file, their names first.
fn lines(x: &Table) -> Result<Vec<String>, AcicError> {
    let mut lines: Vec<Vec<String>> = vec![Vec::new(); x.rows() + 1];
    for name in covariates() {
        let cells = cells(x, &name).ok_or_else(|| AcicError::column("x.csv", &name))?;
        for (line, cell) in lines.iter_mut().zip(std::iter::once(name).chain(cells)) {
            line.push(cell);
        }
    }
    Ok(lines.iter().map(|line| rows::line(line)).collect())
}

/// One covariate as text: a number so that it reads back to the same bits, a category as it is.
fn cells(x: &Table, name: &str) -> Option<Vec<String>> {
    match x.numbers(name) {
        Some(values) => Some(values.iter().map(ToString::to_string).collect()),
        None => x.texts(name)?.into_iter().map(|level| level.map(str::to_owned)).collect(),
    }
}
