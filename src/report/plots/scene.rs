//! A drawing as a list of shapes in design pixels: what the four plots make and what [`super::paint`] turns into bytes.
//! Keeping the two apart is what makes the SVG and the PNG the same picture.

/// Red, green, blue, and how opaque.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Colour(pub u8, pub u8, pub u8, pub f64);

impl Colour {
    /// The same colour, more transparent.
    pub const fn alpha(self, alpha: f64) -> Colour {
        Colour(self.0, self.1, self.2, alpha)
    }
}

/// Okabe & Ito's palette, safe for the common kinds of colour blindness, and greys.
pub mod palette {
    use super::Colour;
    pub const INK: Colour = Colour(0x22, 0x22, 0x22, 1.0);
    pub const GREY: Colour = Colour(0x59, 0x59, 0x59, 1.0);
    pub const LIGHT: Colour = Colour(0xd9, 0xd9, 0xd9, 1.0);
    pub const PAPER: Colour = Colour(0xff, 0xff, 0xff, 1.0);
    pub const BLUE: Colour = Colour(0x00, 0x72, 0xb2, 1.0);
    pub const SKY: Colour = Colour(0x56, 0xb4, 0xe9, 1.0);
    pub const ORANGE: Colour = Colour(0xe6, 0x9f, 0x00, 1.0);
    pub const VERMILLION: Colour = Colour(0xd5, 0x5e, 0x00, 1.0);
}

/// A point in design pixels, y downwards (or, before it is drawn, in the units of the data).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    pub x: f64,
    pub y: f64,
}

impl From<(f64, f64)> for Point {
    fn from((x, y): (f64, f64)) -> Point {
        Point { x, y }
    }
}

impl Point {
    /// The length of the straight line to another point.
    pub fn distance(self, other: Point) -> f64 {
        (other.x - self.x).hypot(other.y - self.y)
    }
}

/// The stretch from one end to the other; the ends may be the wrong way round, as on a vertical axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span {
    pub from: f64,
    pub to: f64,
}

impl Span {
    pub const fn new(from: f64, to: f64) -> Span {
        Span { from, to }
    }
}

/// A rectangle in design pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rectangle {
    pub left: f64,
    pub top: f64,
    pub right: f64,
    pub bottom: f64,
}

impl Rectangle {
    /// Of a width and a height, with `centre` in the middle.
    pub fn around(centre: Point, width: f64, height: f64) -> Rectangle {
        let Point { x, y } = centre;
        Rectangle { left: x - width / 2.0, top: y - height / 2.0, right: x + width / 2.0, bottom: y + height / 2.0 }
    }

    /// The point of the rectangle that is nearest to another.
    pub fn nearest(&self, to: Point) -> Point {
        Point { x: to.x.clamp(self.left, self.right), y: to.y.clamp(self.top, self.bottom) }
    }
}

/// The lengths of a dash and of the gap after it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dash {
    pub on: f64,
    pub off: f64,
}

/// A line's looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stroke {
    pub colour: Colour,
    pub width: f64,
    /// `None` means solid.
    pub dash: Option<Dash>,
}

impl Stroke {
    pub const fn solid(colour: Colour, width: f64) -> Stroke {
        Stroke { colour, width, dash: None }
    }

    pub const fn dashed(colour: Colour, width: f64) -> Stroke {
        Stroke { colour, width, dash: Some(Dash { on: 6.0, off: 5.0 }) }
    }
}

/// Which end of a text stands at its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

/// A text's looks; its point is half-way up the small letters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Type {
    /// Pixels per em.
    pub size: f64,
    pub bold: bool,
    pub colour: Colour,
    pub anchor: Anchor,
    /// Turned to be read from below, for the vertical axis.
    pub upright: bool,
}

impl Type {
    pub const fn new(size: f64, colour: Colour) -> Type {
        Type { size, bold: false, colour, anchor: Anchor::Start, upright: false }
    }

    pub const fn bold(self) -> Type {
        Type { bold: true, ..self }
    }

    pub const fn anchored(self, anchor: Anchor) -> Type {
        Type { anchor, ..self }
    }
}

/// One thing to draw.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    Line { points: Vec<Point>, stroke: Stroke },
    Area { points: Vec<Point>, fill: Colour },
    Dot { centre: Point, radius: f64, fill: Colour, stroke: Stroke },
    Text { at: Point, text: String, style: Type },
}

/// A whole picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    pub width: f64,
    pub height: f64,
    /// The title, one line.
    pub title: String,
    /// A description for those who cannot see it.
    pub description: String,
    pub shapes: Vec<Shape>,
}

impl Scene {
    pub fn new(width: f64, height: f64) -> Scene {
        Scene { width, height, title: String::new(), description: String::new(), shapes: Vec::new() }
    }

    pub fn line(&mut self, from: impl Into<Point>, to: impl Into<Point>, stroke: Stroke) {
        self.path(vec![from.into(), to.into()], stroke);
    }

    pub fn path(&mut self, points: Vec<Point>, stroke: Stroke) {
        match stroke.dash {
            None => self.shapes.push(Shape::Line { points, stroke }),
            Some(pattern) => {
                let solid = Stroke { dash: None, ..stroke };
                self.shapes.extend(dashes(&points, pattern).map(|points| Shape::Line { points, stroke: solid }));
            }
        }
    }

    pub fn area(&mut self, points: Vec<Point>, fill: Colour) {
        self.shapes.push(Shape::Area { points, fill });
    }

    pub fn rectangle(&mut self, corner: impl Into<Point>, opposite: impl Into<Point>, fill: Colour) {
        let (a, b) = (corner.into(), opposite.into());
        self.area([(a.x, a.y), (b.x, a.y), (b.x, b.y), (a.x, b.y)].map(Point::from).to_vec(), fill);
    }

    pub fn dot(&mut self, centre: Point, radius: f64, fill: Colour, stroke: Stroke) {
        self.shapes.push(Shape::Dot { centre, radius, fill, stroke });
    }

    pub fn diamond(&mut self, centre: Point, radius: f64, fill: Colour, stroke: Stroke) {
        let Point { x, y } = centre;
        let corners = [(x, y - radius), (x + radius, y), (x, y + radius), (x - radius, y)].map(Point::from).to_vec();
        self.area(corners.clone(), fill);
        let first = corners.first().copied();
        self.path(corners.into_iter().chain(first).collect(), stroke);
    }

    pub fn text(&mut self, at: impl Into<Point>, text: impl Into<String>, style: Type) {
        self.shapes.push(Shape::Text { at: at.into(), text: text.into(), style });
    }

    /// A text on a light ground, so that lines behind it do not cross its letters.
    pub fn label(&mut self, at: impl Into<Point>, text: &str, style: Type) {
        let Point { x, y } = at.into();
        let (width, half) = (super::paint::text_width(text, style) + 4.0, 0.62 * style.size);
        let left = match style.anchor {
            Anchor::Start => x - 2.0,
            Anchor::Middle => x - width / 2.0,
            Anchor::End => x + 2.0 - width,
        };
        self.rectangle((left, y - half), (left + width, y + half), palette::PAPER.alpha(0.85));
        self.text((x, y), text, style);
    }

    /// Lines of text, wrapped at spaces to a width; returns the y below the last.
    pub fn paragraph(&mut self, start: impl Into<Point>, width: f64, text: &str, style: Type) -> f64 {
        let Point { x, mut y } = start.into();
        for line in wrapped(text, width, style) {
            self.text((x, y), line, style);
            y += 1.35 * style.size;
        }
        y
    }
}

/// Breaks a text at spaces so that every line fits a width in pixels.
pub fn wrapped(text: &str, width: f64, style: Type) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    // A number and its percent sign stay together.
    for word in text.replace(" %", "\u{a0}%").split(' ').filter(|word| !word.is_empty()) {
        let joined = lines.last().map(|line| format!("{line} {word}"));
        match (lines.last_mut(), joined) {
            (Some(line), Some(longer)) if super::paint::text_width(&longer, style) <= width => *line = longer,
            _ => lines.push(fitted(word, width, style)),
        }
    }
    lines
}

/// A text cut in the middle, if it must be, to fit a width in pixels.
pub fn fitted(text: &str, width: f64, style: Type) -> String {
    let mut limit = text.chars().count();
    let mut short = text.to_owned();
    while limit > 3 && super::paint::text_width(&short, style) > width {
        limit -= 1;
        short = crate::text::escape::shortened(text, limit);
    }
    short
}

fn dashes(points: &[Point], pattern: Dash) -> impl Iterator<Item = Vec<Point>> {
    let mut out: Vec<Vec<Point>> = Vec::new();
    let (mut left, mut drawing) = (pattern.on, true);
    let mut current: Vec<Point> = points.first().copied().into_iter().collect();
    for (a, b) in points.iter().zip(points.iter().skip(1)) {
        let length = a.distance(*b);
        let mut done = 0.0;
        while length - done > left {
            done += left;
            let t = done / length;
            let here = Point { x: a.x + t * (b.x - a.x), y: a.y + t * (b.y - a.y) };
            if drawing {
                current.push(here);
                out.push(std::mem::take(&mut current));
            } else {
                current = vec![here];
            }
            drawing = !drawing;
            left = if drawing { pattern.on } else { pattern.off };
        }
        // A dash goes on around the corner instead of beginning anew at it.
        left -= length - done;
        if drawing {
            current.push(*b);
        }
    }
    if drawing && current.len() > 1 {
        out.push(current);
    }
    out.into_iter()
}
