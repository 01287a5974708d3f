//! Values that may not mean what they say: codes for missing ones among numbers, spellings of one level among texts. They
//! are pointed out, and nothing is done about them.

use super::column::{Column, Data};
use super::read::missing_words::Declared;
use crate::plan::Merge;
use crate::schema::{Suspicion, SuspicionKind};
use crate::text::lists::short;
use std::collections::BTreeMap;

/// Texts that a note shows.
const SHOWN: usize = 6;

/// Numbers of this size and more are hardly a measurement where they stand alone.
const LARGE_CODE: f64 = 77.0;

/// Looks at one column, about which the plan says `declared`.
pub(super) fn look(column: &mut Column, declared: Declared<'_>) {
    let found = match &column.data {
        Data::Numbers(values) if !declared.is_settled() => codes_for_missing(values, &column.name),
        Data::Codes { codes, levels } => spellings(codes, levels, &column.name),
        _ => None,
    };
    column.suspicions.extend(found);
}

/// Codes for missing values: all nines, eights or sevens, or nines and a last digit of six to eight; each repeated, or beside
/// another; and away from every other value by more than those are from each other, or the only negative numbers.
fn codes_for_missing(values: &[f64], name: &str) -> Option<Suspicion> {
    let finite = || values.iter().copied().filter(|v| v.is_finite());
    let (low, high) = finite().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
    if !is_code(low) && !is_code(high) {
        return None;
    }
    let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
    let mut codes: Vec<(f64, usize)> = Vec::new();
    for value in finite() {
        if !is_code(value) {
            (least, most) = (least.min(value), most.max(value));
        } else if let Some((_, n)) = codes.iter_mut().find(|(code, _)| *code == value) {
            *n += 1;
        } else {
            codes.push((value, 1));
        }
    }
    let range = most - least;
    let far = |code: f64| code > most + range.max(1.0) || code < least - range.max(1.0);
    let only_negative = |code: f64| code < 0.0 && least >= 0.0;
    codes.retain(|(code, _)| far(*code) || only_negative(*code));
    codes.sort_by(|a, b| a.0.total_cmp(&b.0));
    let n: usize = codes.iter().map(|(_, n)| n).sum();
    // Two values and nothing else are a coding of their own.
    (n >= 2 && range > 0.0).then(|| Suspicion {
        column: name.to_owned(),
        kind: SuspicionKind::MissingCode,
        values: n,
        examples: codes.iter().take(SHOWN).map(|(code, _)| code.to_string()).collect(),
    })
}

fn is_code(value: f64) -> bool {
    let size = value.abs();
    if size.fract() != 0.0 || !(7.0..1e10).contains(&size) || (value > 0.0 && value < 9.0) {
        return false;
    }
    let digits = size.to_string();
    let Some((last, before)) = digits.as_bytes().split_last() else { return false };
    let all = |wanted: u8| before.iter().all(|digit| *digit == wanted);
    (all(b'9') && matches!(last, b'6'..=b'9') && (*last == b'9' || !before.is_empty()))
        || (all(b'8') && *last == b'8')
        || (all(b'7') && *last == b'7')
}

/// True if the suspicion is strong enough to refuse an outcome for: the codes are too large to be an odd measurement.
pub(super) fn is_strong(suspicion: &Suspicion) -> bool {
    let large = |text: &String| text.parse::<f64>().is_ok_and(|code| code.abs() >= LARGE_CODE);
    suspicion.kind == SuspicionKind::MissingCode && suspicion.examples.iter().all(large)
}

/// A text without what `merge` does not tell apart.
pub(super) fn spelling(text: &str, merge: Merge) -> String {
    let blanks = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match merge {
        Merge::Blanks => blanks,
        Merge::Case => blanks.to_lowercase(),
    }
}

/// The levels that one way of merging would make one, group by group.
pub(super) fn groups(levels: &[String], merge: Merge) -> Vec<Vec<usize>> {
    let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (i, level) in levels.iter().enumerate() {
        groups.entry(spelling(level, merge)).or_default().push(i);
    }
    groups.into_values().filter(|group| group.len() > 1).collect()
}

fn spellings(codes: &[u32], levels: &[String], name: &str) -> Option<Suspicion> {
    let by_case = groups(levels, Merge::Case);
    if by_case.is_empty() {
        return None;
    }
    let by_blanks = groups(levels, Merge::Blanks);
    let same = |groups: &[Vec<usize>]| groups.iter().map(Vec::len).sum::<usize>();
    let kind = if same(&by_blanks) == same(&by_case) { SuspicionKind::Blanks } else { SuspicionKind::Case };
    let mut in_group = vec![false; levels.len()];
    for level in by_case.iter().flatten() {
        if let Some(cell) = in_group.get_mut(*level) {
            *cell = true;
        }
    }
    let shown = by_case.iter().flatten().take(SHOWN).filter_map(|level| levels.get(*level));
    Some(Suspicion {
        column: name.to_owned(),
        kind,
        values: codes.iter().filter(|code| in_group.get(**code as usize) == Some(&true)).count(),
        examples: shown.map(|level| short(level)).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(values: &[f64]) -> Option<(usize, Vec<String>)> {
        codes_for_missing(values, "x").map(|found| (found.values, found.examples))
    }

    fn found(n: usize, codes: &[&str]) -> Option<(usize, Vec<String>)> {
        Some((n, codes.iter().map(|code| (*code).to_owned()).collect()))
    }

    #[test]
    fn isolated_codes_and_nothing_else() {
        assert_eq!(codes(&[4.0, 25.0, -99.0, 12.0, -99.0]), found(2, &["-99"]));
        assert_eq!(codes(&[10.0, 75.0, 999.0, 33.0, 999.0, f64::NAN]), found(2, &["999"]));
        assert_eq!(codes(&[0.0, 1.0, 9.0, 9.0, 1.0]), found(2, &["9"]));
        assert_eq!(codes(&[1.0, 5.0, 3.0, 97.0, 98.0, 99.0]), found(3, &["97", "98", "99"]));
        assert_eq!(codes(&[0.0, 100.0, -9.0, 50.0, -8.0]), found(2, &["-9", "-8"]));
        // Ages, prices, one value alone, and codings of two values.
        assert_eq!(codes(&[18.0, 95.0, 99.0, 99.0]), None);
        assert_eq!(codes(&[5.0, 1.0, 9.99, 9.99]), None);
        assert_eq!(codes(&[4.0, 25.0, -99.0]), None);
        assert_eq!(codes(&[0.0, 99.0, 99.0]), None);
        assert_eq!(codes(&[-5.0, 3.0, -9.0, -9.0, 8.0]), None);
        assert_eq!(codes(&[1e6, 2e5, 999_999.0, 999_999.0]), None);
        assert_eq!(codes(&[f64::NAN]), None);
    }

    #[test]
    fn spellings_of_one_level() {
        let levels: Vec<String> = ["No", "No ", "Yes", "b  c", "b c"].map(str::to_owned).into();
        let found = spellings(&[0, 1, 1, 2, 3, 4], &levels, "t").expect("two groups");
        assert_eq!((found.kind, found.values, found.examples.len()), (SuspicionKind::Blanks, 5, 4));
        let levels: Vec<String> = ["male", "Male", "f"].map(str::to_owned).into();
        assert_eq!(spellings(&[0, 1, 2], &levels, "t").expect("a group").kind, SuspicionKind::Case);
        assert_eq!(spellings(&[0, 1], &["a".to_owned(), "b".to_owned()], "t"), None);
    }
}
