//! Scenes to SVG, with plotters. The only module that knows it.
//!
//! Plotters places things on whole pixels, so pictures are drawn enlarged, in quarter pixels behind a `viewBox`.

use super::scene::{Anchor, Colour, Point, Scene, Shape, Stroke, Type, palette};
use crate::record::ReportError;
use crate::text::escape;
use plotters::prelude::{Color, DrawingBackend, FontDesc, FontFamily, FontStyle, FontTransform, RGBAColor, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{ShapeStyle, TextStyle, register_font};
use std::sync::OnceLock;

/// Enlargement of a picture while it is drawn.
const SCALE: f64 = 4.0;
/// Plotters' font size over pixels per em: what its SVG back end divides by.
const SVG_SIZE: f64 = 1.24;
/// The line height of DejaVu Sans, by which plotters measures text.
const LINE_HEIGHT: f64 = 1.164_062_5;

static REGULAR: &[u8] = include_bytes!("../../../assets/DejaVuSans.ttf");
static BOLD: &[u8] = include_bytes!("../../../assets/DejaVuSans-Bold.ttf");

/// Registers the two fonts once; `false` if the compiled-in bytes are no fonts.
fn fonts_ready() -> bool {
    static READY: OnceLock<bool> = OnceLock::new();
    *READY.get_or_init(|| {
        register_font("sans-serif", FontStyle::Normal, REGULAR).is_ok()
            && register_font("sans-serif", FontStyle::Bold, BOLD).is_ok()
    })
}

fn font(style: Type, size: f64) -> FontDesc<'static> {
    let weight = if style.bold { FontStyle::Bold } else { FontStyle::Normal };
    FontDesc::new(FontFamily::SansSerif, size, weight)
}

/// Width of a text in design pixels.
pub fn text_width(text: &str, style: Type) -> f64 {
    // Measured large, because plotters answers in whole pixels.
    let large = 100.0;
    let width = fonts_ready().then(|| font(style, large * LINE_HEIGHT).box_size(text).ok()).flatten();
    width.map_or(0.6 * style.size * text.chars().count() as f64, |(w, _)| f64::from(w) * style.size / large)
}

/// The reason why a picture could not be painted.
#[derive(Debug, thiserror::Error)]
enum PaintError {
    #[error("the built-in font could not be read")]
    Font,
    /// In plotters' own words: its error type differs by back end.
    #[error("{0}")]
    BackEnd(String),
}

/// The picture as SVG: scales with its container, carries a title and a description, white ground.
pub fn svg(figure: &str, scene: &Scene) -> Result<Vec<u8>, ReportError> {
    let mut out = String::new();
    {
        let mut backend = SVGBackend::with_string(&mut out, enlarged(scene));
        paint(&mut backend, scene).and_then(|()| drawn(backend.present())).map_err(|e| failed(figure, &e))?;
    }
    Ok(dressed(&out, scene).into_bytes())
}

fn failed(figure: &str, error: &PaintError) -> ReportError {
    ReportError::Drawing { figure: figure.to_owned(), reason: error.to_string() }
}

fn enlarged(scene: &Scene) -> (u32, u32) {
    // Sizes are positive and small.
    let side = |length: f64| (length.ceil().max(1.0) * SCALE) as u32;
    (side(scene.width), side(scene.height))
}

fn paint<B: DrawingBackend>(backend: &mut B, scene: &Scene) -> Drawn {
    if !fonts_ready() {
        return Err(PaintError::Font);
    }
    let (width, height) = backend.get_size();
    drawn(backend.draw_rect((0, 0), (width as i32, height as i32), &rgba(palette::PAPER), true))?;
    for shape in &scene.shapes {
        draw(backend, shape)?;
    }
    Ok(())
}

type Drawn = Result<(), PaintError>;

fn drawn<E: std::fmt::Display>(result: Result<(), E>) -> Drawn {
    result.map_err(|e| PaintError::BackEnd(e.to_string()))
}

fn draw<B: DrawingBackend>(backend: &mut B, shape: &Shape) -> Drawn {
    match shape {
        Shape::Line { points, stroke } => draw_line(backend, points, *stroke),
        Shape::Area { points, fill } => drawn(backend.fill_polygon(points.iter().map(|p| pixel(*p)), &rgba(*fill))),
        Shape::Dot { centre, radius, fill, stroke } => {
            // A ring is a disc in the colour of the stroke under a smaller one in the colour of the fill.
            draw_disc(backend, *centre, radius + stroke.width / 2.0, stroke.colour)?;
            draw_disc(backend, *centre, radius - stroke.width / 2.0, *fill)
        }
        Shape::Text { at, text, style } => draw_text(backend, *at, text, *style),
    }
}

fn draw_line<B: DrawingBackend>(backend: &mut B, points: &[Point], stroke: Stroke) -> Drawn {
    let style = ShapeStyle::from(rgba(stroke.colour)).stroke_width((stroke.width * SCALE).round() as u32);
    drawn(backend.draw_path(points.iter().map(|p| pixel(*p)), &style))
}

fn draw_disc<B: DrawingBackend>(backend: &mut B, centre: Point, radius: f64, fill: Colour) -> Drawn {
    drawn(backend.draw_circle(pixel(centre), (radius * SCALE).round() as u32, &rgba(fill), true))
}

fn draw_text<B: DrawingBackend>(backend: &mut B, at: Point, words: &str, style: Type) -> Drawn {
    let horizontal = match style.anchor {
        Anchor::Start => HPos::Left,
        Anchor::Middle => HPos::Center,
        Anchor::End => HPos::Right,
    };
    let transform = if style.upright { FontTransform::Rotate270 } else { FontTransform::None };
    let look = TextStyle {
        font: font(style, style.size * SCALE * SVG_SIZE).transform(transform),
        color: rgba(style.colour).to_backend_color(),
        pos: Pos::new(horizontal, VPos::Center),
    };
    drawn(backend.draw_text(&escape::one_line(words), &look, pixel(at)))
}

fn pixel(at: Point) -> (i32, i32) {
    ((at.x * SCALE).round() as i32, (at.y * SCALE).round() as i32)
}

fn rgba(colour: Colour) -> RGBAColor {
    RGBAColor(colour.0, colour.1, colour.2, colour.3)
}

/// Replaces plotters' opening tag by one that scales down in a narrow container and says what the picture is.
fn dressed(svg: &str, scene: &Scene) -> String {
    let (width, height) = enlarged(scene);
    let body = svg.split_once('>').map_or("", |(_, body)| body);
    let (w, h) = (f64::from(width) / SCALE, f64::from(height) / SCALE);
    let (title, description) = (escape::html(&scene.title), escape::html(&scene.description));
    let fonts = "DejaVu Sans, Verdana, Helvetica, Arial, sans-serif";
    // plotters repeats both on every shape; the font stands on the root, and opaque is the default.
    let body = body.replace("font-family=\"sans-serif\" ", "").replace(" opacity=\"1\"", "");
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" width=\"{w}\" height=\"{h}\" \
         viewBox=\"0 0 {width} {height}\" font-family=\"{fonts}\" style=\"max-width:100%;height:auto;background:#fff\">\n\
         <title>{title}</title>\n<desc>{description}</desc>{body}"
    )
}
