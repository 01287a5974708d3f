//! Numbers as a reader wants them: as many digits as the standard error supports, thousands separated, a true minus sign.

const MINUS: char = '\u{2212}';

/// Decimals such that a standard error shows two significant digits; 0 for large ones, at most 9.
#[must_use]
pub fn decimals(std_error: f64) -> usize {
    if !std_error.is_finite() || std_error <= 0.0 {
        return 3;
    }
    let magnitude = std_error.log10().floor();
    // The cast is of a whole number between 0 and 9.
    (1.0 - magnitude).clamp(0.0, 9.0) as usize
}

/// A value with fixed decimals, thousands separated by commas. Beyond 1e12 or below the last decimal: `1.23e-12`.
#[must_use]
pub fn fixed(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return "not a number".to_owned();
    }
    let too_small = value != 0.0 && decimals >= 9 && value.abs() < 1e-8;
    if value.abs() >= 1e12 || too_small {
        return minus(&format!("{value:.2e}"));
    }
    let digits = format!("{:.*}", decimals, value.abs());
    let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
    // A number that rounds to nothing has no sign: `0.00`, not `−0.00`.
    let negative = value < 0.0 && digits.bytes().any(|b| (b'1'..=b'9').contains(&b));
    let mut out = String::new();
    if negative {
        out.push(MINUS);
    }
    out.push_str(&separated(whole));
    if !fraction.is_empty() {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

fn minus(text: &str) -> String {
    text.replace('-', &MINUS.to_string())
}

fn separated(digits: &str) -> String {
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// A whole number: `16,177`.
#[must_use]
pub fn count(n: usize) -> String {
    separated(&n.to_string())
}

/// `3.44 [2.49, 4.40]`: digits from the standard error. Very small and very large numbers share a power of ten:
/// `333 [235, 431] × 10⁻⁹`.
#[must_use]
pub fn interval(estimate: f64, std_error: f64, lower: f64, upper: f64) -> String {
    let power = common_power(std_error, [estimate, lower, upper]);
    let scale = 10f64.powi(power);
    let d = decimals(std_error / scale);
    let [e, l, u] = [estimate, lower, upper].map(|value| fixed(value / scale, d));
    format!("{e} [{l}, {u}]{}", times_power(power))
}

fn common_power(std_error: f64, values: [f64; 3]) -> i32 {
    let largest = values.into_iter().fold(0.0_f64, |m, v| m.max(v.abs()));
    let unwieldy = decimals(std_error) > 5 || (largest >= 1e7 && std_error >= 1e4);
    let finite = largest.is_finite() && largest > 0.0;
    if unwieldy && finite { 3 * (largest.log10() / 3.0).floor() as i32 } else { 0 }
}

/// ` × 10⁶`; nothing for a power of zero.
#[must_use]
pub fn times_power(power: i32) -> String {
    if power == 0 {
        return String::new();
    }
    let raised: String = power
        .to_string()
        .chars()
        .map(|c| match c.to_digit(10) {
            Some(d) => ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'].get(d as usize).copied().unwrap_or(c),
            None => '⁻',
        })
        .collect();
    format!(" × 10{raised}")
}

/// A value to so many significant digits, without an exponent while it fits.
#[must_use]
pub fn significant(value: f64, digits: usize) -> String {
    if value == 0.0 || !value.is_finite() {
        return fixed(value, 0);
    }
    let magnitude = value.abs().log10().floor();
    let wanted = (digits as f64 - 1.0 - magnitude).clamp(0.0, 9.0) as usize;
    fixed(value, wanted)
}

/// A share as a percentage: `63.1 %`; `< 0.1 %` and `> 99.9 %` rather than a false 0 or 100.
#[must_use]
pub fn percent(share: f64) -> String {
    match share {
        s if s > 0.0 && s < 0.0005 => "< 0.1 %".to_owned(),
        s if s < 1.0 && s > 0.9995 => "> 99.9 %".to_owned(),
        s => format!("{} %", fixed(100.0 * s, 1)),
    }
}

/// A p-value to three decimals.
#[must_use]
pub fn p_value(p: f64) -> String {
    if p < 0.001 { "< 0.001".to_owned() } else { fixed(p, 3) }
}

/// A p-value as it is stated: `p = 0.032`, `p < 0.001`.
#[must_use]
pub fn p_statement(p: f64) -> String {
    if p < 0.001 { format!("p {}", p_value(p)) } else { format!("p = {}", p_value(p)) }
}

/// An effective sample size: whole numbers from 100 on, one decimal below.
#[must_use]
pub fn effective(n: f64) -> String {
    fixed(n, usize::from(n < 100.0))
}

/// The first ten characters of a hash.
#[must_use]
pub fn short_hash(hash: &str) -> String {
    hash.chars().take(10).collect()
}

#[cfg(test)]
mod tests {
    use crate::text::numbers::*;

    #[test]
    fn digits_follow_the_standard_error() {
        assert_eq!(interval(3.440_535, 0.487_07, 2.485_890, 4.395_180), "3.44 [2.49, 4.40]");
        assert_eq!(interval(-8497.516, 583.4, -9641.02, -7354.01), "−8,498 [−9,641, −7,354]");
        assert_eq!(interval(3.33e-7, 5e-8, 2.35e-7, 4.31e-7), "333 [235, 431] × 10⁻⁹");
        assert_eq!(interval(-3.33e9, 5e8, -4.31e9, -2.35e9), "−3.33 [−4.31, −2.35] × 10⁹");
        assert_eq!(
            interval(12_345_678.0, 1.0, 12_345_676.0, 12_345_680.0),
            "12,345,678.0 [12,345,676.0, 12,345,680.0]"
        );
        assert_eq!(interval(1.0, 0.0, 1.0, 1.0), "1.000 [1.000, 1.000]");
    }

    #[test]
    fn tiny_and_huge_numbers_stay_readable() {
        assert_eq!(fixed(-0.000_4, 2), "0.00");
        assert_eq!(fixed(1.5e14, 0), "1.50e14");
        assert_eq!(fixed(-3.0e-11, 9), "−3.00e−11");
        assert_eq!(fixed(f64::NAN, 2), "not a number");
        assert_eq!(significant(0.012_345, 3), "0.0123");
        assert_eq!(significant(1234.5, 3), "1,234");
        assert_eq!(count(1_234_567), "1,234,567");
    }

    #[test]
    fn a_share_is_never_rounded_to_nothing_or_everything() {
        assert_eq!(percent(0.972_059), "97.2 %");
        assert_eq!(percent(0.000_1), "< 0.1 %");
        assert_eq!(percent(0.999_99), "> 99.9 %");
        assert_eq!((percent(0.0), percent(1.0)), ("0.0 %".to_owned(), "100.0 %".to_owned()));
        assert_eq!(p_value(0.000_4), "< 0.001");
    }
}
