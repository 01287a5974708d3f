//! The identity of a replay: data, datasets, plan, estimators, budget, program. Two replays with one identity give the same bytes.

use crate::AcicError;
use crate::analyst::ESTIMANDS;
use crate::observed::Key;
use crate::text::{sha256_hex, steers};
use causal::estimand::Target;
use serde::{Deserialize, Serialize};

/// The format of replay.json.
const FORMAT: u32 = 1;

/// Characters of a hash in a message.
const SHORT_HASH: usize = 10;

/// Everything that decides the numbers. Shards, threads and the choice about bad datasets are no part of it: they change
/// nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// Of this document.
    pub format: u32,
    /// Of the program.
    pub version: String,
    /// `official` or `pack`.
    pub layout: String,
    /// Settings asked for, or `all`.
    pub settings: String,
    /// Datasets of each setting asked for, or `all`.
    pub responses: String,
    /// `choose`, `report` or `all`.
    pub split: String,
    /// Keys of the estimators; the first is graded.
    pub estimators: Vec<String>,
    /// `fast` or `thorough`.
    pub budget: String,
    /// SHA-256 of plan.yaml.
    pub plan_sha256: String,
    /// SHA-256 of the covariates.
    pub covariates_sha256: String,
    /// SHA-256 over the names and hashes of the datasets.
    pub datasets_sha256: String,
    /// Datasets that are left out.
    pub skipped: usize,
    /// The datasets, in order.
    pub datasets: Vec<Key>,
}

impl Identity {
    /// The current format.
    #[must_use]
    pub fn format() -> u32 {
        FORMAT
    }

    /// The bytes of replay.json: keys in order, two spaces for each level, a line break at the end.
    ///
    /// # Errors
    /// A document that cannot be written, which is a mistake of this program.
    pub fn bytes(&self) -> Result<Vec<u8>, AcicError> {
        // A map of `serde_json` keeps its keys sorted; a struct would be written in the order of its fields.
        let sorted = serde_json::to_value(self).map_err(AcicError::Document)?;
        let written = serde_json::to_string_pretty(&sorted).map_err(AcicError::Document)?;
        // What would steer a terminal is written as an escape, which is the same value.
        let escaped =
            written.chars().map(|c| if steers(c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() });
        Ok(escaped.chain(["\n".to_owned()]).collect::<String>().into_bytes())
    }

    /// SHA-256 of everything that the replay is: data, options, program.
    ///
    /// # Errors
    /// As [`Identity::bytes`].
    pub fn sha256(&self) -> Result<String, AcicError> {
        Ok(sha256_hex(&self.bytes()?))
    }

    /// The rows that every dataset has, in order: estimand and key of the estimator.
    #[must_use]
    pub fn pairs(&self) -> Vec<(Target, &str)> {
        let rows = |estimand: Target| self.estimators.iter().map(move |kind| (estimand, kind.as_str()));
        ESTIMANDS.into_iter().flat_map(rows).collect()
    }

    /// The differences, as `name is A there, and B now`.
    pub(crate) fn differences(&self, other: &Identity) -> Vec<String> {
        let fields = |identity: &Identity| match serde_json::to_value(identity) {
            Ok(serde_json::Value::Object(fields)) => fields,
            _ => serde_json::Map::new(),
        };
        let (there, now) = (fields(self), fields(other));
        // The list itself would fill a page; its hash differs as well and stands for it.
        let differ = there.iter().filter(|(name, value)| *name != "datasets" && now.get(*name) != Some(*value));
        differ
            .map(|(name, value)| format!("{name} is {} there, and {} now", shown(Some(value)), shown(now.get(name))))
            .collect()
    }
}

fn shown(value: Option<&serde_json::Value>) -> String {
    let text = match value {
        Some(serde_json::Value::Array(items)) => {
            items.iter().map(|item| shown(Some(item))).collect::<Vec<_>>().join(",")
        }
        Some(serde_json::Value::String(text)) => text.clone(),
        other => other.map(ToString::to_string).unwrap_or_default(),
    };
    // The beginning of a hash is enough to tell two apart.
    if text.len() == 64 { text.chars().take(SHORT_HASH).collect() } else { text }
}
