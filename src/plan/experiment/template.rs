//! The plan of an experiment that `oci-agent init --experiment` writes: it parses as it is, and fits on a page.

use super::proposal::{ExperimentProposal, ProposedMetric};
use crate::plan::quote::{yaml_text, yaml_value};
use crate::plan::reader::shown;
use crate::plan::template::{comment, line};
use crate::text::lists::listed;
use std::fmt::Write as _;

/// The longest line of a list.
const LINE: usize = 110;
/// The most arms that are named in the title.
const MOST_NAMED: usize = 3;
/// The most columns that are named as left out.
const MOST_LEFT_OUT: usize = 6;

/// The input of a template.
#[derive(Debug, Clone, Copy)]
pub struct ExperimentTemplateInput<'a> {
    /// The table of assignments, relative to where the plan will be.
    pub source: &'a str,
    /// The column of the arms.
    pub assignment: &'a str,
    /// The arms.
    pub arms: &'a [String],
    /// The arm that the others are compared with.
    pub control: &'a str,
    /// True if nobody said so, and its name does not.
    pub control_is_guess: bool,
    /// What the plan says besides.
    pub proposal: &'a ExperimentProposal,
}

/// The plan, at most 60 lines.
#[must_use]
pub fn experiment_template(input: &ExperimentTemplateInput<'_>) -> String {
    let proposal = input.proposal;
    let others: Vec<String> =
        input.arms.iter().filter(|arm| arm.as_str() != input.control).map(|arm| shown(arm)).collect();
    let (arms, does) = match others.as_slice() {
        [only] => (only.clone(), "Does"),
        few if few.len() <= MOST_NAMED => (listed(few), "Do"),
        _ => ("the other arms".to_owned(), "Do"),
    };
    let metric = proposal.metrics.first().map_or("what is measured", |metric| metric.name.as_str());
    let mut out = String::from(HEADER);
    line(&mut out, "title", &format!("{arms} against {}", shown(input.control)));
    line(&mut out, "question", &format!("{does} {arms} change {}?", shown(metric)));
    out.push_str("design: experiment\n\ndata:\n");
    line(&mut out, "  source", input.source);
    assignment(&mut out, input);
    if let Some(column) = &proposal.treated {
        out.push_str("\n# A guess: nobody in the control arm has it, so it says who took the treatment up.\n");
        line(&mut out, "treated", column);
    }
    metrics(&mut out, proposal);
    covariates(&mut out, proposal);
    let requests = if proposal.treated.is_some() { "[itt, late]" } else { "[itt]" };
    let _ = write!(
        out,
        "{LOOKS}requests: {requests}   # effects of being assigned; late, att and ate are of the treatment\n{END}"
    );
    out
}

fn assignment(out: &mut String, input: &ExperimentTemplateInput<'_>) {
    let proposal = input.proposal;
    out.push_str("\nassignment:\n");
    line(out, "  column", input.assignment);
    let guess = if input.control_is_guess { "   # a guess: which arm are the others compared with?" } else { "" };
    let _ = writeln!(out, "  control: {}{guess}", yaml_value(input.control));
    if let Some(unit) = &proposal.unit_id {
        line(out, "  unit_id", unit);
    }
    if let Some(cluster) = &proposal.cluster {
        out.push_str(match proposal.unit_id.as_ref() == Some(cluster) {
            true => "  # Units have several rows, which are alike: standard errors count units.\n",
            false => "  # All rows of a group have one arm, so groups were drawn: standard errors count groups.\n",
        });
        let _ = writeln!(out, "  cluster_by: [{}]", yaml_text(cluster));
    }
    out.push_str(
        "  # As planned, not as found: the audit holds the arms against it. Without it the shares are equal.\n",
    );
    if let Some(shares) = equal_shares(input.arms) {
        let _ = writeln!(out, "  # shares: {{{}}}", shares.join(", "));
    }
    for (key, column) in [("  assigned_at", &proposal.assigned_at), ("  exposed_at", &proposal.exposed_at)] {
        if let Some(column) = column {
            line(out, key, column);
        }
    }
    if let Some(days) = proposal.pre_period {
        let _ = writeln!(out, "  pre_period: {days}d");
    }
    if proposal.assigned_at.is_none() {
        out.push_str("  # start: 2026-03-01   # or assigned_at: COLUMN; windows of metrics count from it\n");
    }
}

/// The shares of a few arms, to as many places as they need to sum to 1.
fn equal_shares(arms: &[String]) -> Option<Vec<String>> {
    let share = match arms.len() {
        2 => "0.5",
        3 => "0.333333",
        4 => "0.25",
        5 => "0.2",
        _ => return None,
    };
    Some(arms.iter().map(|arm| format!("{}: {share}", yaml_value(arm))).collect())
}

fn metrics(out: &mut String, proposal: &ExperimentProposal) {
    out.push_str(METRICS);
    if proposal.metrics.iter().any(|metric| metric.guess) {
        out.push_str(
            "# A guess: no name in the file says what was measured after the start. Name another if it is another.\n",
        );
    }
    out.push_str("metrics:\n");
    for (i, metric) in proposal.metrics.iter().enumerate() {
        let role = if i == 0 { "primary" } else { "secondary" };
        let _ = writeln!(out, "  {}: {{{}, role: {role}}}", yaml_text(&metric.name), said(metric).join(", "));
    }
}

fn said(metric: &ProposedMetric) -> Vec<String> {
    let source = metric.source.iter().map(|source| format!("source: {}", yaml_text(source)));
    let measure = std::iter::once(format!("expression: {}", yaml_text(&metric.expression)));
    let time = metric.time.iter().map(|time| format!("time: {}", yaml_text(time)));
    let window = metric.window.iter().map(|days| format!("window: [0d, {days}d]"));
    source.chain(measure).chain(time).chain(window).collect()
}

fn covariates(out: &mut String, proposal: &ExperimentProposal) {
    out.push_str(COVARIATES);
    if let Some(metric) = proposal.metrics.iter().find(|metric| metric.reaches_back.is_some()) {
        let text = format!("`pre_{0}` is `{0}` over the days before the start.", metric.name);
        comment(out, "", &text);
    }
    let names: Vec<String> = proposal.covariates.iter().map(|name| yaml_text(name)).collect();
    out.push_str(&list("covariates", &names));
    for (name, reason) in proposal.left_out.iter().take(MOST_LEFT_OUT) {
        comment(out, "", &format!("left out: {} ({reason})", shown(name)));
    }
    let more = proposal.left_out.len().saturating_sub(MOST_LEFT_OUT);
    if more > 0 {
        comment(out, "", &format!("left out: {more} more columns"));
    }
}

/// `key: [a, b]` on as many lines as it takes.
fn list(key: &str, items: &[String]) -> String {
    let mut out = format!("{key}: [");
    let mut length = out.chars().count();
    for (i, item) in items.iter().enumerate() {
        let item = if i + 1 < items.len() { format!("{item},") } else { item.clone() };
        let blank = if i == 0 { "" } else { " " };
        if length + 1 + item.chars().count() > LINE && i > 0 {
            out.push_str("\n  ");
            length = 2;
        } else {
            out.push_str(blank);
            length += blank.len();
        }
        length += item.chars().count();
        out.push_str(&item);
    }
    out + "]\n"
}

const HEADER: &str = "\
# yaml-language-server: $schema=https://raw.githubusercontent.com/oci-agent/oci-agent/main/docs/experiment.schema.json
# The plan of an experiment, to be edited. It is complete as it stands, but only you know whether it is true.
#   oci-agent check plan.yaml     reads it against the data and audits the randomisation; no effect is seen
#   oci-agent run plan.yaml       opens the results, which is a look and goes on record, and decides
# Metrics, roles, margins and segments are frozen at the first look. The keys: docs/experiments.md.

";

const METRICS: &str = "
# What the arms may change. The first decides: say with `smallest_effect: 1%` from which size on it matters. What must not get
# worse is a guardrail: {expression: mean(ms), role: guardrail, worse: up, margin: 20}. Other files: `source: orders.csv`.
";

const COVARIATES: &str = "
# Settled before the start, one and all: take out what the arms may have changed. They make intervals shorter.
";

const LOOKS: &str = "
# segments: ['tenure > 30']   # effects in parts of the units, by what was settled before the start
looks: {plan: fixed}          # one look at the end; or {plan: anytime, planned_n: 20000} for any number of them
";

const END: &str = "seed: 20261121\n";
