//! Every key of a plan: what it takes, what holds if it is left out, and what it is for.
//!
//! The reader refuses what is not in this table; `docs/plan.md` and `docs/plan.schema.json` are made from it.

use crate::plan::analysis::INFERENCES;
use crate::plan::draft::keys::{ASKED, DRAFT, PART, ROLE};
use crate::plan::estimands::ACCEPTED;
use crate::plan::follow_ups::keys::FOLLOW_UP;
use crate::plan::model_keys::{BUDGET, MODEL, PRIVACY};
use crate::plan::sections::{COLUMN_TYPES, DESIGNS, MERGES, MISSING, MOMENTS, OUTCOME_KINDS, STOPS};
use crate::plan::{Gate, Tool};
use causal::estimand::Target;
use causal::estimator::EstimatorKind;
use causal::learner_kind::{Effort, LearnerKind};

/// A mapping of a plan.
#[derive(Debug, Clone, Copy)]
pub struct PlanSection {
    /// Its dotted path; empty for the top level, `*` for a name of the user's.
    pub path: &'static str,
    /// Its keys, in the order in which a plan is written.
    pub keys: &'static [PlanKey],
}

/// A key of a plan.
#[derive(Debug, Clone, Copy)]
pub struct PlanKey {
    /// The key.
    pub key: &'static str,
    /// The values it takes.
    pub takes: Takes,
    /// The value if it is left out.
    pub otherwise: Otherwise,
    /// Its meaning, in a few words.
    pub meaning: &'static str,
}

/// The values of a key.
#[derive(Debug, Clone, Copy)]
pub enum Takes {
    /// A mapping with keys of its own.
    Section,
    /// Text on one line or on several.
    Text,
    /// Text, or a list of texts.
    Texts,
    /// The name of a column.
    Column,
    /// A list of names of columns.
    Columns,
    /// A list of terms.
    Terms,
    /// An expression, or a list of them.
    Conditions,
    /// A mapping of names of the user's to expressions.
    Expressions,
    /// A value of a column, as it stands in the data.
    Level,
    /// The path of a file, relative to the plan.
    File,
    /// The address of a server.
    Address,
    /// The name of an environment variable.
    Variable,
    /// One of these words.
    Word(fn() -> Vec<&'static str>),
    /// One of these words, or a mapping of columns, and `default`, to one.
    WordByName(fn() -> Vec<&'static str>),
    /// A list of these words.
    Words(fn() -> Vec<&'static str>),
    /// A list of these words, or of mappings that have one of them under `ask`.
    Asked(fn() -> Vec<&'static str>),
    /// A whole number from the first to the second, which may be missing.
    Whole(u64, Option<u64>),
    /// A number.
    Number,
    /// A list of two numbers, the smaller first.
    Range,
    /// A list of numbers.
    Numbers,
    /// A list of mappings that have the keys of the section below.
    Mappings,
    /// `true` or `false`.
    Flag,
    /// A mapping with names of the user's.
    Fields,
    /// In words.
    Described(&'static str),
}

/// The value of a key that is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Otherwise {
    /// The plan is refused.
    Required,
    /// This value, as a plan would write it.
    Value(&'static str),
    /// In words: what the program does.
    Words(&'static str),
    /// Nothing.
    Nothing,
}

use Otherwise::{Nothing, Required, Value, Words as Says};

pub(super) const fn key(key: &'static str, takes: Takes, otherwise: Otherwise, meaning: &'static str) -> PlanKey {
    PlanKey { key, takes, otherwise, meaning }
}

const TOP: &[PlanKey] = &[
    key("title", Takes::Text, Required, "the name of the study"),
    key(
        "question",
        Takes::Text,
        Required,
        "the causal question: who, which treatment against which, which outcome, when",
    ),
    key("target_trial", Takes::Section, Nothing, "the trial that one would run"),
    key(
        "design",
        Takes::Word(designs),
        Value("observational"),
        "how treatment came about; `experiment` makes a plan of another kind: see `docs/experiments.md`",
    ),
    key(
        "share",
        Takes::Number,
        Says("with `design: randomised` this or `analysis.known_propensity` is required"),
        "the chance of treatment, where it was the same for every unit",
    ),
    key("data", Takes::Section, Required, "the dataset"),
    key("treatment", Takes::Section, Required, "the two arms"),
    key("outcome", Takes::Section, Required, "what is measured"),
    key(
        "confounders",
        Takes::Section,
        Says("chosen from `graph`; required without one"),
        "what drives both treatment and outcome",
    ),
    key(
        "graph",
        Takes::Text,
        Nothing,
        "the causal graph, in DOT or dagitty's language, or a file with it beside the plan: see `docs/identification.md`",
    ),
    key("placebo_outcomes", Takes::Columns, Nothing, "measured before treatment, which cannot have changed them"),
    key("negative_controls", Takes::Columns, Nothing, "measured after treatment, which cannot plausibly change them"),
    key("threats", Takes::Texts, Nothing, "threats to validity, in prose"),
    key("estimands", Takes::Asked(targets), Value("[ate]"), "the effects asked for, in order of importance"),
    key("tools", Takes::Words(tools), Says("all"), "the methods that may be used"),
    key("analysis", Takes::Section, Nothing, "how the answer is computed"),
    key(
        "thresholds",
        Takes::Section,
        Says("those of the rubric"),
        "where a check warns and fails, by its code; a looser one than the default is itself a caveat",
    ),
    key(
        "hidden_confounding",
        Takes::Section,
        Nothing,
        "the strength of a hidden confounder that cannot be ruled out: the report says how far it could move each answer",
    ),
    key("loop", Takes::Section, Nothing, "how often the design may be revised"),
    key("gates", Takes::Words(gates), Nothing, "where the run stops until a person approves: see `docs/oversight.md`"),
    key("actor", Takes::Section, Nothing, "who turns the plan into specs"),
    key("critic", Takes::Section, Nothing, "who grades them beside the rubric"),
    key("budget", Takes::Section, Nothing, "limits on language models; reaching one ends the run with what it has"),
    key("privacy", Takes::Section, Nothing, "limits on what is said to a language model"),
    key("outcomes", Takes::Columns, Nothing, "further outcomes, by the design of the answer: see `docs/follow-ups.md`"),
    key("follow_ups", Takes::Mappings, Nothing, "sweeps once the answers are known: see `docs/follow-ups.md`"),
    key("draft", Takes::Section, Nothing, "what a program drafted, and who accepted it: see `docs/draft.md`"),
    key("seed", Takes::Whole(0, None), Value("20261121"), "the root of every random stream"),
];

/// What is left out becomes a blind spot in the critique.
const TARGET_TRIAL: &[PlanKey] = &[
    key("eligibility", Takes::Text, Nothing, "who could have been enrolled"),
    key("treatment_strategies", Takes::Text, Nothing, "the strategies compared"),
    key("assignment", Takes::Text, Nothing, "the assignment in that trial"),
    key("time_zero", Takes::Text, Nothing, "when follow-up starts"),
    key("follow_up", Takes::Text, Nothing, "the time over which units are followed"),
    key("outcome", Takes::Text, Nothing, "the measurement"),
    key("causal_contrast", Takes::Text, Nothing, "intention to treat, per protocol, …"),
    key("analysis_plan", Takes::Text, Nothing, "the analysis of that trial"),
];

const DATA: &[PlanKey] = &[
    key("source", Takes::File, Required, "CSV or Parquet: a file, a glob, or an object such as `s3://bucket/key.csv`"),
    key("unit_id", Takes::Column, Nothing, "names the unit; must be unique"),
    key("weights", Takes::Column, Nothing, "observation weights"),
    key("columns", Takes::Section, Nothing, "how to read a column, and when it was measured"),
    key(
        "missing",
        Takes::WordByName(missing),
        Value("error"),
        "what is done about missing values; `{default: indicator, income: drop}` for columns of their own",
    ),
    key(
        "rare_levels",
        Takes::Section,
        Nothing,
        "levels of categories that are made one, in every category that is adjusted for",
    ),
    key(
        "missing_values",
        Takes::Texts,
        Says("the words that are recognised: see `docs/data.md`"),
        "further values that mean a missing one, in every column",
    ),
    key(
        "filter",
        Takes::Conditions,
        Says("every row"),
        "whom the question is about: rows in which this is true, e.g. `age >= 18 and state != \"TX\"`; not by the outcome",
    ),
    key(
        "derive",
        Takes::Expressions,
        Nothing,
        "columns that are computed, e.g. `treated: cigs > 0`, `log_income: log(income + 1)`, `age_band: cut(age, [25, 45, 65])`",
    ),
];

pub(super) const COLUMN: &[PlanKey] = &[
    key("type", Takes::Word(column_types), Says("the file's own"), "the type; `name: category` for short"),
    key("reference", Takes::Level, Says("the first in sorted order"), "the reference level of a category"),
    key(
        "measured",
        Takes::Word(moments),
        Nothing,
        "before or after treatment; a confounder or a placebo outcome measured after is refused",
    ),
    key(
        "merge",
        Takes::Word(merges),
        Says("every text is a level of its own"),
        "spellings that are one level: those that differ in blanks only, or in blanks and capital letters",
    ),
    key(
        "missing_values",
        Takes::Texts,
        Says("the words that are recognised"),
        "the values that mean a missing one, e.g. `[-99]`; `[]` says that all of them are values",
    ),
];

pub(super) const RARE_LEVELS: &[PlanKey] = &[
    key("below", Takes::Whole(2, None), Nothing, "levels of fewer rows are rare"),
    key("keep", Takes::Whole(2, None), Nothing, "levels beyond the so many most frequent are rare"),
    key("into", Takes::Text, Value("other"), "the name of the level that they become"),
];

const ESTIMAND: &[PlanKey] = &[
    key("ask", Takes::Word(targets), Required, "the effect asked for"),
    key(
        "accept",
        Takes::Words(accepted),
        Says("nothing else is an answer"),
        "what may stand in for it, said before anything is known",
    ),
];

const TREATMENT: &[PlanKey] = &[
    key("column", Takes::Column, Required, "the column of the treatment"),
    key("treated", Takes::Level, Value("1"), "the value that means treated"),
    key("control", Takes::Level, Value("0"), "the value that means control"),
];

const OUTCOME: &[PlanKey] = &[
    key("column", Takes::Column, Required, "the column of the outcome"),
    key("units", Takes::Text, Required, "one unit of the outcome, for axes and sentences, e.g. `kg`"),
    key("kind", Takes::Word(outcome_kinds), Value("continuous"), "the scale of the outcome; `binary` with `event`"),
    key(
        "event",
        Takes::Level,
        Says("1, or true"),
        "the value of a binary outcome that is the event; the other one, whatever it is, is none",
    ),
    key(
        "bounds",
        Takes::Range,
        Nothing,
        "the least and the most that a continuous outcome can be, e.g. `[0, 100]`: the effect then has worst-case bounds",
    ),
];

const CONFOUNDERS: &[PlanKey] = &[
    key("priority", Takes::Columns, Says("at least one here or in `other`"), "those that must balance"),
    key("other", Takes::Columns, Nothing, "the rest"),
    key("terms", Takes::Terms, Nothing, "further terms: `age^2`, `re74 == 0`, `educ * re74`"),
];

const ANALYSIS: &[PlanKey] = &[
    key("estimator", Takes::Word(estimators), Says("by the number of rows"), "whose estimate is the answer"),
    key("also", Takes::Words(estimators), Says("the standard ones"), "estimates beside it; the benchmarks always run"),
    key("propensity", Takes::Word(learners), Says("the estimator's own"), "the learner of the propensity"),
    key("outcome_model", Takes::Word(learners), Says("the estimator's own"), "the learner of the outcome means"),
    key("repeats", Takes::Whole(1, Some(99)), Says("1, and 5 with `effort: thorough`"), "repeats of cross-fitting"),
    key("effort", Takes::Word(efforts), Value("fast"), "how much is computed"),
    key("inference", Takes::Word(inferences), Value("population"), "whose average effect the interval is about"),
    key("folds", Takes::Whole(2, Some(100)), Value("5"), "folds of cross-fitting"),
    key("clusters", Takes::Column, Nothing, "names the cluster of a unit"),
    key("known_propensity", Takes::Column, Nothing, "known probabilities of treatment"),
];

const THRESHOLD: &[PlanKey] = &[
    key("warn", Takes::Number, Says("the rubric's"), "the value from which on it warns"),
    key("fail", Takes::Number, Says("the rubric's"), "the value from which on it fails"),
];

const HIDDEN: &[PlanKey] = &[
    key("treatment", Takes::Number, Required, "the share of what is left of treatment that it would explain, below 1"),
    key("outcome", Takes::Number, Required, "the share of what is left of the outcome that it would explain, below 1"),
];

const LOOP: &[PlanKey] = &[
    key("max_iterations", Takes::Whole(1, Some(50)), Value("5"), "the most specs that are tried"),
    key("stop_when", Takes::Word(stops), Value("no_playbook_applies"), "when to stop before that"),
    key(
        "blind",
        Takes::Flag,
        Value("true"),
        "effects stay hidden until the loop has settled; `false` caps the verdict",
    ),
];

/// Every mapping of a plan.
pub const SECTIONS: &[PlanSection] = &[
    PlanSection { path: "", keys: TOP },
    PlanSection { path: "target_trial", keys: TARGET_TRIAL },
    PlanSection { path: "data", keys: DATA },
    PlanSection { path: "data.columns.*", keys: COLUMN },
    PlanSection { path: "data.rare_levels", keys: RARE_LEVELS },
    PlanSection { path: "treatment", keys: TREATMENT },
    PlanSection { path: "outcome", keys: OUTCOME },
    PlanSection { path: "confounders", keys: CONFOUNDERS },
    PlanSection { path: "estimands.*", keys: ESTIMAND },
    PlanSection { path: "analysis", keys: ANALYSIS },
    PlanSection { path: "thresholds.*", keys: THRESHOLD },
    PlanSection { path: "hidden_confounding", keys: HIDDEN },
    PlanSection { path: "loop", keys: LOOP },
    PlanSection { path: "actor", keys: MODEL },
    PlanSection { path: "critic", keys: MODEL },
    PlanSection { path: "budget", keys: BUDGET },
    PlanSection { path: "privacy", keys: PRIVACY },
    PlanSection { path: "follow_ups.*", keys: FOLLOW_UP },
    PlanSection { path: "draft", keys: DRAFT },
    PlanSection { path: "draft.roles.*", keys: ROLE },
    PlanSection { path: "draft.parts.*", keys: PART },
    PlanSection { path: "draft.asked.*", keys: ASKED },
];

/// The keys of a mapping of a kind of plan; empty if every key is welcome there.
pub(super) fn keys_of(table: &[PlanSection], path: &str) -> Vec<&'static str> {
    let section = table.iter().find(|section| section.path == path);
    section.into_iter().flat_map(|section| section.keys).map(|key| key.key).collect()
}

/// The first mapping of a kind of plan that has a key.
pub(super) fn section_with(table: &[PlanSection], key: &str) -> Option<&'static str> {
    table.iter().find(|section| section.keys.iter().any(|it| it.key == key)).map(|section| section.path)
}

pub(super) fn targets() -> Vec<&'static str> {
    Target::ALL.map(Target::key).to_vec()
}

fn accepted() -> Vec<&'static str> {
    first_of_each(&ACCEPTED)
}

fn tools() -> Vec<&'static str> {
    Tool::ALL.map(Tool::key).to_vec()
}

fn gates() -> Vec<&'static str> {
    Gate::ALL.map(Gate::key).to_vec()
}

pub(super) fn estimators() -> Vec<&'static str> {
    EstimatorKind::ALL.iter().filter(|kind| !kind.is_benchmark()).map(|kind| kind.key()).collect()
}

pub(super) fn learners() -> Vec<&'static str> {
    LearnerKind::ALL.iter().map(|kind| kind.key()).collect()
}

fn efforts() -> Vec<&'static str> {
    Effort::ALL.iter().map(|effort| effort.key()).collect()
}

fn inferences() -> Vec<&'static str> {
    first_of_each(&INFERENCES)
}

fn missing() -> Vec<&'static str> {
    first_of_each(&MISSING)
}

fn column_types() -> Vec<&'static str> {
    first_of_each(&COLUMN_TYPES)
}

fn merges() -> Vec<&'static str> {
    first_of_each(&MERGES)
}

fn moments() -> Vec<&'static str> {
    first_of_each(&MOMENTS)
}

fn designs() -> Vec<&'static str> {
    first_of_each(&DESIGNS)
}

fn outcome_kinds() -> Vec<&'static str> {
    first_of_each(&OUTCOME_KINDS)
}

fn stops() -> Vec<&'static str> {
    first_of_each(&STOPS)
}

/// The words of a table that the reader looks them up in.
fn first_of_each<T>(table: &[(&'static str, T)]) -> Vec<&'static str> {
    table.iter().map(|(word, _)| *word).collect()
}
