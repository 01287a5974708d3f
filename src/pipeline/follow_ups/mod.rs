//! Follow-ups: what is asked of a run once its answers are known. They come after it, on its record, and change no answer and no
//! verdict.
//!
//! ```text
//! answering: specs of the run      -> Answering      (the analysis that answers each estimand)
//! request:   plan, or a file       -> FollowUp
//! rows:      request, answers      -> Vec<SweepRow>  (each with population, estimate, balance, overlap and its own grade)
//! step:      the whole             -> one commit: request, table, plot, page
//! ```
//!
//! Where units are divided, the population is that of the answer, and frozen: whoever is trimmed in the answering design of the whole is
//! trimmed in every part, and nobody else. The nuisances are fitted again in each part.

mod answering;
mod curve;
mod groups;
mod outcomes;
mod paths;
mod row;
pub mod steps;
mod sweeps;

pub use answering::Answering;
pub(super) use row::{outcome_as_it_is, row as analysed_row};

use crate::pipeline::Prepared;
use crate::plan::follow_ups::{FollowUp, Sweep};
use crate::plan::{Problem, shown};
use crate::record::ReportError;
use crate::record::follow_up::{AnswerSwept, Curve, Declared, FollowUpDocument, SweepRow};
use crate::text::sha256::sha256_hex;
use causal::estimand::Target;
use causal::estimator::EstimatorKind;

/// The reason why a follow-up cannot be made.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum FollowUpError {
    /// A column that is not there.
    #[error("the data have no column `{}`", shown(column))]
    NoColumn {
        /// The column.
        column: String,
        /// One of nearly that name.
        near: Option<String>,
    },
    /// A column without a value in any analysed row.
    #[error("`{}` has no value in any analysed row", shown(column))]
    NoValue {
        /// The column.
        column: String,
    },
    /// Treatment or outcome.
    #[error("`{}` is the {role}", shown(column))]
    OwnRole {
        /// The column.
        column: String,
        /// Which.
        role: &'static str,
    },
    /// A column that treatment may have changed.
    #[error("`{}` was measured after treatment, as the plan says", shown(column))]
    AfterTreatment {
        /// The column.
        column: String,
    },
    /// A column whose values no analysis uses.
    #[error("`{}` holds values by which nobody can be divided", shown(column))]
    UnusableColumn {
        /// The column.
        column: String,
    },
    /// A column that is no further outcome.
    #[error("`{}` is {why}: it cannot be a further outcome", shown(column))]
    NoOutcome {
        /// The column.
        column: String,
        /// What it is.
        why: &'static str,
    },
    /// A setting that says nothing for this kind of column.
    #[error("`{key}` says nothing for `{}`, a column of {kind}", shown(column))]
    NotForKind {
        /// The column.
        column: String,
        /// The setting.
        key: &'static str,
        /// The kind.
        kind: &'static str,
    },
    /// More groups than a table can show.
    #[error("`{}` divides the units into {groups} groups, and {most} is the most", shown(column))]
    TooManyGroups {
        /// The column.
        column: String,
        /// Its groups.
        groups: usize,
        /// The most.
        most: usize,
        /// Its kind.
        kind: &'static str,
    },
    /// An estimand that the plan does not ask for.
    #[error("the plan does not ask for the {}", .0.acronym())]
    NotAsked(Target),
    /// A branch of a fork that is no term of the plan's columns.
    #[error("`{}` in the fork `{fork}` is no confounder and no term of the plan's confounders", shown(text))]
    NoTerm {
        /// The fork.
        fork: &'static str,
        /// The text.
        text: String,
    },
    /// An estimator that the plan's tools do not allow.
    #[error("`{}` needs the tool `{tool}`, which the plan's `tools` do not list", kind.key())]
    NotAllowed {
        /// The estimator.
        kind: EstimatorKind,
        /// The tool.
        tool: &'static str,
    },
    /// A form that the outcome cannot take.
    #[error("the outcome cannot be analysed as `{form}`: {why}")]
    OutcomeForm {
        /// The form.
        form: &'static str,
        /// The reason.
        why: &'static str,
    },
    /// More analyses than are made.
    #[error("the forks make {paths} analyses, and {most} is the most")]
    TooManyPaths {
        /// Analyses.
        paths: usize,
        /// The most.
        most: usize,
    },
    /// The person asked to stop.
    #[error("stopped before the end; nothing was written")]
    Cancelled,
    /// A document could not be written.
    #[error(transparent)]
    Report(#[from] ReportError),
}

impl FollowUpError {
    /// The way out, as a sentence; empty if there is none.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::NoColumn { near: Some(near), .. } => format!("Did you mean `{}`?", shown(near)),
            Self::NoColumn { .. } => "The columns are those of the data and of `data.derive`.".to_owned(),
            Self::OwnRole { .. } => {
                "Name a column that was settled before treatment; units of one outcome or one arm cannot be compared.".to_owned()
            }
            Self::AfterTreatment { .. } => {
                "Treatment may have put units into these groups; name a column from before it.".to_owned()
            }
            Self::UnusableColumn { .. } | Self::NoValue { .. } => {
                "Name a column of dates, numbers or categories that has values.".to_owned()
            }
            Self::NoOutcome { .. } => {
                "Name columns of numbers, or of true and false, that were measured after treatment and that nothing is adjusted for."
                    .to_owned()
            }
            Self::NotForKind { key: "every", .. } => "`every` is for dates; bands of numbers are `cuts`.".to_owned(),
            Self::NotForKind { .. } => "`cuts` is for numbers; parts of time are `every`.".to_owned(),
            Self::TooManyGroups { kind: "a date", .. } => {
                "Say how long a part is: `every` with week, month, quarter or year.".to_owned()
            }
            Self::TooManyGroups { kind: "a number", .. } => {
                "Say where bands begin: `cuts: [30, 50]` in a plan, `--cuts 30,50` on the command line.".to_owned()
            }
            Self::TooManyGroups { .. } => {
                "Make a coarser column in the plan, with `data.derive` or `data.rare_levels`.".to_owned()
            }
            Self::NotAsked(_) => "Name an estimand that the plan asks for.".to_owned(),
            Self::NoTerm { .. } => {
                "Name confounders of the plan, or terms of their columns such as `age^2`; nothing else may be adjusted for.".to_owned()
            }
            Self::NotAllowed { .. } => "Leave it out of the forks, or allow the tool in the plan.".to_owned(),
            Self::OutcomeForm { .. } => "Leave this form out.".to_owned(),
            Self::TooManyPaths { .. } => "Declare fewer branches; each optional confounder doubles their number.".to_owned(),
            Self::Cancelled | Self::Report(_) => String::new(),
        }
    }
}

/// Told how many of how many rows are done; false stops the sweep.
pub type Progress<'a> = &'a mut dyn FnMut(usize, usize) -> bool;

/// What the follow-ups of the plan ask that its data do not have.
#[must_use]
pub(super) fn problems(prepared: &Prepared) -> Vec<Problem> {
    let drafted = Answering::drafted(prepared);
    let plan = &prepared.plan;
    let problem = |(at, request): (usize, &FollowUp)| {
        let error = checked(prepared, &drafted, request).err()?;
        let listed = format!("follow_ups[{at}]");
        // The one that `outcomes` asks for is not in the list.
        let path = if plan.is_written(&listed) { listed } else { "outcomes".to_owned() };
        Some(Problem { place: plan.at(&path), path, message: error.to_string(), hint: error.hint() })
    };
    plan.follow_ups.iter().enumerate().filter_map(problem).collect()
}

/// Everything about a request that can be checked before anything is estimated.
///
/// # Errors
/// [`FollowUpError`].
pub fn checked(prepared: &Prepared, answers: &[Answering<'_>], request: &FollowUp) -> Result<(), FollowUpError> {
    let about = about(answers, request)?;
    match &request.sweep {
        Sweep::Partition(grouping) | Sweep::Subgroup(grouping) => groups::divide(prepared, grouping).map(drop),
        Sweep::Spec(forks) => match about.first() {
            Some(answer) => paths::paths(prepared, answer, forks).map(drop),
            None => Ok(()),
        },
        Sweep::Outcomes { columns } => outcomes::checked(prepared, columns),
        Sweep::Trim { .. } | Sweep::Learner { .. } => Ok(()),
    }
}

/// The answers that a request is about.
fn about<'a, 'b>(answers: &'b [Answering<'a>], request: &FollowUp) -> Result<Vec<&'b Answering<'a>>, FollowUpError> {
    let wanted = |answer: &&Answering<'_>| request.estimand.is_none_or(|target| answer.requested() == target);
    let mut found: Vec<&Answering<'_>> = answers.iter().filter(wanted).collect();
    if let (Some(target), true) = (request.estimand, found.is_empty()) {
        return Err(FollowUpError::NotAsked(target));
    }
    if matches!(request.sweep, Sweep::Spec(_)) {
        found.truncate(1);
    }
    Ok(found)
}

/// The rows of one answer, and what is said of it.
struct Swept {
    rows: Vec<SweepRow>,
    answer: AnswerSwept,
    curve: Option<Curve>,
}

/// Makes a follow-up. Only for after `unblind`: every row is an effect.
///
/// # Errors
/// [`FollowUpError`].
pub fn make(
    prepared: &Prepared,
    answers: &[Answering<'_>],
    request: &FollowUp,
    progress: Progress<'_>,
) -> Result<FollowUpDocument, FollowUpError> {
    let about = about(answers, request)?;
    let mut swept = Vec::new();
    for (at, answer) in about.iter().enumerate() {
        let mut progress = |done: usize, of: usize| progress(at * of + done, about.len() * of);
        swept.push(match &request.sweep {
            Sweep::Trim { levels } => sweeps::trim(prepared, answer, levels, &mut progress)?,
            Sweep::Learner { learners } => sweeps::learners(prepared, answer, learners, &mut progress)?,
            Sweep::Partition(grouping) | Sweep::Subgroup(grouping) => {
                sweeps::groups(prepared, answer, grouping, &mut progress)?
            }
            Sweep::Outcomes { columns } => outcomes::outcomes(prepared, answer, columns, &mut progress)?,
            Sweep::Spec(forks) => curve::curve(prepared, answer, forks, &mut progress)?,
        });
    }
    let curve = swept.iter().find_map(|one| one.curve.clone());
    let (mut table, mut answers) = (Vec::new(), Vec::new());
    for one in swept {
        table.extend(one.rows);
        answers.push(one.answer);
    }
    let declared = prepared.plan.follow_ups.contains(request);
    Ok(FollowUpDocument {
        name: request.name.clone(),
        sweep: request.kind(),
        by: request.by().map(str::to_owned),
        declared: if declared { Declared::InThePlan } else { Declared::AfterUnblinding },
        title: prepared.plan.title.clone(),
        units: prepared.plan.outcome.units.clone(),
        plan_sha256: prepared.plan_sha256.clone(),
        data_sha256: prepared.document.sha256.clone(),
        request_sha256: sha256_hex(request.to_yaml().as_bytes()),
        tool_version: crate::VERSION.to_owned(),
        answers,
        rows: table.len(),
        not_estimated: table.iter().filter(|row| row.effect.is_none()).count(),
        gradable: table.iter().filter(|row| row.gradable()).count(),
        curve,
        table,
    })
}
