//! The order of things: the plan before the data, one history, the same data still.

use super::Outside;
use super::checks::{Checked, Place};
use super::facts::{AuditFinding as Finding, Unaudited};
use super::history::{AuditedCommit, Document, Filed, History, line_of, places_of};
use serde_json::Value;
use std::collections::BTreeSet;

/// Files that are made from the data.
const FROM_DATA: [&str; 8] = [
    "dataset.json",
    "spec.yaml",
    "design.json",
    "critique.json",
    "health.json",
    "looks.json",
    "results.json",
    "report.md",
];

/// The plan before anything that was read from the data, never changed, and named by its hash everywhere.
pub(super) fn plan_first(history: &History<'_>) -> Checked {
    let mut check = Checked::default();
    let (plan, sha256) = (history.plan_file, history.plan_sha256());
    check.add(Finding::PlanCommitted, plan.at(Some(1)));
    for (commit, made) in history.commits.iter().enumerate() {
        for file in &made.changed {
            let filed = Filed { commit, file };
            if commit <= plan.commit && FROM_DATA.contains(&file.name()) {
                check.add(Finding::BeforePlan, filed.at(None));
            } else if commit > plan.commit && file.path == plan.file.path {
                check.add(Finding::PlanChanged, filed.at(None));
            }
        }
        if let Some(named) = made.trailer("Plan-SHA256").filter(|named| *named != sha256) {
            check.add(Finding::OtherPlan { named: named.to_owned() }, Place::commit(commit));
        }
    }
    for document in [&history.manifest, &history.results].into_iter().flatten() {
        if let Some((named, place)) = names_other(document, "plan_sha256", &sha256) {
            check.add(Finding::OtherPlan { named }, place);
        }
    }
    if let Some(dataset) = &history.dataset {
        check.add(Finding::DataFirstRead, dataset.filed.at(Some(1)));
    }
    check
}

/// The hash under a key of a document, if it is not the expected one.
fn names_other(document: &Document<'_, Value>, key: &str, expected: &str) -> Option<(String, Place)> {
    let named = document.read()?.get(key)?.as_str().filter(|named| *named != expected)?;
    let line = line_of(&places_of(document.filed), key);
    Some((named.to_owned(), document.filed.at(line)))
}

/// The name of a follow-up or of a partition, if a commit is one and touches nothing but the folder of its kind.
fn asked_later(commit: &AuditedCommit) -> Option<String> {
    let kinds = [("Follow-Up", "sweeps"), ("Watch-Partition", "watch")];
    kinds.into_iter().find_map(|(key, folder)| {
        let name = commit.trailer(key)?;
        let within = commit.changed.iter().all(|file| file.path.split('/').next() == Some(folder) && !file.gone);
        within.then(|| name.to_owned())
    })
}

/// One history, as the commits have it.
pub(super) fn history(history: &History<'_>, outside: &Outside) -> Checked {
    let mut check = Checked::default();
    let last = history.commits.len().saturating_sub(1);
    let end = history.commits.iter().position(|commit| commit.trailer("Run-Status") == Some("finished"));
    match end {
        Some(end) if outside.finished => {
            check.add(Finding::Finished { commits: history.commits.len() }, Place::commit(end));
            for (late, commit) in history.commits.iter().enumerate().take(last + 1).skip(end + 1) {
                let asked = asked_later(commit).map(|name| Finding::AskedLater { name });
                check.add(asked.unwrap_or(Finding::CommitAfterEnd), Place::commit(late));
            }
        }
        _ => check.add(Finding::NotFinished, Place::commit(last)),
    }
    for (at, _) in history.commits.iter().enumerate().filter(|(_, commit)| !commit.plain) {
        check.add(Finding::ForeignCommit, Place::commit(at));
    }
    for filed in &history.rewritten {
        check.add(Finding::Rewritten, filed.at(None));
    }
    for (filed, reason) in &history.unreadable {
        check.add(Finding::Unreadable { reason: reason.clone() }, filed.at(None));
    }
    let documents = [
        &history.manifest,
        &history.dataset,
        &history.identification,
        &history.health,
        &history.looks,
        &history.results,
    ];
    for document in documents.into_iter().flatten().chain(&history.exchanges) {
        if let Err(reason) = &document.value {
            check.add(Finding::Unreadable { reason: reason.clone() }, document.filed.at(None));
        }
    }
    for name in &outside.replaced {
        check.add(Finding::Replaced { name: name.clone() }, Place { commit: None, file: None, line: None });
    }
    for id in &outside.left_behind {
        check.add(Finding::LeftBehind { id: id.clone() }, Place { commit: None, file: None, line: None });
    }
    for path in &outside.edited {
        check.add(Finding::EditedFile, Place::outside(path));
    }
    check
}

/// The data now against their fingerprint on record.
pub(super) fn data(history: &History<'_>, outside: &Outside) -> Checked {
    let Some(dataset) = &history.dataset else { return Checked::waits_for("dataset.json") };
    let mut check = Checked::default();
    let (sha256, files) = history.data_sha256();
    for (commit, made) in history.commits.iter().enumerate() {
        // A partition has data of its own, and says so.
        if made.trailer("Watch-Partition").is_some() && asked_later(made).is_some() {
            continue;
        }
        if let Some(named) = made.trailer("Data-SHA256").filter(|named| *named != sha256) {
            check.add(Finding::OtherData { named: named.to_owned() }, Place::commit(commit));
        }
    }
    for document in [&history.manifest, &history.results].into_iter().flatten() {
        if let Some((named, place)) = names_other(document, "data_sha256", &sha256) {
            check.add(Finding::OtherData { named }, place);
        }
    }
    let in_store = outside.in_stores.first().map(|name| Unaudited::InStore { name: name.clone() });
    if outside.data.is_empty() {
        let no_data = || Unaudited::NoData { root: outside.data_root.clone() };
        check.unless_fault(in_store.unwrap_or_else(no_data));
        return check;
    }
    let named = files.keys().chain(outside.data.keys());
    let names: BTreeSet<&String> = named.filter(|name| !outside.in_stores.contains(*name)).collect();
    let mut there = 0;
    for name in names {
        let (recorded, now) = (files.get(name).cloned(), outside.data.get(name).cloned());
        if recorded == now {
            there += 1;
        } else {
            check.add(Finding::DataDiffers { recorded, now }, Place::outside(name));
        }
    }
    if let Some(in_store) = in_store {
        check.unless_fault(in_store);
    } else if !check.has_fault() {
        let place = dataset.filed.at(line_of(&places_of(dataset.filed), "files"));
        // What the data are now is no part of any commit, so it is told whatever part of the history is audited.
        check.add(Finding::DataSame { files: there }, Place { commit: None, ..place });
    }
    check
}
