//! A numeric axis: data to pixels, and ticks at round numbers.

use super::scene::{Anchor, Point, Scene, Span, Stroke, Type, palette};
use crate::text::numbers;

/// Size of tick labels, pixels per em.
pub const TICK_SIZE: f64 = 16.0;
/// Size of axis descriptions, pixels per em.
pub const LABEL_SIZE: f64 = 16.5;

/// The spread of the data along the axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spread {
    /// Evenly.
    Linear,
    /// By the square root: opens up small values when there are large ones. Data from zero on only.
    SquareRoot,
}

/// Data `low..=high` on pixels `from..=to`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Axis {
    pub low: f64,
    pub high: f64,
    pub from: f64,
    pub to: f64,
    pub spread: Spread,
}

impl Axis {
    pub fn linear(data: Span, pixels: Span) -> Axis {
        Axis { low: data.from, high: data.to, from: pixels.from, to: pixels.to, spread: Spread::Linear }
    }

    /// The pixel of a value.
    pub fn at(&self, value: f64) -> f64 {
        let place = |v: f64| if self.spread == Spread::SquareRoot { v.max(0.0).sqrt() } else { v };
        let range = place(self.high) - place(self.low);
        let share = if range > 0.0 { (place(value) - place(self.low)) / range } else { 0.5 };
        self.from + share * (self.to - self.from)
    }

    /// Round numbers inside the range, about `wanted` of them.
    pub fn ticks(&self, wanted: usize) -> Vec<f64> {
        if self.spread == Spread::SquareRoot {
            return self.ticks_from_list();
        }
        let step = round_step((self.high - self.low) / wanted.max(1) as f64);
        // A tick on the very end must not be lost to rounding.
        let (first, last) = ((self.low / step - 1e-9).ceil(), (self.high / step + 1e-9).floor());
        let count = (last - first).clamp(0.0, 50.0) as usize;
        (0..=count).map(|i| (first + i as f64) * step).collect()
    }

    /// Labels of ticks, and the power of ten taken out of them. Evenly spread ticks share their number of decimals.
    pub fn labels(&self, ticks: &[f64]) -> (Vec<String>, i32) {
        match self.spread {
            Spread::Linear => tick_labels(ticks),
            Spread::SquareRoot => (ticks.iter().map(|tick| shortest(*tick)).collect(), 0),
        }
    }

    fn ticks_from_list(&self) -> Vec<f64> {
        let coarse = [0.0, 0.1, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0];
        let fine = [0.0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9];
        let list = if self.high > 1.0 { &coarse } else { &fine };
        let mut kept: Vec<f64> = Vec::new();
        for value in list.iter().copied().filter(|v| *v >= self.low && *v <= self.high) {
            if kept.last().is_none_or(|last| (self.at(value) - self.at(*last)).abs() > 46.0) {
                kept.push(value);
            }
        }
        kept
    }
}

/// A tick of a square-root axis, which is never negative, in its shortest form.
fn shortest(tick: f64) -> String {
    tick.to_string()
}

fn round_step(rough: f64) -> f64 {
    if !(rough.is_finite() && rough > 0.0) {
        return 1.0;
    }
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0].into_iter().find(|m| rough <= m * power * 1.000_001).unwrap_or(10.0);
    step * power
}

/// Labels of ticks with a common number of decimals, and the power of ten taken out of them (0 mostly).
pub fn tick_labels(ticks: &[f64]) -> (Vec<String>, i32) {
    let largest = ticks.iter().fold(0.0_f64, |m, t| m.max(t.abs()));
    let power =
        if largest > 0.0 && !(1e-3..1e6).contains(&largest) { 3 * (largest.log10() / 3.0).floor() as i32 } else { 0 };
    let scaled: Vec<f64> = ticks.iter().map(|t| t / 10f64.powi(power)).collect();
    let decimals = (0..=8).find(|d| scaled.iter().all(|t| is_round(*t, *d))).unwrap_or(8);
    (scaled.iter().map(|t| numbers::fixed(*t, decimals)).collect(), power)
}

fn is_round(value: f64, decimals: usize) -> bool {
    let shifted = value * 10f64.powi(decimals as i32);
    (shifted - shifted.round()).abs() < 1e-6 * shifted.abs().max(1.0)
}

/// `, × 10⁶` for an axis description, nothing for a power of zero.
pub fn power_note(power: i32) -> String {
    if power == 0 { String::new() } else { format!(",{}", numbers::times_power(power)) }
}

/// The places of the ticks that [`draw_ticks`] draws.
pub fn tick_places(axis: &Axis, wanted: usize) -> Vec<f64> {
    roomy_ticks(axis, wanted, Type::new(TICK_SIZE, palette::GREY)).0
}

/// As many ticks, up to `wanted`, as have room for their labels.
fn roomy_ticks(axis: &Axis, wanted: usize, style: Type) -> (Vec<f64>, Vec<String>, i32) {
    let mut wanted = wanted;
    loop {
        let ticks = axis.ticks(wanted);
        let (labels, power) = axis.labels(&ticks);
        let widest = labels.iter().map(|label| super::paint::text_width(label, style)).fold(0.0, f64::max);
        let gaps =
            ticks.windows(2).map(|pair| pair.last().zip(pair.first()).map_or(0.0, |(b, a)| axis.at(*b) - axis.at(*a)));
        if wanted <= 1 || gaps.fold(f64::INFINITY, f64::min) > widest + 12.0 {
            return (ticks, labels, power);
        }
        wanted -= 1;
    }
}

/// Draws the ticks of a horizontal axis at the lower end of `grid` and grid lines up to the upper end; returns the power of
/// ten taken out of the labels.
pub fn draw_ticks(scene: &mut Scene, axis: &Axis, grid: Span, wanted: usize) -> i32 {
    let Span { from: top, to: y } = grid;
    let style = Type::new(TICK_SIZE, palette::GREY).anchored(Anchor::Middle);
    let (ticks, labels, power) = roomy_ticks(axis, wanted, style);
    for (tick, text) in ticks.iter().zip(&labels) {
        let x = axis.at(*tick);
        scene.line((x, top), (x, y), Stroke::solid(palette::LIGHT.alpha(0.7), 1.0));
        scene.line((x, y), (x, y + 5.0), Stroke::solid(palette::GREY, 1.0));
        scene.text((x, y + 17.0), text, style);
    }
    scene.line((axis.from, y), (axis.to, y), Stroke::solid(palette::GREY, 1.0));
    power
}

/// Draws a horizontal axis with its ticks at the lower end of `grid`, grid lines up to the upper end, and its
/// description; returns the y below it.
pub fn draw_bottom(scene: &mut Scene, axis: &Axis, grid: Span, wanted: usize, label: &str) -> f64 {
    let power = draw_ticks(scene, axis, grid, wanted);
    let y = grid.to;
    let style = Type::new(LABEL_SIZE, palette::INK).anchored(Anchor::Middle);
    let text = format!("{label}{}", power_note(power));
    let middle = (axis.from + axis.to) / 2.0;
    let half = super::paint::text_width(&text, style) / 2.0;
    let x = middle.min(scene.width - 8.0 - half).max(8.0 + half);
    scene.text((x, y + 42.0), text, style);
    y + 62.0
}

/// The title and a line under it; returns the y below them.
pub fn draw_title(scene: &mut Scene, title: &str, subtitle: &str) -> f64 {
    let (left, width) = (14.0, scene.width - 28.0);
    let heading = Type::new(20.0, palette::INK).bold();
    let y = scene.paragraph((left, 24.0), width, title, heading);
    scene.paragraph((left, y - 1.0), width, subtitle, Type::new(15.5, palette::GREY)) + 4.0
}

/// A small caption at the bottom; returns the y below it.
pub fn draw_caption(scene: &mut Scene, y: f64, text: &str) -> f64 {
    scene.paragraph((14.0, y + 8.0), scene.width - 28.0, text, Type::new(14.5, palette::GREY)) + 2.0
}

/// An entry of a legend.
pub struct LegendEntry<'a> {
    pub mark: &'a dyn Fn(&mut Scene, Point),
    pub text: &'a str,
}

/// Draws legend entries side by side from the left, in as many rows as they need; returns the y below them.
pub fn draw_legend(scene: &mut Scene, y: f64, entries: &[LegendEntry<'_>]) -> f64 {
    let style = Type::new(15.5, palette::INK);
    let (mut x, mut y) = (24.0, y + 10.0);
    for entry in entries {
        let width = 18.0 + super::paint::text_width(entry.text, style) + 22.0;
        if x > 24.0 && x + width - 22.0 > scene.width - 10.0 {
            x = 24.0;
            y += 24.0;
        }
        (entry.mark)(scene, Point { x, y });
        scene.text((x + 16.0, y), entry.text, style);
        x += width;
    }
    y + 18.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        let axis = Axis::linear(Span::new(-9_641.0, 3_038.0), Span::new(0.0, 100.0));
        assert_eq!(axis.ticks(6), [-7500.0, -5000.0, -2500.0, 0.0, 2500.0]);
        assert_eq!(tick_labels(&axis.ticks(6)).0, ["−7,500", "−5,000", "−2,500", "0", "2,500"]);
        assert_eq!(tick_labels(&[0.0, 2e8, 4e8]), (vec!["0".into(), "200".into(), "400".into()], 6));
        assert_eq!(tick_labels(&[0.0, 2.5e-7, 5e-7]).0, ["0", "250", "500"]);
        assert_eq!(power_note(-9), ", × 10⁻⁹");
    }

    #[test]
    fn a_range_of_nothing_does_not_divide_by_zero() {
        let axis = Axis::linear(Span::new(2.0, 2.0), Span::new(0.0, 100.0));
        assert_eq!(axis.at(2.0), 50.0);
        assert!(axis.ticks(5).len() < 60);
    }
}
