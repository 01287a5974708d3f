//! Expanded bases: natural cubic splines of single columns, and products of pairs of columns.
//!
//! For a column with knots ξ₁ < … < ξ_K (quantiles of the training rows), the natural cubic splines (twice
//! differentiable piecewise cubics, straight lines beyond ξ₁ and ξ_K) have dimension K. The basis here is the column itself
//! and the cardinal splines c₂, …, c_{K−1}, where c_k is the natural spline that is 1 at ξ_k and 0 at every other knot:
//! with an intercept they span the space, and they are local, so that a penalty on each is meaningful. With h_l = ξ_{l+1} − ξ_l
//! and M the second derivatives at the knots,
//!
//! ```text
//! h_{l−1}M_{l−1} + 2(h_{l−1} + h_l)M_l + h_l M_{l+1} = 6((f_{l+1} − f_l)/h_l − (f_l − f_{l−1})/h_{l−1}),   M_1 = M_K = 0
//! ```
//!
//! A column with two distinct values stays as it is; one with few gets as many knots as it has values. Products are of
//! standardised columns, all pairs while their number is within the limit. Beyond it, the pairs among the columns most
//! correlated with the response (through any of their basis columns) are taken, and the number left out is stated.
//! Reference: Hastie, Tibshirani & Friedman, The Elements of Statistical Learning (2009), 5.2, doi:10.1007/978-0-387-84858-7.

use crate::learners::data::{Counted, grouped};
use crate::learners::learner::LearnerError;
use crate::numerics::quantile::of_sorted;
use ndarray::{Array2, ArrayView1, ArrayView2};

/// Outermost knots: beyond these quantiles a spline is straight.
const OUTER: f64 = 0.025;
/// Fewest knots of a spline that is not a line.
const FEWEST_KNOTS: usize = 3;

/// The splines and products to add to the columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BasisParams {
    /// Knots of each spline, 3 to 20.
    pub knots: usize,
    /// Most products of pairs of columns, at most 5,000; 0 for none.
    pub most_products: usize,
}

impl Default for BasisParams {
    fn default() -> Self {
        Self { knots: 6, most_products: 200 }
    }
}

impl BasisParams {
    /// Checks the ranges.
    ///
    /// # Errors
    /// [`LearnerError::Params`] naming the field.
    pub fn check(&self, learner: &'static str) -> Result<(), LearnerError> {
        let fail = |problem: &str| Err(LearnerError::Params { learner, problem: problem.to_owned() });
        if !(FEWEST_KNOTS..=20).contains(&self.knots) {
            return fail("`knots` must be between 3 and 20");
        }
        if self.most_products > 5_000 {
            return fail("`most_products` must be at most 5,000");
        }
        Ok(())
    }
}

/// A natural cubic spline basis of one column.
#[derive(Debug, Clone, PartialEq)]
struct Spline {
    knots: Vec<f64>,
    /// Second derivatives at the knots of each interior cardinal spline, (K − 2) × K.
    second: Vec<Vec<f64>>,
}

impl Spline {
    /// With at most `most` knots at quantiles of `values`; `None` if fewer than three are distinct.
    fn new(values: ArrayView1<'_, f64>, most: usize) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let mut distinct = sorted.clone();
        distinct.dedup();
        let mut knots: Vec<f64> = if distinct.len() <= most {
            distinct
        } else {
            let share = |k: usize| OUTER + (1.0 - 2.0 * OUTER) * k as f64 / (most - 1) as f64;
            (0..most).filter_map(|k| of_sorted(&sorted, share(k))).collect()
        };
        // Ties can put several quantiles on one value.
        knots.dedup();
        if knots.len() < FEWEST_KNOTS {
            return None;
        }
        let second = (1..knots.len() - 1).map(|k| second_derivatives(&knots, k)).collect();
        Some(Self { knots, second })
    }

    /// Number of cardinal splines.
    fn len(&self) -> usize {
        self.second.len()
    }

    /// The value of the `c`-th interior cardinal spline at `x`.
    fn value(&self, c: usize, x: f64) -> f64 {
        let (knots, m) = (&self.knots, &self.second[c]);
        let f = |l: usize| if l == c + 1 { 1.0 } else { 0.0 };
        let last = knots.len() - 1;
        let slope = |l: usize| (f(l + 1) - f(l)) / (knots[l + 1] - knots[l]);
        // Straight beyond the outer knots, with the slope there; the second derivative at an end knot is zero.
        if x <= knots[0] {
            let h = knots[1] - knots[0];
            return f(0) + (x - knots[0]) * (slope(0) - h * m[1] / 6.0);
        }
        if x >= knots[last] {
            let h = knots[last] - knots[last - 1];
            return f(last) + (x - knots[last]) * (slope(last - 1) + h * m[last - 1] / 6.0);
        }
        let l = knots.partition_point(|k| *k <= x) - 1;
        let h = knots[l + 1] - knots[l];
        let (a, b) = ((knots[l + 1] - x) / h, (x - knots[l]) / h);
        a * f(l) + b * f(l + 1) + ((a.powi(3) - a) * m[l] + (b.powi(3) - b) * m[l + 1]) * h * h / 6.0
    }
}

/// Second derivatives at the knots of the natural spline that is 1 at knot `k` and 0 at the others (Thomas algorithm).
fn second_derivatives(knots: &[f64], k: usize) -> Vec<f64> {
    let last = knots.len() - 1;
    let f = |l: usize| if l == k { 1.0 } else { 0.0 };
    let h = |l: usize| knots[l + 1] - knots[l];
    let (mut upper, mut right) = (vec![0.0; last + 1], vec![0.0; last + 1]);
    for l in 1..last {
        // Both ends have M = 0, so the first and last equations drop out and their entries stay zero.
        let pivot = 2.0 * (h(l - 1) + h(l)) - h(l - 1) * upper[l - 1];
        upper[l] = h(l) / pivot;
        let jump = 6.0 * ((f(l + 1) - f(l)) / h(l) - (f(l) - f(l - 1)) / h(l - 1));
        right[l] = (jump - h(l - 1) * right[l - 1]) / pivot;
    }
    for l in (1..last).rev() {
        right[l] -= upper[l] * right[l + 1];
    }
    right
}

/// The expansion of p columns, fitted on training rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Basis {
    splines: Vec<Option<Spline>>,
    /// Mean and standard deviation of each column, for products.
    scale: Vec<(f64, f64)>,
    pairs: Vec<(usize, usize)>,
    note: String,
}

impl Basis {
    /// Fits knots, scales and the choice of pairs on `data`.
    #[must_use]
    pub fn new(data: &Counted, params: &BasisParams) -> Self {
        let p = data.x.ncols();
        let splines: Vec<_> = data.x.columns().into_iter().map(|c| Spline::new(c, params.knots)).collect();
        let scale = data.x.columns().into_iter().map(|c| moments(c.iter().copied(), &data.w)).collect();
        let mut basis = Self { splines, scale, pairs: Vec::new(), note: String::new() };
        let varying: Vec<usize> = (0..p).filter(|j| basis.scale[*j].1 > 0.0).collect();
        let chosen = basis.partners(data, varying.clone(), params.most_products);
        basis.pairs = pairs(&chosen);
        basis.note = basis.describe(varying.len());
        basis
    }

    /// The columns to be multiplied with each other, ascending.
    fn partners(&self, data: &Counted, varying: Vec<usize>, most: usize) -> Vec<usize> {
        if varying.len() * varying.len().saturating_sub(1) / 2 <= most {
            return varying;
        }
        // The most columns whose pairs, q(q − 1)/2, are within the limit.
        let count = (0..=varying.len()).rev().find(|q| q * q.saturating_sub(1) / 2 <= most).unwrap_or(0);
        let mut ranked: Vec<(f64, usize)> = varying.into_iter().map(|j| (self.relevance(data, j), j)).collect();
        // Ties go to the earlier column.
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let mut chosen: Vec<usize> = ranked.into_iter().take(count).map(|(_, j)| j).collect();
        chosen.sort_unstable();
        chosen
    }

    /// Largest squared correlation of the response with the column or one of its splines.
    fn relevance(&self, data: &Counted, j: usize) -> f64 {
        let (y_mean, y_sd) = moments(data.y.iter().copied(), &data.w);
        let of = |values: &[f64]| {
            let (mean, sd) = moments(values.iter().copied(), &data.w);
            if sd == 0.0 || y_sd == 0.0 {
                return 0.0;
            }
            let products = values.iter().zip(&data.y).zip(&data.w).map(|((v, y), w)| w * (v - mean) * (y - y_mean));
            // The weights have mean one: n is their sum.
            (products.sum::<f64>() / data.n() as f64 / sd / y_sd).powi(2)
        };
        let column = data.x.column(j).to_vec();
        let splines = self.splines[j].iter().flat_map(|s| (0..s.len()).map(move |c| (s, c)));
        splines.map(|(s, c)| of(&column.iter().map(|v| s.value(c, *v)).collect::<Vec<_>>())).fold(of(&column), f64::max)
    }

    fn describe(&self, varying: usize) -> String {
        let splines: usize = self.splines.iter().flatten().map(Spline::len).sum();
        let all = varying * varying.saturating_sub(1) / 2;
        let left_out = match all - self.pairs.len() {
            0 => String::new(),
            _ => ", those among the columns most correlated with the response".to_owned(),
        };
        format!(
            "{} columns expanded by {} spline columns and {} of {} products of pairs{left_out}",
            grouped(self.splines.len()),
            grouped(splines),
            grouped(self.pairs.len()),
            grouped(all)
        )
    }

    /// One sentence on the columns added.
    #[must_use]
    pub fn note(&self) -> &str {
        &self.note
    }

    /// Number of columns after expansion.
    #[must_use]
    pub fn len(&self) -> usize {
        self.splines.len() + self.splines.iter().flatten().map(Spline::len).sum::<usize>() + self.pairs.len()
    }

    /// The expanded columns at m rows `x` (m × p): the columns, their splines, the products.
    #[must_use]
    pub fn expand(&self, x: ArrayView2<'_, f64>) -> Array2<f64> {
        let mut out = Array2::zeros((x.nrows(), self.len()));
        for (row, mut target) in x.outer_iter().zip(out.outer_iter_mut()) {
            let mut next = 0;
            let mut put = |v: f64| {
                target[next] = v;
                next += 1;
            };
            row.iter().for_each(|v| put(*v));
            for (v, spline) in row.iter().zip(&self.splines) {
                spline.iter().flat_map(|s| (0..s.len()).map(move |c| s.value(c, *v))).for_each(&mut put);
            }
            // Asked only of columns in pairs, which vary: no division by zero.
            let z = |j: usize| (row[j] - self.scale[j].0) / self.scale[j].1;
            self.pairs.iter().for_each(|(a, b)| put(z(*a) * z(*b)));
        }
        out
    }
}

fn pairs(columns: &[usize]) -> Vec<(usize, usize)> {
    columns.iter().enumerate().flat_map(|(k, a)| columns[k + 1..].iter().map(move |b| (*a, *b))).collect()
}

/// Weighted mean and standard deviation; the latter exactly zero for a constant.
fn moments(mut values: impl Iterator<Item = f64> + Clone, w: &[f64]) -> (f64, f64) {
    let total: f64 = w.iter().sum();
    let all = values.clone();
    let first = values.next().unwrap_or(0.0);
    // About the first value: exact for a constant, and a large offset costs no digits.
    let mean = first + all.clone().zip(w).map(|(v, w)| w * (v - first)).sum::<f64>() / total;
    (mean, (all.zip(w).map(|(v, w)| w * (v - mean).powi(2)).sum::<f64>() / total).sqrt())
}

#[cfg(test)]
mod tests {
    use crate::learners::basis::*;
    use ndarray::Array1;

    #[test]
    fn the_basis_reproduces_a_natural_spline_and_lines_beyond_the_knots() {
        let x = Array1::from_iter((0..200).map(|i| f64::from(i) * 0.05));
        let s = Spline::new(x.view(), 6).unwrap();
        assert_eq!((s.knots.len(), s.len()), (6, 4));
        for c in 0..s.len() {
            for (k, knot) in s.knots.iter().enumerate() {
                let expected = if k == c + 1 { 1.0 } else { 0.0 };
                assert!((s.value(c, *knot) - expected).abs() < 1e-14);
                // Value, slope and curvature are continuous at the knots.
                let d = 1e-4;
                let (l, m, r) = (s.value(c, knot - d), s.value(c, *knot), s.value(c, knot + d));
                assert!((r - 2.0 * m + l).abs() < 20.0 * d * d, "knot {k}");
            }
            for beyond in [-40.0, 50.0] {
                let at = |u: f64| s.value(c, beyond + u);
                assert!((at(-1.0) - 2.0 * at(0.0) + at(1.0)).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn the_cardinal_splines_are_those_of_a_closed_form() {
        // Knots 0, 1, 2 and f = (0, 1, 0): M₂ = −3, so on [0, 1] the spline is x + (x³ − x)(−3)/6 = 1.5x − 0.5x³.
        let s = Spline::new(ndarray::array![0.0, 1.0, 2.0].view(), 5).unwrap();
        for x in [0.0, 0.3, 0.8, 1.0] {
            assert!((s.value(0, x) - (1.5 * x - 0.5 * x * x * x)).abs() < 1e-14);
        }
        assert!((s.value(0, -1.0) + 1.5).abs() < 1e-14);
    }

    #[test]
    fn columns_of_few_values_get_few_splines_and_pairs_are_limited_and_counted() {
        let n = 60;
        let x = Array2::from_shape_fn((n, 5), |(i, j)| match j {
            0 => (i % 2) as f64,
            1 => 7.0,
            2 => (i % 4) as f64,
            _ => ((i * (j + 11)) % 59) as f64,
        });
        let y: Vec<f64> = (0..n).map(|i| x[[i, 3]] + x[[i, 0]]).collect();
        let data = Counted { x: x.clone(), y, w: vec![1.0; n] };
        let all = Basis::new(&data, &BasisParams::default());
        // Columns 0 and 1 have none, column 2 two, the others four each; 4 varying columns have 6 pairs.
        assert_eq!(all.len(), 5 + 2 + 4 + 4 + 6);
        assert_eq!(all.expand(x.view()).dim(), (n, all.len()));
        let few = Basis::new(&data, &BasisParams { most_products: 2, ..BasisParams::default() });
        assert_eq!(few.pairs.len(), 1);
        assert!(few.pairs[0].0 == 3 || few.pairs[0].1 == 3, "{:?}", few.pairs);
        assert!(few.note().contains("1 of 6 products of pairs, those among"), "{}", few.note());
    }
}
