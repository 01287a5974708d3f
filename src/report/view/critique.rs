//! The critic's findings, for `critique.md` and for the report.

use super::provenance::revision;
use crate::finding::{Code, Finding, Severity};
use crate::plan::Plan;
use crate::record::ReportError;
use crate::record::critique::{AlignmentCheck, AnalysisCritique, Critique, Stage};
use crate::report::sentences;
use crate::report::table::{Column, Table};
use crate::report::view::{lines, merged, models, object, table};
use crate::spec::AnalysisSpec;
use crate::text::lists::listed;
use crate::text::numbers;
use minijinja::value::Value;

/// The context of `templates/critique.j2`.
///
/// # Errors
/// [`ReportError::EffectWhileBlind`] if a blind critique carries a value that only an effect can give.
pub fn critique_context(critique: &Critique, spec: &AnalysisSpec, plan: &Plan) -> Result<Value, ReportError> {
    if critique.stage == Stage::Design && spec.blind {
        refuse_effects(critique)?;
    }
    let analyses = critique.analyses.iter().map(|a| analysis(a, Value::from(Vec::<Value>::new())));
    let entries = [
        ("title", Value::from(plan.title.trim_end_matches('.'))),
        ("question", Value::from(plan.question.as_str())),
        ("heading", Value::from(format!("Critique of iteration {}", critique.iteration))),
        ("stage", Value::from(stage(critique.stage, spec.blind))),
        ("verdicts", table(verdicts(critique))),
        ("revisions", lines(spec.revisions.iter().map(revision).collect())),
        ("conduct", Value::from(false)),
        ("folded", Value::from(false)),
        ("reasons", Value::from(models::reasons(spec.iteration, &spec.revisions))),
        ("analyses", Value::from(analyses.collect::<Vec<_>>())),
        ("spec_sha256", Value::from(critique.spec_sha256.as_str())),
    ];
    Ok(merged(entries, shared(critique, plan)))
}

/// The robustness value, the E-value and the tipping point need the effect; while blind there must be none.
fn refuse_effects(critique: &Critique) -> Result<(), ReportError> {
    let mut findings = critique.analyses.iter().flat_map(|a| &a.findings);
    let told = findings.find(|f| f.code.needs_effect() && f.value.is_some());
    match told {
        None => Ok(()),
        Some(finding) => {
            Err(ReportError::EffectWhileBlind { iteration: critique.iteration, code: finding.code.key().to_owned() })
        }
    }
}

fn stage(stage: Stage, blind: bool) -> &'static str {
    match (stage, blind) {
        (Stage::Design, true) => {
            "Written before unblinding, from diagnostics alone: no effect was known, and none is in here."
        }
        (Stage::Design, false) => "Written before the final estimates, in a loop that was not blind.",
        (Stage::Final, _) => "Written after unblinding, with the sensitivity to hidden confounding.",
    }
}

fn verdicts(critique: &Critique) -> Table {
    let mut table = Table::new(&[
        ("asked", Column::Words),
        ("estimand now", Column::Words),
        ("verdict on the design", Column::Words),
    ]);
    for analysis in &critique.analyses {
        let tier = sentences::tier(analysis.tier).to_owned();
        table.push(vec![analysis.requested.acronym().to_owned(), analysis.estimand.clone(), tier]);
    }
    table
}

/// The parts that report and critique share.
pub fn shared(critique: &Critique, plan: &Plan) -> Vec<(&'static str, Value)> {
    let departures = critique.analyses.iter().filter(|a| !a.departs_from_ate.is_empty());
    let departures = departures.map(|a| format!("{}: {}", name(a), a.departs_from_ate)).collect();
    vec![
        ("departures", lines(departures)),
        ("trial", table(trial(critique))),
        ("alternatives", lines(critique.alternatives.clone())),
        ("threats", lines(plan.threats.clone())),
        ("blind_spots", lines(critique.blind_spots.clone())),
        ("remediations", lines(critique.remediations.clone())),
        ("alignment", table(alignment(critique.alignment.iter()))),
        ("disagreeing", disagreeing(critique)),
        ("agreeing", Value::from(agreeing(critique))),
        ("reviewed", models::reviewed(critique)),
    ]
}

fn trial(critique: &Critique) -> Table {
    let mut table =
        Table::new(&[("component", Column::Words), ("target trial", Column::Words), ("this analysis", Column::Words)]);
    for contrast in &critique.trial_contrast {
        table.push(vec![contrast.component.clone(), contrast.target_trial.clone(), contrast.this_analysis.clone()]);
    }
    table
}

/// The checks that do not hold, as a table; `false` if all do.
fn disagreeing(critique: &Critique) -> Value {
    let fail = || critique.alignment.iter().filter(|check| !check.holds);
    if fail().next().is_none() { Value::from(false) } else { table(alignment(fail())) }
}

/// The checks that hold, in a sentence; empty if none does.
fn agreeing(critique: &Critique) -> String {
    let held: Vec<&str> = critique.alignment.iter().filter(|check| check.holds).map(|it| it.check.as_str()).collect();
    let all = if held.len() == critique.alignment.len() { "All " } else { "" };
    match held.len() {
        0 => String::new(),
        1 => format!("{} holds.", held.concat()),
        n => format!("{all}{n} checks hold: {}.", held.join("; ")),
    }
}

fn alignment<'a>(checks: impl Iterator<Item = &'a AlignmentCheck>) -> Table {
    let mut table = Table::new(&[("check", Column::Words), ("holds", Column::Words), ("seen", Column::Words)]);
    for check in checks {
        let holds = if check.holds { "yes" } else { "no" };
        let cells = vec![check.check.clone(), holds.to_owned(), check.detail.clone()];
        if check.holds { table.push(cells) } else { table.push_strong(cells) }
    }
    table
}

fn name(analysis: &AnalysisCritique) -> String {
    let asked = analysis.requested.acronym();
    if asked == analysis.estimand { asked.to_owned() } else { format!("{asked} asked, {} analysed", analysis.estimand) }
}

/// One analysis as the templates see it.
pub fn analysis(analysis: &AnalysisCritique, pictures: Value) -> Value {
    object([
        ("heading", Value::from(format!("{}: {}", name(analysis), sentences::tier(analysis.tier)))),
        ("findings", table(findings(&analysis.findings))),
        ("withheld", Value::from(withheld(&analysis.findings))),
        ("pictures", pictures),
    ])
}

/// The checks that a blind critique cannot make, in a sentence; empty if there are none.
fn withheld(findings: &[Finding]) -> String {
    let hidden = findings.iter().filter(|finding| finding.severity == Severity::Withheld);
    let names: Vec<String> = hidden.map(|finding| format!("`{}`", finding.code.key())).collect();
    if names.is_empty() {
        return String::new();
    }
    format!("Not a pass: {} {} withheld until unblinding.", listed(&names), if names.len() == 1 { "is" } else { "are" })
}

fn findings(findings: &[Finding]) -> Table {
    let mut table = Table::new(&CHECK_COLUMNS);
    for finding in findings.iter().filter(|finding| finding.severity != Severity::Withheld) {
        table.push(cells(finding));
    }
    table
}

/// What a finding says, without the analysis that it is about.
const CHECK_COLUMNS: [(&str, Column); 6] = [
    ("check", Column::Code),
    ("result", Column::Words),
    ("measure", Column::Words),
    ("value", Column::Number),
    ("threshold", Column::Number),
    ("what it means", Column::Words),
];

fn cells(finding: &Finding) -> Vec<String> {
    vec![
        finding.code.key().to_owned(),
        sentences::severity(finding.severity).to_owned(),
        finding.metric.clone(),
        finding.value.map_or("–".to_owned(), |v| number(finding.code, v)),
        finding.threshold.map_or("–".to_owned(), |v| number(finding.code, v)),
        finding.message.clone(),
    ]
}

/// Every finding of every analysis by its check; those that say the same of several analyses stand once.
pub fn checks(critique: &Critique) -> Table {
    let mut rows: Vec<(Code, Vec<String>, Vec<&str>)> = Vec::new();
    for analysis in &critique.analyses {
        for finding in &analysis.findings {
            let (cells, asked) = (cells(finding), analysis.requested.acronym());
            match rows.iter_mut().find(|row| row.1 == cells) {
                Some(row) => row.2.push(asked),
                None => rows.push((finding.code, cells, vec![asked])),
            }
        }
    }
    rows.sort_by_key(|row| Code::ALL.iter().position(|code| *code == row.0));
    let [check, rest @ ..] = CHECK_COLUMNS;
    let mut table = Table::new(&[&[check, ("asked", Column::Words)], &rest[..]].concat());
    for (_, cells, asked) in rows {
        let mut cells = cells.into_iter();
        table.push(cells.next().into_iter().chain([asked.join(", ")]).chain(cells).collect());
    }
    table
}

/// Shares as percentages, p-values as such, everything else to three digits after the point.
fn number(code: Code, value: f64) -> String {
    match code {
        Code::OverlapOutside | Code::EstimateStandardError | Code::SensitivityRobustness => numbers::percent(value),
        Code::OverlapEffectiveSize | Code::EstimateConvergence => numbers::fixed(value, 0),
        Code::PlaceboEffect => numbers::p_value(value),
        _ => numbers::fixed(value, 3),
    }
}
