//! Design terms as text: `age`, `age^2`, `re74 == 0`, `educ * re74`.
//!
//! ```text
//! term    := factor ( "*" factor )*
//! factor  := column ( "^" integer 2..9 )?  |  column "==" value
//! column  := name made of letters, digits, "_", "." ; or any text in backticks
//! value   := number | bare word | "quoted text"
//! ```
//!
//! Inside backticks a backtick is written twice, inside quotes a quote is written twice, so that every column and every
//! level has a text that reads back as itself.

use crate::expression::cursor::{NotClosed, bare_name, is_name_char, quoted};
use serde::{Deserialize, Serialize};

/// One factor of a term.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Factor {
    /// The column to an integer power (1 is the column itself).
    Power {
        /// Column name.
        column: String,
        /// Exponent, 1 to 9.
        exponent: u32,
    },
    /// 1 where the column equals the value, else 0. The value is kept as text; numbers compare as numbers.
    Equals {
        /// Column name.
        column: String,
        /// Level or number, as text.
        value: String,
    },
}

/// A product of factors: one column of the design matrix.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Term {
    /// At least one factor.
    pub factors: Vec<Factor>,
}

/// The reason why a text is not a term.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a term: {reason}")]
pub struct TermError {
    /// The text.
    pub text: String,
    /// The fault.
    pub reason: TermFault,
}

/// The faults of a text that should be a term.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TermFault {
    /// Nothing is there.
    #[error("it is empty")]
    Empty,
    /// Something follows a factor that is not `*`.
    #[error("did not expect `{rest}`")]
    Unexpected {
        /// The text from there on.
        rest: String,
    },
    /// A power without digits, or with too many of them.
    #[error("`^` must be followed by a whole number from 1 to 9")]
    NoPower,
    /// A power out of range.
    #[error("the power must be a whole number from 1 to 9")]
    PowerOutOfRange,
    /// A name in backticks that does not end.
    #[error("a backtick is not closed")]
    OpenBacktick,
    /// A value in quotes that does not end.
    #[error("a quote is not closed")]
    OpenQuote,
    /// A name of no characters.
    #[error("a column name is empty")]
    EmptyName,
    /// No name where one must be.
    #[error("expected a column name at `{at}` (put unusual names in backticks)")]
    NoName {
        /// The text from there on.
        at: String,
    },
    /// Nothing after `==`.
    #[error("`==` must be followed by a value")]
    NoValue,
}

impl Term {
    /// The term that is just a column.
    #[must_use]
    pub fn column(name: &str) -> Term {
        Term { factors: vec![Factor::Power { column: name.to_owned(), exponent: 1 }] }
    }

    /// The indicator of a level.
    #[must_use]
    pub fn level(column: &str, value: &str) -> Term {
        Term { factors: vec![Factor::Equals { column: column.to_owned(), value: value.to_owned() }] }
    }

    /// Parses the grammar of the module header.
    ///
    /// # Errors
    /// [`TermError`] with the reason.
    pub fn parse(text: &str) -> Result<Term, TermError> {
        let fail = |reason: TermFault| TermError { text: text.to_owned(), reason };
        let mut rest = text.trim();
        if rest.is_empty() {
            return Err(fail(TermFault::Empty));
        }
        let mut factors = Vec::new();
        loop {
            let (factor, after) = parse_factor(rest).map_err(fail)?;
            factors.push(factor);
            rest = after.trim_start();
            if rest.is_empty() {
                return Ok(Term { factors });
            }
            let after = rest.strip_prefix('*').ok_or_else(|| fail(TermFault::Unexpected { rest: rest.to_owned() }))?;
            rest = after.trim_start();
        }
    }

    /// The columns it needs, in order, without repeats.
    #[must_use]
    pub fn columns(&self) -> Vec<&str> {
        let mut seen = Vec::new();
        for factor in &self.factors {
            let (Factor::Power { column, .. } | Factor::Equals { column, .. }) = factor;
            if !seen.contains(&column.as_str()) {
                seen.push(column.as_str());
            }
        }
        seen
    }
}

fn parse_factor(text: &str) -> Result<(Factor, &str), TermFault> {
    let (column, rest) = parse_name(text)?;
    let rest = rest.trim_start();
    if let Some(after) = rest.strip_prefix("==") {
        let (value, rest) = parse_value(after.trim_start())?;
        return Ok((Factor::Equals { column, value }, rest));
    }
    if let Some(after) = rest.strip_prefix('^') {
        let after = after.trim_start();
        let end = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
        let (digits, rest) = after.split_at(end);
        let exponent: u32 = digits.parse().map_err(|_| TermFault::NoPower)?;
        if !(1..=9).contains(&exponent) {
            return Err(TermFault::PowerOutOfRange);
        }
        return Ok((Factor::Power { column, exponent }, rest));
    }
    Ok((Factor::Power { column, exponent: 1 }, rest))
}

fn parse_name(text: &str) -> Result<(String, &str), TermFault> {
    if let Some(inner) = text.strip_prefix('`') {
        let (name, rest) = quoted(inner, '`').map_err(|NotClosed| TermFault::OpenBacktick)?;
        return if name.is_empty() { Err(TermFault::EmptyName) } else { Ok((name, rest)) };
    }
    let (name, rest) = bare_name(text);
    if name.is_empty() {
        return Err(TermFault::NoName { at: text.to_owned() });
    }
    Ok((name.to_owned(), rest))
}

fn parse_value(text: &str) -> Result<(String, &str), TermFault> {
    if let Some(inner) = text.strip_prefix('"') {
        return quoted(inner, '"').map_err(|NotClosed| TermFault::OpenQuote);
    }
    let end = text.find(|c: char| c == '*' || c.is_whitespace()).unwrap_or(text.len());
    let (value, rest) = text.split_at(end);
    if value.is_empty() {
        return Err(TermFault::NoValue);
    }
    Ok((value.to_owned(), rest))
}

fn write_name(f: &mut std::fmt::Formatter<'_>, name: &str) -> std::fmt::Result {
    let plain = !name.is_empty() && name.chars().all(is_name_char);
    if plain { f.write_str(name) } else { write!(f, "`{}`", name.replace('`', "``")) }
}

impl std::fmt::Display for Term {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, factor) in self.factors.iter().enumerate() {
            if i > 0 {
                f.write_str(" * ")?;
            }
            match factor {
                Factor::Power { column, exponent: 1 } => write_name(f, column)?,
                Factor::Power { column, exponent } => {
                    write_name(f, column)?;
                    write!(f, "^{exponent}")?;
                }
                Factor::Equals { column, value } => {
                    write_name(f, column)?;
                    let plain =
                        !value.is_empty() && !value.contains(|c: char| c == '*' || c == '"' || c.is_whitespace());
                    if plain { write!(f, " == {value}")? } else { write!(f, " == \"{}\"", value.replace('"', "\"\""))? }
                }
            }
        }
        Ok(())
    }
}

impl TryFrom<String> for Term {
    type Error = TermError;
    fn try_from(text: String) -> Result<Self, TermError> {
        Term::parse(&text)
    }
}

impl From<Term> for String {
    fn from(term: Term) -> String {
        term.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_the_plan_guide_shows() {
        for text in ["age", "age^2", "re74 == 0", "educ * re74", "`body mass` * region == \"North West\""] {
            assert_eq!(Term::parse(text).expect(text).to_string(), text);
        }
        assert_eq!(Term::parse("education==2").expect("no spaces").to_string(), "education == 2");
        assert_eq!(Term::parse("age*re74").expect("no spaces").columns(), ["age", "re74"]);
    }

    #[test]
    fn refuses_with_a_reason() {
        for (text, reason) in [
            ("", "empty"),
            ("age^", "whole number"),
            ("age^77", "1 to 9"),
            ("a b", "did not expect"),
            ("x ==", "value"),
            ("`x", "closed"),
        ] {
            let error = Term::parse(text).expect_err(text).to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in ".{0,40}") {
            let _ = Term::parse(&text);
        }

        #[test]
        fn display_round_trips(name in ".{1,8}|[`\"*^= a]{1,6}", power in 1u32..=9, value in ".{0,8}|[`\"*^= a]{0,6}") {
            let term = Term { factors: vec![
                Factor::Power { column: name.clone(), exponent: power },
                Factor::Equals { column: name, value },
            ]};
            prop_assert_eq!(Term::parse(&term.to_string()).expect("own output"), term);
        }
    }
}
