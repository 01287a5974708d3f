//! Expressions tied to columns, by the kind of their values, and their value in a row.
//!
//! A missing value makes a missing result: NaN for a number or a date, `None` for a truth value or a text. `and` and `or` are
//! Kleene's. A branch of `if` that is not taken is not computed, so that `if(b == 0, 0, a / b)` is safe.

use crate::dataset::column::{Column, Data};
use crate::expression::{Arithmetic, Comparison, Function};
use crate::text::dates::{Part, part_of};
use std::collections::BTreeMap;

/// A row for which an expression has no value although nothing is missing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Fault {
    /// `a / 0`.
    DividesByZero,
    /// `log(0)`, `sqrt(-1)`.
    Outside(Function, f64),
    /// A power that is no real number.
    NoPower(f64, f64),
    /// Beyond what a number can hold.
    TooLarge,
}

/// The faulty rows of a column that was derived.
pub(super) type Faults = BTreeMap<usize, Fault>;

/// What a fault stands in place of.
pub(super) type Value<T> = Result<T, Fault>;

/// A column to read from, with the faults of its making.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) column: &'a Column,
    pub(super) faults: &'a Faults,
}

impl Source<'_> {
    fn check(&self, row: usize) -> Value<()> {
        match self.faults.get(&row) {
            Some(fault) if !self.faults.is_empty() => Err(*fault),
            _ => Ok(()),
        }
    }

    fn number(&self, row: usize) -> Value<f64> {
        self.check(row)?;
        match &self.column.data {
            Data::Numbers(values) => Ok(values.get(row).copied().unwrap_or(f64::NAN)),
            _ => Ok(f64::NAN),
        }
    }
}

impl<'a> Source<'a> {
    /// What stands for the level in a row.
    fn of_level(&self, row: usize, of_levels: &[f64]) -> Value<f64> {
        self.check(row)?;
        match &self.column.data {
            Data::Codes { codes, .. } => {
                Ok(codes.get(row).and_then(|code| of_levels.get(*code as usize)).copied().unwrap_or(f64::NAN))
            }
            _ => Ok(f64::NAN),
        }
    }

    fn text(&self, row: usize) -> Value<Option<&'a str>> {
        self.check(row)?;
        match &self.column.data {
            Data::Codes { codes, levels } => {
                Ok(codes.get(row).and_then(|code| levels.get(*code as usize)).map(String::as_str))
            }
            _ => Ok(None),
        }
    }
}

/// An expression of any kind.
#[derive(Debug, Clone)]
pub(super) enum Bound<'a> {
    Number(Number<'a>),
    /// Days since 1970-01-01.
    Date(Number<'a>),
    Flag(Flag<'a>),
    Text(Text<'a>),
}

/// An expression that is a number.
#[derive(Debug, Clone)]
pub(super) enum Number<'a> {
    Constant(f64),
    Column(Source<'a>),
    Minus(Box<Number<'a>>),
    Arithmetic(Arithmetic, Box<Number<'a>>, Box<Number<'a>>),
    /// A function of one number.
    Function(Function, Box<Number<'a>>),
    /// The smallest, or the largest.
    Extreme(Function, Vec<Number<'a>>),
    Part(Part, Box<Number<'a>>),
    /// A text column of dates: the days of each level.
    DaysOfLevels(Source<'a>, Vec<f64>),
    If(Box<Flag<'a>>, Box<Number<'a>>, Box<Number<'a>>),
    /// 1 and 0.
    OfFlag(Box<Flag<'a>>),
}

/// An expression that is true or false.
#[derive(Debug, Clone)]
pub(super) enum Flag<'a> {
    Constant(bool),
    Column(Source<'a>),
    Not(Box<Flag<'a>>),
    And(Box<Flag<'a>>, Box<Flag<'a>>),
    Or(Box<Flag<'a>>, Box<Flag<'a>>),
    Numbers(Comparison, Box<Number<'a>>, Box<Number<'a>>),
    SameText(Box<Text<'a>>, Box<Text<'a>>),
    AmongNumbers(Box<Number<'a>>, Vec<f64>),
    AmongTexts(Box<Text<'a>>, Vec<String>),
    IsMissing(Box<Bound<'a>>),
    StartsWith(Box<Text<'a>>, String),
    Contains(Box<Text<'a>>, String),
    If(Box<Flag<'a>>, Box<Flag<'a>>, Box<Flag<'a>>),
}

/// An expression that is a text.
#[derive(Debug, Clone)]
pub(super) enum Text<'a> {
    Constant(String),
    Column(Source<'a>),
    If(Box<Flag<'a>>, Box<Text<'a>>, Box<Text<'a>>),
    /// The label of the interval: one more label than bounds.
    Cut(Box<Number<'a>>, Vec<f64>, Vec<String>),
}

impl Number<'_> {
    pub(super) fn at(&self, row: usize) -> Value<f64> {
        let value = match self {
            Self::Constant(value) => *value,
            Self::Column(source) => source.number(row)?,
            Self::Minus(x) => -x.at(row)?,
            Self::Arithmetic(sign, x, y) => arithmetic(*sign, x.at(row)?, y.at(row)?)?,
            Self::Function(function, x) => apply(*function, x.at(row)?)?,
            Self::Extreme(function, all) => extreme(*function, all, row)?,
            Self::Part(part, x) => part_of(x.at(row)?, *part),
            Self::DaysOfLevels(source, days) => source.of_level(row, days)?,
            Self::If(condition, then, otherwise) => match condition.at(row)? {
                Some(true) => then.at(row)?,
                Some(false) => otherwise.at(row)?,
                None => f64::NAN,
            },
            Self::OfFlag(flag) => flag.at(row)?.map_or(f64::NAN, f64::from),
        };
        if value.is_infinite() && !matches!(self, Self::Column(_)) { Err(Fault::TooLarge) } else { Ok(value) }
    }
}

fn arithmetic(sign: Arithmetic, x: f64, y: f64) -> Value<f64> {
    if x.is_nan() || y.is_nan() {
        return Ok(f64::NAN);
    }
    match sign {
        Arithmetic::Plus => Ok(x + y),
        Arithmetic::Minus => Ok(x - y),
        Arithmetic::Times => Ok(x * y),
        Arithmetic::Over if y == 0.0 => Err(Fault::DividesByZero),
        Arithmetic::Over => Ok(x / y),
        Arithmetic::Power if x == 0.0 && y < 0.0 => Err(Fault::DividesByZero),
        Arithmetic::Power => {
            let power = x.powf(y);
            if power.is_nan() { Err(Fault::NoPower(x, y)) } else { Ok(power) }
        }
    }
}

fn apply(function: Function, x: f64) -> Value<f64> {
    if x.is_nan() {
        return Ok(x);
    }
    let inside = match function {
        Function::Log | Function::Log10 => x > 0.0,
        Function::Log1p => x > -1.0,
        Function::Sqrt => x >= 0.0,
        _ => true,
    };
    if !inside {
        return Err(Fault::Outside(function, x));
    }
    Ok(match function {
        Function::Log => x.ln(),
        Function::Log10 => x.log10(),
        Function::Log1p => x.ln_1p(),
        Function::Exp => x.exp(),
        Function::Sqrt => x.sqrt(),
        Function::Abs => x.abs(),
        Function::Round => x.round(),
        Function::Floor => x.floor(),
        Function::Ceil => x.ceil(),
        _ => x,
    })
}

fn extreme(function: Function, all: &[Number<'_>], row: usize) -> Value<f64> {
    let mut found: Option<f64> = None;
    for one in all {
        let x = one.at(row)?;
        // A missing one could be the smallest.
        if x.is_nan() {
            return Ok(x);
        }
        let better = found.is_none_or(|best| if function == Function::Min { x < best } else { x > best });
        if better {
            found = Some(x);
        }
    }
    Ok(found.unwrap_or(f64::NAN))
}

impl Flag<'_> {
    pub(super) fn at(&self, row: usize) -> Value<Option<bool>> {
        Ok(match self {
            Self::Constant(value) => Some(*value),
            Self::Column(source) => Some(source.number(row)?).filter(|x| !x.is_nan()).map(|x| x != 0.0),
            Self::Not(x) => x.at(row)?.map(|x| !x),
            Self::And(x, y) => match x.at(row)? {
                Some(false) => Some(false),
                x => match y.at(row)? {
                    Some(false) => Some(false),
                    y => x.zip(y).map(|_| true),
                },
            },
            Self::Or(x, y) => match x.at(row)? {
                Some(true) => Some(true),
                x => match y.at(row)? {
                    Some(true) => Some(true),
                    y => x.zip(y).map(|_| false),
                },
            },
            Self::Numbers(sign, x, y) => compare(*sign, x.at(row)?, y.at(row)?),
            Self::SameText(x, y) => x.at(row)?.zip(y.at(row)?).map(|(x, y)| x == y),
            Self::AmongNumbers(x, list) => Some(x.at(row)?).filter(|x| !x.is_nan()).map(|x| list.contains(&x)),
            Self::AmongTexts(x, list) => x.at(row)?.map(|x| list.iter().any(|one| one == x)),
            Self::IsMissing(x) => Some(x.is_missing(row)?),
            Self::StartsWith(x, start) => x.at(row)?.map(|x| x.starts_with(start.as_str())),
            Self::Contains(x, part) => x.at(row)?.map(|x| x.contains(part.as_str())),
            Self::If(condition, then, otherwise) => match condition.at(row)? {
                Some(true) => then.at(row)?,
                Some(false) => otherwise.at(row)?,
                None => None,
            },
        })
    }
}

fn compare(sign: Comparison, x: f64, y: f64) -> Option<bool> {
    if x.is_nan() || y.is_nan() {
        return None;
    }
    Some(match sign {
        Comparison::Equal => x == y,
        Comparison::NotEqual => x != y,
        Comparison::Less => x < y,
        Comparison::AtMost => x <= y,
        Comparison::Greater => x > y,
        Comparison::AtLeast => x >= y,
    })
}

impl Text<'_> {
    pub(super) fn at(&self, row: usize) -> Value<Option<&str>> {
        Ok(match self {
            Self::Constant(text) => Some(text),
            Self::Column(source) => source.text(row)?,
            Self::If(condition, then, otherwise) => match condition.at(row)? {
                Some(true) => then.at(row)?,
                Some(false) => otherwise.at(row)?,
                None => None,
            },
            Self::Cut(x, bounds, labels) => {
                let x = x.at(row)?;
                let below = bounds.iter().take_while(|bound| **bound <= x).count();
                labels.get(below).filter(|_| !x.is_nan()).map(String::as_str)
            }
        })
    }

    /// The levels in the order in which they are meant, where the expression has one.
    pub(super) fn order(&self) -> Option<&[String]> {
        match self {
            Self::Cut(_, _, labels) => Some(labels),
            _ => None,
        }
    }
}

impl Bound<'_> {
    fn is_missing(&self, row: usize) -> Value<bool> {
        Ok(match self {
            Self::Number(x) | Self::Date(x) => x.at(row)?.is_nan(),
            Self::Flag(x) => x.at(row)?.is_none(),
            Self::Text(x) => x.at(row)?.is_none(),
        })
    }
}
