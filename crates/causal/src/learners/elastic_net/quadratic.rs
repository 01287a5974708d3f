//! A quadratic with an elastic-net penalty, by coordinate descent with an exact finish.
//!
//! ```text
//! minimise over b   −rᵀ(b − a) + ½(b − a)ᵀH(b − a) + Σⱼ (l1ⱼ|bⱼ| + ½ l2ⱼ bⱼ²)
//! coordinate        bⱼ ← soft(Hⱼⱼ bⱼ + uⱼ, l1ⱼ)/(Hⱼⱼ + l2ⱼ),   u = r − H(b − a)
//! finish            (H_AA + diag l2) b_A = (r + Ha)_A − l1 sign(b_A)  on the active set A, cut short where a sign flips
//! ```
//!
//! Coordinate descent finds the active set and its signs; the linear system then gives all digits at once, where
//! descent among correlated columns would need thousands of sweeps.

/// Sweeps over all coordinates, each followed by sweeps over the active ones.
const ACTIVE_SWEEPS: usize = 10;

/// The problem, m coordinates.
pub(crate) struct Quadratic<'a> {
    /// Lower triangle of H, row by row.
    pub(crate) h: &'a [Vec<f64>],
    /// a, the point of expansion.
    pub(crate) start: &'a [f64],
    /// r, minus the gradient at a.
    pub(crate) r: &'a [f64],
    /// Absolute penalties.
    pub(crate) l1: &'a [f64],
    /// Quadratic penalties.
    pub(crate) l2: &'a [f64],
}

/// A point b and u = r − H(b − a) there.
struct State {
    b: Vec<f64>,
    u: Vec<f64>,
}

impl Quadratic<'_> {
    fn h(&self, j: usize, k: usize) -> f64 {
        self.h[j.max(k)][j.min(k)]
    }

    /// The minimiser, with every optimality condition met to `tolerance`, or as near as `max_rounds` rounds came. The
    /// caller checks the conditions at the result against the data, so that nothing depends on this alone.
    pub(crate) fn minimise(&self, tolerance: f64, max_rounds: usize) -> Vec<f64> {
        let mut s = State { b: self.start.to_vec(), u: self.r.to_vec() };
        let all: Vec<usize> = (0..self.start.len()).collect();
        for round in 0..max_rounds {
            self.sweep(&mut s, &all);
            if self.violation(&s) <= tolerance {
                break;
            }
            // A coordinate without an absolute penalty, such as the intercept, is active even at zero.
            let active: Vec<usize> = all.iter().copied().filter(|j| s.b[*j] != 0.0 || self.l1[*j] == 0.0).collect();
            for _ in 0..ACTIVE_SWEEPS {
                self.sweep(&mut s, &active);
            }
            // The first round is left to descent: the system is exact only once the signs are right.
            if round > 0 {
                self.finish(&mut s);
            }
        }
        s.b
    }

    fn sweep(&self, s: &mut State, set: &[usize]) {
        for &j in set {
            let hjj = self.h[j][j];
            let curvature = hjj + self.l2[j];
            // A column of zeros without a penalty has any coefficient; it keeps the one it has.
            if curvature <= 0.0 {
                continue;
            }
            let to = soft(hjj * s.b[j] + s.u[j], self.l1[j]) / curvature;
            let step = to - s.b[j];
            if step != 0.0 {
                s.b[j] = to;
                // The row of H left of the diagonal is stored; below it, the column.
                s.u[..=j].iter_mut().zip(&self.h[j]).for_each(|(u, h)| *u -= step * h);
                s.u[j + 1..].iter_mut().zip(&self.h[j + 1..]).for_each(|(u, row)| *u -= step * row[j]);
            }
        }
    }

    /// Largest violation of the optimality conditions.
    fn violation(&self, s: &State) -> f64 {
        (0..s.b.len()).fold(0.0, |most: f64, j| most.max(violation(s.u[j], s.b[j], self.l1[j], self.l2[j])))
    }

    /// Moves to the minimiser on the active set with the present signs, or up to the first sign that would flip.
    fn finish(&self, s: &mut State) {
        let active: Vec<usize> = (0..s.b.len()).filter(|j| s.b[*j] != 0.0 || self.l1[*j] == 0.0).collect();
        // Stationarity on A: (H_AA + L2) step = u_A − l2 b_A − l1 sign(b_A).
        let right = active.iter().map(|&j| s.u[j] - self.l2[j] * s.b[j] - self.l1[j] * sign(s.b[j])).collect();
        let matrix = active
            .iter()
            .enumerate()
            .map(|(a, &j)| {
                let row = active[..=a].iter().map(|&k| self.h(j, k) + if j == k { self.l2[j] } else { 0.0 });
                row.collect()
            })
            .collect();
        let Some(step) = solve_positive_definite(matrix, right) else { return };
        // Only an absolute penalty has a kink at zero; other coordinates may change sign.
        let crosses =
            |(&j, d): (&usize, &f64)| (self.l1[j] > 0.0 && (s.b[j] + d) * s.b[j] < 0.0).then(|| (-s.b[j] / d, j));
        let first = active.iter().zip(&step).filter_map(crosses).min_by(|a, b| a.0.total_cmp(&b.0));
        let share = first.map_or(1.0, |(share, _)| share);
        active.iter().zip(&step).for_each(|(&j, d)| s.b[j] += share * d);
        if let Some((_, j)) = first {
            // To zero exactly, which share · d would miss by rounding.
            s.b[j] = 0.0;
        }
        let moved: Vec<f64> = s.b.iter().zip(self.start).map(|(b, a)| b - a).collect();
        // From the data of the problem, not updated: the errors of many sweeps end here.
        for j in 0..s.u.len() {
            s.u[j] = self.r[j] - (0..s.u.len()).map(|k| self.h(j, k) * moved[k]).sum::<f64>();
        }
    }
}

/// The distance of coordinate `b` with minus-gradient `u` from its optimum.
pub(crate) fn violation(u: f64, b: f64, l1: f64, l2: f64) -> f64 {
    if b == 0.0 { (u.abs() - l1).max(0.0) } else { (u - l2 * b - l1 * sign(b)).abs() }
}

fn sign(b: f64) -> f64 {
    if b == 0.0 { 0.0 } else { b.signum() }
}

fn soft(v: f64, by: f64) -> f64 {
    if v > by {
        v - by
    } else if v < -by {
        v + by
    } else {
        0.0
    }
}

/// The solution of A x = b, A given by the rows of its lower triangle; `None` unless A is safely positive definite.
pub(crate) fn solve_positive_definite(mut a: Vec<Vec<f64>>, mut b: Vec<f64>) -> Option<Vec<f64>> {
    let m = b.len();
    for j in 0..m {
        let (above, rest) = a.split_at_mut(j);
        let row = rest.first_mut()?;
        let diagonal = row[j];
        for (k, other) in above.iter().enumerate() {
            let explained: f64 = row[..k].iter().zip(&other[..k]).map(|(x, y)| x * y).sum();
            row[k] = (row[k] - explained) / other[k];
        }
        let left = diagonal - row[..j].iter().map(|v| v * v).sum::<f64>();
        // Relative to the diagonal; NaN is no pivot either.
        if left.is_nan() || left <= 1e-12 * diagonal {
            return None;
        }
        row[j] = left.sqrt();
        b[j] = (b[j] - row[..j].iter().zip(&b).map(|(l, y)| l * y).sum::<f64>()) / row[j];
    }
    for j in (0..m).rev() {
        b[j] = (b[j] - (j + 1..m).map(|i| a[i][j] * b[i]).sum::<f64>()) / a[j][j];
    }
    b.iter().all(|v| v.is_finite()).then_some(b)
}

#[cfg(test)]
mod tests {
    use crate::learners::elastic_net::quadratic::*;

    #[test]
    fn a_separable_problem_is_soft_thresholding() {
        let h = vec![vec![2.0], vec![0.0, 4.0], vec![0.0, 0.0, 1.0]];
        let q = Quadratic { h: &h, start: &[0.0; 3], r: &[3.0, -0.5, 2.0], l1: &[1.0, 1.0, 0.0], l2: &[0.0, 0.0, 1.0] };
        assert_eq!(q.minimise(1e-14, 10), [1.0, 0.0, 1.0]);
    }

    #[test]
    fn nearly_collinear_coordinates_end_at_the_optimum_all_the_same() {
        let (h, n) = (vec![vec![1.0], vec![0.999_999, 1.0], vec![0.3, 0.3, 1.0]], [0.0; 3]);
        let q = Quadratic { h: &h, start: &n, r: &[1.0, 0.999, -0.4], l1: &[0.0, 1e-4, 1e-4], l2: &n };
        let b = q.minimise(1e-12, 50);
        for j in 0..3 {
            let u = q.r[j] - (0..3).map(|k| q.h(j, k) * b[k]).sum::<f64>();
            assert!(violation(u, b[j], q.l1[j], 0.0) < 1e-9, "{b:?}");
        }
    }

    #[test]
    fn a_singular_system_is_refused() {
        assert_eq!(solve_positive_definite(vec![vec![1.0], vec![1.0, 1.0]], vec![1.0, 1.0]), None);
        assert_eq!(solve_positive_definite(vec![vec![4.0], vec![2.0, 5.0]], vec![2.0, 5.0]), Some(vec![0.0, 1.0]));
    }
}
