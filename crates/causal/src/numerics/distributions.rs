//! Normal and Student t distributions, as the estimators and diagnostics use them.

use statrs::distribution::{ContinuousCDF, StudentsT};
use statrs::function::{beta, erf, gamma};

/// The 97.5 % point of the standard normal distribution: half-width of a 95 % interval in standard errors.
pub const Z_975: f64 = 1.959_963_984_540_054;

/// Φ(z), the standard normal distribution function.
#[must_use]
pub fn normal_cdf(z: f64) -> f64 {
    // The tail is computed and the large side is its complement, so that a small probability keeps its relative
    // accuracy.
    let tail = 0.5 * normal_two_sided(z);
    if z > 0.0 { 1.0 - tail } else { tail }
}

/// Two-sided normal p-value of a z statistic, as the upper incomplete gamma function Q(1/2, z²/2): the library's error
/// function is good to 1e-11 only.
#[must_use]
pub fn normal_two_sided(z: f64) -> f64 {
    let x = 0.5 * z * z;
    // At infinity the function refuses its argument, and the p-value is 0; a NaN stays one.
    if x == 0.0 { 1.0 } else { gamma::checked_gamma_ur(0.5, x).unwrap_or(if x.is_nan() { x } else { 0.0 }) }
}

/// Two-sided p-value of Student's t with `df` degrees of freedom; the normal's where `df` is infinite. `None` if the statistic
/// is not a number or `df` is not above 0.
#[must_use]
pub fn t_two_sided(t: f64, df: f64) -> Option<f64> {
    if t.is_nan() || df.is_nan() || df <= 0.0 {
        return None;
    }
    if df.is_infinite() {
        return Some(normal_two_sided(t));
    }
    // P(|T| > t) = I_{df/(df + t²)}(df/2, 1/2), which keeps the digits of a small p-value.
    let x = df / (df + t * t);
    Some(if t.is_infinite() { 0.0 } else { beta::checked_beta_reg(0.5 * df, 0.5, x).unwrap_or(1.0) })
}

/// P(F > x) with `d1` and `d2` degrees of freedom. `None` if `x` is not a number, or a degree is not above 0.
#[must_use]
pub fn f_upper(x: f64, d1: f64, d2: f64) -> Option<f64> {
    if x.is_nan() || !(d1 > 0.0 && d2 > 0.0) {
        return None;
    }
    if x <= 0.0 {
        return Some(1.0);
    }
    let share = d2 / (d2 + d1 * x);
    Some(if x.is_infinite() { 0.0 } else { beta::checked_beta_reg(0.5 * d2, 0.5 * d1, share).unwrap_or(1.0) })
}

/// Quantile of the beta distribution, by bisection on its distribution function. `None` unless 0 < p < 1 and both parameters are
/// above 0.
#[must_use]
pub fn beta_quantile(p: f64, a: f64, b: f64) -> Option<f64> {
    if !(p > 0.0 && p < 1.0 && a > 0.0 && b > 0.0) {
        return None;
    }
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    // Each step halves the interval; 60 leave less than rounding.
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if beta::checked_beta_reg(a, b, middle).ok()? < p { low = middle } else { high = middle }
    }
    Some(0.5 * (low + high))
}

/// P(χ² > x) with `df` degrees of freedom. `None` if `x` is not a number, or there are none.
#[must_use]
pub fn chi_squared_upper(x: f64, df: usize) -> Option<f64> {
    if x.is_nan() || df == 0 {
        return None;
    }
    // At infinity and below zero the function refuses its argument.
    let half = 0.5 * x;
    Some(if half <= 0.0 { 1.0 } else { gamma::checked_gamma_ur(0.5 * df as f64, half).unwrap_or(0.0) })
}

/// Φ⁻¹(p). `None` unless 0 < p < 1.
#[must_use]
pub fn normal_quantile(p: f64) -> Option<f64> {
    // By erfc: 2p keeps the digits of a small p, which 1 − 2p would round away.
    (p > 0.0 && p < 1.0).then(|| -std::f64::consts::SQRT_2 * erf::erfc_inv(2.0 * p))
}

/// Quantile of Student's t with `df` degrees of freedom. `None` unless 0 < p < 1 and `df` is positive and finite.
///
/// The library's inverse is refined with Newton steps on the distribution function, to about 1e-14.
#[must_use]
pub fn t_quantile(p: f64, df: f64) -> Option<f64> {
    use statrs::distribution::Continuous;
    if !(p > 0.0 && p < 1.0 && df.is_finite()) {
        return None;
    }
    let t = StudentsT::new(0.0, 1.0, df).ok()?;
    let mut q = t.inverse_cdf(p);
    // Each step doubles the digits of an inverse that is good to a few.
    for _ in 0..3 {
        // Far out the density underflows to zero; the inverse stays as it is rather than becoming infinite.
        let density = t.pdf(q);
        if density > 0.0 {
            q -= (t.cdf(q) - p) / density;
        }
    }
    Some(q)
}

#[cfg(test)]
mod tests {
    use crate::numerics::distributions::*;

    /// The 95 % points of the tables.
    #[test]
    fn chi_squared_is_that_of_tables() {
        for (x, df, expected) in [(3.841_458_820_694_124, 1, 0.05), (12.591_587_243_743_977, 6, 0.05), (0.0, 3, 1.0)] {
            assert!((chi_squared_upper(x, df).unwrap() - expected).abs() < 1e-12);
        }
        // With two degrees of freedom it is exp(-x/2).
        assert!((chi_squared_upper(30.0, 2).unwrap() / (-15.0_f64).exp() - 1.0).abs() < 1e-12);
        assert_eq!(chi_squared_upper(f64::INFINITY, 2), Some(0.0));
        assert_eq!((chi_squared_upper(f64::NAN, 2), chi_squared_upper(1.0, 0)), (None, None));
    }

    #[test]
    fn normal_values_agree_with_published_digits() {
        assert!((normal_cdf(1.0) - 0.841_344_746_068_542_9).abs() < 1e-14);
        assert!((normal_quantile(0.975).unwrap() - Z_975).abs() < 1e-12);
        assert!((normal_two_sided(Z_975) - 0.05).abs() < 1e-14);
        // P(|Z| > 8) = 1.244192114854e-15 by the C library.
        assert!((normal_two_sided(8.0) / 1.244_192_114_854_357e-15 - 1.0).abs() < 1e-10);
        assert_eq!((normal_two_sided(0.0), normal_two_sided(f64::NEG_INFINITY)), (1.0, 0.0));
        assert!(normal_cdf(f64::NAN).is_nan());
        assert_eq!(normal_quantile(1.0), None);
    }

    #[test]
    fn tails_of_t_and_f_are_those_of_tables_and_of_each_other() {
        // The 97.5 % points of the tables; F(1, ν) is t² with ν.
        for (t, df) in [(12.706_204_736_174_694, 1.0), (2.228_138_851_986_274, 10.0), (Z_975, f64::INFINITY)] {
            let p = t_two_sided(t, df).unwrap();
            assert!((p - 0.05).abs() < 1e-12, "{df}: {p}");
        }
        assert!((f_upper(2.5 * 2.5, 1.0, 17.0).unwrap() - t_two_sided(2.5, 17.0).unwrap()).abs() < 1e-14);
        // F(2, ν) has the closed form (1 + 2x/ν)^(−ν/2).
        assert!((f_upper(3.0, 2.0, 8.0).unwrap() - (1.0_f64 + 6.0 / 8.0).powi(-4)).abs() < 1e-14);
        assert_eq!((t_two_sided(f64::INFINITY, 3.0), t_two_sided(1.0, 0.0)), (Some(0.0), None));
        assert_eq!((f_upper(0.0, 1.0, 1.0), f_upper(f64::NAN, 1.0, 1.0)), (Some(1.0), None));
    }

    #[test]
    fn beta_quantiles_are_those_of_closed_forms() {
        // Beta(1, n) has 1 − (1 − x)ⁿ; Beta(n, 1) has xⁿ.
        assert!((beta_quantile(0.975, 1.0, 20.0).unwrap() - (1.0 - 0.025_f64.powf(0.05))).abs() < 1e-13);
        assert!((beta_quantile(0.5, 3.0, 1.0).unwrap() - 0.5_f64.powf(1.0 / 3.0)).abs() < 1e-13);
        assert_eq!((beta_quantile(1.0, 1.0, 1.0), beta_quantile(0.5, 0.0, 1.0)), (None, None));
    }

    #[test]
    fn student_with_one_degree_is_cauchy() {
        // F⁻¹(p) = tan((p − ½) π) for the Cauchy distribution.
        assert!((t_quantile(0.75, 1.0).unwrap() - 1.0).abs() < 1e-14);
        let exact = (0.475 * std::f64::consts::PI).tan();
        assert!((t_quantile(0.975, 1.0).unwrap() - exact).abs() < 1e-10 * exact);
        assert_eq!(t_quantile(0.5, f64::NAN), None);
    }
}
