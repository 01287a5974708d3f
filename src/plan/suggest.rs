//! "Did you mean …?"

/// The candidate that `word` is most likely a slip of, if any is near enough to be worth saying.
///
/// Near enough means: equal but for case, spaces, hyphens and underscores, or within one edit (insertion, deletion,
/// substitution, swap of neighbours) per three letters. The first of equally near candidates wins.
pub fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const LONGEST: usize = 64;
    // A slip is a short word, and the distance takes the product of both lengths.
    let folded = fold(word);
    if folded.is_empty() || folded.len() > LONGEST {
        return None;
    }
    let allowed = (folded.len() / 3).max(1);
    candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= 4 * LONGEST)
        .map(|candidate| (distance(&folded, &fold(candidate)), candidate))
        // Changing every letter is no slip.
        .filter(|(edits, _)| *edits <= allowed && *edits < folded.len())
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

fn fold(word: &str) -> Vec<char> {
    word.chars().filter(|c| !matches!(c, ' ' | '-' | '_')).flat_map(char::to_lowercase).collect()
}

/// Optimal string alignment distance.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let at = |row: &[usize], k: usize| row.get(k).copied().unwrap_or(usize::MAX / 2);
            let substituted = at(&last, j) + usize::from(x != y);
            let mut best = substituted.min(at(&last, j + 1) + 1).min(at(&row, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(y) && b.get(j - 1) == Some(x);
            if swapped {
                best = best.min(at(&before, j - 1) + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(a.len())
}

#[cfg(test)]
mod tests {
    use super::closest;

    #[test]
    fn finds_slips_and_keeps_quiet_about_strangers() {
        let keys = ["title", "question", "treatment", "time_zero", "seed"];
        assert_eq!(closest("titel", keys), Some("title"));
        assert_eq!(closest("Treatments", keys), Some("treatment"));
        assert_eq!(closest("time-zero", keys), Some("time_zero"));
        assert_eq!(closest("timezero", keys), Some("time_zero"));
        assert_eq!(closest("banana", keys), None);
        assert_eq!(closest("", keys), None);
        assert_eq!(closest("x", ["y"]), None);
        assert_eq!(closest(&"t".repeat(100_000), keys), None);
    }
}
