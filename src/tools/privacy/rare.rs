//! Levels that few units have do not leave this machine.
//!
//! A level is recognised beside its column only, as in the term `education == 5`: a level may be an ordinary word. What may
//! be said is listed, not what may not: a value that occurs in fewer than `min_cell` analysed rows, or in none, is hidden.

use super::super::columns::Role;
use super::names::{escaped, is_word, may_begin_after, written};
use crate::pipeline::Prepared;
use crate::schema::ColumnKind;
use crate::spec::MISSING_LEVEL;
use crate::term::Term;
use std::cmp::Reverse;
use std::collections::BTreeSet;

/// The text that replaces a rare level.
pub(super) const HIDDEN: &str = "(a rare level)";

/// The values of a column that may be said.
#[derive(Debug, Clone)]
enum Values {
    /// Every level with its written forms, longest first, and whether it is rare.
    Levels(Vec<(String, bool)>),
    /// Numbers that are not rare, as bits.
    Numbers(BTreeSet<u64>),
}

#[derive(Debug, Clone)]
struct Column {
    name: String,
    /// The forms in which a text may write it.
    forms: BTreeSet<String>,
    values: Values,
    /// The number of values that occur; true if one of them is rare.
    distinct: (usize, bool),
    /// True if enough units have no value.
    missing_is_common: bool,
}

/// The columns with values that may be rare.
#[derive(Debug, Clone, Default)]
pub(super) struct RareLevels {
    columns: Vec<Column>,
}

impl RareLevels {
    pub(super) fn new(prepared: &Prepared, columns: &[(String, Role)], min_cell: usize) -> Self {
        let rows = prepared.arms().0;
        let column = |(name, role): &(String, Role)| {
            let tally = role.is_described().then(|| prepared.tally(name)).flatten()?;
            let info = prepared.document.columns.iter().find(|info| info.name == *name)?;
            // Levels of the file that no analysed row has are rare as well, and must be known to be hidden.
            let all = if info.kind == ColumnKind::Category { Some(info.levels.as_slice()) } else { None };
            Some(Column::new(name, &tally, all, rows, min_cell))
        };
        Self { columns: columns.iter().filter_map(column).collect() }
    }

    pub(super) fn is_rare(&self, column: &str, value: &str) -> bool {
        let found = self.columns.iter().find(|known| known.name == column);
        // A column that nobody described has no value that may be said.
        found.is_none_or(|column| column.is_rare(value))
    }

    pub(super) fn distinct(&self, column: &str) -> Option<(usize, bool)> {
        self.columns.iter().find(|known| known.name == column).map(|known| known.distinct)
    }

    pub(super) fn hide(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut from = 0;
        for (at, equals) in text.match_indices("==").filter(|_| !self.columns.is_empty()) {
            // `at` may lie inside a value that was hidden just now.
            let Some(column) = text.get(..at).filter(|_| at >= from).and_then(|before| self.before(before)) else {
                continue;
            };
            let rest = text.get(at + equals.len()..).unwrap_or_default();
            let value = rest.trim_start();
            let Some(length) = column.rare_at(value) else { continue };
            let start = text.len() - value.len();
            out.push_str(text.get(from..start).unwrap_or_default());
            out.push_str(HIDDEN);
            from = start + length;
        }
        out.push_str(text.get(from..).unwrap_or_default());
        out
    }

    /// The column whose name ends `before`; the longest, if one name ends another.
    fn before(&self, before: &str) -> Option<&Column> {
        let before = before.trim_end();
        let bare = before.strip_suffix('`').unwrap_or(before);
        let ends = |form: &&String| {
            bare.strip_suffix(form.as_str()).is_some_and(|rest| !form.starts_with(is_word) || may_begin_after(rest))
        };
        let length = |column: &Column| column.forms.iter().filter(ends).map(String::len).max();
        let named = self.columns.iter().filter_map(|column| Some((length(column)?, column)));
        named.max_by_key(|(length, _)| *length).map(|(_, column)| column)
    }
}

impl Column {
    fn new(name: &str, tally: &[(String, usize)], all: Option<&[String]>, rows: usize, min_cell: usize) -> Self {
        let values = match all {
            Some(all) => Values::Levels(levels(tally, all, min_cell)),
            None => {
                let common = tally.iter().filter(|(_, n)| *n >= min_cell);
                Values::Numbers(common.filter_map(|(value, _)| bits(value)).collect())
            }
        };
        let present: usize = tally.iter().map(|(_, n)| n).sum();
        let missing_is_common = rows.saturating_sub(present) >= min_cell;
        let distinct = (tally.len(), tally.iter().any(|(_, n)| *n < min_cell));
        Self { name: name.to_owned(), forms: written(name), values, distinct, missing_is_common }
    }

    fn is_rare(&self, value: &str) -> bool {
        if value == MISSING_LEVEL {
            return !self.missing_is_common;
        }
        match &self.values {
            Values::Numbers(common) => bits(value).is_none_or(|bits| !common.contains(&bits)),
            Values::Levels(levels) => match levels.iter().find(|(form, _)| form == value) {
                Some((_, rare)) => *rare,
                // `5.0` for `5`.
                None => !levels.iter().any(|(form, rare)| !rare && bits(form).is_some() && bits(form) == bits(value)),
            },
        }
    }

    /// The length in bytes of a rare value of this column, if `text` begins with one.
    fn rare_at(&self, text: &str) -> Option<usize> {
        // This text has been through the filter before.
        if text.starts_with(HIDDEN) {
            return None;
        }
        if text.starts_with(MISSING_LEVEL) {
            return (!self.missing_is_common).then_some(MISSING_LEVEL.len());
        }
        if let Values::Levels(levels) = &self.values {
            let begins = |(form, _): &&(String, bool)| text.strip_prefix(form.as_str()).is_some_and(ends_value);
            if let Some((form, rare)) = levels.iter().find(begins) {
                return rare.then_some(form.len());
            }
        }
        let length = length(text);
        let value = text.get(..length).filter(|value| !value.is_empty())?;
        let bare = value.trim_matches(|c| c == '"' || c == '\\' || c == '\'');
        self.is_rare(bare).then_some(length)
    }
}

/// Every level in every written form, longest first, with whether it is rare. Two levels that share a form are both rare
/// if either is.
fn levels(tally: &[(String, usize)], all: &[String], min_cell: usize) -> Vec<(String, bool)> {
    let common = |level: &String| tally.iter().any(|(value, n)| value == level && *n >= min_cell);
    let mut forms: Vec<(String, bool)> = Vec::new();
    for level in all.iter().chain(tally.iter().map(|(value, _)| value)) {
        let term = Term::level("x", level).to_string();
        let in_term = term.strip_prefix("x == ").unwrap_or_default().to_owned();
        for form in [level.clone(), escaped(level), escaped(&in_term), in_term] {
            if !form.is_empty() {
                forms.push((form, !common(level)));
            }
        }
    }
    forms.sort_by(|a, b| (Reverse(a.0.len()), &a.0, Reverse(a.1)).cmp(&(Reverse(b.0.len()), &b.0, Reverse(b.1))));
    forms.dedup_by(|later, first| later.0 == first.0);
    forms
}

/// A number as bits, `true` and `false` as 1 and 0.
fn bits(value: &str) -> Option<u64> {
    let number = match value.trim().to_lowercase().as_str() {
        "true" => 1.0,
        "false" => 0.0,
        other => other.parse::<f64>().ok()?,
    };
    (!number.is_nan()).then(|| (number + 0.0).to_bits())
}

/// True if a value may end here: no letter follows, nor the decimals of a longer number.
fn ends_value(after: &str) -> bool {
    let mut next = after.chars();
    match (next.next(), next.next()) {
        (Some('.'), Some(c)) => !c.is_ascii_digit(),
        (Some(c), _) => !is_word(c),
        (None, _) => true,
    }
}

/// The length of the value that a text begins with: up to the closing quote, or to the end of the word.
fn length(text: &str) -> usize {
    for quote in ["\\\"", "\""] {
        if let Some(inner) = text.strip_prefix(quote) {
            let mut from = 0;
            while let Some(at) = inner.get(from..).and_then(|rest| rest.find(quote)) {
                let end = from + at + quote.len();
                let doubled = inner.get(end..).is_some_and(|rest| rest.starts_with(quote));
                if !doubled {
                    return quote.len() + end;
                }
                from = end + quote.len();
            }
            return text.len();
        }
    }
    let end = text.find(|c: char| c.is_whitespace() || "*`,;\"\\)]}".contains(c)).unwrap_or(text.len());
    text.get(..end).map_or(0, |word| word.trim_end_matches(['.', ':', '?', '!']).len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rare() -> RareLevels {
        let tally = |pairs: &[(&str, usize)]| pairs.iter().map(|(v, n)| ((*v).to_owned(), *n)).collect::<Vec<_>>();
        let levels = ["1", "2", "5", "North", "North West", "say \"hi\"", "gone"].map(str::to_owned);
        let education = tally(&[("1", 50), ("2", 40), ("5", 3), ("North", 20), ("North West", 4), ("say \"hi\"", 2)]);
        let region = Column::new("a b", &tally(&[("x", 90), ("y", 2)]), Some(&["x".into(), "y".into()]), 92, 10);
        let column = Column::new("education", &education, Some(&levels), 119, 10);
        let age = Column::new("age", &tally(&[("42", 30), ("43", 2), ("0.5", 12)]), None, 60, 10);
        RareLevels { columns: vec![column, region, age] }
    }

    #[test]
    fn rare_levels_are_hidden_beside_their_column_only() {
        let rare = rare();
        for (text, expected) in [
            ("`education == 5` is still", "`education == (a rare level)` is still"),
            ("education==5, age^2", "education==(a rare level), age^2"),
            ("education == 2 and 5 more", "education == 2 and 5 more"),
            ("education == North", "education == North"),
            ("education == \"North West\" * age", "education == (a rare level) * age"),
            ("{\"t\":\"education == \\\"North West\\\"\"}", "{\"t\":\"education == (a rare level)\"}"),
            ("{\"t\":\"education == \\\"say \\\"\\\"hi\\\"\\\"\\\"\"}", "{\"t\":\"education == (a rare level)\"}"),
            ("education == gone.", "education == (a rare level)."),
            ("education == 5.0", "education == (a rare level)"),
            ("education == 2.0", "education == 2.0"),
            ("`a b` == y", "`a b` == (a rare level)"),
            ("`a b` == x", "`a b` == x"),
            ("age == 43; age == 42.0; age == 0.5", "age == (a rare level); age == 42.0; age == 0.5"),
            ("cabbage == 43 and income == 5", "cabbage == 43 and income == 5"),
            ("age == (missing)", "age == (missing)"),
            ("education == (missing)", "education == (a rare level)"),
            ("education ==", "education =="),
        ] {
            let hidden = rare.hide(text);
            assert_eq!(hidden, expected, "{text}");
            assert_eq!(rare.hide(&hidden), hidden, "a second time: {text}");
        }
    }

    #[test]
    fn a_level_of_exactly_the_smallest_cell_is_no_rare_one_and_one_fewer_is() {
        let tally = [("ten".to_owned(), 10), ("nine".to_owned(), 9), ("many".to_owned(), 71)];
        let levels = ["ten", "nine", "many"].map(str::to_owned);
        let category = Column::new("c", &tally, Some(&levels), 100, 10);
        assert!(!category.is_rare("ten") && category.is_rare("nine") && !category.is_rare("many"));
        assert!(category.distinct == (3, true) && category.missing_is_common, "ten have no value");
        assert!(!Column::new("c", &tally, Some(&levels), 99, 10).missing_is_common, "nine have none");
        let tally = [("1".to_owned(), 10), ("2".to_owned(), 9), ("3".to_owned(), 71)];
        let number = Column::new("x", &tally, None, 90, 10);
        assert!(!number.is_rare("1") && number.is_rare("2") && !number.is_rare("3"));
        let ten = [("0".to_owned(), 80), ("1".to_owned(), 10)];
        assert_eq!(Column::new("flag", &ten, None, 90, 10).distinct, (2, false));
        let nine = [("0".to_owned(), 81), ("1".to_owned(), 9)];
        assert_eq!(Column::new("flag", &nine, None, 90, 10).distinct, (2, true));
    }
}
