//! `thresholds:` where the rubric is to warn and to fail, other than by default.

use super::reader::{Reader, Section, listed};
use crate::finding::Code;
use crate::plan::closest;
use crate::plan::yaml_tree::Kind;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The thresholds that a plan sets for one check.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// Warns from here on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warn: Option<f64>,
    /// Fails from here on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fail: Option<f64>,
}

/// The checks whose thresholds are a matter of taste, with the largest value that means something: a share and a p-value end at
/// one. Identification, faults of a single confounder and alignment are none.
pub(crate) const ADJUSTABLE: [(Code, f64); 13] = [
    (Code::StructurePocket, 1.0),
    (Code::PopulationKept, 1.0),
    (Code::PopulationAttrition, 1.0),
    (Code::BalancePriority, 1.0),
    (Code::OverlapOutside, 1.0),
    (Code::OverlapEffectiveSize, 1e9),
    (Code::PlaceboEffect, 1.0),
    (Code::EstimateDisagreement, 1.0),
    (Code::EstimateDisagreementInterval, 100.0),
    (Code::EstimateWidth, 100.0),
    (Code::EstimateOneRow, 1.0),
    (Code::EstimateStandardError, 1.0),
    (Code::EstimateTargets, 100.0),
];

/// Reads the section: `balance.priority: {warn: 0.1, fail: 0.15}`.
pub(super) fn read(reader: &mut Reader, root: &Section<'_>) -> BTreeMap<Code, Thresholds> {
    let (section, _) = reader.section(root, "thresholds");
    let mut read = BTreeMap::new();
    for entry in section.entries() {
        let path = section.path(&entry.key);
        let Some((code, most)) = ADJUSTABLE.iter().find(|(code, _)| code.key() == entry.key) else {
            let known = || ADJUSTABLE.iter().map(|(code, _)| code.key());
            let hint = match closest(&entry.key, known()) {
                Some(near) => format!("Did you mean `{near}`?"),
                None => format!("Thresholds can be set for {}.", listed(known())),
            };
            let message = format!("`{}` is no check whose threshold can be set", super::shown(&entry.key));
            reader.problem(Some(entry.place), &path, message, hint);
            continue;
        };
        let Kind::Mapping(entries) = &entry.value.kind else {
            let hint = format!("Write `{}: {{warn: …, fail: …}}`, one or both.", entry.key);
            reader.problem(Some(entry.place), &path, format!("`{path}` needs `warn` or `fail`"), hint);
            continue;
        };
        let fields = reader.fields(entries, &path, "thresholds.*", Some(entry.place));
        let thresholds =
            Thresholds { warn: number(reader, &fields, "warn", *most), fail: number(reader, &fields, "fail", *most) };
        read.insert(*code, thresholds);
    }
    read
}

fn number(reader: &mut Reader, section: &Section<'_>, key: &str, most: f64) -> Option<f64> {
    let node = section.get(key)?;
    let path = section.path(key);
    let text = match &node.kind {
        Kind::Scalar { text, .. } => text.clone(),
        _ => String::new(),
    };
    let value = text.parse::<f64>().ok().filter(|value| (0.0..=most).contains(value));
    if value.is_none() {
        let message = format!("`{path}` is a number from 0 to {most}, and `{}` is not", super::shown(&text));
        reader.problem(Some(node.place), &path, message, "Write such a number, or leave the line out for the default.");
    }
    value
}
