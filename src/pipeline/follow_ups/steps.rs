//! The commit of a follow-up: request, table, plot, page.

use super::FollowUpError;
use crate::plan::follow_ups::FollowUp;
use crate::record::follow_up::{Declared, FollowUpDocument};
use crate::record::json;
use crate::report::follow_up;
use crate::store::Step;
use crate::text::escape::one_line;
use crate::text::untrusted::visible;

/// The folder of follow-ups in a run.
pub const FOLDER: &str = "sweeps";
/// The trailer by which the commit of a follow-up is known: its name.
pub const TRAILER: &str = "Follow-Up";

/// The path of a file of a follow-up.
#[must_use]
pub fn path(name: &str, extension: &str) -> String {
    format!("{FOLDER}/{name}.{extension}")
}

/// The commit of a follow-up. The same request on the same run gives the same bytes, whenever it was asked.
///
/// # Errors
/// A document that cannot be written.
pub fn step(document: &FollowUpDocument, request: &FollowUp) -> Result<Step, FollowUpError> {
    let subject = format!("follow-up {}: {}", document.name, follow_up::subject(document));
    let declared = match document.declared {
        Declared::InThePlan => "in the plan",
        Declared::AfterUnblinding => "after unblinding",
    };
    let figure = follow_up::figure(document)?;
    let mut step = Step::new(one_line(&subject))
        .body(visible(&follow_up::summary(document).join("\n\n")))
        .trailer("Plan-SHA256", &document.plan_sha256)
        .trailer("Data-SHA256", &document.data_sha256)
        .trailer("Tool-Version", &document.tool_version)
        .trailer(TRAILER, &document.name)
        .trailer("Request-SHA256", &document.request_sha256)
        .trailer("Declared", declared)
        .file(path(&document.name, "yaml"), request.to_yaml())
        .file(path(&document.name, "json"), json::to_bytes(document)?)
        .file(path(&document.name, "csv"), follow_up::csv(document)?)
        .file(path(&document.name, "md"), follow_up::markdown(document));
    if let Some(svg) = figure {
        step = step.file(path(&document.name, "svg"), svg);
    }
    Ok(step.after_the_end())
}
