//! Love plot: |standardised mean difference| of every term before and after weighting, priority confounders on top.

use super::axis::{self, Axis, LegendEntry, Spread};
use super::scene::{Anchor, Point, Scene, Span, Stroke, Type, fitted, palette};
use crate::critique::rubric::{self, Rule};
use crate::finding::Code;
use crate::record::documents::AnalysisDesign;
use crate::text::numbers;
use causal::diagnose::balance::{BalanceRow, BalanceTable, SecondMoment};

/// Terms that are not of a priority confounder beyond this many are counted in the caption, not drawn.
const MOST_OTHER_ROWS: usize = 60;
const ROW: f64 = 24.0;
/// Where the axis starts, right of the term names.
const LEFT: f64 = 218.0;
const AXIS_LABEL: &str = "|standardised mean difference|, in SDs";

pub fn scene(analysis: &AnalysisDesign) -> Option<Scene> {
    let balance = analysis.balance.as_ref()?;
    let rows = Rows::sorted(balance);
    let lines = rows.priority.len() + rows.other.len() + 2;
    let mut scene = Scene::new(super::WIDTH, 0.0);
    scene.title = format!("Balance before and after weighting: {}", analysis.name);
    scene.description = describe(&rows);
    let (title, description) = (scene.title.clone(), scene.description.clone());
    let y = axis::draw_title(&mut scene, &title, &description);
    let y = draw_legend(&mut scene, y);
    let top = y + 26.0;
    let bottom = top + ROW * lines as f64;
    let axis = axis_for(balance);
    draw_thresholds(&mut scene, &axis, top, bottom);
    let y = axis::draw_bottom(&mut scene, &axis, Span::new(top, bottom), 5, &axis_label(&axis));
    draw_rows(&mut scene, &axis, top, &rows);
    let y = axis::draw_caption(&mut scene, y, &caption(balance, rows.hidden));
    scene.height = y;
    Some(scene)
}

fn describe(rows: &Rows) -> String {
    let (before, after) = (largest(rows, |line| line.before), largest(rows, |line| line.after));
    if before.is_none() && after.is_none() {
        return "No priority confounder has a measurable difference.".to_owned();
    }
    let told = |found: Option<(&str, f64)>, when: &str| match found {
        Some((term, value)) => format!("{} {when} ({term})", numbers::fixed(value, 3)),
        None => format!("not measurable {when}"),
    };
    format!("Largest |SMD| of a priority confounder: {}, {}.", told(before, "before"), told(after, "after"))
}

/// The priority term with the largest difference, and that difference: each number with the name it belongs to.
fn largest(rows: &Rows, smd: impl Fn(&Line) -> Option<f64>) -> Option<(&str, f64)> {
    let measured = rows.priority.iter().filter_map(|line| Some((line.term.as_str(), smd(line)?.abs())));
    measured.max_by(|a, b| a.1.total_cmp(&b.1))
}

fn axis_label(axis: &Axis) -> String {
    match axis.spread {
        Spread::Linear => AXIS_LABEL.to_owned(),
        Spread::SquareRoot => format!("{AXIS_LABEL} (square-root scale)"),
    }
}

fn caption(balance: &BalanceTable, hidden: usize) -> String {
    let constant = balance.rows.iter().filter(|row| row.smd_before.is_none()).count();
    let [warns, fails] = thresholds().map(|at| at.map_or_else(String::new, |at| at.to_string()));
    let mut text = format!(
        "The SDs are those of the two unweighted arms, before and after. The lines at {warns} and {fails} grade priority \
         confounders."
    );
    let second = balance.second_moments.len();
    if second > 0 {
        let graded = balance.second_moments.iter().filter(|moment| moment.beyond_chance).count();
        text.push_str(&format!(
            " {second} squares and products of them, about their means, were looked at; those beyond chance ({graded}) are drawn."
        ));
    }
    if constant > 0 {
        text.push_str(&format!(" No SMD: constant in both arms ({constant})."));
    }
    if hidden > 0 {
        text.push_str(&format!(" {hidden} better balanced other terms are not drawn; design.json has them all."));
    }
    text
}

/// One line of the plot.
struct Line {
    term: String,
    priority: bool,
    before: Option<f64>,
    after: Option<f64>,
}

impl From<&BalanceRow> for Line {
    fn from(row: &BalanceRow) -> Self {
        Line { term: row.term.clone(), priority: row.priority, before: row.smd_before, after: row.smd_after }
    }
}

impl From<&SecondMoment> for Line {
    fn from(moment: &SecondMoment) -> Self {
        let term = if moment.first == moment.second {
            format!("{}^2", moment.first)
        } else {
            format!("{} * {}", moment.first, moment.second)
        };
        Line { term, priority: true, before: moment.smd_before, after: moment.smd_after }
    }
}

struct Rows {
    priority: Vec<Line>,
    other: Vec<Line>,
    hidden: usize,
}

impl Rows {
    /// Largest difference before weighting first; among the other terms, the worst after weighting are the ones drawn. Of the
    /// squares and products those that are graded.
    fn sorted(balance: &BalanceTable) -> Rows {
        let graded = balance.second_moments.iter().filter(|moment| moment.beyond_chance);
        let lines = balance.rows.iter().map(Line::from).chain(graded.map(Line::from));
        let (mut priority, mut other): (Vec<_>, Vec<_>) = lines.partition(|line| line.priority);
        other.sort_by(|a, b| size(b.after).total_cmp(&size(a.after)));
        let hidden = other.len().saturating_sub(MOST_OTHER_ROWS);
        other.truncate(MOST_OTHER_ROWS);
        for group in [&mut priority, &mut other] {
            group.sort_by(|a, b| size(b.before).total_cmp(&size(a.before)));
        }
        Rows { priority, other, hidden }
    }
}

fn size(smd: Option<f64>) -> f64 {
    smd.map_or(-1.0, f64::abs)
}

fn axis_for(balance: &BalanceTable) -> Axis {
    let rows = balance.rows.iter().flat_map(|row| [row.smd_before, row.smd_after]);
    let moments = balance.second_moments.iter().filter(|moment| moment.beyond_chance);
    let values = rows.chain(moments.flat_map(|moment| [moment.smd_before, moment.smd_after])).flatten();
    let largest = values.fold(0.25_f64, |m, v| m.max(v.abs()));
    let spread = if largest > 1.2 { Spread::SquareRoot } else { Spread::Linear };
    Axis { low: 0.0, high: largest * 1.04, from: LEFT, to: super::WIDTH - 22.0, spread }
}

fn before(scene: &mut Scene, at: Point) {
    scene.dot(at, 5.5, palette::PAPER, Stroke::solid(palette::VERMILLION, 2.2));
}

fn after(scene: &mut Scene, at: Point) {
    scene.dot(at, 6.0, palette::BLUE, Stroke::solid(palette::BLUE, 1.0));
}

fn draw_legend(scene: &mut Scene, y: f64) -> f64 {
    let entries = [
        LegendEntry { mark: &before, text: "before weighting" },
        LegendEntry { mark: &after, text: "after weighting" },
    ];
    axis::draw_legend(scene, y, &entries)
}

/// Where the rubric warns and where it fails.
fn thresholds() -> [Option<f64>; 2] {
    let Rule { warn, fail, .. } = rubric::rule(Code::BalancePriority);
    [warn.threshold(), fail.threshold()]
}

fn draw_thresholds(scene: &mut Scene, axis: &Axis, top: f64, bottom: f64) {
    let style = Type::new(14.5, palette::GREY);
    let lines = [
        ("warns", Stroke::dashed(palette::GREY, 1.4), Anchor::End, 12.0),
        ("fails", Stroke::solid(palette::GREY, 1.4), Anchor::Start, -12.0),
    ];
    for (value, (word, stroke, anchor, nudge)) in thresholds().into_iter().zip(lines) {
        let Some(value) = value else { continue };
        let x = axis.at(value);
        scene.line((x, top - 4.0), (x, bottom), stroke);
        scene.text((x + nudge, top - 14.0), format!("{value} {word}"), style.anchored(anchor));
    }
}

fn draw_rows(scene: &mut Scene, axis: &Axis, top: f64, rows: &Rows) {
    let mut y = top + ROW / 2.0;
    for (heading, group) in [("priority confounders", &rows.priority), ("other terms", &rows.other)] {
        scene.text((14.0, y), heading, Type::new(15.0, palette::GREY).bold());
        if group.is_empty() {
            scene.text((LEFT - 12.0, y), "none", Type::new(15.0, palette::GREY).anchored(Anchor::End));
        }
        y += ROW;
        for row in group {
            draw_row(scene, axis, y, row);
            y += ROW;
        }
    }
}

fn draw_row(scene: &mut Scene, axis: &Axis, y: f64, row: &Line) {
    let plain = Type::new(15.5, palette::INK).anchored(Anchor::End);
    let style = if row.priority { plain.bold() } else { plain };
    scene.text((LEFT - 12.0, y), fitted(&row.term, LEFT - 30.0, style), style);
    scene.line((axis.from, y), (axis.to, y), Stroke::solid(palette::LIGHT.alpha(0.6), 1.0));
    match (row.before, row.after) {
        (Some(b), Some(a)) => {
            let (b, a) = (axis.at(b.abs()), axis.at(a.abs()));
            scene.line((b, y), (a, y), Stroke::solid(palette::BLUE.alpha(0.35), 2.5));
            before(scene, Point { x: b, y });
            after(scene, Point { x: a, y });
        }
        (Some(b), None) => before(scene, Point { x: axis.at(b.abs()), y }),
        _ => scene.label((axis.from + 8.0, y), "no SMD", Type::new(14.0, palette::GREY)),
    }
}
