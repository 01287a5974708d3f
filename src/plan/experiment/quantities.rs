//! Durations, amounts and days, as a plan writes them.

use super::Amount;

/// The days of `14d`, `12h` or `2w`, perhaps with a minus.
pub(super) fn days_of(text: &str) -> Option<f64> {
    let text = text.trim();
    let (number, unit) = text.split_at(text.len().checked_sub(1).filter(|at| text.is_char_boundary(*at))?);
    let days = match unit {
        "d" => 1.0,
        "h" => 1.0 / 24.0,
        "w" => 7.0,
        _ => return None,
    };
    finite(number).map(|number| number * days)
}

/// `20`, or `1%`.
pub(super) fn amount_of(text: &str) -> Option<Amount> {
    let text = text.trim();
    let amount = match text.split_once('%') {
        Some((share, "")) => Amount::Relative(finite(share)? / 100.0),
        Some(_) => return None,
        None => Amount::Absolute(finite(text)?),
    };
    let (Amount::Absolute(size) | Amount::Relative(size)) = amount;
    (size > 0.0).then_some(amount)
}

/// A number of digits, with a sign and a fraction at most: neither `inf` nor `nan` is one.
pub(super) fn finite(text: &str) -> Option<f64> {
    text.trim().parse::<f64>().ok().filter(|number| number.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_amounts() {
        for (text, days) in [("14d", Some(14.0)), ("12h", Some(0.5)), ("2w", Some(14.0)), ("-7d", Some(-7.0))] {
            assert_eq!(days_of(text), days, "{text}");
        }
        for text in ["", "d", "14", "14 days", "infd", "é"] {
            assert_eq!(days_of(text), None, "{text}");
        }
        assert_eq!(amount_of("20"), Some(Amount::Absolute(20.0)));
        assert_eq!(amount_of("1 %"), Some(Amount::Relative(0.01)));
        for text in ["0", "-1", "1%%", "% 1", "nan", "one"] {
            assert_eq!(amount_of(text), None, "{text}");
        }
    }
}
