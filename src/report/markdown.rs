//! `report.md` and `critique.md`.

use super::view::{ReportInput, critique_context, first_page_context, report_context, voices_alone};
use crate::plan::Plan;
use crate::record::ReportError;
use crate::record::critique::Critique;
use crate::record::documents::ResultsDocument;
use crate::report::template::{Format, render};
use crate::spec::AnalysisSpec;

/// The report of a finished run. Tables line up in the raw file; figures are links to the files named in the input.
///
/// # Errors
/// [`ReportError::Template`].
pub fn report(input: &ReportInput<'_>) -> Result<String, ReportError> {
    render("report", Format::Markdown, report_context(input))
}

/// The first page, for a document that is not the report.
///
/// # Errors
/// [`ReportError::Template`].
pub fn first_page(input: &ReportInput<'_>) -> Result<String, ReportError> {
    render("first_page", Format::Markdown, first_page_context(input))
}

/// Language models' words, for a document that is not the report: the critic's, then the actor's. Empty without models.
///
/// # Errors
/// [`ReportError::Template`].
pub fn voices(results: &ResultsDocument) -> Result<Vec<String>, ReportError> {
    let (critic, actor) = voices_alone(results);
    let parts = [("model", critic), ("reasons", actor)];
    let given = parts.into_iter().filter_map(|(template, context)| Some((template, context?)));
    given.map(|(template, context)| render(template, Format::Markdown, context)).collect()
}

/// The critique of one iteration.
///
/// # Errors
/// [`ReportError::EffectWhileBlind`] if the spec is blind, the critique is of the design, and it still carries a value
/// that only an effect can give; [`ReportError::Template`].
pub fn critique(critique: &Critique, spec: &AnalysisSpec, plan: &Plan) -> Result<String, ReportError> {
    render("critique", Format::Markdown, critique_context(critique, spec, plan)?)
}
