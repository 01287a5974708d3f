//! Scenes to bytes, with plotters: its SVG back end and its bitmap back end draw the same shapes. The only module that
//! knows plotters.
//!
//! Plotters places things on whole pixels, so both pictures are drawn enlarged: the SVG in quarter pixels behind a
//! `viewBox`, the bitmap at four times the size and then averaged down to twice the size, which also smooths its edges.

use super::scene::{Anchor, Colour, Point, Scene, Shape, Stroke, Type, palette};
use crate::record::ReportError;
use crate::text::escape;
use plotters::prelude::{
    BitMapBackend, Color, DrawingBackend, FontDesc, FontFamily, FontStyle, FontTransform, RGBAColor, SVGBackend,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{ShapeStyle, TextStyle, register_font};
use std::sync::OnceLock;

/// Enlargement of both pictures while they are drawn.
const SCALE: f64 = 4.0;
/// Plotters' font size over pixels per em: what its SVG back end divides by, and the line height of DejaVu Sans that its
/// bitmap back end scales by.
const SVG_SIZE: f64 = 1.24;
const BITMAP_SIZE: f64 = 1.164_062_5;
/// The drop that gives the text of the bitmap the baseline of the SVG, in ems.
const BITMAP_DROP: f64 = 0.16;

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
    let width = fonts_ready().then(|| font(style, large * BITMAP_SIZE).box_size(text).ok()).flatten();
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
    #[error(transparent)]
    Png(#[from] png::EncodingError),
}

/// Where a back end differs from the other.
#[derive(Clone, Copy)]
struct Medium {
    font_size: f64,
    drop: f64,
    /// The bitmap: starts white, and has its thick lines drawn in pieces, since plotters spoils their corners.
    bitmap: bool,
}

/// The picture as SVG: scales with its container, carries a title and a description, white ground.
pub fn svg(figure: &str, scene: &Scene) -> Result<Vec<u8>, ReportError> {
    let mut out = String::new();
    {
        let mut backend = SVGBackend::with_string(&mut out, enlarged(scene));
        let medium = Medium { font_size: SVG_SIZE, drop: 0.0, bitmap: false };
        paint(&mut backend, scene, medium).and_then(|()| drawn(backend.present())).map_err(|e| failed(figure, &e))?;
    }
    Ok(dressed(&out, scene).into_bytes())
}

/// The picture as PNG, twice the design size.
pub fn png(figure: &str, scene: &Scene) -> Result<Vec<u8>, ReportError> {
    let (width, height) = enlarged(scene);
    let mut pixels = vec![255u8; 3 * width as usize * height as usize];
    {
        let mut backend = BitMapBackend::with_buffer(&mut pixels, (width, height));
        let medium = Medium { font_size: BITMAP_SIZE, drop: BITMAP_DROP, bitmap: true };
        paint(&mut backend, scene, medium).and_then(|()| drawn(backend.present())).map_err(|e| failed(figure, &e))?;
    }
    let (pixels, width, height) = averaged(&pixels, width as usize, height as usize);
    encoded(&pixels, width, height).map_err(|e| failed(figure, &e.into()))
}

fn failed(figure: &str, error: &PaintError) -> ReportError {
    ReportError::Drawing { figure: figure.to_owned(), reason: error.to_string() }
}

fn enlarged(scene: &Scene) -> (u32, u32) {
    // Sizes are positive and small; multiples of the scale, so that the blocks of the average come out even.
    let side = |length: f64| (length.ceil().max(1.0) * SCALE) as u32;
    (side(scene.width), side(scene.height))
}

fn paint<B: DrawingBackend>(backend: &mut B, scene: &Scene, medium: Medium) -> Drawn {
    if !fonts_ready() {
        return Err(PaintError::Font);
    }
    if !medium.bitmap {
        let (width, height) = backend.get_size();
        drawn(backend.draw_rect((0, 0), (width as i32, height as i32), &rgba(palette::PAPER), true))?;
    }
    for shape in &scene.shapes {
        draw(backend, shape, medium)?;
    }
    Ok(())
}

type Drawn = Result<(), PaintError>;

fn drawn<E: std::fmt::Display>(result: Result<(), E>) -> Drawn {
    result.map_err(|e| PaintError::BackEnd(e.to_string()))
}

fn draw<B: DrawingBackend>(backend: &mut B, shape: &Shape, medium: Medium) -> Drawn {
    match shape {
        Shape::Line { points, stroke } => draw_line(backend, points, *stroke, medium),
        Shape::Area { points, fill } => drawn(backend.fill_polygon(points.iter().map(|p| pixel(*p)), &rgba(*fill))),
        Shape::Dot { centre, radius, fill, stroke } => {
            // A ring is a disc in the colour of the stroke under a smaller one in the colour of the fill.
            draw_disc(backend, *centre, radius + stroke.width / 2.0, stroke.colour)?;
            draw_disc(backend, *centre, radius - stroke.width / 2.0, *fill)
        }
        Shape::Text { at, text, style } => draw_text(backend, *at, text, *style, medium),
    }
}

fn draw_line<B: DrawingBackend>(backend: &mut B, points: &[Point], stroke: Stroke, medium: Medium) -> Drawn {
    if !medium.bitmap {
        let style = ShapeStyle::from(rgba(stroke.colour)).stroke_width((stroke.width * SCALE).round() as u32);
        return drawn(backend.draw_path(points.iter().map(|p| pixel(*p)), &style));
    }
    let colour = rgba(stroke.colour);
    for (a, b) in points.iter().zip(points.iter().skip(1)) {
        drawn(backend.fill_polygon(ribbon(*a, *b, stroke.width).map(pixel), &colour))?;
    }
    // Ribbons leave a notch where they meet; on a transparent line the disc over it would show as a darker spot.
    if stroke.width > 1.5 && stroke.colour.3 >= 1.0 {
        for joint in points.iter().skip(1).take(points.len().saturating_sub(2)) {
            drawn(backend.draw_circle(pixel(*joint), (stroke.width * SCALE / 2.0) as u32, &colour, true))?;
        }
    }
    Ok(())
}

/// The four corners of a thick line.
fn ribbon(a: Point, b: Point, width: f64) -> [Point; 4] {
    // Two equal points must not divide by zero.
    let length = a.distance(b).max(1e-9);
    let (nx, ny) = (-(b.y - a.y) / length * width / 2.0, (b.x - a.x) / length * width / 2.0);
    [(a.x + nx, a.y + ny), (b.x + nx, b.y + ny), (b.x - nx, b.y - ny), (a.x - nx, a.y - ny)].map(Point::from)
}

fn draw_disc<B: DrawingBackend>(backend: &mut B, centre: Point, radius: f64, fill: Colour) -> Drawn {
    drawn(backend.draw_circle(pixel(centre), (radius * SCALE).round() as u32, &rgba(fill), true))
}

fn draw_text<B: DrawingBackend>(backend: &mut B, at: Point, words: &str, style: Type, medium: Medium) -> Drawn {
    let horizontal = match style.anchor {
        Anchor::Start => HPos::Left,
        Anchor::Middle => HPos::Center,
        Anchor::End => HPos::Right,
    };
    let transform = if style.upright { FontTransform::Rotate270 } else { FontTransform::None };
    let drop = medium.drop * style.size;
    let at = if style.upright { Point { x: at.x + drop, ..at } } else { Point { y: at.y + drop, ..at } };
    let look = TextStyle {
        font: font(style, style.size * SCALE * medium.font_size).transform(transform),
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

/// Means of blocks of 2 × 2 pixels.
fn averaged(pixels: &[u8], width: usize, height: usize) -> (Vec<u8>, usize, usize) {
    let mut out = Vec::with_capacity(pixels.len() / 4);
    let (rows, _) = pixels.as_chunks::<6>();
    // Rows come in pairs; a chunk is two neighbouring pixels.
    for pair in rows.chunks_exact(width) {
        let (upper, lower) = pair.split_at(width / 2);
        for (u, l) in upper.iter().zip(lower) {
            let mean = |a: u8, b: u8, c: u8, d: u8| {
                // The mean of bytes is a byte.
                ((u16::from(a) + u16::from(b) + u16::from(c) + u16::from(d) + 2) / 4) as u8
            };
            out.extend([mean(u[0], u[3], l[0], l[3]), mean(u[1], u[4], l[1], l[4]), mean(u[2], u[5], l[2], l[5])]);
        }
    }
    (out, width / 2, height / 2)
}

fn encoded(pixels: &[u8], width: usize, height: usize) -> Result<Vec<u8>, png::EncodingError> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, width as u32, height as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    // Flat colours compress best unfiltered.
    encoder.set_filter(png::FilterType::NoFilter);
    encoder.set_compression(png::Compression::Default);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    writer.finish()?;
    Ok(out)
}
