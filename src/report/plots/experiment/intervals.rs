//! Panels of intervals: a heading, rows of estimates with their intervals, and an axis in units of their own.
//!
//! What a row is and its numbers stand above its interval, which has the whole width: so letters can be large on a phone.

use super::super::axis::{self, Axis, LegendEntry};
use super::super::paint::text_width;
use super::super::scene::{Anchor, Colour, Point, Scene, Span, Stroke, Type, fitted, palette, wrapped};
use super::WIDTH;
use crate::record::experiment::{EffectRow, Estimate};

/// Height of a heading.
const HEADING: f64 = 25.0;
/// Height of a line of text above an interval.
const LINE: f64 = 23.0;
/// Height of the strip with an interval.
const STRIP: f64 = 22.0;
/// Between one row and the next.
const GAP: f64 = 6.0;
/// Where texts begin and end.
const TEXT: Span = Span { from: 16.0, to: WIDTH - 14.0 };
/// Where axes begin and end.
const AXIS: Span = Span { from: 28.0, to: WIDTH - 28.0 };
/// Ticks of an axis, about.
const TICKS: usize = 5;
/// Size of the text above an interval.
const SIZE: f64 = 15.5;
/// The most lines of a label.
const MOST_LINES: usize = 3;
/// Opaque, so that the line at zero does not cross the headings.
const HEADING_GROUND: Colour = Colour(0xee, 0xee, 0xee, 1.0);
/// The ground of what is worse than a margin allows.
const FORBIDDEN: Colour = Colour(0xd5, 0x5e, 0x00, 0.14);
/// The reach of an interval, in typical half-widths, beyond which it is clipped.
const REACH: f64 = 12.0;

/// One estimate.
pub struct IntervalRow {
    /// On the left.
    pub label: String,
    /// On the right.
    pub numbers: String,
    /// The estimate, with the interval for one look.
    pub effect: Estimate,
    /// The confidence sequence.
    pub sequence: Option<Span>,
    /// Drawn in bold: the row to read first.
    pub strong: bool,
    /// Drawn hollow: exploratory.
    pub exploratory: bool,
}

impl IntervalRow {
    /// A row from an effect of the record, neither strong nor exploratory.
    pub fn of_effect(row: &EffectRow, label: String, numbers: String) -> IntervalRow {
        let sequence = row.anytime.as_ref().map(|anytime| Span::new(anytime.lower, anytime.upper));
        IntervalRow { label, numbers, effect: row.effect, sequence, strong: false, exploratory: row.exploratory }
    }

    fn ends(&self) -> Span {
        let effect = Span::new(self.effect.lower, self.effect.upper);
        self.sequence.map_or(effect, |s| Span::new(s.from.min(effect.from), s.to.max(effect.to)))
    }
}

/// The rows of one axis.
pub struct Panel {
    /// Names the metric and what is better.
    pub heading: String,
    /// At least one.
    pub rows: Vec<IntervalRow>,
    /// The smallest effect that matters, in the direction that is better.
    pub smallest: Option<f64>,
    /// How far it may go in the direction that is worse.
    pub margin: Option<f64>,
}

impl Panel {
    fn range(&self) -> Span {
        let half = median(self.rows.iter().map(|row| (row.effect.upper - row.effect.lower) / 2.0).collect());
        let centre = median(self.rows.iter().map(|row| row.effect.estimate).collect());
        let near = |value: f64| (value - centre).abs() <= REACH * half;
        let (mut low, mut high) = (centre.min(0.0), centre.max(0.0));
        for ends in self.rows.iter().map(IntervalRow::ends).filter(|ends| near(ends.from) && near(ends.to)) {
            low = low.min(ends.from);
            high = high.max(ends.to);
        }
        // A mark that is far away would leave no room for the intervals.
        let reach = 3.0 * low.abs().max(high.abs());
        for mark in [self.smallest, self.margin].into_iter().flatten().filter(|mark| mark.abs() <= reach) {
            low = low.min(mark);
            high = high.max(mark);
        }
        let margin = if high > low { 0.06 * (high - low) } else { 1.0 };
        Span::new(low - margin, high + margin)
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or(0.0)
}

/// Draws panels from a height on; returns the height below the last.
pub fn draw(scene: &mut Scene, panels: &[Panel], from: f64) -> f64 {
    let mut y = from;
    for panel in panels {
        y = draw_panel(scene, panel, y) + 12.0;
    }
    y
}

/// True if an interval reaches beyond its axis.
pub fn clipped(panels: &[Panel]) -> bool {
    panels.iter().any(|panel| {
        let range = panel.range();
        panel.rows.iter().any(|row| row.ends().from < range.from || row.ends().to > range.to)
    })
}

fn draw_panel(scene: &mut Scene, panel: &Panel, top: f64) -> f64 {
    let axis = Axis::linear(panel.range(), AXIS);
    let rows: Vec<(&IntervalRow, Vec<TextLine>)> = panel.rows.iter().map(|row| (row, text_lines(row))).collect();
    let height = |lines: &[TextLine]| LINE * lines.len() as f64 + STRIP + GAP;
    let first = top + HEADING;
    let bottom = first + rows.iter().map(|row| height(&row.1)).sum::<f64>() - GAP;
    // Ticks below the last strip; every strip has its own piece of the grid, so that no line crosses a text.
    let power = axis::draw_ticks(scene, &axis, Span::new(bottom - STRIP, bottom), TICKS);
    let heading = Type::new(15.5, palette::INK).bold();
    scene.rectangle((8.0, top), (scene.width - 8.0, top + HEADING - 2.0), HEADING_GROUND);
    let said = format!("{}{}", panel.heading, axis::power_note(power));
    scene.text((14.0, top + HEADING / 2.0 - 1.0), fitted(&said, scene.width - 28.0, heading), heading);
    let mut y = first;
    for (row, lines) in &rows {
        draw_text(scene, lines, y, row.strong);
        let strip = y + LINE * lines.len() as f64;
        draw_strip(scene, panel, &axis, Span::new(strip, strip + STRIP));
        draw_row(scene, row, &axis, strip + STRIP / 2.0);
        y += height(lines);
    }
    bottom + 30.0
}

/// The grid of one strip: lines at the ticks and at zero, the smallest effect that matters, and what a margin forbids.
fn draw_strip(scene: &mut Scene, panel: &Panel, axis: &Axis, height: Span) {
    draw_margin(scene, panel, axis, height);
    for tick in axis::tick_places(axis, TICKS) {
        let grid = Stroke::solid(palette::LIGHT.alpha(0.7), 1.0);
        scene.line((axis.at(tick), height.from), (axis.at(tick), height.to), grid);
    }
    scene.line((axis.at(0.0), height.from), (axis.at(0.0), height.to), Stroke::solid(palette::INK, 1.4));
    if let Some(at) = panel.smallest.filter(|at| inside(axis, *at)) {
        scene.line((axis.at(at), height.from), (axis.at(at), height.to), Stroke::dashed(palette::INK, 1.6));
    }
}

/// Shades what is worse than the margin allows.
fn draw_margin(scene: &mut Scene, panel: &Panel, axis: &Axis, height: Span) {
    let Some(margin) = panel.margin.filter(|margin| inside(axis, *margin)) else { return };
    let to = if margin > 0.0 { axis.to } else { axis.from };
    scene.rectangle((axis.at(margin), height.from), (to, height.to), FORBIDDEN);
    let edge = Stroke::dashed(palette::VERMILLION, 1.6);
    scene.line((axis.at(margin), height.from), (axis.at(margin), height.to), edge);
}

fn inside(axis: &Axis, value: f64) -> bool {
    (axis.low..=axis.high).contains(&value)
}

/// A line of text above an interval: a piece of the label, the numbers, or both.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct TextLine {
    label: String,
    numbers: String,
}

/// The label in as many lines as it needs, and the numbers beside the last one, or below it.
fn text_lines(row: &IntervalRow) -> Vec<TextLine> {
    let style = text_type(row.strong);
    let room = TEXT.to - TEXT.from;
    let mut pieces = wrapped(&row.label, room, style);
    if pieces.len() > MOST_LINES {
        let rest = pieces.split_off(MOST_LINES - 1).join(" ");
        pieces.push(fitted(&rest, room, style));
    }
    let mut lines: Vec<TextLine> = pieces.into_iter().map(|label| TextLine { label, ..TextLine::default() }).collect();
    let numbers = fitted(&row.numbers, room, style);
    let needed = text_width(&numbers, style) + 16.0;
    match lines.last_mut().filter(|last| text_width(&last.label, style) + needed <= room) {
        Some(last) => last.numbers = numbers,
        None => lines.push(TextLine { numbers, ..TextLine::default() }),
    }
    lines
}

fn text_type(strong: bool) -> Type {
    let style = Type::new(SIZE, palette::INK);
    if strong { style.bold() } else { style }
}

fn draw_text(scene: &mut Scene, lines: &[TextLine], top: f64, strong: bool) {
    let style = text_type(strong);
    let mut y = top + LINE / 2.0;
    for line in lines {
        if !line.label.is_empty() {
            scene.text((TEXT.from, y), &*line.label, style);
        }
        if !line.numbers.is_empty() {
            scene.text((TEXT.to, y), &*line.numbers, style.anchored(Anchor::End));
        }
        y += LINE;
    }
}

fn draw_row(scene: &mut Scene, row: &IntervalRow, axis: &Axis, y: f64) {
    if let Some(sequence) = row.sequence {
        draw_span(scene, axis, sequence, (y, Stroke::solid(palette::BLUE, 1.4)));
        for end in [sequence.from, sequence.to].into_iter().filter(|end| inside(axis, *end)) {
            scene.line((axis.at(end), y - 6.0), (axis.at(end), y + 6.0), Stroke::solid(palette::BLUE, 1.4));
        }
    }
    let width = if row.strong { 4.6 } else { 3.4 };
    draw_span(scene, axis, Span::new(row.effect.lower, row.effect.upper), (y, Stroke::solid(palette::BLUE, width)));
    let ends = row.ends();
    if ends.from < axis.low {
        arrow(scene, Point { x: axis.from, y }, -1.0);
    }
    if ends.to > axis.high {
        arrow(scene, Point { x: axis.to, y }, 1.0);
    }
    if inside(axis, row.effect.estimate) {
        mark(scene, Point { x: axis.at(row.effect.estimate), y }, row.exploratory);
    }
}

fn draw_span(scene: &mut Scene, axis: &Axis, span: Span, at: (f64, Stroke)) {
    let (from, to) = (span.from.max(axis.low), span.to.min(axis.high));
    if from <= to {
        scene.line((axis.at(from), at.0), (axis.at(to), at.0), at.1);
    }
}

/// The point of an estimate.
pub fn mark(scene: &mut Scene, at: Point, exploratory: bool) {
    let fill = if exploratory { palette::PAPER } else { palette::BLUE };
    scene.dot(at, 6.0, fill, Stroke::solid(palette::BLUE, 1.8));
}

/// A head on the edge of the axis that points outwards.
fn arrow(scene: &mut Scene, at: Point, direction: f64) {
    let Point { x, y } = at;
    let back = x - direction * 3.0;
    let corners = [(x + direction * 8.0, y), (back, y - 6.5), (back, y + 6.5)];
    scene.area(corners.map(Point::from).to_vec(), palette::BLUE);
}

/// Draws the legend of what the panels hold; returns the height below it.
pub fn draw_legend(scene: &mut Scene, y: f64, panels: &[Panel], level: &str) -> f64 {
    let rows = || panels.iter().flat_map(|panel| &panel.rows);
    let across = |scene: &mut Scene, at: Point, stroke: Stroke| {
        scene.line((at.x - 10.0, at.y), (at.x + 10.0, at.y), stroke);
    };
    let interval = |scene: &mut Scene, at: Point| {
        across(scene, at, Stroke::solid(palette::BLUE, 3.4));
        mark(scene, at, false);
    };
    let exploratory = |scene: &mut Scene, at: Point| mark(scene, at, true);
    let sequence = |scene: &mut Scene, at: Point| across(scene, at, Stroke::solid(palette::BLUE, 1.4));
    let smallest = |scene: &mut Scene, at: Point| {
        scene.line((at.x, at.y - 9.0), (at.x, at.y + 9.0), Stroke::dashed(palette::INK, 1.6));
    };
    let margin = |scene: &mut Scene, at: Point| {
        scene.rectangle((at.x - 9.0, at.y - 8.0), (at.x + 9.0, at.y + 8.0), FORBIDDEN);
        scene.line((at.x - 9.0, at.y - 8.0), (at.x - 9.0, at.y + 8.0), Stroke::dashed(palette::VERMILLION, 1.6));
    };
    let said = format!("{level} interval, for one look");
    let mut entries = vec![LegendEntry { mark: &interval, text: &said }];
    if rows().any(|row| row.exploratory) {
        entries.push(LegendEntry { mark: &exploratory, text: "exploratory" });
    }
    if rows().any(|row| row.sequence.is_some()) {
        entries.push(LegendEntry { mark: &sequence, text: "confidence sequence, for any number of looks" });
    }
    if panels.iter().any(|panel| panel.smallest.is_some_and(|at| within(panel, at))) {
        entries.push(LegendEntry { mark: &smallest, text: "smallest effect that matters" });
    }
    if panels.iter().any(|panel| panel.margin.is_some_and(|at| within(panel, at))) {
        entries.push(LegendEntry { mark: &margin, text: "worse than its margin" });
    }
    axis::draw_legend(scene, y, &entries)
}

fn within(panel: &Panel, at: f64) -> bool {
    let range = panel.range();
    (range.from..=range.to).contains(&at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panel(rows: &[(f64, f64)], smallest: f64) -> Panel {
        let row = |(estimate, half): &(f64, f64)| IntervalRow {
            label: String::new(),
            numbers: String::new(),
            effect: Estimate {
                estimate: *estimate,
                std_error: half / 2.0,
                lower: estimate - half,
                upper: estimate + half,
            },
            sequence: None,
            strong: false,
            exploratory: false,
        };
        let rows = rows.iter().map(row).collect();
        Panel { heading: String::new(), rows, smallest: Some(smallest), margin: None }
    }

    #[test]
    fn numbers_stand_beside_the_label_or_below_it() {
        let row = |label: &str| IntervalRow {
            label: label.to_owned(),
            numbers: "−4.4 [−6.6, −2.2], −13.1 %".to_owned(),
            ..panel(&[(0.0, 1.0)], 0.0).rows.remove(0)
        };
        assert_eq!(text_lines(&row("diverse")).len(), 1);
        let long = text_lines(&row("holiday_shopper == 1 and screen == \"large\""));
        assert!(long.len() == 2 && long[1].label.is_empty() && !long[1].numbers.is_empty(), "{long:?}");
        let longest = text_lines(&row(&"a and b and c and d ".repeat(30)));
        assert!(longest.len() <= MOST_LINES + 1 && longest.iter().all(|line| line.label.len() < 80), "{longest:?}");
    }

    #[test]
    fn the_axis_holds_zero_the_intervals_and_marks_that_are_near() {
        let near = panel(&[(2.0, 0.5), (3.0, 0.5)], 4.0).range();
        assert!(near.from < 0.0 && near.to > 4.0, "{near:?}");
        let far = panel(&[(2.0, 0.5), (3.0, 0.5)], 400.0).range();
        assert!(far.to < 4.0, "{far:?}");
        let wild = panel(&[(2.0, 0.5), (3.0, 0.5), (2.0, 90.0)], 4.0);
        assert!(wild.range().to < 5.0 && clipped(&[wild]));
    }
}
