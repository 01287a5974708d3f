//! Ties an expression to the columns of a table: what a name means, and whether the kinds of values go together.

use super::values::{Bound, Faults, Flag, Number, Source, Text};
use crate::dataset::column::{Column, Data, level_index, number};
use crate::dataset::error::DatasetProblem;
use crate::dataset::evaluate::occurring;
use crate::dataset::roles::way_in;
use crate::expression::{Arithmetic, Comparison, Expression, Function, Written};
use crate::schema::ColumnKind;
use crate::text::dates::{Part, days};
use crate::text::lists::{did_you_mean, short};
use std::collections::HashMap;

/// The columns that an expression may name.
pub(super) type Sources<'a> = HashMap<&'a str, Source<'a>>;

/// Nothing went wrong with a column of the file.
pub(super) static NO_FAULTS: Faults = Faults::new();

/// An expression and the key of the plan that holds it.
pub(super) struct Binder<'a, 's> {
    pub(super) sources: &'s Sources<'a>,
    pub(super) path: &'s str,
    pub(super) written: &'s Written,
}

type Tied<T> = Result<T, DatasetProblem>;

impl<'a> Binder<'a, '_> {
    pub(super) fn bind(&self) -> Tied<Bound<'a>> {
        self.any(&self.written.expression)
    }

    /// A condition: true or false.
    pub(super) fn condition(&self) -> Tied<Flag<'a>> {
        self.flag(&self.written.expression)
    }

    fn problem(&self, message: String, hint: impl Into<String>) -> DatasetProblem {
        DatasetProblem::new(self.path, format!("`{}`: {message}", short(&self.written.text)), hint)
    }

    fn any(&self, expression: &Expression) -> Tied<Bound<'a>> {
        Ok(match expression {
            Expression::Number(x) => Bound::Number(Number::Constant(*x)),
            Expression::Text(text) => Bound::Text(Text::Constant(text.clone())),
            Expression::Flag(x) => Bound::Flag(Flag::Constant(*x)),
            Expression::Column(name) => self.column(name)?,
            Expression::Minus(x) => Bound::Number(Number::Minus(Box::new(self.number(x)?))),
            Expression::Arithmetic(sign, x, y) => self.arithmetic(*sign, x, y)?,
            Expression::Call(function, arguments) => self.call(*function, arguments)?,
            Expression::Not(x) => Bound::Flag(Flag::Not(Box::new(self.flag(x)?))),
            Expression::And(x, y) => Bound::Flag(Flag::And(Box::new(self.flag(x)?), Box::new(self.flag(y)?))),
            Expression::Or(x, y) => Bound::Flag(Flag::Or(Box::new(self.flag(x)?), Box::new(self.flag(y)?))),
            Expression::Comparison(sign, x, y) => Bound::Flag(self.comparison(*sign, x, y)?),
            Expression::Among(x, list) => Bound::Flag(self.among(x, list)?),
            Expression::List(_) => {
                return Err(self.problem("a list stands where a value should be".into(), "write one value"));
            }
        })
    }

    fn column(&self, name: &str) -> Tied<Bound<'a>> {
        let Some(source) = self.sources.get(name).copied() else {
            let mut names: Vec<&str> = self.sources.keys().copied().collect();
            names.sort_unstable();
            return Err(self.problem(format!("the data have no column `{name}`"), did_you_mean(name, &names)));
        };
        let column = source.column;
        if let Some(days) = days_of_levels(column) {
            return Ok(Bound::Date(Number::DaysOfLevels(source, days)));
        }
        match (&column.data, column.kind) {
            (Data::Numbers(_), ColumnKind::Date) => Ok(Bound::Date(Number::Column(source))),
            (Data::Opaque { .. }, _) | (_, ColumnKind::Other) => Err(self.cannot_be_used(column)),
            _ if column.obstacle.is_some() => Err(self.cannot_be_used(column)),
            (Data::Numbers(_), ColumnKind::Boolean) => Ok(Bound::Flag(Flag::Column(source))),
            (Data::Numbers(_), _) => Ok(Bound::Number(Number::Column(source))),
            (Data::Codes { .. }, _) => Ok(Bound::Text(Text::Column(source))),
        }
    }

    fn cannot_be_used(&self, column: &Column) -> DatasetProblem {
        let obstacle = column.obstacle.clone().unwrap_or_else(|| format!("is stored as {}", column.stored_as));
        self.problem(format!("`{}` {obstacle}", column.name), way_in(column))
    }

    /// A number; a truth value counts as 1 and 0.
    fn number(&self, expression: &Expression) -> Tied<Number<'a>> {
        let found = self.any(expression)?;
        self.as_number(found, expression)
    }

    /// What was bound already: to bind it again at each level would take twice as long at each.
    fn as_number(&self, found: Bound<'a>, expression: &Expression) -> Tied<Number<'a>> {
        match found {
            Bound::Number(x) => Ok(x),
            Bound::Flag(x) => Ok(Number::OfFlag(Box::new(x))),
            other => Err(self.kind(expression, &other, "a number")),
        }
    }

    fn flag(&self, expression: &Expression) -> Tied<Flag<'a>> {
        match self.any(expression)? {
            Bound::Flag(x) => Ok(x),
            other => Err(self.kind(expression, &other, "true or false")),
        }
    }

    fn text(&self, expression: &Expression) -> Tied<Text<'a>> {
        // A text that is a date everywhere is a text as well.
        if let Expression::Column(name) = expression
            && let Some(source) = self.sources.get(name.as_str())
            && matches!((&source.column.data, source.column.kind), (Data::Codes { .. }, ColumnKind::Category))
        {
            return Ok(Text::Column(*source));
        }
        match self.any(expression)? {
            Bound::Text(x) => Ok(x),
            other => Err(self.kind(expression, &other, "a text")),
        }
    }

    fn date(&self, expression: &Expression) -> Tied<Number<'a>> {
        match self.any(expression)? {
            Bound::Date(x) => Ok(x),
            other => Err(self.kind(expression, &other, "a date")),
        }
    }

    fn kind(&self, expression: &Expression, found: &Bound<'_>, wanted: &str) -> DatasetProblem {
        let (what, hint) = match (found, wanted) {
            (Bound::Number(_), "true or false") => ("a number", "compare it, as in `x > 0`"),
            (Bound::Number(_), _) => ("a number", "use a column of the right kind"),
            (Bound::Date(_), _) => (
                "a date",
                "write `days(x)`, `year(x)`, `month(x)` or `weekday(x)` for a number, or compare it with `date(\"2021-03-04\")`",
            ),
            (Bound::Flag(_), _) => ("true or false", "use a column of the right kind"),
            (Bound::Text(_), "true or false") => ("a text", "compare it, as in `x == \"a\"`"),
            (Bound::Text(_), _) => ("a text", "name a column of numbers, or compare the text, as in `x == \"a\"`"),
        };
        let which = match expression {
            Expression::Column(name) => format!("`{name}`"),
            _ => "a part of it".to_owned(),
        };
        self.problem(format!("{which} is {what} where {wanted} is needed"), hint)
    }

    fn arithmetic(&self, sign: Arithmetic, x: &Expression, y: &Expression) -> Tied<Bound<'a>> {
        let (left, right) = (self.any(x)?, self.any(y)?);
        let make = |x: Number<'a>, y: Number<'a>| Number::Arithmetic(sign, Box::new(x), Box::new(y));
        match (left, right) {
            (Bound::Date(x), Bound::Date(y)) if sign == Arithmetic::Minus => Ok(Bound::Number(make(x, y))),
            (Bound::Date(x), Bound::Number(y)) if matches!(sign, Arithmetic::Minus | Arithmetic::Plus) => {
                Ok(Bound::Date(make(x, y)))
            }
            (left, right) => Ok(Bound::Number(make(self.as_number(left, x)?, self.as_number(right, y)?))),
        }
    }

    fn call(&self, function: Function, arguments: &[Expression]) -> Tied<Bound<'a>> {
        let first = arguments.first().ok_or_else(|| self.usage(function))?;
        let part = |part: Part| Ok(Bound::Number(Number::Part(part, Box::new(self.date(first)?))));
        match function {
            Function::If => self.branch(arguments),
            Function::IsMissing => Ok(Bound::Flag(Flag::IsMissing(Box::new(self.any(first)?)))),
            Function::Min | Function::Max => {
                let all: Tied<Vec<Number<'a>>> = arguments.iter().map(|x| self.number(x)).collect();
                Ok(Bound::Number(Number::Extreme(function, all?)))
            }
            Function::Cut => self.cut(first, arguments.get(1)),
            Function::StartsWith | Function::Contains => {
                let Some(Expression::Text(part)) = arguments.get(1) else { return Err(self.usage(function)) };
                let x = Box::new(self.text(first)?);
                let part = part.clone();
                let flag = match function {
                    Function::StartsWith => Flag::StartsWith(x, part),
                    _ => Flag::Contains(x, part),
                };
                Ok(Bound::Flag(flag))
            }
            Function::Date => {
                let Expression::Text(text) = first else { return Err(self.usage(function)) };
                let day = days(text).ok_or_else(|| {
                    self.problem(format!("`{}` is not a date", short(text)), "write it as `date(\"2021-03-04\")`")
                })?;
                Ok(Bound::Date(Number::Constant(day)))
            }
            Function::Days => self.date(first).map(Bound::Number),
            Function::Year => part(Part::Year),
            Function::Month => part(Part::Month),
            Function::Day => part(Part::Day),
            Function::Weekday => part(Part::Weekday),
            _ => Ok(Bound::Number(Number::Function(function, Box::new(self.number(first)?)))),
        }
    }

    fn usage(&self, function: Function) -> DatasetProblem {
        self.problem(
            format!("`{}` is called with something else", function.key()),
            format!("write it as `{}`", function.usage()),
        )
    }

    fn branch(&self, arguments: &[Expression]) -> Tied<Bound<'a>> {
        let [condition, then, otherwise] = arguments else { return Err(self.usage(Function::If)) };
        let condition = Box::new(self.flag(condition)?);
        match (self.any(then)?, self.any(otherwise)?) {
            (Bound::Flag(x), Bound::Flag(y)) => Ok(Bound::Flag(Flag::If(condition, Box::new(x), Box::new(y)))),
            (Bound::Text(x), Bound::Text(y)) => Ok(Bound::Text(Text::If(condition, Box::new(x), Box::new(y)))),
            (Bound::Date(x), Bound::Date(y)) => Ok(Bound::Date(Number::If(condition, Box::new(x), Box::new(y)))),
            (x, y) => {
                let (x, y) = (self.as_number(x, then)?, self.as_number(y, otherwise)?);
                Ok(Bound::Number(Number::If(condition, Box::new(x), Box::new(y))))
            }
        }
    }

    /// Intervals closed on the left: below the first bound, between two, and from the last one on.
    fn cut(&self, x: &Expression, bounds: Option<&Expression>) -> Tied<Bound<'a>> {
        let Some(Expression::List(list)) = bounds else { return Err(self.usage(Function::Cut)) };
        let bounds: Option<Vec<f64>> = list.iter().map(constant).collect();
        let bounds = bounds.filter(|bounds| bounds.is_sorted_by(|a, b| a < b)).ok_or_else(|| {
            self.problem("the bounds of `cut` are not numbers that increase".into(), "write `cut(x, [25, 45, 65])`")
        })?;
        let mut labels: Vec<String> = bounds.first().map(|first| format!("<{first}")).into_iter().collect();
        labels.extend(bounds.iter().zip(bounds.iter().skip(1)).map(|(a, b)| format!("[{a},{b})")));
        labels.extend(bounds.last().map(|last| format!(">={last}")));
        Ok(Bound::Text(Text::Cut(Box::new(self.number(x)?), bounds, labels)))
    }

    fn comparison(&self, sign: Comparison, x: &Expression, y: &Expression) -> Tied<Flag<'a>> {
        if matches!(sign, Comparison::Equal | Comparison::NotEqual) {
            // A level may stand on either side.
            let same = match (self.level_beside(x, y)?, self.level_beside(y, x)?) {
                (Some(text), _) => Some(Flag::SameText(Box::new(self.text(x)?), Box::new(Text::Constant(text)))),
                (_, Some(text)) => Some(Flag::SameText(Box::new(self.text(y)?), Box::new(Text::Constant(text)))),
                _ => None,
            };
            if let Some(same) = same {
                return Ok(if sign == Comparison::Equal { same } else { Flag::Not(Box::new(same)) });
            }
        }
        let numbers = |x: Number<'a>, y: Number<'a>| Flag::Numbers(sign, Box::new(x), Box::new(y));
        match (self.any(x)?, self.any(y)?) {
            (Bound::Date(x), Bound::Date(y)) => Ok(numbers(x, y)),
            (Bound::Text(x), Bound::Text(y)) if sign == Comparison::Equal => {
                Ok(Flag::SameText(Box::new(x), Box::new(y)))
            }
            (Bound::Text(x), Bound::Text(y)) if sign == Comparison::NotEqual => {
                Ok(Flag::Not(Box::new(Flag::SameText(Box::new(x), Box::new(y)))))
            }
            (Bound::Text(_), Bound::Text(_)) => Err(self.problem(
                format!("`{}` compares numbers and dates, and these are texts", sign.sign()),
                "compare texts with `==` or `!=`, or read the column as a number under `data.columns`",
            )),
            (left, right) => Ok(numbers(self.compared(left, x)?, self.compared(right, y)?)),
        }
    }

    /// A number, or a text that is written like one.
    fn compared(&self, found: Bound<'a>, expression: &Expression) -> Tied<Number<'a>> {
        match &found {
            Bound::Text(Text::Constant(text)) => match number(text) {
                Some(x) => Ok(Number::Constant(x)),
                None => Err(self.kind(expression, &found, "a number")),
            },
            _ => self.as_number(found, expression),
        }
    }

    /// The level of the text column `column` that `value` names, with quotes, without, or as a number; `None` if `column` is
    /// no such column, or `value` no such word.
    fn level_beside(&self, column: &Expression, value: &Expression) -> Tied<Option<String>> {
        let Expression::Column(name) = column else { return Ok(None) };
        let Some(source) = self.sources.get(name.as_str()) else { return Ok(None) };
        let Data::Codes { levels, .. } = &source.column.data else { return Ok(None) };
        let Some(word) = self.word(value) else { return Ok(None) };
        match level_index(levels, &word).and_then(|i| levels.get(i)) {
            Some(level) => Ok(Some(level.clone())),
            None => Err(self.problem(
                format!("`{}` is a value that `{name}` never has", short(&word)),
                format!("the values that occur are {}", occurring(source.column)),
            )),
        }
    }

    /// A literal as text; a name is one only where no column is called so.
    fn word(&self, value: &Expression) -> Option<String> {
        match value {
            Expression::Text(text) => Some(text.clone()),
            Expression::Column(name) => (!self.sources.contains_key(name.as_str())).then(|| name.clone()),
            Expression::Flag(flag) => Some(flag.to_string()),
            other => constant(other).map(|x| x.to_string()),
        }
    }

    fn among(&self, x: &Expression, list: &[Expression]) -> Tied<Flag<'a>> {
        match self.any(x)? {
            Bound::Text(text) => {
                let level = |item: &Expression| match self.level_beside(x, item)? {
                    Some(level) => Ok(level),
                    None => self.word(item).ok_or_else(|| self.mixed()),
                };
                let levels: Tied<Vec<String>> = list.iter().map(level).collect();
                Ok(Flag::AmongTexts(Box::new(text), levels?))
            }
            Bound::Date(date) => {
                let day = |item: &Expression| match self.date(item)? {
                    Number::Constant(day) => Ok(day),
                    _ => Err(self.mixed()),
                };
                let days: Tied<Vec<f64>> = list.iter().map(day).collect();
                Ok(Flag::AmongNumbers(Box::new(date), days?))
            }
            _ => {
                let value = |item: &Expression| match item {
                    Expression::Text(text) => number(text),
                    Expression::Flag(flag) => Some(f64::from(*flag)),
                    other => constant(other),
                };
                let numbers: Option<Vec<f64>> = list.iter().map(value).collect();
                let numbers = numbers.ok_or_else(|| self.mixed())?;
                Ok(Flag::AmongNumbers(Box::new(self.number(x)?), numbers))
            }
        }
    }

    fn mixed(&self) -> DatasetProblem {
        self.problem(
            "the list holds something else than the values of the column".into(),
            "write numbers for a column of numbers, texts for one of texts, `date(\"2021-03-04\")` for dates",
        )
    }
}

/// The days of each level of a text column, if all of them are dates.
fn days_of_levels(column: &Column) -> Option<Vec<f64>> {
    let Data::Codes { levels, .. } = &column.data else { return None };
    let days: Option<Vec<f64>> = levels.iter().map(|level| days(level)).collect();
    days.filter(|days| !days.is_empty())
}

/// A number that is written out.
fn constant(expression: &Expression) -> Option<f64> {
    match expression {
        Expression::Number(x) => Some(*x),
        Expression::Minus(x) => constant(x).map(|x| -x),
        _ => None,
    }
}
