//! Numbers written for people: `1,250`, `$1,250`, `0,25`, `45%`, `(12.50)`.
//!
//! A column is read so only as a whole, in one grammar: an optional sign or brackets for a negative number; the sign of one
//! currency, before or after; a percent sign on all values or on none; digits in groups of three; a decimal mark that is not
//! the mark of the groups. A column that fits both grammars (`1,250` and nothing else) follows the file: a decimal comma
//! where semicolons separate the values, else a comma of thousands.

use crate::schema::ConversionKind;

/// Signs of currencies.
const CURRENCIES: &str = "$€£¥₹";

/// The mark before the decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DecimalMark {
    Point,
    Comma,
}

/// A column of numbers, and the ways in which they were written.
#[derive(Debug, PartialEq)]
pub(crate) struct WrittenNumbers {
    pub(crate) values: Vec<f64>,
    pub(crate) kinds: Vec<ConversionKind>,
}

/// The numbers that all texts are; `None` if one of them is none, or they do not agree on how numbers are written.
pub(crate) fn numbers(texts: &[&str], file: DecimalMark) -> Option<WrittenNumbers> {
    let peeled: Vec<Peeled<'_>> = texts.iter().map(|text| peel(text)).collect::<Option<_>>()?;
    let percent = peeled.iter().filter(|one| one.percent).count();
    let mut currencies: Vec<char> = peeled.iter().filter_map(|one| one.currency).collect();
    currencies.sort_unstable();
    currencies.dedup();
    if (percent > 0 && percent < peeled.len()) || currencies.len() > 1 {
        return None;
    }
    let other = if file == DecimalMark::Point { DecimalMark::Comma } else { DecimalMark::Point };
    let read = |mark: DecimalMark| peeled.iter().map(|one| one.value(mark)).collect::<Option<Vec<Digits>>>();
    let (mark, digits) = [file, other].into_iter().find_map(|mark| Some((mark, read(mark)?)))?;
    let mut kinds = Vec::new();
    if digits.iter().any(|one| one.grouped) {
        kinds.push(ConversionKind::Thousands);
    }
    if mark == DecimalMark::Comma && digits.iter().any(|one| one.decimals) {
        kinds.push(ConversionKind::DecimalComma);
    }
    if !currencies.is_empty() {
        kinds.push(ConversionKind::Currency);
    }
    if percent > 0 {
        kinds.push(ConversionKind::Percent);
    }
    if peeled.iter().any(|one| one.odd_minus) {
        kinds.push(ConversionKind::Negative);
    }
    Some(WrittenNumbers { values: digits.iter().map(|one| one.value).collect(), kinds })
}

/// True if a text is not a plain number, so that reading it as one is a conversion.
pub(crate) fn is_converted(text: &str) -> bool {
    text.trim().parse::<f64>().is_err()
}

/// A text without the signs around its digits.
struct Peeled<'a> {
    digits: &'a str,
    negative: bool,
    odd_minus: bool,
    currency: Option<char>,
    percent: bool,
}

struct Digits {
    value: f64,
    grouped: bool,
    decimals: bool,
}

fn peel(text: &str) -> Option<Peeled<'_>> {
    let mut rest = text.trim();
    let mut negative = false;
    if let Some(inside) = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        (rest, negative) = (inside.trim(), true);
    }
    let odd_minus = negative || rest.contains('\u{2212}');
    let mut currency = None;
    let mut percent = false;
    // A sign may stand before or after that of the currency.
    for _ in 0..2 {
        if let Some(after) = rest.strip_prefix(['-', '\u{2212}']) {
            if negative {
                return None;
            }
            (rest, negative) = (after.trim_start(), true);
        } else if let Some(after) = rest.strip_prefix('+') {
            rest = after.trim_start();
        }
        if let Some(sign) = rest.chars().next().filter(|c| CURRENCIES.contains(*c) && currency.is_none()) {
            currency = Some(sign);
            rest = rest.get(sign.len_utf8()..)?.trim_start();
        }
    }
    if let Some(sign) = rest.chars().next_back().filter(|c| CURRENCIES.contains(*c) && currency.is_none()) {
        currency = Some(sign);
        rest = rest.get(..rest.len() - sign.len_utf8())?.trim_end();
    }
    if let Some(before) = rest.strip_suffix('%') {
        (rest, percent) = (before.trim_end(), true);
    }
    rest.chars().next().filter(char::is_ascii_digit)?;
    Some(Peeled { digits: rest, negative, odd_minus, currency, percent })
}

impl Peeled<'_> {
    fn value(&self, mark: DecimalMark) -> Option<Digits> {
        let (decimal, grouping) = if mark == DecimalMark::Point { ('.', ',') } else { (',', '.') };
        let (whole, decimals) = match self.digits.split_once(decimal) {
            Some((whole, decimals)) => (whole, Some(decimals)),
            None => (self.digits, None),
        };
        let groups_by = whole.chars().find(|c| !c.is_ascii_digit());
        let allowed =
            |c: char| c == grouping || matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}' | '\'' | '\u{2019}');
        if groups_by.is_some_and(|c| !allowed(c)) {
            return None;
        }
        let groups: Vec<&str> = groups_by.map_or(vec![whole], |c| whole.split(c).collect());
        if groups_by.is_some() && !are_groups(&groups) {
            return None;
        }
        let plain = |text: &str| !text.is_empty() && text.len() <= 15 && text.bytes().all(|b| b.is_ascii_digit());
        let joined = groups.concat();
        if !plain(&joined) || decimals.is_some_and(|decimals| !plain(decimals)) {
            return None;
        }
        let value: f64 = format!("{joined}.{}", decimals.unwrap_or("0")).parse().ok()?;
        let value = if self.negative { -value } else { value };
        Some(Digits { value, grouped: groups_by.is_some(), decimals: decimals.is_some() })
    }
}

/// One to three digits that do not begin with a zero, then three each; or two each up to the last three, as in India.
fn are_groups(groups: &[&str]) -> bool {
    let [first, middle @ .., last] = groups else { return false };
    let begins = (1..=3).contains(&first.len()) && !first.starts_with('0');
    let each = |n: usize| middle.iter().all(|group| group.len() == n);
    begins && last.len() == 3 && (each(3) || (each(2) && first.len() <= 2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ConversionKind::{Currency, DecimalComma, Negative, Percent, Thousands};

    #[test]
    fn whole_columns_in_one_grammar() {
        for (texts, expected, kinds) in [
            (&["1,250", "950", "12,500.5"][..], &[1250.0, 950.0, 12500.5][..], &[Thousands][..]),
            (&["$1,250", "$ 5", "-$3.50", "($2)"], &[1250.0, 5.0, -3.5, -2.0], &[Thousands, Currency, Negative]),
            (&["0,25", "1,5", "12"], &[0.25, 1.5, 12.0], &[DecimalComma]),
            (&["1.250,50", "1.000.000"], &[1250.5, 1e6], &[Thousands, DecimalComma]),
            (&["1 250", "12\u{a0}500", "7"], &[1250.0, 12500.0, 7.0], &[Thousands]),
            (&["1'250.5"], &[1250.5], &[Thousands]),
            (&["45%", "7.5 %"], &[45.0, 7.5], &[Percent]),
            (&["12,50 €", "8 €"], &[12.5, 8.0], &[DecimalComma, Currency]),
            (&["1,00,000", "12,345"], &[1e5, 12345.0], &[Thousands]),
        ] {
            let read = numbers(texts, DecimalMark::Point).expect("numbers");
            assert_eq!((read.values.as_slice(), read.kinds.as_slice()), (expected, kinds), "{texts:?}");
        }
    }

    #[test]
    fn what_fits_both_grammars_follows_the_file() {
        let texts = ["1,250", "2,375"];
        assert_eq!(numbers(&texts, DecimalMark::Point).expect("numbers").values, [1250.0, 2375.0]);
        assert_eq!(numbers(&texts, DecimalMark::Comma).expect("numbers").values, [1.25, 2.375]);
        assert_eq!(numbers(&["1,250,000", "1,250"], DecimalMark::Comma).expect("numbers").values, [1.25e6, 1250.0]);
    }

    #[test]
    fn what_is_no_column_of_numbers() {
        for texts in [
            &["1,250", "3+"][..],
            &["45%", "0.3"],
            &["$5", "€5"],
            &["<0.5"],
            &["1,25,0"],
            &["1,2500", "1.5"],
            &["0,25", "1.5"],
            &["12-05"],
            &["--5"],
            &["%"],
            &["$"],
            &[""],
            &["5 kg"],
            &["1 2"],
        ] {
            assert_eq!(numbers(texts, DecimalMark::Point), None, "{texts:?}");
        }
    }
}
