//! Cells of (assigned arm, treatment taken up): how (1, x) becomes a row of W and of Z, and the sums over rows.

use crate::experiment::rows::{ExperimentError, ExperimentRows, TermValues};
use crate::experiment::variance::VarianceKind;
use crate::numerics::{chunks, products};
use ndarray::Array2;
use std::ops::Range;

/// Rows of one cell that are summed together.
const BATCH: usize = 128;

/// A column of the design.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// 1.
    Intercept,
    /// 1{d = level}, or 1{a = level} among the instruments.
    Level(usize),
    /// A covariate term.
    Term(usize),
    /// Both.
    LevelTerm(usize, usize),
}

impl Column {
    /// The columns for `levels` levels (the control's included), where `interacted` says which terms have a slope for each level.
    pub(super) fn all(levels: usize, interacted: &[bool]) -> Vec<Column> {
        let terms = || (0..interacted.len()).filter(|j| interacted[*j]);
        let mut columns = vec![Column::Intercept];
        columns.extend((1..levels).map(Column::Level));
        columns.extend((0..interacted.len()).map(Column::Term));
        columns.extend((1..levels).flat_map(|level| terms().map(move |j| Column::LevelTerm(level, j))));
        columns
    }

    /// The entry of (1, x) that it holds in a cell of `level`; `None` where it is 0.
    fn entry(self, level: usize) -> Option<usize> {
        match self {
            Column::Intercept => Some(0),
            Column::Level(own) => (own == level).then_some(0),
            Column::Term(j) => Some(j + 1),
            Column::LevelTerm(own, j) => (own == level).then_some(j + 1),
        }
    }

    /// The columns as a matrix on (1, x): `columns.len()` × (p + 1), zeros and ones.
    pub(super) fn map(columns: &[Column], level: usize, p: usize) -> Array2<f64> {
        let mut map = Array2::zeros((columns.len(), p + 1));
        for (i, column) in columns.iter().enumerate() {
            if let Some(j) = column.entry(level) {
                map[[i, j]] = 1.0;
            }
        }
        map
    }
}

/// How covariates and metrics are shifted and scaled before sums are taken, so that sums of products keep their digits.
#[derive(Debug, Clone, PartialEq)]
pub struct Standard {
    /// Means of the terms.
    pub centre: Vec<f64>,
    /// 1 / standard deviation; 0 for a constant.
    pub inverse_scale: Vec<f64>,
    /// Means of the metrics.
    pub y_centre: Vec<f64>,
}

impl Standard {
    /// Means and standard deviations over all rows, unweighted.
    pub fn new(rows: &ExperimentRows<'_>) -> Standard {
        let n = rows.n() as f64;
        let mut standard = Standard { centre: Vec::new(), inverse_scale: Vec::new(), y_centre: Vec::new() };
        for term in &rows.terms {
            let centre = sum(rows.n(), |row| term.at(rows.place(row))) / n;
            let square = |row: usize| {
                let off = term.at(rows.place(row)) - centre;
                off * off
            };
            let sd = (sum(rows.n(), square) / n).sqrt();
            // A column of one value differs from its mean by rounding only.
            let inverse = if sd > 1e-12 * centre.abs() && sd > 0.0 { 1.0 / sd } else { 0.0 };
            standard.centre.push(centre);
            standard.inverse_scale.push(inverse);
        }
        standard.y_centre = rows.metrics.iter().map(|values| sum(rows.n(), |row| values[row]) / n).collect();
        standard
    }

    /// A covariate vector on the scale of the sums.
    pub fn term(&self, j: usize, x: f64) -> f64 {
        (x - self.centre[j]) * self.inverse_scale[j]
    }
}

/// The sum over n rows, in an order that depends on n alone.
fn sum(n: usize, value: impl Fn(usize) -> f64 + Sync + Send) -> f64 {
    chunks::map(n, |range| range.fold(0.0, |sum, row| sum + value(row))).into_iter().sum()
}

/// Rows with their cells.
pub(super) struct Cells<'r, 's> {
    pub rows: ExperimentRows<'r>,
    pub standard: &'s Standard,
    /// Treatments taken up.
    pub treatments: usize,
}

impl Cells<'_, '_> {
    /// Number of cells, occupied or not.
    pub fn count(&self) -> usize {
        self.rows.arms() * self.treatments
    }

    /// The assigned arm and the treatment of a cell.
    pub fn levels(&self, cell: usize) -> [usize; 2] {
        [cell / self.treatments, cell % self.treatments]
    }

    pub fn of_row(&self, row: usize) -> usize {
        let assigned = usize::from(self.rows.assigned[row]);
        assigned * self.treatments + self.rows.taken.map_or(assigned, |taken| usize::from(taken[row]))
    }

    /// Entries of (1, x).
    pub fn q(&self) -> usize {
        self.rows.p() + 1
    }

    /// (1, x, y) of some rows, one after the other.
    pub fn fill(&self, rows: &[usize], out: &mut Vec<f64>) {
        let (q, r) = (self.q(), self.q() + self.rows.m());
        out.clear();
        out.resize(rows.len() * r, 1.0);
        let Standard { centre, inverse_scale, y_centre } = self.standard;
        // Column by column: the kind of a term is looked at once for all of the rows.
        for (j, ((term, centre), scale)) in self.rows.terms.iter().zip(centre).zip(inverse_scale).enumerate() {
            let cells = out.iter_mut().skip(j + 1).step_by(r).zip(rows);
            match term {
                TermValues::Numbers(values) => {
                    cells.for_each(|(cell, row)| *cell = (values[self.rows.place(*row)] - centre) * scale);
                }
                TermValues::Flags(flags) => {
                    let of_flag = [(0.0 - centre) * scale, (1.0 - centre) * scale];
                    cells.for_each(|(cell, row)| *cell = of_flag[usize::from(flags[self.rows.place(*row)])]);
                }
            }
        }
        for (j, (values, centre)) in self.rows.metrics.iter().zip(y_centre).enumerate() {
            let cells = out.iter_mut().skip(q + j).step_by(r).zip(rows);
            cells.for_each(|(cell, row)| *cell = values[*row] - centre);
        }
    }

    pub fn weight(&self, row: usize) -> f64 {
        self.rows.weights.map_or(1.0, |w| w[row])
    }

    /// Hands the rows of a range over cell by cell, in batches.
    fn batches(&self, range: Range<usize>, mut take: impl FnMut(usize, &[usize], &mut [f64])) {
        let mut waiting: Vec<Vec<usize>> = vec![Vec::with_capacity(BATCH); self.count()];
        let mut values = Vec::new();
        for row in range {
            let cell = self.of_row(row);
            let rows = &mut waiting[cell];
            rows.push(row);
            if rows.len() == BATCH {
                self.fill(rows, &mut values);
                take(cell, rows, &mut values);
                rows.clear();
            }
        }
        for (cell, rows) in waiting.iter().enumerate().filter(|(_, rows)| !rows.is_empty()) {
            self.fill(rows, &mut values);
            take(cell, rows, &mut values);
        }
    }

    /// For each cell, Σ w·vvᵀ with v = (1, x, y): lower triangles, r × r.
    pub fn moments(&self) -> Vec<Array2<f64>> {
        let r = self.q() + self.rows.m();
        let parts = chunks::map(self.rows.n(), |range| {
            let mut sums = vec![0.0; self.count() * r * r];
            self.batches(range, |cell, rows, values| {
                if self.rows.weights.is_some() {
                    for (row, values) in rows.iter().zip(values.chunks_exact_mut(r)) {
                        let root = self.weight(*row).sqrt();
                        values.iter_mut().for_each(|v| *v *= root);
                    }
                }
                products::add_gram(values, r, &mut sums[cell * r * r..(cell + 1) * r * r]);
            });
            sums
        });
        split(parts, self.count(), r)
    }

    /// For each cell and each pair of metrics, Σ w²u_a u_b·(1, x)(1, x)ᵀ with the adjustment of `kind`; and Σ w u_a u_b for each pair.
    pub fn meat(&self, residual: &Residuals<'_>) -> Result<Meat, ExperimentError> {
        let (q, r, pairs) = (self.q(), self.q() + self.rows.m(), residual.pairs.len());
        let size = self.count() * pairs * q * q;
        let parts = chunks::map(self.rows.n(), |range| {
            let mut sums = vec![0.0; size + pairs];
            let mut at_one = None;
            let m = self.rows.m();
            let (mut scores, mut z, mut residuals) = (vec![Vec::new(); m], Vec::new(), vec![Vec::new(); m]);
            self.batches(range, |cell, rows, values| {
                z.clear();
                z.extend(values.chunks_exact(r).flat_map(|v| &v[..q]).copied());
                let factors = residual.factors(self, cell, rows, &z);
                if let Some(at) = factors.iter().position(|f| *f == 0.0) {
                    at_one.get_or_insert(rows[at]);
                }
                let weights: Vec<f64> = rows.iter().map(|row| self.weight(*row)).collect();
                for (metric, (scores, u)) in scores.iter_mut().zip(&mut residuals).enumerate() {
                    let b = residual.slopes(cell, metric);
                    u.clear();
                    u.extend(values.chunks_exact(r).map(|v| v[q + metric] - products_of(&v[..q], b)));
                    scores.clear();
                    for (((x, u), factor), weight) in z.chunks_exact(q).zip(u.iter()).zip(&factors).zip(&weights) {
                        let score = weight * u * factor;
                        scores.extend(x.iter().map(|x| x * score));
                    }
                }
                for (at, [a, b]) in residual.pairs.iter().enumerate() {
                    let start = (cell * pairs + at) * q * q;
                    products::add_lower_cross(&scores[*a], &scores[*b], q, &mut sums[start..start + q * q]);
                    let products = residuals[*a].iter().zip(&residuals[*b]).zip(&weights);
                    sums[size + at] += products.map(|((a, b), weight)| weight * a * b).sum::<f64>();
                }
            });
            (sums, at_one)
        });
        if let Some(row) = parts.iter().find_map(|(_, at_one)| *at_one) {
            return Err(ExperimentError::Leverage { row: row + 1, asked: residual.kind });
        }
        let mut total = vec![0.0; size + pairs];
        parts.iter().for_each(|(part, _)| chunks::add_into(&mut total, part));
        let squares = total.split_off(size);
        Ok(Meat { cells: split(vec![total], self.count() * pairs, q), squares })
    }
}

/// Sums of scores.
pub(super) struct Meat {
    /// One q × q matrix for each cell and pair, cells outermost.
    pub cells: Vec<Array2<f64>>,
    /// Σ w u_a u_b for each pair.
    pub squares: Vec<f64>,
}

/// What residuals and scores need to know of a fit.
pub(super) struct Residuals<'a> {
    pub kind: VarianceKind,
    /// For each cell and metric, coefficients on (1, x), cells outermost.
    pub coefficients: &'a [Vec<f64>],
    /// Number of metrics.
    pub metrics: usize,
    /// For each cell, ΠᵀK: k × q.
    pub score_maps: &'a [Array2<f64>],
    pub bread: &'a Array2<f64>,
    /// Pairs of metrics.
    pub pairs: &'a [[usize; 2]],
}

impl Residuals<'_> {
    pub fn of(&self, cell: usize, metric: usize, x: &[f64], y: f64) -> f64 {
        y - products_of(x, self.slopes(cell, metric))
    }

    fn slopes(&self, cell: usize, metric: usize) -> &[f64] {
        &self.coefficients[cell * self.metrics + metric]
    }

    /// The adjustment of each row; 0 where its leverage is 1.
    fn factors(&self, cells: &Cells<'_, '_>, cell: usize, rows: &[usize], z: &[f64]) -> Vec<f64> {
        if !self.kind.uses_leverage() {
            return vec![1.0; rows.len()];
        }
        let map = &self.score_maps[cell];
        let form = products::multiply(products::multiply(map.t(), self.bread.view()).view(), map.view());
        let q = cells.q();
        let leverage = |x: &[f64]| -> f64 {
            x.iter()
                .enumerate()
                .map(|(i, xi)| xi * x.iter().enumerate().map(|(j, xj)| form[[i, j]] * xj).sum::<f64>())
                .sum()
        };
        z.chunks_exact(q).zip(rows).map(|(x, row)| self.kind.adjustment(cells.weight(*row) * leverage(x))).collect()
    }
}

/// xᵀb.
fn products_of(x: &[f64], b: &[f64]) -> f64 {
    x.iter().zip(b).map(|(x, b)| x * b).sum()
}

/// Adds up the parts and cuts them into symmetric matrices.
fn split(parts: Vec<Vec<f64>>, count: usize, k: usize) -> Vec<Array2<f64>> {
    let mut total = vec![0.0; count * k * k];
    parts.iter().for_each(|part| chunks::add_into(&mut total, part));
    let matrix = |sums: &[f64]| Array2::from_shape_fn((k, k), |(i, j)| sums[i.max(j) * k + i.min(j)]);
    total.chunks_exact((k * k).max(1)).take(count).map(matrix).collect()
}
