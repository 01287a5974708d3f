//! A recorded run held against how a run should be made: one check for each thing that a reviewer would ask, with the evidence.
//!
//! [`History`] is read from the commits; [`Outside`] is what only the host can find out: the record of earlier runs beside this one,
//! the data as they are now, the folder. [`audit`] holds them against each other. Nothing is recomputed from the data.

mod blind;
mod checks;
mod covariates;
mod diagnostics;
mod experiment;
mod facts;
mod gates;
mod history;
mod numbers;
mod order;
mod places;
mod reported;
mod tables;
mod target;
mod tools;
mod trial;

pub use facts::{AuditFact, AuditFinding, Unaudited};
pub use history::{AuditedCommit, AuditedFile, History, NEWEST_LAYOUT, NotAuditable};
pub use numbers::{Origin, TracedNumber};
pub use target::{TARGET_ITEMS, TargetItem, TargetPart, TargetRow, TargetState};

use crate::record::critique::AlignmentCheck;
use crate::record::earlier::LedgerEntry;
use crate::record::experiment::Look;
use crate::record::oversight::RecordedDecision;
use causal::keyed_enum;
use checks::Checked;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

keyed_enum! {
    /// What is checked.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum AuditCode {
        /// The plan was committed before anything that was read from the data, and never changed.
        PlanFirst = "plan_first",
        /// One finished run, as its commits have it: nothing written again, nothing replaced, nothing edited.
        History = "history",
        /// Specs and designs are what the plan says.
        Alignment = "alignment",
        /// Nothing outside the allow-list was used or offered.
        Tools = "tools",
        /// No effect before unblinding.
        Blindness = "blindness",
        /// Every spec that was tried is reported.
        SpecsReported = "specs_reported",
        /// Every earlier unblinded analysis, or look, is reported.
        EarlierRuns = "earlier_runs",
        /// Nothing that treatment may have changed is adjusted for.
        Covariates = "covariates",
        /// The declared diagnostics were run.
        Diagnostics = "diagnostics",
        /// Deviations from the ideal trial are explained.
        Deviations = "deviations",
        /// What was done about diagnostics that failed is reported.
        Remediations = "remediations",
        /// Gates were respected.
        Gates = "gates",
        /// The numbers of the report can be traced.
        Numbers = "numbers",
        /// The data are those that were analysed.
        Data = "data",
    }
}

keyed_enum! {
    /// The outcome of a check.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum AuditStatus {
        /// It holds.
        Pass = "pass",
        /// It does not.
        Fail = "fail",
        /// It has no meaning for this run. Not a pass.
        NotApplicable = "not_applicable",
        /// It could not be made. Not a pass.
        NotChecked = "not_checked",
    }
}

/// One check.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AuditCheck {
    /// What is checked.
    pub code: AuditCode,
    /// The outcome.
    pub status: AuditStatus,
    /// Why it was not checked, or has no meaning here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<Unaudited>,
    /// What was found, faults first.
    pub facts: Vec<AuditFact>,
}

/// The number of checks of each outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct AuditCounts {
    /// Those that hold.
    pub pass: usize,
    /// Those that do not.
    pub fail: usize,
    /// Those without a meaning for this run.
    pub not_applicable: usize,
    /// Those that could not be made.
    pub not_checked: usize,
}

/// An audit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Audit {
    /// The run's directory.
    pub run: String,
    /// Its branch.
    pub branch: String,
    /// The title of its plan.
    pub title: String,
    /// Its last commit.
    pub commit: String,
    /// The commit after which it was audited; absent if all of it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// The number of commits that were audited.
    pub commits: usize,
    /// The checks, in a fixed order.
    pub checks: Vec<AuditCheck>,
    /// How many came out how.
    pub counts: AuditCounts,
    /// Every figure of the report, and where it comes from.
    pub numbers: Vec<TracedNumber>,
    /// The TARGET items; empty for a randomised study, which emulates no trial.
    pub target: Vec<TargetRow>,
}

/// What is checked by holding spec and design against the plan, with the iteration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlignmentSubject {
    /// Plan, spec and design in general.
    General,
    /// The allow-list.
    AllowList,
    /// What is adjusted for.
    Adjustment,
    /// Placebos.
    Placebos,
    /// Blindness.
    Blindness,
}

/// One such check of an iteration.
#[derive(Debug, Clone, PartialEq)]
pub struct HeldAgainstPlan {
    /// The iteration.
    pub iteration: u32,
    /// What it is about.
    pub subject: AlignmentSubject,
    /// What was found.
    pub check: AlignmentCheck,
}

/// The analyses or looks before a run, by the record beside it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EarlierOnRecord {
    /// The file.
    pub file: String,
    /// False if there is no record there.
    pub is_there: bool,
    /// True if the run was made here, so that there should be one.
    pub made_here: bool,
    /// Sentences about lines that are damaged or missing.
    pub damage: Vec<String>,
    /// Analyses of the same outcome in the same data.
    pub analyses: Vec<LedgerEntry>,
    /// Looks at the same experiment.
    pub looks: Vec<Look>,
}

/// What the commits do not say.
#[derive(Debug, Clone, Default)]
pub struct Outside {
    /// Specs and designs held against the plan.
    pub held_against_plan: Vec<HeldAgainstPlan>,
    /// Names of the tools that a model may be offered under this plan: while blind, and after.
    pub tools_allowed: (Vec<String>, Vec<String>),
    /// Tools that were offered in each exchange, and tools that were called, by the exchange's path.
    pub tools_in_exchanges: Vec<ToolsOfExchange>,
    /// What was on record before.
    pub earlier: EarlierOnRecord,
    /// SHA-256 of each data file as it is now, by the names of `dataset.json`; empty if they are not there.
    pub data: BTreeMap<String, String>,
    /// The folder in which they were looked for.
    pub data_root: String,
    /// Files of the run that are objects of stores, which nobody was asked for.
    pub in_stores: BTreeSet<String>,
    /// Files in the folder that are not as the last commit has them.
    pub edited: Vec<String>,
    /// References that make git show something else.
    pub replaced: Vec<String>,
    /// Commits that the branch was at, and that its history does not have.
    pub left_behind: Vec<String>,
    /// True if the run came to its end.
    pub finished: bool,
    /// Decisions of people, each with the number of commits before it.
    pub decisions: Vec<(usize, RecordedDecision)>,
}

/// The tools of one exchange with a model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToolsOfExchange {
    /// The exchange's file.
    pub path: String,
    /// Names of the tools on offer.
    pub offered: Vec<String>,
    /// Names of the tools that the model called.
    pub called: Vec<String>,
}

/// How a run is named, and which part of it is audited.
#[derive(Debug, Clone, Copy)]
pub struct AuditScope<'a> {
    /// The run, as the person named it.
    pub run: &'a str,
    /// Its branch.
    pub branch: &'a str,
    /// The number of commits that are left out, from the first on.
    pub skipped: usize,
}

/// Makes every check.
#[must_use]
pub fn audit(history: &History<'_>, outside: &Outside, scope: AuditScope<'_>) -> Audit {
    let traced = trial::traced(history);
    let made: [(AuditCode, Checked); 14] = [
        (AuditCode::PlanFirst, order::plan_first(history)),
        (AuditCode::History, order::history(history, outside)),
        (AuditCode::Alignment, tools::alignment(history, outside)),
        (AuditCode::Tools, tools::tools(history, outside)),
        (AuditCode::Blindness, blind::blindness(history, outside)),
        (AuditCode::SpecsReported, reported::specs(history)),
        (AuditCode::EarlierRuns, reported::earlier(history, &outside.earlier)),
        (AuditCode::Covariates, covariates::covariates(history, outside)),
        (AuditCode::Diagnostics, diagnostics::diagnostics(history, outside)),
        (AuditCode::Deviations, trial::deviations(history)),
        (AuditCode::Remediations, reported::remediations(history)),
        (AuditCode::Gates, gates::gates(history, outside)),
        (AuditCode::Numbers, trial::numbers(history, &traced)),
        (AuditCode::Data, order::data(history, outside)),
    ];
    let ids: Vec<String> = history.commits.iter().map(|commit| commit.id.clone()).collect();
    let checks: Vec<AuditCheck> = made.into_iter().map(|(code, made)| made.check(code, &ids, scope.skipped)).collect();
    let count = |status| checks.iter().filter(|check| check.status == status).count();
    Audit {
        run: scope.run.to_owned(),
        branch: scope.branch.to_owned(),
        title: history.title().to_owned(),
        commit: ids.last().cloned().unwrap_or_default(),
        since: scope.skipped.checked_sub(1).and_then(|at| ids.get(at)).cloned(),
        commits: ids.len().saturating_sub(scope.skipped),
        counts: AuditCounts {
            pass: count(AuditStatus::Pass),
            fail: count(AuditStatus::Fail),
            not_applicable: count(AuditStatus::NotApplicable),
            not_checked: count(AuditStatus::NotChecked),
        },
        checks,
        numbers: traced,
        target: target::target(history),
    }
}
