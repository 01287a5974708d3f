//! From a table to the rows of an analysis: roles, missing values, checks.

use super::checks;
use super::column::{Column, Data};
use super::design_columns;
use super::error::DatasetProblem;
use super::evaluate::{Compiled, matrix};
use super::outcome;
use super::roles::{Roles, needed, screen};
use super::rows::{Gaps, Rows, kept_rows, outcome_missing};
use super::units::{LeftOut, UnitColumn};
use super::{Table, terms};
use crate::plan::MissingPolicy;
use crate::schema::{ColumnKind, Counters};
use crate::term::{Factor, Term};
use causal::arm::Arm;
use causal::contrast::Contrast;
use causal::estimand::OutcomeKind;
use causal::sample::{Covariates, Imputed, Sample, SampleError};
use ndarray::{Array1, Array2};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The request of an analysis to a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Treatment column.
    pub treatment: String,
    /// The values that mean treated and control, as text; `1` also matches `1.0` and `true`.
    pub contrast: Contrast,
    /// Outcome column and kind, if the outcome is wanted.
    pub outcome: Option<(String, OutcomeKind)>,
    /// The value of a binary outcome that is the event, as text; `None`: it is 1 and 0.
    pub event: Option<String>,
    /// Observation weights.
    pub weights: Option<String>,
    /// Column that names the unit.
    pub unit_id: Option<String>,
    /// Column that names the cluster of a unit: units of one cluster share their luck.
    pub clusters: Option<String>,
    /// Column of known probabilities of treatment, where treatment was assigned by a known rule.
    pub known_propensity: Option<String>,
    /// The known probability of treatment of every unit, where it was the same for all.
    pub share: Option<f64>,
    /// Every design or balance term that will be asked for.
    pub terms: Vec<Term>,
    /// Placebo outcomes and negative controls.
    pub placebos: Vec<String>,
    /// Columns by which units are divided later. Missing values in them leave nobody out, and a column that is not there is no
    /// problem here.
    pub groups: Vec<String>,
    /// The policy for missing values.
    pub missing: MissingPolicy,
    /// The policy for columns where it is another.
    pub missing_for: BTreeMap<String, MissingPolicy>,
}

impl Request {
    /// What is done about missing values of a column.
    #[must_use]
    pub fn policy(&self, column: &str) -> MissingPolicy {
        self.missing_for.get(column).copied().unwrap_or(self.missing)
    }
}

/// Checked, aligned rows. Terms are evaluated when they are asked for.
#[derive(Debug, Clone)]
pub struct Analysed {
    rows: Rows,
    columns: BTreeMap<String, Arc<Column>>,
    /// Stand-ins for missing numbers (policy `indicator`).
    means: BTreeMap<String, f64>,
    treatment: Vec<Arm>,
    weights: Option<Array1<f64>>,
    clusters: Option<Array1<usize>>,
    known_propensity: Option<Array1<f64>>,
    outcome: Option<Array1<f64>>,
    placebos: BTreeMap<String, Array1<f64>>,
    /// Columns by which units are divided, aligned.
    groups: BTreeMap<String, Arc<Column>>,
    /// The column that names the units.
    unit_id: Option<Arc<Column>>,
    weightless: BTreeSet<usize>,
    counters: Counters,
}

/// The values of a covariate in the analysed rows, as they are in the data.
#[derive(Debug, Clone, PartialEq)]
pub enum ColumnValues<'a> {
    /// Numbers, NaN where missing; a boolean is 0 and 1.
    Numbers(Cow<'a, [f64]>),
    /// Indices into the levels; missing ones are beyond them.
    Codes {
        /// The n indices.
        codes: Cow<'a, [u32]>,
        /// The levels.
        levels: &'a [String],
    },
}

impl ColumnValues<'_> {
    /// The values of some rows.
    #[must_use]
    pub fn rows(&self, rows: &[usize]) -> Self {
        match self {
            Self::Numbers(x) => Self::Numbers(rows.iter().filter_map(|i| x.get(*i).copied()).collect()),
            Self::Codes { codes, levels } => {
                Self::Codes { codes: rows.iter().filter_map(|i| codes.get(*i).copied()).collect(), levels }
            }
        }
    }
}

/// Keeps the value or the problems.
fn keep<T>(outcome: Result<T, Vec<DatasetProblem>>, problems: &mut Vec<DatasetProblem>) -> Option<T> {
    outcome.map_err(|found| problems.extend(found)).ok()
}

pub(super) fn analyse(table: &Table, request: &Request) -> Result<Analysed, Vec<DatasetProblem>> {
    // Twice, since weights are known only once they are checked: the first pass finds the rows of weight zero.
    let everyone = rows_of(table, request, &BTreeSet::new())?;
    let weightless = everyone.weightless();
    if weightless.is_empty() { Ok(everyone) } else { rows_of(table, request, &weightless) }
}

/// The rows of the analysis without those of observation weight zero, whose places in the file are `weightless`.
fn rows_of(table: &Table, request: &Request, weightless: &BTreeSet<usize>) -> Result<Analysed, Vec<DatasetProblem>> {
    let roles = needed(request);
    let mut problems = Vec::new();
    let usable = screen(table, &roles, request, &mut problems);
    let mut counters = Counters {
        rows_read: table.rows_in_files(),
        rows_filtered: table.rows_in_files() - table.rows(),
        ..Counters::default()
    };
    for column in usable.values() {
        counters.missing_by_column.insert(column.name.clone(), column.missing());
        let converted = column.conversions.iter().map(|done| done.values).max().unwrap_or_default();
        if converted > 0 {
            counters.values_converted_by_column.insert(column.name.clone(), converted);
        }
    }
    counters.outcome_missing = outcome_missing(table, &usable, request);
    let rows = kept_rows(table, &usable, Gaps { roles: &roles, request }, weightless);
    counters.rows_analysed = rows.n;
    counters.rows_weight_zero = weightless.len();
    counters.rows_dropped_missing = table.rows() - rows.n - weightless.len();
    // Every later check would complain of the same thing in other words.
    if rows.n == 0 {
        problems.push(DatasetProblem::new(
            "data.missing",
            "every row has a missing value in some column of the analysis, so no row is left",
            "leave out the columns that are mostly missing, or use `missing: indicator`",
        ));
        return Err(problems);
    }
    let columns = aligned(usable, &rows);
    let groups = request.groups.iter().filter_map(|name| Some((name.clone(), Arc::clone(table.column(name)?))));
    let groups = aligned(groups.collect(), &rows);
    let means = means(&columns, &roles, request, &mut counters);
    let get = |name: &String| columns.get(name).map(Arc::as_ref);
    let treatment =
        get(&request.treatment).and_then(|column| keep(checks::treatment(column, request, &rows), &mut problems));
    let outcome = request.outcome.as_ref().and_then(|(name, kind)| {
        let event = request.event.as_deref();
        get(name).and_then(|column| keep(outcome::outcome(column, *kind, event, &rows), &mut problems))
    });
    let weights = request
        .weights
        .as_ref()
        .and_then(get)
        .and_then(|column| keep(checks::weights(column, treatment.as_deref(), &rows), &mut problems));
    if let Some(column) = request.unit_id.as_ref().and_then(get) {
        keep(checks::unique(column, &rows), &mut problems);
    }
    let clusters = request
        .clusters
        .as_ref()
        .and_then(get)
        .and_then(|column| keep(design_columns::clusters(column, &rows), &mut problems));
    let known_propensity = request
        .known_propensity
        .as_ref()
        .and_then(get)
        .and_then(|column| keep(design_columns::known_propensity(column, &rows), &mut problems))
        .or_else(|| request.share.map(|share| Array1::from_elem(rows.n, share)));
    let mut placebos = BTreeMap::new();
    for column in request.placebos.iter().filter_map(get) {
        let values = keep(outcome::numeric(column, &column.name, "placebo outcome"), &mut problems);
        placebos.extend(values.map(|v| (column.name.clone(), v)));
    }
    terms::check(&request.terms, &columns, &means, &rows, &mut problems);
    let Some(treatment) = treatment.filter(|_| problems.is_empty()) else { return Err(problems) };
    let unit_id = request.unit_id.as_ref().and_then(|name| columns.get(name)).cloned();
    let weightless = weightless.clone();
    // Only what terms may still ask for stays in memory.
    let columns = columns.into_iter().filter(|(name, _)| roles.is_covariate(name)).collect();
    Ok(Analysed {
        rows,
        columns,
        means,
        treatment,
        weights,
        clusters,
        known_propensity,
        outcome,
        placebos,
        groups,
        unit_id,
        weightless,
        counters,
    })
}

fn aligned(columns: BTreeMap<String, Arc<Column>>, rows: &Rows) -> BTreeMap<String, Arc<Column>> {
    match &rows.kept {
        None => columns,
        Some(kept) => columns.into_iter().map(|(name, c)| (name, Arc::new(c.select(kept)))).collect(),
    }
}

/// Means of the observed values of the numeric covariates with missing values, unweighted; counts every replacement.
fn means(
    columns: &BTreeMap<String, Arc<Column>>,
    roles: &Roles,
    request: &Request,
    counters: &mut Counters,
) -> BTreeMap<String, f64> {
    let mut means = BTreeMap::new();
    let filled = |name: &str| roles.is_covariate(name) && request.policy(name) == MissingPolicy::Indicator;
    for (name, column) in columns.iter().filter(|(name, _)| filled(name)) {
        let missing = column.missing();
        if missing > 0 {
            counters.values_imputed_by_column.insert(name.clone(), missing);
        }
        if let Data::Numbers(values) = &column.data {
            let (mut sum, mut n) = (0.0, 0.0);
            for value in values.iter().filter(|v| !v.is_nan()) {
                sum += value;
                n += 1.0;
            }
            means.insert(name.clone(), sum / n);
        }
    }
    means
}

impl Analysed {
    /// Places in the file of the rows of observation weight zero: they stand for nobody, and are left out and counted.
    fn weightless(&self) -> BTreeSet<usize> {
        // The first pass may have dropped rows, and the second starts from the file again.
        let place = |row: usize| self.rows.kept.as_ref().and_then(|kept| kept.get(row).copied()).unwrap_or(row);
        let weights = self.weights.iter().flat_map(|weights| weights.iter().enumerate());
        weights.filter(|(_, weight)| **weight == 0.0).map(|(row, _)| place(row)).collect()
    }

    /// Places in the files, from 0, of the n analysed rows.
    #[must_use]
    pub fn places(&self) -> Vec<usize> {
        (0..self.rows.n).map(|row| self.rows.place(row)).collect()
    }

    /// Places in the files, from 0, of the rows that are not analysed, and why.
    #[must_use]
    pub fn left_out(&self) -> Vec<(usize, LeftOut)> {
        // All of them in the order of the file.
        let analysed = self.places();
        let weightless: Vec<usize> = self.weightless.iter().map(|row| self.rows.place_of_table(*row)).collect();
        let is_in = |places: &[usize], place: usize| places.binary_search(&place).is_ok();
        let reason = |place: usize| match &self.rows.places {
            Some(in_table) if !is_in(in_table, place) => LeftOut::Filter,
            _ if is_in(&weightless, place) => LeftOut::WeightZero,
            _ => LeftOut::Missing,
        };
        let left_out = (0..self.counters.rows_read).filter(|place| !is_in(&analysed, *place));
        left_out.map(|place| (place, reason(place))).collect()
    }

    /// The names of the n analysed units; `None` if the request named no column of them.
    #[must_use]
    pub fn unit_ids(&self) -> Option<UnitColumn> {
        let column = self.unit_id.as_ref()?;
        let some = |x: &f64| Some(*x).filter(|x| !x.is_nan());
        Some(match &column.data {
            // Joined on, an identifier should be of the type that the file has.
            Data::Numbers(values) if values.iter().all(|x| x.is_nan() || x.fract() == 0.0) => {
                #[allow(clippy::cast_possible_truncation, reason = "a whole number of at most 2^53")]
                let whole = |x: &f64| some(x).map(|x| x as i64);
                UnitColumn::Whole(values.iter().map(whole).collect())
            }
            Data::Numbers(values) => UnitColumn::Numbers(values.iter().map(some).collect()),
            _ => UnitColumn::Texts((0..self.n()).map(|row| column.whole_text(row)).collect()),
        })
    }

    /// The n observation weights; `None` without.
    #[must_use]
    pub fn weights(&self) -> Option<&Array1<f64>> {
        self.weights.as_ref()
    }

    /// Number of analysed rows.
    #[must_use]
    pub fn n(&self) -> usize {
        self.rows.n
    }

    /// Counts of what was done to rows and values.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The n outcomes; `None` if the request named no outcome.
    #[must_use]
    pub fn outcome(&self) -> Option<&Array1<f64>> {
        self.outcome.as_ref()
    }

    /// The n values of a requested placebo outcome or negative control.
    #[must_use]
    pub fn placebo(&self, column: &str) -> Option<&Array1<f64>> {
        self.placebos.get(column)
    }

    /// The distinct values of a covariate among the n rows with their counts, most frequent first, missing ones left out;
    /// `None` if the column is not a covariate, as treatment and outcome are not.
    #[must_use]
    pub fn tally(&self, column: &str) -> Option<Vec<(String, usize)>> {
        Some(self.columns.get(column)?.tally())
    }

    /// The n values of a covariate; `None` if the column is not one, as treatment and outcome are not.
    #[must_use]
    pub fn values(&self, column: &str) -> Option<ColumnValues<'_>> {
        match &self.columns.get(column)?.data {
            Data::Numbers(x) => Some(ColumnValues::Numbers(Cow::Borrowed(x))),
            Data::Codes { codes, levels } => Some(ColumnValues::Codes { codes: Cow::Borrowed(codes), levels }),
            Data::Opaque { .. } => None,
        }
    }

    /// The kind and the n values of a column by which units are divided; `None` if the request did not name it, or the data do not
    /// have it. Dates are days since 1970-01-01; values of a type that no analysis uses are no numbers.
    #[must_use]
    pub fn group(&self, column: &str) -> Option<(ColumnKind, ColumnValues<'_>)> {
        let column = self.groups.get(column)?;
        let values = match &column.data {
            Data::Numbers(x) => ColumnValues::Numbers(Cow::Borrowed(x)),
            Data::Codes { codes, levels } => ColumnValues::Codes { codes: Cow::Borrowed(codes), levels },
            Data::Opaque { .. } => ColumnValues::Numbers(Cow::Borrowed(&[])),
        };
        Some((column.kind, values))
    }

    /// The cluster of each of the n rows, numbered from 0 in the order of their first rows; `None` without clusters.
    #[must_use]
    pub fn clusters(&self) -> Option<&Array1<usize>> {
        self.clusters.as_ref()
    }

    /// The n known probabilities of treatment, each strictly between 0 and 1; `None` if they are not known.
    #[must_use]
    pub fn known_propensity(&self) -> Option<&Array1<f64>> {
        self.known_propensity.as_ref()
    }

    /// The arm of each of the n rows.
    #[must_use]
    pub fn treatment(&self) -> &[Arm] {
        &self.treatment
    }

    /// Evaluates the terms: n × p, named by their text, with treatment and weights. No outcome.
    ///
    /// # Errors
    /// Terms that need columns outside the request or values that never occur, values that are not finite, p >= n.
    pub fn covariates(&self, terms: &[Term]) -> Result<Covariates, Vec<DatasetProblem>> {
        terms::fewer_than_rows(terms.len(), self.n()).map_err(|p| vec![p])?;
        let find = |name: &str| terms::find(&self.columns, &self.means, name);
        let mut compiled = Vec::with_capacity(terms.len());
        let mut problems = Vec::new();
        for term in terms {
            match Compiled::new(term, find) {
                Ok(term) => compiled.push(term),
                Err(problem) => problems.push(problem),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let names = terms.iter().map(ToString::to_string).collect();
        let covariates =
            Covariates::from_arms(matrix(&compiled, self.n()), names, self.treatment.clone(), self.weights.clone())
                .map_err(unfit)?;
        let covariates = covariates.with_imputed(self.imputed(terms)).map_err(unfit)?;
        match &self.clusters {
            None => Ok(covariates),
            Some(clusters) => covariates.with_clusters(clusters.clone()).map_err(unfit),
        }
    }

    /// The values of terms in some of the n rows: one row of the matrix for each; `None` for terms that cannot be evaluated.
    #[must_use]
    pub fn terms_at(&self, terms: &[Term], rows: &[usize]) -> Option<Array2<f64>> {
        let find = |name: &str| terms::find(&self.columns, &self.means, name);
        let compiled: Vec<Compiled<'_>> =
            terms.iter().map(|term| Compiled::new(term, find).ok()).collect::<Option<_>>()?;
        Some(Array2::from_shape_fn((rows.len(), compiled.len()), |(i, j)| compiled[j].at(rows[i])))
    }

    /// Which cells of the terms that are a column as it is were missing, so that they can be filled again in each fold.
    /// Squares and products of such a column keep what it was filled with.
    fn imputed(&self, terms: &[Term]) -> Vec<Imputed> {
        let cells = |(column, term): (usize, &Term)| {
            let [Factor::Power { column: name, exponent: 1 }] = term.factors.as_slice() else { return None };
            let Data::Numbers(values) = &self.columns.get(name).filter(|_| self.means.contains_key(name))?.data else {
                return None;
            };
            let filled: Array1<bool> = values.iter().map(|v| v.is_nan()).collect();
            filled.iter().any(|filled| *filled).then_some(Imputed { column, filled })
        };
        terms.iter().enumerate().filter_map(cells).collect()
    }

    /// [`Analysed::covariates`] with the outcome.
    ///
    /// # Errors
    /// As there; also if the request named no outcome.
    pub fn sample(&self, terms: &[Term]) -> Result<Sample, Vec<DatasetProblem>> {
        let Some(y) = &self.outcome else {
            return Err(vec![DatasetProblem::new(
                "outcome.column",
                "no outcome was asked for",
                "name the outcome in the request",
            )]);
        };
        Sample::new(self.covariates(terms)?, y.clone()).map_err(unfit)
    }
}

fn unfit(error: SampleError) -> Vec<DatasetProblem> {
    let path = match &error {
        SampleError::NotFinite { name, .. } => name.clone(),
        SampleError::NegativeWeight { .. } => "data.weights".into(),
        _ => "treatment.column".into(),
    };
    vec![DatasetProblem::new(&path, error.to_string(), "correct the values in the data, or leave the term out")]
}
