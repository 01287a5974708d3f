//! Reads `draft:`.

use super::{
    AcceptedOn, AskedPrincipal, ColumnRole, DraftSection, DraftedBy, DraftedPart, PartJudgement, RoleJudgement,
};
use crate::plan::models;
use crate::plan::reader::{Reader, Section, shown};
use crate::plan::yaml_tree::{Kind, Node};
use std::collections::BTreeMap;

/// The section, if it is written.
pub(in crate::plan) fn read(reader: &mut Reader, root: &Section<'_>) -> Option<DraftSection> {
    root.get("draft")?;
    let (section, _) = reader.section(root, "draft");
    let mut draft = DraftSection {
        model: reader.prose(&section, "model"),
        transcript: reader.prose(&section, "transcript"),
        cost_usd: models::number(reader, &section, "cost_usd"),
        ask_for: reader.text_or_texts(&section, "ask_for"),
        remarks: reader.text_or_texts(&section, "remarks"),
        ..DraftSection::default()
    };
    let mut first: BTreeMap<String, String> = BTreeMap::new();
    for (path, node) in reader.list(&section, "roles") {
        let Some(one) = role(reader, node, &path) else { continue };
        if let Some(before) = first.get(&one.column) {
            let message = format!("the role of `{}` is given twice (`{before}`)", shown(&one.column));
            reader.problem(Some(node.place), &path, message, "Keep one of the two.");
            continue;
        }
        first.insert(one.column.clone(), path);
        draft.roles.push(one);
    }
    for (path, node) in reader.list(&section, "parts") {
        let Some(one) = part(reader, node, &path) else { continue };
        if draft.parts.iter().any(|other| other.part == one.part) {
            let message = format!("the part `{}` is listed twice", one.part.key());
            reader.problem(Some(node.place), &path, message, "Keep one of the two.");
            continue;
        }
        draft.parts.push(one);
    }
    for (path, node) in reader.list(&section, "asked") {
        let Some(section) = mapping(reader, node, &path, "draft.asked.*") else { continue };
        let question = reader.required(&section, "question", "Write the question that was asked.");
        let answer = reader.prose(&section, "answer").unwrap_or_default();
        draft.asked.push(AskedPrincipal { question, answer });
    }
    Some(draft)
}

fn mapping<'a>(reader: &mut Reader, node: &'a Node, path: &str, keys: &str) -> Option<Section<'a>> {
    let Kind::Mapping(entries) = &node.kind else {
        let message = format!("`{path}` is a mapping of keys to values, and this is {}", node.noun());
        let hint = "`oci-agent plan` writes this section, and `oci-agent plan accept` changes it.";
        reader.problem(Some(node.place), path, message, hint);
        return None;
    };
    Some(reader.fields(entries, path, keys, Some(node.place)))
}

fn role(reader: &mut Reader, node: &Node, path: &str) -> Option<RoleJudgement> {
    let section = mapping(reader, node, path, "draft.roles.*")?;
    let column = reader.required(&section, "column", "Name the column.");
    let words = ColumnRole::ALL.map(|role| (role.key(), role));
    if section.get("role").is_none() {
        reader.required(&section, "role", "Write its role, e.g. `role: undecided`.");
    }
    let role = section.get("role").and_then(|node| reader.word(node, &section.path("role"), &words));
    let drafted = section.get("drafted").and_then(|node| reader.word(node, &section.path("drafted"), &words));
    let by = author(reader, &section);
    let because = reader.prose(&section, "because").unwrap_or_default();
    let accepted = accepted(reader, &section);
    Some(RoleJudgement { column, role: role?, drafted, by, because, accepted }).filter(|one| !one.column.is_empty())
}

fn part(reader: &mut Reader, node: &Node, path: &str) -> Option<PartJudgement> {
    let section = mapping(reader, node, path, "draft.parts.*")?;
    let words = DraftedPart::ALL.map(|part| (part.key(), part));
    if section.get("part").is_none() {
        reader.required(&section, "part", "Name the part of the plan.");
    }
    let part = section.get("part").and_then(|node| reader.word(node, &section.path("part"), &words));
    let by = author(reader, &section);
    let because = reader.prose(&section, "because").unwrap_or_default();
    let kept = reader.flag(&section, "kept", true);
    let accepted = accepted(reader, &section);
    Some(PartJudgement { part: part?, by, because, kept, accepted })
}

fn author(reader: &mut Reader, section: &Section<'_>) -> DraftedBy {
    reader.choice(section, "by", &DraftedBy::ALL.map(|by| (by.key(), by)), DraftedBy::Rules)
}

/// A name; a word such as `yes` is none.
fn accepted(reader: &mut Reader, section: &Section<'_>) -> Option<AcceptedOn> {
    let at = reader.prose(section, "at").unwrap_or_default();
    let by = reader.prose(section, "accepted")?;
    if ["yes", "no", "true", "false"].iter().any(|word| by.eq_ignore_ascii_case(word)) {
        let path = section.path("accepted");
        let place = section.get("accepted").map(|node| node.place);
        let message = format!("`{path}` is `{by}`, and is the name of whoever accepted it");
        reader.problem(place, &path, message, "Decide with `oci-agent plan accept`, which puts your name there.");
        return None;
    }
    Some(AcceptedOn { by, at })
}
