//! Overlap: the propensity of the treated upwards and of the controls downwards, in 40 bins.

use super::axis::{self, Axis, LegendEntry};
use super::scene::{Anchor, Colour, Point, Scene, Span, Stroke, Type, palette};
use crate::record::documents::{AnalysisDesign, PopulationDocument};
use crate::text::numbers;
use causal::diagnose::overlap::OverlapReport;

const LEFT: f64 = 84.0;
const HALF: f64 = 150.0;
/// Halves whose largest bars differ by more than this factor get scales of their own.
const COMMON_SCALE: f64 = 4.0;

/// The bars of one arm, as shares of the arm.
struct Arm {
    name: &'static str,
    shares: Vec<f64>,
    n: Option<usize>,
    ess: f64,
    colour: Colour,
}

impl Arm {
    fn largest(&self) -> f64 {
        self.shares.iter().fold(0.0, |m, s| m.max(*s))
    }
}

pub fn scene(analysis: &AnalysisDesign) -> Option<Scene> {
    let report = analysis.overlap.as_ref()?;
    let population = analysis.population.as_ref();
    let mut scene = Scene::new(super::WIDTH, 0.0);
    scene.title = format!("Overlap of the arms: {}", analysis.name);
    scene.description = describe(report);
    let (title, description) = (scene.title.clone(), scene.description.clone());
    let y = axis::draw_title(&mut scene, &title, &description);
    let arms = arms(report, population);
    let top = draw_legend(&mut scene, y, &arms, population) + 12.0;
    let (middle, bottom) = (top + HALF, top + 2.0 * HALF);
    let x = Axis::linear(Span::new(0.0, 1.0), Span::new(LEFT, super::WIDTH - 24.0));
    shade_outside(&mut scene, &x, top, bottom);
    let scales = scales(&arms);
    let y = axis::draw_bottom(&mut scene, &x, Span::new(top, bottom), 5, "propensity: probability of treatment");
    for (arm, (scale, end)) in arms.iter().zip(scales.iter().zip([top, bottom])) {
        draw_arm(&mut scene, &x, arm, &Axis::linear(Span::new(0.0, *scale), Span::new(middle, end)));
    }
    scene.line((x.from, middle), (x.to, middle), Stroke::solid(palette::INK, 1.2));
    let label = Type { upright: true, ..Type::new(axis::LABEL_SIZE, palette::INK).anchored(Anchor::Middle) };
    scene.text((20.0, middle), "share of the arm, %", label);
    draw_kept(&mut scene, &x, Span::new(top, bottom), population);
    scene.height = axis::draw_caption(&mut scene, y, &caption(report, population, scales));
    Some(scene)
}

fn describe(report: &OverlapReport) -> String {
    format!("{} of the target population has a propensity outside (0.1, 0.9).", numbers::percent(report.share_outside))
}

fn arms(report: &OverlapReport, population: Option<&PopulationDocument>) -> [Arm; 2] {
    [
        Arm {
            name: "treated",
            shares: shares(&report.histogram_treated),
            n: population.map(|p| p.n_treated),
            ess: report.ess_treated,
            colour: palette::BLUE,
        },
        Arm {
            name: "controls",
            shares: shares(&report.histogram_control),
            n: population.map(|p| p.n_control),
            ess: report.ess_control,
            colour: palette::ORANGE,
        },
    ]
}

fn shares(counts: &[f64]) -> Vec<f64> {
    let total: f64 = counts.iter().sum();
    counts.iter().map(|c| if total > 0.0 { c / total } else { 0.0 }).collect()
}

fn scales(arms: &[Arm; 2]) -> [f64; 2] {
    let [a, b] = arms.each_ref().map(Arm::largest);
    let largest = a.max(b).max(0.01);
    if a > 0.0 && b > 0.0 && a.max(b) > COMMON_SCALE * a.min(b) {
        [a, b].map(|s| 1.08 * s)
    } else {
        [1.08 * largest; 2]
    }
}

fn draw_legend(scene: &mut Scene, y: f64, arms: &[Arm; 2], population: Option<&PopulationDocument>) -> f64 {
    let square = |colour: Colour| {
        move |scene: &mut Scene, at: Point| {
            scene.rectangle((at.x - 8.0, at.y - 8.0), (at.x + 8.0, at.y + 8.0), colour);
        }
    };
    let marks = [square(palette::BLUE), square(palette::ORANGE), square(palette::LIGHT.alpha(0.7))];
    let kept = |scene: &mut Scene, at: Point| {
        scene.line((at.x, at.y - 10.0), (at.x, at.y + 10.0), Stroke::dashed(palette::INK, 2.0));
    };
    let texts = arms.each_ref().map(|arm| {
        let n = arm.n.map_or(String::new(), |n| format!("n = {}, ", numbers::count(n)));
        format!("{} ({n}effective {})", arm.name, numbers::effective(arm.ess))
    });
    let mut entries: Vec<LegendEntry<'_>> = Vec::new();
    for (mark, text) in marks.iter().zip(texts.iter().map(String::as_str).chain(["outside (0.1, 0.9)"])) {
        entries.push(LegendEntry { mark, text });
    }
    if population.is_some_and(|p| p.alpha_lower.is_some() || p.alpha_upper.is_some()) {
        entries.push(LegendEntry { mark: &kept, text: "kept by trimming" });
    }
    axis::draw_legend(scene, y, &entries)
}

fn shade_outside(scene: &mut Scene, x: &Axis, top: f64, bottom: f64) {
    for (from, to) in [(0.0, 0.1), (0.9, 1.0)] {
        scene.rectangle((x.at(from), top), (x.at(to), bottom), palette::LIGHT.alpha(0.55));
    }
}

fn draw_arm(scene: &mut Scene, x: &Axis, arm: &Arm, y: &Axis) {
    let ticks = Axis { low: 0.0, high: 100.0 * y.high, ..*y }.ticks(3);
    let (labels, _) = axis::tick_labels(&ticks);
    for (tick, label) in ticks.iter().zip(&labels) {
        let at = y.at(tick / 100.0);
        scene.line((x.from, at), (x.to, at), Stroke::solid(palette::LIGHT.alpha(0.7), 1.0));
        scene.text((x.from - 8.0, at), label, Type::new(axis::TICK_SIZE, palette::GREY).anchored(Anchor::End));
    }
    let bins = arm.shares.len().max(1) as f64;
    for (i, share) in arm.shares.iter().enumerate().filter(|(_, share)| **share > 0.0) {
        let (from, to) = (x.at(i as f64 / bins), x.at((i + 1) as f64 / bins));
        // A bin with a single unit among thousands is a hairline, not nothing.
        let height = y.at(*share) - y.from;
        let seen = height.signum() * height.abs().max(1.5);
        scene.rectangle((from + 0.5, y.from), (to - 0.5, y.from + seen), arm.colour);
    }
    if arm.largest() == 0.0 {
        let style = Type::new(15.0, palette::GREY).anchored(Anchor::Middle);
        scene.label(((x.from + x.to) / 2.0, (y.from + y.to) / 2.0), &format!("no {} counted", arm.name), style);
    }
}

fn draw_kept(scene: &mut Scene, x: &Axis, height: Span, population: Option<&PopulationDocument>) {
    let Some(population) = population else { return };
    for bound in [population.alpha_lower, population.alpha_upper].into_iter().flatten() {
        scene.line((x.at(bound), height.from - 6.0), (x.at(bound), height.to), Stroke::dashed(palette::INK, 2.0));
    }
}

fn caption(report: &OverlapReport, population: Option<&PopulationDocument>, scales: [f64; 2]) -> String {
    let mut text = format!(
        "Fitted propensities from {} to {}; {} units below 0.1, {} above 0.9.",
        numbers::significant(report.e_min, 2),
        propensity_end(report.e_max),
        numbers::count(report.n_below),
        numbers::count(report.n_above)
    );
    if let Some((low, high)) = population.and_then(|p| p.alpha_lower.zip(p.alpha_upper)) {
        text.push_str(&format!(
            " Trimming kept {} to {} of a first fit to all rows; the bars are the fit to those kept.",
            numbers::significant(low, 3),
            numbers::significant(high, 3)
        ));
    }
    if scales[0] != scales[1] {
        text.push_str(" The two arms have scales of their own.");
    }
    text
}

/// The largest propensity; one that is nearly 1 must not be printed as 1.
fn propensity_end(e: f64) -> String {
    if e > 0.9995 && e < 1.0 { format!("1 − {}", numbers::significant(1.0 - e, 2)) } else { numbers::fixed(e, 3) }
}
