//! Non-negative least squares by the active-set method of Lawson & Hanson (1974, Solving Least Squares Problems, ch. 23,
//! doi:10.1137/1.9781611971217).
//!
//! ```text
//! minimise over a ≥ 0   ½ aᵀGa − cᵀa,   G = PᵀWP, c = PᵀWy
//! certificate           c − Ga = 0 where a > 0, and ≤ 0 where a = 0
//! ```

use crate::learners::elastic_net::quadratic::solve_positive_definite;

/// Violations of the certificate up to this share of max |c| are rounding.
const TOLERANCE: f64 = 1e-9;

/// The minimiser for m × m `g` (symmetric, positive semi-definite) and `c`; `None` if the certificate is not reached.
#[must_use]
pub fn non_negative_least_squares(g: &[Vec<f64>], c: &[f64]) -> Option<Vec<f64>> {
    let m = c.len();
    let limit = TOLERANCE * c.iter().fold(0.0_f64, |most, v| most.max(v.abs()));
    let (mut a, mut positive) = (vec![0.0; m], vec![false; m]);
    // Coordinates that are linear combinations of those already in: entering them changes no prediction.
    let mut redundant = vec![false; m];
    let gradient = |a: &[f64]| -> Vec<f64> {
        (0..m).map(|j| c[j] - g[j].iter().zip(a).map(|(g, a)| g * a).sum::<f64>()).collect()
    };
    // Every pass lowers the objective, so no set comes twice; the bound is a guard against rounding.
    for _ in 0..10 * (m + 1) {
        let u = gradient(&a);
        let candidates = (0..m).filter(|j| !positive[*j] && !redundant[*j] && u[*j] > limit);
        // Ties go to the lower index.
        let Some(enter) = candidates.max_by(|i, j| u[*i].total_cmp(&u[*j]).then(j.cmp(i))) else {
            let settled = (0..m).filter(|j| positive[*j]).all(|j| u[j].abs() <= limit);
            return settled.then_some(a);
        };
        positive[enter] = true;
        while let Some(to) = unconstrained(g, c, &positive) {
            let blocking = |j: &usize| positive[*j] && to[*j] <= 0.0;
            // As far as the first coordinate that would turn negative.
            let share = (0..m).filter(blocking).map(|j| a[j] / (a[j] - to[j])).fold(1.0, f64::min);
            // All that reach zero leave together, rounding included: one left behind would block the next step at once.
            let leaving: Vec<usize> =
                (0..m).filter(blocking).filter(|j| a[*j] + share * (to[*j] - a[*j]) <= 1e-14).collect();
            a.iter_mut().zip(&to).for_each(|(a, to)| *a += share * (to - *a));
            if leaving.is_empty() {
                break;
            }
            for j in leaving {
                (a[j], positive[j]) = (0.0, false);
            }
        }
        // It has not moved: the system with it is singular.
        if positive[enter] && a[enter] == 0.0 {
            (positive[enter], redundant[enter]) = (false, true);
        }
    }
    None
}

/// The least-squares solution on the positive set, zero elsewhere; `None` if its matrix is singular.
fn unconstrained(g: &[Vec<f64>], c: &[f64], positive: &[bool]) -> Option<Vec<f64>> {
    let set: Vec<usize> = (0..c.len()).filter(|j| positive[*j]).collect();
    let lower = set.iter().enumerate().map(|(k, i)| set[..=k].iter().map(|j| g[*i][*j]).collect()).collect();
    let solution = solve_positive_definite(lower, set.iter().map(|j| c[*j]).collect())?;
    let mut all = vec![0.0; c.len()];
    set.iter().zip(solution).for_each(|(j, v)| all[*j] = v);
    Some(all)
}

#[cfg(test)]
mod tests {
    use crate::learners::nnls::*;
    use crate::numerics::streams;
    use proptest::prelude::*;
    use rand::RngExt;

    fn problem(p: &[Vec<f64>], y: &[f64]) -> (Vec<Vec<f64>>, Vec<f64>) {
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
        (p.iter().map(|a| p.iter().map(|b| dot(a, b)).collect()).collect(), p.iter().map(|a| dot(a, y)).collect())
    }

    #[test]
    fn by_hand() {
        // y = 2a − b on orthogonal columns: b is held at zero.
        let (g, c) = problem(&[vec![1.0, 0.0, 0.0], vec![0.0, 1.0, 0.0]], &[2.0, -1.0, 5.0]);
        assert_eq!(non_negative_least_squares(&g, &c), Some(vec![2.0, 0.0]));
        // The same column twice: all weight on one of them.
        let (g, c) = problem(&[vec![1.0, 2.0], vec![1.0, 2.0]], &[3.0, 6.0]);
        let a = non_negative_least_squares(&g, &c).unwrap();
        assert!((a[0] - 3.0).abs() < 1e-14 && a[1] == 0.0);
        assert_eq!(non_negative_least_squares(&[vec![1.0]], &[-1.0]), Some(vec![0.0]));
    }

    proptest! {
        #[test]
        fn the_certificate_holds(m in 1_usize..8, seed in 0_u64..500) {
            let mut rng = streams::stream(seed, "nnls.test");
            let mut column = |_| (0..12).map(|_| rng.random::<f64>() - 0.4).collect::<Vec<f64>>();
            let p: Vec<Vec<f64>> = (0..m).map(&mut column).collect();
            let y = column(0);
            let (g, c) = problem(&p, &y);
            let a = non_negative_least_squares(&g, &c).unwrap();
            for j in 0..m {
                let u = c[j] - g[j].iter().zip(&a).map(|(g, a)| g * a).sum::<f64>();
                prop_assert!(a[j] >= 0.0 && u <= 1e-8 && (a[j] == 0.0 || u.abs() <= 1e-8), "{a:?} {u}");
            }
        }
    }
}
