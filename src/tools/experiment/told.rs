//! Effects and counts as a host may read them.

use super::ExperimentContext;
use crate::pipeline::experiment::Experiment;
use crate::pipeline::experiment::asked::units_of_arms;
use crate::plan::closest;
use crate::plan::experiment::Amount;
use crate::record::experiment::{EffectRow, Estimate, Refused};
use crate::text::lists::listed;
use crate::tools::ToolError;
use crate::tools::arguments::{QUOTED, wrong};
use crate::tools::privacy::{Privacy, one_line};
use crate::tools::reply::{maybe, number};
use serde_json::{Value, json};

/// The fewest units of an arm in a segment, whatever `min_cell` is: as in the plan's own segments.
const FEWEST: usize = 20;

/// The fewest units of an arm in a segment that is told of.
pub(super) fn fewest(privacy: &Privacy) -> usize {
    FEWEST.max(privacy.min_cell())
}

/// A count; in words where it, or what is left of `all`, is small.
pub(super) fn among(privacy: &Privacy, n: usize, all: usize) -> Value {
    let left = all.saturating_sub(n);
    if n > 0 && n < privacy.min_cell() {
        json!(privacy.count(n))
    } else if left > 0 && left < privacy.min_cell() {
        json!(privacy.about(n))
    } else {
        json!(n)
    }
}

/// A count in words where it is small, 0 included as a number.
pub(super) fn count(privacy: &Privacy, n: usize) -> Value {
    if n > 0 && n < privacy.min_cell() { json!(privacy.count(n)) } else { json!(n) }
}

/// The arms that have fewer units than may be told of.
pub(super) struct SmallArms<'a> {
    privacy: &'a Privacy,
    arms: &'a [String],
    /// For each arm, control first.
    small: Vec<bool>,
    rows: usize,
}

impl<'a> SmallArms<'a> {
    pub(super) fn new(context: &ExperimentContext<'a>) -> Self {
        let (experiment, privacy) = (context.experiment, context.privacy);
        let units = units_of_arms(experiment, &vec![true; experiment.n()]);
        let small = units.into_iter().map(|units| units < privacy.min_cell()).collect();
        Self { privacy, arms: &experiment.table.arms, small, rows: experiment.n() }
    }

    /// True if an arm is small.
    pub(super) fn is_small(&self, arm: &str) -> bool {
        let at = self.arms.iter().position(|name| name == arm);
        at.and_then(|at| self.small.get(at)) == Some(&true)
    }

    /// True if one of the two arms of a comparison with the control is small.
    pub(super) fn withhold(&self, arm: &str) -> bool {
        self.small.first() == Some(&true) || self.is_small(arm)
    }

    /// Why a comparison is not told.
    pub(super) fn why(&self) -> String {
        format!("one of the two arms has fewer than {} units (`privacy.min_cell`)", self.privacy.min_cell())
    }

    /// A comparison that is not told.
    pub(super) fn withheld(&self, metric: &str, arm: &str) -> Value {
        json!({"metric": metric, "arm": arm, "reason": self.why()})
    }

    /// A number of all arms together; in words where a small arm could be had from it by subtraction.
    pub(super) fn total(&self, n: usize) -> Value {
        if self.small.contains(&true) { json!(self.privacy.about(n)) } else { json!(n) }
    }

    /// A number of rows among all rows, likewise.
    pub(super) fn among(&self, n: usize) -> Value {
        if self.small.contains(&true) { json!(self.privacy.about(n)) } else { among(self.privacy, n, self.rows) }
    }
}

/// A size of an effect as the plan writes it.
pub(super) fn amount(amount: Amount) -> Value {
    match amount {
        Amount::Absolute(size) => number(size),
        Amount::Relative(share) => json!(format!("{}%", (share * 1e6).round() / 1e4)),
    }
}

fn estimate(estimate: &Estimate) -> Value {
    json!({
        "estimate": number(estimate.estimate),
        "std_error": number(estimate.std_error),
        "lower": number(estimate.lower),
        "upper": number(estimate.upper),
    })
}

/// An effect.
pub(super) fn effect(small: &SmallArms<'_>, row: &EffectRow) -> Value {
    let mut line = estimate(&row.effect);
    line["metric"] = json!(row.metric);
    line["arm"] = json!(row.arm);
    line["request"] = json!(row.request.key());
    if let Some(segment) = &row.segment {
        line["segment"] = json!(segment);
    }
    line["n"] = small.among(row.n);
    line["p_value"] = number(row.p_value);
    line["holm"] = maybe(row.holm);
    line["benjamini_hochberg"] = maybe(row.benjamini_hochberg);
    line["control_mean"] = maybe(row.baseline);
    line["relative"] = row.relative.as_ref().map_or(Value::Null, estimate);
    line["exploratory"] = json!(row.exploratory);
    if let Some(any) = &row.anytime {
        line["anytime"] = json!({
            "lower": number(any.lower), "upper": number(any.upper), "p_value": number(any.p_value),
            "log_e_value": number(any.log_e), "asymptotic": any.asymptotic,
        });
    }
    line
}

/// An effect that is not given.
pub(super) fn refused(row: &Refused) -> Value {
    json!({
        "metric": row.metric, "arm": row.arm, "request": row.request.key(), "segment": row.segment,
        "reason": one_line(&row.reason, 4 * QUOTED),
    })
}

/// Refuses names that the experiment does not have; no names mean all.
pub(super) fn known(tool: &str, kind: &str, asked: &[String], there: &[&str]) -> Result<(), ToolError> {
    let Some(name) = asked.iter().find(|name| !there.contains(&name.as_str())) else { return Ok(()) };
    let name = one_line(name, QUOTED);
    let near = closest(&name, there.iter().copied()).map_or(String::new(), |near| format!("; did you mean `{near}`?"));
    let there: Vec<String> = there.iter().map(|name| format!("`{name}`")).collect();
    Err(wrong(tool, &format!("the plan has no {kind} `{name}`, but {}{near}", listed(&there))))
}

/// The names of the metrics.
pub(super) fn metrics(experiment: &Experiment) -> Vec<&str> {
    experiment.plan.metrics.iter().map(|metric| metric.name.as_str()).collect()
}

/// The names of the arms that are compared with the control.
pub(super) fn arms(experiment: &Experiment) -> Vec<&str> {
    experiment.table.arms.iter().skip(1).map(String::as_str).collect()
}

/// True if a list of names is empty or has the name.
pub(super) fn wanted(list: &[String], name: &str) -> bool {
    list.is_empty() || list.iter().any(|asked| asked == name)
}
