//! Which rows are analysed: those that the filter keeps, without those that a missing value drops or that weigh nothing.

use super::Table;
use super::analyse::Request;
use super::column::Column;
use super::evaluate::Match;
use super::roles::Roles;
use crate::plan::MissingPolicy;
use crate::schema::OutcomeMissing;
use crate::text::numbers::count;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Which rows of the file are analysed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Rows {
    pub(super) n: usize,
    /// The rows kept, if some were dropped.
    pub(super) kept: Option<Vec<usize>>,
    /// Places in the files of the rows of the table, if a filter left some out.
    pub(super) places: Option<Arc<Vec<usize>>>,
}

impl Rows {
    /// 1-based row of the data (the header not counted), for messages.
    pub(super) fn number(&self, row: usize) -> String {
        count(1 + self.place(row))
    }

    /// Place of a row in the files, from 0.
    pub(super) fn place(&self, row: usize) -> usize {
        let in_table = self.kept.as_ref().and_then(|kept| kept.get(row).copied()).unwrap_or(row);
        self.place_of_table(in_table)
    }

    /// Place in the files of a row of the table.
    pub(super) fn place_of_table(&self, in_table: usize) -> usize {
        self.places.as_ref().and_then(|places| places.get(in_table).copied()).unwrap_or(in_table)
    }
}

/// Units without an outcome, by arm; `None` if there are none.
pub(super) fn outcome_missing(
    table: &Table,
    columns: &BTreeMap<String, Arc<Column>>,
    request: &Request,
) -> Option<OutcomeMissing> {
    let (outcome, _) = request.outcome.as_ref()?;
    let (outcome, treatment) = (columns.get(outcome)?, columns.get(&request.treatment)?);
    if outcome.missing() == 0 {
        return None;
    }
    let treated = Match::new(treatment, &request.contrast.treated)?;
    let control = Match::new(treatment, &request.contrast.control)?;
    let mut found = OutcomeMissing { treated: 0, treated_lost: 0, control: 0, control_lost: 0 };
    for row in 0..table.rows() {
        let (all, lost) = match (treated.at(row), control.at(row)) {
            (true, _) => (&mut found.treated, &mut found.treated_lost),
            (_, true) => (&mut found.control, &mut found.control_lost),
            _ => continue,
        };
        *all += 1;
        *lost += usize::from(outcome.is_missing(row));
    }
    Some(found)
}

/// What decides which gaps drop a row.
#[derive(Clone, Copy)]
pub(super) struct Gaps<'a> {
    pub(super) roles: &'a Roles,
    pub(super) request: &'a Request,
}

/// Listwise deletion over the columns of the analysis whose gaps are dropped. A gap in a placebo drops nobody: a diagnostic
/// must not decide who is analysed.
pub(super) fn kept_rows(
    table: &Table,
    columns: &BTreeMap<String, Arc<Column>>,
    gaps: Gaps<'_>,
    weightless: &BTreeSet<usize>,
) -> Rows {
    let places = table.places().cloned();
    let all = Rows { n: table.rows(), kept: None, places: places.clone() };
    let counts = |c: &&Arc<Column>| {
        gaps.request.policy(&c.name) == MissingPolicy::Drop && c.missing() > 0 && !gaps.roles.is_only_placebo(&c.name)
    };
    let with_missing: Vec<&Arc<Column>> = columns.values().filter(counts).collect();
    if with_missing.is_empty() && weightless.is_empty() {
        return all;
    }
    let complete = |row: &usize| !weightless.contains(row) && with_missing.iter().all(|c| !c.is_missing(*row));
    let kept: Vec<usize> = (0..all.n).filter(complete).collect();
    Rows { n: kept.len(), kept: Some(kept), places }
}
