//! Where the numbers come from: specs tried, what was done to the rows, hashes, and how to get them again.

use crate::plan::Plan;
use crate::record::documents::{ResultsDocument, SpecTried};
use crate::report::sentences;
use crate::report::table::{Column, Table};
use crate::spec::Revision;
use crate::text::lists;
use crate::text::numbers;

pub fn specs_count(results: &ResultsDocument) -> String {
    match results.specs_tried.len() {
        1 => format!("One spec was tried{}.", in_this_run(results)),
        n => format!("{n} specs were tried{}.", in_this_run(results)),
    }
}

fn in_this_run(results: &ResultsDocument) -> &'static str {
    if results.unblinded_before.is_empty() { "" } else { " in this run" }
}

pub fn blinding(plan: &Plan, results: &ResultsDocument) -> &'static str {
    if plan.loop_.blind && !results.unblinded_before.is_empty() {
        "Which came next was decided from diagnostics alone; but an earlier run had shown an effect on this outcome before this plan was written."
    } else if plan.loop_.blind {
        "Which came next was decided from diagnostics alone: no effect was computed before the loop had settled."
    } else {
        "The loop was not blind: effects could be seen while specs were chosen, which caps every verdict."
    }
}

pub fn specs(results: &ResultsDocument) -> Table {
    let mut table = Table::new(&[
        ("iteration", Column::Number),
        ("spec", Column::Code),
        ("what changed, and why", Column::Words),
        ("verdict on the design", Column::Words),
    ]);
    for spec in &results.specs_tried {
        table.push(vec![
            spec.iteration.to_string(),
            numbers::short_hash(&spec.spec_sha256),
            changes(spec),
            tiers(spec),
        ]);
    }
    table
}

fn changes(spec: &SpecTried) -> String {
    if spec.revisions.is_empty() {
        return "draft from the plan".to_owned();
    }
    let mut told: Vec<(&Revision, Vec<&str>)> = Vec::new();
    for made in &spec.revisions {
        let asked = made.requested.acronym();
        match told.iter_mut().find(|group| group.0.is_same_step(made)) {
            Some(group) => group.1.push(asked),
            None => told.push((made, vec![asked])),
        }
    }
    told.iter().map(|group| about(&lists::listed(&group.1), group.0)).collect::<Vec<_>>().join(" ")
}

/// A revision in a sentence or two.
pub fn revision(revision: &Revision) -> String {
    about(revision.requested.acronym(), revision)
}

/// A revision of several analyses, whose names are given.
fn about(analyses: &str, revision: &Revision) -> String {
    let by = if revision.reverted {
        format!("{} undone", revision.playbook)
    } else if revision.because.is_empty() {
        // A model may change something that no finding calls for; its reason stands elsewhere, in its own words.
        format!("by {}, for its own reason", revision.playbook)
    } else {
        format!("by {}, because of {}", revision.playbook, lists::listed(&revision.because))
    };
    format!("{analyses} {by}: {} {}", revision.change, revision.estimand_effect).trim_end().to_owned()
}

fn tiers(spec: &SpecTried) -> String {
    let graded = spec.tiers.iter().map(|(_, name, tier)| format!("{name}: {}", sentences::tier(*tier)));
    graded.collect::<Vec<_>>().join("; ")
}

/// Everything that was done to rows and values, zeros included.
pub fn rows(results: &ResultsDocument) -> Table {
    let c = &results.counters;
    let mut table = Table::new(&[("what", Column::Words), ("count", Column::Number)]);
    let mut push = |what: String, n: usize| table.push(vec![what, numbers::count(n)]);
    push("rows read".to_owned(), c.rows_read);
    if c.rows_filtered > 0 {
        push("rows not asked about: the filter".to_owned(), c.rows_filtered);
    }
    push("rows dropped: a value was missing".to_owned(), c.rows_dropped_missing);
    push("rows dropped: neither treated nor control level".to_owned(), c.rows_dropped_other_treatment);
    push("rows left out: observation weight zero".to_owned(), c.rows_weight_zero);
    push("rows analysed".to_owned(), c.rows_analysed);
    push("propensities clipped".to_owned(), c.propensities_clipped);
    if let Some(lost) = &c.outcome_missing {
        push("treated without an outcome".to_owned(), lost.treated_lost);
        push("controls without an outcome".to_owned(), lost.control_lost);
    }
    for (column, n) in &c.values_converted_by_column {
        push(format!("converted while reading {column}: `dataset.json` says how"), *n);
    }
    for (column, n) in &c.missing_by_column {
        push(format!("missing in {column}, before anything was done"), *n);
    }
    for (column, n) in &c.values_imputed_by_column {
        push(format!("replaced and marked in {column}"), *n);
    }
    for answer in &results.answers {
        let name = sentences::asked_and_answered(answer);
        // Without a design nobody was trimmed and nobody was kept: there is nothing to count.
        if let Some(p) = &answer.population_numbers {
            push(format!("treated trimmed away ({name})"), p.trimmed_treated);
            push(format!("controls trimmed away ({name})"), p.trimmed_control);
        }
    }
    table
}

pub fn hashes(results: &ResultsDocument, plan: &Plan) -> Table {
    let mut table = Table::new(&[("what", Column::Words), ("value", Column::Code)]);
    let mut push = |what: &str, value: &str| table.push(vec![what.to_owned(), value.to_owned()]);
    push("oci-agent", &results.tool_version);
    push("plan, SHA-256", &results.plan_sha256);
    push("data, SHA-256", &results.data_sha256);
    push("spec, SHA-256", &results.spec_sha256);
    push("data source", &plan.data.source);
    push("actor, critic", &format!("{}, {}", plan.actor.name(), plan.critic.name()));
    push("seed", &plan.seed.to_string());
    for (name, hash) in &results.playbooks {
        push(&format!("playbook {name}, SHA-256"), hash);
    }
    table
}

/// Commands that give the run, and one of its numbers, again.
pub fn commands(results: &ResultsDocument) -> String {
    let mut out = "oci-agent check plan.yaml\noci-agent run plan.yaml --out ../again\n".to_owned();
    let first = results.answers.iter().find_map(|answer| answer.effect.as_ref().map(|effect| (answer, effect)));
    if let Some((answer, effect)) = first {
        out.push_str(&format!(
            "oci-agent estimate plan.yaml --spec spec.yaml --estimand {} --estimator {}\n",
            answer.requested.key(),
            effect.estimator.key()
        ));
    }
    out
}
