//! Rules that the plan of an experiment can break although it reads well, before any data are seen.

use super::logged_actions;
use super::{EffectRequest, ExperimentPlan, LookPlan, Measure, Metric, Role};
use crate::plan::reader::{Reader, listed, shown};
use crate::plan::{Measured, Problem, closest};
use causal::experiment::VarianceKind;
use std::collections::{BTreeMap, BTreeSet};

/// The shares of the arms sum to 1 within this.
const SHARES_TOLERANCE: f64 = 1e-6;

/// Notes every problem that needs no data.
pub(super) fn check(plan: &ExperimentPlan, reader: &mut Reader) {
    let mut rules = Rules { plan, reader };
    for metric in &plan.metrics {
        rules.times(metric);
        rules.source(metric);
        rules.margin(metric);
        rules.winsorise(metric);
    }
    rules.shares();
    rules.clusters();
    rules.requests();
    rules.looks();
    rules.circles();
    rules.covariates();
    rules.conditions();
    for (path, message, hint) in logged_actions::broken(plan) {
        rules.note(&path, message, hint);
    }
}

struct Rules<'a> {
    plan: &'a ExperimentPlan,
    reader: &'a mut Reader,
}

impl Rules<'_> {
    fn note(&mut self, path: &str, message: String, hint: impl Into<String>) {
        let place = self.plan.at(path);
        self.reader.problems.push(Problem { place, path: path.to_owned(), message, hint: hint.into() });
    }

    fn has_start(&self) -> bool {
        self.plan.assignment.start.is_some()
            || self.plan.assignment.assigned_at.is_some()
            || ["assignment.start", "assignment.assigned_at"].iter().any(|path| self.reader.complained_of(path))
    }

    /// A window counts from the assignment, by the time of a row.
    fn times(&mut self, metric: &Metric) {
        let at = |key: &str| format!("metrics.{}.{key}", metric.name);
        if metric.window.is_some() && metric.time.is_none() && !self.reader.complained_of(&at("time")) {
            let message = format!("`{}` needs the time of a row", at("window"));
            self.note(&at("window"), message, "Add the column with the time of a row: `time: ordered_at`.");
        }
        if metric.time.is_some() && !self.has_start() {
            let message =
                format!("`{}` counts from the assignment, and the plan does not say when that was", at("time"));
            let hint = "Add `start: 2026-03-01` under `assignment:`, or `assigned_at: COLUMN` where units were assigned at different times.";
            self.note(&at("time"), message, hint);
        }
    }

    fn source(&mut self, metric: &Metric) {
        let at = |key: &str| format!("metrics.{}.{key}", metric.name);
        if metric.source.is_none() {
            if metric.per.is_some() && !self.reader.complained_of(&at("source")) {
                let message = format!("`{}` is for a metric with a `source` of its own", at("per"));
                self.note(&at("per"), message, "Take it out, or add `source: FILE`.");
            }
        } else if self.plan.assignment.unit_id.is_none() && !self.reader.complained_of("assignment.unit_id") {
            let message =
                format!("the rows of `{}` belong to units, and the plan does not say what names a unit", at("source"));
            self.note(&at("source"), message, "Add `unit_id: COLUMN` under `assignment:`.");
        }
    }

    fn margin(&mut self, metric: &Metric) {
        let path = format!("metrics.{}.margin", metric.name);
        let role = format!("metrics.{}.role", metric.name);
        match (metric.role, metric.margin) {
            (Role::Guardrail, None) if !self.reader.complained_of(&path) => {
                let message = format!("the guardrail `{}` does not say how much worse it may get", metric.name);
                let hint = "Add `margin: 20` in units of the metric, or `margin: 1%` of the control mean.";
                self.note(&role, message, hint);
            }
            (Role::Primary | Role::Secondary, Some(_)) if !self.reader.complained_of(&role) => {
                let message = format!("`{path}` is for a guardrail, and this metric is {}", metric.role.key());
                self.note(&path, message, "Write `role: guardrail`, or `smallest_effect:` in place of `margin:`.");
            }
            _ => {}
        }
    }

    fn winsorise(&mut self, metric: &Metric) {
        let what = match metric.measure {
            Measure::Mean(_) => return,
            Measure::Ratio(..) => "a ratio has two numbers for a unit",
            Measure::Quantile { .. } => "a quantile is not moved by a few large values",
        };
        if metric.winsorise.is_some() {
            let path = format!("metrics.{}.winsorise", metric.name);
            let message = format!("`{path}` is for a metric that is one number for a unit: {what}");
            self.note(&path, message, "Take it out.");
        }
    }

    fn shares(&mut self) {
        let (shares, control) = (&self.plan.assignment.shares, &self.plan.assignment.control);
        let unreadable = self.reader.complained_within("assignment.shares");
        if shares.is_empty() || unreadable {
            return;
        }
        let arms = || listed(shares.keys().map(String::as_str));
        if !shares.contains_key(control) && !control.is_empty() {
            let near = closest(control, shares.keys().map(String::as_str));
            let hint = near.map_or_else(
                || format!("Add `{control}: 0.5` with its share."),
                |near| format!("Did you mean `control: {near}`?"),
            );
            self.note("assignment.shares", format!("the control `{control}` has no share among {}", arms()), hint);
        }
        let total: f64 = shares.values().sum();
        if (total - 1.0).abs() > SHARES_TOLERANCE {
            let message = format!("the shares of {} sum to {}, and not to 1", arms(), (total * 1e6).round() / 1e6);
            let hint = "Give every arm its share of the units; for three equal arms write them to six places or leave `shares` out.";
            self.note("assignment.shares", message, hint);
        } else if shares.len() < 2 {
            self.note("assignment.shares", "there is one arm only".to_owned(), "Give every arm its share.");
        }
    }

    fn clusters(&mut self) {
        let clusters = &self.plan.assignment.cluster_by;
        let distinct: BTreeSet<&String> = clusters.iter().collect();
        if distinct.len() < clusters.len() {
            let message = "`assignment.cluster_by` names a column twice".to_owned();
            self.note("assignment.cluster_by", message, "Keep one of the two.");
        }
        let Some(variance) = self.plan.analysis.variance else { return };
        let clustered = matches!(
            variance,
            VarianceKind::Cr0 | VarianceKind::Cr1 | VarianceKind::Cr1s | VarianceKind::Cr2 | VarianceKind::Cr3
        );
        if clustered && clusters.is_empty() {
            let message = format!("`{}` is a variance for clusters, and the plan names none", variance.key());
            let hint = "Add `cluster_by: [COLUMN]` under `assignment:`, or write `variance: hc1`.";
            self.note("analysis.variance", message, hint);
        } else if !clustered && !clusters.is_empty() {
            let message = format!("`{}` takes rows as independent, and the plan has clusters", variance.key());
            self.note("analysis.variance", message, "Write `variance: cr2`, or leave it out.");
        }
    }

    fn requests(&mut self) {
        for (i, request) in self.plan.requests.iter().enumerate() {
            let listed = format!("requests[{i}]");
            let path = if self.plan.places.contains_key(&listed) { listed } else { "requests".to_owned() };
            if *request != EffectRequest::Itt && self.plan.treated.is_none() && !self.reader.complained_of("treated") {
                let message = format!("`{}` is about what units took up, and the plan does not name it", request.key());
                let hint = "Add `treated: COLUMN` at the top level: the arm that a unit took up, or 1 and 0.";
                self.note(&path, message, hint);
            }
            let covariates = !self.plan.covariates.is_empty() || self.reader.complained_of("covariates");
            if *request == EffectRequest::Ate && !covariates {
                let message = "`ate` carries the effect from those whom the assignment moves to everyone by their covariates, and the plan names none".to_owned();
                self.note(&path, message, "Add `covariates: [a, b]`, or ask for `late`.");
            }
        }
    }

    fn looks(&mut self) {
        let looks = self.plan.looks;
        if looks.plan == LookPlan::Anytime && looks.planned_n.is_none() && !self.reader.complained_of("looks.planned_n")
        {
            let message =
                "`looks.planned_n` is missing: intervals that hold at any time are narrowest at a size that is planned";
            let hint = "Add `planned_n: 20000` under `looks:`, the units (or clusters) that there will be at the end.";
            self.note("looks.plan", message.to_owned(), hint);
        }
    }

    fn circles(&mut self) {
        let plan = self.plan;
        for name in plan.data.derive.keys().filter(|name| plan.data.origins(name).contains(name.as_str())) {
            let hint = "Give each derived column a name of its own, and compute it from columns of the file.";
            self.note(&format!("data.derive.{name}"), format!("`{name}` is computed from itself"), hint);
        }
    }

    /// The job that a column has already.
    fn job(&self, column: &str) -> Option<&'static str> {
        let assignment = &self.plan.assignment;
        let is = |job: &Option<String>| job.as_deref() == Some(column);
        match () {
            () if assignment.column == column => Some("`assignment.column`"),
            () if is(&self.plan.treated) => Some("`treated`"),
            () if is(&assignment.unit_id) => Some("`assignment.unit_id`"),
            () if is(&assignment.propensity) => Some("`assignment.propensity`"),
            () if is(&assignment.assigned_at) || is(&assignment.exposed_at) => Some("a time of the assignment"),
            () => None,
        }
    }

    fn is_late(&self, column: &str) -> bool {
        self.plan.data.columns.get(column).and_then(|said| said.measured) == Some(Measured::After)
    }

    /// The column that a column is computed from, at however many steps, or itself, that was measured after the start; or
    /// that says what a unit got.
    fn after_the_start(&self, column: &str) -> Option<(String, &'static str)> {
        let origins = self.plan.data.origins(column);
        let mut all = origins.into_iter().chain([column]);
        all.find_map(|name| {
            if self.is_late(name) {
                Some((name.to_owned(), "was measured after the start (`data.columns`)"))
            } else if self.plan.assignment.column == name || self.plan.treated.as_deref() == Some(name) {
                Some((name.to_owned(), "says which arm a unit got"))
            } else {
                None
            }
        })
    }

    fn covariates(&mut self) {
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        for (i, column) in self.plan.covariates.iter().enumerate().filter(|(_, column)| !column.is_empty()) {
            let path = format!("covariates[{i}]");
            if let Some(first) = seen.insert(column, i) {
                let hint = format!("It is already `covariates[{first}]`; keep one of the two.");
                self.note(&path, format!("the covariate `{}` is listed twice", shown(column)), hint);
            } else if let Some(job) = self.job(column) {
                let message = format!("`{}` is {job} and is listed as a covariate", shown(column));
                self.note(&path, message, "Take it out here.");
            } else if let Some((late, why)) = self.after_the_start(column) {
                let message = match late == *column {
                    true => format!("`{}` {why} and is listed as a covariate", shown(column)),
                    false => {
                        format!("the covariate `{}` is computed from `{}`, which {why}", shown(column), shown(&late))
                    }
                };
                let hint = "Take it out here: adjusting for something that the arms may have changed hides part of the effect or makes one up. It can be a metric.";
                self.note(&path, message, hint);
            } else {
                self.before_start(&path, column);
            }
        }
    }

    /// `pre_sales` needs rows of `sales` with a time, and a length.
    fn before_start(&mut self, path: &str, covariate: &str) {
        let Some(name) = covariate.strip_prefix(super::BEFORE) else { return };
        let Some(metric) = self.plan.metrics.iter().find(|metric| metric.name == name) else { return };
        if metric.time.is_none() {
            // A value in the table of assignments may well have an earlier one beside it.
            if metric.source.is_some() && !self.reader.complained_of(&format!("metrics.{name}.time")) {
                let message = format!("`{covariate}` is `{name}` before the start, and `metrics.{name}` has no time");
                let hint = format!(
                    "Add `time: COLUMN` to it. If `{covariate}` is a column of the table of assignments, give it another name: `derive: {{{name}_before: {covariate}}}` under `data:`."
                );
                self.note(path, message, hint);
            }
            return;
        }
        if !self.has_start() {
            return;
        }
        if matches!(metric.measure, Measure::Quantile { .. }) {
            let message =
                format!("`{covariate}` is not one number for a unit, since `{name}` is a quantile of all rows");
            self.note(path, message, "Take it out, or name a metric that is a sum or a mean.");
        } else if metric.window.is_none()
            && self.plan.assignment.pre_period.is_none()
            && !self.reader.complained_of(&format!("metrics.{name}.window"))
            && !self.reader.complained_of("assignment.pre_period")
        {
            let message = format!("`{covariate}` does not say over how many days, since `{name}` has no window");
            let hint =
                format!("Add `pre_period: 14d` under `assignment:`, or `window: [0d, 14d]` to `metrics.{name}`.");
            self.note(path, message, hint);
        }
    }

    /// Segments and filters choose units by what was settled before.
    fn conditions(&mut self) {
        let segments = self.plan.segments.iter().enumerate();
        let segments = segments.map(|(i, written)| ("segment", format!("segments[{i}]"), written));
        let filters = self.plan.data.filter.iter().map(|written| ("filter", "data.filter".to_owned(), written));
        let found: Vec<(String, String)> = segments
            .chain(filters)
            .filter_map(|(noun, path, written)| {
                let (late, why) = written.columns().into_iter().find_map(|column| self.after_the_start(column))?;
                Some((path, format!("the {noun} `{}` chooses units by `{late}`, which {why}", shown(&written.text))))
            })
            .collect();
        for (path, message) in found {
            let hint = "Units that are chosen by something that the arms may have changed cannot be compared. Choose by columns that were settled before the start.";
            self.note(&path, message, hint);
        }
        self.metrics_in_segments();
    }

    fn metrics_in_segments(&mut self) {
        let plan = self.plan;
        for (i, written) in plan.segments.iter().enumerate() {
            for name in written.columns().into_iter().filter(|name| plan.before_start(name).is_some()) {
                let message = format!("a segment names `{name}`, which is computed from the rows of a metric");
                let hint =
                    "Choose units by a column of the table of assignments; the covariates may have computed ones.";
                self.note(&format!("segments[{i}]"), message, hint);
            }
        }
    }
}
