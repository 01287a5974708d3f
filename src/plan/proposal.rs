//! From what the columns of a file show to the plan that `init` proposes. Whatever is guessed is said to be a guess, and what
//! is left out has its reason.

use super::levels::most_levels;
use super::names;
use super::{ColumnOverride, ColumnType, Merge, MissingPolicy};
use crate::schema::{ColumnFacts, ColumnInfo, ColumnKind, DatasetDocument, FileOrder, SuspicionKind};
use crate::text::numbers::count;
use std::collections::BTreeMap;

/// Columns with no more distinct whole numbers than this may well be codes.
const FEW_CODES: usize = 10;
/// Rows from which on an order, or that no two values are equal, is no accident.
const ENOUGH_ROWS: usize = 10;
/// Units from which on clusters are proposed.
const ENOUGH_UNITS: usize = 10;
/// The largest share of rows that `missing: drop` is proposed for where the values could be filled in instead.
const MOST_DROPPED: f64 = 0.2;

/// The two values of a treatment or an outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TwoValues {
    /// The one that is counted: treated, or the event.
    pub yes: String,
    /// The other.
    pub no: String,
    /// The values say themselves which is which.
    pub certain: bool,
    /// Distinct values in all.
    pub of: usize,
}

/// A statement about how to read a column, with its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposedOverride {
    /// The column.
    pub column: String,
    /// The statement.
    pub said: ColumnOverride,
    /// Why, in a few words.
    pub because: String,
}

/// The kind of reason for which a column is not proposed as a confounder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhyLeftOut {
    /// It says nothing, or nothing of its own: no name, no value, one value, a copy.
    Empty,
    /// It names rows or units.
    Identifier,
    /// It names units with several rows each.
    Cluster,
    /// A structural fault: it determines the outcome.
    Fault,
    /// Some of its values are seen in one arm only, so that no comparison is left: what it is, that does not say.
    OneArm,
    /// It is a date.
    Date,
    /// It cannot be used as it is.
    Unusable,
    /// By its name it was measured after treatment.
    After,
    /// So many values are missing that rows would be lost.
    Sparse,
}

/// What a plan for a file would say.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Proposal {
    /// How to read columns.
    pub overrides: Vec<ProposedOverride>,
    /// The two values of the treatment, if it has values that can be listed.
    pub treatment: Option<TwoValues>,
    /// The outcome has two values, and the event is one of them.
    pub event: Option<TwoValues>,
    /// The outcome is 0 and 1, or false and true.
    pub binary: bool,
    /// Columns proposed as confounders, with a remark.
    pub confounders: Vec<(String, String)>,
    /// Columns left out, with the reason.
    pub left_out: Vec<(String, String)>,
    /// The kind of that reason.
    pub why: BTreeMap<String, WhyLeftOut>,
    /// A column that names units with several rows, and how many on average.
    pub clusters: Option<(String, usize)>,
    /// A column that names each unit.
    pub unit_id: Option<String>,
    /// Confounders that are, by their names, the outcome at an earlier time.
    pub earlier_outcomes: Vec<String>,
}

/// How to read columns that cannot be used as they are, or whose values are suspect: known before anything else is proposed.
#[must_use]
pub fn proposed_overrides(document: &DatasetDocument, facts: &[ColumnFacts]) -> Vec<ProposedOverride> {
    let mut proposed = Vec::new();
    for found in &document.suspicions {
        let (said, because) = match found.kind {
            SuspicionKind::MissingCode => (
                ColumnOverride { missing_values: Some(found.examples.clone()), ..ColumnOverride::default() },
                format!(
                    "{} values far from all others, read as missing; if they are values, write `[]`",
                    count(found.values)
                ),
            ),
            SuspicionKind::Blanks => {
                (merged(Merge::Blanks), "levels that differ in blanks only are made one".to_owned())
            }
            SuspicionKind::Case => {
                (merged(Merge::Case), "levels that differ in capital letters only are made one".to_owned())
            }
        };
        proposed.push(ProposedOverride { column: found.column.clone(), said, because });
    }
    for fact in facts.iter().filter(|fact| fact.mixed_levels.is_some_and(|levels| levels <= ColumnFacts::MOST_VALUES)) {
        let said = ColumnOverride { kind: Some(ColumnType::Category), ..ColumnOverride::default() };
        let because = format!("it {}", fact.obstacle.clone().unwrap_or_default());
        proposed.push(ProposedOverride { column: fact.name.clone(), said, because });
    }
    proposed
}

fn merged(merge: Merge) -> ColumnOverride {
    ColumnOverride { merge: Some(merge), ..ColumnOverride::default() }
}

/// The input of a proposal.
#[derive(Debug, Clone, Copy)]
pub struct Observed<'a> {
    /// The columns of the file, as the overrides read them.
    pub columns: &'a [ColumnInfo],
    /// What their values show; may be empty.
    pub facts: &'a [ColumnFacts],
    /// Treatment column.
    pub treatment: &'a str,
    /// Outcome column.
    pub outcome: &'a str,
    /// Columns that cannot be confounders, with the reason as a sentence.
    pub faults: &'a BTreeMap<String, String>,
}

impl<'a> Observed<'a> {
    fn column(&self, name: &str) -> Option<&'a ColumnInfo> {
        self.columns.iter().find(|column| column.name == name)
    }

    fn fact(&self, name: &str) -> Option<&'a ColumnFacts> {
        self.facts.iter().find(|fact| fact.name == name)
    }
}

/// The proposal for a file that is read with `overrides`.
#[must_use]
pub fn propose(observed: &Observed<'_>, overrides: Vec<ProposedOverride>) -> Proposal {
    let outcome = two_values(observed, observed.outcome);
    let is_0_and_1 = |two: &TwoValues| matches!((two.no.as_str(), two.yes.as_str()), ("0", "1") | ("false", "true"));
    let boolean = observed.column(observed.outcome).is_some_and(|column| column.kind == ColumnKind::Boolean);
    let outcome = outcome.filter(|two| two.of == 2);
    let binary = boolean || outcome.as_ref().is_some_and(is_0_and_1);
    let mut proposal = Proposal {
        overrides,
        treatment: two_values(observed, observed.treatment),
        event: outcome.filter(|_| !binary),
        binary,
        ..Proposal::default()
    };
    let others = || observed.columns.iter().filter(|c| c.name != observed.treatment && c.name != observed.outcome);
    proposal.clusters = others().find_map(|column| units_with_rows(observed, column));
    proposal.unit_id = others().find(|column| is_unit_id(column, observed.fact(&column.name))).map(|c| c.name.clone());
    for column in others() {
        let clusters = proposal.clusters.as_ref().filter(|(name, _)| *name == column.name);
        let reason = match clusters {
            Some((_, rows)) => {
                let reason = format!("it names units with {rows} rows each on average; see `analysis.clusters`");
                Some((WhyLeftOut::Cluster, reason))
            }
            None => left_out(observed, column),
        };
        match reason {
            Some((why, reason)) => {
                proposal.why.insert(column.name.clone(), why);
                proposal.left_out.push((column.name.clone(), reason));
            }
            None => proposal.confounders.push((column.name.clone(), remark(column, observed.fact(&column.name)))),
        }
    }
    let earlier = proposal.confounders.iter().filter(|(name, _)| names::is_earlier_outcome(name, observed.outcome));
    proposal.earlier_outcomes = earlier.map(|(name, _)| name.clone()).collect();
    proposal
}

/// The policy for missing values under which the plan can be checked: nothing where nothing is missing. `gaps` counts the
/// rows in which one of some columns has no value.
#[must_use]
pub fn proposed_missing(
    observed: &Observed<'_>,
    proposal: &mut Proposal,
    rows: usize,
    gaps: impl Fn(&[&str]) -> usize,
) -> MissingPolicy {
    let missing = |name: &str| observed.column(name).map_or(0, |column| column.missing);
    let mut fixed = vec![observed.treatment, observed.outcome];
    let clusters = proposal.clusters.clone();
    fixed.extend(clusters.iter().map(|(name, _)| name.as_str()));
    let must_drop = fixed.iter().any(|name| missing(name) > 0);
    #[allow(clippy::cast_precision_loss, reason = "rows")]
    let share = |n: usize| n as f64 / rows as f64;
    if must_drop {
        // Rows without an outcome go in any case; a column that is mostly empty must not take the others with it.
        let (kept, sparse): (Vec<_>, Vec<_>) =
            proposal.confounders.drain(..).partition(|(name, _)| share(missing(name)) <= MOST_DROPPED);
        proposal.confounders = kept;
        let reason = |name: &str| {
            let (gaps, all) = (count(missing(name)), count(rows));
            format!("{gaps} of {all} values are missing, and `missing: drop` would take those rows")
        };
        proposal.why.extend(sparse.iter().map(|(name, _)| (name.clone(), WhyLeftOut::Sparse)));
        proposal.left_out.extend(sparse.into_iter().map(|(name, _)| (name.clone(), reason(&name))));
        return MissingPolicy::Drop;
    }
    let names: Vec<&str> = proposal.confounders.iter().map(|(name, _)| name.as_str()).collect();
    match gaps(&names) {
        0 => MissingPolicy::Error,
        n if share(n) <= MOST_DROPPED => MissingPolicy::Drop,
        _ => MissingPolicy::Indicator,
    }
}

/// The two values that are compared, the one that is counted first named; of more than two, 0 and 1 or the most frequent.
fn two_values(observed: &Observed<'_>, name: &str) -> Option<TwoValues> {
    let column = observed.column(name)?;
    let values: Vec<(String, usize)> = match observed.fact(name).map(|fact| &fact.values).filter(|v| !v.is_empty()) {
        Some(values) => values.clone(),
        None => column.levels.iter().map(|level| (level.clone(), 0)).collect(),
    };
    let of = values.len();
    let find = |wanted: &str| values.iter().find(|(value, _)| value == wanted);
    let mut two: Vec<&(String, usize)> = match (find("0"), find("1")) {
        (Some(no), Some(yes)) if of > 2 => vec![no, yes],
        _ => values.iter().collect(),
    };
    // The sort is stable: of equally frequent ones the first in order stay.
    two.sort_by_key(|(_, rows)| std::cmp::Reverse(*rows));
    two.truncate(2);
    let place = |wanted: &str| values.iter().position(|(value, _)| value == wanted);
    two.sort_by_key(|(value, _)| place(value));
    let [(first, _), (second, _)] = two.as_slice() else { return None };
    let (yes, certain) = names::which_is_yes(first, second, name);
    let no = if yes == first { second } else { first };
    Some(TwoValues { yes: yes.to_owned(), no: no.clone(), certain: certain && of == 2, of })
}

/// A column that names units, if they have several rows each.
fn units_with_rows(observed: &Observed<'_>, column: &ColumnInfo) -> Option<(String, usize)> {
    let fact = observed.fact(&column.name)?;
    let names_units = matches!(column.kind, ColumnKind::Category | ColumnKind::Other) || fact.whole;
    let repeated = fact.rows_each >= 2 && fact.present / fact.rows_each.max(1) >= ENOUGH_UNITS;
    let by_name = names::is_unit(&column.name);
    // A category of the confounders is no unit, unless all of its rows were treated alike; and then it is.
    let many = fact.values.is_empty();
    let assigned = fact.shared_by_rows.iter().any(|shared| shared == observed.treatment);
    let by_content = fact.block_of.is_some() || assigned || (many && !fact.shared_by_rows.is_empty());
    (names_units && repeated && column.missing == 0 && (by_name || by_content))
        .then(|| (column.name.clone(), fact.rows_each))
}

fn is_unit_id(column: &ColumnInfo, fact: Option<&ColumnFacts>) -> bool {
    let unique = fact.is_none_or(|fact| fact.all_different && fact.order != FileOrder::Steps);
    names::is_id(&column.name) && !names::is_row_number(&column.name) && unique
}

/// Why a column is not proposed as a confounder.
fn left_out(observed: &Observed<'_>, column: &ColumnInfo) -> Option<(WhyLeftOut, String)> {
    let name = column.name.as_str();
    if name.trim().is_empty() {
        return Some((WhyLeftOut::Empty, "it has no name".to_owned()));
    }
    let fact = observed.fact(name);
    let of = |why: WhyLeftOut| move |reason: String| (why, reason);
    let kind = if column.kind == ColumnKind::Date { WhyLeftOut::Date } else { WhyLeftOut::Unusable };
    fact.and_then(useless)
        .map(of(WhyLeftOut::Empty))
        .or_else(|| identifier(column, fact).map(of(WhyLeftOut::Identifier)))
        .or_else(|| observed.faults.get(name).cloned().map(of(WhyLeftOut::Fault)))
        .or_else(|| by_kind(column, fact).map(of(kind)))
        .or_else(|| fact.and_then(|fact| same_as_another(observed, fact)).map(of(WhyLeftOut::Empty)))
        .or_else(|| {
            names::is_after(name, observed.outcome)
                .then(|| "by its name it was measured after treatment; if it was not, list it".to_owned())
                .map(of(WhyLeftOut::After))
        })
        .or_else(|| {
            let all = observed.columns.iter().map(|column| column.name.as_str());
            names::is_same_wave(name, observed.outcome, all)
                .then(|| "by its name it was measured together with the outcome; if it was not, list it".to_owned())
                .map(of(WhyLeftOut::After))
        })
}

fn useless(fact: &ColumnFacts) -> Option<String> {
    match fact.values.as_slice() {
        _ if fact.present == 0 && fact.obstacle.is_none() => Some("it has no value at all".to_owned()),
        [(only, _)] => Some(format!("one value only: {only}")),
        _ => None,
    }
}

fn identifier(column: &ColumnInfo, fact: Option<&ColumnFacts>) -> Option<String> {
    let Some(fact) = fact else {
        return names::is_id(&column.name).then(|| "it looks like a unit id".to_owned());
    };
    let enough = fact.present >= ENOUGH_ROWS;
    if fact.whole && fact.order == FileOrder::Steps && fact.present >= 4 {
        return Some("a row number: it counts up in the order of the file".to_owned());
    }
    if names::is_row_number(&column.name) && fact.all_different {
        return Some("a row number, by its name".to_owned());
    }
    if fact.all_different && names::is_id(&column.name) {
        return Some("an identifier: it is different in every row".to_owned());
    }
    if !enough || !fact.all_different {
        return None;
    }
    match column.kind {
        ColumnKind::Category => Some("a name or an identifier: its text is different in every row".to_owned()),
        ColumnKind::Number if fact.order == FileOrder::Strict => {
            Some("an identifier, it seems: whole numbers that rise from row to row".to_owned())
        }
        ColumnKind::Number if fact.dense => Some(
            "an identifier, it seems: whole numbers that are different in every row and lie close together".to_owned(),
        ),
        _ => None,
    }
}

fn by_kind(column: &ColumnInfo, fact: Option<&ColumnFacts>) -> Option<String> {
    let levels = column.levels.len();
    let most = most_levels(fact.map_or(0, |fact| fact.present + column.missing));
    match column.kind {
        ColumnKind::Date => Some(format!(
            "a date; `columns: {{{}: number}}` under `data` reads it as days since 1970-01-01",
            super::yaml_text(&column.name)
        )),
        ColumnKind::Category if levels > most => {
            Some(format!("{levels} levels; `rare_levels: {{keep: {most}, into: other}}` under `data` lets it in"))
        }
        ColumnKind::Category | ColumnKind::Boolean if levels < 2 => Some("one value only".to_owned()),
        ColumnKind::Number | ColumnKind::Category | ColumnKind::Boolean => None,
        ColumnKind::Other => Some(match fact.and_then(|fact| fact.obstacle.clone()) {
            Some(obstacle) => format!("it {obstacle}"),
            None => "its type cannot be used as a covariate".to_owned(),
        }),
    }
}

fn same_as_another(observed: &Observed<'_>, fact: &ColumnFacts) -> Option<String> {
    let own = |name: &String| *name == observed.treatment || *name == observed.outcome;
    match (&fact.copy_of, &fact.line_of) {
        (Some(other), _) if own(other) => Some(format!("it has the same values as `{other}`")),
        (Some(other), _) => Some(format!("a copy of `{other}`")),
        (None, Some(other)) => Some(format!("a straight line of `{other}`: it says the same in other units")),
        (None, None) => None,
    }
}

fn remark(column: &ColumnInfo, fact: Option<&ColumnFacts>) -> String {
    let distinct = fact.map_or(0, |fact| fact.values.len());
    match column.kind {
        ColumnKind::Category => format!("category, {} levels", column.levels.len()),
        ColumnKind::Number if (3..=FEW_CODES).contains(&distinct) && fact.is_some_and(|fact| fact.whole) => {
            format!("{distinct} whole numbers; if they are codes, read it as a `category` (`data.columns`)")
        }
        _ => String::new(),
    }
}
