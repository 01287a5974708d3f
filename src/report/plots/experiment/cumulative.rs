//! The effect on one metric of everyone assigned up to a day, with its interval and its confidence sequence.
//!
//! Where units have several rows there are periods instead of days of assignment, and the effect of each period is drawn.

use super::WIDTH;
use super::days::{self, Frame};
use crate::plan::experiment::{EffectRequest, Worse};
use crate::record::experiment::{DayRow, EffectRow, ExperimentResults, MetricResult};
use crate::report::experiment::{phases, shown, words};
use crate::report::plots::axis::{self, LegendEntry, power_note};
use crate::report::plots::scene::{Colour, Point, Scene, Span, Stroke, Type, fitted, palette};
use crate::text::escape;
use crate::text::lists::counted;

const BAND: Colour = Colour(0x56, 0xb4, 0xe9, 0.45);
const SEQUENCE: Colour = Colour(0x56, 0xb4, 0xe9, 0.20);
/// Heights of a panel: alone, and one of several.
const HEIGHTS: [f64; 2] = [290.0, 170.0];

/// The effect at one day.
struct At<'a> {
    day: f64,
    row: &'a EffectRow,
}

/// An arm and its effects by day or period.
struct Path<'a> {
    arm: &'a str,
    /// True if the points are a path over days, false if each is that of a period.
    joined: bool,
    points: Vec<At<'a>>,
}

/// Which effects of a day.
struct Over {
    joined: bool,
    rows: fn(&DayRow) -> &[EffectRow],
}

pub fn scene(results: &ExperimentResults, metric: &MetricResult) -> Option<Scene> {
    let cumulative = paths(results, metric, Over { joined: true, rows: |day| &day.cumulative });
    let by_period = cumulative.is_empty();
    let paths = if by_period {
        paths(results, metric, Over { joined: false, rows: |day| &day.of_the_day })
    } else {
        cumulative
    };
    if paths.is_empty() {
        return None;
    }
    let name = escape::shortened(&escape::one_line(&metric.name), 40);
    let what = if by_period { "by period" } else { "up to each day" };
    let mut scene = Scene::new(WIDTH, 0.0);
    scene.title = format!("Effect on {name}, {what}");
    scene.description = described(&paths);
    let title = scene.title.clone();
    let y = axis::draw_title(&mut scene, &title, &format!("In its units; {}", words::better(metric.worse)));
    let y = draw_legend(&mut scene, y, &Legend { paths: &paths, metric, level: &shown::level(results) });
    let smallest = metric.smallest_effect.map(|size| if metric.worse == Worse::Up { -size } else { size });
    let values = range(&paths, smallest);
    let bottom =
        draw_panels(&mut scene, &paths, &Drawing { values, smallest, phases: &|arm| told(results, metric, arm) }, y);
    let below = days::draw_label(&mut scene, bottom, if by_period { "period" } else { "day since the start" });
    scene.height = axis::draw_caption(&mut scene, below, &caption(&paths, values, without(results, metric)));
    Some(scene)
}

/// The arms with effects on two days or more.
fn paths<'a>(results: &'a ExperimentResults, metric: &MetricResult, over: Over) -> Vec<Path<'a>> {
    let of_arm = |arm: &'a str| {
        let here = move |row: &&'a EffectRow| {
            row.metric == metric.name && row.arm == arm && row.request == EffectRequest::Itt && row.segment.is_none()
        };
        let days = results.days.iter();
        let points =
            days.filter_map(|day| (over.rows)(day).iter().find(here).map(|row| At { day: day.day, row })).collect();
        Path { arm, joined: over.joined, points }
    };
    let arms = results.health.design.arms.iter().filter(|arm| !arm.control);
    arms.map(|arm| of_arm(&arm.arm)).filter(|path| path.points.len() > 1).collect()
}

impl Path<'_> {
    /// The ends of all that is drawn at a point.
    fn ends(&self, at: &At<'_>) -> Span {
        let own = at.row.effect;
        let decides = if self.joined { shown::deciding(at.row) } else { own };
        Span::new(decides.lower.min(own.lower), decides.upper.max(own.upper))
    }

    /// True if a confidence sequence is drawn.
    fn has_sequence(&self) -> bool {
        self.joined && self.points.iter().any(|at| at.row.anytime.is_some())
    }
}

/// Zero, what matters, and all intervals; if those of the first half are so wide that they would flatten everything else, those of
/// the second, and what goes on beyond the edge is marked there.
fn range(paths: &[Path<'_>], smallest: Option<f64>) -> Span {
    /// The height of everything, in heights of the later half, up to which everything is shown.
    const MOST: f64 = 3.0;
    let over = |from: fn(&Path<'_>) -> usize| {
        let ends = paths.iter().flat_map(|path| path.points.iter().skip(from(path)).map(|at| path.ends(at)));
        ends.fold(Span::new(0.0, 0.0), |all, ends| Span::new(all.from.min(ends.from), all.to.max(ends.to)))
    };
    let (all, later) = (over(|_| 0), over(|path| path.points.len() / 2));
    let shown = if all.to - all.from <= MOST * (later.to - later.from) { all } else { later };
    let Span { from: mut low, to: mut high } = shown;
    let reach = 3.0 * low.abs().max(high.abs());
    if let Some(mark) = smallest.filter(|mark| mark.abs() <= reach) {
        low = low.min(mark);
        high = high.max(mark);
    }
    let margin = if high > low { 0.08 * (high - low) } else { 1.0 };
    Span::new(low - margin, high + margin)
}

/// Common to all panels.
struct Drawing<'a> {
    values: Span,
    smallest: Option<f64>,
    /// The effects on those assigned earlier and later.
    phases: &'a dyn Fn(&str) -> Option<String>,
}

/// The effects in an arm earlier and later, if there are both.
fn told(results: &ExperimentResults, metric: &MetricResult, arm: &str) -> Option<String> {
    let verb = if results.days.iter().any(|day| !day.cumulative.is_empty()) { "Assigned" } else { "Measured" };
    phases::of_metric(results, &metric.name, arm).map(|both| format!("{verb} earlier and later: {both}"))
}

fn draw_panels(scene: &mut Scene, paths: &[Path<'_>], drawing: &Drawing<'_>, top: f64) -> f64 {
    let [alone, among] = HEIGHTS;
    let height = if paths.len() == 1 { alone } else { among };
    let all = || paths.iter().flat_map(|path| path.points.iter().map(|at| at.day));
    let span = Span::new(all().fold(f64::INFINITY, f64::min), all().fold(f64::NEG_INFINITY, f64::max));
    let mut y = top;
    for (i, path) in paths.iter().enumerate() {
        let heading = Type::new(15.5, palette::INK).bold();
        let below = (drawing.phases)(path.arm).map_or(y + 28.0, |said| {
            let small = Type::new(14.5, palette::GREY);
            scene.paragraph((14.0, y + 32.0), scene.width - 28.0, &said, small) + 4.0
        });
        let frame = Frame::new(span, drawing.values, Span::new(below, below + height));
        let power = frame.draw(scene, i + 1 == paths.len());
        let said = format!("{}{}", heading_of(path), power_note(power));
        scene.text((14.0, y + 12.0), fitted(&said, scene.width - 28.0, heading), heading);
        draw_path(scene, &frame, path, drawing);
        y = below + height + 12.0;
    }
    y - 12.0
}

fn heading_of(path: &Path<'_>) -> String {
    let arm = escape::shortened(&escape::one_line(path.arm), 30);
    path.points.last().map_or_else(
        || arm.clone(),
        |last| {
            let day = shown::day(last.day);
            if path.joined {
                format!("{arm}: {} on day {day}", shown::absolute(&shown::deciding(last.row)))
            } else {
                format!("{arm}: {} in period {day}", shown::absolute(&last.row.effect))
            }
        },
    )
}

fn draw_path(scene: &mut Scene, frame: &Frame, path: &Path<'_>, drawing: &Drawing<'_>) {
    if let Some(at) = drawing.smallest.filter(|at| frame.holds(*at)) {
        let y = frame.values.at(at);
        scene.line((days::LEFT, y), (frame.days.to, y), Stroke::dashed(palette::INK, 1.6));
    }
    if path.joined {
        let sequence = |row: &EffectRow| row.anytime.as_ref().map(|a| Span::new(a.lower, a.upper));
        draw_band(scene, frame, path, &sequence, SEQUENCE);
        draw_edges(scene, frame, path, &sequence);
        draw_band(scene, frame, path, &|row| Some(Span::new(row.effect.lower, row.effect.upper)), BAND);
    } else {
        for At { day, row } in &path.points {
            let [from, to] = [row.effect.lower, row.effect.upper].map(|end| frame.clamped(*day, end));
            scene.line(from, to, Stroke::solid(palette::BLUE, 3.0));
        }
    }
    let ring = Stroke::solid(palette::BLUE, 1.6);
    let inside: Vec<&At<'_>> = path.points.iter().filter(|at| frame.holds(at.row.effect.estimate)).collect();
    let place = |at: &At<'_>| frame.clamped(at.day, at.row.effect.estimate);
    let radius = if path.points.len() > 30 { 2.5 } else { 4.0 };
    for pair in path.points.windows(2).filter(|_| path.joined) {
        if let [a, b] = pair
            && frame.holds(a.row.effect.estimate)
            && frame.holds(b.row.effect.estimate)
        {
            scene.line(place(a), place(b), Stroke::solid(palette::BLUE, 2.6));
        }
    }
    for at in inside {
        scene.dot(place(at), radius, palette::BLUE, ring);
    }
    path.points.iter().for_each(|at| frame.mark_beyond(scene, at.day, path.ends(at)));
}

type Band<'a> = &'a dyn Fn(&EffectRow) -> Option<Span>;

/// The lower and the upper edge of a band, from left to right.
fn edges(frame: &Frame, path: &Path<'_>, band: Band<'_>) -> [Vec<Point>; 2] {
    let spans = || path.points.iter().filter_map(|at| band(at.row).map(|span| (at.day, span)));
    [
        spans().map(|(day, span)| frame.clamped(day, span.from)).collect(),
        spans().map(|(day, span)| frame.clamped(day, span.to)).collect(),
    ]
}

fn draw_band(scene: &mut Scene, frame: &Frame, path: &Path<'_>, band: Band<'_>, fill: Colour) {
    let [lower, upper] = edges(frame, path, band);
    if lower.len() > 1 {
        scene.area(lower.into_iter().chain(upper.into_iter().rev()).collect(), fill);
    }
}

/// Thin lines along a band, so that it is not told by its colour alone.
fn draw_edges(scene: &mut Scene, frame: &Frame, path: &Path<'_>, band: Band<'_>) {
    for edge in edges(frame, path, band).into_iter().filter(|edge| edge.len() > 1) {
        scene.path(edge, Stroke::solid(palette::BLUE, 1.2));
    }
}

struct Legend<'a> {
    paths: &'a [Path<'a>],
    metric: &'a MetricResult,
    level: &'a str,
}

fn draw_legend(scene: &mut Scene, y: f64, legend: &Legend<'_>) -> f64 {
    let patch = |scene: &mut Scene, at: Point, fill: Colour| {
        scene.rectangle((at.x - 9.0, at.y - 7.0), (at.x + 9.0, at.y + 7.0), fill);
    };
    let joined = legend.paths.iter().all(|path| path.joined);
    let band = |scene: &mut Scene, at: Point| {
        if joined {
            patch(scene, at, BAND);
        } else {
            scene.dot(at, 4.0, palette::BLUE, Stroke::solid(palette::BLUE, 1.6));
        }
        scene.line((at.x - 9.0, at.y), (at.x + 9.0, at.y), Stroke::solid(palette::BLUE, 2.6));
    };
    let sequence = |scene: &mut Scene, at: Point| {
        patch(scene, at, SEQUENCE);
        for y in [at.y - 7.0, at.y + 7.0] {
            scene.line((at.x - 9.0, y), (at.x + 9.0, y), Stroke::solid(palette::BLUE, 1.2));
        }
    };
    let smallest = |scene: &mut Scene, at: Point| {
        scene.line((at.x - 9.0, at.y), (at.x + 9.0, at.y), Stroke::dashed(palette::INK, 1.6));
    };
    let said = format!("effect, {} interval for one look", legend.level);
    let mut entries = vec![LegendEntry { mark: &band, text: &said }];
    if legend.paths.iter().any(Path::has_sequence) {
        entries.push(LegendEntry { mark: &sequence, text: "confidence sequence" });
    }
    if legend.metric.smallest_effect.is_some() {
        entries.push(LegendEntry { mark: &smallest, text: "smallest effect that matters" });
    }
    axis::draw_legend(scene, y, &entries)
}

fn described(paths: &[Path<'_>]) -> String {
    paths.iter().map(|path| format!("{}.", heading_of(path))).collect::<Vec<_>>().join(" ")
}

/// Days or periods on which an effect could not be estimated.
fn without(results: &ExperimentResults, metric: &MetricResult) -> usize {
    let lacks = |day: &&DayRow| day.refused.iter().any(|refused| refused.metric == metric.name);
    results.days.iter().filter(lacks).count()
}

fn caption(paths: &[Path<'_>], values: Span, without: usize) -> String {
    let mut said = Vec::new();
    let by_period = paths.iter().any(|path| !path.joined);
    if by_period {
        said.push("Each period by itself, with an interval that holds for one of them.");
    } else if paths.iter().any(Path::has_sequence) {
        said.push("The confidence sequence holds on all days together; the interval for one look holds on one day.");
    } else {
        said.push("The interval holds for one look at the planned size; on the days before it is for orientation.");
    }
    let beyond = |path: &Path<'_>| {
        path.points.iter().map(|at| path.ends(at)).any(|ends| ends.from < values.from || ends.to > values.to)
    };
    if paths.iter().any(beyond) {
        said.push("A triangle at the edge: the interval goes on beyond it.");
    }
    let noun = if by_period { "period" } else { "day" };
    let left_out = format!("No effect could be estimated on {}; the table says why.", counted(without, noun));
    if without > 0 {
        said.push(&left_out);
    }
    said.join(" ")
}
