//! What an audit finds, as facts. [`crate::report::audit`] has the words.

use serde::Serialize;

/// Why a check was not made, or has no meaning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Unaudited {
    /// The plan has no gates.
    NoGates,
    /// The plan asks not to be blind.
    NotBlindByPlan,
    /// Experiments have no such thing as this.
    NotInExperiments,
    /// Nothing was revised.
    NothingRevised,
    /// The plan names no ideal trial.
    NoIdealTrial,
    /// The run has not come that far.
    NotThere {
        /// The file that it has not.
        file: String,
    },
    /// No record of earlier analyses lies beside the run.
    NoRecord {
        /// The file.
        file: String,
    },
    /// The data are not where they were looked for.
    NoData {
        /// The folder.
        root: String,
    },
    /// The data are in a store, which an audit does not ask.
    InStore {
        /// The first of them, as the run names it.
        name: String,
    },
    /// Everything that it is about was committed before the commits that are audited.
    BeforeSince,
}

impl Unaudited {
    /// True if the check has no meaning for the run; false if it could have been made.
    #[must_use]
    pub fn has_no_meaning(&self) -> bool {
        matches!(
            self,
            Unaudited::NoGates
                | Unaudited::NotBlindByPlan
                | Unaudited::NotInExperiments
                | Unaudited::NothingRevised
                | Unaudited::NoIdealTrial
        )
    }
}

/// One fact with its evidence.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AuditFact {
    /// What was found.
    #[serde(flatten)]
    pub finding: AuditFinding,
    /// True if the check fails because of it.
    pub fault: bool,
    /// The file that shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The commit that left the file as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AuditFinding {
    /// The plan is in the first commit, before anything that was read from the data.
    PlanCommitted,
    /// A file that was made from the data is older than the plan.
    BeforePlan,
    /// The plan was changed after it was committed.
    PlanChanged,
    /// A document or a commit names another plan.
    OtherPlan {
        /// The hash that it names.
        named: String,
    },
    /// The first commit of a fingerprint of the data.
    DataFirstRead,
    /// A gate was approved on the tree that it names.
    GatePassed {
        /// The gate.
        gate: String,
        /// Who approved: `Name <email>`.
        by: String,
    },
    /// The run went past a gate without an approval of the tree that it names.
    GateNotApproved {
        /// The gate.
        gate: String,
    },
    /// The plan has a gate that the run did not stop at.
    GateLeftOut {
        /// The gate.
        gate: String,
    },
    /// The run waits at a gate.
    GateWaits {
        /// The gate.
        gate: String,
    },
    /// The run came to its end.
    Finished {
        /// Its commits.
        commits: usize,
    },
    /// It did not.
    NotFinished,
    /// A commit with a second parent, or a header that no step has.
    ForeignCommit,
    /// Commits after the last step.
    CommitAfterEnd,
    /// A follow-up, or a partition of a watch: it comes after the end and changes nothing of the run.
    AskedLater {
        /// Its name.
        name: String,
    },
    /// A document was written a second time.
    Rewritten,
    /// A file in the folder is not the one on record.
    EditedFile,
    /// The branch was at a commit that its history does not have.
    LeftBehind {
        /// Its id.
        id: String,
    },
    /// git shows something else than the commits have.
    Replaced {
        /// The reference.
        name: String,
    },
    /// A document cannot be read.
    Unreadable {
        /// The reader's words.
        reason: String,
    },
    /// A document that should be there is not.
    Absent {
        /// Its name.
        document: String,
        /// Of an iteration.
        #[serde(skip_serializing_if = "Option::is_none")]
        iteration: Option<u32>,
    },
    /// Spec and design are what the plan says.
    Aligned {
        /// The iteration.
        iteration: u32,
        /// Checks made.
        checks: usize,
    },
    /// They are not.
    NotAligned {
        /// The iteration.
        iteration: u32,
        /// The claim that does not hold.
        check: String,
        /// What was seen.
        detail: String,
    },
    /// A document names a spec that is not the one on record.
    OtherSpec {
        /// The iteration.
        iteration: u32,
        /// The hash that it names.
        named: String,
    },
    /// What an experiment compared is what its plan says.
    ComparedAsPlanned {
        /// Effects.
        effects: usize,
    },
    /// An experiment has an effect, metric or covariate that its plan does not name.
    NotPlanned {
        /// Which part: `metric`, `request`, `segment`, `covariate`.
        part: String,
        /// Its name.
        name: String,
    },
    /// All estimators are allowed.
    EstimatorsAllowed {
        /// Estimates.
        estimates: usize,
    },
    /// An estimate by a method that the plan does not list.
    EstimatorNotAllowed {
        /// Its key.
        estimator: String,
    },
    /// Models were offered nothing but allowed tools.
    ToolsAllowed {
        /// Exchanges.
        exchanges: usize,
    },
    /// A model was offered a tool that the plan does not allow, or not yet.
    ToolNotAllowed {
        /// Its name.
        tool: String,
    },
    /// A model called a tool that was not on offer, which was refused.
    ToolRefused {
        /// Its name.
        tool: String,
    },
    /// The commit from which on effects exist.
    Unblinded,
    /// Everything before it was looked through.
    NothingLeaked {
        /// Files.
        files: usize,
        /// Numbers in them.
        numbers: usize,
        /// Values of effects that they were held against.
        effects: usize,
    },
    /// A file that holds effects is older than unblinding.
    EffectFile,
    /// An estimate is in a file, or a message, that is older than unblinding.
    EffectLeaked {
        /// As written there.
        figure: String,
        /// The path of the effect in `results.json`.
        effect: String,
    },
    /// A critique that was written while blind has a value that only an effect can give.
    BlindCritique {
        /// The code of the finding.
        code: String,
    },
    /// A spec, design or critique that is younger than unblinding.
    AfterUnblinding,
    /// A spec that was tried, and the line that reports it.
    SpecReported {
        /// The iteration.
        iteration: u32,
    },
    /// A spec that was tried and is not reported.
    SpecNotReported {
        /// The iteration.
        iteration: u32,
    },
    /// A spec that is reported and not on record.
    SpecNotOnRecord {
        /// The iteration.
        iteration: u32,
    },
    /// A spec without an effect in the results.
    SpecWithoutEffects {
        /// The iteration.
        iteration: u32,
    },
    /// The analyses or looks before this one, all reported.
    EarlierReported {
        /// How many there were.
        count: usize,
    },
    /// One that is not reported.
    EarlierNotReported {
        /// The run, or the number of the look.
        run: String,
    },
    /// The trailer of the unblinding says something else than the results.
    EarlierCountDiffers {
        /// By the trailer.
        trailer: String,
        /// By the results.
        reported: usize,
    },
    /// The record beside the run is damaged.
    RecordDamaged {
        /// In a sentence.
        what: String,
    },
    /// The record beside the run is gone.
    RecordGone,
    /// What is adjusted for, and what the plan says of when it was measured.
    Adjusted {
        /// The iteration.
        iteration: u32,
        /// Columns.
        columns: usize,
        /// Columns of which the plan says that they were measured before treatment.
        declared_before: usize,
        /// True if a causal graph orders them.
        graph: bool,
    },
    /// A column that is adjusted for though the plan does not name it.
    NotAConfounder {
        /// The iteration.
        iteration: u32,
        /// The column.
        column: String,
    },
    /// A column that is adjusted for though the plan says that it was measured after treatment.
    MeasuredAfter {
        /// The iteration.
        iteration: u32,
        /// The column.
        column: String,
    },
    /// A column that is adjusted for though the graph forbids it.
    ForbiddenByGraph {
        /// The iteration.
        iteration: u32,
        /// The column.
        column: String,
    },
    /// A column that says what the outcome is.
    DeterminesOutcome {
        /// The iteration.
        iteration: u32,
        /// The column; absent if all of them together do.
        column: Option<String>,
    },
    /// A column with a range that only one arm has: treatment may have made it.
    OneArm {
        /// The iteration.
        iteration: u32,
        /// The column.
        column: String,
    },
    /// The diagnostics of an iteration, or of an experiment, all there.
    DiagnosticsRun {
        /// The iteration.
        #[serde(skip_serializing_if = "Option::is_none")]
        iteration: Option<u32>,
        /// Findings.
        findings: usize,
    },
    /// A diagnostic that the plan allows and that is neither there nor excused.
    DiagnosticMissing {
        /// The iteration; absent in the final critique.
        #[serde(skip_serializing_if = "Option::is_none")]
        iteration: Option<u32>,
        /// Of which estimand, or experiment.
        of: String,
        /// Its code, or the tool.
        diagnostic: String,
    },
    /// Components of the ideal trial, each held against the analysis in the report.
    TrialContrasted {
        /// Components.
        components: usize,
    },
    /// A component of which the plan says nothing.
    TrialUnstated {
        /// The component.
        component: String,
    },
    /// A component whose deviation is not explained.
    DeviationUnexplained {
        /// The component.
        component: String,
    },
    /// An answer for whom nothing says how it departs from what was asked.
    DepartureUnexplained {
        /// The estimand.
        estimand: String,
    },
    /// A remediation, and the line that reports it.
    RemediationReported {
        /// The iteration.
        iteration: u32,
        /// The estimand.
        estimand: String,
        /// The playbook.
        playbook: String,
    },
    /// A remediation that the results or the report leave out.
    RemediationNotReported {
        /// The iteration.
        iteration: u32,
        /// The estimand.
        estimand: String,
        /// The playbook.
        playbook: String,
    },
    /// An analysis that changed without a remediation on record.
    ChangedInSilence {
        /// The iteration.
        iteration: u32,
        /// The estimand.
        estimand: String,
    },
    /// Figures of the report that were traced.
    NumbersTraced {
        /// Traced.
        traced: usize,
        /// Figures of the report's own fixed sentences.
        constants: usize,
        /// Of all.
        all: usize,
        /// Documents that they come from.
        documents: Vec<String>,
    },
    /// A figure that is in no document.
    NumberUntraced {
        /// As written.
        figure: String,
    },
    /// A figure of a language model that the report itself flags.
    NumberFlagged {
        /// As written.
        figure: String,
    },
    /// The data are those that were analysed.
    DataSame {
        /// Files.
        files: usize,
    },
    /// A data file has other bytes, is gone while others are there, or is new.
    DataDiffers {
        /// Its hash on record.
        #[serde(skip_serializing_if = "Option::is_none")]
        recorded: Option<String>,
        /// Its hash now.
        #[serde(skip_serializing_if = "Option::is_none")]
        now: Option<String>,
    },
    /// A document names data that are not the ones on record.
    OtherData {
        /// The hash that it names.
        named: String,
    },
}

impl AuditFinding {
    /// True if a check fails because of it.
    #[must_use]
    pub fn is_fault(&self) -> bool {
        use AuditFinding::*;
        !matches!(
            self,
            PlanCommitted
                | GatePassed { .. }
                | GateWaits { .. }
                | DataFirstRead
                | Finished { .. }
                | AskedLater { .. }
                | Aligned { .. }
                | ComparedAsPlanned { .. }
                | EstimatorsAllowed { .. }
                | ToolsAllowed { .. }
                | ToolRefused { .. }
                | Unblinded
                | NothingLeaked { .. }
                | SpecReported { .. }
                | EarlierReported { .. }
                | Adjusted { .. }
                | OneArm { .. }
                | DiagnosticsRun { .. }
                | TrialContrasted { .. }
                | TrialUnstated { .. }
                | RemediationReported { .. }
                | NumbersTraced { .. }
                | NumberFlagged { .. }
                | DataSame { .. }
        )
    }
}
