//! The numbers of an effect as they are shown, alike in tables, sentences and figures.

use crate::record::experiment::{AnytimeInterval, EffectRow, Estimate, ExperimentResults};
use crate::text::numbers;

/// Stands where there is no number.
pub const NOTHING: &str = "–";

/// `0.42 [0.13, 0.71]`, in units of the metric.
#[must_use]
pub fn absolute(effect: &Estimate) -> String {
    numbers::interval(effect.estimate, effect.std_error, effect.lower, effect.upper)
}

/// `+1.9 % [+0.6, +3.2]`, as a share of the mean under control.
#[must_use]
pub fn relative(share: &Estimate) -> String {
    let digits = numbers::decimals(100.0 * share.std_error).min(3);
    let [estimate, lower, upper] = [share.estimate, share.lower, share.upper].map(|end| signed(100.0 * end, digits));
    format!("{estimate} % [{lower}, {upper}]")
}

/// The relative effect of a row, or a dash.
#[must_use]
pub fn relative_of(row: &EffectRow) -> String {
    row.relative.as_ref().map_or_else(|| NOTHING.to_owned(), relative)
}

/// A day or period as the data name it: `14`, `2.5`.
#[must_use]
pub fn day(day: f64) -> String {
    if day.fract() == 0.0 { numbers::fixed(day, 0).replace(',', "") } else { numbers::significant(day, 4) }
}

/// The relative effect beside the interval that decides: with its interval where that is for one look too, else alone.
#[must_use]
pub fn relative_beside(row: &EffectRow) -> Option<String> {
    let share = row.relative.as_ref()?;
    Some(if row.anytime.is_some() { share_alone(share) } else { relative(share) })
}

/// `0.42 [0.13, 0.71], +1.9 %`: in units of the metric with its interval, and the share of the mean under control.
#[must_use]
pub fn absolute_and_share(row: &EffectRow) -> String {
    let share = row.relative.as_ref().map_or(String::new(), |share| format!(", {}", share_alone(share)));
    format!("{}{share}", absolute(&row.effect))
}

/// `+1.9 %`
fn share_alone(share: &Estimate) -> String {
    let digits = numbers::decimals(100.0 * share.std_error).min(3);
    format!("{} %", signed(100.0 * share.estimate, digits))
}

/// The confidence sequence of an effect: `[0.02, 0.82]`.
#[must_use]
pub fn sequence(anytime: &AnytimeInterval, effect: &Estimate) -> String {
    let digits = numbers::decimals(effect.std_error);
    let [lower, upper] = [anytime.lower, anytime.upper].map(|end| numbers::fixed(end, digits));
    format!("[{lower}, {upper}]")
}

/// The interval that decides: the confidence sequence where looks are free, else that for one look.
#[must_use]
pub fn deciding(row: &EffectRow) -> Estimate {
    match &row.anytime {
        Some(anytime) => Estimate { lower: anytime.lower, upper: anytime.upper, ..row.effect },
        None => row.effect,
    }
}

/// A p-value or a dash.
#[must_use]
pub fn p(value: Option<f64>) -> String {
    value.map_or_else(|| NOTHING.to_owned(), numbers::p_value)
}

/// A value in the digits of a standard error.
#[must_use]
pub fn value(value: f64, std_error: f64) -> String {
    let digits = numbers::decimals(std_error);
    if digits <= 5 { numbers::fixed(value, digits) } else { numbers::significant(value, 4) }
}

/// A number with its sign, also above zero.
#[must_use]
pub fn signed(value: f64, digits: usize) -> String {
    let shown = numbers::fixed(value, digits);
    let nothing = shown.bytes().all(|b| !(b'1'..=b'9').contains(&b));
    if value > 0.0 && !nothing { format!("+{shown}") } else { shown }
}

/// `95 %`: the planned confidence.
#[must_use]
pub fn level(results: &ExperimentResults) -> String {
    let level = 100.0 * (1.0 - results.health.design.alpha);
    let digits = (0..3).find(|digits| (level * 10f64.powi(*digits)).fract().abs() < 1e-6).unwrap_or(3);
    // The cast is of a whole number between 0 and 3.
    format!("{} %", numbers::fixed(level, digits as usize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_whole_where_they_can_be() {
        assert_eq!([day(14.0), day(20_260.0), day(2.5)], ["14", "20260", "2.500"]);
    }

    #[test]
    fn a_share_has_its_sign_and_the_digits_of_its_error() {
        let share = Estimate { estimate: 0.019, std_error: 0.0066, lower: 0.0061, upper: 0.0319 };
        assert_eq!(relative(&share), "+1.90 % [+0.61, +3.19]");
        let share = Estimate { estimate: -0.2, std_error: 0.1, lower: -0.4, upper: 0.0 };
        assert_eq!(relative(&share), "−20 % [−40, 0]");
        assert_eq!(signed(0.0004, 1), "0.0");
    }
}
