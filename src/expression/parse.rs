//! Recursive descent over the grammar of the module above.

use super::cursor::{NotClosed, bare_name, is_name_char, quoted};
use super::{Arithmetic, Comparison, DEEPEST, Expression, ExpressionFault, Function, LONGEST};
use crate::text::lists::short;

type Read<T> = Result<T, ExpressionFault>;

const VALUE: &str = "a column, a number or a text in quotes";

/// Reads a whole text.
pub(super) fn parse(text: &str) -> Read<Expression> {
    if text.is_empty() {
        return Err(ExpressionFault::Empty);
    }
    if text.len() > LONGEST {
        return Err(ExpressionFault::TooLong);
    }
    let mut parser = Parser { rest: text, depth: 0 };
    let expression = parser.either()?;
    if parser.at_end() { Ok(expression) } else { Err(parser.unexpected("an operator, or the end,")) }
}

struct Parser<'a> {
    rest: &'a str,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn at_end(&mut self) -> bool {
        self.rest = self.rest.trim_start();
        self.rest.is_empty()
    }

    /// Takes a sign off the front.
    fn eat(&mut self, sign: &str) -> bool {
        self.rest = self.rest.trim_start();
        let Some(after) = self.rest.strip_prefix(sign) else { return false };
        self.rest = after;
        true
    }

    /// Takes a word off the front that no name goes on from.
    fn eat_word(&mut self, word: &str) -> bool {
        self.rest = self.rest.trim_start();
        let (found, after) = bare_name(self.rest);
        if found != word {
            return false;
        }
        self.rest = after;
        true
    }

    fn need(&mut self, sign: &str, expected: &'static str) -> Read<()> {
        if self.eat(sign) { Ok(()) } else { Err(self.unexpected(expected)) }
    }

    fn unexpected(&mut self, expected: &'static str) -> ExpressionFault {
        if self.at_end() {
            return ExpressionFault::Ends { expected };
        }
        match self.rest.chars().next() {
            Some('=') if !self.rest.starts_with("==") => ExpressionFault::SingleEquals,
            Some('!') if !self.rest.starts_with("!=") => ExpressionFault::Exclamation,
            _ => ExpressionFault::Expected { expected, at: short(self.rest) },
        }
    }

    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Read<T>) -> Read<T> {
        if self.depth == DEEPEST {
            return Err(ExpressionFault::TooDeep);
        }
        self.depth += 1;
        let found = read(self);
        self.depth -= 1;
        found
    }

    fn either(&mut self) -> Read<Expression> {
        self.deeper(|parser| {
            let mut left = parser.all()?;
            while parser.eat_word("or") || parser.eat("||") || parser.eat("|") {
                left = Expression::Or(Box::new(left), Box::new(parser.all()?));
            }
            Ok(left)
        })
    }

    fn all(&mut self) -> Read<Expression> {
        let mut left = self.denial()?;
        while self.eat_word("and") || self.eat("&&") || self.eat("&") {
            left = Expression::And(Box::new(left), Box::new(self.denial()?));
        }
        Ok(left)
    }

    fn denial(&mut self) -> Read<Expression> {
        if self.eat_word("not") {
            return self.deeper(|parser| Ok(Expression::Not(Box::new(parser.denial()?))));
        }
        self.comparison()
    }

    fn sign(&mut self) -> Option<Comparison> {
        // The longer ones first.
        let signs = [
            ("==", Comparison::Equal),
            ("!=", Comparison::NotEqual),
            ("<=", Comparison::AtMost),
            (">=", Comparison::AtLeast),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
        ];
        signs.into_iter().find(|(sign, _)| self.eat(sign)).map(|(_, sign)| sign)
    }

    fn comparison(&mut self) -> Read<Expression> {
        let mut left = self.sum()?;
        if self.eat_word("in") {
            return Ok(Expression::Among(Box::new(left), self.list()?));
        }
        if self.eat_word("not") {
            return match self.eat_word("in") {
                true => Ok(Expression::Not(Box::new(Expression::Among(Box::new(left), self.list()?)))),
                false => Err(self.unexpected("`in` after `not`")),
            };
        }
        let mut whole: Option<(Comparison, Expression)> = None;
        while let Some(sign) = self.sign() {
            let right = self.sum()?;
            let one = Expression::Comparison(sign, Box::new(left), Box::new(right.clone()));
            whole = Some(match whole {
                None => (sign, one),
                Some((before, _)) if !orders(before) || !orders(sign) => return Err(ExpressionFault::Chain),
                Some((_, earlier)) => (sign, Expression::And(Box::new(earlier), Box::new(one))),
            });
            left = right;
        }
        Ok(whole.map_or(left, |(_, whole)| whole))
    }

    fn sum(&mut self) -> Read<Expression> {
        let mut left = self.product()?;
        loop {
            let sign = match () {
                () if self.eat("+") => Arithmetic::Plus,
                () if self.eat("-") => Arithmetic::Minus,
                () => return Ok(left),
            };
            left = Expression::Arithmetic(sign, Box::new(left), Box::new(self.product()?));
        }
    }

    fn product(&mut self) -> Read<Expression> {
        let mut left = self.signed()?;
        loop {
            let sign = match () {
                () if self.eat("*") => Arithmetic::Times,
                () if self.eat("/") => Arithmetic::Over,
                () => return Ok(left),
            };
            left = Expression::Arithmetic(sign, Box::new(left), Box::new(self.signed()?));
        }
    }

    fn signed(&mut self) -> Read<Expression> {
        if self.eat("-") {
            return self.deeper(|parser| Ok(Expression::Minus(Box::new(parser.signed()?))));
        }
        self.power()
    }

    fn power(&mut self) -> Read<Expression> {
        let base = self.primary()?;
        if self.eat("^") || self.eat("**") {
            let exponent = self.deeper(Self::signed)?;
            return Ok(Expression::Arithmetic(Arithmetic::Power, Box::new(base), Box::new(exponent)));
        }
        Ok(base)
    }

    fn primary(&mut self) -> Read<Expression> {
        if self.at_end() {
            return Err(self.unexpected(VALUE));
        }
        if self.eat("(") {
            let inner = self.either()?;
            self.need(")", "`)`")?;
            return Ok(inner);
        }
        match self.rest.chars().next() {
            Some(quote @ ('"' | '\'')) => Ok(Expression::Text(self.quoted(quote)?)),
            Some('`') => {
                let name = self.quoted('`')?;
                if name.is_empty() { Err(ExpressionFault::EmptyName) } else { Ok(Expression::Column(name)) }
            }
            Some(c) if c.is_ascii_digit() || self.begins_with_fraction() => self.number().map(Expression::Number),
            Some(c) if is_name_char(c) => self.name(),
            _ => Err(self.unexpected(VALUE)),
        }
    }

    /// `.5`
    fn begins_with_fraction(&self) -> bool {
        self.rest.strip_prefix('.').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    }

    fn quoted(&mut self, quote: char) -> Read<String> {
        let inner = self.rest.strip_prefix(quote).unwrap_or(self.rest);
        let (text, rest) = quoted(inner, quote).map_err(|NotClosed| ExpressionFault::NotClosed { quote })?;
        self.rest = rest;
        Ok(text)
    }

    /// Digits, perhaps with a fraction and an exponent.
    fn number(&mut self) -> Read<f64> {
        let digits = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let tail = |at: usize| self.rest.get(at..).unwrap_or_default();
        let mut end = digits(self.rest);
        if tail(end).starts_with('.') {
            end += 1 + digits(tail(end + 1));
        }
        if tail(end).starts_with(['e', 'E']) {
            let sign = usize::from(tail(end + 1).starts_with(['+', '-']));
            let exponent = digits(tail(end + 1 + sign));
            if exponent > 0 {
                end += 1 + sign + exponent;
            }
        }
        let (text, rest) = self.rest.split_at(end);
        let at = || short(bare_name(self.rest).0);
        if rest.starts_with(is_name_char) {
            return Err(ExpressionFault::NumberThenName { at: at() });
        }
        let number: f64 = text.parse().map_err(|_| ExpressionFault::Expected { expected: "a number", at: at() })?;
        self.rest = rest;
        if number.is_finite() {
            Ok(number)
        } else {
            Err(ExpressionFault::Expected { expected: "a number below 1e308", at: short(text) })
        }
    }

    /// A word of the language, a function or a column.
    fn name(&mut self) -> Read<Expression> {
        let (name, rest): (&'a str, &'a str) = bare_name(self.rest);
        match name {
            "and" | "or" | "not" | "in" => return Err(self.unexpected(VALUE)),
            "true" | "false" | "True" | "False" | "TRUE" | "FALSE" => {
                self.rest = rest;
                return Ok(Expression::Flag(name.eq_ignore_ascii_case("true")));
            }
            _ => self.rest = rest,
        }
        if !self.eat("(") {
            return Ok(Expression::Column(name.to_owned()));
        }
        let function = Function::ALL
            .into_iter()
            .find(|function| function.key() == name)
            .ok_or_else(|| ExpressionFault::NoFunction { name: short(name) })?;
        let mut arguments = Vec::new();
        while !self.eat(")") {
            if !arguments.is_empty() {
                self.need(",", "`,` or `)`")?;
            }
            arguments.push(self.argument()?);
        }
        let (least, most) = function.arguments();
        // A list is the second argument of `cut` and of nothing else.
        let lists =
            |(i, it): (usize, &Expression)| matches!(it, Expression::List(_)) == (function == Function::Cut && i == 1);
        if (least..=most).contains(&arguments.len()) && arguments.iter().enumerate().all(lists) {
            return Ok(Expression::Call(function, arguments));
        }
        Err(ExpressionFault::Arguments { function })
    }

    fn argument(&mut self) -> Read<Expression> {
        self.rest = self.rest.trim_start();
        if self.rest.starts_with('[') { self.list().map(Expression::List) } else { self.either() }
    }

    /// Literals in square brackets.
    fn list(&mut self) -> Read<Vec<Expression>> {
        self.need("[", "a list in square brackets")?;
        let mut items = Vec::new();
        loop {
            items.push(self.deeper(Self::literal)?);
            if self.eat("]") {
                return Ok(items);
            }
            self.need(",", "`,` or `]`")?;
        }
    }

    /// A number, a text, a truth value, or a level without its quotes.
    fn literal(&mut self) -> Read<Expression> {
        let found = self.signed()?;
        let literal = match &found {
            Expression::Minus(inner) => matches!(**inner, Expression::Number(_)),
            Expression::Call(function, _) => *function == Function::Date,
            other => matches!(
                other,
                Expression::Number(_) | Expression::Text(_) | Expression::Flag(_) | Expression::Column(_)
            ),
        };
        if literal { Ok(found) } else { Err(self.unexpected("a number or a text in quotes, and nothing computed,")) }
    }
}

fn orders(sign: Comparison) -> bool {
    !matches!(sign, Comparison::Equal | Comparison::NotEqual)
}

#[cfg(test)]
mod tests {
    use super::super::{Arithmetic, Comparison, Expression, Written};
    use proptest::prelude::*;

    fn read(text: &str) -> Expression {
        Written::parse(text).expect(text).expression
    }

    fn column(name: &str) -> Box<Expression> {
        Box::new(Expression::Column(name.into()))
    }

    fn number(x: f64) -> Box<Expression> {
        Box::new(Expression::Number(x))
    }

    #[test]
    fn operators_bind_as_in_r_and_python() {
        assert_eq!(read("a + b * c"), read("a + (b * c)"));
        assert_eq!(read("-a ^ 2"), read("-(a ^ 2)"));
        assert_eq!(
            read("2 ^ -1"),
            Expression::Arithmetic(Arithmetic::Power, number(2.0), Box::new(Expression::Minus(number(1.0))))
        );
        assert_eq!(read("a - b - c"), read("(a - b) - c"));
        assert_eq!(read("a > 1 and b or c"), read("((a > 1) and b) or c"));
        assert_eq!(read("not a == 1 and b"), read("(not (a == 1)) and b"));
        assert_eq!(read("18 <= age < 65"), read("18 <= age and age < 65"));
        assert_eq!(read("a>1 & b<2 | c"), read("(a > 1 and b < 2) or c"));
        assert_eq!(read("a ** 2"), read("a^2"));
        assert_eq!(read("x not in [1, 2]"), read("not x in [1, 2]"));
    }

    #[test]
    fn names_numbers_and_quotes() {
        assert_eq!(read("cigs>0"), Expression::Comparison(Comparison::Greater, column("cigs"), number(0.0)));
        assert_eq!(
            read("`401k` == \"a \"\"b\"\"\""),
            Expression::Comparison(Comparison::Equal, column("401k"), Box::new(Expression::Text("a \"b\"".into())))
        );
        assert_eq!(read("1.5e-3"), Expression::Number(1.5e-3));
        assert_eq!(read(".5"), Expression::Number(0.5));
        // A word of the language is one only where the name ends with it.
        assert_eq!(read("order"), *column("order"));
        assert_eq!(Written::parse("inside > android").expect("names").columns().len(), 2);
    }

    #[test]
    fn refuses_with_a_reason() {
        for (text, reason) in [
            ("", "empty"),
            ("a >", "ends where"),
            ("a = 1", "written `==`"),
            ("!a", "written `not`"),
            ("`a", "not closed"),
            ("``", "empty"),
            ("401k > 1", "backticks"),
            ("foo(a)", "no function `foo`"),
            ("if(a, b)", "if(condition"),
            ("cut(age, 3)", "cut(x, ["),
            ("log([1])", "log(x)"),
            ("a == b == c", "chained"),
            ("a b", "an operator"),
            ("(a", "`)`"),
            ("x in 3", "square brackets"),
            ("x in [a + 1]", "`,` or `]`"),
            ("x in [log(2)]", "nothing computed"),
            ("a and", "ends where"),
            ("1e999", "below 1e308"),
        ] {
            let error = Written::parse(text).expect_err(text).to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
        let deep = "(".repeat(200) + "a" + &")".repeat(200);
        assert!(Written::parse(&deep).expect_err("deep").to_string().contains("nested"));
        assert!(Written::parse(&"-".repeat(4_000)).expect_err("deep").to_string().contains("nested"));
        assert!(Written::parse(&"a+".repeat(4_000)).expect_err("long").to_string().contains("longer"));
    }

    proptest! {
        #[test]
        fn never_panics(text in "[a-c0-9.,()\\[\\]<>=!&|+*/^`\"' -]{0,40}|.{0,40}") {
            let _ = Written::parse(&text);
        }
    }
}
