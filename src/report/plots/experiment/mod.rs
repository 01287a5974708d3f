//! The figures of an experiment, one for each question: how large are the effects, how did they come about, whom do they
//! differ for, what do an agent's policies and steps do, and did the arms get the units they should have. A figure without data is not made.
//!
//! They are narrower than the other plots, with letters of the same size: squeezed to the 330 pixels that a page has on a phone they
//! still show letters of 11 to 14, and on a large screen two stand side by side.

mod cumulative;
mod days;
mod effects;
mod intervals;
mod logged;
mod sample_ratio;
mod segments;

use super::paint;
use super::scene::Scene;
use crate::record::ReportError;
use crate::record::experiment::ExperimentResults;

/// Width of every figure of an experiment, design pixels.
const WIDTH: f64 = 460.0;

/// The question that a figure answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExperimentFigureKind {
    /// The effects of every metric and arm.
    Effects,
    /// The effect on one metric by day.
    Cumulative,
    /// The effects on the primary metrics by segment.
    Segments,
    /// Values of policies and credits of steps from a log of decisions.
    LoggedActions,
    /// Units of the arms by day against their planned shares.
    SampleRatio,
}

/// A figure, ready to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct ExperimentFigure {
    /// Which question.
    pub kind: ExperimentFigureKind,
    /// File name without extension: `cumulative_sales`. ASCII letters, digits, `_` and `-` only.
    pub stem: String,
    /// Its title, one line.
    pub title: String,
    /// A description for those who cannot see it.
    pub description: String,
    /// SVG: scales down with its container, light ground, title and description inside.
    pub svg: Vec<u8>,
}

fn painted(kind: ExperimentFigureKind, stem: &str, scene: Scene) -> Result<ExperimentFigure, ReportError> {
    let svg = paint::svg(stem, &scene)?;
    Ok(ExperimentFigure { kind, stem: stem.to_owned(), title: scene.title, description: scene.description, svg })
}

/// Every figure that the results have data for, in the order in which they are shown.
///
/// # Errors
/// [`ReportError::Drawing`].
pub fn figures(results: &ExperimentResults) -> Result<Vec<ExperimentFigure>, ReportError> {
    let mut figures = Vec::new();
    if let Some(scene) = effects::scene(results) {
        figures.push(painted(ExperimentFigureKind::Effects, "effects", scene)?);
    }
    let mut stems: Vec<String> = Vec::new();
    for metric in &results.metrics {
        if let Some(scene) = cumulative::scene(results, metric) {
            let stem = unused(format!("cumulative_{}", file_name(&metric.name)), &stems);
            figures.push(painted(ExperimentFigureKind::Cumulative, &stem, scene)?);
            stems.push(stem);
        }
    }
    if let Some(scene) = segments::scene(results) {
        figures.push(painted(ExperimentFigureKind::Segments, "segments", scene)?);
    }
    if let Some(scene) = logged::scene(results) {
        figures.push(painted(ExperimentFigureKind::LoggedActions, "logged_actions", scene)?);
    }
    if let Some(scene) = sample_ratio::scene(results) {
        figures.push(painted(ExperimentFigureKind::SampleRatio, "sample_ratio", scene)?);
    }
    Ok(figures)
}

/// A name that is safe in a path: what is not an ASCII letter, digit, `_` or `-` becomes `_`, and it is short.
fn file_name(name: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '_' };
    name.chars().take(60).map(safe).collect()
}

/// The stem, or with a number behind it if another metric has it already. Case is no difference on some file systems.
fn unused(stem: String, taken: &[String]) -> String {
    let free = |name: &str| taken.iter().all(|other| !other.eq_ignore_ascii_case(name));
    let mut name = stem.clone();
    let mut number = 2;
    while !free(&name) {
        name = format!("{stem}_{number}");
        number += 1;
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_metrics_become_names_of_files_that_differ() {
        assert_eq!(file_name("../a b/é"), "___a_b__");
        let taken = vec!["cumulative_a".to_owned(), "cumulative_A_2".to_owned()];
        assert_eq!(unused("cumulative_A".to_owned(), &taken), "cumulative_A_3");
    }
}
