//! Panels of intervals: a heading, rows of estimates with their intervals, and an axis in units of their own.

use super::super::axis::{self, Axis, LegendEntry};
use super::super::paint::text_width;
use super::super::scene::{Anchor, Colour, Point, Scene, Span, Stroke, Type, fitted, palette, wrapped};
use crate::record::experiment::{EffectRow, Estimate};

const ROW: f64 = 25.0;
/// A row whose label takes two lines.
const TALL_ROW: f64 = 42.0;
const WIDEST_LABEL: f64 = 176.0;
const NARROWEST_AXIS: f64 = 190.0;
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
    let columns = Columns::measured(panels);
    let mut y = from;
    for panel in panels {
        y = draw_panel(scene, panel, &columns, y) + 12.0;
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

/// Where the three columns (label, axis, numbers) stand.
struct Columns {
    axis: Span,
    number_size: f64,
    label_width: f64,
}

impl Columns {
    fn measured(panels: &[Panel]) -> Columns {
        let rows: Vec<&IntervalRow> = panels.iter().flat_map(|panel| &panel.rows).collect();
        let width_of = |text: &str, size: f64| text_width(text, Type::new(size, palette::INK).bold());
        let widest = |size: f64, text: fn(&IntervalRow) -> &str| {
            rows.iter().map(|row| width_of(text(row), size)).fold(0.0, f64::max)
        };
        let label_width = widest(15.0, |row| &row.label).clamp(60.0, WIDEST_LABEL);
        let from = 22.0 + label_width + 14.0;
        let room = super::super::WIDTH - 26.0 - from - NARROWEST_AXIS;
        let sizes = [15.0, 14.0, 13.0, 12.0, 11.0];
        let number_size = sizes.into_iter().find(|s| widest(*s, |row| &row.numbers) <= room).unwrap_or(11.0);
        let to = super::super::WIDTH - 26.0 - widest(number_size, |row| &row.numbers);
        Columns { axis: Span::new(from, to.max(from + 100.0)), number_size, label_width }
    }
}

fn draw_panel(scene: &mut Scene, panel: &Panel, columns: &Columns, top: f64) -> f64 {
    let axis = Axis::linear(panel.range(), columns.axis);
    let first = top + ROW;
    let rows: Vec<(&IntervalRow, Vec<String>)> =
        panel.rows.iter().map(|row| (row, label_lines(row, columns.label_width))).collect();
    let height = |lines: &[String]| if lines.len() > 1 { TALL_ROW } else { ROW };
    let bottom = first + rows.iter().map(|row| height(&row.1)).sum::<f64>();
    draw_margin(scene, panel, &axis, Span::new(first, bottom));
    let power = axis::draw_ticks(scene, &axis, Span::new(first, bottom), 5);
    scene.line((axis.at(0.0), first), (axis.at(0.0), bottom), Stroke::solid(palette::INK, 1.4));
    if let Some(at) = panel.smallest.filter(|at| inside(&axis, *at)) {
        scene.line((axis.at(at), first), (axis.at(at), bottom), Stroke::dashed(palette::INK, 1.6));
    }
    let heading = Type::new(15.5, palette::INK).bold();
    scene.rectangle((8.0, top), (scene.width - 8.0, top + ROW - 2.0), HEADING_GROUND);
    let said = format!("{}{}", panel.heading, axis::power_note(power));
    scene.text((14.0, top + ROW / 2.0 - 1.0), fitted(&said, scene.width - 28.0, heading), heading);
    let mut y = first;
    for (row, lines) in &rows {
        let half = height(lines) / 2.0;
        draw_label(scene, lines, y + half, row.strong);
        draw_row(scene, row, Place { axis: &axis, columns, y: y + half });
        y += 2.0 * half;
    }
    bottom + 30.0
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

/// A label in one line, or in two smaller ones if it is long.
fn label_lines(row: &IntervalRow, width: f64) -> Vec<String> {
    let style = label_type(row.strong, false);
    if text_width(&row.label, style) <= width {
        return vec![row.label.clone()];
    }
    let small = label_type(row.strong, true);
    let mut lines = wrapped(&row.label, width, small).into_iter();
    let first = lines.next().unwrap_or_default();
    let rest = lines.collect::<Vec<_>>().join(" ");
    if rest.is_empty() { vec![first] } else { vec![first, fitted(&rest, width, small)] }
}

fn label_type(strong: bool, small: bool) -> Type {
    let style = Type::new(if small { 13.5 } else { 15.0 }, palette::INK);
    if strong { style.bold() } else { style }
}

fn draw_label(scene: &mut Scene, lines: &[String], middle: f64, strong: bool) {
    let small = lines.len() > 1;
    let mut y = middle - if small { 8.5 } else { 0.0 };
    for line in lines {
        scene.text((22.0, y), &**line, label_type(strong, small));
        y += 17.0;
    }
}

struct Place<'a> {
    axis: &'a Axis,
    columns: &'a Columns,
    y: f64,
}

fn draw_row(scene: &mut Scene, row: &IntervalRow, place: Place<'_>) {
    let Place { axis, columns, y } = place;
    let plain = Type::new(15.0, palette::INK);
    let style = if row.strong { plain.bold() } else { plain };
    let numbers = Type { size: columns.number_size, ..style }.anchored(Anchor::End);
    scene.text((scene.width - 12.0, y), &*row.numbers, numbers);
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
    fn the_axis_holds_zero_the_intervals_and_marks_that_are_near() {
        let near = panel(&[(2.0, 0.5), (3.0, 0.5)], 4.0).range();
        assert!(near.from < 0.0 && near.to > 4.0, "{near:?}");
        let far = panel(&[(2.0, 0.5), (3.0, 0.5)], 400.0).range();
        assert!(far.to < 4.0, "{far:?}");
        let wild = panel(&[(2.0, 0.5), (3.0, 0.5), (2.0, 90.0)], 4.0);
        assert!(wild.range().to < 5.0 && clipped(&[wild]));
    }
}
