//! Looks for structural faults of the covariates: in a plan that is checked or run, and in a file that a plan is written
//! for. It reads the outcome to see whether a covariate is the outcome; the effect it cannot see.

use super::prepare::Prepared;
use crate::dataset::{Analysed, ColumnValues, Request, Table};
use crate::plan::MissingPolicy;
use crate::record::structure::{Condition, DeterminedBy, OneArmPlace, Place, PocketPlace, StructureDocument};
use crate::schema::{ColumnInfo, ColumnKind};
use crate::term::Term;
use causal::arm::Arm;
use causal::contrast::Contrast;
use causal::diagnose::structure::determined;
use causal::diagnose::structure::one_arm::{self, Candidates, OneArm, Region, Values};
use causal::diagnose::structure::pocket::{self, Pocket};
use causal::estimand::OutcomeKind;
use std::collections::{BTreeMap, BTreeSet};

/// Rows looked at first; what is found among them is counted again among all.
const LOOKED_AT: usize = 100_000;

/// The faults of the covariates of a plan.
#[must_use]
pub(super) fn of_plan(prepared: &Prepared) -> StructureDocument {
    let mut document = faults(prepared.analysed(), &confounders(prepared));
    // One that is the outcome makes all of them so.
    if document.determined.is_empty() {
        document.determined_by_all = by_all(prepared.analysed(), terms(prepared));
    }
    document
}

/// The subgroups by confounders of a plan in which one arm is all but missing.
#[must_use]
pub(super) fn pockets_of_plan(prepared: &Prepared) -> Vec<PocketPlace> {
    let analysed = prepared.analysed();
    let (treatment, read) = (analysed.treatment(), read(analysed, &confounders(prepared)));
    let rows = looked_at(treatment.len());
    let arms: Vec<Arm> = rows.iter().filter_map(|i| treatment.get(*i).copied()).collect();
    let part: Vec<ColumnValues<'_>> = read.iter().map(|(_, read)| read.rows(&rows)).collect();
    let columns: Vec<Values<'_>> = part.iter().map(values).collect();
    let whole: Vec<Values<'_>> = read.iter().map(|(_, read)| values(read)).collect();
    let found = pocket::pockets(&columns, &arms);
    let counted = found.iter().filter_map(|found| pocket::recount(&whole, treatment, found));
    counted.map(|pocket| pocket_place(&read, &pocket, treatment)).collect()
}

fn pocket_place(read: &[(&str, ColumnValues<'_>)], pocket: &Pocket, treatment: &[Arm]) -> PocketPlace {
    let condition = |condition: &pocket::Condition| {
        let (column, values) = read.get(condition.column)?;
        Some(Condition { column: (*column).to_owned(), place: place(values, condition.region) })
    };
    PocketPlace {
        conditions: pocket.conditions.iter().filter_map(condition).collect(),
        arm: pocket.arm,
        units: pocket.units,
        others: pocket.others,
        share_of_rows: pocket.units as f64 / treatment.len() as f64,
        share_of_arm: (pocket.units - pocket.others) as f64 / size(treatment, pocket.arm),
    }
}

fn size(treatment: &[Arm], wanted: Arm) -> f64 {
    treatment.iter().filter(|arm| **arm == wanted).count() as f64
}

fn terms(prepared: &Prepared) -> &[Term] {
    prepared.draft.analyses.first().map_or(&[][..], |analysis| &analysis.terms)
}

/// Every column that is adjusted for.
fn confounders(prepared: &Prepared) -> BTreeSet<&str> {
    let groups = prepared.draft.confounders.iter().map(|group| group.confounder.as_str());
    groups.chain(terms(prepared).iter().flat_map(Term::columns)).collect()
}

/// The columns that can be read.
fn read<'a>(analysed: &'a Analysed, columns: &BTreeSet<&'a str>) -> Vec<(&'a str, ColumnValues<'a>)> {
    columns.iter().filter_map(|name| Some((*name, analysed.values(name)?))).collect()
}

/// The rows that are looked at first, of n.
fn looked_at(n: usize) -> Vec<usize> {
    (0..n).step_by(n.div_ceil(LOOKED_AT).max(1)).collect()
}

/// The faults of every column of a file that could be a confounder. What cannot be read is passed over: the plan has not been
/// written yet.
#[must_use]
pub fn of_file(
    table: &Table,
    contrast: Contrast,
    treatment: &str,
    outcome: (&str, Option<String>),
) -> StructureDocument {
    let (outcome, event) = outcome;
    let kind = if event.is_some() { OutcomeKind::Binary } else { OutcomeKind::Continuous };
    let candidates = |info: &&ColumnInfo| info.name != treatment && info.name != outcome;
    let columns = table.document().columns;
    let terms = columns.iter().filter(candidates).filter_map(|info| match info.kind {
        ColumnKind::Number | ColumnKind::Boolean => Some(Term::column(&info.name)),
        ColumnKind::Category => info.levels.first().map(|level| Term::level(&info.name, level)),
        _ => None,
    });
    let request = Request {
        treatment: treatment.to_owned(),
        contrast,
        outcome: Some((outcome.to_owned(), kind)),
        event,
        weights: None,
        unit_id: None,
        clusters: None,
        known_propensity: None,
        share: None,
        terms: terms.collect(),
        groups: Vec::new(),
        placebos: Vec::new(),
        missing: MissingPolicy::Indicator,
        missing_for: BTreeMap::new(),
    };
    let names: BTreeSet<&str> = columns.iter().filter(candidates).map(|info| info.name.as_str()).collect();
    match table.analyse(&request) {
        Ok(analysed) => faults(&analysed, &names),
        Err(_) => column_by_column(table, &request),
    }
}

/// Each column on the rows where it, treatment and outcome have values, where all of them together cannot be looked at.
fn column_by_column(table: &Table, request: &Request) -> StructureDocument {
    let mut found = StructureDocument::default();
    for term in &request.terms {
        let one = Request { terms: vec![term.clone()], missing: MissingPolicy::Drop, ..request.clone() };
        let Ok(analysed) = table.analyse(&one) else { continue };
        let own = faults(&analysed, &term.columns().into_iter().collect());
        found.one_arm.extend(own.one_arm);
        found.determined.extend(own.determined);
    }
    found
}

fn faults(analysed: &Analysed, columns: &BTreeSet<&str>) -> StructureDocument {
    let read = read(analysed, columns);
    let determined = analysed.outcome().map(|y| determined_by(&read, &y.to_vec())).unwrap_or_default();
    StructureDocument { one_arm: one_arm_places(&read, analysed.treatment()), determined, determined_by_all: None }
}

fn by_all(analysed: &Analysed, terms: &[Term]) -> Option<f64> {
    // The matrix of all rows would be larger than the data.
    let rows = determined::looked_at(analysed.n());
    let x = analysed.terms_at(terms, &rows)?;
    let y = analysed.outcome()?;
    let y: Vec<f64> = rows.iter().filter_map(|row| y.get(*row).copied()).collect();
    determined::by_all(&x, &y).filter(|r_squared| *r_squared >= determined::ALL_COLUMNS)
}

fn values<'a>(read: &'a ColumnValues<'_>) -> Values<'a> {
    match read {
        ColumnValues::Numbers(x) => Values::Numbers(x),
        ColumnValues::Codes { codes, levels } => Values::Codes { codes, levels: levels.len() },
    }
}

fn determined_by(read: &[(&str, ColumnValues<'_>)], y: &[f64]) -> Vec<DeterminedBy> {
    let one = |(column, read): &(&str, ColumnValues<'_>)| {
        let found = determined::by_column(values(read), y)?;
        Some(DeterminedBy { column: (*column).to_owned(), relation: found.relation, r_squared: found.r_squared })
    };
    read.iter().filter_map(one).collect()
}

fn one_arm_places(read: &[(&str, ColumnValues<'_>)], treatment: &[Arm]) -> Vec<OneArmPlace> {
    let rows = looked_at(treatment.len());
    let arms: Vec<Arm> = rows.iter().filter_map(|i| treatment.get(*i).copied()).collect();
    let looked_at: Vec<ColumnValues<'_>> = read.iter().map(|(_, read)| read.rows(&rows)).collect();
    let candidates: Vec<Candidates> = looked_at.iter().map(|read| one_arm::candidates(values(read), &arms)).collect();
    let level = one_arm::level(&candidates, &arms);
    let mut places = Vec::new();
    for (((column, whole), part), candidates) in read.iter().zip(&looked_at).zip(&candidates) {
        let found = one_arm::one_arm(values(part), &arms, candidates, level);
        let whole_values = values(whole);
        let counted = found.iter().filter_map(|one| one_arm::recount(whole_values, treatment, one, level));
        places.extend(counted.map(|one| one_arm_place(column, whole, &one, treatment)));
    }
    places
}

/// A region in the words of the data.
fn place(read: &ColumnValues<'_>, region: Region) -> Place {
    let level = |index: usize| match read {
        ColumnValues::Codes { levels, .. } => levels.get(index).cloned().unwrap_or_default(),
        ColumnValues::Numbers(_) => String::new(),
    };
    match region {
        Region::Level(index) => Place::Level(level(index)),
        Region::NotLevel(index) => Place::NotLevel(level(index)),
        Region::Missing => Place::Missing,
        Region::Value(value) => Place::Value(value),
        Region::NotValue(value) => Place::NotValue(value),
        Region::AtLeast(value) => Place::AtLeast(value),
        Region::AtMost(value) => Place::AtMost(value),
    }
}

fn one_arm_place(column: &str, read: &ColumnValues<'_>, one: &OneArm, treatment: &[Arm]) -> OneArmPlace {
    OneArmPlace {
        column: column.to_owned(),
        place: place(read, one.region),
        arm: one.arm,
        units: one.units,
        others: one.others,
        share_of_rows: one.units as f64 / treatment.len() as f64,
        share_of_arm: (one.units - one.others) as f64 / size(treatment, one.arm),
    }
}
