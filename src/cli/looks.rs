//! The looks at experiments, `oci-looks.jsonl` beside the folders of the runs: every time that results were opened is a line.
//!
//! An experiment is known by its title, its table of assignments, its arms and its control: data and plan may change from look to
//! look, and are recorded with each. The first look freezes metrics and segments.

use super::chained_lines::{Chained, ChainedLines, Kind};
use super::errors::CliError;
use super::ledger::folder_name;
use crate::plan::experiment::ExperimentPlan;
use crate::record::experiment::{Look, LookEntry};
use crate::text::sha256::sha256_hex;
use std::path::Path;

const KIND: Kind = Kind {
    name: "oci-looks.jsonl",
    noun: "record of looks at experiments",
    purpose: "It says which results were looked at before.",
    without_line: "until then a later look would not know of this one.",
};

impl Chained for LookEntry {
    fn previous(&self) -> &str {
        &self.previous_sha256
    }
}

/// The looks as they were found.
#[derive(Debug)]
pub(super) struct Looks {
    lines: ChainedLines,
    /// Sentences about what could not be read.
    pub(super) notes: Vec<String>,
}

/// The hash by which an experiment is known.
fn experiment_sha256(plan: &ExperimentPlan) -> String {
    let parts = [&plan.title, &plan.data.source, &plan.assignment.column, &plan.assignment.control];
    sha256_hex(parts.map(|part| part.replace('\n', " ")).join("\n").as_bytes())
}

impl Looks {
    /// The looks beside the folder `out` of a run.
    ///
    /// # Errors
    /// As [`ChainedLines::beside`].
    pub(super) fn beside(out: &Path) -> Result<Looks, CliError> {
        let lines = ChainedLines::beside(out, KIND)?;
        let notes = lines.damage::<LookEntry>();
        Ok(Looks { lines, notes })
    }

    /// Every line that can be read.
    pub(super) fn all(&self) -> Vec<LookEntry> {
        self.lines.entries().collect()
    }

    /// The looks at this experiment before the one of this plan at these data: running the same again is no look.
    pub(super) fn earlier(&self, plan: &ExperimentPlan, plan_sha256: &str, data_sha256: &str) -> Vec<Look> {
        let experiment = experiment_sha256(plan);
        let looks = self.lines.entries::<LookEntry>().filter(|entry| entry.experiment == experiment);
        looks
            .map(|entry| entry.look)
            .take_while(|look| (look.plan_sha256.as_str(), look.data_sha256.as_str()) != (plan_sha256, data_sha256))
            .collect()
    }

    /// The looks of the same plan at the same data that are on record: one, unless somebody added another.
    pub(super) fn of_look(&self, plan: &ExperimentPlan, look: &Look) -> Vec<LookEntry> {
        let experiment = experiment_sha256(plan);
        let same = |there: &LookEntry| {
            there.experiment == experiment
                && there.look.plan_sha256 == look.plan_sha256
                && there.look.data_sha256 == look.data_sha256
        };
        self.lines.entries::<LookEntry>().filter(same).collect()
    }

    /// True if a line says of this look what the run says, under the same title.
    pub(super) fn agrees(line: &LookEntry, plan: &ExperimentPlan, look: &Look) -> bool {
        line.look == *look && line.title == plan.title
    }

    /// False where nothing is on record.
    pub(super) fn is_there(&self) -> bool {
        self.lines.is_there()
    }

    /// The name of the file.
    pub(super) fn file(&self) -> &'static str {
        KIND.name
    }

    /// Adds a look, unless it is there.
    ///
    /// # Errors
    /// As [`ChainedLines::append`].
    pub(super) fn add(&self, plan: &ExperimentPlan, look: &Look, out: &Path, branch: &str) -> Result<(), CliError> {
        let experiment = experiment_sha256(plan);
        if !self.of_look(plan, look).is_empty() {
            return Ok(());
        }
        self.lines.append(|previous_sha256| LookEntry {
            experiment,
            title: plan.title.clone(),
            look: look.clone(),
            run: folder_name(out),
            branch: branch.to_owned(),
            previous_sha256,
        })
    }
}
