//! A finished experiment as markdown, HTML, a first page for the terminal and a tidy CSV.
//!
//! Decision first, then the effects that carry it and how sound the randomisation is, then pictures; tables are folded. The
//! figures are drawn by [`crate::report::plots::experiment`].
//!
//! | module | gives |
//! |---|---|
//! | [`first_page`] | what terminal, markdown and HTML open with |
//! | [`terminal`] | that page in a terminal, which ends a run |
//! | [`effects_csv`] | one line for each effect |
//! | [`words`], [`shown`] | types of the record in words; numbers as they are shown |

mod checked;
pub mod first_page;
mod logged_tables;
pub mod logged_words;
mod more_tables;
pub mod phases;
pub mod planning;
pub mod shown;
mod tables;
pub mod terminal;
mod tidy;
mod view;
pub mod words;

pub use checked::{CheckedExperiment, checked};
pub use tidy::effects_csv;

use crate::record::ReportError;
use crate::record::experiment::ExperimentResults;
use crate::report::html;
use crate::report::plots::experiment::ExperimentFigure;
use crate::report::template::{Format, render};

const STYLE: &str = include_str!("../templates/experiment.css");

/// A figure and the file it is written to, relative to the report.
#[derive(Debug, Clone, PartialEq)]
pub struct PlacedExperimentFigure<'a> {
    /// File of the SVG, e.g. `plots/effects.svg`.
    pub path: String,
    /// The figure.
    pub figure: &'a ExperimentFigure,
}

/// Everything the report of an experiment is made of.
#[derive(Debug, Clone, Copy)]
pub struct ExperimentInput<'a> {
    /// The results.
    pub results: &'a ExperimentResults,
    /// Figures, in the order in which they are shown.
    pub figures: &'a [PlacedExperimentFigure<'a>],
}

/// `report.md`. Tables line up in the raw file; figures are links to the files named in the input.
///
/// # Errors
/// [`ReportError::Template`].
pub fn markdown(input: &ExperimentInput<'_>) -> Result<String, ReportError> {
    render("experiment", Format::Markdown, view::context(input))
}

/// `report.html`: one file that needs nothing else. Style and pictures are inside, there is no script.
///
/// # Errors
/// [`ReportError::Template`].
pub fn html(input: &ExperimentInput<'_>) -> Result<String, ReportError> {
    let body = render("experiment", Format::Html, view::context(input))?;
    Ok(html::styled(&input.results.title, &body, STYLE))
}
