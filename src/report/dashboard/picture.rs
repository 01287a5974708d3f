//! Small pictures of estimates, as SVG that takes its colours from the page: one interval, or how it moved from run to run.
//!
//! An estimate that is no answer is hollow and dashed, so that colour alone never tells it.

use crate::record::dashboard::{Interval, Worth};
use std::fmt::Write as _;

/// Runs in one picture; of more, the last.
pub(super) const MOST: usize = 30;
const WIDTH: f64 = 240.0;
const SIDE: f64 = 14.0;

/// A scale from values to pixels that has zero in it.
struct Scale {
    low: f64,
    span: f64,
    from: f64,
    to: f64,
}

impl Scale {
    fn new(intervals: &[(Interval, Worth)], from: f64, to: f64) -> Scale {
        let ends = intervals.iter().flat_map(|(it, _)| [it.lower, it.upper, it.estimate]).filter(|end| end.is_finite());
        let (low, high) = ends.fold((0.0_f64, 0.0_f64), |(low, high), end| (low.min(end), high.max(end)));
        Scale { low, span: (high - low).max(f64::MIN_POSITIVE), from, to }
    }

    fn at(&self, value: f64) -> f64 {
        // No document holds a number that is not finite; should one, it stands in the middle rather than nowhere.
        let share = (value - self.low) / self.span;
        let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.5 };
        self.from + share * (self.to - self.from)
    }
}

/// `told` says what is to be seen, for those who do not see it.
pub(super) fn picture(course: &[(Interval, Worth)], told: &str) -> String {
    let course = course.get(course.len().saturating_sub(MOST)..).unwrap_or_default();
    match course {
        [] => String::new(),
        [(interval, worth)] => one(*interval, *worth, told),
        several => trend(several, told),
    }
}

fn open(height: f64, told: &str) -> String {
    let told = crate::text::escape::html(told);
    format!("<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{told}\">")
}

fn one(interval: Interval, worth: Worth, told: &str) -> String {
    const HEIGHT: f64 = 44.0;
    const MIDDLE: f64 = 16.0;
    let scale = Scale::new(&[(interval, worth)], SIDE, WIDTH - SIDE);
    let zero = scale.at(0.0);
    let [low, high, middle] = [interval.lower, interval.upper, interval.estimate].map(|value| scale.at(value));
    let mut out = open(HEIGHT, told);
    let _ = write!(
        out,
        "<path class=\"zero\" d=\"M{zero:.1} 2V30\"/><text x=\"{zero:.1}\" y=\"41\">0</text>\
         <path class=\"bar{0}\" d=\"M{low:.1} {MIDDLE}H{high:.1}\"/><circle class=\"dot{0}\" cx=\"{middle:.1}\" cy=\"{MIDDLE}\" r=\"5\"/></svg>",
        hollow(worth)
    );
    out
}

fn trend(course: &[(Interval, Worth)], told: &str) -> String {
    const HEIGHT: f64 = 76.0;
    let scale = Scale::new(course, HEIGHT - 8.0, 8.0);
    let zero = scale.at(0.0);
    // Numbers of runs: at most thirty.
    #[allow(clippy::cast_precision_loss, reason = "at most thirty")]
    let step = (WIDTH - 3.0 * SIDE) / (course.len() - 1).max(1) as f64;
    let mut out = open(HEIGHT, told);
    let _ =
        write!(out, "<path class=\"zero\" d=\"M18 {zero:.1}H{WIDTH}\"/><text x=\"8\" y=\"{:.1}\">0</text>", zero + 3.5);
    let last = course.len() - 1;
    for (at, (interval, worth)) in course.iter().enumerate() {
        #[allow(clippy::cast_precision_loss, reason = "at most thirty")]
        let x = 2.0 * SIDE + step * at as f64;
        let [low, high, middle] = [interval.lower, interval.upper, interval.estimate].map(|value| scale.at(value));
        let (kind, radius) = if at == last { ("", 5) } else { (" past", 3) };
        let _ = write!(
            out,
            "<path class=\"bar{0}{kind}\" d=\"M{x:.1} {low:.1}V{high:.1}\"/><circle class=\"dot{0}{kind}\" cx=\"{x:.1}\" cy=\"{middle:.1}\" r=\"{radius}\"/>",
            hollow(*worth)
        );
    }
    out.push_str("</svg>");
    out
}

fn hollow(worth: Worth) -> &'static str {
    if worth == Worth::Answer { "" } else { " hollow" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_finite_and_inside() {
        let odd = [f64::MAX, -f64::MAX, 0.0, f64::NAN, f64::INFINITY, 1e-300];
        for a in odd {
            for b in odd {
                let interval = Interval { estimate: a, std_error: 1.0, lower: b, upper: a };
                for course in [vec![(interval, Worth::Answer)], vec![(interval, Worth::NotReliable); 3]] {
                    let svg = picture(&course, "<\"'&>");
                    let bad = ["NaN", "inf", "<\"'", "aria-label=\"<"].iter().find(|bad| svg.contains(**bad));
                    assert_eq!(bad, None, "{svg}");
                }
            }
        }
        assert_eq!(picture(&[], ""), "");
    }
}
