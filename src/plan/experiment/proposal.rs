//! From what the columns of a file show to the plan of an experiment that `init` proposes. Whatever is guessed is said to be a
//! guess. No metric is compared between arms: what is proposed must not depend on what came out.

use crate::plan::names;
use crate::schema::{ColumnFacts, ColumnInfo, ColumnKind};
use crate::term::Term;
use crate::text::dates;
use std::collections::BTreeSet;

/// The most levels of a category that is proposed as a covariate.
const MOST_LEVELS: usize = 20;
/// The most covariates that are proposed.
const MOST_COVARIATES: usize = 30;
/// The most metrics from the table of assignments, and from one file of events.
const MOST_METRICS: usize = 4;
/// Groups from which on clusters are proposed.
const ENOUGH_GROUPS: usize = 10;
/// The longest window that is proposed, days.
const LONGEST_WINDOW: f64 = 28.0;

/// A file with rows of units, such as orders.
#[derive(Debug, Clone, Copy)]
pub struct ObservedEvents<'a> {
    /// The file, relative to where the plan will be.
    pub source: &'a str,
    /// Its columns.
    pub columns: &'a [ColumnInfo],
    /// What their values show.
    pub facts: &'a [ColumnFacts],
}

/// What a table of assignments shows.
#[derive(Debug, Clone, Copy)]
pub struct ObservedExperiment<'a> {
    /// Its columns.
    pub columns: &'a [ColumnInfo],
    /// What their values show.
    pub facts: &'a [ColumnFacts],
    /// The column of the arms.
    pub assignment: &'a str,
    /// Columns of 0 and 1 that are 0 in every row of the control arm, and not everywhere.
    pub not_in_control: &'a [String],
    /// The column that names units, where somebody said so.
    pub unit: Option<&'a str>,
    /// The columns that are metrics, where somebody said so.
    pub metrics: &'a [String],
    /// Files with rows of the units.
    pub events: &'a [ObservedEvents<'a>],
}

/// A metric.
#[derive(Debug, Clone, PartialEq)]
pub struct ProposedMetric {
    /// Its name.
    pub name: String,
    /// The file that it is computed from; absent for the table of assignments.
    pub source: Option<String>,
    /// The measure.
    pub expression: String,
    /// The column with the time of a row.
    pub time: Option<String>,
    /// The days from the assignment that count.
    pub window: Option<f64>,
    /// The days that its file reaches back before the first assignment, at most the window; absent where it does not.
    pub reaches_back: Option<f64>,
    /// True if nothing says that it is one.
    pub guess: bool,
}

/// What the plan of an experiment would say.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ExperimentProposal {
    /// The column that names units.
    pub unit_id: Option<String>,
    /// The column by which rows depend on each other: groups that got one arm together, or units with several rows.
    pub cluster: Option<String>,
    /// The column with the time of assignment.
    pub assigned_at: Option<String>,
    /// The column with the time of the first exposure.
    pub exposed_at: Option<String>,
    /// The column of what units took up.
    pub treated: Option<String>,
    /// The metrics; at least one where the file has a column of numbers.
    pub metrics: Vec<ProposedMetric>,
    /// How far back metrics before the start look, where a file does not reach back as far as their windows.
    pub pre_period: Option<f64>,
    /// The covariates.
    pub covariates: Vec<String>,
    /// Columns without a part, with the reason.
    pub left_out: Vec<(String, String)>,
}

/// The arm that the others are compared with, and whether its name says so.
#[must_use]
pub fn proposed_control(arms: &[String]) -> Option<(String, bool)> {
    let says_no: Vec<&String> = arms.iter().filter(|arm| names::says(arm) == Some(false)).collect();
    match says_no.as_slice() {
        [only] => Some(((*only).clone(), true)),
        _ => {
            let zero = arms.iter().find(|arm| *arm == "0");
            zero.map(|zero| (zero.clone(), true)).or_else(|| arms.first().map(|first| (first.clone(), false)))
        }
    }
}

/// The proposal for a table.
#[must_use]
pub fn propose_experiment(observed: &ObservedExperiment<'_>) -> ExperimentProposal {
    let mut made = ExperimentProposal::default();
    let mut taken: BTreeSet<&str> = BTreeSet::from([observed.assignment]);
    let unit = observed.unit.or_else(|| unit_of(observed, &taken));
    taken.extend(unit);
    let repeats = unit.and_then(|unit| observed.fact(unit)).is_some_and(|fact| !fact.all_different);
    let group = if repeats { unit } else { group_of(observed, &taken) };
    taken.extend(group);
    let times: Vec<&ColumnInfo> = observed.others(&taken).filter(|column| is_time(column)).collect();
    let exposed = times.iter().find(|column| names::is_exposure(&column.name));
    let assigned = times.iter().find(|column| column.missing == 0 && names::is_assignment_time(&column.name));
    made.left_out.extend(
        times
            .iter()
            .filter(|column| ![assigned, exposed].contains(&Some(column)))
            .map(|column| (column.name.clone(), "a time".to_owned())),
    );
    taken.extend(times.iter().map(|column| column.name.as_str()));
    let named = |column: &&ColumnInfo| observed.metrics.contains(&column.name);
    let treated = observed
        .others(&taken)
        .filter(|column| !named(column) && !observed.is_measured_after(&column.name))
        .find(|column| observed.not_in_control.contains(&column.name));
    taken.extend(treated.map(|column| column.name.as_str()));
    made.unit_id = unit.map(str::to_owned);
    made.cluster = group.map(str::to_owned);
    made.assigned_at = assigned.map(|column| column.name.clone());
    made.exposed_at = exposed.map(|column| column.name.clone());
    made.treated = treated.map(|column| column.name.clone());
    made.metrics = own_metrics(observed, &taken);
    let of_table: BTreeSet<String> = made.metrics.iter().map(|metric| metric.name.clone()).collect();
    let assigned = assigned.and_then(|column| span(column));
    for events in observed.events {
        let (metrics, left_out) = metrics_of_events(events, unit, assigned);
        made.left_out.extend(left_out);
        let new = metrics.into_iter().filter(|metric| !made.metrics.iter().any(|other| other.name == metric.name));
        let new: Vec<ProposedMetric> = new.collect();
        made.metrics.extend(new);
    }
    let back = || made.metrics.iter().filter_map(|metric| metric.reaches_back);
    let shortest = back().fold(f64::INFINITY, f64::min);
    let shorter = |metric: &ProposedMetric| metric.window.is_some_and(|window| window > shortest);
    made.pre_period = made.metrics.iter().any(|it| it.reaches_back.is_some() && shorter(it)).then_some(shortest);
    let before = made.metrics.iter().filter(|metric| metric.reaches_back.is_some());
    made.covariates = before.map(|metric| format!("pre_{}", metric.name)).collect();
    for column in observed.others(&taken).filter(|column| !of_table.contains(&metric_name(&column.name))) {
        match why_no_covariate(observed, column) {
            None if made.covariates.len() < MOST_COVARIATES => made.covariates.push(column.name.clone()),
            None => made.left_out.push((column.name.clone(), "there are many covariates already".to_owned())),
            Some(reason) => made.left_out.push((column.name.clone(), reason)),
        }
    }
    made
}

impl<'a> ObservedExperiment<'a> {
    fn fact(&self, name: &str) -> Option<&'a ColumnFacts> {
        self.facts.iter().find(|fact| fact.name == name)
    }

    fn others(&self, taken: &BTreeSet<&str>) -> impl Iterator<Item = &'a ColumnInfo> {
        self.columns.iter().filter(|column| !taken.contains(column.name.as_str())).collect::<Vec<_>>().into_iter()
    }

    /// By its name, or by another that is the same at an earlier time.
    fn is_measured_after(&self, name: &str) -> bool {
        // By a word: numbers at the end of names may number questions as well as waves.
        let earlier =
            |other: &ColumnInfo| names::is_before(&other.name) && names::is_earlier_outcome(&other.name, name);
        let has_earlier = self.columns.iter().any(earlier);
        !names::is_before(name) && (has_earlier || names::is_after(name, name) || names::is_result(name))
    }
}

/// A column that is different in every row and names something; else one that is called a unit.
fn unit_of<'a>(observed: &ObservedExperiment<'a>, taken: &BTreeSet<&str>) -> Option<&'a str> {
    let different = |column: &&ColumnInfo| {
        let fact = observed.fact(&column.name);
        let names_it =
            column.kind == ColumnKind::Category || names::is_id(&column.name) || names::is_unit(&column.name);
        !is_time(column) && column.missing == 0 && names_it && fact.is_some_and(|fact| fact.all_different)
    };
    let called = |column: &&ColumnInfo| {
        column.missing == 0
            && !names::is_row_number(&column.name)
            && names::is_unit(&column.name)
            && observed.fact(&column.name).is_some_and(|fact| fact.rows_each >= 2)
    };
    let found = observed.others(taken).find(different).or_else(|| observed.others(taken).find(called));
    found.map(|column| column.name.as_str())
}

/// The column with the largest groups that got one arm together.
fn group_of<'a>(observed: &ObservedExperiment<'a>, taken: &BTreeSet<&str>) -> Option<&'a str> {
    let together = |column: &ColumnInfo| {
        let fact = observed.fact(&column.name)?;
        let groups = fact.present / fact.rows_each.max(1);
        let whole = fact.shared_by_rows.iter().any(|shared| shared == observed.assignment);
        (whole && column.missing == 0 && fact.rows_each >= 2 && groups >= ENOUGH_GROUPS).then_some(fact.rows_each)
    };
    let found = observed.others(taken).filter_map(|column| Some((together(column)?, column)));
    found.max_by_key(|(rows, _)| *rows).map(|(_, column)| column.name.as_str())
}

fn is_time(column: &ColumnInfo) -> bool {
    let dated = |level: &String| dates::days(level).is_some();
    column.kind == ColumnKind::Date || (!column.levels.is_empty() && column.levels.iter().all(dated))
}

/// The first and the last day of a column of dates in text.
fn span(column: &ColumnInfo) -> Option<(f64, f64)> {
    let days: Option<Vec<f64>> = column.levels.iter().map(|level| dates::days(level)).collect();
    let days = days.filter(|days| !days.is_empty())?;
    let fold = |pick: fn(f64, f64) -> f64, from: f64| days.iter().copied().fold(from, pick);
    Some((fold(f64::min, f64::INFINITY), fold(f64::max, f64::NEG_INFINITY)))
}

fn is_measured(column: &ColumnInfo) -> bool {
    matches!(column.kind, ColumnKind::Number | ColumnKind::Boolean)
}

/// Metrics of the table of assignments: those that were named, else those that a name gives away, else, without any other, the
/// last column of numbers.
fn own_metrics(observed: &ObservedExperiment<'_>, taken: &BTreeSet<&str>) -> Vec<ProposedMetric> {
    let metric = |column: &ColumnInfo, guess: bool| ProposedMetric {
        name: metric_name(&column.name),
        source: None,
        expression: Term::column(&column.name).to_string(),
        time: None,
        window: None,
        reaches_back: None,
        guess,
    };
    if !observed.metrics.is_empty() {
        let named = observed.metrics.iter().filter_map(|name| observed.columns.iter().find(|it| it.name == *name));
        return named.map(|column| metric(column, false)).collect();
    }
    let measured: Vec<&ColumnInfo> = observed.others(taken).filter(|column| is_measured(column)).collect();
    let after = measured.iter().filter(|column| observed.is_measured_after(&column.name));
    let found: Vec<ProposedMetric> = after.take(MOST_METRICS).map(|column| metric(column, false)).collect();
    if !found.is_empty() || !observed.events.is_empty() {
        return found;
    }
    let last = measured.iter().rfind(|column| !names::is_before(&column.name));
    last.map(|column| metric(column, true)).into_iter().collect()
}

/// The metrics of a file of events, if it names the unit as the table of assignments does.
fn metrics_of_events(
    events: &ObservedEvents<'_>,
    unit: Option<&str>,
    assigned: Option<(f64, f64)>,
) -> (Vec<ProposedMetric>, Vec<(String, String)>) {
    let Some(unit) = unit.filter(|unit| events.columns.iter().any(|column| column.name == **unit)) else {
        let reason = "it has no column with the name of the unit; write `per: COLUMN` in a metric of your own";
        return (Vec::new(), vec![(events.source.to_owned(), reason.to_owned())]);
    };
    let time = events.columns.iter().find(|column| is_time(column)).filter(|_| assigned.is_some());
    let spans = time.and_then(span).zip(assigned);
    // Nobody's window ends after the file.
    let window = spans.map(|(rows, assigned)| (rows.1 - assigned.1).floor().min(LONGEST_WINDOW));
    let window = window.filter(|days| *days >= 1.0);
    let back = spans.map(|(rows, assigned)| (assigned.0 - rows.0).floor());
    let reaches_back = back.zip(window).map(|(back, window)| back.min(window)).filter(|days| *days >= 1.0);
    let metric = |name: &str, expression: String| ProposedMetric {
        name: metric_name(name),
        source: Some(events.source.to_owned()),
        expression,
        time: time.map(|column| column.name.clone()),
        window,
        reaches_back,
        guess: false,
    };
    let fact = |name: &str| events.facts.iter().find(|fact| fact.name == name);
    let values = events.columns.iter().filter(|column| {
        let id = names::is_id(&column.name) || fact(&column.name).is_some_and(|fact| fact.all_different);
        column.name != unit && is_measured(column) && !id
    });
    let measure = |column: &ColumnInfo| {
        let aggregate = if names::is_level(&column.name) { "mean" } else { "sum" };
        metric(&column.name, format!("{aggregate}({})", Term::column(&column.name)))
    };
    let mut metrics: Vec<ProposedMetric> = values.take(MOST_METRICS).map(measure).collect();
    if metrics.is_empty() {
        let file = events.source.rsplit(['/', '\\']).next().unwrap_or(events.source);
        metrics.push(metric(file.split('.').next().unwrap_or(file), "count()".to_owned()));
    }
    (metrics, Vec::new())
}

/// A name that a metric may have.
fn metric_name(column: &str) -> String {
    let name: String = column.chars().map(|c| if c.is_alphanumeric() || c == '_' { c } else { '_' }).collect();
    if name.is_empty() { "metric".to_owned() } else { name }
}

fn why_no_covariate(observed: &ObservedExperiment<'_>, column: &ColumnInfo) -> Option<String> {
    let fact = observed.fact(&column.name);
    if let Some(obstacle) = fact.and_then(|fact| fact.obstacle.as_ref()) {
        return Some(format!("it {obstacle}"));
    }
    if observed.is_measured_after(&column.name) {
        return Some("by its name it was measured after the start".to_owned());
    }
    let distinct = fact.map_or(usize::MAX, |fact| if fact.values.is_empty() { usize::MAX } else { fact.values.len() });
    let copy = fact.and_then(|fact| fact.copy_of.as_ref().or(fact.line_of.as_ref()));
    match column.kind {
        _ if distinct < 2 || fact.is_some_and(|fact| fact.present == 0) => Some("one value only".to_owned()),
        _ if fact.is_some_and(|fact| fact.all_different) => Some("it is different in every row".to_owned()),
        _ if names::is_row_number(&column.name) => Some("a row number, by its name".to_owned()),
        ColumnKind::Category if column.levels.len() > MOST_LEVELS => Some(format!("{} levels", column.levels.len())),
        ColumnKind::Date | ColumnKind::Other => Some("its type is none of a covariate".to_owned()),
        _ => copy.map(|other| format!("it says the same as `{other}`")),
    }
}
