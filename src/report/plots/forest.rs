//! Forest plot: every estimate with its 95 % interval, answers first, benchmarks and other iterations beside them.

use super::axis::{self, Axis, LegendEntry};
use super::forest_rows::{ForestRow, Group, Role, groups, range};
use super::paint::text_width;
use super::scene::{Anchor, Colour, Dash, Point, Scene, Span, Stroke, Type, fitted, palette};
use crate::record::documents::ResultsDocument;
use crate::report::sentences;
use crate::text::escape;

const ROW: f64 = 25.0;
const WIDEST_LABEL: f64 = 208.0;
const NARROWEST_AXIS: f64 = 170.0;
/// Opaque, so that the line at zero does not cross the headings.
const HEADING_GROUND: Colour = Colour(0xee, 0xee, 0xee, 1.0);

pub fn scene(results: &ResultsDocument) -> Option<Scene> {
    let groups = groups(results);
    let description = format!("{} Positive: more of the outcome under treatment.", answers(&groups, &results.units));
    let words = Words {
        title: "Effect estimates, with 95 % intervals",
        subtitle: &results.title,
        description: &description,
        units: &results.units,
        legend: [
            (Role::Answer, "answer"),
            (Role::Other, "other estimator"),
            (Role::Benchmark, "benchmark, never an answer"),
            (Role::Iteration, "answer of another iteration"),
        ],
        more: "",
    };
    drawn(&groups, &words)
}

/// The words of a forest plot.
pub struct Words<'a> {
    pub title: &'a str,
    pub subtitle: &'a str,
    pub description: &'a str,
    pub units: &'a str,
    /// What each kind of mark is.
    pub legend: [(Role, &'a str); 4],
    /// A sentence at the end of the caption.
    pub more: &'a str,
}

/// A forest plot of groups of rows; `None` without rows.
pub fn drawn(groups: &[Group], words: &Words<'_>) -> Option<Scene> {
    let rows: Vec<&ForestRow> = groups.iter().flat_map(|group| &group.rows).collect();
    if rows.is_empty() {
        return None;
    }
    let mut scene = Scene::new(super::WIDTH, 0.0);
    words.title.clone_into(&mut scene.title);
    words.description.clone_into(&mut scene.description);
    let y = axis::draw_title(&mut scene, words.title, &escape::one_line(words.subtitle));
    let top = draw_legend(&mut scene, y, &rows, words) + 4.0;
    let columns = Columns::measured(&rows);
    let axis = Axis::linear(range(&rows), Span::new(columns.axis_from, columns.axis_to));
    let lines: usize = groups.iter().map(|group| 1 + group.rows.len().max(1)).sum();
    let bottom = top + ROW * lines as f64 + 10.0 * (groups.len() - 1) as f64;
    let label = format!("effect, {}", escape::shortened(&escape::one_line(words.units), 40));
    let below = axis::draw_bottom(&mut scene, &axis, Span::new(top, bottom), 5, &label);
    scene.line((axis.at(0.0), top), (axis.at(0.0), bottom), Stroke::solid(palette::INK, 1.4));
    let drawing = Drawing { axis: &axis, columns: &columns };
    let mut y = top + ROW / 2.0;
    for group in groups {
        y = drawing.draw_group(&mut scene, group, y) + 10.0;
    }
    let clipped = rows.iter().filter(|row| row.lower < axis.low || row.upper > axis.high).count();
    let caption = [&caption(clipped), words.more].map(str::to_owned).into_iter().filter(|said| !said.is_empty());
    scene.height = axis::draw_caption(&mut scene, below, &caption.collect::<Vec<_>>().join(" "));
    Some(scene)
}

fn answers(groups: &[Group], units: &str) -> String {
    let said = groups.iter().map(|group| match group.rows.iter().find(|row| row.role == Role::Answer) {
        Some(row) => format!("{}: {}.", group.heading, sentences::with_units(&row.numbers, units)),
        None => format!("{}: no estimate.", group.heading),
    });
    said.collect::<Vec<_>>().join(" ")
}

fn caption(clipped: usize) -> String {
    match clipped {
        0 => "The line at zero: no effect.".to_owned(),
        1 => "The line at zero: no effect. One interval reaches beyond the axis (arrow); its numbers are complete."
            .to_owned(),
        n => format!(
            "The line at zero: no effect. {n} intervals reach beyond the axis (arrows); their numbers are complete."
        ),
    }
}

/// Where the three columns (label, axis, numbers) stand.
struct Columns {
    axis_from: f64,
    axis_to: f64,
    number_size: f64,
    label_width: f64,
}

impl Columns {
    fn measured(rows: &[&ForestRow]) -> Columns {
        let widest = |texts: &mut dyn Iterator<Item = f64>| texts.fold(0.0_f64, f64::max);
        let label = widest(&mut rows.iter().map(|row| text_width(&row.label, label_type(row.role))));
        let label_width = label.clamp(80.0, WIDEST_LABEL);
        let width_at = |size: f64| {
            widest(&mut rows.iter().map(|row| text_width(&row.numbers, Type::new(size, palette::INK).bold())))
        };
        let axis_from = 22.0 + label_width + 14.0;
        let room = super::WIDTH - 12.0 - 14.0 - axis_from - NARROWEST_AXIS;
        let sizes = [15.0, 14.0, 13.0, 12.0, 11.0];
        let number_size = sizes.into_iter().find(|size| width_at(*size) <= room).unwrap_or(11.0);
        let axis_to = super::WIDTH - 12.0 - 14.0 - width_at(number_size);
        Columns { axis_from, axis_to: axis_to.max(axis_from + 100.0), number_size, label_width }
    }
}

fn label_type(role: Role) -> Type {
    let plain = Type::new(15.0, palette::INK);
    match role {
        Role::Answer => plain.bold(),
        Role::Other => plain,
        Role::Benchmark => Type { colour: palette::VERMILLION, ..plain },
        Role::Iteration => Type { colour: palette::GREY, ..plain },
    }
}

fn colour(role: Role) -> Colour {
    match role {
        Role::Answer => palette::BLUE,
        Role::Other => palette::SKY,
        Role::Benchmark => palette::VERMILLION,
        Role::Iteration => palette::GREY,
    }
}

fn mark(scene: &mut Scene, at: Point, role: Role) {
    let ring = Stroke::solid(colour(role), 1.8);
    match role {
        Role::Answer => scene.dot(at, 7.0, palette::BLUE, ring),
        Role::Other => scene.dot(at, 5.0, palette::SKY, ring),
        Role::Benchmark => scene.diamond(at, 6.5, palette::PAPER, ring),
        Role::Iteration => scene.dot(at, 4.5, palette::PAPER, ring),
    }
}

fn draw_legend(scene: &mut Scene, y: f64, rows: &[&ForestRow], words: &Words<'_>) -> f64 {
    let texts = words.legend;
    let marks = texts.map(|(role, _)| move |scene: &mut Scene, at: Point| mark(scene, at, role));
    let entries: Vec<LegendEntry<'_>> = texts
        .iter()
        .zip(&marks)
        .filter(|((role, _), _)| rows.iter().any(|row| row.role == *role))
        .map(|((_, text), mark)| LegendEntry { mark, text })
        .collect();
    axis::draw_legend(scene, y, &entries)
}

/// The axis and the columns in which groups are drawn.
struct Drawing<'a> {
    axis: &'a Axis,
    columns: &'a Columns,
}

impl Drawing<'_> {
    /// Draws a group from height `top` on; returns the height below it.
    fn draw_group(&self, scene: &mut Scene, group: &Group, top: f64) -> f64 {
        let mut y = top;
        let heading = Type::new(15.5, palette::INK).bold();
        let width = scene.width - 28.0;
        scene.rectangle((8.0, y - ROW / 2.0), (scene.width - 8.0, y + ROW / 2.0 - 1.0), HEADING_GROUND);
        scene.text((14.0, y), fitted(&group.heading, width, heading), heading);
        y += ROW;
        if group.rows.is_empty() {
            scene.label((22.0, y), "nothing could be estimated", Type::new(15.0, palette::GREY));
            return y + ROW;
        }
        for row in &group.rows {
            self.draw_row(scene, row, y);
            y += ROW;
        }
        y
    }

    fn draw_row(&self, scene: &mut Scene, row: &ForestRow, y: f64) {
        let Drawing { axis, columns } = self;
        let style = label_type(row.role);
        scene.text((22.0, y), fitted(&row.label, columns.label_width, style), style);
        let numbers = Type { size: columns.number_size, ..style }.anchored(Anchor::End);
        scene.text((scene.width - 12.0, y), &*row.numbers, numbers);
        let width = if row.role == Role::Answer { 3.4 } else { 2.0 };
        let stroke = match row.role {
            Role::Benchmark => {
                Stroke { dash: Some(Dash { on: 5.0, off: 3.0 }), ..Stroke::solid(colour(row.role), width) }
            }
            role => Stroke::solid(colour(role), width),
        };
        let (from, to) = (row.lower.max(axis.low), row.upper.min(axis.high));
        if from <= to {
            scene.line((axis.at(from), y), (axis.at(to), y), stroke);
        }
        if row.lower < axis.low {
            arrow(scene, Point { x: axis.from, y }, -1.0, colour(row.role));
        }
        if row.upper > axis.high {
            arrow(scene, Point { x: axis.to, y }, 1.0, colour(row.role));
        }
        if (axis.low..=axis.high).contains(&row.estimate) {
            mark(scene, Point { x: axis.at(row.estimate), y }, row.role);
        }
    }
}

/// A head on the edge of the axis that points outwards.
fn arrow(scene: &mut Scene, at: Point, direction: f64, colour: Colour) {
    let Point { x, y } = at;
    let back = x - direction * 3.0;
    scene.area([(x + direction * 8.0, y), (back, y - 6.5), (back, y + 6.5)].map(Point::from).to_vec(), colour);
}
