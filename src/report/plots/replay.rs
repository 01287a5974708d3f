//! Coverage against error: every method of a replay as a point. Good ones are at the line, to the left.

use super::axis::{self, LegendEntry};
use super::paint::text_width;
use super::scene::{Anchor, Point, Rectangle, Scene, Stroke, Type, palette};
use crate::text::numbers;

/// One method.
#[derive(Debug, Clone, PartialEq)]
pub struct MethodPoint {
    /// Its name.
    pub name: String,
    /// Root mean squared error, larger than zero, units of sd(y).
    pub rmse: f64,
    /// Share of intervals that hold the truth.
    pub coverage: f64,
    /// Mean width of the interval, units of sd(y).
    pub width: f64,
    /// True if it is ours.
    pub ours: bool,
}

/// All methods of one estimand.
#[derive(Debug, Clone, PartialEq)]
pub struct ReplayPlot {
    /// `ATT`.
    pub estimand: String,
    /// The scope of the scores, one line.
    pub scope: String,
    /// The methods, best first.
    pub methods: Vec<MethodPoint>,
}

const LEFT: f64 = 84.0;
const HEIGHT: f64 = 430.0;
const NOMINAL: f64 = 0.95;
const LABEL: f64 = 13.0;

pub(super) fn scene(plot: &ReplayPlot) -> Option<Scene> {
    // A logarithmic axis has no place for zero, and plotters none for infinity.
    let drawable = |m: &&MethodPoint| m.rmse > 0.0 && m.rmse.is_finite() && m.coverage.is_finite();
    let methods: Vec<&MethodPoint> = plot.methods.iter().filter(drawable).collect();
    let (first, _) = methods.split_first()?;
    let mut scene = Scene::new(super::WIDTH, 0.0);
    scene.title = format!("{}: coverage against error", plot.estimand);
    scene.description = described(&methods);
    let title = scene.title.clone();
    let y = axis::draw_title(&mut scene, &title, &plot.scope);
    let top = draw_legend(&mut scene, y, &methods) + 6.0;
    let frame = Frame::around(&methods, first.rmse, top);
    frame.draw(&mut scene);
    let unnamed = draw_points(&mut scene, &frame, &methods);
    scene.height = axis::draw_caption(&mut scene, frame.bottom + 62.0, &caption(&unnamed));
    Some(scene)
}

fn described(methods: &[&MethodPoint]) -> String {
    let one = |m: &&MethodPoint| {
        format!("{}: RMSE {}, coverage {}", m.name, numbers::fixed(m.rmse, 4), numbers::fixed(m.coverage, 3))
    };
    format!("{}.", methods.iter().map(one).collect::<Vec<_>>().join("; "))
}

fn caption(unnamed: &[String]) -> String {
    let axes = "In the published units: errors are divided by the standard deviation of the outcome. Good is at the dashed \
                line (95 %), to the left. The horizontal axis is logarithmic, the vertical one is spread by the cube, \
                which opens up coverage near 1.";
    if unnamed.is_empty() {
        axes.to_owned()
    } else {
        format!("{axes} Not named, for want of room: {}.", unnamed.join(", "))
    }
}

fn mark(scene: &mut Scene, at: Point, ours: bool) {
    if ours {
        scene.diamond(at, 8.0, palette::VERMILLION, Stroke::solid(palette::VERMILLION, 1.4));
    } else {
        scene.dot(at, 5.0, palette::SKY, Stroke::solid(palette::BLUE, 1.6));
    }
}

fn draw_legend(scene: &mut Scene, y: f64, methods: &[&MethodPoint]) -> f64 {
    let marks = [true, false].map(|ours| move |scene: &mut Scene, at: Point| mark(scene, at, ours));
    let [ours, theirs] = &marks;
    let all = [(true, "oci-agent", ours as &dyn Fn(&mut Scene, Point)), (false, "published", theirs)];
    let shown = all.iter().filter(|(kind, _, _)| methods.iter().any(|m| m.ours == *kind));
    let entries: Vec<LegendEntry<'_>> = shown.map(|(_, text, mark)| LegendEntry { mark: *mark, text }).collect();
    axis::draw_legend(scene, y, &entries)
}

/// The axes: error to the right by its logarithm, coverage upwards.
struct Frame {
    low: f64,
    high: f64,
    floor: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

impl Frame {
    fn around(methods: &[&MethodPoint], first: f64, top: f64) -> Frame {
        let (low, high) = methods.iter().fold((first, first), |(low, high), m| (low.min(m.rmse), high.max(m.rmse)));
        let lowest = methods.iter().map(|m| m.coverage).fold(0.8, f64::min);
        Frame {
            low: low / 1.25,
            high: high * 1.25,
            floor: (((lowest - 0.05) * 10.0).floor() / 10.0).max(0.0),
            right: super::WIDTH - 18.0,
            top,
            bottom: top + HEIGHT,
        }
    }

    fn at(&self, rmse: f64, coverage: f64) -> Point {
        let across = (rmse / self.low).ln() / (self.high / self.low).ln();
        // A little above 1 and below the floor, so that no point is cut by the frame.
        let (floor, ceiling) = (self.floor.powi(3) - 0.02, 1.05);
        let up = (coverage.powi(3) - floor) / (ceiling - floor);
        Point { x: LEFT + across * (self.right - LEFT), y: self.bottom - up * (self.bottom - self.top) }
    }

    fn draw(&self, scene: &mut Scene) {
        let grid = Stroke::solid(palette::LIGHT.alpha(0.7), 1.0);
        let tick = Type::new(axis::TICK_SIZE, palette::GREY);
        let mut after = f64::NEG_INFINITY;
        for value in decades(self.low, self.high) {
            let x = self.at(value, 1.0).x;
            scene.line((x, self.top), (x, self.bottom), grid);
            // Half a label to the left of its tick, with some air.
            let half = text_width(&value.to_string(), tick) / 2.0;
            if x - half > after && x + half < scene.width - 4.0 {
                scene.text((x, self.bottom + 17.0), value.to_string(), tick.anchored(Anchor::Middle));
                after = x + half + 10.0;
            }
        }
        for value in [0.0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 1.0].into_iter().filter(|v| *v >= self.floor) {
            let y = self.at(self.low, value).y;
            scene.line((LEFT, y), (self.right, y), grid);
            scene.text((LEFT - 8.0, y), numbers::fixed(value, 2), tick.anchored(Anchor::End));
        }
        let nominal = self.at(self.low, NOMINAL).y;
        scene.line((LEFT, nominal), (self.right, nominal), Stroke::dashed(palette::INK, 1.6));
        scene.line((LEFT, self.bottom), (self.right, self.bottom), Stroke::solid(palette::GREY, 1.0));
        let label = Type::new(axis::LABEL_SIZE, palette::INK).anchored(Anchor::Middle);
        scene.text(((LEFT + self.right) / 2.0, self.bottom + 42.0), "RMSE, standard deviations of the outcome", label);
        let upright = Type { upright: true, ..label };
        scene.text((18.0, (self.top + self.bottom) / 2.0), "coverage of the 95 % interval", upright);
    }
}

/// 1, 2 and 5 times powers of ten within a range, and more between them where it is short.
fn decades(low: f64, high: f64) -> Vec<f64> {
    let places = (low.log10().floor() as i32)..=(high.log10().ceil() as i32);
    // Divided, not multiplied by a negative power, so that they print short.
    let value = |m: f64, power: i32| if power < 0 { m / 10f64.powi(-power) } else { m * 10f64.powi(power) };
    let steps: &[f64] =
        if high < 6.0 * low { &[1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0] } else { &[1.0, 2.0, 5.0] };
    let all = places.flat_map(|power| steps.iter().map(move |m| value(*m, power)));
    all.filter(|value| (low..=high).contains(value)).collect()
}

fn overlap(a: &Rectangle, b: &Rectangle) -> bool {
    a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom
}

/// Draws the points and as many names as have room beside their point; returns the names that have none.
fn draw_points(scene: &mut Scene, frame: &Frame, methods: &[&MethodPoint]) -> Vec<String> {
    let points: Vec<Point> = methods.iter().map(|m| frame.at(m.rmse, m.coverage)).collect();
    // No name may hide a point, or lie on the nominal line.
    let mut taken: Vec<Rectangle> = points.iter().map(|at| Rectangle::around(*at, 14.0, 14.0)).collect();
    let nominal = frame.at(frame.low, NOMINAL).y;
    taken.push(Rectangle { left: LEFT, top: nominal - 2.0, right: frame.right, bottom: nominal + 2.0 });
    let mut names = Vec::new();
    let mut unnamed = Vec::new();
    // Ours first: they must have their names. Then from the best, which crowd on the left and are looked for there.
    let mut order: Vec<usize> = (0..methods.len()).collect();
    let rank = |i: usize| methods.get(i).map_or((false, 0.0), |m| (!m.ours, m.rmse));
    order.sort_by(|a, b| rank(*a).0.cmp(&rank(*b).0).then(rank(*a).1.total_cmp(&rank(*b).1)));
    for (method, at) in order.iter().filter_map(|i| Some((methods.get(*i)?, points.get(*i)?))) {
        let style = if method.ours {
            Type::new(LABEL + 1.0, palette::VERMILLION).bold()
        } else {
            Type::new(LABEL, palette::INK)
        };
        let width = text_width(&method.name, style);
        let free = |place: &Rectangle| {
            let across = place.left >= LEFT && place.right <= frame.right;
            let inside = across && place.top >= frame.top && place.bottom <= frame.bottom;
            inside && !taken.iter().any(|other| overlap(place, other))
        };
        match around(*at, width).into_iter().find(free) {
            Some(place) => {
                lead(scene, *at, &place);
                let middle = (place.top + place.bottom) / 2.0;
                names.push(((place.left + 1.0, middle), method.name.clone(), style));
                taken.push(place);
            }
            // Ours are named in any case, over whatever is there.
            None if method.ours => names.push(((at.x + 11.0, at.y), method.name.clone(), style)),
            None => unnamed.push(method.name.clone()),
        }
    }
    for (at, method) in points.iter().zip(methods) {
        mark(scene, *at, method.ours);
    }
    // After the points, so that no mark lies on a name.
    for (at, name, style) in names {
        scene.label(at, &name, style);
    }
    unnamed
}

/// A thin line from a point to a name that is not right beside it.
fn lead(scene: &mut Scene, from: Point, place: &Rectangle) {
    let end = place.nearest(from);
    if from.distance(end) > 12.0 {
        scene.line(from, end, Stroke::solid(palette::GREY, 0.8));
    }
}

/// Places for a name of a width, best first.
fn around(point: Point, width: f64) -> Vec<Rectangle> {
    let Point { x, y } = point;
    let high = LABEL + 3.0;
    let at = |left: f64, middle: f64| Rectangle {
        left,
        top: middle - high / 2.0,
        right: left + width + 2.0,
        bottom: middle + high / 2.0,
    };
    let mut places = vec![at(x + 9.0, y), at(x - 11.0 - width, y)];
    for shift in [15.0, 26.0, 40.0, 56.0, 74.0] {
        for sign in [1.0, -1.0] {
            for left in [x + 3.0, x - width / 2.0, x - 5.0 - width, x + 3.0 + shift, x - 5.0 - width - shift] {
                places.push(at(left, y + sign * shift));
            }
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(n: usize) -> ReplayPlot {
        let method = |i: usize| MethodPoint {
            name: format!("method_{i}"),
            rmse: 0.01 * (1.0 + 0.001 * i as f64),
            coverage: 0.9,
            width: 0.04,
            ours: i == n - 1,
        };
        ReplayPlot { estimand: "ATT".into(), scope: "all".into(), methods: (0..n).map(method).collect() }
    }

    #[test]
    fn ours_is_always_named_and_every_other_is_named_or_listed() {
        let plot = plot(40);
        let scene = scene(&plot).expect("a scene");
        let text = format!("{:?}", scene.shapes);
        assert!(text.contains("\"method_39\""));
        assert!((0..40).all(|i| text.contains(&format!("method_{i}"))));
    }

    #[test]
    fn nothing_to_draw_is_no_picture_and_one_method_is_one() {
        assert!(scene(&ReplayPlot { methods: Vec::new(), ..plot(1) }).is_none());
        assert!(scene(&plot(1)).is_some());
        assert_eq!(decades(0.009, 0.06), [0.01, 0.02, 0.05]);
        assert_eq!(decades(0.016, 0.034), [0.02, 0.025, 0.03]);
    }
}
