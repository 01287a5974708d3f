//! Names of columns in a question. Nothing is parsed: a column is named if its name stands in the text, whole.

use crate::plan::names::words;

/// The columns whose names occur in a question, in its order: exactly, between characters that belong to no name, or word for
/// word (`hours slept` for `hours_slept`). Where a longer name covers a shorter one (`wage` in `wage_1978`), the longer one is
/// meant.
#[must_use]
pub fn names_in<'a>(question: &str, columns: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let asked = words(question);
    let mut found: Vec<(usize, usize, &str)> = Vec::new();
    for column in columns.into_iter().filter(|column| !column.trim().is_empty()) {
        let own = words(column);
        let exact = stands_at(question, column).map(|at| words(question.get(..at).unwrap_or_default()).len());
        // A letter alone is a word of English as often as a name.
        let long = own.concat().chars().count() >= 2;
        let by_words = || asked.windows(own.len().max(1)).position(|window| long && window == own.as_slice());
        if let Some(at) = exact.or_else(by_words) {
            found.push((at, at + own.len().max(1), column));
        }
    }
    let covered = |one: &(usize, usize, &str)| {
        found.iter().any(|other| other.0 <= one.0 && one.1 <= other.1 && other.1 - other.0 > one.1 - one.0)
    };
    let mut kept: Vec<(usize, usize, &str)> = found.iter().filter(|one| !covered(one)).copied().collect();
    kept.sort_by_key(|one| one.0);
    kept.into_iter().map(|one| one.2.to_owned()).collect()
}

/// Where a name stands in a text with no letter, digit or `_` beside it.
fn stands_at(text: &str, name: &str) -> Option<usize> {
    let part_of_a_name = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(name).map(|(at, _)| at).find(|at| {
        let before = text.get(..*at).and_then(|before| before.chars().next_back());
        let after = text.get(at + name.len()..).and_then(|after| after.chars().next());
        !before.is_some_and(part_of_a_name) && !after.is_some_and(part_of_a_name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn named(question: &str, columns: &[&str]) -> Vec<String> {
        names_in(question, columns.iter().copied())
    }

    #[test]
    fn names_that_stand_there_and_no_others() {
        assert_eq!(named("Does treat raise re78?", &["re78", "treat", "age"]), ["treat", "re78"]);
        assert_eq!(
            named("does hours slept change Blood Pressure", &["blood_pressure", "hours_slept"]),
            ["hours_slept", "blood_pressure"]
        );
        assert_eq!(named("wage_1978 after training", &["wage", "wage_1978", "training"]), ["wage_1978", "training"]);
        assert_eq!(named("is a cause of x", &["a", "x"]), ["a", "x"], "exact names may be letters");
        assert_eq!(named("Is A a cause?", &["i", "A"]), ["A"]);
        assert_eq!(named("retreated re7", &["treat", "re78"]), Vec::<String>::new());
        assert_eq!(named("a\u{1b}[31m\"b\nc\"", &["b\nc"]), ["b\nc"]);
        assert_eq!(named("", &["a"]), Vec::<String>::new());
    }

    proptest! {
        #[test]
        fn whatever_is_asked_only_columns_are_named(question in "\\PC{0,60}", columns in prop::collection::vec("\\PC{0,8}", 0..6)) {
            let names = names_in(&question, columns.iter().map(String::as_str));
            prop_assert!(names.iter().all(|name| columns.iter().any(|column| column == name)));
        }
    }
}
