//! The features that the fields of a CSV column share.

/// The knowledge of one column so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Every field is empty or a plain decimal number, see [`plain_number`].
    pub(crate) plain: bool,
    /// Every field is empty or a plain whole number.
    pub(crate) whole: bool,
    /// Number of empty fields.
    pub(crate) empty: usize,
    /// A number has a zero before other digits, as codes have.
    pub(crate) padded: bool,
    /// The length of the first whole number; 0 if there was none yet.
    pub(crate) length: usize,
    /// All whole numbers have that length.
    pub(crate) even: bool,
}

impl Default for Shape {
    fn default() -> Self {
        Self { plain: true, whole: true, empty: 0, padded: false, length: 0, even: true }
    }
}

impl Shape {
    /// The shape of the same column over two files.
    pub(crate) fn join(&mut self, other: &Shape) {
        self.plain &= other.plain;
        self.whole &= other.whole;
        self.empty += other.empty;
        self.padded |= other.padded;
        self.even &= other.even && (self.length == other.length || self.length == 0 || other.length == 0);
        self.length = self.length.max(other.length);
    }

    /// Digits only, all as many, and zeros in front: codes such as `02139`, whose zeros a number would lose.
    pub(crate) fn is_code(&self) -> bool {
        self.plain && self.whole && self.padded && self.even
    }
}

impl Shape {
    /// Takes one field into account.
    pub(crate) fn look(&mut self, field: &[u8], quoted: bool) {
        // polars takes a bare nothing for null and `""` for a text, and its nulls are counted against these.
        if field.is_empty() && !quoted {
            self.empty += 1;
        } else if self.plain {
            let number = if quoted { None } else { plain_number(field) };
            self.plain = number.is_some();
            self.whole &= number == Some(true);
            if self.whole {
                self.padded |= field.len() > 1 && field.first() == Some(&b'0');
                self.even &= self.length == 0 || self.length == field.len();
                self.length = field.len();
            }
        }
    }
}

/// `Some(is it whole)` for numbers that polars and `str::parse` read alike and exactly: an optional minus, digits, an
/// optional fraction, an optional exponent. Whole numbers of more than 15 digits are left to the careful path, since
/// not all of them are f64.
fn plain_number(field: &[u8]) -> Option<bool> {
    let rest = field.strip_prefix(b"-").unwrap_or(field);
    let (digits, rest) = digits(rest);
    let whole = rest.is_empty();
    if digits == 0 || (whole && digits > 15) {
        return None;
    }
    let rest = match rest.strip_prefix(b".") {
        None => rest,
        Some(after) => match crate::dataset::read::field_shape::digits(after) {
            (0, _) => return None,
            (_, rest) => rest,
        },
    };
    let rest = match rest.strip_prefix(b"e").or_else(|| rest.strip_prefix(b"E")) {
        None => rest,
        Some(after) => {
            let after = after.strip_prefix(b"-").or_else(|| after.strip_prefix(b"+")).unwrap_or(after);
            match crate::dataset::read::field_shape::digits(after) {
                (0, _) => return None,
                (_, rest) => rest,
            }
        }
    };
    rest.is_empty().then_some(whole)
}

fn digits(bytes: &[u8]) -> (usize, &[u8]) {
    let n = bytes.iter().position(|b| !b.is_ascii_digit()).unwrap_or(bytes.len());
    (n, bytes.get(n..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use crate::dataset::read::field_shape::*;

    #[test]
    fn plain_numbers() {
        for (text, expected) in [
            ("1", Some(true)),
            ("-12", Some(true)),
            ("007", Some(true)),
            ("1.5", Some(false)),
            ("-0.25e-3", Some(false)),
            ("1E5", Some(false)),
            ("123456789012345", Some(true)),
            ("1234567890123456", None),
            ("", None),
            ("-", None),
            ("1.", None),
            (".5", None),
            ("+1", None),
            (" 1", None),
            ("1e", None),
            ("NaN", None),
            ("1_000", None),
        ] {
            assert_eq!(plain_number(text.as_bytes()), expected, "{text}");
        }
    }
}
