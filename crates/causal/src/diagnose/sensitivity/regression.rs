//! The regression that robustness values belong to, and the partial R² of groups of its terms.
//!
//! ```text
//! y ~ 1 + X + T      coefficient of T: estimate, classical standard error, ν degrees of freedom
//! T ~ 1 + X          how the terms explain treatment
//! R²(·~X_G | rest) = W/(W + df),   W = b_Gᵀ V_G⁻¹ b_G
//! ```
//!
//! W is the Wald statistic of the group G of coefficients b_G with classical covariance V_G. The second line is an
//! identity of least squares, (RSS without G − RSS)/RSS without G, that needs no fit without G. Terms that are constant or a
//! combination of earlier terms have no coefficient; a group with none left explains nothing, and its R² is 0.

use crate::diagnose::sensitivity::SensitivityError;
use crate::diagnose::sensitivity::robustness::TreatmentCoefficient;
use crate::learners::linear;
use crate::learners::linear::LinearFit;
use crate::numerics::linalg::Cholesky;
use crate::sample::Sample;
use ndarray::{Array1, Array2, Axis, concatenate};

/// No term of a design can be called this: it is not in the grammar of terms without backticks.
const TREATMENT: &str = "(treatment)";

/// Above this f the residual is rounding: partial R² of treatment within 1e-12 of one.
const PERFECT_F: f64 = 1e6;

/// Both regressions on one sample.
#[derive(Debug, Clone)]
pub struct TreatmentRegression {
    /// The coefficient of treatment in the outcome regression.
    pub coefficient: TreatmentCoefficient,
    outcome: LinearFit,
    treatment: LinearFit,
    names: Vec<String>,
}

/// Partial R² of a group of observed terms.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GroupStrength {
    /// R²(T~X_G | other terms).
    pub r2_treatment: f64,
    /// R²(y~X_G | T, other terms).
    pub r2_outcome: f64,
}

impl TreatmentRegression {
    /// Fits both regressions, with the observation weights of the sample.
    ///
    /// # Errors
    /// A regression that cannot be fitted, treatment that is a linear combination of the terms, or an outcome that the
    /// regression reproduces without error.
    pub fn fit(sample: &Sample) -> Result<Self, SensitivityError> {
        let cov = sample.covariates();
        let t = cov.treated();
        // Without treatment among the terms: the partial R² of a confounder with treatment comes from here.
        let treatment = linear::fit(cov.x(), cov.names(), t, cov.weights())?;
        // Treatment comes last: if the terms determine it, it is treatment that has no coefficient.
        let x = with_treatment(cov.x(), t)?;
        let names: Vec<String> = cov.names().iter().cloned().chain([TREATMENT.to_owned()]).collect();
        let outcome = linear::fit(&x, &names, sample.y(), cov.weights())?;
        let found = outcome.coefficient(TREATMENT).ok_or(SensitivityError::TreatmentDetermined)?;
        let coefficient =
            TreatmentCoefficient { estimate: found.estimate, std_error: found.se_classical, df: outcome.df as f64 };
        // Also where both are zero and f is no number: an outcome that is constant.
        if coefficient.cohen_f().is_nan() || coefficient.cohen_f() > PERFECT_F {
            return Err(SensitivityError::PerfectFit);
        }
        // The critical value of the robustness value has one degree of freedom less, and needs one.
        if outcome.df < 2 {
            return Err(SensitivityError::DegreesOfFreedom { df: outcome.df });
        }
        Ok(Self { coefficient, outcome, treatment, names: cov.names().to_vec() })
    }

    /// Residual degrees of freedom of the outcome regression.
    #[must_use]
    pub fn df(&self) -> usize {
        self.outcome.df
    }

    /// The mean squared residual of the outcome regression under the observation weights of the sample that it was fitted to.
    #[must_use]
    pub fn residual_variance(&self, sample: &Sample) -> f64 {
        let s = sample.covariates().weights_or_ones();
        s.iter().zip(&self.outcome.residuals).map(|(s, r)| s * r * r).sum::<f64>() / s.sum()
    }

    /// The joint partial R² of the terms in `columns` (0-based, of the sample's x) with treatment and with the outcome.
    ///
    /// # Errors
    /// A column that does not exist, or coefficients whose covariance cannot be inverted.
    pub fn strength(&self, columns: &[usize]) -> Result<GroupStrength, SensitivityError> {
        let name = |c: &usize| {
            let missing = SensitivityError::Column { column: *c, columns: self.names.len() };
            self.names.get(*c).map(String::as_str).ok_or(missing)
        };
        let terms = columns.iter().map(name).collect::<Result<Vec<&str>, _>>()?;
        Ok(GroupStrength {
            r2_treatment: partial_r2(&self.treatment, &terms)?,
            r2_outcome: partial_r2(&self.outcome, &terms)?,
        })
    }
}

fn with_treatment(x: &Array2<f64>, t: &Array1<f64>) -> Result<Array2<f64>, SensitivityError> {
    let column = t.view().insert_axis(Axis(1));
    // Lengths were checked when the covariates were made; the shape error cannot occur.
    concatenate(Axis(1), &[x.view(), column]).map_err(|_| SensitivityError::TreatmentDetermined)
}

fn partial_r2(fit: &LinearFit, terms: &[&str]) -> Result<f64, SensitivityError> {
    // By name, not by position: dropped terms have moved the others up.
    let in_group = |(_, c): &(usize, &linear::LinearCoefficient)| terms.contains(&c.term.as_str());
    let group: Vec<_> = fit.coefficients.iter().enumerate().filter(in_group).collect();
    if group.is_empty() {
        return Ok(0.0);
    }
    let index: Vec<usize> = group.iter().map(|(j, _)| *j).collect();
    let se: Array1<f64> = group.iter().map(|(_, c)| c.se_classical).collect();
    // In units of standard errors the covariance is a correlation matrix: well scaled whatever the units of the terms.
    let z: Array1<f64> = group.iter().map(|(_, c)| c.estimate / c.se_classical).collect();
    let covariance = fit.covariance.select(Axis(0), &index).select(Axis(1), &index);
    let correlation = &covariance / &se.view().insert_axis(Axis(1)) / &se;
    let wald = z.dot(&Cholesky::new(&correlation)?.solve(&z)?);
    Ok(wald / (wald + fit.df as f64))
}

#[cfg(test)]
mod tests {
    use crate::diagnose::sensitivity::regression::*;
    use crate::sample::Covariates;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// 60 units, terms a, a², b and a copy 3b − 1 of b; weights in {1, 2, 3}.
    fn sample(weighted: bool) -> Sample {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let mut draw = || rng.random::<f64>();
        let n = 60;
        let (a, b): (Vec<f64>, Vec<f64>) = (0..n).map(|_| (draw(), draw())).unzip();
        let t: Array1<f64> = (0..n).map(|i| f64::from(draw() < 0.3 + 0.4 * a[i])).collect();
        let y: Array1<f64> = (0..n).map(|i| t[i] + 2.0 * a[i] - b[i] + draw()).collect();
        let x = Array2::from_shape_fn((n, 4), |(i, j)| match j {
            0 => a[i],
            1 => a[i] * a[i],
            2 => b[i],
            _ => 3.0 * b[i] - 1.0,
        });
        let names = ["a", "a^2", "b", "copy of b"].map(str::to_owned).to_vec();
        let weights = weighted.then(|| (0..n).map(|i| 1.0 + (i % 3) as f64).collect());
        Sample::new(Covariates::new(x, names, t, weights).expect("covariates"), y).expect("sample")
    }

    /// (RSS without the group − RSS)/RSS without the group, by fitting twice.
    fn by_refitting(y: &Array1<f64>, x: &Array2<f64>, columns: &[usize], weights: Option<&Array1<f64>>) -> f64 {
        let names = |p: usize| (0..p).map(|j| format!("x{j}")).collect::<Vec<_>>();
        let rest: Vec<usize> = (0..x.ncols()).filter(|j| !columns.contains(j)).collect();
        let rss = |x: &Array2<f64>| linear::fit(x, &names(x.ncols()), y, weights).expect("fit").rss;
        1.0 - rss(x) / rss(&x.select(Axis(1), &rest))
    }

    #[test]
    fn the_wald_identity_is_the_drop_in_residual_sum_of_squares() {
        for weighted in [false, true] {
            let s = sample(weighted);
            let regression = TreatmentRegression::fit(&s).expect("fit");
            let (x, w) = (s.covariates().x(), s.covariates().weights());
            let with_t = with_treatment(x, s.covariates().treated()).expect("shape");
            for columns in [vec![0], vec![0, 1], vec![2, 3], vec![1, 2, 3]] {
                let got = regression.strength(&columns).expect("strength");
                let r2_treatment = by_refitting(s.covariates().treated(), x, &columns, w);
                let r2_outcome = by_refitting(s.y(), &with_t, &columns, w);
                assert!((got.r2_treatment - r2_treatment).abs() < 1e-11, "{columns:?}");
                assert!((got.r2_outcome - r2_outcome).abs() < 1e-11, "{columns:?}");
            }
        }
    }

    #[test]
    fn an_aliased_group_explains_nothing_and_an_absent_column_is_refused() {
        let regression = TreatmentRegression::fit(&sample(false)).expect("fit");
        assert_eq!(regression.strength(&[3]), Ok(GroupStrength { r2_treatment: 0.0, r2_outcome: 0.0 }));
        assert_eq!(regression.strength(&[9]), Err(SensitivityError::Column { column: 9, columns: 4 }));
    }

    #[test]
    fn treatment_that_the_terms_determine_is_refused() {
        let s = sample(false);
        let t = s.covariates().treated().clone();
        let x = t.mapv(|t| 5.0 - 2.0 * t).insert_axis(Axis(1));
        let cov = Covariates::new(x, vec!["recoded".into()], t, None).expect("covariates");
        let same = Sample::new(cov, s.y().clone()).expect("sample");
        assert_eq!(TreatmentRegression::fit(&same).err(), Some(SensitivityError::TreatmentDetermined));
    }

    #[test]
    fn an_outcome_without_residual_is_refused() {
        let s = sample(false);
        let y = s.covariates().treated() * 2.0 + s.covariates().x().column(0);
        let exact = Sample::new(s.covariates().clone(), y).expect("sample");
        assert_eq!(TreatmentRegression::fit(&exact).err(), Some(SensitivityError::PerfectFit));
    }
}
