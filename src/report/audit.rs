//! An audit in words: for a terminal, and as markdown.

mod findings;
mod target;

use crate::record::audit::{
    Audit, AuditCheck, AuditCode, AuditCounts, AuditFact, AuditStatus, TargetRow, TargetState, Unaudited,
};
use crate::report::table::{Column, Table};
use crate::text::escape::{markdown as escaped, markdown_code, markdown_inline, one_line};
use crate::text::lists::{counted, listed};
use std::collections::{BTreeMap, BTreeSet};

/// So many facts of a check are told.
const MOST_FACTS: usize = 12;
/// Characters of a commit id.
const SHORT: usize = 8;

/// The audit for a terminal: what came out, then every check with its evidence, then the TARGET items.
#[must_use]
pub fn terminal(found: &Audit) -> String {
    let mut lines = vec![one_line(&headline(found))];
    lines.extend(since(found).map(|line| one_line(&line)));
    for check in &found.checks {
        lines.push(String::new());
        lines.push(format!("{:<14}  {}", status(check.status), claim(check.code)));
        if let Some(because) = &check.because {
            lines.push(format!("                {}", one_line(&reason(because))));
        }
        for fact in told(check) {
            let place = place(fact).map_or(String::new(), |place| format!("  [{}]", one_line(&place)));
            let mark = if fact.fault { "! " } else { "" };
            lines.push(format!("                {mark}{}{}", one_line(&findings::sentence(&fact.finding)), place));
        }
        lines.extend(left_out(check).map(|line| format!("                {line}")));
    }
    if !found.target.is_empty() {
        lines.push(String::new());
        lines.push(target_headline(&found.target));
        for row in &found.target {
            let place = row_place(row).map_or(String::new(), |place| format!("  [{}]", one_line(&place)));
            let state = target_state(row.state);
            lines.push(format!("  {:<6}  {state:<8}  {}{}", row.item, target::words(row.part), place));
        }
    }
    lines.join("\n") + "\n"
}

/// The audit as a markdown document.
#[must_use]
pub fn markdown(found: &Audit) -> String {
    let mut parts = vec![format!("# {}", escaped(&format!("Audit: {}", found.title)))];
    parts.push(format!("**{}**", markdown_inline(&headline(found))));
    parts.extend(since(found).map(|line| escaped(&line)));
    parts.push(format!(
        "Run {}, branch {}, commit {}.",
        markdown_code(&found.run),
        markdown_code(&found.branch),
        markdown_code(&found.commit)
    ));
    let mut table = Table::new(&[("outcome", Column::Words), ("check", Column::Words)]);
    for check in &found.checks {
        table.push(vec![status(check.status).to_owned(), claim(check.code).to_owned()]);
    }
    parts.push(table.to_markdown().trim_end().to_owned());
    for check in &found.checks {
        parts.push(format!("## {}", escaped(claim(check.code))));
        let because = check.because.as_ref().map_or(String::new(), |because| format!(": {}", reason(because)));
        parts.push(escaped(&format!("{}{because}", capital(status(check.status)))));
        let facts = told(check).map(|fact| {
            let place = place(fact).map_or(String::new(), |place| format!(" ({})", markdown_code(&place)));
            let sentence = markdown_inline(&findings::sentence(&fact.finding));
            if fact.fault { format!("- **{sentence}**{place}") } else { format!("- {sentence}{place}") }
        });
        let facts: Vec<String> = facts.chain(left_out(check).map(|line| format!("- {line}"))).collect();
        if !facts.is_empty() {
            parts.push(facts.join("\n"));
        }
    }
    if !found.target.is_empty() {
        parts.push("## TARGET items".to_owned());
        parts.push(escaped(&target_headline(&found.target)));
        let columns = [
            ("item", Column::Words),
            ("asks for", Column::Words),
            ("reported", Column::Words),
            ("where", Column::Code),
        ];
        let mut table = Table::new(&columns);
        for row in &found.target {
            let place = row_place(row).unwrap_or_default();
            table.push(vec![
                row.item.to_owned(),
                target::words(row.part).to_owned(),
                target_state(row.state).to_owned(),
                place,
            ]);
        }
        parts.push(table.to_markdown().trim_end().to_owned());
        parts.push(
            "TARGET: Cashin et al. 2025, doi:10.1001/jama.2025.13350; the items are worded anew here.".to_owned(),
        );
    }
    parts.join("\n\n") + "\n"
}

fn headline(found: &Audit) -> String {
    let AuditCounts { pass, fail, not_applicable, not_checked } = found.counts;
    let all = found.checks.len();
    let others = [
        (fail, "fails", "fail"),
        (not_checked, "was not made", "were not made"),
        (not_applicable, "has no meaning here", "have no meaning here"),
    ];
    let told = others
        .iter()
        .filter(|it| it.0 > 0)
        .map(|(count, one, several)| format!("{count} {}", if *count == 1 { one } else { several }));
    let told: Vec<String> = told.collect();
    let rest = if told.is_empty() { String::new() } else { format!("; {}", told.join(", ")) };
    format!("{pass} of {all} checks pass{rest}.")
}

fn since(found: &Audit) -> Option<String> {
    let since = found.since.as_deref()?;
    Some(format!("Only the {} after {} were audited.", counted(found.commits, "commit"), short(since)))
}

fn short(id: &str) -> String {
    id.chars().take(SHORT).collect()
}

fn capital(text: &str) -> String {
    crate::text::lines::capitalised(&text.to_lowercase())
}

fn status(status: AuditStatus) -> &'static str {
    match status {
        AuditStatus::Pass => "pass",
        AuditStatus::Fail => "FAIL",
        AuditStatus::NotApplicable => "not applicable",
        AuditStatus::NotChecked => "not checked",
    }
}

/// What a check claims.
fn claim(code: AuditCode) -> &'static str {
    match code {
        AuditCode::PlanFirst => "The plan was committed before anything that was read from the data, and stayed",
        AuditCode::History => "The history is one finished run, and nobody touched it",
        AuditCode::Alignment => "What was specified and run is what the plan says",
        AuditCode::Tools => "Nothing outside the allow-list was used",
        AuditCode::Blindness => "No effect was there before unblinding",
        AuditCode::SpecsReported => "Every spec that was tried is reported",
        AuditCode::EarlierRuns => "Everything that was unblinded before is reported",
        AuditCode::Covariates => "Nothing that treatment may have changed is adjusted for",
        AuditCode::Diagnostics => "The declared diagnostics were run",
        AuditCode::Deviations => "Deviations from the ideal trial are explained",
        AuditCode::Remediations => "What was done about failed diagnostics is reported",
        AuditCode::Gates => "Gates were respected",
        AuditCode::Numbers => "The numbers of the report can be traced",
        AuditCode::Data => "The data are those that were analysed",
    }
}

fn reason(because: &Unaudited) -> String {
    match because {
        Unaudited::NoGates => "the plan has no gates".to_owned(),
        Unaudited::NotBlindByPlan => "the plan asks not to be blind (`loop: {blind: false}`)".to_owned(),
        Unaudited::NotInExperiments => "a randomised experiment has no such thing".to_owned(),
        Unaudited::NothingRevised => "nothing was revised: there is one spec, drafted from the plan".to_owned(),
        Unaudited::NoIdealTrial => "the plan names no ideal trial (`target_trial`)".to_owned(),
        Unaudited::NotThere { file } => format!("the run has no {file}, or none that can be read"),
        Unaudited::NoRecord { file } => {
            format!("{file} is not beside the run, as in a clone; audit it where it was made")
        }
        Unaudited::NoData { root } => {
            format!("the data are not in {root}; `--data-root DIR` names the folder that the plan's paths start from")
        }
        Unaudited::InStore { name } => {
            format!("`{name}` is read from a store, which an audit does not ask; `oci-agent verify` reads it again")
        }
        Unaudited::BeforeSince => "everything that it is about is older than the commits that were audited".to_owned(),
    }
}

fn told(check: &AuditCheck) -> impl Iterator<Item = &AuditFact> {
    check.facts.iter().take(MOST_FACTS)
}

fn left_out(check: &AuditCheck) -> Option<String> {
    let left = check.facts.len().checked_sub(MOST_FACTS).filter(|left| *left > 0)?;
    Some(format!("and {left} more; --json has all of them"))
}

/// `report.md:12, 8850514a`.
fn place(fact: &AuditFact) -> Option<String> {
    named_place(fact.file.as_deref(), fact.line, fact.commit.as_deref())
}

fn row_place(row: &TargetRow) -> Option<String> {
    named_place(row.file.as_deref(), row.line, row.commit.as_deref())
}

fn named_place(file: Option<&str>, line: Option<usize>, commit: Option<&str>) -> Option<String> {
    let line = line.map_or(String::new(), |line| format!(":{line}"));
    let file = file.map(|file| format!("{file}{line}"));
    let commit = commit.map(|id| if file.is_some() { short(id) } else { format!("commit {}", short(id)) });
    let parts: Vec<String> = file.into_iter().chain(commit).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn target_state(state: TargetState) -> &'static str {
    match state {
        TargetState::Reported => "reported",
        TargetState::Partly => "partly",
        TargetState::Missing => "missing",
    }
}

/// How many of the 21 items are reported: an item of several parts is, if all of them are.
fn target_headline(rows: &[TargetRow]) -> String {
    let mut items: BTreeMap<u32, BTreeSet<TargetState>> = BTreeMap::new();
    for row in rows {
        items.entry(row.number()).or_default().insert(row.state);
    }
    let only = |states: &BTreeSet<TargetState>, state| states.len() == 1 && states.contains(&state);
    let reported = items.values().filter(|states| only(states, TargetState::Reported)).count();
    let missing: Vec<String> = items
        .iter()
        .filter(|(_, states)| only(states, TargetState::Missing))
        .map(|(number, _)| number.to_string())
        .collect();
    let partly = items.len() - reported - missing.len();
    let lacks =
        if missing.is_empty() { "none is missing".to_owned() } else { format!("missing: {}", listed(&missing)) };
    format!(
        "Of the {} items of TARGET, the guideline for reports of studies that emulate a target trial, the run reports {reported}, and {partly} in part; {lacks}.",
        items.len()
    )
}
