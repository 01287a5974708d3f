//! The division of units by a column: values, bands of numbers, parts of time.

use super::FollowUpError;
use crate::dataset::ColumnValues;
use crate::pipeline::Prepared;
use crate::plan::follow_ups::{Grouping, Period};
use crate::plan::{Measured, closest};
use crate::schema::ColumnKind;
use crate::text::dates::{Part, days as days_of, part_of};
use std::collections::BTreeMap;

/// The most groups of a division.
const MOST_GROUPS: usize = 200;
/// The most groups where nobody said how to divide.
const MOST_BY_THEMSELVES: usize = 24;

/// A division of the analysed rows.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Division {
    /// Labels of the groups, in order.
    pub labels: Vec<String>,
    /// The group of each analysed row; `None` without a value.
    pub of_row: Vec<Option<usize>>,
}

/// Divides the analysed rows.
pub(super) fn divide(prepared: &Prepared, grouping: &Grouping) -> Result<Division, FollowUpError> {
    let by = &grouping.by;
    let Some((kind, values)) = prepared.analysed().group(by) else { return Err(no_column(prepared, by)) };
    let plan = &prepared.plan;
    for (column, role) in [(&plan.treatment.column, "treatment"), (&plan.outcome.column, "outcome")] {
        if column == by {
            return Err(FollowUpError::OwnRole { column: by.clone(), role });
        }
    }
    if plan.data.columns.get(by).is_some_and(|it| it.measured == Some(Measured::After)) {
        return Err(FollowUpError::AfterTreatment { column: by.clone() });
    }
    let unfit = |key: &'static str, kind: &'static str| FollowUpError::NotForKind { column: by.clone(), key, kind };
    match (&values, kind) {
        (_, ColumnKind::Date) if !grouping.cuts.is_empty() => Err(unfit("cuts", "dates")),
        (ColumnValues::Numbers(days), ColumnKind::Date) => dates(days, grouping),
        // Few dates are read as the levels of a category.
        (ColumnValues::Codes { codes, levels }, _) if grouping.cuts.is_empty() && all_dates(levels).is_some() => {
            let of_level = all_dates(levels).unwrap_or_default();
            let days = |code: &u32| of_level.get(*code as usize).copied().unwrap_or(f64::NAN);
            dates(&codes.iter().map(days).collect::<Vec<f64>>(), grouping)
        }
        (_, kind) if grouping.every.is_some() => {
            let kind = if kind == ColumnKind::Number { "numbers" } else { "categories" };
            Err(unfit("every", kind))
        }
        (ColumnValues::Codes { .. }, _) if !grouping.cuts.is_empty() => Err(unfit("cuts", "categories")),
        (ColumnValues::Codes { codes, levels }, _) => {
            let of_row = codes.iter().map(|code| usize::try_from(*code).ok().filter(|code| *code < levels.len()));
            occupied(levels.to_vec(), of_row.collect(), grouping, "a category")
        }
        (ColumnValues::Numbers(values), ColumnKind::Boolean) => {
            let of_row = values.iter().map(|x| (!x.is_nan()).then_some(usize::from(*x != 0.0)));
            occupied(vec!["false".to_owned(), "true".to_owned()], of_row.collect(), grouping, "true/false")
        }
        (ColumnValues::Numbers(values), ColumnKind::Number) => numbers(values, grouping),
        _ => Err(FollowUpError::UnusableColumn { column: by.clone() }),
    }
}

/// The days of levels that are all dates.
fn all_dates(levels: &[String]) -> Option<Vec<f64>> {
    let days: Option<Vec<f64>> = levels.iter().map(|level| days_of(level)).collect();
    days.filter(|days| !days.is_empty())
}

pub(super) fn no_column(prepared: &Prepared, by: &str) -> FollowUpError {
    let names = || prepared.document.columns.iter().map(|column| column.name.as_str());
    FollowUpError::NoColumn { column: by.to_owned(), near: closest(by, names()).map(str::to_owned) }
}

/// Bands, or every value for itself.
fn numbers(values: &[f64], grouping: &Grouping) -> Result<Division, FollowUpError> {
    if !grouping.cuts.is_empty() {
        let cuts = &grouping.cuts;
        let band = |x: &f64| (!x.is_nan()).then(|| cuts.partition_point(|cut| cut <= x));
        let label = |k: usize| match (k.checked_sub(1).and_then(|below| cuts.get(below)), cuts.get(k)) {
            (None, Some(to)) => format!("below {to}"),
            (Some(from), Some(to)) => format!("{from} to below {to}"),
            (Some(from), None) => format!("{from} and more"),
            (None, None) => String::new(),
        };
        let labels = (0..=cuts.len()).map(label).collect();
        return occupied(labels, values.iter().map(band).collect(), grouping, "a number");
    }
    let mut distinct: Vec<f64> = values.iter().copied().filter(|x| !x.is_nan()).collect();
    distinct.sort_by(f64::total_cmp);
    distinct.dedup_by(|a, b| a == b);
    let of = |x: &f64| distinct.binary_search_by(|value| value.partial_cmp(x).unwrap_or(std::cmp::Ordering::Less)).ok();
    let of_row = values.iter().map(|x| if x.is_nan() { None } else { of(x) }).collect();
    occupied(distinct.iter().map(ToString::to_string).collect(), of_row, grouping, "a number")
}

/// Dates in parts so long; the shortest that gives few enough, if nobody said.
fn dates(days: &[f64], grouping: &Grouping) -> Result<Division, FollowUpError> {
    if let Some(every) = grouping.every {
        return in_time(days, grouping, every, MOST_GROUPS);
    }
    let mut last = Err(FollowUpError::UnusableColumn { column: grouping.by.clone() });
    for every in Period::ALL {
        last = in_time(days, grouping, every, MOST_BY_THEMSELVES);
        if last.is_ok() {
            return last;
        }
    }
    last
}

fn in_time(days: &[f64], grouping: &Grouping, every: Period, most: usize) -> Result<Division, FollowUpError> {
    let mut labels: BTreeMap<i64, String> = BTreeMap::new();
    let key_of = |days: f64| {
        let (key, label) = period(days, every)?;
        labels.insert(key, label);
        Some(key)
    };
    let mut key_of = key_of;
    let keys: Vec<Option<i64>> = days.iter().map(|days| key_of(*days)).collect();
    let order: Vec<i64> = labels.keys().copied().collect();
    let of_row = keys.iter().map(|key| order.binary_search(&(*key)?).ok()).collect();
    let most = Grouping { cuts: Vec::new(), ..grouping.clone() }.limit(most);
    most.held(Division { labels: labels.into_values().collect(), of_row }, "a date")
}

/// The part of time of a day, as a number in order and in words; `None` for no date.
#[allow(clippy::cast_possible_truncation, reason = "parts of a calendar")]
fn period(days: f64, every: Period) -> Option<(i64, String)> {
    let part = |of: Part| part_of(days, of);
    if part(Part::Year).is_nan() {
        return None;
    }
    let (year, month, day) = (part(Part::Year) as i64, part(Part::Month) as i64, part(Part::Day) as i64);
    let whole = days.floor() as i64;
    Some(match every {
        Period::Day => (whole, format!("{year:04}-{month:02}-{day:02}")),
        Period::Week => {
            // Named by its Monday.
            let monday = whole - (part(Part::Weekday) as i64 - 1);
            let of = |part: Part| part_of(monday as f64, part) as i64;
            (monday, format!("week of {:04}-{:02}-{:02}", of(Part::Year), of(Part::Month), of(Part::Day)))
        }
        Period::Month => (12 * year + month, format!("{year:04}-{month:02}")),
        Period::Quarter => (4 * year + (month - 1) / 3, format!("{year:04}-Q{}", (month - 1) / 3 + 1)),
        Period::Year => (year, format!("{year:04}")),
    })
}

/// The groups that somebody is in.
fn occupied(
    labels: Vec<String>,
    of_row: Vec<Option<usize>>,
    grouping: &Grouping,
    kind: &'static str,
) -> Result<Division, FollowUpError> {
    let mut counts = vec![0_usize; labels.len()];
    of_row.iter().flatten().for_each(|group| counts[*group] += 1);
    let kept: Vec<usize> = (0..labels.len()).filter(|group| counts[*group] > 0).collect();
    let new = |group: &usize| kept.binary_search(group).ok();
    let division = Division {
        labels: kept.iter().map(|group| labels[*group].clone()).collect(),
        of_row: of_row.iter().map(|group| group.as_ref().and_then(new)).collect(),
    };
    grouping.clone().limit(MOST_GROUPS).held(division, kind)
}

/// A division with the most groups that it may have.
struct Limited {
    grouping: Grouping,
    most: usize,
}

impl Grouping {
    fn limit(self, most: usize) -> Limited {
        Limited { grouping: self, most }
    }
}

impl Limited {
    fn held(self, division: Division, kind: &'static str) -> Result<Division, FollowUpError> {
        let column = self.grouping.by;
        match division.labels.len() {
            0 => Err(FollowUpError::NoValue { column }),
            groups if groups > self.most => Err(FollowUpError::TooManyGroups { column, groups, most: self.most, kind }),
            _ => Ok(division),
        }
    }
}
