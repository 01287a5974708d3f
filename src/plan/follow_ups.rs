//! `follow_ups:` what is asked of a run once its answers are known, said beforehand or in a file beside the run.
//!
//! An element of the list, and the file `sweeps/NAME.yaml` of a run, have one grammar: [`FollowUp::to_yaml`] writes what
//! [`parse_request`] reads.

pub(super) mod keys;

use super::reader::{Reader, Section, listed};
use super::{Problem, experiment, parse, quote, shown};
use crate::plan::yaml_tree::{Kind, Node};
use causal::estimand::Target;
use causal::estimator::EstimatorKind;
use causal::keyed_enum;
use causal::learner_kind::LearnerKind;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// The thresholds of a sweep that names none: from everybody to the units whose chance of treatment is between 0.15 and 0.85.
pub const TRIM_LEVELS: [f64; 12] = [0.0, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.1, 0.12, 0.15];
/// The learners of a sweep that names none: those that take seconds.
pub const SWEPT_LEARNERS: [LearnerKind; 5] = [
    LearnerKind::Linear,
    LearnerKind::Ridge,
    LearnerKind::ElasticNet,
    LearnerKind::Boosting,
    LearnerKind::BoostingOrRidge,
];
/// The most thresholds.
const MOST_LEVELS: usize = 100;
/// The longest name.
const LONGEST_NAME: usize = 40;

keyed_enum! {
    /// The length of a part of time.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Period {
        /// A day.
        Day = "day",
        /// A week, from Monday on.
        Week = "week",
        /// A month.
        Month = "month",
        /// A quarter of a year.
        Quarter = "quarter",
        /// A year.
        Year = "year",
    }
}

impl Period {
    /// All, shortest first.
    pub const ALL: [Period; 5] = [Period::Day, Period::Week, Period::Month, Period::Quarter, Period::Year];
}

keyed_enum! {
    /// What is done to the outcome before it is analysed.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum OutcomeForm {
        /// Nothing.
        AsItIs = "as_it_is",
        /// Values below the first and above the last hundredth are set to those.
        Winsorised = "winsorised",
        /// log(y + 1).
        Log = "log",
        /// Ranks from 0 to 1, ties in the middle.
        Ranks = "ranks",
    }
}

impl OutcomeForm {
    /// All of them.
    pub const ALL: [OutcomeForm; 4] =
        [OutcomeForm::AsItIs, OutcomeForm::Winsorised, OutcomeForm::Log, OutcomeForm::Ranks];

    /// True if effects stay in the units of the outcome.
    #[must_use]
    pub fn keeps_units(self) -> bool {
        matches!(self, OutcomeForm::AsItIs | OutcomeForm::Winsorised)
    }
}

/// Which kind of sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SweepKind {
    /// Along trimming thresholds.
    Trim,
    /// Over parts of the population, in an order such as time.
    Partition,
    /// Over subgroups.
    Subgroup,
    /// Over learners.
    Learner,
    /// Over declared specifications.
    Spec,
    /// Over further outcomes.
    Outcomes,
}

impl SweepKind {
    /// All kinds.
    pub const ALL: [SweepKind; 6] = [
        SweepKind::Trim,
        SweepKind::Partition,
        SweepKind::Subgroup,
        SweepKind::Learner,
        SweepKind::Spec,
        SweepKind::Outcomes,
    ];

    /// The word of plans and of the command line.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            SweepKind::Trim => "trim",
            SweepKind::Partition => "partition",
            SweepKind::Subgroup => "subgroup",
            SweepKind::Learner => "learner",
            SweepKind::Spec => "spec",
            SweepKind::Outcomes => "outcomes",
        }
    }

    /// The keys that say something for this kind, beside `sweep`, `name` and `estimand`.
    fn keys(self) -> &'static [&'static str] {
        match self {
            SweepKind::Trim => &["trim"],
            SweepKind::Partition | SweepKind::Subgroup => &["by", "every", "cuts"],
            SweepKind::Learner => &["learners"],
            SweepKind::Outcomes => &["columns"],
            SweepKind::Spec => &["covariates", "optional", "trim", "estimators", "learners", "outcome"],
        }
    }
}

/// One follow-up.
#[derive(Debug, Clone, PartialEq)]
pub struct FollowUp {
    /// Its name: that of its files.
    pub name: String,
    /// The estimand; `None`: every answer, of a specification curve the first.
    pub estimand: Option<Target>,
    /// What is varied.
    pub sweep: Sweep,
}

/// What a follow-up varies.
#[derive(Debug, Clone, PartialEq)]
pub enum Sweep {
    /// The threshold of trimming: units with a chance of treatment below α or above 1 − α are left out.
    Trim {
        /// α, ascending, from 0 to below a half.
        levels: Vec<f64>,
    },
    /// Parts of the population, which is that of the answer.
    Partition(Grouping),
    /// Subgroups of the population, which is that of the answer.
    Subgroup(Grouping),
    /// The learners of the nuisances.
    Learner {
        /// Which.
        learners: Vec<LearnerKind>,
    },
    /// Declared forks, all combined.
    Spec(Forks),
    /// Further outcomes, by the design of the answer.
    Outcomes {
        /// Their columns.
        columns: Vec<String>,
    },
}

/// How units are divided.
#[derive(Debug, Clone, PartialEq)]
pub struct Grouping {
    /// By the values of this column.
    pub by: String,
    /// Of a column of dates: parts so long. `None`: the shortest that gives few enough.
    pub every: Option<Period>,
    /// Of a column of numbers: bands that end below each of these. Empty: every value for itself.
    pub cuts: Vec<f64>,
}

/// Choices that somebody else could have made otherwise. A list that is empty is no fork: the answer's own choice stands.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Forks {
    /// Sets of confounders and terms, by name.
    pub covariates: BTreeMap<String, Vec<String>>,
    /// Confounders or terms that are in or out, in every combination.
    pub optional: Vec<String>,
    /// Trimming thresholds.
    pub trim: Vec<f64>,
    /// Estimators.
    pub estimators: Vec<EstimatorKind>,
    /// Learners, for estimators that take some.
    pub learners: Vec<LearnerKind>,
    /// Forms of the outcome.
    pub outcome: Vec<OutcomeForm>,
}

impl FollowUp {
    /// Of a kind, under the name that it has where none is given.
    #[must_use]
    pub fn new(sweep: Sweep) -> FollowUp {
        FollowUp { name: default_name(&sweep), estimand: None, sweep }
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> SweepKind {
        match self.sweep {
            Sweep::Trim { .. } => SweepKind::Trim,
            Sweep::Partition(_) => SweepKind::Partition,
            Sweep::Subgroup(_) => SweepKind::Subgroup,
            Sweep::Learner { .. } => SweepKind::Learner,
            Sweep::Spec(_) => SweepKind::Spec,
            Sweep::Outcomes { .. } => SweepKind::Outcomes,
        }
    }

    /// The column by which it divides, if it does.
    #[must_use]
    pub fn by(&self) -> Option<&str> {
        match &self.sweep {
            Sweep::Partition(grouping) | Sweep::Subgroup(grouping) => Some(&grouping.by),
            _ => None,
        }
    }

    /// The columns that it reads beside those of the answer.
    #[must_use]
    pub fn columns(&self) -> Vec<&str> {
        match &self.sweep {
            Sweep::Outcomes { columns } => columns.iter().map(String::as_str).collect(),
            _ => self.by().into_iter().collect(),
        }
    }

    /// `sweeps/NAME.yaml`: equal requests have equal bytes.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        let mut out = "# A follow-up of this run; `oci-agent verify` makes it again.\n".to_owned();
        let mut line = |key: &str, value: String| {
            let _ = writeln!(out, "{key}: {value}");
        };
        line("sweep", self.kind().key().to_owned());
        line("name", quote::yaml_text(&self.name));
        if let Some(target) = self.estimand {
            line("estimand", target.key().to_owned());
        }
        match &self.sweep {
            Sweep::Trim { levels } => line("trim", numbers(levels)),
            Sweep::Outcomes { columns } => {
                line("columns", words(columns.iter().map(|text| quote::yaml_text(text))));
            }
            Sweep::Learner { learners } => line("learners", words(learners.iter().map(|it| it.key()))),
            Sweep::Partition(grouping) | Sweep::Subgroup(grouping) => {
                line("by", quote::yaml_text(&grouping.by));
                if let Some(every) = grouping.every {
                    line("every", every.key().to_owned());
                }
                if !grouping.cuts.is_empty() {
                    line("cuts", numbers(&grouping.cuts));
                }
            }
            Sweep::Spec(forks) => {
                let texts = |all: &[String]| words(all.iter().map(|text| quote::yaml_text(text)));
                if !forks.covariates.is_empty() {
                    let sets = forks.covariates.iter();
                    let lines = sets.map(|(name, set)| format!("\n  {}: {}", quote::yaml_text(name), texts(set)));
                    line("covariates", lines.collect());
                }
                for (key, value) in [
                    ("optional", (!forks.optional.is_empty()).then(|| texts(&forks.optional))),
                    ("trim", (!forks.trim.is_empty()).then(|| numbers(&forks.trim))),
                    ("estimators", some_words(&forks.estimators, EstimatorKind::key)),
                    ("learners", some_words(&forks.learners, LearnerKind::key)),
                    ("outcome", some_words(&forks.outcome, OutcomeForm::key)),
                ] {
                    if let Some(value) = value {
                        line(key, value);
                    }
                }
            }
        }
        out
    }
}

fn some_words<T: Copy>(values: &[T], key: impl Fn(T) -> &'static str) -> Option<String> {
    (!values.is_empty()).then(|| words(values.iter().map(|value| key(*value))))
}

fn words<T: AsRef<str>>(words: impl Iterator<Item = T>) -> String {
    let words: Vec<String> = words.map(|word| word.as_ref().to_owned()).collect();
    format!("[{}]", words.join(", "))
}

fn numbers(values: &[f64]) -> String {
    words(values.iter().map(ToString::to_string))
}

/// `trim`; `partition-date`, as far as the name of the column makes the name of a file.
fn default_name(sweep: &Sweep) -> String {
    let kind = FollowUp { name: String::new(), estimand: None, sweep: sweep.clone() };
    let mut name = kind.kind().key().to_owned();
    if let Some(by) = kind.by() {
        let harmless = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
        name.push('-');
        name.extend(by.chars().take(24).map(harmless));
    }
    name
}

/// True for what can be the name of a file everywhere.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let harmless = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    !text.is_empty() && text.len() <= LONGEST_NAME && text.chars().all(harmless)
}

/// Reads the list.
pub(super) fn read(reader: &mut Reader, root: &Section<'_>) -> Vec<FollowUp> {
    let mut read = Vec::new();
    let mut names = BTreeSet::new();
    for (path, node) in reader.list(root, "follow_ups") {
        let Some(follow_up) = element(reader, node, &path) else { continue };
        if !names.insert(follow_up.name.clone()) {
            let message = format!("two follow-ups are called `{}`", follow_up.name);
            reader.problem(Some(node.place), &path, message, "Give one of them a `name:` of its own.");
            continue;
        }
        read.push(follow_up);
    }
    // After the others, whose places are counted.
    read.extend(outcomes(reader, root, &names));
    read
}

/// `outcomes: [b, c]`: the follow-up of that name, in a word of its own.
fn outcomes(reader: &mut Reader, root: &Section<'_>, names: &BTreeSet<String>) -> Option<FollowUp> {
    let columns = reader.texts(root, "outcomes");
    if columns.is_empty() {
        return None;
    }
    let request = FollowUp::new(Sweep::Outcomes { columns });
    if names.contains(&request.name) {
        let message = format!("a follow-up is called `{}`, as the one that `outcomes` asks for", request.name);
        let place = root.get("outcomes").map(|node| node.place);
        reader.problem(place, "outcomes", message, "Give that follow-up a `name:` of its own.");
        return None;
    }
    Some(request)
}

/// Reads the file of a request.
///
/// # Errors
/// Every problem of it.
pub fn parse_request(bytes: &[u8]) -> Result<FollowUp, Vec<Problem>> {
    let root = parse::tree(parse::text_of(bytes)?)?;
    let mut reader = Reader::new(super::keys::SECTIONS, experiment::foreign_to_observational);
    let read = element(&mut reader, &root, "");
    match read {
        Some(follow_up) if reader.problems.is_empty() => Ok(follow_up),
        _ => Err(parse::in_order(reader.problems)),
    }
}

fn element(reader: &mut Reader, node: &Node, path: &str) -> Option<FollowUp> {
    let hint = "Write one as `- sweep: trim`, or with its settings: `- {sweep: partition, by: date}`.";
    let Kind::Mapping(entries) = &node.kind else {
        let message = format!("a follow-up is a mapping of keys to values, and this is {}", node.noun());
        reader.problem(Some(node.place), path, message, hint);
        return None;
    };
    let section = reader.fields(entries, path, "follow_ups.*", Some(node.place));
    let Some(kind) = section.get("sweep") else {
        reader.problem(Some(node.place), path, "a follow-up does not say which `sweep` it is".to_owned(), hint);
        return None;
    };
    let kind = reader.word(kind, &section.path("sweep"), &SweepKind::ALL.map(|kind| (kind.key(), kind)))?;
    let common = ["sweep", "name", "estimand"];
    for entry in section.entries().filter(|it| !common.contains(&it.key.as_str())) {
        if !kind.keys().contains(&entry.key.as_str()) {
            let message = format!("`{}` says nothing for `sweep: {}`", shown(&entry.key), kind.key());
            let hint = format!("Take it out; this sweep knows {}.", listed(kind.keys().iter().copied()));
            reader.problem(Some(entry.place), &section.path(&entry.key), message, hint);
        }
    }
    let targets = Target::ALL.map(|target| (target.key(), target));
    let estimand = section.get("estimand").and_then(|node| reader.word(node, &section.path("estimand"), &targets));
    let sweep = sweep(reader, &section, kind, node)?;
    let name = name(reader, &section).unwrap_or_else(|| default_name(&sweep));
    Some(FollowUp { name, estimand, sweep })
}

fn name(reader: &mut Reader, section: &Section<'_>) -> Option<String> {
    let node = section.get("name")?;
    let name = reader.text_of(node, &section.path("name"))?;
    if !is_name(&name) {
        let message = format!("`{}` cannot be the name of a follow-up", shown(&name));
        let hint = format!("Small letters, digits, `-` and `_`, at most {LONGEST_NAME}: it names files.");
        reader.problem(Some(node.place), &section.path("name"), message, hint);
    }
    Some(name)
}

fn sweep(reader: &mut Reader, section: &Section<'_>, kind: SweepKind, node: &Node) -> Option<Sweep> {
    let learners = LearnerKind::ALL.map(|learner| (learner.key(), learner));
    Some(match kind {
        SweepKind::Trim => Sweep::Trim { levels: levels(reader, section).unwrap_or(TRIM_LEVELS.to_vec()) },
        SweepKind::Learner => {
            let named = reader.words(section, "learners", &learners);
            Sweep::Learner { learners: named.unwrap_or(SWEPT_LEARNERS.to_vec()) }
        }
        SweepKind::Partition | SweepKind::Subgroup => {
            let Some(by) = reader.text(section, "by") else {
                let message = format!("`sweep: {}` does not say by which column", kind.key());
                reader.problem(Some(node.place), &section.path("by"), message, "Name it: `by: date`.");
                return None;
            };
            let periods = Period::ALL.map(|period| (period.key(), period));
            let every = section.get("every").and_then(|it| reader.word(it, &section.path("every"), &periods));
            let grouping = Grouping { by, every, cuts: ascending(reader, section, "cuts").unwrap_or_default() };
            if kind == SweepKind::Partition { Sweep::Partition(grouping) } else { Sweep::Subgroup(grouping) }
        }
        SweepKind::Outcomes => {
            let columns = reader.texts(section, "columns");
            if columns.is_empty() {
                let message = "`sweep: outcomes` does not say which columns".to_owned();
                reader.problem(Some(node.place), &section.path("columns"), message, "Name them: `columns: [b, c]`.");
                return None;
            }
            Sweep::Outcomes { columns }
        }
        SweepKind::Spec => {
            let estimators: Vec<(&str, EstimatorKind)> =
                EstimatorKind::ALL.into_iter().filter(|it| !it.is_benchmark()).map(|it| (it.key(), it)).collect();
            let forms = OutcomeForm::ALL.map(|form| (form.key(), form));
            let forks = Forks {
                covariates: covariates(reader, section),
                optional: reader.texts(section, "optional"),
                trim: levels(reader, section).unwrap_or_default(),
                estimators: reader.words(section, "estimators", &estimators).unwrap_or_default(),
                learners: reader.words(section, "learners", &learners).unwrap_or_default(),
                outcome: reader.words(section, "outcome", &forms).unwrap_or_default(),
            };
            if forks == Forks::default() {
                let message = "`sweep: spec` declares no fork".to_owned();
                let hint = format!("Declare at least one of {}.", listed(kind.keys().iter().copied()));
                reader.problem(Some(node.place), &section.path("sweep"), message, hint);
            }
            Sweep::Spec(forks)
        }
    })
}

/// Named sets of confounders and terms.
fn covariates(reader: &mut Reader, section: &Section<'_>) -> BTreeMap<String, Vec<String>> {
    let (sets, _) = reader.section(section, "covariates");
    let names: Vec<String> = sets.entries().map(|entry| entry.key.clone()).collect();
    names.into_iter().map(|name| (name.clone(), reader.texts(&sets, &name))).collect()
}

/// Thresholds of trimming.
fn levels(reader: &mut Reader, section: &Section<'_>) -> Option<Vec<f64>> {
    let levels = ascending(reader, section, "trim")?;
    let path = section.path("trim");
    let place = section.get("trim").map(|node| node.place);
    if levels.len() > MOST_LEVELS || levels.iter().any(|alpha| !(0.0..0.5).contains(alpha)) {
        let message = format!("`{path}` is a list of at most {MOST_LEVELS} numbers from 0 to below 0.5");
        reader.problem(place, &path, message, "0.1 keeps the units with a chance of treatment from 0.1 to 0.9.");
    }
    Some(levels)
}

/// A list of numbers, the smaller first, each once.
fn ascending(reader: &mut Reader, section: &Section<'_>, key: &str) -> Option<Vec<f64>> {
    let node = section.get(key)?;
    let path = section.path(key);
    let number = |item: &Node| match &item.kind {
        Kind::Scalar { text, .. } => text.trim().parse::<f64>().ok().filter(|value| value.is_finite()),
        _ => None,
    };
    let read: Option<Vec<f64>> = reader.list(section, key).into_iter().map(|(_, item)| number(item)).collect();
    let sorted = |values: &Vec<f64>| !values.is_empty() && values.windows(2).all(|pair| pair.first() < pair.last());
    let found = read.filter(sorted);
    if found.is_none() && !reader.complained_of(&path) {
        let message = format!("`{path}` is a list of numbers, the smaller first, each once");
        reader.problem(Some(node.place), &path, message, format!("Write `{key}: [0.05, 0.1]`, in that order."));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_reads_back_as_itself() {
        for text in [
            "sweep: trim",
            "{sweep: trim, trim: [0, 0.05], estimand: att, name: mine}",
            "{sweep: partition, by: date, every: month}",
            "{sweep: subgroup, by: \"a: \\\"b\\\" #c\", cuts: [1.5, 2, 30]}",
            "{sweep: learner, learners: [ridge, linear]}",
            "{sweep: outcomes, columns: [b, \"c: d\"]}",
            "{sweep: spec, covariates: {all: [a, b^2], \"no: x\": [\"c == d\"]}, optional: [a], trim: [0, 0.1], \
             estimators: [aipw, ipw_hajek], learners: [linear], outcome: [as_it_is, ranks]}",
        ] {
            let read = parse_request(text.as_bytes()).unwrap_or_else(|problems| panic!("{text}: {problems:?}"));
            let again =
                parse_request(read.to_yaml().as_bytes()).unwrap_or_else(|it| panic!("{}: {it:?}", read.to_yaml()));
            assert_eq!(read, again, "{}", read.to_yaml());
            assert_eq!(read.to_yaml(), again.to_yaml());
        }
    }

    #[test]
    fn what_cannot_be_meant_is_told() {
        for (text, word) in [
            ("sweep: trims", "Did you mean `trim`"),
            ("{by: date}", "which `sweep`"),
            ("{sweep: trim, by: date}", "says nothing"),
            ("{sweep: trim, trim: [0.5]}", "below 0.5"),
            ("{sweep: trim, trim: [0.1, 0.1]}", "the smaller first"),
            ("{sweep: trim, trim: [no]}", "list of numbers"),
            ("{sweep: partition}", "by which column"),
            ("{sweep: partition, by: date, every: fortnight}", "does not know"),
            ("{sweep: spec}", "declares no fork"),
            ("{sweep: outcomes}", "which columns"),
            ("{sweep: outcomes, columns: [b], by: c}", "says nothing"),
            ("{sweep: spec, estimators: [naive]}", "does not know"),
            ("{sweep: trim, name: ../x}", "cannot be the name"),
            ("{sweep: trim, levels: [1]}", "levels"),
            ("[a]", "a list"),
        ] {
            let problems = parse_request(text.as_bytes()).expect_err(text);
            let told: Vec<String> = problems.iter().map(|it| format!("{} {}", it.message, it.hint)).collect();
            assert!(told.iter().any(|told| told.contains(word)), "{text}: {told:?}");
        }
    }

    #[test]
    fn a_column_of_any_name_makes_the_name_of_a_file() {
        let by = |by: &str| Grouping { by: by.to_owned(), every: None, cuts: Vec::new() };
        for (column, name) in [("date", "partition-date"), ("../é x", "partition-_____x"), ("", "partition-")] {
            assert_eq!(FollowUp::new(Sweep::Partition(by(column))).name, name);
            assert!(is_name(name));
        }
    }
}
