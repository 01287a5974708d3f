//! Names of pages, made from names of folders that anybody may have chosen.

use crate::text::sha256::sha256_hex;
use std::collections::BTreeSet;

/// The branch that a name does not mention.
const MAIN: &str = "main";
/// Characters of a name before it is cut.
const LONGEST: usize = 60;
const DIGITS: usize = 8;

/// A name for each pair of folder and branch: letters, digits, `-`, `_` and `.` as they are, everything else `-`. A name that lost
/// something by that, or that another has on a disk that does not tell cases apart, ends with a piece of a hash.
#[must_use]
pub fn slugs<'a>(runs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<String> {
    let mut taken = BTreeSet::new();
    runs.into_iter().map(|(folder, branch)| slug(folder, branch, &mut taken)).collect()
}

fn slug(folder: &str, branch: &str, taken: &mut BTreeSet<String>) -> String {
    // A repository that cannot be read has no branch.
    let is_main = branch == MAIN || branch.is_empty();
    let whole = if is_main { folder.to_owned() } else { format!("{folder}@{branch}") };
    let shown = if is_main { folder.to_owned() } else { format!("{folder}.{branch}") };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let plain: String = shown.chars().map(|c| if is_plain(c) { c } else { '-' }).take(LONGEST).collect();
    let plain = plain.trim_matches(['.', '-']).to_owned();
    let kept = plain == shown && !plain.is_empty();
    if kept && taken.insert(plain.to_lowercase()) {
        return plain;
    }
    let hash = sha256_hex(whole.as_bytes());
    let mut digits = DIGITS;
    loop {
        let piece = hash.get(..digits).unwrap_or(&hash);
        let named = if plain.is_empty() { format!("run-{piece}") } else { format!("{plain}-{piece}") };
        if taken.insert(named.to_lowercase()) || digits >= hash.len() {
            return named;
        }
        digits += 1;
    }
}

#[cfg(test)]
mod tests {
    use crate::record::dashboard::slugs::slugs;

    #[test]
    fn names_are_plain_and_never_the_same() {
        let runs = [
            ("nhefs", "main"),
            ("nhefs", "run-2"),
            ("NHEFS", "main"),
            ("january/nhefs", "main"),
            ("february/nhefs", "main"),
            ("january-nhefs", "main"),
            ("..", "main"),
            ("", "main"),
            ("<script>alert(1)</script>", "main"),
            ("\"onmouseover=\"x", "main"),
            ("нхефс", "main"),
            ("closed", ""),
        ];
        let names = slugs(runs);
        assert_eq!(names[..2], ["nhefs".to_owned(), "nhefs.run-2".to_owned()]);
        assert_eq!((names[5].as_str(), names[11].as_str()), ("january-nhefs", "closed"));
        let lower: std::collections::BTreeSet<String> = names.iter().map(|name| name.to_lowercase()).collect();
        assert_eq!(lower.len(), names.len(), "{names:?}");
        for name in &names {
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
            assert!(!name.is_empty() && !name.starts_with('.') && name.chars().all(plain), "{name}");
        }
    }
}
