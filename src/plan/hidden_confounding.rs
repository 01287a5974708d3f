//! `hidden_confounding:` the strength of a hidden confounder that the principal cannot rule out.

use super::reader::{Reader, Section, listed};
use super::shown;
use crate::plan::yaml_tree::Kind;
use causal::diagnose::sensitivity::HiddenConfounding;

/// A hidden confounder that explains all that is left of treatment could do anything.
const MOST: f64 = 0.99;

/// Reads the section: `{treatment: 0.05, outcome: 0.1}`.
pub(super) fn read(reader: &mut Reader, root: &Section<'_>) -> Option<HiddenConfounding> {
    root.get("hidden_confounding")?;
    let (section, _) = reader.section(root, "hidden_confounding");
    let [treatment, outcome] = ["treatment", "outcome"].map(|key| share(reader, &section, key));
    Some(HiddenConfounding { treatment: treatment?, outcome: outcome? })
}

fn share(reader: &mut Reader, section: &Section<'_>, key: &str) -> Option<f64> {
    let path = section.path(key);
    let hint = format!("Write the share of what is left of the {key} that it would explain, e.g. `{key}: 0.1`.");
    let Some(node) = section.get(key) else {
        let both = listed(["treatment", "outcome"]);
        let message = format!("`hidden_confounding` needs both {both}, and `{key}` is missing");
        reader.problem(None, &path, message, hint);
        return None;
    };
    let text = match &node.kind {
        Kind::Scalar { text, .. } => text.clone(),
        _ => String::new(),
    };
    let value = text.parse::<f64>().ok().filter(|value| (0.0..=MOST).contains(value));
    if value.is_none() {
        let message = format!("`{path}` is a share from 0 to {MOST}, and `{}` is not", shown(&text));
        reader.problem(Some(node.place), &path, message, hint);
    }
    value
}
