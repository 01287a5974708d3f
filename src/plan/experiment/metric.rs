//! `metrics:`, one function for each thing that a metric says.

use super::keys::{ROLES, WORSE};
use super::measure;
use super::quantities::{amount_of, days_of, finite};
use super::{Aggregate, AggregateKind, Amount, Measure, Metric, Role, Window, Worse};
use crate::plan::derived;
use crate::plan::reader::{Reader, Section, shown};
use crate::plan::sections;
use crate::plan::yaml_tree::{Entry, Kind, Node};

/// How a measure is written, for a hint.
const MEASURES: &str = "Write `sum(x)`, `mean(x)`, `min(x)`, `max(x)`, `count()`, `distinct(x)` or `quantile(x, 0.9)`, in quotes \
                        where it holds a comma; without `source:` also the expression of a row, such as `minutes / 60`.";

/// The metrics that could be read, in the order of the file.
pub(super) fn metrics(reader: &mut Reader, root: &Section<'_>) -> Vec<Metric> {
    let (section, readable) = reader.section(root, "metrics");
    let mut entries: Vec<&Entry> = section.entries().collect();
    entries.sort_by_key(|entry| entry.place);
    if readable && entries.is_empty() {
        let place = reader.places.get("metrics").copied();
        let hint = "Name at least one under `metrics:`, e.g. `sales: {source: orders.csv, expression: sum(amount)}`.";
        reader.problem(place, "metrics", "the plan names no metric".to_owned(), hint);
    }
    let mut metrics: Vec<Metric> = entries.into_iter().filter_map(|entry| metric(reader, &section, entry)).collect();
    let none_is_primary = metrics.iter().all(|metric| metric.role != Role::Primary);
    // Said aloud by `ExperimentPlan::primary_by_default`.
    if let Some(first) = metrics.first_mut().filter(|first| none_is_primary && !says_role(reader, &first.name)) {
        first.role = Role::Primary;
    }
    metrics
}

fn says_role(reader: &Reader, name: &str) -> bool {
    reader.places.contains_key(&format!("metrics.{name}.role"))
}

fn metric(reader: &mut Reader, parent: &Section<'_>, entry: &Entry) -> Option<Metric> {
    let path = parent.path(&entry.key);
    if entry.key.is_empty() || !entry.key.chars().all(|c| c.is_alphanumeric() || c == '_') {
        let message = format!("`{}` is no name for a metric", shown(&entry.key));
        let hint = "Use letters, digits and `_`; the name also makes `pre_NAME`, the metric before the start.";
        reader.problem(Some(entry.place), &path, message, hint);
        return None;
    }
    let Kind::Mapping(entries) = &entry.value.kind else {
        let message = format!("`{path}` has keys of its own, and this is {}", entry.value.noun());
        let hint = format!("Write `{}: {{source: FILE, expression: sum(COLUMN)}}`.", entry.key);
        reader.problem(Some(entry.value.place), &path, message, hint);
        return None;
    };
    let section = reader.fields(entries, &path, "metrics.*", Some(entry.place));
    let source = reader.text(&section, "source");
    if let Some(source) = &source {
        sections::is_source(reader, &section, source);
    }
    let measure = measure_of(reader, &section, &path, source.is_some());
    let metric = Metric {
        name: entry.key.clone(),
        measure: measure.unwrap_or(Measure::Mean(Aggregate { kind: AggregateKind::Count, of: None })),
        per: reader.text(&section, "per"),
        time: reader.text(&section, "time"),
        window: window(reader, &section),
        filter: section.get("filter").and_then(|node| derived::expression(reader, node, &section.path("filter"))),
        role: reader.choice(&section, "role", &ROLES, Role::Secondary),
        worse: reader.choice(&section, "worse", &WORSE, Worse::Down),
        margin: amount(reader, &section, "margin"),
        smallest_effect: amount(reader, &section, "smallest_effect"),
        winsorise: winsorise(reader, &section),
        source,
    };
    Some(metric)
}

/// `expression:` or `ratio:`, and not both.
fn measure_of(reader: &mut Reader, section: &Section<'_>, metric: &str, has_source: bool) -> Option<Measure> {
    let (expression, ratio) = (section.get("expression"), section.get("ratio"));
    match (expression, ratio) {
        (Some(node), None) => one_measure(reader, node, &section.path("expression"), has_source),
        (None, Some(node)) => ratio_of(reader, section, node, has_source),
        (Some(_), Some(node)) => {
            let path = section.path("ratio");
            let message = format!("`{metric}` has both `expression` and `ratio`");
            let hint = "Keep one of the two: a ratio is `[a, b]`, the sum of a over units divided by that of b.";
            reader.problem(Some(node.place), &path, message, hint);
            None
        }
        (None, None) => {
            let path = section.path("expression");
            if !reader.complained_of(&path) && !reader.complained_of(&section.path("ratio")) {
                let place = reader.places.get(metric).copied();
                reader.problem(place, &path, format!("`{path}` is missing"), MEASURES);
            }
            None
        }
    }
}

fn one_measure(reader: &mut Reader, node: &Node, path: &str, has_source: bool) -> Option<Measure> {
    let text = reader.element(node, path)?;
    let measure = match measure::parse(&text) {
        Ok(measure) => measure,
        Err(fault) => {
            let message = format!("`{}` measures nothing: {}", shown(&text), crate::text::untrusted::visible(&fault));
            reader.problem(Some(node.place), path, message, MEASURES);
            return None;
        }
    };
    let of_a_row = matches!(&measure, Measure::Mean(Aggregate { kind: AggregateKind::Value, .. }));
    if has_source && of_a_row {
        let message = format!("`{}` does not say how the rows of a unit become one number", shown(&text));
        let hint = "Write `sum(x)`, `mean(x)`, `min(x)`, `max(x)`, `count()` or `distinct(x)` around it; a metric without `source:` takes the value of a row of the table of assignments.";
        reader.problem(Some(node.place), path, message, hint);
        return None;
    }
    Some(measure)
}

fn ratio_of(reader: &mut Reader, section: &Section<'_>, node: &Node, has_source: bool) -> Option<Measure> {
    let items = reader.list(section, "ratio");
    let count = items.len();
    let parts: Vec<Option<Measure>> =
        items.into_iter().map(|(path, item)| one_measure(reader, item, &path, has_source)).collect();
    match parts.as_slice() {
        [Some(Measure::Mean(top)), Some(Measure::Mean(bottom))] => Some(Measure::Ratio(top.clone(), bottom.clone())),
        [None, _] | [_, None] => None,
        _ => {
            let path = section.path("ratio");
            if count != 0 || !reader.complained_of(&path) {
                let message = format!("`{path}` is a list of two: the sum above, and the sum below");
                let hint = "Write `ratio: [sum(amount), count()]`; a quantile is a metric of its own.";
                reader.problem(Some(node.place), &path, message, hint);
            }
            None
        }
    }
}

/// `[0d, 14d]`
fn window(reader: &mut Reader, section: &Section<'_>) -> Option<Window> {
    let node = section.get("window")?;
    let path = section.path("window");
    let days = |item: &Node| match &item.kind {
        Kind::Scalar { text, .. } => days_of(text),
        _ => None,
    };
    let found: Vec<Option<f64>> = match &node.kind {
        Kind::Sequence(items) => items.iter().map(days).collect(),
        _ => Vec::new(),
    };
    let (message, hint) = match found.as_slice() {
        [Some(from), Some(to)] if from < to => return Some(Window { from: *from, to: *to }),
        [Some(_), Some(_)] => (
            format!("`{path}` ends before it begins, or where it begins"),
            "Write the first day and the one after the last: `[0d, 14d]`.",
        ),
        _ => (
            format!("`{path}` is a list of two durations"),
            "Write days, hours or weeks from the assignment: `[0d, 14d]`, `[0h, 36h]`, `[1w, 2w]`.",
        ),
    };
    reader.problem(Some(node.place), &path, message, hint);
    None
}

/// `0.01`, or `1%`.
fn amount(reader: &mut Reader, section: &Section<'_>, key: &str) -> Option<Amount> {
    let node = section.get(key)?;
    let path = section.path(key);
    let text = reader.text_of(node, &path)?;
    let amount = amount_of(&text);
    if amount.is_none() {
        let message = format!("`{path}` is a number above 0, and `{}` is not", shown(&text));
        let hint = format!("Write `{key}: 20` in units of the metric, or `{key}: 1%` of the control mean.");
        reader.problem(Some(node.place), &path, message, hint);
    }
    amount
}

fn winsorise(reader: &mut Reader, section: &Section<'_>) -> Option<f64> {
    let node = section.get("winsorise")?;
    let path = section.path("winsorise");
    let text = reader.text_of(node, &path)?;
    let at = finite(&text).filter(|at| *at > 0.5 && *at < 1.0);
    if at.is_none() {
        let message = format!("`{path}` is a quantile between 0.5 and 1, and `{}` is not", shown(&text));
        let hint = "Write `winsorise: 0.999` to set the largest thousandth of the values to the quantile below it.";
        reader.problem(Some(node.place), &path, message, hint);
    }
    at
}
