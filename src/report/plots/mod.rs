//! The four plots of a run and the one of a replay, each as SVG and PNG of one and the same drawing.
//!
//! The design size is 640 pixels wide with letters of 15 to 20 pixels, so that a picture squeezed to the 360 pixels of a
//! phone still shows letters of 8 to 11. Colours are Okabe & Ito's (2008); no information is in colour alone: before and
//! after, answers and benchmarks also differ in shape.

mod axis;
mod contour;
pub mod experiment;
pub mod follow_up;
mod forest;
mod forest_rows;
mod love;
mod marching_squares;
mod overlap;
mod paint;
mod replay;
mod scene;
pub mod watch;

pub use replay::{MethodPoint, ReplayPlot};

use crate::record::ReportError;
use crate::record::documents::{AnalysisDesign, DesignDocument, ResultsDocument};
use causal::estimand::Target;
use scene::Scene;

/// Width of every plot, design pixels.
const WIDTH: f64 = 640.0;

/// Which plot it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FigureKind {
    /// Balance before and after weighting, of one requested estimand.
    Love(Target),
    /// Propensity by arm, of one requested estimand.
    Overlap(Target),
    /// Every estimand, iteration and estimator.
    Forest,
    /// Sensitivity contours of one requested estimand.
    Sensitivity(Target),
    /// Coverage against error of every method of a replay.
    Replay(Target),
}

impl FigureKind {
    /// File name without extension: `love_att`.
    #[must_use]
    pub fn stem(self) -> String {
        match self {
            FigureKind::Love(target) => format!("love_{}", target.key()),
            FigureKind::Overlap(target) => format!("overlap_{}", target.key()),
            FigureKind::Forest => "forest".to_owned(),
            FigureKind::Sensitivity(target) => format!("sensitivity_{}", target.key()),
            FigureKind::Replay(target) => format!("coverage_rmse_{}", target.key()),
        }
    }
}

/// A plot, ready to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// Which plot.
    pub kind: FigureKind,
    /// Its title, one line.
    pub title: String,
    /// A description for those who cannot see it.
    pub description: String,
    /// SVG: scales down with its container, light ground, title and description inside.
    pub svg: Vec<u8>,
}

impl Figure {
    fn paint(kind: FigureKind, scene: Scene) -> Result<Figure, ReportError> {
        let svg = paint::svg(&kind.stem(), &scene)?;
        Ok(Figure { kind, title: scene.title, description: scene.description, svg })
    }

    /// File name without extension.
    #[must_use]
    pub fn stem(&self) -> String {
        self.kind.stem()
    }
}

/// Love plot of one analysis; `None` if its balance was not measured.
///
/// # Errors
/// [`ReportError::Drawing`].
pub fn love(analysis: &AnalysisDesign) -> Result<Option<Figure>, ReportError> {
    let scene = love::scene(analysis);
    scene.map(|scene| Figure::paint(FigureKind::Love(analysis.requested), scene)).transpose()
}

/// Overlap by arm of one analysis; `None` if it was not measured.
///
/// # Errors
/// [`ReportError::Drawing`].
pub fn overlap(analysis: &AnalysisDesign) -> Result<Option<Figure>, ReportError> {
    let scene = overlap::scene(analysis);
    scene.map(|scene| Figure::paint(FigureKind::Overlap(analysis.requested), scene)).transpose()
}

/// Forest plot of everything that was estimated; `None` if nothing was.
///
/// # Errors
/// [`ReportError::Drawing`].
pub fn forest(results: &ResultsDocument) -> Result<Option<Figure>, ReportError> {
    forest::scene(results).map(|scene| Figure::paint(FigureKind::Forest, scene)).transpose()
}

/// Sensitivity contours of one answer; `None` if its sensitivity was not computed.
///
/// # Errors
/// [`ReportError::Drawing`].
pub fn sensitivity(results: &ResultsDocument, requested: Target) -> Result<Option<Figure>, ReportError> {
    let answer = results.answers.iter().find(|answer| answer.requested == requested);
    let scene = answer.and_then(|answer| contour::scene(answer, &results.units));
    scene.map(|scene| Figure::paint(FigureKind::Sensitivity(requested), scene)).transpose()
}

/// Coverage against error of every method of a replay; `None` if no method can be drawn.
///
/// # Errors
/// [`ReportError::Drawing`].
pub fn replay(target: Target, plot: &ReplayPlot) -> Result<Option<Figure>, ReportError> {
    replay::scene(plot).map(|scene| Figure::paint(FigureKind::Replay(target), scene)).transpose()
}

/// Everything that can be drawn while the loop is blind: love plot and overlap of every analysis.
///
/// # Errors
/// [`ReportError::Drawing`].
pub fn design_figures(design: &DesignDocument) -> Result<Vec<Figure>, ReportError> {
    let mut figures = Vec::new();
    for analysis in &design.analyses {
        figures.extend(love(analysis)?);
        figures.extend(overlap(analysis)?);
    }
    Ok(figures)
}

/// Everything that needs effects: the forest plot and the sensitivity contours of every answer.
///
/// # Errors
/// [`ReportError::Drawing`].
pub fn result_figures(results: &ResultsDocument) -> Result<Vec<Figure>, ReportError> {
    let mut figures: Vec<Figure> = forest(results)?.into_iter().collect();
    for answer in &results.answers {
        figures.extend(sensitivity(results, answer.requested)?);
    }
    Ok(figures)
}
