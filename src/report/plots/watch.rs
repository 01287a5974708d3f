//! The plot of a watch: effects by partition above the evidence that something moved. As SVG only.

use super::WIDTH;
use super::axis::{self, Axis, LegendEntry, tick_labels};
use super::paint;
use super::scene::{Anchor, Colour, Point, Scene, Span, Stroke, Type, fitted, palette};
use crate::record::ReportError;
use crate::record::watch::{PartitionEstimate, WatchDocument, WatchTest};
use crate::text::escape;

/// The left and right edge of both panels, design pixels.
const PANEL: Span = Span::new(106.0, WIDTH - 16.0);
/// The heights of the panels.
const EFFECTS: f64 = 220.0;
const EVIDENCE: f64 = 130.0;
/// Labels of partitions that there is room for.
const MOST_LABELS: usize = 5;
/// The evidence beyond which the axis does not go, powers of ten.
const MOST_POWER: f64 = 6.0;

/// The plot as SVG; `None` while there is nothing new, or without an estimate.
///
/// # Errors
/// [`ReportError::Drawing`].
pub fn svg(document: &WatchDocument, title: &str, description: &str) -> Result<Option<Vec<u8>>, ReportError> {
    scene(document, title, description).map(|scene| paint::svg("watch", &scene)).transpose()
}

fn scene(document: &WatchDocument, title: &str, description: &str) -> Option<Scene> {
    let answer = document.answers.first()?;
    let effects: Vec<Option<PartitionEstimate>> =
        document.partitions.iter().map(|partition| partition.effects.first()?.effect).collect();
    document.newest()?;
    let mut scene = Scene::new(WIDTH, 0.0);
    title.clone_into(&mut scene.title);
    description.clone_into(&mut scene.description);
    let y = axis::draw_title(&mut scene, title, &escape::one_line(&document.title));
    let top = legend(&mut scene, y) + 10.0;
    let of = effects.len();
    draw_effects(&mut scene, document, &effects, top)?;
    let label =
        format!("{}, {}", answer.requested.acronym(), escape::shortened(&escape::one_line(&document.units), 24));
    upright_label(&mut scene, top + EFFECTS / 2.0, &label);
    let below = top + EFFECTS + 30.0;
    draw_evidence(&mut scene, document, below);
    upright_label(&mut scene, below + EVIDENCE / 2.0, "evidence to 1");
    let bottom = below + EVIDENCE;
    draw_names(&mut scene, document, bottom, of);
    let mut said = "The evidence is for a shift at some partition; at the dashed lines an alarm is raised.".to_owned();
    if document.answers.len() > 1 {
        said += " The other answers are in the table.";
    }
    scene.height = axis::draw_caption(&mut scene, bottom + 28.0, &said);
    Some(scene)
}

fn upright_label(scene: &mut Scene, y: f64, text: &str) {
    let style = Type { upright: true, ..Type::new(15.0, palette::INK).anchored(Anchor::Middle) };
    scene.text((16.0, y), text, style);
}

fn legend(scene: &mut Scene, y: f64) -> f64 {
    let estimate = |scene: &mut Scene, at: Point| {
        scene.line((at.x, at.y - 8.0), (at.x, at.y + 8.0), Stroke::solid(palette::BLUE, 2.0));
        scene.dot(at, 4.0, palette::BLUE, Stroke::solid(palette::BLUE, 1.0));
    };
    let mean = |scene: &mut Scene, at: Point| {
        scene.line((at.x - 10.0, at.y), (at.x + 10.0, at.y), Stroke::solid(palette::VERMILLION, 2.6));
    };
    let design = |scene: &mut Scene, at: Point| {
        scene.line((at.x - 10.0, at.y), (at.x + 10.0, at.y), Stroke::solid(palette::ORANGE, 2.6));
    };
    let entries = [
        LegendEntry { mark: &estimate, text: "effect, 95 % interval; below: its evidence" },
        LegendEntry { mark: &mean, text: "mean before and after the likeliest shift" },
        LegendEntry { mark: &design, text: "evidence of the design" },
    ];
    axis::draw_legend(scene, y, &entries)
}

/// The middle of the `k`-th of so many.
fn across(k: usize, of: usize) -> f64 {
    PANEL.from + (PANEL.to - PANEL.from) * (k as f64 + 0.5) / of as f64
}

fn ruled(scene: &mut Scene, ruler: &Axis, ticks: &[f64], labels: Vec<String>) {
    for (tick, label) in ticks.iter().zip(labels) {
        let y = ruler.at(*tick);
        scene.line((PANEL.from, y), (PANEL.to, y), Stroke::solid(palette::LIGHT.alpha(0.7), 1.0));
        scene.text((PANEL.from - 8.0, y), label, Type::new(14.0, palette::GREY).anchored(Anchor::End));
    }
}

fn draw_effects(
    scene: &mut Scene,
    document: &WatchDocument,
    effects: &[Option<PartitionEstimate>],
    top: f64,
) -> Option<()> {
    let ends = || effects.iter().flatten().flat_map(|effect| [effect.interval.0, effect.interval.1]);
    let low = ends().fold(f64::INFINITY, f64::min).min(0.0);
    let high = ends().fold(f64::NEG_INFINITY, f64::max).max(0.0);
    let margin = if high > low { 0.06 * (high - low) } else { return None };
    let ruler = Axis::linear(Span::new(low - margin, high + margin), Span::new(top + EFFECTS, top));
    let ticks = ruler.ticks(5);
    let (labels, power) = tick_labels(&ticks);
    ruled(scene, &ruler, &ticks, labels);
    if power != 0 {
        scene.text((PANEL.from, top - 8.0), axis::power_note(power), Type::new(14.0, palette::GREY));
    }
    let zero = ruler.at(0.0);
    scene.line((PANEL.from, zero), (PANEL.to, zero), Stroke::solid(palette::INK, 1.4));
    let of = effects.len();
    if let Some(shift) = document.found.shifts.first().copied().flatten() {
        let half = (PANEL.to - PANEL.from) / of as f64 / 2.0;
        let edge = across(shift.since, of) - half;
        for (from, to, value) in [(PANEL.from, edge, shift.before.value), (edge, PANEL.to, shift.after.value)] {
            let y = ruler.at(value);
            scene.line((from, y), (to, y), Stroke::solid(palette::VERMILLION, 2.2));
        }
    }
    let radius = if of > 60 { 2.0 } else { 4.0 };
    for (k, effect) in effects.iter().enumerate() {
        let Some(effect) = effect else { continue };
        let x = across(k, of);
        scene.line(
            (x, ruler.at(effect.interval.0)),
            (x, ruler.at(effect.interval.1)),
            Stroke::solid(palette::BLUE, radius / 2.0),
        );
        scene.dot(Point { x, y: ruler.at(effect.estimate) }, radius, palette::BLUE, Stroke::solid(palette::BLUE, 1.0));
    }
    Some(())
}

/// Evidence as powers of ten.
fn power(log_e: f64) -> f64 {
    (log_e / std::f64::consts::LN_10).clamp(-2.0, MOST_POWER)
}

fn draw_evidence(scene: &mut Scene, document: &WatchDocument, top: f64) {
    let found = &document.found;
    let powers = |test: &WatchTest| test.log_e.iter().map(|log_e| power(*log_e)).collect::<Vec<f64>>();
    let tests = [
        (powers(&found.effect), palette::BLUE, found.effect.alpha),
        (powers(&found.design), palette::ORANGE, found.design.alpha),
    ];
    let most = tests.iter().flat_map(|(powers, _, _)| powers).copied().fold(2.5, f64::max);
    let least = tests.iter().flat_map(|(powers, _, _)| powers).copied().fold(-0.5, f64::min);
    let ruler = Axis::linear(Span::new(least - 0.2, most + 0.3), Span::new(top + EVIDENCE, top));
    let whole = |power: &f64| power.fract() == 0.0;
    let ticks: Vec<f64> = ruler.ticks(4).into_iter().filter(whole).collect();
    let labels = ticks.iter().map(|power| tick(*power)).collect();
    ruled(scene, &ruler, &ticks, labels);
    let of = document.partitions.len();
    for (powers, colour, alpha) in tests {
        let y = ruler.at(power(-alpha.ln()));
        scene.line((PANEL.from, y), (PANEL.to, y), Stroke::dashed(colour, 1.4));
        let points: Vec<Point> =
            powers.iter().enumerate().map(|(k, power)| Point { x: across(k, of), y: ruler.at(*power) }).collect();
        draw_line(scene, points, colour);
    }
}

fn draw_line(scene: &mut Scene, points: Vec<Point>, colour: Colour) {
    for point in points.iter().filter(|_| points.len() <= 60) {
        scene.dot(*point, 3.0, colour, Stroke::solid(colour, 1.0));
    }
    scene.path(points, Stroke::solid(colour, 2.2));
}

/// `0.01`, `1`, `1,000`.
fn tick(power: f64) -> String {
    let value = 10_f64.powi(power as i32);
    if power < 0.0 { format!("{value}") } else { crate::text::numbers::count(value as usize) }
}

/// Bytes of the folder at the beginning of all names and of the ending of all of them, which tell none from another.
fn shared_ends(names: &[&str]) -> (usize, usize) {
    let Some((first, others)) = names.split_first().filter(|(_, others)| !others.is_empty()) else { return (0, 0) };
    let folder = first.rfind('/').map_or(0, |at| at + 1);
    let ending = first.rfind('.').filter(|at| *at > folder).map_or(0, |at| first.len() - at);
    let (begins, ends) =
        (first.get(..folder).unwrap_or_default(), first.get(first.len() - ending..).unwrap_or_default());
    (
        if others.iter().all(|name| name.starts_with(begins)) { folder } else { 0 },
        if others.iter().all(|name| name.ends_with(ends)) { ending } else { 0 },
    )
}

/// A name without those.
fn own_part(name: &str, shared: (usize, usize)) -> &str {
    name.get(shared.0..name.len().saturating_sub(shared.1)).filter(|part| !part.is_empty()).unwrap_or(name)
}

fn draw_names(scene: &mut Scene, document: &WatchDocument, y: f64, of: usize) {
    let every = of.div_ceil(MOST_LABELS).max(1);
    let room = (PANEL.to - PANEL.from) / of.min(MOST_LABELS) as f64 - 10.0;
    let names: Vec<&str> = document.partitions.iter().skip(1).map(|partition| partition.name.as_str()).collect();
    let shared = shared_ends(&names);
    for (k, partition) in document.partitions.iter().enumerate().step_by(every) {
        let x = across(k, of);
        let name = if k == 0 { "own data".to_owned() } else { escape::one_line(own_part(&partition.name, shared)) };
        let anchor = if k == 0 { Anchor::Start } else { Anchor::Middle };
        let style = Type::new(13.5, palette::GREY).anchored(anchor);
        let at = if k == 0 { PANEL.from } else { x };
        scene.text((at, y + 16.0), fitted(&name, room, style), style);
    }
}
