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

use super::axis::{self, Axis, LABEL_SIZE, TICK_SIZE};
use super::marching::{Grid, contours};
use super::paint::text_width;
use super::scene::{Anchor, Point, Scene, Stroke, Type, fitted, palette};
use crate::diagnose::sensitivity::{Benchmark, SensitivityReport};
use crate::report::documents::Answer;
use crate::report::{numbers, text};

const LEFT: f64 = 84.0;
const SIDE: f64 = 400.0;
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
    let (x_max, y_max) = limits(report);
    let x = Axis::linear((0.0, x_max), (LEFT, scene.width - 24.0));
    let y = Axis::linear((0.0, y_max), (top + SIDE, top));
    let panel = Panel { x, y, report };
    panel.shade_beyond_zero(&mut scene);
    let below = axis::draw_bottom(&mut scene, &x, (top, y.from), 5, "partial R² of the hidden confounder with treatment");
    panel.draw_left(&mut scene);
    let mut taken = panel.draw_contours(&mut scene);
    panel.draw_robustness(&mut scene, &mut taken);
    let unnamed = panel.draw_benchmarks(&mut scene, &mut taken);
    scene.height = axis::draw_caption(&mut scene, below, &caption(report, units, unnamed));
    Some(scene)
}

fn describe(report: &SensitivityReport, units: &str) -> String {
    let digits = numbers::decimals(report.regression_std_error);
    format!(
        "Regression-adjusted difference {} {}; robustness value {}.",
        numbers::fixed(report.regression_estimate, digits),
        text::shortened(&text::one_line(units), 40),
        numbers::percent(report.rv_q1)
    )
}

fn caption(report: &SensitivityReport, units: &str, unnamed: usize) -> String {
    let mut text = format!(
        "Lines: the estimate ({}) after a hidden confounder of that strength; bold: zero; shaded: the sign turns. \
         Diamond: robustness value. Points: a hidden confounder as strong as the priority confounder named.",
        text::shortened(&text::one_line(units), 40)
    );
    if unnamed > 0 {
        text.push_str(&format!(" {unnamed} weaker ones carry no name."));
    }
    let beyond = report.benchmarks_unattainable.len();
    if beyond > 0 {
        text.push_str(&format!(" {beyond} would need an R² of one or more and cannot be drawn."));
    }
    text
}

fn limits(report: &SensitivityReport) -> (f64, f64) {
    let largest = |of: fn(&Benchmark) -> f64| report.benchmarks.iter().map(of).fold(report.rv_q1, f64::max);
    let limit = |largest: f64| (1.3 * largest).clamp(0.01, 0.97);
    (limit(largest(|b| b.r2_treatment)), limit(largest(|b| b.r2_outcome)))
}

/// A rectangle that is taken: left, top, right, bottom.
type Taken = (f64, f64, f64, f64);

fn free(area: Taken, taken: &[Taken]) -> bool {
    taken.iter().all(|t| area.2 < t.0 || area.0 > t.2 || area.3 < t.1 || area.1 > t.3)
}

fn around((x, y): Point, width: f64, height: f64) -> Taken {
    (x - width / 2.0, y - height / 2.0, x + width / 2.0, y + height / 2.0)
}

struct Panel<'a> {
    x: Axis,
    y: Axis,
    report: &'a SensitivityReport,
}

impl Panel<'_> {
    fn at(&self, (r2d, r2y): Point) -> Point {
        (self.x.at(r2d), self.y.at(r2y))
    }

    /// Beyond the zero contour, r2y > estimate² (1 − r2d) / (se² df r2d), the sign turns.
    fn shade_beyond_zero(&self, scene: &mut Scene) {
        let r = self.report;
        let ratio = r.regression_estimate.powi(2) / (r.regression_std_error.powi(2) * r.regression_df);
        let edge = (1..=CELLS).map(|i| self.x.high * i as f64 / CELLS as f64);
        let mut points: Vec<Point> =
            edge.map(|r2d| (r2d, (ratio * (1.0 - r2d) / r2d).min(self.y.high))).map(|p| self.at(p)).collect();
        points.push(self.at((self.x.high, self.y.high)));
        scene.area(points, palette::VERMILLION.alpha(0.10));
    }

    fn draw_left(&self, scene: &mut Scene) {
        let ticks = self.y.ticks(5);
        let (labels, _) = axis::tick_labels(&ticks);
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
        Axis::linear((low, high), (0.0, 1.0)).ticks(7)
    }

    fn draw_contours(&self, scene: &mut Scene) -> Vec<Taken> {
        let grid = Grid::of((0.0, self.x.high), (0.0, self.y.high), CELLS, |a, b| adjusted(self.report, a, b));
        let mut levels = self.levels();
        if !levels.contains(&0.0) {
            levels.push(0.0);
        }
        let (labels, power) = axis::tick_labels(&levels);
        let mut taken = Vec::new();
        for (level, label) in levels.iter().zip(labels) {
            let zero = *level == 0.0;
            let stroke = Stroke::solid(if zero { palette::VERMILLION } else { palette::GREY }, if zero { 3.4 } else { 1.3 });
            let lines = contours(&grid, *level);
            for line in &lines {
                scene.path(line.iter().map(|p| self.at(*p)).collect(), stroke);
            }
            let longest = lines.iter().max_by_key(|line| line.len());
            let label = if zero { label } else { format!("{label}{}", axis::power_note(power)) };
            if let Some(place) = longest.and_then(|line| self.on_diagonal(line)) {
                taken.extend(level_label(scene, place, &label, (zero, &taken)));
            }
        }
        taken
    }

    /// The point of a contour nearest to the diagonal of the panel.
    fn on_diagonal(&self, line: &[Point]) -> Option<Point> {
        let off = |p: &Point| (p.0 / self.x.high - p.1 / self.y.high).abs();
        line.iter().min_by(|a, b| off(a).total_cmp(&off(b))).map(|p| self.at(*p))
    }

    fn draw_robustness(&self, scene: &mut Scene, taken: &mut Vec<Taken>) {
        let rv = self.report.rv_q1;
        if !(rv > 0.0 && rv < self.x.high && rv < self.y.high) {
            return;
        }
        let at = self.at((rv, rv));
        scene.diamond(at, 7.0, palette::PAPER, Stroke::solid(palette::VERMILLION, 2.2));
        taken.push(around(at, 18.0, 18.0));
    }

    /// Draws all benchmarks and names the strongest that find room; returns how many have no name.
    fn draw_benchmarks(&self, scene: &mut Scene, taken: &mut Vec<Taken>) -> usize {
        let mut benchmarks: Vec<&Benchmark> = self.report.benchmarks.iter().collect();
        benchmarks.sort_by(|a, b| b.equivalent_rv.total_cmp(&a.equivalent_rv));
        let place = |b: &Benchmark| self.at((b.r2_treatment, b.r2_outcome));
        taken.extend(benchmarks.iter().map(|b| around(place(b), 12.0, 12.0)));
        for benchmark in &benchmarks {
            scene.dot(place(benchmark), 5.5, palette::BLUE, Stroke::solid(palette::PAPER, 1.2));
        }
        let mut unnamed = 0;
        for (rank, benchmark) in benchmarks.iter().enumerate() {
            let style = Type::new(NAME_SIZE, palette::INK).bold();
            let name = fitted(&text::one_line(&benchmark.confounder), 190.0, style);
            let spot = (rank < NAMED).then(|| self.room_for(place(benchmark), text_width(&name, style), taken)).flatten();
            match spot {
                Some(spot) => {
                    taken.push(around(spot, text_width(&name, style), 18.0));
                    scene.label(spot, &name, style.anchored(Anchor::Middle));
                }
                None => unnamed += 1,
            }
        }
        unnamed
    }

    /// The middle of a free spot for a name of this width near a point, inside the panel.
    fn room_for(&self, (x, y): Point, width: f64, taken: &[Taken]) -> Option<Point> {
        let side = width / 2.0 + 12.0;
        let offsets = [16.0, 32.0, 50.0, 70.0, 92.0].into_iter().flat_map(|d| {
            [(side, 0.0), (side, -d), (side, d), (0.0, -d - 4.0), (-side, 0.0), (-side, -d), (0.0, d + 4.0), (-side, d)]
        });
        offsets.map(|(dx, dy)| (x + dx, y + dy)).find(|spot| {
            let area = around(*spot, width + 4.0, 18.0);
            let inside = area.0 > self.x.from + 2.0 && area.2 < self.x.to && area.1 > self.y.to && area.3 < self.y.from;
            inside && free(area, taken)
        })
    }
}

/// Writes the value of a contour on it, unless another stands there.
fn level_label(scene: &mut Scene, at: Point, label: &str, (zero, taken): (bool, &[Taken])) -> Option<Taken> {
    let plain = Type::new(14.5, palette::GREY).anchored(Anchor::Middle);
    let style = if zero { Type { colour: palette::VERMILLION, ..plain.bold() } } else { plain };
    // The zero label steps aside for the diamond that may stand there.
    let at = if zero { (at.0 + 26.0, at.1 - 20.0) } else { at };
    let area = around(at, text_width(label, style) + 6.0, 18.0);
    if !free(area, taken) {
        return None;
    }
    scene.label(at, label, style);
    Some(area)
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
            rv_q1_alpha05: 0.1,
            benchmarks: Vec::new(),
            benchmarks_unattainable: Vec::new(),
        }
    }

    #[test]
    fn the_robustness_value_is_on_the_zero_contour() {
        let report = report();
        assert!(adjusted(&report, report.rv_q1, report.rv_q1).abs() < 1e-12);
        assert_eq!(adjusted(&report, 0.0, 0.5), report.regression_estimate);
    }

    #[test]
    fn a_negative_estimate_mirrors() {
        let report = report();
        let mirrored = SensitivityReport { regression_estimate: -report.regression_estimate, ..report.clone() };
        assert_eq!(adjusted(&mirrored, 0.1, 0.2), -adjusted(&report, 0.1, 0.2));
    }
}
