//! The plot of a follow-up: a forest of its rows, or a specification curve above the branches of its forks. As SVG only.

use super::WIDTH;
use super::axis::{self, LegendEntry, tick_labels};
use super::forest::{self, Words};
use super::forest_rows::{ForestRow, Group, Role};
use super::paint;
use super::scene::{Anchor, Colour, Point, Scene, Span, Stroke, Type, fitted, palette};
use crate::finding::Tier;
use crate::plan::follow_ups::SweepKind;
use crate::record::ReportError;
use crate::record::follow_up::{Curve, FollowUpDocument, SweepRow};
use crate::report::sentences;
use crate::text::{escape, numbers};

/// Rows of one answer that a picture has room for.
const MOST_ROWS: usize = 60;
/// Branches that it has room for.
const MOST_BRANCHES: usize = 30;
/// Columns into which the analyses of a curve are gathered to show their branches.
const BINS: usize = 50;
/// The left and right edge of a curve, design pixels.
const CURVE: Span = Span::new(186.0, WIDTH - 14.0);
/// The height of a curve.
const HEIGHT: f64 = 230.0;
/// The height of a branch.
const BRANCH: f64 = 20.0;

/// The plot as SVG; `None` if nothing was estimated.
///
/// # Errors
/// [`ReportError::Drawing`].
pub fn svg(document: &FollowUpDocument, title: &str, description: &str) -> Result<Option<Vec<u8>>, ReportError> {
    let scene = match &document.curve {
        Some(curve) => curve_scene(document, curve, title, description),
        None => rows_scene(document, title, description),
    };
    scene.map(|scene| paint::svg(&document.name, &scene)).transpose()
}

fn rows_scene(document: &FollowUpDocument, title: &str, description: &str) -> Option<Scene> {
    let several = document.sweep == SweepKind::Outcomes;
    let mut left_out = 0;
    let mut groups = Vec::new();
    for answer in &document.answers {
        let of = |row: &&SweepRow| row.requested == answer.requested;
        let refused = answer.verdict == Tier::NotSatisfactory;
        let row = |row: &SweepRow| forest_row(row, several, refused);
        let rows: Vec<ForestRow> = document.table.iter().filter(of).filter_map(row).collect();
        left_out += rows.len().saturating_sub(MOST_ROWS);
        let heading = format!("{}: {}", answer.name, sentences::tier(answer.verdict));
        groups.push(Group { heading, rows: rows.into_iter().take(MOST_ROWS).collect() });
    }
    let mut more = Vec::new();
    if document.not_estimated > 0 {
        let rows = if document.not_estimated == 1 { "row has" } else { "rows have" };
        more.push(format!("{} {rows} no estimate; the table says why.", document.not_estimated));
    }
    if left_out > 0 {
        more.push(format!("{left_out} more are in the table."));
    }
    let words = Words {
        title,
        subtitle: &document.title,
        description,
        // Outcomes have units of their own; what is written beside them is in those.
        units: if several { "standard deviations of each outcome" } else { &document.units },
        legend: [
            (Role::Answer, "the answer of the run"),
            (Role::Other, "gradable by itself"),
            (Role::Iteration, "not gradable by itself, or refused"),
            (Role::Benchmark, ""),
        ],
        more: &more.join(" "),
    };
    forest::drawn(&groups, &words)
}

fn forest_row(row: &SweepRow, several: bool, refused: bool) -> Option<ForestRow> {
    let effect = row.effect.as_ref()?;
    let (lower, upper) = effect.interval;
    let scale = if several && effect.outcome_sd > 0.0 { effect.outcome_sd } else { 1.0 };
    let role = match (row.answer, row.gradable()) {
        // What the run refuses is drawn as no answer of it.
        (true, _) if refused => Role::Iteration,
        (true, _) => Role::Answer,
        (false, true) => Role::Other,
        (false, false) => Role::Iteration,
    };
    Some(ForestRow {
        role,
        label: escape::one_line(&row.label),
        numbers: numbers::interval(effect.estimate, effect.std_error, lower, upper),
        estimate: effect.estimate / scale,
        lower: lower / scale,
        upper: upper / scale,
    })
}

/// An analysis on the curve.
struct Spot<'a> {
    estimate: f64,
    lower: f64,
    upper: f64,
    row: &'a SweepRow,
}

fn spots<'a>(document: &'a FollowUpDocument, curve: &Curve) -> Vec<Spot<'a>> {
    let spot = |row: &'a SweepRow| {
        let effect = row.effect.as_ref()?;
        let scale = if curve.standardised { effect.outcome_sd } else { 1.0 };
        let (lower, upper) = effect.interval;
        Some(Spot { estimate: effect.estimate / scale, lower: lower / scale, upper: upper / scale, row })
    };
    let mut spots: Vec<Spot<'_>> = document.table.iter().filter_map(spot).collect();
    // A stable sort: equal estimates stay in the order of the table.
    spots.sort_by(|a, b| a.estimate.total_cmp(&b.estimate));
    spots
}

/// The vertical axis.
struct Upright {
    low: f64,
    high: f64,
    top: f64,
}

impl Upright {
    fn at(&self, value: f64) -> f64 {
        let inside = value.clamp(self.low, self.high);
        self.top + HEIGHT * (self.high - inside) / (self.high - self.low)
    }
}

fn curve_scene(document: &FollowUpDocument, curve: &Curve, title: &str, description: &str) -> Option<Scene> {
    let spots = spots(document, curve);
    if spots.is_empty() {
        return None;
    }
    let mut scene = Scene::new(WIDTH, 0.0);
    title.clone_into(&mut scene.title);
    description.clone_into(&mut scene.description);
    let y = axis::draw_title(&mut scene, title, &escape::one_line(&document.title));
    let top = legend(&mut scene, y) + 6.0;
    let upright = range(&spots, top);
    let clipped = spots.iter().filter(|spot| spot.lower < upright.low || spot.upper > upright.high).count();
    draw_curve(&mut scene, &spots, &upright);
    let units = if curve.standardised { "standard deviations" } else { &document.units };
    let label = format!("effect, {}", escape::shortened(&escape::one_line(units), 30));
    let style = Type { upright: true, ..Type::new(15.0, palette::INK).anchored(Anchor::Middle) };
    scene.text((118.0, top + HEIGHT / 2.0), label, style);
    let mut y = top + HEIGHT + 24.0;
    let room = with_room(curve);
    let mut hidden = Vec::new();
    for (at, fork) in curve.forks.iter().enumerate() {
        if !room.contains(&at) {
            hidden.push(format!("{} ({} branches)", fork.key, fork.branches.len()));
            continue;
        }
        scene.text((8.0, y), &*fork.key, Type::new(15.0, palette::INK).bold());
        y += BRANCH;
        for branch in &fork.branches {
            draw_branch(&mut scene, &spots, (at, branch), y);
            y += BRANCH;
        }
        y += 6.0;
    }
    let mut said = vec![format!(
        "{} analyses, from the smallest estimate to the largest; the darker a bar, the more of the analyses at its place take \
         that branch.",
        numbers::count(spots.len())
    )];
    if clipped > 0 {
        said.push(format!("{} intervals reach beyond the axis.", numbers::count(clipped)));
    }
    if !hidden.is_empty() {
        said.push(format!("Not drawn, since there are many: {}.", hidden.join(", ")));
    }
    if document.not_estimated > 0 {
        said.push(format!("{} have no estimate; the table says why.", numbers::count(document.not_estimated)));
    }
    scene.height = axis::draw_caption(&mut scene, y - 10.0, &said.join(" "));
    Some(scene)
}

/// The forks that there is room for: those of few branches first.
fn with_room(curve: &Curve) -> Vec<usize> {
    let mut order: Vec<usize> = (0..curve.forks.len()).collect();
    let size = |at: &usize| curve.forks.get(*at).map_or(0, |fork| fork.branches.len());
    order.sort_by_key(size);
    let mut left = MOST_BRANCHES;
    let mut fits = |at: &usize| {
        let room = size(at) <= left;
        left -= if room { size(at) } else { 0 };
        room
    };
    order.retain(&mut fits);
    order
}

fn legend(scene: &mut Scene, y: f64) -> f64 {
    let estimates = |scene: &mut Scene, at: Point| {
        scene.line((at.x - 10.0, at.y), (at.x + 10.0, at.y), Stroke::solid(palette::BLUE, 2.6));
    };
    let intervals = |scene: &mut Scene, at: Point| {
        scene.rectangle((at.x - 10.0, at.y - 7.0), (at.x + 10.0, at.y + 7.0), BAND);
    };
    let answer = |scene: &mut Scene, at: Point| mark(scene, at);
    let entries = [
        LegendEntry { mark: &estimates, text: "estimates, sorted" },
        LegendEntry { mark: &intervals, text: "95 % intervals" },
        LegendEntry { mark: &answer, text: "the analysis of the run" },
    ];
    axis::draw_legend(scene, y, &entries)
}

const BAND: Colour = palette::SKY.alpha(0.35);

fn mark(scene: &mut Scene, at: Point) {
    scene.diamond(at, 7.0, palette::PAPER, Stroke::solid(palette::VERMILLION, 2.4));
}

/// Zero, every estimate, and the intervals but for the widest twentieth.
fn range(spots: &[Spot<'_>], top: f64) -> Upright {
    let end = |mut ends: Vec<f64>, share: f64| {
        ends.sort_by(f64::total_cmp);
        let at = ((ends.len() - 1) as f64 * share).round() as usize;
        ends.get(at).copied().unwrap_or(0.0)
    };
    let first = spots.first().map_or(0.0, |spot| spot.estimate);
    let last = spots.last().map_or(0.0, |spot| spot.estimate);
    let low = end(spots.iter().map(|spot| spot.lower).collect(), 0.05).min(first).min(0.0);
    let high = end(spots.iter().map(|spot| spot.upper).collect(), 0.95).max(last).max(0.0);
    let margin = if high > low { 0.05 * (high - low) } else { 1.0 };
    Upright { low: low - margin, high: high + margin, top }
}

/// The place of the `k`-th of so many.
fn across(k: f64, of: usize) -> f64 {
    CURVE.from + (CURVE.to - CURVE.from) * (k + 0.5) / of as f64
}

fn draw_curve(scene: &mut Scene, spots: &[Spot<'_>], upright: &Upright) {
    let ruler = axis::Axis::linear(Span::new(upright.low, upright.high), Span::new(0.0, HEIGHT));
    let ticks = ruler.ticks(5);
    let (labels, power) = tick_labels(&ticks);
    for (tick, label) in ticks.iter().zip(labels) {
        let y = upright.at(*tick);
        scene.line((CURVE.from, y), (CURVE.to, y), Stroke::solid(palette::LIGHT.alpha(0.7), 1.0));
        scene.text((CURVE.from - 8.0, y), label, Type::new(14.0, palette::GREY).anchored(Anchor::End));
    }
    if power != 0 {
        scene.text((CURVE.from, upright.top - 8.0), axis::power_note(power), Type::new(14.0, palette::GREY));
    }
    let of = spots.len();
    let half = (CURVE.to - CURVE.from) / of as f64 / 2.0;
    // Each analysis is as wide as its share, so that one alone is seen too.
    let edge = |end: &dyn Fn(&Spot<'_>) -> f64| -> Vec<Point> {
        let both = spots.iter().enumerate().flat_map(|(k, spot)| {
            let (x, y) = (across(k as f64, of), upright.at(end(spot)));
            [Point { x: x - half, y }, Point { x: x + half, y }]
        });
        both.collect()
    };
    let upper = edge(&|spot| spot.upper);
    let lower = edge(&|spot| spot.lower);
    scene.area(upper.into_iter().chain(lower.into_iter().rev()).collect(), BAND);
    let zero = upright.at(0.0);
    scene.line((CURVE.from, zero), (CURVE.to, zero), Stroke::solid(palette::INK, 1.4));
    scene.path(edge(&|spot| spot.estimate), Stroke::solid(palette::BLUE, 2.6));
    if let Some(k) = spots.iter().position(|spot| spot.row.answer) {
        let y = spots.get(k).map_or(zero, |spot| upright.at(spot.estimate));
        mark(scene, Point { x: across(k as f64, of), y });
    }
}

/// One branch: where on the curve the analyses are that take it.
fn draw_branch(scene: &mut Scene, spots: &[Spot<'_>], branch: (usize, &String), y: f64) {
    let (fork, name) = branch;
    let style = Type::new(14.0, palette::GREY).anchored(Anchor::End);
    let label = if name.is_empty() { "(none)".to_owned() } else { escape::one_line(name) };
    scene.text((CURVE.from - 8.0, y), fitted(&label, CURVE.from - 16.0, style), style);
    let bins = BINS.min(spots.len());
    let edge = |bin: usize| bin * spots.len() / bins;
    // In tenths, so that neighbours of about the same share are one bar.
    let share = |bin: usize| {
        let here = spots.get(edge(bin)..edge(bin + 1)).unwrap_or_default();
        let taken = here.iter().filter(|spot| spot.row.branches.get(fork) == Some(name)).count();
        (10.0 * taken as f64 / here.len() as f64).ceil()
    };
    let shares: Vec<f64> = (0..bins).map(share).collect();
    let x = |bin: usize| CURVE.from + (CURVE.to - CURVE.from) * edge(bin) as f64 / spots.len() as f64;
    let mut from = 0;
    for run in shares.chunk_by(|a, b| a == b) {
        let to = from + run.len();
        if let Some(share) = run.first().filter(|share| **share > 0.0) {
            let ink = palette::BLUE.alpha(0.1 + 0.09 * share);
            scene.rectangle((x(from), y - 6.0), (x(to), y + 6.0), ink);
        }
        from = to;
    }
}
