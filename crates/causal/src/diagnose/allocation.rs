//! Does the allocation of a randomised treatment look like the one that was declared?
//!
//! With eᵢ the declared chance of treatment of unit i, Tᵢ its arm and Z the n × k standardised covariates that are no
//! combination of others, centred by their means under e(1 − e):
//!
//! ```text
//! sample ratio   z = (|Σ (Tᵢ − eᵢ)| − ½) / √Σ eᵢ(1 − eᵢ)                          two-sided, normal, corrected for continuity
//! covariates     S = Zᵀ(T − e),   Q = Sᵀ [Zᵀ diag(e(1 − e)) Z]⁻¹ S                 the score test of a logistic regression
//! ```
//!
//! Q is held against χ² with k degrees of freedom; with fewer than 30 units of the smaller arm for each covariate against 1,999
//! allocations drawn as declared: the same number of treated among all units where eᵢ is one share, independent coins where it
//! is not. Units of one cluster are allocated together: both variances are then those of the sums over clusters.
//!
//! References: Fabijan et al. (2019), doi:10.1145/3292500.3330722 (sample ratio mismatch); Hansen & Bowers (2008),
//! doi:10.1214/08-STS254 (a joint test of balance); Rao (1948), doi:10.1017/S0305004100023987 (score tests).

use crate::numerics::distributions::{chi_squared_upper, normal_two_sided};
use crate::numerics::linalg::{Cholesky, LinalgError, independent_columns};
use crate::numerics::products;
use crate::numerics::streams;
use crate::sample::Covariates;
use ndarray::{Array1, Array2};
use rand::RngExt;
use serde::{Deserialize, Serialize};

/// Allocations drawn where χ² is not to be trusted.
const DRAWS: usize = 1_999;
/// Units of the smaller arm for each covariate from which on it is.
const UNITS_PER_COLUMN: usize = 30;
/// The most random numbers that are drawn for it.
const MOST_NUMBERS: usize = 400_000_000;
/// A column of which others leave no more than this is their combination.
const ALIASED: f64 = 1e-8;

/// The audit of an allocation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AllocationReport {
    /// Units.
    pub units: usize,
    /// Treated among them.
    pub treated: usize,
    /// Treated that the declared chances expect.
    pub expected: f64,
    /// p-value of the sample ratio.
    pub p_ratio: f64,
    /// Covariates tested together.
    pub covariates: usize,
    /// Q.
    pub statistic: f64,
    /// Its p-value; 1 without covariates.
    pub p_covariates: f64,
    /// True if the p-value is by drawn allocations.
    pub drawn: bool,
}

/// Holds the arms of `cov` against the n declared chances `e`, each strictly between 0 and 1.
///
/// # Errors
/// [`LinalgError`] if the covariates have no covariance to hold them against.
pub fn allocation(cov: &Covariates, e: &Array1<f64>, seed: u64) -> Result<AllocationReport, LinalgError> {
    let residuals = cov.treated() - e;
    let variance = e.mapv(|e| e * (1.0 - e));
    let z = centred(cov.x(), &variance);
    let groups = Groups::new(cov);
    let off = (residuals.sum().abs() - 0.5).max(0.0);
    let p_ratio = normal_two_sided(off / groups.variance(&residuals, &variance).sqrt());
    let (statistic, p_covariates, drawn) = if z.ncols() == 0 {
        (0.0, 1.0, false)
    } else {
        let gram = groups.gram(&z, &residuals, &variance);
        let factor = Cholesky::new(&gram)?;
        let statistic = quadratic(&factor, &z.t().dot(&residuals))?;
        let smaller = cov.n_treated().min(cov.n_control());
        let draws = Draws { z: &z, e, treated: cov.n_treated(), factor: &factor, seed };
        match draws.p_value(statistic, smaller, cov.clusters().is_some())? {
            Some(p) => (statistic, p, true),
            None => (statistic, chi_squared_upper(statistic, z.ncols()).unwrap_or(f64::NAN), false),
        }
    };
    Ok(AllocationReport {
        units: cov.n(),
        treated: cov.n_treated(),
        expected: e.sum(),
        p_ratio,
        covariates: z.ncols(),
        statistic,
        p_covariates,
        drawn,
    })
}

/// The independent columns of `x`, less their means under the weights `w`, in units of their spread.
fn centred(x: &Array2<f64>, w: &Array1<f64>) -> Array2<f64> {
    let total = w.sum();
    let mut z = x.to_owned();
    for mut column in z.columns_mut() {
        let mean = column.iter().zip(w).map(|(x, w)| x * w).sum::<f64>() / total;
        let spread = (column.iter().zip(w).map(|(x, w)| w * (x - mean).powi(2)).sum::<f64>() / total).sqrt();
        // Rounding of a constant is no spread.
        let constant = spread <= 1e-12 * mean.abs() || spread == 0.0;
        column.mapv_inplace(|x| if constant { 0.0 } else { (x - mean) / spread });
    }
    let kept = independent_columns(products::gram(&z).view(), ALIASED);
    z.select(ndarray::Axis(1), &kept)
}

fn quadratic(factor: &Cholesky, s: &Array1<f64>) -> Result<f64, LinalgError> {
    Ok(s.dot(&factor.solve(s)?))
}

/// Units that were allocated together.
struct Groups<'a> {
    clusters: Option<&'a Array1<usize>>,
    count: usize,
}

impl<'a> Groups<'a> {
    fn new(cov: &'a Covariates) -> Self {
        let clusters = cov.clusters();
        let count = clusters.and_then(|c| c.iter().max()).map_or(0, |most| most + 1);
        Groups { clusters, count }
    }

    fn variance(&self, residuals: &Array1<f64>, variance: &Array1<f64>) -> f64 {
        let Some(clusters) = self.clusters else { return variance.sum() };
        let mut sums = vec![0.0; self.count];
        clusters.iter().zip(residuals).for_each(|(cluster, r)| sums[*cluster] += r);
        sums.iter().map(|sum| sum * sum).sum()
    }

    fn gram(&self, z: &Array2<f64>, residuals: &Array1<f64>, variance: &Array1<f64>) -> Array2<f64> {
        let scaled = |scale: Array1<f64>| z * &scale.insert_axis(ndarray::Axis(1));
        let Some(clusters) = self.clusters else {
            let half = scaled(variance.mapv(f64::sqrt));
            return products::gram(&half);
        };
        let mut sums = Array2::<f64>::zeros((self.count, z.ncols()));
        for ((row, r), cluster) in z.rows().into_iter().zip(residuals).zip(clusters) {
            sums.row_mut(*cluster).scaled_add(*r, &row);
        }
        products::gram(&sums)
    }
}

/// Allocations drawn as declared.
struct Draws<'a> {
    z: &'a Array2<f64>,
    e: &'a Array1<f64>,
    treated: usize,
    factor: &'a Cholesky,
    seed: u64,
}

impl Draws<'_> {
    /// The p-value by drawn allocations; `None` where χ² is as good, or nothing can be drawn.
    fn p_value(&self, statistic: f64, smaller: usize, clustered: bool) -> Result<Option<f64>, LinalgError> {
        let n = self.e.len();
        let one_share = self.e.iter().all(|e| *e == self.e[0]);
        let numbers = DRAWS * if one_share { smaller } else { n };
        if clustered || smaller >= UNITS_PER_COLUMN * self.z.ncols() || numbers > MOST_NUMBERS {
            return Ok(None);
        }
        let mut rng = streams::stream(self.seed, "diagnose.allocation");
        let mut order: Vec<usize> = (0..n).collect();
        let everyone = self.z.sum_axis(ndarray::Axis(0));
        let expected = self.z.t().dot(self.e);
        let mut as_large = 1_usize;
        for _ in 0..DRAWS {
            let mut score = Array1::<f64>::zeros(self.z.ncols());
            if one_share {
                // The first of a shuffled deck, the smaller arm; the other is the rest.
                for i in 0..smaller {
                    order.swap(i, rng.random_range(i..n));
                    score += &self.z.row(order[i]);
                }
                if smaller != self.treated {
                    score = &everyone - &score;
                }
            } else {
                for i in 0..n {
                    if rng.random::<f64>() < self.e[i] {
                        score += &self.z.row(i);
                    }
                }
            }
            as_large += usize::from(quadratic(self.factor, &(score - &expected))? >= statistic);
        }
        Ok(Some(as_large as f64 / (DRAWS + 1) as f64))
    }
}

#[cfg(test)]
mod tests {
    use crate::diagnose::allocation::*;
    use crate::numerics::distributions::normal_quantile;
    use rand_chacha::ChaCha8Rng;

    fn draw(rng: &mut ChaCha8Rng, n: usize, e: &dyn Fn(f64) -> f64) -> (Covariates, Vec<f64>) {
        let x = Array2::from_shape_fn((n, 4), |(_, j)| {
            let z = normal_quantile(rng.random::<f64>().clamp(1e-9, 1.0 - 1e-9)).unwrap();
            if j == 3 { z.exp() } else { z }
        });
        let chances: Vec<f64> = x.column(0).iter().map(|x| e(*x)).collect();
        let t: Array1<f64> = chances.iter().map(|e| f64::from(u8::from(rng.random::<f64>() < *e))).collect();
        let names = (0..4).map(|j| format!("x{j}")).collect();
        (Covariates::new(x, names, t, None).unwrap(), chances)
    }

    /// Of 80 honest coins at most four (1 % are expected) have a p-value below 0.01, and of the loaded ones
    /// nearly all.
    #[test]
    fn an_honest_coin_passes_and_a_loaded_one_does_not() {
        let mut rng = streams::stream(1, "allocation.test");
        for (n, share) in [(2_000, 0.5), (4_000, 0.03), (6_000, 0.005), (1_000, 0.95)] {
            let mut low = [0, 0];
            for seed in 0..80 {
                let (cov, _) = draw(&mut rng, n, &|_| share);
                if cov.n_treated() == 0 {
                    continue;
                }
                let report = allocation(&cov, &Array1::from_elem(n, share), seed).unwrap();
                low[0] += usize::from(report.p_ratio < 0.01);
                low[1] += usize::from(report.p_covariates < 0.01);
            }
            assert!(low.iter().all(|low| *low <= 4), "n {n}, share {share}: {low:?}");
        }
        for seed in 0..20 {
            let (cov, _) = draw(&mut rng, 2_000, &|x| 1.0 / (1.0 + (-0.5 * x).exp()));
            let report = allocation(&cov, &Array1::from_elem(2_000, 0.5), seed).unwrap();
            assert!(report.p_covariates < 1e-3 && report.p_ratio > 1e-4, "{report:?}");
            let (cov, _) = draw(&mut rng, 2_000, &|_| 0.45);
            assert!(allocation(&cov, &Array1::from_elem(2_000, 0.53), seed).unwrap().p_ratio < 1e-3);
        }
    }

    /// Chances that differ, as in a design stratified by a score, are no fault.
    #[test]
    fn known_chances_that_differ_are_held_against_themselves() {
        let mut rng = streams::stream(2, "allocation.test");
        let low = (0..200)
            .filter(|seed| {
                let (cov, e) = draw(&mut rng, 500, &|x| if x > 0.0 { 0.1 } else { 0.6 });
                allocation(&cov, &Array1::from(e), *seed).unwrap().p_covariates < 0.01
            })
            .count();
        assert!(low <= 8, "{low} of 200");
    }
}
