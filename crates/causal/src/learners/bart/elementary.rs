//! Logarithm, exponential, gamma and normal functions in plain IEEE arithmetic.
//!
//! The C library picks its `exp` and `log` by the processor it finds, with or without fused multiply-add, and they
//! differ in the last bit. A Markov chain amplifies a last bit into another chain, so the sampler uses these: additions,
//! multiplications and square roots only, hence the same bits on every x86-64 machine. Each is good to about 1e-15
//! relative (tests compare them with the library's).

/// ln 2 in two parts: the first has enough trailing zeros that k · LN2_HIGH is exact.
const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
/// ½ ln 2π.
const HALF_LN_TAU: f64 = 0.918_938_533_204_672_8;

/// ln x of a positive normal number; −∞ for anything smaller.
#[must_use]
pub fn ln(x: f64) -> f64 {
    if x < f64::MIN_POSITIVE {
        return f64::NEG_INFINITY;
    }
    if !x.is_finite() {
        // ln(+∞) and ln(NaN) are themselves.
        return x;
    }
    // x = m·2^k with m in [√½, √2).
    let bits = x.to_bits();
    let mut k = (bits >> 52) as i64 - 1023;
    let mut m = f64::from_bits((bits & 0x000f_ffff_ffff_ffff) | 0x3ff0_0000_0000_0000);
    if m > std::f64::consts::SQRT_2 {
        m *= 0.5;
        k += 1;
    }
    // ln m = 2 artanh s with s = (m − 1)/(m + 1), |s| ≤ 0.172.
    let s = (m - 1.0) / (m + 1.0);
    let q = s * s;
    let odd = [21.0, 19.0, 17.0, 15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0];
    let series = odd.iter().fold(0.0, |sum, d| q * (sum + 1.0 / d));
    let k = k as f64;
    k * LN2_HIGH + (2.0 * (s + s * series) + k * LN2_LOW)
}

/// e^x; 0 below −708 and +∞ above 709.
#[must_use]
pub fn exp(x: f64) -> f64 {
    if x.is_nan() {
        return x;
    }
    // Beyond either bound 2^k is no normal number, and its bits cannot be put together as below.
    if x < -708.0 {
        return 0.0;
    }
    if x > 709.0 {
        return f64::INFINITY;
    }
    let k = (x * std::f64::consts::LOG2_E).round();
    // In two steps: k · LN2_HIGH is exact, so the cancellation with x costs no digits.
    let r = (x - k * LN2_HIGH) - k * LN2_LOW;
    // Taylor series on |r| ≤ 0.347 to r¹³, from the far end.
    let series = (1..=13).rev().fold(1.0, |sum, d| 1.0 + r * sum / f64::from(d));
    series * f64::from_bits(((1023 + k as i64) as u64) << 52)
}

/// ln Γ(x) for x > 0: Stirling's series from x ≥ 10, reached by Γ(x + 1) = x Γ(x).
#[must_use]
pub fn ln_gamma(mut x: f64) -> f64 {
    let mut product = 1.0;
    while x < 10.0 {
        product *= x;
        x += 1.0;
    }
    let i = 1.0 / (x * x);
    let series = 1.0 / 12.0
        - i * (1.0 / 360.0 - i * (1.0 / 1260.0 - i * (1.0 / 1680.0 - i * (1.0 / 1188.0 - i * 691.0 / 360_360.0))));
    (x - 0.5) * ln(x) - x + HALF_LN_TAU + series / x - ln(product)
}

/// Φ(z): Hart's rational approximation as given by West (2005, Wilmott Magazine, "Better approximations to cumulative
/// normal functions"), absolute error below 1e-15.
#[must_use]
pub fn normal_cdf(z: f64) -> f64 {
    const TOP: [f64; 7] = [
        3.526_249_659_989_11e-2,
        0.700_383_064_443_688,
        6.373_962_203_531_65,
        33.912_866_078_383,
        // One logarithm of the product, not one for each step.
        112.079_291_497_871,
        221.213_596_169_931,
        220.206_867_912_376,
    ];
    const BOTTOM: [f64; 8] = [
        8.838_834_764_831_84e-2,
        1.755_667_163_182_64,
        16.064_177_579_207,
        86.780_732_202_946_1,
        296.564_248_779_674,
        637.333_633_378_831,
        793.826_512_519_948,
        440.413_735_824_752,
    ];
    let x = z.abs();
    let density = exp(-0.5 * x * x);
    let horner = |c: &[f64]| c.iter().fold(0.0, |sum, c| sum * x + c);
    let tail = if x < 7.071_067_811_865_475 {
        density * horner(&TOP) / horner(&BOTTOM)
    } else {
        let fraction = (1..=4).rev().fold(x + 0.65, |below, k| x + f64::from(k) / below);
        density / fraction / 2.506_628_274_631
    };
    // The tail is computed for −|z|: the small side keeps its digits.
    if z > 0.0 { 1.0 - tail } else { tail }
}

/// The point that a χ² variable with `df` > 0 degrees of freedom stays below with probability `p` in (0, 1), by
/// bisection on the power series of the incomplete gamma function (Abramowitz & Stegun 6.5.29).
#[must_use]
pub fn chi_square_quantile(df: f64, p: f64) -> f64 {
    let a = 0.5 * df;
    let below = |x: f64| {
        let (mut term, mut sum, mut d) = (1.0 / a, 1.0 / a, a);
        // All terms are positive: the series loses nothing to cancellation.
        while term > 1e-17 * sum {
            d += 1.0;
            term *= x / d;
            sum += term;
        }
        sum * exp(a * ln(x) - x - ln_gamma(a))
    };
    let (mut low, mut high) = (0.0, 1.0);
    // The second condition ends the search for a p so near 1 that rounding keeps the function below it.
    while below(high) < p && high < 300.0 + 10.0 * a {
        high *= 2.0;
    }
    // More halvings than a double has bits: the interval is down to rounding.
    for _ in 0..120 {
        let middle = 0.5 * (low + high);
        if below(middle) < p { low = middle } else { high = middle }
    }
    // Twice the middle: `below` is the gamma distribution of scale 1, and a χ² variable is two of those.
    low + high
}

#[cfg(test)]
mod tests {
    use crate::learners::bart::elementary::*;
    use crate::numerics::distributions;
    use statrs::distribution::{ChiSquared, ContinuousCDF};

    fn close(ours: f64, reference: f64, relative: f64) {
        assert!((ours - reference).abs() <= relative * (1e-3 + reference.abs()), "{ours} for {reference}");
    }

    #[test]
    fn they_agree_with_the_library() {
        for k in 0..4000 {
            let x = 1e-9 * 1.013_f64.powi(k);
            close(ln(x), x.ln(), 1e-15);
            // Near 1 and 2 the terms of Stirling's series, of size 15, cancel.
            let reference = statrs::function::gamma::ln_gamma(x);
            assert!((ln_gamma(x) - reference).abs() < 3e-14 + 1e-13 * reference.abs());
            let t = -30.0 + 0.015 * f64::from(k);
            assert!((exp(t) / t.exp() - 1.0).abs() < 1e-15 * (1.0 + t.abs()));
            let z = -9.0 + 0.0045 * f64::from(k);
            assert!((normal_cdf(z) - distributions::normal_cdf(z)).abs() < 1e-14, "{z}");
        }
        assert_eq!((ln(0.0), exp(-1e9), exp(1e9)), (f64::NEG_INFINITY, 0.0, f64::INFINITY));
        for (df, p) in [(3.0, 0.1), (3.0, 0.25), (10.0, 0.1), (0.7, 0.5)] {
            close(chi_square_quantile(df, p), ChiSquared::new(df).unwrap().inverse_cdf(p), 1e-7);
        }
        // The 10 % point with three degrees of freedom, from tables.
        close(chi_square_quantile(3.0, 0.1), 0.584_374_374_155_183, 1e-13);
    }
}
