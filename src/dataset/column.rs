//! One column in memory: numbers with NaN for missing, or codes into a list of levels.

use crate::plan::ColumnType;
use crate::schema::{ColumnInfo, ColumnKind, Conversion, Suspicion};
use crate::text::lists::short;
use crate::text::numbers::count;
use std::collections::HashMap;

/// Code of a missing value.
pub(super) const MISSING: u32 = u32::MAX;

/// The stored type of a column that the plan computes.
pub(super) const DERIVED: &str = "derived";

/// Text with more distinct values than this is not a category but free text or a name.
pub(super) const MAX_LEVELS: usize = 10_000;

/// Largest whole number up to which every whole number is an f64: 2^53.
const EXACT: i64 = 1 << 53;

/// The values.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Data {
    /// NaN is missing; a boolean is 0 and 1.
    Numbers(Vec<f64>),
    /// Indices into the levels, reference first; [`MISSING`] is missing.
    Codes { codes: Vec<u32>, levels: Vec<String> },
    /// A type that no analysis uses; only how many values are missing.
    Opaque { missing: usize },
}

/// A column.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: ColumnKind,
    pub(super) stored_as: String,
    pub(super) data: Data,
    /// The reason why the column cannot be used as it is, in a sentence; `None` if it can.
    pub(super) obstacle: Option<String>,
    /// Everything that was done to its values.
    pub(super) conversions: Vec<Conversion>,
    /// Values that may not mean what they say.
    pub(super) suspicions: Vec<Suspicion>,
}

impl Column {
    pub(super) fn numbers(name: &str, stored_as: &str, values: Vec<f64>) -> Self {
        Self::new(name, stored_as, ColumnKind::Number, Data::Numbers(values))
    }

    pub(super) fn new(name: &str, stored_as: &str, kind: ColumnKind, data: Data) -> Self {
        let (name, stored_as) = (name.to_owned(), stored_as.to_owned());
        Self { name, kind, stored_as, data, obstacle: None, conversions: Vec::new(), suspicions: Vec::new() }
    }

    /// Dates as days since 1970-01-01; a number once the plan says so.
    pub(super) fn dates(name: &str, stored_as: &str, days: Vec<f64>) -> Self {
        let obstacle = Some("is a date".to_owned());
        Self { obstacle, ..Self::new(name, stored_as, ColumnKind::Date, Data::Numbers(days)) }
    }

    /// A text column: a category, unless it has so many levels that it is a name or free text.
    pub(super) fn text(name: &str, stored_as: &str, encoded: Encoded) -> Self {
        let Encoded { codes, levels } = encoded.sorted();
        let kind = if levels.len() > MAX_LEVELS { ColumnKind::Other } else { ColumnKind::Category };
        let obstacle = (kind == ColumnKind::Other).then(|| format!("has {} distinct texts", count(levels.len())));
        Self { obstacle, ..Self::new(name, stored_as, kind, Data::Codes { codes, levels }) }
    }

    pub(super) fn missing(&self) -> usize {
        match &self.data {
            Data::Numbers(v) => v.iter().filter(|x| x.is_nan()).count(),
            Data::Codes { codes, .. } => codes.iter().filter(|c| **c == MISSING).count(),
            Data::Opaque { missing } => *missing,
        }
    }

    pub(super) fn is_missing(&self, row: usize) -> bool {
        match &self.data {
            Data::Numbers(v) => v.get(row).is_none_or(|x| x.is_nan()),
            Data::Codes { codes, .. } => codes.get(row).is_none_or(|c| *c == MISSING),
            Data::Opaque { .. } => false,
        }
    }

    /// The levels of a category or boolean, reference first; empty otherwise.
    pub(super) fn levels(&self) -> Vec<String> {
        match (&self.data, self.kind) {
            (Data::Codes { levels, .. }, ColumnKind::Category) => levels.clone(),
            (_, ColumnKind::Boolean) => vec!["false".into(), "true".into()],
            _ => Vec::new(),
        }
    }

    pub(super) fn info(&self) -> ColumnInfo {
        ColumnInfo {
            name: self.name.clone(),
            kind: self.kind,
            stored_as: self.stored_as.clone(),
            missing: self.missing(),
            levels: self.levels(),
        }
    }

    /// The column with only the given rows.
    pub(super) fn select(&self, rows: &[usize]) -> Self {
        let data = match &self.data {
            Data::Numbers(v) => Data::Numbers(rows.iter().filter_map(|i| v.get(*i).copied()).collect()),
            Data::Codes { codes, levels } => Data::Codes {
                codes: rows.iter().filter_map(|i| codes.get(*i).copied()).collect(),
                levels: levels.clone(),
            },
            Data::Opaque { missing } => Data::Opaque { missing: *missing },
        };
        Self { data, ..self.clone_without_data() }
    }

    fn clone_without_data(&self) -> Self {
        Self {
            name: self.name.clone(),
            kind: self.kind,
            stored_as: self.stored_as.clone(),
            data: Data::Opaque { missing: 0 },
            obstacle: self.obstacle.clone(),
            conversions: self.conversions.clone(),
            suspicions: self.suspicions.clone(),
        }
    }

    /// True if the value of a row is written like this.
    pub(super) fn shows(&self, row: usize, text: &str) -> bool {
        match &self.data {
            Data::Numbers(values) => values.get(row).is_some_and(|x| !x.is_nan() && self.show(*x) == text),
            Data::Codes { codes, levels } => {
                codes.get(row).and_then(|code| levels.get(*code as usize)).is_some_and(|level| level == text)
            }
            Data::Opaque { .. } => false,
        }
    }

    /// Distinct values as text with their counts, most frequent first (ties in value order); missing ones left out.
    pub(super) fn tally(&self) -> Vec<(String, usize)> {
        let mut tally: Vec<(String, usize)> = match &self.data {
            Data::Numbers(v) => {
                let mut sorted: Vec<f64> = v.iter().copied().filter(|x| !x.is_nan()).collect();
                sorted.sort_by(f64::total_cmp);
                // By value, not by bits: -0 and 0 are one value.
                let runs = sorted.chunk_by(|a, b| a == b);
                runs.filter_map(|run| Some((self.show(*run.first()?), run.len()))).collect()
            }
            Data::Codes { codes, levels } => {
                let mut counts = vec![0; levels.len()];
                for code in codes {
                    if let Some(n) = counts.get_mut(*code as usize) {
                        *n += 1;
                    }
                }
                levels.iter().cloned().zip(counts).filter(|(_, n)| *n > 0).collect()
            }
            Data::Opaque { .. } => Vec::new(),
        };
        // The sort is stable, which keeps ties in value order.
        tally.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
        tally
    }

    fn show(&self, value: f64) -> String {
        match (self.kind, value == 0.0) {
            (ColumnKind::Boolean, true) => "false".into(),
            (ColumnKind::Boolean, false) => "true".into(),
            _ => value.to_string(),
        }
    }

    /// The value in a row, as text for a message.
    pub(super) fn value(&self, row: usize) -> String {
        match &self.data {
            Data::Numbers(v) => v.get(row).map(|x| self.show(*x)).unwrap_or_default(),
            Data::Codes { codes, levels } => {
                codes.get(row).and_then(|c| levels.get(*c as usize)).map(|s| short(s)).unwrap_or_default()
            }
            Data::Opaque { .. } => String::new(),
        }
    }
}

impl Column {
    /// The text in a row, uncut; `None` where it is missing, and for numbers.
    pub(super) fn whole_text(&self, row: usize) -> Option<String> {
        match &self.data {
            Data::Codes { codes, levels } => codes.get(row).and_then(|code| levels.get(*code as usize)).cloned(),
            _ => None,
        }
    }
}

/// Text as codes, levels in order of appearance until [`Encoded::sorted`].
pub(super) struct Encoded {
    pub(super) codes: Vec<u32>,
    pub(super) levels: Vec<String>,
}

/// Encodes text; `None` is missing.
pub(super) fn encode<'a>(values: impl Iterator<Item = Option<&'a str>>) -> Encoded {
    let mut seen: HashMap<&str, u32> = HashMap::new();
    let mut levels = Vec::new();
    let codes = values
        .map(|value| match value {
            None => MISSING,
            Some(text) => *seen.entry(text).or_insert_with(|| {
                levels.push(text.to_owned());
                u32::try_from(levels.len() - 1).unwrap_or(MISSING)
            }),
        })
        .collect();
    Encoded { codes, levels }
}

impl Encoded {
    /// Levels in order: by value if all are numbers, else by text.
    pub(super) fn sorted(self) -> Self {
        let numbers: Option<Vec<f64>> = self.levels.iter().map(|s| number(s)).collect();
        let mut order: Vec<usize> = (0..self.levels.len()).collect();
        let text = |a: &usize, b: &usize| self.levels.get(*a).cmp(&self.levels.get(*b));
        match &numbers {
            Some(v) => order.sort_by(|a, b| {
                let key = |i: &usize| v.get(*i).copied().unwrap_or(f64::NAN);
                // `1` and `1.0` are two texts of one number.
                key(a).total_cmp(&key(b)).then_with(|| text(a, b))
            }),
            None => order.sort_by(text),
        }
        self.reordered(&order)
    }

    /// Levels in the given order of present indices.
    pub(super) fn reordered(self, order: &[usize]) -> Self {
        let mut rank = vec![MISSING; self.levels.len()];
        for (new, old) in order.iter().enumerate() {
            if let Some(cell) = rank.get_mut(*old) {
                *cell = u32::try_from(new).unwrap_or(MISSING);
            }
        }
        Self {
            codes: self.codes.iter().map(|c| rank.get(*c as usize).copied().unwrap_or(MISSING)).collect(),
            levels: order.iter().filter_map(|i| self.levels.get(*i).cloned()).collect(),
        }
    }
}

/// A text as a number, blanks around it ignored: what `str::parse::<f64>` accepts.
pub(super) fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok()
}

/// A whole number that f64 cannot hold exactly.
pub(super) fn too_large_for_f64(text: &str) -> bool {
    let text = text.trim();
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    !digits.is_empty()
        && digits.bytes().all(|b| b.is_ascii_digit())
        && text.parse::<i64>().map_or(true, |v| !(-EXACT..=EXACT).contains(&v))
}

/// True if the whole numbers all fit f64 exactly.
pub(super) fn exact(values: impl Iterator<Item = i64>) -> bool {
    values.into_iter().all(|v| (-EXACT..=EXACT).contains(&v))
}

/// A text as a truth value.
pub(super) fn truth(text: &str) -> Option<bool> {
    match text.trim().to_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "1" | "1.0" => Some(true),
        "false" | "f" | "no" | "n" | "0" | "0.0" => Some(false),
        _ => None,
    }
}

/// True if two texts name the same value: equal as text, as numbers, or as `true`/`false` beside 1/0.
pub(super) fn same_value(a: &str, b: &str) -> bool {
    let as_number = |s: &str| match s.trim() {
        "true" | "True" | "TRUE" => Some(1.0),
        "false" | "False" | "FALSE" => Some(0.0),
        other => number(other),
    };
    a == b || as_number(a).is_some_and(|x| as_number(b) == Some(x))
}

/// Index of the level that `value` names: by text first, then by number.
pub(super) fn level_index(levels: &[String], value: &str) -> Option<usize> {
    levels.iter().position(|l| l == value).or_else(|| levels.iter().position(|l| same_value(l, value)))
}

/// Name of an override's type in a plan.
pub(super) fn type_key(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::Number => "number",
        ColumnType::Category => "category",
        ColumnType::Boolean => "boolean",
    }
}
