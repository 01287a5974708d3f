//! Sums over clusters: scores for the clustered variances, their bias reduction, and Satterthwaite's degrees of freedom.
//!
//! Rows of one cluster and cell have W_g = R Ĝᵀ with R the rows of (1, x) and Ĝ the cell's map, cells side by side. With
//! M = RᵀR = CCᵀ, N = ĜᵀBĜ and CᵀNC = U Λ Uᵀ, H_gg = W_g B W_gᵀ has the eigenvalues Λ, so that
//!
//! ```text
//! W_gᵀ f(H_gg) u_g = Ĝ C U f(Λ) Uᵀ C⁺ Rᵀu_g        f(λ) = (1 − λ)^(−½) for CR2, (1 − λ)⁻¹ for CR3
//! ```
//!
//! needs sums of (1, x) only, in the width of those. Under equal errors the CR2 variance of δᵀβ is a quadratic form with
//! expectation tr G and variance 2 tr G², where G_gh = a_gᵀ(I − H)_gh a_h, a_g = f(H_gg) W_g B δ; Satterthwaite's degrees of
//! freedom are (tr G)²/tr G². With b_g = W_gᵀa_g,
//!
//! ```text
//! tr G = Σ (a_gᵀa_g − b_gᵀBb_g)     tr G² = Σ (a_gᵀa_g)² − 2 Σ a_gᵀa_g·b_gᵀBb_g + tr(BSBS),   S = Σ b_g b_gᵀ
//! ```
//!
//! Where t = tr(W_gᵀW_g B), which bounds the eigenvalues of H_gg, is small, as it is with many clusters, f is a power series: with
//! T = W_gᵀW_g B, W_gᵀ f(H_gg) u_g = Σ cⱼ Tʲ s_g, c₀ = 1 and cⱼ = cⱼ₋₁(2j − 1)/2j for CR2, cⱼ = 1 for CR3, which needs no
//! eigenvalues; b_g is the same of W_gᵀW_g Bδ, and a_gᵀa_g = δᵀB Σ Tʲ W_gᵀW_g Bδ.
//!
//! Bell & McCaffrey 2002; Pustejovsky & Tipton 2018, doi:10.1080/07350015.2016.1247004.

use crate::experiment::cells::{Cells, Residuals};
use crate::experiment::rows::ExperimentError;
use crate::experiment::variance::VarianceKind;
use crate::numerics::chunks;
use crate::numerics::products::multiply;
use crate::numerics::symmetric_eigen::SymmetricEigen;
use ndarray::{Array1, Array2, Axis};
use rayon::prelude::*;
use std::ops::Range;

/// Directions of M smaller than this share of the largest are rounding.
const RANK: f64 = 1e-12;

/// Rows in cluster order.
pub(super) struct Order {
    /// Rows, sorted by cluster and then by place.
    rows: Vec<u32>,
    /// Where each cluster begins in `rows`, and the end.
    starts: Vec<usize>,
}

impl Order {
    /// Sorts rows by their clusters, numbered 0 … `count` − 1.
    pub fn new(clusters: &[u32], count: usize) -> Order {
        let mut starts = vec![0; count + 1];
        clusters.iter().for_each(|g| starts[*g as usize + 1] += 1);
        (0..count).for_each(|g| starts[g + 1] += starts[g]);
        let mut next = starts.clone();
        let mut rows = vec![0; clusters.len()];
        for (row, g) in (0_u32..).zip(clusters) {
            rows[next[*g as usize]] = row;
            next[*g as usize] += 1;
        }
        Order { rows, starts }
    }

    fn cluster(&self, g: usize) -> &[u32] {
        &self.rows[self.starts[g]..self.starts[g + 1]]
    }

    fn count(&self) -> usize {
        self.starts.len() - 1
    }

    /// The clusters in chunks, by number alone.
    fn chunks(&self) -> Vec<Range<usize>> {
        let size = self.count().div_ceil(64).max(1);
        (0..self.count()).step_by(size).map(|start| start..(start + size).min(self.count())).collect()
    }
}

/// The sums of one cluster in one cell.
struct Piece {
    cell: usize,
    /// Rᵀ(wu): q × m.
    scores: Array2<f64>,
    /// RᵀR: q × q; empty unless it is needed.
    gram: Array2<f64>,
}

/// Sums of a cluster and what is needed to adjust them.
pub(super) struct ClusterSums<'a, 'r, 's> {
    pub cells: &'a Cells<'r, 's>,
    pub order: &'a Order,
    pub residuals: &'a Residuals<'a>,
}

impl ClusterSums<'_, '_, '_> {
    /// Σ_g s_g s_gᵀ for each pair of metrics.
    pub fn meat(&self) -> Result<Vec<Array2<f64>>, ExperimentError> {
        let k = self.residuals.bread.nrows();
        let pairs = self.residuals.pairs;
        let parts: Vec<Result<Vec<f64>, ExperimentError>> = self
            .order
            .chunks()
            .into_par_iter()
            .map(|range| {
                let mut sums = vec![0.0; pairs.len() * k * k];
                for g in range {
                    let scores = self.scores(g)?;
                    for (sums, [a, b]) in sums.chunks_exact_mut(k * k).zip(pairs) {
                        let (left, right) = (scores.column(*a), scores.column(*b));
                        for (sums, left) in sums.chunks_exact_mut(k).zip(&left) {
                            sums.iter_mut().zip(&right).for_each(|(sum, right)| *sum += left * right);
                        }
                    }
                }
                Ok(sums)
            })
            .collect();
        let mut total = vec![0.0; pairs.len() * k * k];
        for part in parts {
            chunks::add_into(&mut total, &part?);
        }
        Ok(total.chunks_exact(k * k).map(|sums| Array2::from_shape_fn((k, k), |(i, j)| sums[i * k + j])).collect())
    }

    /// s_g: k × m.
    fn scores(&self, g: usize) -> Result<Array2<f64>, ExperimentError> {
        let pieces = self.pieces(g);
        if self.residuals.kind.uses_leverage() {
            if let Some(series) = Series::new(self.residuals, &pieces) {
                let plain = self.plain_scores(&pieces);
                let mut scores = Array2::zeros(plain.dim());
                for (mut to, from) in scores.columns_mut().into_iter().zip(plain.columns()) {
                    to.assign(&series.adjusted(&from.to_owned()));
                }
                return Ok(scores);
            }
            let factors = Factors::new(self, &pieces)?;
            let stacked = stack(pieces.iter().map(|piece| &piece.scores), self.cells.rows.m());
            return Ok(multiply(factors.map.view(), factors.adjusted(&stacked).view()));
        }
        Ok(self.plain_scores(&pieces))
    }

    /// W_gᵀ(wu): k × m.
    fn plain_scores(&self, pieces: &[Piece]) -> Array2<f64> {
        let mut scores = Array2::zeros((self.residuals.bread.nrows(), self.cells.rows.m()));
        for piece in pieces {
            scores += &multiply(self.residuals.score_maps[piece.cell].view(), piece.scores.view());
        }
        scores
    }

    fn pieces(&self, g: usize) -> Vec<Piece> {
        let (q, m) = (self.cells.q(), self.cells.rows.m());
        let grams = self.residuals.kind.uses_leverage();
        let mut pieces: Vec<Piece> = Vec::new();
        let rows: Vec<usize> = self.order.cluster(g).iter().map(|row| *row as usize).collect();
        let mut values = Vec::new();
        self.cells.fill(&rows, &mut values);
        for (row, v) in rows.into_iter().zip(values.chunks_exact(q + m)) {
            let cell = self.cells.of_row(row);
            let at = pieces.iter().position(|piece| piece.cell == cell).unwrap_or_else(|| {
                let gram = Array2::zeros(if grams { (q, q) } else { (0, 0) });
                pieces.push(Piece { cell, scores: Array2::zeros((q, m)), gram });
                pieces.len() - 1
            });
            let piece = &mut pieces[at];
            for metric in 0..m {
                let score = self.cells.weight(row) * self.residuals.of(cell, metric, &v[..q], v[q + metric]);
                piece.scores.column_mut(metric).iter_mut().zip(&v[..q]).for_each(|(sum, x)| *sum += x * score);
            }
            if grams {
                for (i, mut sums) in piece.gram.rows_mut().into_iter().enumerate() {
                    sums.iter_mut().zip(&v[..q]).for_each(|(sum, x)| *sum += v[i] * x);
                }
            }
        }
        pieces
    }

    /// Satterthwaite's degrees of freedom of each contrast (vectors of length k).
    pub fn degrees_of_freedom(&self, contrasts: &[Array1<f64>]) -> Result<Vec<f64>, ExperimentError> {
        let bread = self.residuals.bread;
        let directions: Vec<Array1<f64>> = contrasts.iter().map(|delta| times(bread, delta)).collect();
        let parts: Vec<Result<Vec<Traces>, ExperimentError>> = self
            .order
            .chunks()
            .into_par_iter()
            .map(|range| {
                let mut traces = vec![Traces::new(bread.nrows()); contrasts.len()];
                for g in range {
                    let pieces = self.pieces(g);
                    let series = Series::new(self.residuals, &pieces);
                    let factors = if series.is_none() { Some(Factors::new(self, &pieces)?) } else { None };
                    for (traces, direction) in traces.iter_mut().zip(&directions) {
                        let adjusted = match (&series, &factors) {
                            (Some(series), _) => series.direction(direction),
                            (None, Some(factors)) => factors.direction(direction),
                            (None, None) => continue,
                        };
                        traces.add(&adjusted, bread);
                    }
                }
                Ok(traces)
            })
            .collect();
        let mut total = vec![Traces::new(bread.nrows()); contrasts.len()];
        for part in parts {
            total.iter_mut().zip(&part?).for_each(|(total, part)| total.join(part));
        }
        Ok(total.iter().map(|traces| traces.degrees_of_freedom(bread)).collect())
    }
}

/// The factors of the module header for one cluster.
struct Factors {
    /// Ĝ: k × r.
    map: Array2<f64>,
    /// C: r × r′.
    root: Array2<f64>,
    /// C⁺: r′ × r.
    inverse_root: Array2<f64>,
    /// U f(Λ) Uᵀ: r′ × r′.
    adjustment: Array2<f64>,
}

impl Factors {
    fn new(sums: &ClusterSums<'_, '_, '_>, pieces: &[Piece]) -> Result<Factors, ExperimentError> {
        let residuals = sums.residuals;
        let (q, k) = (sums.cells.q(), residuals.bread.nrows());
        let r = q * pieces.len();
        let mut map = Array2::zeros((k, r));
        // C and C⁺ have a block for each cell, since rows of different cells are different rows.
        let (mut columns, mut blocks) = (0, Vec::new());
        for piece in pieces {
            let eigen = SymmetricEigen::new(&piece.gram)?;
            let largest = eigen.values.iter().copied().fold(0.0, f64::max);
            let kept: Vec<usize> = (0..q).filter(|i| eigen.values[*i] > RANK * largest).collect();
            columns += kept.len();
            blocks.push((eigen, kept));
        }
        let (mut root, mut inverse_root) = (Array2::zeros((r, columns)), Array2::zeros((columns, r)));
        let mut at = 0;
        for (b, (piece, (eigen, kept))) in pieces.iter().zip(&blocks).enumerate() {
            for (j, column) in residuals.score_maps[piece.cell].columns().into_iter().enumerate() {
                map.column_mut(b * q + j).assign(&column);
            }
            for i in kept {
                let size = eigen.values[*i].sqrt();
                for row in 0..q {
                    root[[b * q + row, at]] = eigen.vectors[[row, *i]] * size;
                    inverse_root[[at, b * q + row]] = eigen.vectors[[row, *i]] / size;
                }
                at += 1;
            }
        }
        let scaled = multiply(map.view(), root.view());
        let h = multiply(multiply(scaled.t(), residuals.bread.view()).view(), scaled.view());
        let adjustment = SymmetricEigen::new(&h)?.map(|l| residuals.kind.adjustment(l));
        Ok(Factors { map, root, inverse_root, adjustment })
    }

    fn direction(&self, direction: &Array1<f64>) -> Adjusted {
        // Cᵀ Ĝᵀ B δ, then f of it.
        let inner = times(&self.root.t().to_owned(), &times(&self.map.t().to_owned(), direction));
        let adjusted = times(&self.adjustment, &inner);
        Adjusted { square: adjusted.iter().map(|a| a * a).sum(), b: times(&self.map, &times(&self.root, &adjusted)) }
    }

    /// C U f Uᵀ C⁺ t.
    fn adjusted(&self, t: &Array2<f64>) -> Array2<f64> {
        let inner = multiply(self.adjustment.view(), multiply(self.inverse_root.view(), t.view()).view());
        multiply(self.root.view(), inner.view())
    }
}

/// A contrast in one cluster.
struct Adjusted {
    /// a_gᵀa_g.
    square: f64,
    /// b_g.
    b: Array1<f64>,
}

/// The power series of the module header for one cluster.
struct Series<'a> {
    kind: VarianceKind,
    /// W_gᵀW_g: k × k.
    gram: Array2<f64>,
    bread: &'a Array2<f64>,
    /// Terms after the first that are not rounding.
    terms: usize,
}

impl<'a> Series<'a> {
    /// The largest t; there are then about 25 terms.
    const LARGEST: f64 = 0.25;

    /// `None` where the eigenvalues may be too large.
    fn new(residuals: &Residuals<'a>, pieces: &[Piece]) -> Option<Series<'a>> {
        let (bread, kind) = (residuals.bread, residuals.kind);
        let mut gram = Array2::zeros(bread.dim());
        for piece in pieces {
            let map = &residuals.score_maps[piece.cell];
            gram += &multiply(multiply(map.view(), piece.gram.view()).view(), map.t());
        }
        let t: f64 = gram.iter().zip(bread).map(|(a, b)| a * b).sum();
        // Also false for NaN.
        if !(0.0..=Self::LARGEST).contains(&t) {
            return None;
        }
        let (mut terms, mut left) = (0, t);
        // The terms that are left out sum to at most tʲ/(1 − t).
        while left / (1.0 - t) > f64::EPSILON / 4.0 {
            terms += 1;
            left *= t;
        }
        Some(Series { kind, gram, bread, terms })
    }

    /// Σ cⱼ Tʲ s.
    fn adjusted(&self, s: &Array1<f64>) -> Array1<f64> {
        let (mut total, mut power, mut coefficient) = (s.clone(), s.clone(), 1.0);
        for j in 1..=self.terms {
            power = times(&self.gram, &times(self.bread, &power));
            coefficient *= self.step(j);
            total.iter_mut().zip(&power).for_each(|(sum, power)| *sum += coefficient * power);
        }
        total
    }

    /// cⱼ/cⱼ₋₁.
    fn step(&self, j: usize) -> f64 {
        if self.kind == VarianceKind::Cr3 { 1.0 } else { (2 * j - 1) as f64 / (2 * j) as f64 }
    }

    fn direction(&self, direction: &Array1<f64>) -> Adjusted {
        let product = |power: &Array1<f64>| direction.iter().zip(power).map(|(x, y)| x * y).sum::<f64>();
        let mut power = times(&self.gram, direction);
        let (mut square, mut b, mut coefficient) = (product(&power), power.clone(), 1.0);
        for j in 1..=self.terms {
            power = times(&self.gram, &times(self.bread, &power));
            coefficient *= self.step(j);
            b.iter_mut().zip(&power).for_each(|(sum, power)| *sum += coefficient * power);
            square += product(&power);
        }
        Adjusted { square, b }
    }
}

/// Sums for Satterthwaite's degrees of freedom of one contrast.
#[derive(Clone)]
struct Traces {
    /// tr G.
    first: f64,
    /// Σ (aᵀa)² − 2 Σ aᵀa·bᵀBb.
    own: f64,
    /// S: k × k.
    outer: Array2<f64>,
}

impl Traces {
    fn new(k: usize) -> Traces {
        Traces { first: 0.0, own: 0.0, outer: Array2::zeros((k, k)) }
    }

    fn add(&mut self, adjusted: &Adjusted, bread: &Array2<f64>) {
        let Adjusted { square, b } = adjusted;
        let square = *square;
        let form: f64 = b.iter().zip(&times(bread, b)).map(|(x, y)| x * y).sum();
        self.first += square - form;
        self.own += square * square - 2.0 * square * form;
        for (mut row, left) in self.outer.axis_iter_mut(Axis(0)).zip(b) {
            row.iter_mut().zip(b).for_each(|(sum, right)| *sum += left * right);
        }
    }

    fn join(&mut self, other: &Traces) {
        self.first += other.first;
        self.own += other.own;
        self.outer += &other.outer;
    }

    fn degrees_of_freedom(&self, bread: &Array2<f64>) -> f64 {
        let bs = multiply(bread.view(), self.outer.view());
        let trace: f64 = (0..bs.nrows()).map(|i| (0..bs.nrows()).map(|j| bs[[i, j]] * bs[[j, i]]).sum::<f64>()).sum();
        self.first * self.first / (self.own + trace)
    }
}

/// Av.
pub(super) fn times(a: &Array2<f64>, v: &Array1<f64>) -> Array1<f64> {
    a.rows().into_iter().map(|row| row.iter().zip(v).map(|(x, y)| x * y).sum()).collect()
}

fn stack<'a>(parts: impl Iterator<Item = &'a Array2<f64>>, columns: usize) -> Array2<f64> {
    let values: Vec<f64> = parts.flat_map(|part| part.iter().copied()).collect();
    let rows = values.len() / columns.max(1);
    Array2::from_shape_fn((rows, columns), |(i, j)| values[i * columns + j])
}

#[cfg(test)]
mod tests {
    use crate::experiment::cells::Standard;
    use crate::experiment::clusters::*;
    use crate::experiment::linear_model::{Model, cells, solve};
    use crate::experiment::rows::{ExperimentRows, TermValues};

    /// Where the series is used, it is the same function of the same matrix.
    #[test]
    fn the_series_is_the_function_of_the_eigenvalues() {
        let n = 600_u32;
        // Sums of powers of irrational steps: no two rows alike, and nothing drawn.
        let wave = |step: f64| (0..n).map(|i| (f64::from(i) * step).sin()).collect::<Vec<f64>>();
        let (first, second, y) = (wave(1.7), wave(0.31), wave(0.77));
        let assigned: Vec<u16> = (0..n).map(|i| if (i / 2).is_multiple_of(3) { 1 } else { 0 }).collect();
        let clusters: Vec<u32> = (0..n).map(|i| i * i % 61).collect();
        let mut codes = clusters.clone();
        codes.sort_unstable();
        codes.dedup();
        let clusters: Vec<u32> =
            clusters.iter().map(|g| u32::try_from(codes.binary_search(g).unwrap()).unwrap()).collect();
        let rows = ExperimentRows {
            terms: vec![TermValues::Numbers(&first), TermValues::Numbers(&second)],
            places: None,
            metrics: vec![&y],
            assigned: &assigned,
            taken: None,
            weights: None,
            clusters: Some(&clusters),
        };
        let standard = Standard::new(&rows);
        for kind in [VarianceKind::Cr2, VarianceKind::Cr3] {
            let model = Model { interacted: vec![true; 2], instrumented: false, variance: kind, joint: false };
            let cells = cells(&rows, &model, &standard);
            let solved = solve(&cells, &model).unwrap();
            let pairs = [[0, 0]];
            let residuals = solved.residuals(kind, &pairs);
            let order = Order::new(&clusters, codes.len());
            let sums = ClusterSums { cells: &cells, order: &order, residuals: &residuals };
            let direction = Array1::from_iter((0..6).map(|i| 0.3 + f64::from(i)));
            let mut compared = 0;
            for g in 0..codes.len() {
                let pieces = sums.pieces(g);
                let Some(series) = Series::new(&residuals, &pieces) else { continue };
                let factors = Factors::new(&sums, &pieces).unwrap();
                let plain = sums.plain_scores(&pieces);
                let stacked = stack(pieces.iter().map(|piece| &piece.scores), 1);
                let expected = multiply(factors.map.view(), factors.adjusted(&stacked).view());
                let found = series.adjusted(&plain.column(0).to_owned());
                let size = expected.iter().fold(0.0_f64, |size, v| size.max(v.abs()));
                assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-12 * size), "{found} {expected}");
                if kind == VarianceKind::Cr2 {
                    let (found, expected) = (series.direction(&direction), factors.direction(&direction));
                    assert!((found.square - expected.square).abs() < 1e-12 * expected.square);
                    let size = expected.b.iter().fold(0.0_f64, |size, v| size.max(v.abs()));
                    assert!(found.b.iter().zip(&expected.b).all(|(a, b)| (a - b).abs() < 1e-12 * size));
                }
                compared += 1;
            }
            assert!(compared > 20, "{compared}");
        }
    }
}
