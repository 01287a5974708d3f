//! Contour lines by marching squares (Lorensen & Cline 1987 in two dimensions): each grid cell whose corners straddle
//! the level contributes a segment between linearly interpolated edge points; segments are then chained into lines.
//!
//! Saddles (two opposite corners above) are split so that the two high corners stay apart; which way does not matter for
//! the monotone surfaces drawn here.

use crate::report::plots::scene::{Point, Span};

/// Values on a regular grid, row by row.
pub struct Grid {
    pub x: Vec<f64>,
    pub y: Vec<f64>,
    /// `values[j][i]` at `(x[i], y[j])`.
    pub values: Vec<Vec<f64>>,
}

impl Grid {
    /// Evaluates a function on an even grid.
    pub fn evaluated(x: Span, y: Span, cells: usize, f: impl Fn(f64, f64) -> f64) -> Grid {
        let spaced = |span: Span| {
            let Span { from, to } = span;
            (0..=cells).map(|i| from + (to - from) * i as f64 / cells as f64).collect::<Vec<f64>>()
        };
        let (x, y) = (spaced(x), spaced(y));
        let values = y.iter().map(|y| x.iter().map(|x| f(*x, *y)).collect()).collect();
        Grid { x, y, values }
    }
}

/// The lines on which the surface has the level, in data coordinates.
pub fn contours(grid: &Grid, level: f64) -> Vec<Vec<Point>> {
    let mut segments = Vec::new();
    let rows = grid.values.iter().zip(grid.values.iter().skip(1));
    for ((low, high), ys) in rows.zip(grid.y.windows(2)) {
        for ((a, b), xs) in low.windows(2).zip(high.windows(2)).zip(grid.x.windows(2)) {
            if let ([a0, a1], [b0, b1], [x0, x1], [y0, y1]) = (a, b, xs, ys) {
                let corner = |x: &f64, y: &f64, value: &f64| Corner { x: *x, y: *y, value: *value };
                let corners = [corner(x0, y0, a0), corner(x1, y0, a1), corner(x1, y1, b1), corner(x0, y1, b0)];
                segments.extend(cell(corners, level));
            }
        }
    }
    chained(segments)
}

/// A corner of a cell and the value there.
#[derive(Clone, Copy)]
struct Corner {
    x: f64,
    y: f64,
    value: f64,
}

/// The segments of one cell, corners anticlockwise.
fn cell(corners: [Corner; 4], level: f64) -> Vec<(Point, Point)> {
    let next = [corners[1], corners[2], corners[3], corners[0]];
    let crossings: Vec<Point> = corners.iter().zip(next).filter_map(|(a, b)| crossing(*a, b, level)).collect();
    let pairs = crossings.chunks_exact(2).filter_map(|pair| pair.first().copied().zip(pair.last().copied()));
    // A corner exactly at the level is met by several edges; what lies between two meetings has no length.
    pairs.filter(|(a, b)| !same(*a, *b)).collect()
}

fn crossing(a: Corner, b: Corner, level: f64) -> Option<Point> {
    if (a.value >= level) == (b.value >= level) {
        return None;
    }
    let t = (level - a.value) / (b.value - a.value);
    Some(Point { x: a.x + t * (b.x - a.x), y: a.y + t * (b.y - a.y) })
}

/// Joins segments that share an end into lines.
fn chained(mut segments: Vec<(Point, Point)>) -> Vec<Vec<Point>> {
    let mut lines = Vec::new();
    while let Some((a, b)) = segments.pop() {
        let mut line = std::collections::VecDeque::from([a, b]);
        while let Some(point) = line.back().and_then(|end| take_neighbour(&mut segments, *end)) {
            line.push_back(point);
        }
        while let Some(point) = line.front().and_then(|end| take_neighbour(&mut segments, *end)) {
            line.push_front(point);
        }
        lines.push(line.into());
    }
    lines
}

fn take_neighbour(segments: &mut Vec<(Point, Point)>, end: Point) -> Option<Point> {
    let index = segments.iter().position(|(a, b)| same(*a, end) || same(*b, end))?;
    let (a, b) = segments.swap_remove(index);
    Some(if same(a, end) { b } else { a })
}

/// Equal but for rounding; grids here have sides of the order of one.
fn same(a: Point, b: Point) -> bool {
    (a.x - b.x).abs() < 1e-12 && (a.y - b.y).abs() < 1e-12
}

#[cfg(test)]
mod tests {
    use crate::report::plots::marching_squares::*;

    #[test]
    fn a_circle_is_one_closed_line_on_the_circle() {
        let grid = Grid::evaluated(Span::new(-1.5, 1.5), Span::new(-1.5, 1.5), 60, |x, y| x * x + y * y);
        let lines = contours(&grid, 1.0);
        assert_eq!(lines.len(), 1);
        let line = &lines[0];
        assert!(line.iter().all(|p| (p.x.hypot(p.y) - 1.0).abs() < 2e-3));
        let (first, last) = (line[0], line[line.len() - 1]);
        assert!(first.distance(last) < 1e-9, "closed");
        let length: f64 = line.windows(2).map(|w| w[0].distance(w[1])).sum();
        assert!((length - std::f64::consts::TAU).abs() < 0.01);
    }

    #[test]
    fn a_plane_gives_its_exact_line_and_an_absent_level_none() {
        let grid = Grid::evaluated(Span::new(0.0, 1.0), Span::new(0.0, 1.0), 7, |x, y| x + 2.0 * y);
        let lines = contours(&grid, 1.1);
        assert_eq!(lines.len(), 1);
        assert!(lines[0].iter().all(|p| (p.x + 2.0 * p.y - 1.1).abs() < 1e-12));
        assert!(contours(&grid, 9.0).is_empty());
    }
}
