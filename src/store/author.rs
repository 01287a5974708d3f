//! Who is written into the commits.

/// Who is written into the commits. The tree hash does not depend on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// Name.
    pub name: String,
    /// Email.
    pub email: String,
}

impl Default for Author {
    fn default() -> Self {
        Author { name: "oci-agent".to_owned(), email: "oci-agent@localhost".to_owned() }
    }
}

impl Author {
    /// As git writes it: without `<`, `>` and line breaks, which a commit could not hold, and without the punctuation
    /// around it. If nothing is left of either, the program's own is written.
    #[must_use]
    pub(super) fn as_git_writes_it(&self) -> Author {
        let own = Author::default();
        let or = |cleaned: String, own: String| if cleaned.is_empty() { own } else { cleaned };
        Author { name: or(cleaned(&self.name), own.name), email: or(cleaned(&self.email), own.email) }
    }
}

fn cleaned(text: &str) -> String {
    let around = |c: char| c <= ' ' || ".,:;<>\"\\'".contains(c);
    text.trim_matches(around).chars().filter(|c| !matches!(c, '<' | '>') && !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use crate::store::author::*;

    #[test]
    fn names_are_cleaned_as_git_does() {
        for (name, expected) in [
            ("Ada Lovelace", "Ada Lovelace"),
            ("Ada <ada@example.org>", "Ada ada@example.org"),
            (" \"A. B.\" ", "A. B"),
            ("Ada\nLovelace\0", "AdaLovelace"),
            ("<>", "oci-agent"),
            ("Zoë 李", "Zoë 李"),
        ] {
            let author = Author { name: name.to_owned(), email: "a@b".to_owned() }.as_git_writes_it();
            assert_eq!((author.name.as_str(), author.email.as_str()), (expected, "a@b"), "{name:?}");
        }
    }
}
