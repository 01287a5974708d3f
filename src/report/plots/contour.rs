//! Sensitivity contours (Cinelli & Hazlett 2020, doi:10.1111/rssb.12348).
//!
//! A hidden confounder with partial R² `r2d` with treatment and `r2y` with the outcome moves the regression estimate by
//!
//! ```text
//! |bias| = se · √df · √( r2y · r2d / (1 − r2d) ),   adjusted = sign(estimate) · (|estimate| − |bias|)
//! ```
//!
//! | symbol | here |
//! |---|---|
//! | estimate, se, df | `regression_estimate`, `regression_std_error`, `regression_df` |
//! | robustness value | the point of the zero contour with `r2d = r2y` |

use super::axis::{self, Axis, LABEL_SIZE, Spread, TICK_SIZE};
use super::paint::text_width;
use super::scene::{Anchor, Point, Rectangle, Scene, Span, Stroke, Type, fitted, palette};
use crate::record::documents::Answer;
use crate::report::plots::marching_squares::{Grid, contours};
use crate::report::sentences;
use crate::text::{escape, numbers};
use causal::diagnose::sensitivity::{Benchmark, SensitivityReport};

const SIDE: f64 = 420.0;
const CELLS: usize = 160;
/// Benchmarks that carry their names; the weaker ones are points.
const NAMED: usize = 8;
const NAME_SIZE: f64 = 15.0;

/// The regression estimate after a hidden confounder of this strength.
pub fn adjusted(report: &SensitivityReport, r2d: f64, r2y: f64) -> f64 {
    let factor = report.regression_std_error * report.regression_df.sqrt();
    let bias = factor * (r2y * r2d / (1.0 - r2d)).sqrt();
    let sign = if report.regression_estimate < 0.0 { -1.0 } else { 1.0 };
    sign * (report.regression_estimate.abs() - bias)
}

pub fn scene(answer: &Answer, units: &str) -> Option<Scene> {
    let report = answer.sensitivity.as_ref()?;
    let mut scene = Scene::new(super::WIDTH, 0.0);
    scene.title = format!("Sensitivity to a hidden confounder: {}", answer.name);
    scene.description = describe(report, units);
    let (title, description) = (scene.title.clone(), scene.description.clone());
    let top = axis::draw_title(&mut scene, &title, &description) + 12.0;
    let panel = Panel::placed(report, &scene, top);
    panel.shade_beyond_zero(&mut scene);
    let below = axis::draw_bottom(&mut scene, &panel.x, Span::new(top, panel.y.from), 6, "partial R² with treatment");
    panel.draw_left(&mut scene);
    let lines = panel.draw_contours(&mut scene);
    // Filled in the order of the claims to room: diamond, names, levels.
    let mut taken = panel.draw_robustness(&mut scene);
    let unnamed = panel.draw_benchmarks(&mut scene, &mut taken);
    panel.draw_levels(&mut scene, &lines, &mut taken);
    scene.height = axis::draw_caption(&mut scene, below, &caption(report, units, unnamed));
    Some(scene)
}

fn describe(report: &SensitivityReport, units: &str) -> String {
    let digits = numbers::decimals(report.regression_std_error);
    format!(
        "Regression-adjusted difference {}; robustness value {}.",
        sentences::with_units(&numbers::fixed(report.regression_estimate, digits), &escape::shortened(units, 40)),
        numbers::percent(report.rv_q1)
    )
}

fn caption(report: &SensitivityReport, units: &str, unnamed: usize) -> String {
    let mut text = format!(
        "Lines: the estimate ({}) after a hidden confounder of that strength; bold: zero; shaded: the sign turns. \
         Diamond: robustness value. Points: a hidden confounder as strong as the priority confounder named. \
         Square-root scales.",
        escape::shortened(&escape::one_line(units), 40)
    );
    if unnamed > 0 {
        text.push_str(&format!(" {unnamed} weaker ones carry no name."));
    }
    let beyond = report.benchmarks_unattainable.len();
    if beyond > 0 {
        let who =
            if beyond == 1 { "One priority confounder".to_owned() } else { format!("{beyond} priority confounders") };
        text.push_str(&format!(" {who} would need an R² of one or more and cannot be drawn."));
    }
    text
}

fn limits(report: &SensitivityReport) -> (f64, f64) {
    let largest = |of: fn(&Benchmark) -> f64| report.benchmarks.iter().map(of).fold(report.rv_q1, f64::max);
    let limit = |largest: f64| (1.3 * largest).clamp(0.01, 0.97);
    (limit(largest(|b| b.r2_treatment)), limit(largest(|b| b.r2_outcome)))
}

fn free(area: Rectangle, taken: &[Rectangle]) -> bool {
    let beside = |t: &Rectangle| area.right < t.left || area.left > t.right;
    taken.iter().all(|t| beside(t) || area.bottom < t.top || area.top > t.bottom)
}

/// A contour: its level as text, whether it is zero, its lines in pixels.
struct Contour {
    label: String,
    zero: bool,
    lines: Vec<Vec<Point>>,
}

/// The plotting area. Both axes run by the square root of R², that is by the partial correlation, since benchmarks are
/// often small beside the robustness value.
struct Panel<'a> {
    x: Axis,
    y: Axis,
    report: &'a SensitivityReport,
}

impl<'a> Panel<'a> {
    fn placed(report: &'a SensitivityReport, scene: &Scene, top: f64) -> Panel<'a> {
        let (x_max, y_max) = limits(report);
        let along = |high: f64, from: f64, to: f64| Axis { low: 0.0, high, from, to, spread: Spread::SquareRoot };
        let y = along(y_max, top + SIDE, top);
        let (labels, _) = y.labels(&y.ticks(5));
        let style = Type::new(TICK_SIZE, palette::GREY);
        let widest = labels.iter().map(|label| text_width(label, style)).fold(0.0, f64::max);
        Panel { x: along(x_max, 48.0 + widest, scene.width - 24.0), y, report }
    }

    /// The pixel of a strength.
    fn at(&self, r2d: f64, r2y: f64) -> Point {
        Point { x: self.x.at(r2d), y: self.y.at(r2y) }
    }

    /// Beyond the zero contour, r2y > estimate² (1 − r2d) / (se² df r2d), the sign turns.
    fn shade_beyond_zero(&self, scene: &mut Scene) {
        let r = self.report;
        let ratio = r.regression_estimate.powi(2) / (r.regression_std_error.powi(2) * r.regression_df);
        // Even steps along the axis as drawn, which is one of square roots.
        let edge = (1..=CELLS).map(|i| self.x.high * (i as f64 / CELLS as f64).powi(2));
        let mut points: Vec<Point> =
            edge.map(|r2d| self.at(r2d, (ratio * (1.0 - r2d) / r2d).min(self.y.high))).collect();
        points.extend([self.at(self.x.high, self.y.high), self.at(0.0, self.y.high)]);
        scene.area(points, palette::VERMILLION.alpha(0.10));
    }

    fn draw_left(&self, scene: &mut Scene) {
        let ticks = self.y.ticks(5);
        let (labels, _) = self.y.labels(&ticks);
        for (tick, label) in ticks.iter().zip(&labels) {
            let y = self.y.at(*tick);
            scene.line((self.x.from, y), (self.x.to, y), Stroke::solid(palette::LIGHT.alpha(0.7), 1.0));
            let style = Type::new(TICK_SIZE, palette::GREY).anchored(Anchor::End);
            scene.text((self.x.from - 8.0, y), label, style);
        }
        scene.line((self.x.from, self.y.from), (self.x.from, self.y.to), Stroke::solid(palette::GREY, 1.0));
        let style = Type { upright: true, ..Type::new(LABEL_SIZE, palette::INK).anchored(Anchor::Middle) };
        scene.text((20.0, (self.y.from + self.y.to) / 2.0), "partial R² with the outcome", style);
    }

    fn levels(&self) -> Vec<f64> {
        let corner = adjusted(self.report, self.x.high, self.y.high);
        let (low, high) = (corner.min(self.report.regression_estimate), corner.max(self.report.regression_estimate));
        let mut levels = Axis::linear(Span::new(low, high), Span::new(0.0, 1.0)).ticks(8);
        if !levels.contains(&0.0) {
            levels.push(0.0);
        }
        levels
    }

    fn draw_contours(&self, scene: &mut Scene) -> Vec<Contour> {
        let (x, y) = (self.x.high.sqrt(), self.y.high.sqrt());
        let grid =
            Grid::evaluated(Span::new(0.0, x), Span::new(0.0, y), CELLS, |a, b| adjusted(self.report, a * a, b * b));
        let levels = self.levels();
        let (labels, power) = axis::tick_labels(&levels);
        let mut drawn = Vec::new();
        for (level, label) in levels.iter().zip(labels) {
            let zero = *level == 0.0;
            let (colour, width) = if zero { (palette::VERMILLION, 3.4) } else { (palette::GREY, 1.3) };
            let pixels = |line: &Vec<Point>| line.iter().map(|p| self.at(p.x * p.x, p.y * p.y)).collect::<Vec<Point>>();
            let lines: Vec<Vec<Point>> = contours(&grid, *level).iter().map(pixels).collect();
            for line in &lines {
                scene.path(line.clone(), Stroke::solid(colour, width));
            }
            let label = if zero || power == 0 { label } else { format!("{label}{}", numbers::times_power(power)) };
            drawn.push(Contour { label, zero, lines });
        }
        drawn
    }

    /// Writes its value on every contour, as near to the diagonal as there is room.
    fn draw_levels(&self, scene: &mut Scene, drawn: &[Contour], taken: &mut Vec<Rectangle>) {
        for contour in drawn {
            let plain = Type::new(14.5, palette::GREY).anchored(Anchor::Middle);
            let style = if contour.zero { Type { colour: palette::VERMILLION, ..plain.bold() } } else { plain };
            let width = text_width(&contour.label, style) + 6.0;
            let mut points: Vec<Point> = contour.lines.iter().flatten().copied().collect();
            points.sort_by(|a, b| self.off_diagonal(*a).total_cmp(&self.off_diagonal(*b)));
            let spot = points.into_iter().find(|spot| self.has_room(Rectangle::around(*spot, width, 18.0), taken));
            if let Some(spot) = spot {
                taken.push(Rectangle::around(spot, width, 18.0));
                scene.label(spot, &contour.label, style);
            }
        }
    }

    fn off_diagonal(&self, at: Point) -> f64 {
        let across = (at.x - self.x.from) / (self.x.to - self.x.from);
        let up = (at.y - self.y.from) / (self.y.to - self.y.from);
        (across - up).abs()
    }

    fn has_room(&self, area: Rectangle, taken: &[Rectangle]) -> bool {
        let across = area.left > self.x.from + 2.0 && area.right < self.x.to;
        across && area.top > self.y.to && area.bottom < self.y.from && free(area, taken)
    }

    fn draw_robustness(&self, scene: &mut Scene) -> Vec<Rectangle> {
        let rv = self.report.rv_q1;
        if !(rv > 0.0 && rv < self.x.high && rv < self.y.high) {
            return Vec::new();
        }
        let at = self.at(rv, rv);
        scene.diamond(at, 7.0, palette::PAPER, Stroke::solid(palette::VERMILLION, 2.2));
        vec![Rectangle::around(at, 22.0, 22.0)]
    }

    /// Draws all benchmarks and names the strongest that find room; returns how many have no name.
    fn draw_benchmarks(&self, scene: &mut Scene, taken: &mut Vec<Rectangle>) -> usize {
        let mut benchmarks: Vec<&Benchmark> = self.report.benchmarks.iter().collect();
        benchmarks.sort_by(|a, b| b.equivalent_rv.total_cmp(&a.equivalent_rv));
        let place = |b: &Benchmark| self.at(b.r2_treatment, b.r2_outcome);
        taken.extend(benchmarks.iter().map(|b| Rectangle::around(place(b), 12.0, 12.0)));
        let style = Type::new(NAME_SIZE, palette::INK).bold().anchored(Anchor::Middle);
        let mut named = Vec::new();
        for benchmark in benchmarks.iter().take(NAMED) {
            let name = fitted(&escape::one_line(&benchmark.confounder), 190.0, style);
            let width = text_width(&name, style);
            if let Some(spot) = self.room_for(place(benchmark), width, taken) {
                taken.push(Rectangle::around(spot, width + 2.0, 18.0));
                lead(scene, place(benchmark), Rectangle::around(spot, width + 2.0, 16.0));
                named.push((spot, name));
            }
        }
        for benchmark in &benchmarks {
            scene.dot(place(benchmark), 5.5, palette::BLUE, Stroke::solid(palette::PAPER, 1.2));
        }
        for (spot, name) in &named {
            scene.label(*spot, name, style);
        }
        benchmarks.len() - named.len()
    }

    /// The middle of a free spot for a name of this width near a point, inside the panel.
    fn room_for(&self, near: Point, width: f64, taken: &[Rectangle]) -> Option<Point> {
        let side = width / 2.0 + 11.0;
        let offsets = [0.0, 16.0, 30.0, 46.0, 64.0, 84.0, 106.0].into_iter().flat_map(|d: f64| {
            let far = side + d / 2.0;
            [(side, d), (side, -d), (far, -d), (0.0, -d - 18.0), (-side, -d), (-side, d), (far, d), (0.0, d + 18.0)]
        });
        let spots = offsets.map(|(dx, dy)| Point { x: near.x + dx, y: near.y + dy });
        let mut spots = spots.filter(|spot| self.has_room(Rectangle::around(*spot, width + 4.0, 18.0), taken));
        spots.next()
    }
}

/// A thin line from a point to its name, if the name does not stand right beside it.
fn lead(scene: &mut Scene, from: Point, name: Rectangle) {
    let end = name.nearest(from);
    if from.distance(end) > 12.0 {
        scene.line(from, end, Stroke::solid(palette::BLUE, 1.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> SensitivityReport {
        // Partial R² = t²/(t² + df); the robustness value solves |estimate| = bias(rv, rv).
        let (estimate, std_error, df) = (3.46, 0.45, 1500.0_f64);
        let f2 = (estimate / std_error) * (estimate / std_error) / df;
        let rv = 0.5 * ((f2 * f2 + 4.0 * f2).sqrt() - f2);
        SensitivityReport {
            e_value: 2.0,
            e_value_ci: 1.5,
            tipping_bias: 2.5,
            regression_estimate: estimate,
            regression_std_error: std_error,
            regression_df: df,
            partial_r2: f2 / (1.0 + f2),
            rv_q1: rv,
            target_estimate: estimate,
            target_rv_q1: rv,
            rv_q1_alpha05: 0.1,
            benchmarks: Vec::new(),
            benchmarks_unattainable: Vec::new(),
            hidden: None,
        }
    }

    #[test]
    fn the_robustness_value_is_on_the_zero_contour() {
        let report = report();
        assert!(adjusted(&report, report.rv_q1, report.rv_q1).abs() < 1e-12);
        assert_eq!(adjusted(&report, 0.0, 0.5), report.regression_estimate);
    }

    #[test]
    fn the_zero_contour_is_where_the_adjusted_estimate_is_zero() {
        let report = report();
        let (x, y) = limits(&report);
        let grid = Grid::evaluated(Span::new(0.0, x.sqrt()), Span::new(0.0, y.sqrt()), CELLS, |a, b| {
            adjusted(&report, a * a, b * b)
        });
        let lines = contours(&grid, 0.0);
        assert_eq!(lines.len(), 1);
        let worst = lines[0].iter().map(|p| adjusted(&report, p.x * p.x, p.y * p.y).abs()).fold(0.0, f64::max);
        assert!(worst < 1e-3 * report.regression_estimate, "{worst}");
    }

    #[test]
    fn a_negative_estimate_mirrors() {
        let report = report();
        let mirrored = SensitivityReport { regression_estimate: -report.regression_estimate, ..report.clone() };
        assert_eq!(adjusted(&mirrored, 0.1, 0.2), -adjusted(&report, 0.1, 0.2));
    }
}
