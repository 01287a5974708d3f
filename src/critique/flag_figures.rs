//! Marks every figure in a language model's words that is not in `results.json` or `critique.json`.

use crate::critique::quoted_figures;
use crate::critique::quoted_figures::Known;
use crate::record::documents::ResultsDocument;
use crate::record::{ReportError, json};
use crate::spec::Revision;
use serde_json::Value;

/// Fills in `critique.reviewed.flagged` and `conduct.flagged`. Call it once, before `results.json` is rendered: the
/// figures are held against the bytes that are about to be written, without the models' own words. Where no language model
/// took part nothing changes.
///
/// # Errors
/// Those of [`json::to_bytes`].
pub fn flag_figures(results: &mut ResultsDocument) -> Result<(), ReportError> {
    if results.critique.reviewed.is_none() && results.conduct.is_none() {
        return Ok(());
    }
    let written = [
        value("results.json", &json::to_bytes(results)?)?,
        value("critique.json", &json::to_bytes(&results.critique)?)?,
    ];
    let known = Known::from_results(&Value::from(written.to_vec()));
    let actor = quoted_figures::flagged(&reasons(results), &known);
    if let Some(conduct) = &mut results.conduct {
        conduct.flagged = actor;
    }
    if let Some(reviewed) = &mut results.critique.reviewed {
        let lines = reviewed.opinion.as_ref().map_or_else(Vec::new, |opinion| opinion.lines());
        reviewed.flagged = quoted_figures::flagged(&lines, &known);
    }
    Ok(())
}

fn value(path: &str, bytes: &[u8]) -> Result<Value, ReportError> {
    serde_json::from_slice(bytes).map_err(|e| ReportError::Json { path: path.to_owned(), reason: e.to_string() })
}

/// Every reason of the actor with the place it stands at: `iteration 2, ate, trim-crump`.
#[must_use]
pub fn reasons(results: &ResultsDocument) -> Vec<(String, &str)> {
    let all = results.specs_tried.iter().flat_map(|tried| tried.revisions.iter().map(|r| (tried.iteration, r)));
    all.filter_map(|(iteration, revision)| Some((place(iteration, revision), revision.reason.as_deref()?))).collect()
}

fn place(iteration: u32, revision: &Revision) -> String {
    format!("iteration {iteration}, {}, {}", revision.requested.key(), revision.playbook)
}
