//! Where the figures of a text are, and what they say.
//!
//! What counts as a figure is in the table of [`crate::critique::quoted_figures`].

/// A number in a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// As written, with its sign and its percent sign.
    pub text: String,
    /// Its value; infinite if it is too large for a number.
    value: f64,
    /// Half a unit of its last place.
    pub half: f64,
    /// True if a sign is written.
    pub signed: bool,
    /// True for a percentage.
    pub percent: bool,
    /// Where it stands in its line, characters.
    pub span: (usize, usize),
}

impl Figure {
    /// Its value, if a number can hold it.
    #[must_use]
    pub fn finite(&self) -> Option<f64> {
        Some(self.value).filter(|v| v.is_finite())
    }

    /// The numbers that the figure may stand for, as closed ranges: half a unit of its last place either way, a hundredth of
    /// that for a percentage as well, and without a written sign the negative of both. Empty if no number can hold it.
    #[must_use]
    pub fn ranges(&self) -> Vec<(f64, f64)> {
        let Some(value) = self.finite() else { return Vec::new() };
        // Half a unit of the last place, either way; then what decimal fractions lose as binary ones.
        let slack = self.half * (1.0 + 1e-9) + 4.0 * f64::EPSILON * value.abs();
        let scales: &[f64] = if self.percent { &[1.0, 100.0] } else { &[1.0] };
        let around = |value: f64, scale: f64| ((value - slack) / scale, (value + slack) / scale);
        let mut ranges: Vec<(f64, f64)> = scales.iter().map(|scale| around(value, *scale)).collect();
        if !self.signed {
            ranges.extend(scales.iter().map(|scale| around(-value, *scale)));
        }
        ranges
    }

    /// The digits that it shows, without leading zeros.
    #[must_use]
    pub fn significant_digits(&self) -> usize {
        let mantissa = self.text.split(['e', 'E', '×', '%']).next().unwrap_or_default();
        let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
        digits.trim_start_matches('0').len()
    }
}

/// Between two figures that share the percent sign of the second.
const JOINS: [&str; 10] = ["", ",", "–", "-", "—", "−", "to", "and", "or", "["];
/// Inside a whole number, before three digits.
const SEPARATORS: [char; 9] = [',', '\u{2009}', '\u{202f}', '\u{a0}', '\u{2007}', '\u{2008}', '\'', '’', '_'];
/// A run of so many hexadecimal digits, letters among them, is a hash.
const SHORTEST_HASH: usize = 7;
/// No exponent that a number can hold is larger.
const LARGEST_EXPONENT: i64 = 5_000;

/// All figures of a text.
#[must_use]
pub fn figures(text: &str) -> Vec<Figure> {
    if !text.bytes().any(|b| b.is_ascii_digit()) {
        return Vec::new();
    }
    text.lines().flat_map(|line| Line { chars: line.chars().collect() }.figures()).collect()
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The digits of a number without its sign: (mantissa, decimals, exponent, where it ends).
struct Digits {
    mantissa: String,
    decimals: i64,
    exponent: i64,
    end: usize,
}

struct Line {
    chars: Vec<char>,
}

impl Line {
    fn figures(&self) -> Vec<Figure> {
        let mut found = Vec::new();
        let mut at = self.after_enumeration();
        while let Some(c) = self.at(at) {
            let name = if c == '`' { self.name_in_backticks(at) } else { None };
            at = match name {
                Some(end) => end,
                None if is_word(c) && !c.is_ascii_digit() => self.after_name(at),
                None if self.begins(at) => {
                    let (figure, end) = self.figure(at);
                    found.extend(figure);
                    // Always forward, so that the loop ends.
                    end.max(at + 1)
                }
                None => at + 1,
            };
        }
        self.share_percent(&mut found);
        found
    }

    fn at(&self, i: usize) -> Option<char> {
        self.chars.get(i).copied()
    }

    fn before(&self, i: usize) -> Option<char> {
        i.checked_sub(1).and_then(|j| self.at(j))
    }

    fn digit(&self, i: usize) -> bool {
        self.at(i).is_some_and(|c| c.is_ascii_digit())
    }

    fn word(&self, i: usize) -> bool {
        self.at(i).is_some_and(is_word)
    }

    /// The first place from `i` on where `holds` does not.
    fn skip(&self, i: usize, holds: impl Fn(char) -> bool) -> usize {
        i + self.chars.iter().skip(i).take_while(|c| holds(**c)).count()
    }

    fn text(&self, from: usize, to: usize) -> String {
        self.chars.iter().skip(from).take(to.saturating_sub(from)).collect()
    }

    /// Behind `1. ` or `2) ` at the start of a line.
    fn after_enumeration(&self) -> usize {
        let start = self.skip(0, char::is_whitespace);
        let end = self.skip(start, |c| c.is_ascii_digit());
        let marked = matches!(self.at(end), Some('.' | ')')) && self.at(end + 1).is_some_and(char::is_whitespace);
        if marked && (1..=2).contains(&(end - start)) { end + 1 } else { 0 }
    }

    /// Behind a span in backticks that is one name and begins with a letter.
    fn name_in_backticks(&self, at: usize) -> Option<usize> {
        let end = self.skip(at + 1, |c| is_word(c) || matches!(c, '.' | '-'));
        let named = self.word(at + 1) && !self.digit(at + 1) && self.at(end) == Some('`');
        named.then_some(end + 1)
    }

    /// Behind a name with what belongs to it: `q.10`, `v0.3.1`, `Type-2`.
    fn after_name(&self, at: usize) -> usize {
        let mut end = self.skip(at, is_word);
        while self.at(end) == Some('.') && self.word(end + 1) {
            end = self.skip(end + 1, is_word);
        }
        let digits = self.skip(end + 1, |c| c.is_ascii_digit());
        let hyphen = matches!(self.at(end), Some('-' | '\u{2010}' | '\u{2011}'));
        let numbered = hyphen && (1..=2).contains(&digits.saturating_sub(end + 1));
        let goes_on = self.word(digits)
            || (matches!(self.at(digits), Some('.' | ',')) && self.digit(digits + 1))
            || self.percent(digits).is_some();
        if numbered && !goes_on { digits } else { end }
    }

    fn begins(&self, at: usize) -> bool {
        self.digit(at) || (self.at(at) == Some('.') && self.digit(at + 1) && !self.before(at).is_some_and(is_word))
    }

    /// The figure that begins here, if it is one, and where to read on.
    fn figure(&self, at: usize) -> (Option<Figure>, usize) {
        let run = self.skip(at, is_word);
        if not_a_number(&self.text(at, run)) {
            return (None, run);
        }
        let digits = self.digits(at);
        // A second point: a version, not a number.
        if self.at(digits.end) == Some('.') && self.digit(digits.end + 1) {
            return (None, self.skip(digits.end, |c| is_word(c) || c == '.'));
        }
        let sign = self.sign(at);
        let start = if sign.is_some() { at - 1 } else { at };
        let percent = self.percent(digits.end);
        let end = percent.flatten().unwrap_or(digits.end);
        let size = number(&digits.mantissa, digits.exponent);
        let figure = Figure {
            text: self.text(start, end),
            value: if sign == Some('-') { -size } else { size },
            half: 0.5 * number("1", digits.exponent.saturating_sub(digits.decimals)),
            signed: sign.is_some(),
            percent: percent.is_some(),
            span: (start, end),
        };
        (Some(figure), self.skip(end, is_word))
    }

    /// A sign right before a number, unless a dash joins it to what stands before. An en dash is never a sign.
    fn sign(&self, at: usize) -> Option<char> {
        let sign = match self.before(at)? {
            '-' | '−' => '-',
            '+' => '+',
            _ => return None,
        };
        let joined = self.before(at - 1).is_some_and(|c| is_word(c) || matches!(c, ')' | ']' | '%' | '`' | '.'));
        (!joined).then_some(sign)
    }

    fn digits(&self, at: usize) -> Digits {
        let mut end = self.skip(at, |c| c.is_ascii_digit());
        // Thousands do not begin with a zero: `0,123` is two figures.
        if (1..=3).contains(&(end - at)) && self.at(at) != Some('0') {
            while self.group(end) {
                end += 4;
            }
        }
        let mut mantissa: String = self.text(at, end).chars().filter(char::is_ascii_digit).collect();
        let mut decimals = 0;
        if self.at(end) == Some('.') && self.digit(end + 1) {
            let last = self.skip(end + 1, |c| c.is_ascii_digit());
            decimals = i64::try_from(last - end - 1).unwrap_or(LARGEST_EXPONENT);
            mantissa.push_str(&self.text(end, last));
            end = last;
        }
        // `10⁻⁹` is one power of ten, not a ten with something behind it.
        if mantissa == "10"
            && let Some((exponent, end)) = self.power(end)
        {
            return Digits { mantissa: "1".to_owned(), decimals, exponent, end };
        }
        let (exponent, end) = self.exponent(end).or_else(|| self.times_power(end)).unwrap_or((0, end));
        Digits { mantissa, decimals, exponent, end }
    }

    /// A separator and exactly three digits.
    fn group(&self, at: usize) -> bool {
        let three = (1..=3).all(|i| self.digit(at + i)) && !self.digit(at + 4);
        three && self.at(at).is_some_and(|c| SEPARATORS.contains(&c))
    }

    /// `e-5`
    fn exponent(&self, at: usize) -> Option<(i64, usize)> {
        let (exponent, end) = matches!(self.at(at), Some('e' | 'E')).then(|| self.whole(at + 1)).flatten()?;
        (!self.word(end)).then_some((exponent, end))
    }

    /// ` × 10⁻⁹`, ` x 10^-9`
    fn times_power(&self, at: usize) -> Option<(i64, usize)> {
        let sign = self.skip(at, char::is_whitespace);
        matches!(self.at(sign), Some('×' | 'x' | '*' | '·' | '⋅')).then_some(())?;
        let ten = self.skip(sign + 1, char::is_whitespace);
        (self.text(ten, ten + 2) == "10").then(|| self.power(ten + 2)).flatten()
    }

    /// `⁻⁹` or `^-9`, behind a ten.
    fn power(&self, at: usize) -> Option<(i64, usize)> {
        if self.at(at) == Some('^') {
            return self.whole(at + 1);
        }
        let end = self.skip(at, |c| lowered(c).is_some());
        let plain: String = self.text(at, end).chars().filter_map(lowered).collect();
        plain.parse().ok().map(|exponent: i64| (exponent.clamp(-LARGEST_EXPONENT, LARGEST_EXPONENT), end))
    }

    /// A whole number with or without a sign.
    fn whole(&self, at: usize) -> Option<(i64, usize)> {
        let negative = matches!(self.at(at), Some('-' | '−'));
        let first = if negative || self.at(at) == Some('+') { at + 1 } else { at };
        let end = self.skip(first, |c| c.is_ascii_digit());
        if end == first {
            return None;
        }
        let size = self.text(first, end).parse().unwrap_or(LARGEST_EXPONENT).min(LARGEST_EXPONENT);
        Some((if negative { -size } else { size }, end))
    }

    /// Looks for a percent sign or the word, behind a closing bracket too; if it is a sign that follows right here,
    /// where it ends.
    fn percent(&self, at: usize) -> Option<Option<usize>> {
        let next = self.skip(at, char::is_whitespace);
        let behind = self.skip(next, |c| matches!(c, ']' | ')'));
        let next = if behind > next { self.skip(behind, char::is_whitespace) } else { next };
        if self.at(next) == Some('%') {
            return Some((behind == self.skip(at, char::is_whitespace)).then_some(next + 1));
        }
        let word = self.text(next, next + 8).to_lowercase();
        (next > at && (word.starts_with("percent") || word == "per cent")).then_some(None)
    }

    /// `10–20 %` are two percentages.
    fn share_percent(&self, found: &mut [Figure]) {
        let mut after: Option<(usize, bool)> = None;
        // From the right: the sign of the last of a row counts for those before it.
        for figure in found.iter_mut().rev() {
            if let Some((start, true)) = after {
                let between = self.text(figure.span.1, start);
                figure.percent |= JOINS.contains(&between.trim());
            }
            after = Some((figure.span.0, figure.percent));
        }
    }
}

/// `3fa9c21`, `0x1f`, `71_wt`: digits that begin a name.
fn not_a_number(run: &str) -> bool {
    let letters = run.chars().filter(|c| c.is_ascii_alphabetic()).count();
    let hexadecimal = run.chars().all(|c| c.is_ascii_hexdigit());
    // `1234e56` has the digits of a hash, and is a number.
    let scientific = letters == 1 && run.split(['e', 'E']).all(|part| !part.is_empty()) && run.contains(['e', 'E']);
    let hash = hexadecimal && letters > 0 && !scientific && run.len() >= SHORTEST_HASH;
    let named = run.contains('_') && !run.chars().all(|c| c.is_ascii_digit() || c == '_');
    hash || named || run.starts_with("0x")
}

fn lowered(c: char) -> Option<char> {
    let digits = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let digit = digits.iter().position(|d| *d == c).and_then(|i| char::from_digit(u32::try_from(i).ok()?, 10));
    digit.or((c == '⁻').then_some('-'))
}

/// The nearest number to these decimal digits.
fn number(mantissa: &str, exponent: i64) -> f64 {
    let zero = if mantissa.starts_with('.') { "0" } else { "" };
    format!("{zero}{mantissa}e{exponent}").parse().unwrap_or(f64::INFINITY)
}
