//! A frame over days: days to the right, values upwards.

use crate::report::plots::axis::{self, Axis, Spread};
use crate::report::plots::paint::text_width;
use crate::report::plots::scene::{Anchor, Point, Scene, Span, Stroke, Type, palette};
use crate::text::numbers;

/// Steps between ticks of a day axis: days, then weeks and months.
const STEPS: [f64; 9] = [1.0, 2.0, 7.0, 14.0, 28.0, 56.0, 91.0, 182.0, 364.0];
const MOST_TICKS: f64 = 10.0;
/// Left end of the axis of days.
pub const LEFT: f64 = 78.0;
/// Size of a triangle at the edge.
const TRIANGLE: f64 = 6.5;

/// Days to the right, values upwards.
pub struct Frame {
    /// Days to pixels.
    pub days: Axis,
    /// Values to pixels; turned, since pixels count downwards.
    pub values: Axis,
}

impl Frame {
    /// Ticks of the axis of days for whose labels there is room.
    fn most_ticks(&self) -> f64 {
        let style = Type::new(axis::TICK_SIZE, palette::GREY);
        let widest = [self.days.low, self.days.high].map(|day| text_width(&numbers::fixed(day, 0), style));
        let room = (self.days.to - self.days.from) / (widest[0].max(widest[1]) + 10.0);
        room.floor().clamp(1.0, MOST_TICKS)
    }

    /// A frame for a range of days and of values, between two heights.
    pub fn new(days: Span, values: Span, height: Span) -> Frame {
        let right = super::WIDTH - 22.0;
        let spread = Spread::Linear;
        Frame {
            days: Axis { low: days.from, high: days.to, from: LEFT + 10.0, to: right, spread },
            values: Axis { low: values.from, high: values.to, from: height.to, to: height.from, spread },
        }
    }

    /// The point of a value on a day; a value beyond the frame stands on its edge.
    pub fn clamped(&self, day: f64, value: f64) -> Point {
        let value = value.clamp(self.values.low, self.values.high);
        Point { x: self.days.at(day), y: self.values.at(value) }
    }

    /// Marks with a triangle that something on a day goes on beyond the frame, if it does.
    pub fn mark_beyond(&self, scene: &mut Scene, day: f64, ends: Span) {
        let x = self.days.at(day);
        let mut triangle = |edge: f64, towards: f64| {
            let base = edge - towards * 1.6 * TRIANGLE;
            let corners = [(x, edge), (x - TRIANGLE, base), (x + TRIANGLE, base)];
            scene.area(corners.map(Point::from).to_vec(), palette::BLUE);
        };
        if ends.from < self.values.low {
            triangle(self.values.from, 1.0);
        }
        if ends.to > self.values.high {
            triangle(self.values.to, -1.0);
        }
    }

    /// True if a value is within the frame.
    pub fn holds(&self, value: f64) -> bool {
        (self.values.low..=self.values.high).contains(&value)
    }

    /// Draws grid, ticks and the line at zero; returns the power of ten taken out of the labels.
    pub fn draw(&self, scene: &mut Scene, with_days: bool) -> i32 {
        let (top, bottom) = (self.values.to, self.values.from);
        let (grid, grey) = (Stroke::solid(palette::LIGHT.alpha(0.7), 1.0), Stroke::solid(palette::GREY, 1.0));
        let style = Type::new(axis::TICK_SIZE, palette::GREY);
        let ticks = self.values.ticks(4);
        let (labels, power) = self.values.labels(&ticks);
        for (tick, label) in ticks.iter().zip(labels) {
            let y = self.values.at(*tick);
            scene.line((LEFT, y), (self.days.to, y), grid);
            scene.text((LEFT - 8.0, y), label, style.anchored(Anchor::End));
        }
        for day in day_ticks(self.days.low, self.days.high, self.most_ticks()) {
            let x = self.days.at(day);
            scene.line((x, top), (x, bottom), grid);
            if with_days {
                scene.line((x, bottom), (x, bottom + 5.0), grey);
                scene.text((x, bottom + 17.0), numbers::fixed(day, 0), style.anchored(Anchor::Middle));
            }
        }
        scene.line((LEFT, bottom), (self.days.to, bottom), grey);
        if self.holds(0.0) {
            let zero = self.values.at(0.0);
            scene.line((LEFT, zero), (self.days.to, zero), Stroke::solid(palette::INK, 1.4));
        }
        power
    }
}

/// Whole days at which a tick stands, about as many as are wanted.
fn day_ticks(low: f64, high: f64, wanted: f64) -> Vec<f64> {
    let rough = (high - low) / wanted;
    let largest = 364.0 * (rough / 364.0).ceil().max(1.0);
    let step = STEPS.into_iter().find(|step| *step >= rough).unwrap_or(largest);
    let (first, last) = ((low / step).ceil(), (high / step).floor());
    // At most eleven, since the step is at least a tenth of the range.
    (0..=(last - first).clamp(0.0, 12.0) as usize)
        .map(|i| (first + i as f64) * step)
        .filter(|day| (low..=high).contains(day))
        .collect()
}

/// Draws the description of the axis of days below a height; returns the height below it.
pub fn draw_label(scene: &mut Scene, bottom: f64, label: &str) -> f64 {
    let style = Type::new(axis::LABEL_SIZE, palette::INK).anchored(Anchor::Middle);
    scene.text(((LEFT + scene.width - 22.0) / 2.0, bottom + 42.0), label, style);
    bottom + 60.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_stand_on_whole_days_and_weeks() {
        assert_eq!(day_ticks(1.0, 5.0, 10.0), [1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(day_ticks(1.0, 14.0, 10.0), [2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0]);
        assert_eq!(day_ticks(1.0, 30.0, 10.0), [7.0, 14.0, 21.0, 28.0]);
        assert_eq!(day_ticks(2001.0, 2001.5, 10.0), [2001.0]);
        assert!(day_ticks(1.0, 100_000.0, 5.0).len() < 14);
    }
}
