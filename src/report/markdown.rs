//! `report.md` and `critique.md`.

use super::ReportError;
use super::page::{Format, render};
use super::view::{ReportInput, critique_context, report_context};
use crate::critique::Critique;
use crate::plan::Plan;
use crate::spec::AnalysisSpec;

/// The report of a finished run. Tables line up in the raw file; figures are links to the files named in the input.
///
/// # Errors
/// [`ReportError::Template`].
pub fn report(input: &ReportInput<'_>) -> Result<String, ReportError> {
    render("report", Format::Markdown, report_context(input))
}

/// The critique of one iteration.
///
/// # Errors
/// [`ReportError::EffectWhileBlind`] if the spec is blind, the critique is of the design, and it still carries a value
/// that only an effect can give; [`ReportError::Template`].
pub fn critique(critique: &Critique, spec: &AnalysisSpec, plan: &Plan) -> Result<String, ReportError> {
    render("critique", Format::Markdown, critique_context(critique, spec, plan)?)
}
