//! Datasets of the replay as folders that stand on their own: `data.csv`, `plan.yaml` and `truth.json`.
//!
//! Whatever answers a plan, the loop with a language model or a single call of one, can so be held against answers that are
//! known. Nothing is analysed here, and the answers go into a file that no plan names.
//!
//! | file | holds |
//! |---|---|
//! | `data.csv` | z, y and the 58 covariates; numbers are the shortest decimals that read back to the same bits |
//! | `plan.yaml` | the plan of the replay for this file, from whoever exports |
//! | `truth.json` | `ate` = mean(mu1 − mu0) over everyone, `att` = mean(y1 − y0) over the treated, in the units of y: what the scorer of the replay holds estimates against, before it divides errors by sd(y) |

use crate::AcicError;
use crate::covariates::Covariates;
use crate::csv_table;
use crate::observed::{Key, Observed};
use crate::score::{self, Known};
use crate::settings::Selection;
use crate::source::{Entry, Source};
use std::path::{Path, PathBuf};

/// The data of a dataset, in its folder.
pub const DATA: &str = "data.csv";
/// Its plan.
pub const PLAN: &str = "plan.yaml";
/// Its answers.
pub const ANSWERS: &str = "truth.json";

/// A dataset to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// Its name.
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
    /// Reads the selected datasets, to be written below `out`. Writes nothing.
    ///
    /// # Errors
    /// As [`Source::scan`]; a dataset that cannot be analysed or has no known answer; a folder that is
    /// there already.
    pub fn open(source: Source, selection: &Selection, out: &Path) -> Result<Export, AcicError> {
        let scan = source.scan(selection)?;
        if !scan.bad.is_empty() {
            return Err(AcicError::NotExported(scan.bad));
        }
        let known = score::known(&source, &scan.good)?;
        let dataset = |(entry, known): (Entry, Known)| Dataset {
            key: entry.key,
            folder: out.join(entry.key.stem()),
            known,
            entry,
        };
        let datasets: Vec<Dataset> = scan.good.into_iter().zip(known).map(dataset).collect();
        // Not `exists`: a link that leads nowhere is there as well.
        let there = datasets.iter().filter(|dataset| dataset.folder.symlink_metadata().is_ok());
        let folders: Vec<String> = there.map(|dataset| dataset.folder.display().to_string()).collect();
        if !folders.is_empty() {
            return Err(AcicError::Exists { folders });
        }
        let covariates = covariate_lines(source.x());
        Ok(Export { source, out: out.to_path_buf(), datasets, covariates })
    }

    /// The datasets, in the order of the replay.
    #[must_use]
    pub fn datasets(&self) -> &[Dataset] {
        &self.datasets
    }

    /// Writes the folder of one of them, whole or not at all; `plan` is the text of its [`PLAN`], which reads [`DATA`].
    ///
    /// # Errors
    /// Data that have changed since they were looked at; what the operating system refuses.
    pub fn write(&self, dataset: &Dataset, plan: &str) -> Result<(), AcicError> {
        let changed = |problem: &dyn std::fmt::Display| {
            AcicError::Request(format!("dataset {} has changed: {problem}", dataset.key))
        };
        let observed = self.source.observed(&dataset.entry).map_err(|problem| changed(&problem))?;
        // The files are read a second time: the answers must be those of the scan.
        if observed.sha256() != dataset.entry.sha256 {
            return Err(changed(&"its numbers are others"));
        }
        // Hidden, and with the process's number, so that two exports do not write into each other's folder.
        let draft = self.out.join(format!(".{}.{}", dataset.key.stem(), std::process::id()));
        std::fs::create_dir_all(&draft).map_err(|error| AcicError::io("create", &draft, error))?;
        let files =
            [(DATA, table(&observed, &self.covariates)), (PLAN, plan.to_owned()), (ANSWERS, answers(&dataset.known))];
        let written = fill(&draft, &files).and_then(|()| {
            std::fs::rename(&draft, &dataset.folder).map_err(|error| AcicError::io("write", &dataset.folder, error))
        });
        if written.is_err() {
            // The error that led here says more than one about tidying up.
            let _ = std::fs::remove_dir_all(&draft);
        }
        written
    }
}

fn fill(folder: &Path, files: &[(&str, String)]) -> Result<(), AcicError> {
    for (name, text) in files {
        let file = folder.join(name);
        std::fs::write(&file, text).map_err(|error| AcicError::io("write", &file, error))?;
    }
    Ok(())
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
fn covariate_lines(x: &Covariates) -> Vec<String> {
    let mut lines: Vec<Vec<String>> = vec![Vec::new(); x.units() + 1];
    for column in x.columns() {
        let cells = std::iter::once(column.name.clone()).chain(column.values.texts());
        for (line, cell) in lines.iter_mut().zip(cells) {
            line.push(cell);
        }
    }
    lines.iter().map(|line| csv_table::line(line)).collect()
}
