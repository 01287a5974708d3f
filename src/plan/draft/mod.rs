//! `draft:` of a plan: judgements that a program drafted and that the principal accepts, one by one.
//!
//! A judgement that nobody has accepted is a problem of the plan, so nothing runs with it ([`DraftSection::pending`]); one that was accepted
//! stays in the plan with its reason, its author and whoever accepted it, and the plan is held to it ([`rules`]).

mod changes;
mod column_roles;
mod edit;
pub(in crate::plan) mod keys;
mod question;
mod read;
mod rules;

pub use changes::{Acceptance, AcceptedBy, DecideError, decide};
pub use column_roles::{Judged, judge};
pub use edit::{DraftedPlan, appended, rewritten};
pub use question::names_in;
pub(super) use read::read;
pub(super) use rules::check;

use causal::keyed_enum;

keyed_enum! {
    /// What a column is to the question.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
    pub enum ColumnRole {
        /// What is done.
        Treatment = "treatment",
        /// What is measured.
        Outcome = "outcome",
        /// Settled before treatment, and a cause of both: must balance.
        Confounder = "confounder",
        /// Settled before treatment, and a cause of the outcome only: adjusted for, for precision.
        Predictor = "predictor",
        /// The effect passes through it: never adjusted for.
        Mediator = "mediator",
        /// Two causes meet in it: never adjusted for.
        Collider = "collider",
        /// Moves the treatment, and the outcome through it only: not adjusted for.
        Instrument = "instrument",
        /// Measured after treatment, which cannot plausibly change it.
        NegativeControl = "negative_control",
        /// Measured before treatment, which cannot have changed it, and not adjusted for.
        PlaceboOutcome = "placebo_outcome",
        /// Names the unit.
        Identifier = "identifier",
        /// Names units that share their luck.
        Cluster = "cluster",
        /// How much a row counts.
        Weight = "weight",
        /// When something happened.
        Time = "time",
        /// Measured after treatment: never adjusted for.
        PostTreatment = "post_treatment",
        /// Says nothing of its own: a constant, a copy, the outcome in other words.
        LeftOut = "left_out",
        /// Not known.
        Undecided = "undecided",
    }
}

impl ColumnRole {
    /// All of them, in the order in which they are listed.
    pub const ALL: [ColumnRole; 16] = [
        ColumnRole::Treatment,
        ColumnRole::Outcome,
        ColumnRole::Confounder,
        ColumnRole::Predictor,
        ColumnRole::Mediator,
        ColumnRole::Collider,
        ColumnRole::Instrument,
        ColumnRole::NegativeControl,
        ColumnRole::PlaceboOutcome,
        ColumnRole::Identifier,
        ColumnRole::Cluster,
        ColumnRole::Weight,
        ColumnRole::Time,
        ColumnRole::PostTreatment,
        ColumnRole::LeftOut,
        ColumnRole::Undecided,
    ];

    /// True if a column of this role is adjusted for.
    #[must_use]
    pub fn is_adjusted_for(self) -> bool {
        matches!(self, ColumnRole::Confounder | ColumnRole::Predictor)
    }
}

keyed_enum! {
    /// Who drafted a judgement.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub enum DraftedBy {
        /// Rules on names, types and values.
        Rules = "rules",
        /// A language model.
        Model = "model",
        /// The principal, on the command line.
        Principal = "principal",
    }
}

impl DraftedBy {
    /// All of them.
    pub const ALL: [DraftedBy; 3] = [DraftedBy::Rules, DraftedBy::Model, DraftedBy::Principal];
}

keyed_enum! {
    /// A part of the plan that was drafted, beside the roles of columns.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
    pub enum DraftedPart {
        /// Which of two values means treated.
        Treated = "treated",
        /// Which of two values is the event.
        Event = "event",
        /// How columns are read (`data.columns`).
        Reading = "reading",
        /// What is done about missing values.
        Missing = "missing",
        /// The target trial.
        TargetTrial = "target_trial",
        /// The graph.
        Graph = "graph",
        /// The threats.
        Threats = "threats",
    }
}

impl DraftedPart {
    /// All of them.
    pub const ALL: [DraftedPart; 7] = [
        DraftedPart::Treated,
        DraftedPart::Event,
        DraftedPart::Reading,
        DraftedPart::Missing,
        DraftedPart::TargetTrial,
        DraftedPart::Graph,
        DraftedPart::Threats,
    ];
}

/// Who accepted a judgement, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedOn {
    /// Name and address, as git has them.
    pub by: String,
    /// The time, in UTC.
    pub at: String,
}

/// The role of one column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleJudgement {
    /// The column.
    pub column: String,
    /// Its role now.
    pub role: ColumnRole,
    /// The role that was drafted, if somebody changed it since.
    pub drafted: Option<ColumnRole>,
    /// Who drafted it.
    pub by: DraftedBy,
    /// Why.
    pub because: String,
    /// Who accepted it; `None`: nobody yet.
    pub accepted: Option<AcceptedOn>,
}

impl RoleJudgement {
    /// True if somebody still has to decide. A column that is undecided cannot be accepted as it is.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.accepted.is_none() || self.role == ColumnRole::Undecided
    }
}

/// Another part of the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartJudgement {
    /// Which.
    pub part: DraftedPart,
    /// Who drafted it.
    pub by: DraftedBy,
    /// Why, or what it says.
    pub because: String,
    /// False if the principal did not want it as it was drafted.
    pub kept: bool,
    /// Who decided; `None`: nobody yet.
    pub accepted: Option<AcceptedOn>,
}

/// A question that the principal was asked while the plan was drafted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedPrincipal {
    /// The question.
    pub question: String,
    /// The answer; empty if there was none.
    pub answer: String,
}

/// `draft:`
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DraftSection {
    /// The language model that took part.
    pub model: Option<String>,
    /// Where its conversation is recorded, relative to the plan.
    pub transcript: Option<String>,
    /// What it cost, in US dollars, if its price is known.
    pub cost_usd: Option<f64>,
    /// Roles of columns, in file order.
    pub roles: Vec<RoleJudgement>,
    /// Other parts.
    pub parts: Vec<PartJudgement>,
    /// Data that are not in the file and would help.
    pub ask_for: Vec<String>,
    /// What a model as critic had to say of the draft.
    pub remarks: Vec<String>,
    /// Questions to the principal.
    pub asked: Vec<AskedPrincipal>,
}

impl DraftSection {
    /// The judgement on a column.
    #[must_use]
    pub fn role_of(&self, column: &str) -> Option<&RoleJudgement> {
        self.roles.iter().find(|one| one.column == column)
    }

    /// Roles that nobody has accepted.
    pub fn pending_roles(&self) -> impl Iterator<Item = &RoleJudgement> {
        self.roles.iter().filter(|one| one.is_pending())
    }

    /// Other parts that nobody has accepted.
    pub fn pending_parts(&self) -> impl Iterator<Item = &PartJudgement> {
        self.parts.iter().filter(|one| one.accepted.is_none())
    }

    /// How many judgements nobody has accepted.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.pending_roles().count() + self.pending_parts().count()
    }
}
