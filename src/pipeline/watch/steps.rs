//! The commit of a partition: facts, table, plot, comment.

use super::WatchError;
use crate::record::json;
use crate::record::watch::WatchDocument;
use crate::report::watch;
use crate::store::Step;
use crate::text::escape::one_line;
use crate::text::untrusted::visible;

/// The folder of a watch in a run.
pub const FOLDER: &str = "watch";
/// The trailer by which the commit of a partition is known: its name.
pub const TRAILER: &str = "Watch-Partition";

/// The path of a file of a watch.
#[must_use]
pub fn path(extension: &str) -> String {
    format!("{FOLDER}/watch.{extension}")
}

/// The commit of the newest partition. The same partitions in the same order give the same bytes, in one call or in many.
///
/// # Errors
/// A document that cannot be written.
pub fn step(document: &WatchDocument) -> Result<Step, WatchError> {
    let newest = document.partitions.last();
    let name = newest.map(|partition| partition.name.clone()).unwrap_or_default();
    let data = newest.map(|partition| partition.data_sha256.clone()).unwrap_or_default();
    let figure = watch::figure(document)?;
    let subject = format!("watch {name}: {}", watch::headline(document));
    let mut step = Step::new(one_line(&subject))
        .body(visible(&watch::summary(document).join("\n\n")))
        .trailer("Plan-SHA256", &document.plan_sha256)
        .trailer("Data-SHA256", data)
        .trailer("Tool-Version", &document.tool_version)
        .trailer(TRAILER, one_line(&name))
        .file(path("json"), json::to_bytes(document)?)
        .file(path("csv"), watch::csv(document)?)
        .file(path("md"), watch::markdown(document));
    if let Some(svg) = figure {
        step = step.file(path("svg"), svg);
    }
    Ok(step.after_the_end())
}
