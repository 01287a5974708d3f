//! `describe_data`: the columns that the plan names, in aggregates. Of the outcome nothing but what it is.

use super::arguments::{Nothing, parse, schema};
use super::columns::{self, Role as ColumnRole};
use super::{Answer, Context, Role, Tool, ToolError};
use crate::pipeline::column_summaries::{NumberSummary, QUANTILES};
use crate::plan;
use crate::schema::ColumnKind;
use crate::tools::reply::{bounded_reply, maybe, number};
use serde_json::{Map, Value, json};

pub(super) struct DescribeData;

/// The name for all rare levels of a column together.
pub const OTHER_LEVELS: &str = "other levels";
/// The most levels of one column that are listed.
const MOST_LEVELS: usize = 20;

impl Tool for DescribeData {
    fn name(&self) -> &'static str {
        "describe_data"
    }

    fn description(&self) -> &'static str {
        "The columns that the plan names, each with its role, kind and missing values; confounders and placebos also with \
         mean, standard deviation and quantiles, or the shares of their levels. Levels with few units are merged as \
         `other levels`. Of the outcome there is nothing but its name, units and kind."
    }

    fn schema(&self) -> Value {
        schema::<Nothing>()
    }

    fn needs(&self) -> Option<plan::Tool> {
        None
    }

    fn roles(&self) -> &'static [Role] {
        &[Role::Actor, Role::Critic, Role::Host]
    }

    fn call(&self, arguments: &Value, context: &Context<'_>) -> Result<Answer, ToolError> {
        let Nothing {} = parse(self.name(), arguments)?;
        let prepared = context.prepared;
        let columns = columns::named(&prepared.plan);
        let described: Vec<Value> = columns.iter().map(|(name, role)| column(name, *role, context)).collect();
        let mut object = rows(context);
        object.insert("columns".to_owned(), Value::Array(described));
        let operator = format!("{} columns described, {} rows", columns.len(), prepared.arms().0);
        Ok(Answer::Reply(bounded_reply(operator, Value::Object(object), &["columns"])))
    }
}

/// Rows and what was done to them. A small number of dropped rows is not told, nor what it could be computed from.
fn rows(context: &Context<'_>) -> Map<String, Value> {
    let (privacy, counters) = (context.privacy, context.prepared.counters());
    let (n, treated) = context.prepared.arms();
    let small = |n: usize| n > 0 && n < privacy.min_cell();
    let dropped = [
        ("rows_not_asked_about", counters.rows_filtered),
        ("rows_dropped_missing", counters.rows_dropped_missing),
        ("rows_dropped_other_treatment", counters.rows_dropped_other_treatment),
        ("rows_weight_zero", counters.rows_weight_zero),
    ];
    let mut object = Map::new();
    // Rows read minus rows analysed would give the hidden number back.
    if !dropped.iter().any(|(_, n)| small(*n)) {
        object.insert("rows_read".to_owned(), json!(privacy.count_or_none(counters.rows_read)));
    }
    for (key, n) in dropped {
        object.insert(key.to_owned(), json!(privacy.count_or_none(n)));
    }
    let kept = privacy.kept((treated, n - treated), (treated, n - treated));
    object.insert("rows_analysed".to_owned(), json!(kept.rows));
    object.insert("treated".to_owned(), json!(kept.treated));
    object
}

fn column(name: &str, role: ColumnRole, context: &Context<'_>) -> Value {
    let (prepared, privacy) = (context.prepared, context.privacy);
    let plan = &prepared.plan;
    let mut line = json!({"name": name, "role": role.words()});
    // Not even how many values are missing: these columns point at single units.
    if matches!(role, ColumnRole::UnitId | ColumnRole::Clusters) {
        return line;
    }
    let info = prepared.document.columns.iter().find(|info| info.name == name);
    if let Some(info) = info {
        line["kind"] = json!(info.kind);
        line["missing"] = json!(privacy.count_or_none(info.missing));
    }
    match role {
        ColumnRole::Treatment => {
            line["treated"] = json!(plan.treatment.treated);
            line["control"] = json!(plan.treatment.control);
        }
        ColumnRole::Outcome => {
            line["units"] = json!(plan.outcome.units);
            line["kind"] = json!(plan.outcome.kind);
        }
        _ if role.is_described() => {
            if let Some(tally) = prepared.tally(name) {
                // Two values say more as shares than as a mean, and their quantiles would be the values themselves.
                let category = info.is_some_and(|info| info.kind == ColumnKind::Category) || tally.len() <= 2;
                let summary = prepared.numbers(name, privacy.min_cell()).filter(|_| !category);
                describe(&mut line, summary.as_ref(), &tally, privacy.min_cell());
            }
        }
        _ => {}
    }
    line
}

/// Levels of a category or of a column with two values; mean, standard deviation and quantiles of the others.
fn describe(line: &mut Value, summary: Option<&NumberSummary>, tally: &[(String, usize)], least: usize) {
    match summary {
        Some(summary) => {
            line["mean"] = number(summary.mean);
            line["sd"] = maybe(summary.sd);
            let given = QUANTILES.iter().zip(&summary.quantiles);
            let given = given.filter_map(|(p, q)| Some((format!("{:.0} %", 100.0 * p), number((*q)?))));
            line["quantiles"] = Value::Object(given.collect());
        }
        None => line["levels"] = levels(tally, least),
    }
}

/// Shares of the levels, most frequent first. Levels with fewer than `least` units are one group; if that is still too
/// small, the next smallest levels join it, so that no small number is left by subtraction.
fn levels(tally: &[(String, usize)], least: usize) -> Value {
    let total: usize = tally.iter().map(|(_, n)| n).sum();
    let mut sorted: Vec<&(String, usize)> = tally.iter().collect();
    sorted.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    let mut shown = sorted.iter().take(MOST_LEVELS).take_while(|(_, n)| *n >= least).count();
    let mut others: usize = sorted.iter().skip(shown).map(|(_, n)| n).sum();
    while shown > 0 && others > 0 && others < least {
        shown -= 1;
        others += sorted.get(shown).map_or(0, |(_, n)| *n);
    }
    let share = |n: usize| number(n as f64 / total as f64);
    let mut lines: Vec<Value> =
        sorted.iter().take(shown).map(|(level, n)| json!({"level": level, "share": share(*n)})).collect();
    if others > 0 {
        lines.push(json!({"level": OTHER_LEVELS, "share": share(others)}));
    }
    Value::Array(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(pairs: &[(&str, usize)]) -> Vec<String> {
        let tally: Vec<(String, usize)> = pairs.iter().map(|(level, n)| ((*level).to_owned(), *n)).collect();
        let levels = levels(&tally, 10);
        let levels = levels.as_array().expect("a list");
        levels.iter().map(|level| format!("{} {}", level["level"].as_str().expect("text"), level["share"])).collect()
    }

    #[test]
    fn no_small_level_is_left_by_subtraction() {
        assert_eq!(shown(&[("a", 60), ("b", 40)]), ["a 0.6", "b 0.4"]);
        assert_eq!(shown(&[("a", 60), ("b", 30), ("c", 6), ("d", 4)]), ["a 0.6", "b 0.3", "other levels 0.1"]);
        assert_eq!(shown(&[("a", 60), ("b", 37), ("c", 3)]), ["a 0.6", "other levels 0.4"]);
        assert_eq!(shown(&[("1", 97), ("0", 3)]), ["other levels 1.0"]);
    }

    #[test]
    fn a_level_of_exactly_the_smallest_cell_is_told_and_one_fewer_is_not() {
        assert_eq!(shown(&[("a", 50), ("b", 40), ("c", 10)]), ["a 0.5", "b 0.4", "c 0.1"]);
        assert_eq!(shown(&[("a", 51), ("b", 40), ("c", 9)]), ["a 0.51", "other levels 0.49"]);
        // Two rare levels are ten units together, which may be told of them; nine may not.
        assert_eq!(shown(&[("a", 50), ("b", 40), ("c", 5), ("d", 5)]), ["a 0.5", "b 0.4", "other levels 0.1"]);
        assert_eq!(shown(&[("a", 51), ("b", 40), ("c", 5), ("d", 4)]), ["a 0.51", "other levels 0.49"]);
    }
}
