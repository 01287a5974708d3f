//! Many runs on one page: the facts of each, in which state it is, what waits for a person, and how the answers to one question
//! moved from run to run.
//!
//! [`facts()`] reads what a run has committed and nothing else; a blind run has no effects in its files, so it has none here.
//! [`board()`] puts runs together. The words are made in `report::dashboard`.

mod board;
mod facts;
mod slugs;

pub use board::board;
pub use facts::{FactsError, RunFiles, facts};
pub use slugs::slugs;

use crate::finding::{Code, Severity, Tier};
use crate::plan::experiment::{EffectRequest, Role};
use crate::record::earlier::LedgerEntry;
use crate::record::experiment::{LookEntry, Standing, Verdict};
use crate::record::oversight::PendingDecision;
use causal::estimand::Target;
use causal::keyed_enum;
use std::sync::Arc;

/// The newest layout of a run's folder that is understood: 1 keeps an iteration in a folder of its own, 2 at the top.
pub const NEWEST_LAYOUT: u64 = 2;

keyed_enum! {
    /// How far a run is.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum RunState {
        /// A process is at work on it.
        Running = "running",
        /// It did not come to its end, and nobody is at work on it.
        Stopped = "stopped",
        /// It goes on when a person has decided.
        Waiting = "waiting",
        /// It came to its end.
        Finished = "finished",
        /// It cannot be read.
        Unreadable = "unreadable",
    }
}

/// Which kind of question a run is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Observational data, or a randomised trial with one outcome.
    Study,
    /// `design: experiment`.
    Experiment,
}

/// What a question is about; runs that agree in it are of the same question.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject {
    /// Its kind.
    pub kind: Kind,
    /// The question, space between words made one.
    pub question: String,
    /// The treatment with its levels, or the column of the assignment.
    pub treatment: String,
    /// The outcome; of an experiment, whose metrics may change, its title.
    pub outcome: String,
    /// Units of the outcome.
    pub units: String,
}

/// What an estimate is of, within a question.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Asked {
    /// The estimand that the plan asks for.
    Effect(Target),
    /// An effect of an arm on a metric.
    Metric {
        /// The metric.
        metric: String,
        /// The arm.
        arm: String,
        /// Which effect.
        request: EffectRequest,
    },
}

/// An estimate with its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The estimate.
    pub estimate: f64,
    /// Its standard error.
    pub std_error: f64,
    /// Lower end.
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
}

/// What an estimate is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worth {
    /// An answer.
    Answer,
    /// The comparison behind it fails: nothing to rely on.
    NotReliable,
    /// Not the effect that was asked for, whatever its size.
    NoAnswer(Code),
    /// Nothing was estimated, or the run is still blind.
    Nothing,
}

/// How an answer was graded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grade {
    /// By the rubric.
    Tier(Tier),
    /// Where a metric stands.
    Standing(Standing, Role),
}

/// One question of a run, with its answer if it has one yet.
#[derive(Debug, Clone, PartialEq)]
pub struct AnswerFacts {
    /// What was asked for.
    pub asked: Asked,
    /// The honest name of what is answered; empty where it is what was asked for.
    pub answered: String,
    /// Its grade; before the outcome was looked at, that of the design.
    pub grade: Option<Grade>,
    /// The estimate, once there is one.
    pub interval: Option<Interval>,
    /// What it is worth.
    pub worth: Worth,
    /// For whom, as the run says it; empty while it is not known.
    pub population: String,
}

/// What an experiment says to do with an arm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArmVerdict {
    /// The arm.
    pub arm: String,
    /// What to do.
    pub verdict: Verdict,
    /// Why, as the run says it.
    pub reason: String,
}

/// A check that failed or warned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// How bad it is.
    pub severity: Severity,
    /// What it is about: an estimand; empty for the randomisation.
    pub about: String,
    /// The sentence of the run.
    pub message: String,
}

/// What a run says of itself, from its files alone.
#[derive(Debug, Clone, PartialEq)]
pub struct RunFacts {
    /// Title of the plan.
    pub title: String,
    /// What it is about.
    pub subject: Subject,
    /// Version of the program that made it.
    pub tool_version: String,
    /// SHA-256 of the data.
    pub data_sha256: String,
    /// SHA-256 of the plan.
    pub plan_sha256: String,
    /// The iteration that it ended with, or is in; absent for experiments and before the first.
    pub iteration: Option<u32>,
    /// True once the outcome was looked at.
    pub unblinded: bool,
    /// The grade of the randomisation of an experiment.
    pub randomisation: Option<Tier>,
    /// What an experiment says to do.
    pub arms: Vec<ArmVerdict>,
    /// Units by arm of an experiment.
    pub units: Vec<(String, usize)>,
    /// The answers, in the order of the plan.
    pub answers: Vec<AnswerFacts>,
    /// Checks that failed or warned, the worst first.
    pub doubts: Vec<Doubt>,
    /// The sentence of a budget that ended the run.
    pub ended_by_budget: Option<String>,
    /// Of a run that is watched, an alarm.
    pub moved: Option<Moved>,
    /// Analyses of the same outcome in the same data that were unblinded before.
    pub seen_before: usize,
    /// Names of files that the report leads to and that are there.
    pub files: Vec<String>,
}

/// New data differ from those of the run: an alarm of its watch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// The effect has moved.
    pub effect: bool,
    /// The design has moved.
    pub design: bool,
    /// The partition after which the first alarm was raised.
    pub after: String,
}

/// Why a run cannot be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing has been committed yet.
    Empty,
    /// Made by a later version.
    Newer {
        /// Its layout.
        layout: u64,
    },
    /// The repository or a file in it cannot be read.
    Unreadable {
        /// The error, as its module words it.
        why: String,
        /// True if objects are damaged, which `verify` lists.
        damaged: bool,
    },
}

/// One run: a branch of a repository.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Its folder, relative to the place that was looked in.
    pub folder: String,
    /// Its branch.
    pub branch: String,
    /// A name of letters, digits and `-`, by which its pages are found; no other run has it.
    pub slug: String,
    /// How far it is.
    pub state: RunState,
    /// When its last commit was made, seconds since 1970.
    pub updated: Option<i64>,
    /// The id of that commit.
    pub commit: String,
    /// The first line of its message.
    pub last_step: String,
    /// True if earlier commits are not here.
    pub shallow: bool,
    /// The decision that it waits for.
    pub pending: Option<PendingDecision>,
    /// What is known of its report.
    pub report: ReportPage,
    /// What it says, or why that cannot be read.
    pub facts: Result<Arc<RunFacts>, Trouble>,
}

/// The page of a run's report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportPage {
    /// The run has none yet.
    None,
    /// It can be opened.
    There,
    /// It does not begin as this program's reports do, with a policy that forbids scripts, so it is not offered.
    WithoutPolicy,
}

/// Something that a person has to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Alert {
    /// A gate of the plan.
    Decision(PendingDecision),
    /// The run cannot be read.
    Unreadable(Trouble),
    /// It stopped before its end, and no later run of its question came to one.
    Stopped,
    /// A budget ended it.
    Budget(String),
    /// New data differ from those of the run.
    Moved(Moved),
    /// The randomisation failed its audit.
    Randomisation,
    /// Answers that were refused.
    NotSatisfactory {
        /// To what.
        asked: Vec<Asked>,
    },
    /// An arm that does harm.
    Stop {
        /// The arm.
        arm: String,
        /// Why.
        reason: String,
    },
}

/// An alert, and the run that it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Its place in [`Board::runs`].
    pub run: usize,
    /// What it is.
    pub alert: Alert,
}

/// One estimate in the course of a question.
#[derive(Debug, Clone, PartialEq)]
pub struct TrendPoint {
    /// The run's place in [`Board::runs`].
    pub run: usize,
    /// The estimate.
    pub interval: Interval,
    /// What it is worth.
    pub worth: Worth,
}

/// How the answers to one thing that was asked moved, the oldest run first.
#[derive(Debug, Clone, PartialEq)]
pub struct Trend {
    /// What was asked.
    pub asked: Asked,
    /// The estimates.
    pub points: Vec<TrendPoint>,
}

/// A question, and the runs that asked it.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// What it is about.
    pub subject: Subject,
    /// Places in [`Board::runs`], the oldest first.
    pub runs: Vec<usize>,
    /// The run whose answers stand for it: the last that was unblinded, else the last.
    pub shown: usize,
    /// Estimates over the runs, in the order of the shown run's answers.
    pub trends: Vec<Trend>,
}

/// The records beside the runs in one folder.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RecordBeside {
    /// The folder, relative to the place that was looked in.
    pub folder: String,
    /// Analyses that were unblinded, in their order.
    pub ledger: Vec<LedgerEntry>,
    /// Looks at experiments, in their order.
    pub looks: Vec<LookEntry>,
    /// What is wrong with the files, in their module's words.
    pub damage: Vec<String>,
}

/// All runs below a folder.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Board {
    /// The folder, as it was named.
    pub place: String,
    /// When it was read, seconds since 1970.
    pub read_at: i64,
    /// The runs: the last changed first, those that cannot be read before them.
    pub runs: Vec<Run>,
    /// The questions, the one with the latest run first.
    pub questions: Vec<Question>,
    /// What waits for a person, the most pressing first.
    pub waiting: Vec<Waiting>,
    /// The records beside the runs.
    pub records: Vec<RecordBeside>,
    /// Folders that hold no run.
    pub folders_without: usize,
    /// Folders that may not be read, with the system's words.
    pub closed: Vec<(String, String)>,
    /// False if there were more folders than are looked into.
    pub complete: bool,
}
