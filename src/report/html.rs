//! `report.html`: the report as one file that needs nothing else. Style and pictures are inside, there is no script.

use super::view::{ReportInput, report_context};
use crate::record::ReportError;
use crate::report::template::{Format, render};
use crate::text::escape;

pub(super) const STYLE: &str = include_str!("templates/report.css");
/// Style that only the page of a run with a language model needs.
const MODEL_STYLE: &str = include_str!("templates/model.css");

/// The report of a finished run as a page.
///
/// # Errors
/// [`ReportError::Template`].
pub fn report(input: &ReportInput<'_>) -> Result<String, ReportError> {
    let body = render("report", Format::Html, report_context(input))?;
    let results = input.results;
    let told = results.conduct.is_some() || results.critique.reviewed.is_some();
    Ok(styled(&results.title, &body, if told { MODEL_STYLE } else { "" }))
}

/// A page around `body`, which is HTML already; the title is plain text.
#[must_use]
pub fn page(title: &str, body: &str) -> String {
    styled(title, body, "")
}

/// A page around `body` with a style of its own besides the common one.
pub(super) fn styled(title: &str, body: &str, more: &str) -> String {
    let title = escape::html(title);
    format!(
        "{HEAD}<title>{title}</title>\n<style>\n{STYLE}{more}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n"
    )
}

/// How every page begins. The policy forbids scripts and anything from elsewhere, should a text of others get past the escaping.
const HEAD: &str = concat!(
    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n",
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n",
    "<meta name=\"color-scheme\" content=\"light dark\">\n",
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n",
);

/// True if a page that somebody else may have written begins as ours do, so that a browser runs no script in it, whatever follows.
#[must_use]
pub fn forbids_scripts(page: &[u8]) -> bool {
    page.get(..HEAD.len()) == Some(HEAD.as_bytes())
}
