//! The share of each arm among the units assigned up to a day, minus its planned share.

use super::WIDTH;
use super::days::{self, Frame};
use crate::record::experiment::{ArmFacts, DayRow, ExperimentResults};
use crate::report::plots::axis::{self, LegendEntry};
use crate::report::plots::scene::{Colour, Dash, Point, Scene, Span, Stroke, palette};
use crate::text::{escape, numbers};

/// A p-value below this is marked; that of the check of the sample ratio is in the rubric.
const MARKED: f64 = 0.001;
const BAND: Colour = Colour(0x59, 0x59, 0x59, 0.12);
/// The 99.5th percentile of the standard normal: 99 % of what chance does, at one look, lies within.
const Z: f64 = 2.576;

pub fn scene(results: &ExperimentResults) -> Option<Scene> {
    let design = &results.health.design;
    let days: Vec<&DayRow> = results.days.iter().filter(|day| day.units.len() == design.arms.len()).collect();
    let days: Vec<&DayRow> = days.into_iter().filter(|day| day.units.iter().sum::<usize>() > 0).collect();
    if days.len() < 2 || design.arms.len() < 2 {
        return None;
    }
    let last = days.last()?;
    let mut scene = Scene::new(WIDTH, 0.0);
    scene.title = "Units by arm against their planned shares".to_owned();
    scene.description = described(&design.arms, last);
    let title = scene.title.clone();
    let y = axis::draw_title(&mut scene, &title, "Share of an arm minus its planned share, percentage points");
    let clustered = design.clusters.is_some();
    let band = if clustered { None } else { widest_arm(&design.arms) };
    let y = draw_legend(&mut scene, y, &design.arms, band.is_some());
    let ends = Span::new(days.first()?.day, last.day);
    let frame = Frame::new(ends, range(&design.arms, &days, band), Span::new(y + 8.0, y + 250.0));
    if let Some(share) = band {
        draw_band(&mut scene, &frame, &days, share);
    }
    frame.draw(&mut scene, true);
    for (arm, facts) in design.arms.iter().enumerate() {
        draw_arm(&mut scene, &frame, &days, &Line { arm, share: facts.planned_share });
    }
    let marked = draw_marks(&mut scene, &frame, &days);
    let below = days::draw_label(&mut scene, y + 250.0, "day since the start");
    scene.height = axis::draw_caption(&mut scene, below, &caption(clustered, marked));
    Some(scene)
}

/// The planned share whose count varies most, which is the one nearest to a half.
fn widest_arm(arms: &[ArmFacts]) -> Option<f64> {
    arms.iter().map(|arm| arm.planned_share).max_by(|a, b| (a * (1.0 - a)).total_cmp(&(b * (1.0 - b))))
}

fn total(day: &DayRow) -> f64 {
    day.units.iter().sum::<usize>() as f64
}

/// Percentage points above the planned share.
fn deviation(day: &DayRow, line: &Line) -> Option<f64> {
    let units = *day.units.get(line.arm)? as f64;
    Some(100.0 * (units / total(day) - line.share))
}

/// Half the width of the band of chance, percentage points.
fn chance(day: &DayRow, share: f64) -> f64 {
    100.0 * Z * (share * (1.0 - share) / total(day)).sqrt()
}

/// One arm.
struct Line {
    arm: usize,
    share: f64,
}

/// Every deviation, and the band: all of it, or that from the second quarter of the days on if the first would flatten the rest.
fn range(arms: &[ArmFacts], days: &[&DayRow], band: Option<f64>) -> Span {
    let lines = arms.iter().enumerate().map(|(arm, facts)| Line { arm, share: facts.planned_share });
    let seen = lines.flat_map(|line| days.iter().filter_map(move |day| deviation(day, &line)).collect::<Vec<_>>());
    let largest = seen.fold(0.0_f64, |most, value| most.max(value.abs()));
    /// The height of everything, in heights of the later days, up to which everything is shown.
    const MOST: f64 = 2.5;
    let over = |skipped: usize| {
        let days = days.iter().skip(skipped);
        band.map_or(0.0, |share| days.map(|day| chance(day, share)).fold(0.0, f64::max)).max(largest)
    };
    let (all, later) = (over(0), over(days.len() / 4));
    let half = 1.1 * if all <= MOST * later { all } else { later }.max(0.05);
    Span::new(-half, half)
}

fn draw_band(scene: &mut Scene, frame: &Frame, days: &[&DayRow], share: f64) {
    let edge = |sign: f64| days.iter().map(move |day| frame.clamped(day.day, sign * chance(day, share)));
    let lower: Vec<Point> = edge(-1.0).collect();
    let upper: Vec<Point> = edge(1.0).collect();
    scene.area(lower.iter().copied().chain(upper.iter().rev().copied()).collect(), BAND);
    for edge in [lower, upper] {
        scene.path(edge, Stroke::solid(palette::GREY, 1.0));
    }
}

/// The looks of the lines: colour and dash both tell arms apart.
fn stroke(arm: usize) -> Stroke {
    let colours = [palette::INK, palette::BLUE, palette::VERMILLION, palette::ORANGE, palette::SKY];
    let dashes = [None, None, Some(Dash { on: 9.0, off: 4.0 }), Some(Dash { on: 3.0, off: 3.0 })];
    let colour = colours.get(arm % colours.len()).copied().unwrap_or(palette::INK);
    Stroke { colour, width: if arm == 0 { 1.6 } else { 2.6 }, dash: dashes.get(arm % dashes.len()).copied().flatten() }
}

fn draw_arm(scene: &mut Scene, frame: &Frame, days: &[&DayRow], line: &Line) {
    let points = days.iter().filter_map(|day| Some(frame.clamped(day.day, deviation(day, line)?)));
    scene.path(points.collect(), stroke(line.arm));
}

/// Marks the days whose sample ratio is not one of chance; returns how many.
fn draw_marks(scene: &mut Scene, frame: &Frame, days: &[&DayRow]) -> usize {
    let off = days.iter().filter(|day| day.sample_ratio_p.is_some_and(|p| p < MARKED));
    let mut count = 0;
    for day in off {
        let at = Point { x: frame.days.at(day.day), y: frame.values.from - 9.0 };
        scene.diamond(at, 7.0, palette::VERMILLION, Stroke::solid(palette::VERMILLION, 1.4));
        count += 1;
    }
    count
}

fn draw_legend(scene: &mut Scene, y: f64, arms: &[ArmFacts], band: bool) -> f64 {
    let line = |arm: usize| {
        move |scene: &mut Scene, at: Point| scene.line((at.x - 11.0, at.y), (at.x + 11.0, at.y), stroke(arm))
    };
    let marks: Vec<_> = (0..arms.len()).map(line).collect();
    let names: Vec<String> = arms.iter().map(|arm| escape::shortened(&escape::one_line(&arm.arm), 30)).collect();
    let patch = |scene: &mut Scene, at: Point| {
        scene.rectangle((at.x - 9.0, at.y - 7.0), (at.x + 9.0, at.y + 7.0), BAND);
        for y in [at.y - 7.0, at.y + 7.0] {
            scene.line((at.x - 9.0, y), (at.x + 9.0, y), Stroke::solid(palette::GREY, 1.0));
        }
    };
    let mut entries: Vec<LegendEntry<'_>> =
        marks.iter().zip(&names).map(|(mark, text)| LegendEntry { mark, text }).collect();
    if band {
        entries.push(LegendEntry { mark: &patch, text: "99 % of chance" });
    }
    axis::draw_legend(scene, y, &entries)
}

fn described(arms: &[ArmFacts], last: &DayRow) -> String {
    let arm = |(arm, units): (&ArmFacts, &usize)| {
        let share = *units as f64 / total(last);
        let name = escape::one_line(&arm.arm);
        format!("{name}: {} units, {} (planned {})", numbers::count(*units), percent(share), percent(arm.planned_share))
    };
    format!("At the end, {}.", arms.iter().zip(&last.units).map(arm).collect::<Vec<_>>().join("; "))
}

fn percent(share: f64) -> String {
    format!("{} %", numbers::fixed(100.0 * share, 2))
}

fn caption(clustered: bool, marked: usize) -> String {
    let mut said = vec!["Of all units assigned up to a day. The line at zero: the planned share.".to_owned()];
    if clustered {
        said.push("Units come in clusters, so that their number varies more than single units would.".to_owned());
    } else {
        said.push("The grey band is for one look and the arm that varies most.".to_owned());
    }
    match marked {
        0 => {}
        1 => said.push("A diamond marks the day whose sample ratio has p < 0.001.".to_owned()),
        n => said.push(format!("Diamonds mark {n} days whose sample ratio has p < 0.001.")),
    }
    said.join(" ")
}
