//! Expressions on the columns of a row: `cigs > 0`, `log(income + 1)`, `age >= 18 and state != "TX"`.
//!
//! ```text
//! expression := all ( "or" all )*
//! all        := denial ( "and" denial )*
//! denial     := "not" denial  |  comparison
//! comparison := sum ( ( "==" | "!=" | "<" | "<=" | ">" | ">=" ) sum )*  |  sum "not"? "in" list
//! sum        := product ( ( "+" | "-" ) product )*
//! product    := signed ( ( "*" | "/" ) signed )*
//! signed     := "-" signed  |  power
//! power      := primary ( "^" signed )?
//! primary    := number | "text" | 'text' | true | false | column | function "(" arguments ")" | "(" expression ")"
//! column     := name made of letters, digits, "_" and ".", not beginning with a digit; or any text in backticks
//! list       := "[" literal ( "," literal )* "]"
//! ```
//!
//! `18 <= age < 65` means both. `&` and `|` are `and` and `or`, `**` is `^`. A missing value makes a missing result, but for
//! `is_missing`, and where the other side of `and` or `or` decides. Columns are bound, and kinds of values checked, where the
//! table is known; the names of functions and how many arguments each takes are known here.
//!
//! A term (`crate::term`) is written in the same names and quotes; there `==` binds closer than `*`.

pub(crate) mod cursor;
mod parse;

use std::collections::BTreeSet;

/// The longest text of an expression, in bytes.
pub const LONGEST: usize = 4_096;

/// The deepest nesting.
pub const DEEPEST: usize = 48;

/// An expression as the plan wrote it, read.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// The text, trimmed.
    pub text: String,
    /// What it says.
    pub expression: Expression,
}

/// The grammar of the module header, read.
#[derive(Debug, Clone, PartialEq)]
pub enum Expression {
    /// A number.
    Number(f64),
    /// A text in quotes.
    Text(String),
    /// `true` or `false`.
    Flag(bool),
    /// The value of a column; beside `==`, `!=` and `in` it may also be a level without its quotes.
    Column(String),
    /// `not x`.
    Not(Box<Expression>),
    /// `-x`.
    Minus(Box<Expression>),
    /// Two numbers make a number.
    Arithmetic(Arithmetic, Box<Expression>, Box<Expression>),
    /// Two values make a truth value.
    Comparison(Comparison, Box<Expression>, Box<Expression>),
    /// `x and y`.
    And(Box<Expression>, Box<Expression>),
    /// `x or y`.
    Or(Box<Expression>, Box<Expression>),
    /// `x in [a, b]`.
    Among(Box<Expression>, Vec<Expression>),
    /// `f(x, …)`.
    Call(Function, Vec<Expression>),
    /// `[a, b]`, the last argument of `cut`.
    List(Vec<Expression>),
}

/// What two numbers make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arithmetic {
    /// `+`
    Plus,
    /// `-`
    Minus,
    /// `*`
    Times,
    /// `/`
    Over,
    /// `^`
    Power,
}

/// How two values compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
}

impl Comparison {
    /// As it is written.
    #[must_use]
    pub fn sign(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Greater => ">",
            Self::AtLeast => ">=",
        }
    }
}

causal::keyed_enum! {
    /// A function.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub enum Function {
        /// Natural logarithm of a number above 0.
        Log = "log",
        /// log(1 + x) of a number above -1.
        Log1p = "log1p",
        /// Decimal logarithm of a number above 0.
        Log10 = "log10",
        /// e to the x.
        Exp = "exp",
        /// Square root of a number from 0 on.
        Sqrt = "sqrt",
        /// Size without sign.
        Abs = "abs",
        /// The nearest whole number, halves away from zero.
        Round = "round",
        /// The next whole number below.
        Floor = "floor",
        /// The next whole number above.
        Ceil = "ceil",
        /// The smallest of its arguments.
        Min = "min",
        /// The largest of its arguments.
        Max = "max",
        /// `if(condition, then, otherwise)`.
        If = "if",
        /// True where its argument has no value.
        IsMissing = "is_missing",
        /// `cut(x, [a, b])`: the interval, closed on the left, in which a number lies.
        Cut = "cut",
        /// `date("2021-03-04")`.
        Date = "date",
        /// Days of a date since 1970-01-01, as a number.
        Days = "days",
        /// Year of a date.
        Year = "year",
        /// Month of a date, 1 to 12.
        Month = "month",
        /// Day of the month, 1 to 31.
        Day = "day",
        /// Day of the week, 1 for Monday to 7 for Sunday.
        Weekday = "weekday",
        /// `starts_with(x, "a")`.
        StartsWith = "starts_with",
        /// `contains(x, "a")`.
        Contains = "contains",
    }
}

impl Function {
    /// All of them.
    pub const ALL: [Function; 22] = [
        Function::Log,
        Function::Log1p,
        Function::Log10,
        Function::Exp,
        Function::Sqrt,
        Function::Abs,
        Function::Round,
        Function::Floor,
        Function::Ceil,
        Function::Min,
        Function::Max,
        Function::If,
        Function::IsMissing,
        Function::Cut,
        Function::Date,
        Function::Days,
        Function::Year,
        Function::Month,
        Function::Day,
        Function::Weekday,
        Function::StartsWith,
        Function::Contains,
    ];

    /// The least and the most arguments.
    #[must_use]
    pub fn arguments(self) -> (usize, usize) {
        match self {
            Self::Min | Self::Max => (2, 16),
            Self::If => (3, 3),
            Self::Cut | Self::StartsWith | Self::Contains => (2, 2),
            _ => (1, 1),
        }
    }

    /// How it is called, for a message.
    #[must_use]
    pub fn usage(self) -> String {
        match self {
            Self::Min | Self::Max => format!("{}(x, y, …)", self.key()),
            Self::If => "if(condition, then, otherwise)".to_owned(),
            Self::Cut => "cut(x, [25, 45, 65])".to_owned(),
            Self::StartsWith | Self::Contains => format!("{}(x, \"text\")", self.key()),
            Self::Date => "date(\"2021-03-04\")".to_owned(),
            _ => format!("{}(x)", self.key()),
        }
    }
}

/// The reason why a text is not an expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionFault {
    /// Nothing is there.
    #[error("it is empty")]
    Empty,
    /// More than [`LONGEST`] bytes.
    #[error("it is longer than {LONGEST} bytes")]
    TooLong,
    /// More than [`DEEPEST`] levels.
    #[error("it is nested more than {DEEPEST} deep")]
    TooDeep,
    /// The text ends too early.
    #[error("it ends where {expected} should be")]
    Ends {
        /// What should be there.
        expected: &'static str,
    },
    /// Something else is there.
    #[error("expected {expected} at `{at}`")]
    Expected {
        /// What should be there.
        expected: &'static str,
        /// The text from there on.
        at: String,
    },
    /// One `=`.
    #[error("`=` is written `==`")]
    SingleEquals,
    /// `!`.
    #[error("`!` is written `not`")]
    Exclamation,
    /// Something stands in quotes or backticks that do not end.
    #[error("`{quote}` is not closed")]
    NotClosed {
        /// The quote.
        quote: char,
    },
    /// A name in backticks without characters.
    #[error("a column name is empty")]
    EmptyName,
    /// A number that runs into a name.
    #[error("`{at}` begins with a digit; a column of that name goes in backticks")]
    NumberThenName {
        /// The number and what follows.
        at: String,
    },
    /// No such function.
    #[error("there is no function `{name}`; there are {}", known_functions())]
    NoFunction {
        /// The name.
        name: String,
    },
    /// Too few or too many arguments.
    #[error("`{}` is called as `{}`", function.key(), function.usage())]
    Arguments {
        /// The function.
        function: Function,
    },
    /// `a == b == c`.
    #[error("only `<`, `<=`, `>` and `>=` can be chained, as in `18 <= age < 65`")]
    Chain,
}

fn known_functions() -> String {
    Function::ALL.map(|f| f.key()).join(", ")
}

/// A text that is not an expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an expression: {fault}")]
pub struct ExpressionError {
    /// The text.
    pub text: String,
    /// The fault.
    pub fault: ExpressionFault,
}

impl Written {
    /// Reads an expression.
    ///
    /// # Errors
    /// [`ExpressionError`] with the fault.
    pub fn parse(text: &str) -> Result<Self, ExpressionError> {
        let text = text.trim();
        let expression =
            parse::parse(text).map_err(|fault| ExpressionError { text: crate::text::lists::short(text), fault })?;
        Ok(Self { text: text.to_owned(), expression })
    }

    /// The names in it that may be columns.
    #[must_use]
    pub fn columns(&self) -> BTreeSet<&str> {
        let mut names = BTreeSet::new();
        self.expression.collect(&mut names);
        names
    }
}

/// A value as an expression writes it: a number as it is, any other text in quotes.
#[must_use]
pub fn literal(value: &str) -> String {
    let value = value.trim();
    let plain = value.parse::<f64>().is_ok_and(f64::is_finite) && !value.starts_with('+');
    if plain { value.to_owned() } else { format!("\"{}\"", value.replace('"', "\"\"")) }
}

impl Expression {
    fn collect<'a>(&'a self, names: &mut BTreeSet<&'a str>) {
        match self {
            Self::Column(name) => {
                names.insert(name);
            }
            Self::Number(_) | Self::Text(_) | Self::Flag(_) => {}
            Self::Not(x) | Self::Minus(x) => x.collect(names),
            Self::Arithmetic(_, x, y) | Self::Comparison(_, x, y) | Self::And(x, y) | Self::Or(x, y) => {
                x.collect(names);
                y.collect(names);
            }
            Self::Among(x, list) => {
                x.collect(names);
                list.iter().for_each(|item| item.collect(names));
            }
            Self::Call(_, list) | Self::List(list) => list.iter().for_each(|item| item.collect(names)),
        }
    }
}
