//! Commit messages: subject, prose, trailers; and the paths that a step may name.

use crate::store::{ArtifactError, FINISHED, Step};

/// The message of a step, such that `git interpret-trailers --parse` gives back exactly its trailers.
pub(super) fn compose(step: &Step) -> Result<String, ArtifactError> {
    let fail = |reason: String| ArtifactError::InvalidStep { subject: step.subject.clone(), reason };
    check_line(&step.subject).map_err(|why| fail(format!("its subject {why}")))?;
    let mut message = format!("{}\n", step.subject);
    if let Some(body) = step.body.as_deref().map(str::trim).filter(|b| !b.is_empty()) {
        message.push('\n');
        for line in body.lines() {
            // git reads a line of dashes as the end of a message (and the start of a patch); one space prevents it.
            message.push_str(if line.starts_with("---") { " " } else { "" });
            message.push_str(line.trim_end());
            message.push('\n');
        }
    }
    let mut trailers = step.trailers.clone();
    // Not among the step's own trailers: only `last` ends a run, and it comes at the end of the list.
    if step.last {
        trailers.push((FINISHED.0.to_owned(), FINISHED.1.to_owned()));
    }
    message.push_str(if trailers.is_empty() { "" } else { "\n" });
    for (key, value) in &trailers {
        // A line break in a key or a value would add trailers, `Run-Status: finished` among them.
        if key.is_empty() || !key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
            return Err(fail(format!("`{key}` is not a trailer name (letters, digits and `-`)")));
        }
        check_line(value).map_err(|why| fail(format!("the value of trailer {key} {why}")))?;
        message.push_str(&format!("{key}: {value}\n"));
    }
    Ok(message)
}

fn check_line(text: &str) -> Result<(), &'static str> {
    if text.trim().is_empty() {
        Err("is empty")
    // git trims; what is read back would not be what was written.
    } else if text != text.trim() {
        Err("starts or ends with a space")
    } else if text.chars().any(char::is_control) {
        Err("has a line break or a control character in it")
    } else {
        Ok(())
    }
}

/// The value of a trailer in a message: the last paragraph's, unless that is the subject.
pub(super) fn trailer<'a>(message: &'a str, key: &str) -> Option<&'a str> {
    let (_, last) = message.trim_end().rsplit_once("\n\n")?;
    last.lines().filter_map(|line| line.split_once(": ")).find(|(name, _)| *name == key).map(|(_, value)| value)
}

/// The prose of a message: what stands between its subject and its trailers.
pub(super) fn prose(message: &str) -> String {
    let paragraphs: Vec<&str> = message.trim_end().split("\n\n").collect();
    paragraphs.get(1..paragraphs.len().saturating_sub(1)).unwrap_or_default().join("\n\n").trim().to_owned()
}

/// All trailers of a message, in order.
pub(super) fn trailers(message: &str) -> Vec<(String, String)> {
    let last = message.trim_end().rsplit_once("\n\n").map_or("", |parts| parts.1);
    let pair = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
    last.lines().filter_map(|line| line.split_once(": ")).map(pair).collect()
}

/// True if a message ends a run.
pub(super) fn ends_run(message: &str) -> bool {
    trailer(message, FINISHED.0) == Some(FINISHED.1)
}

/// A path that cannot be recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the path `{}` {why}", path.escape_debug())]
pub(super) struct BadPath {
    path: String,
    why: &'static str,
}

/// Refuses paths that would leave the repository, or that git or a common file system could not hold.
pub(super) fn check_path(path: &str) -> Result<(), BadPath> {
    let refuse = |why| Err(BadPath { path: path.to_owned(), why });
    if path.is_empty() || path.len() > 1000 {
        return refuse("is empty or longer than 1000 bytes");
    }
    // On Windows `\` separates folders and `:` names a drive or a stream; a run can be cloned there too.
    if path.chars().any(|c| c.is_control() || c == '\\' || c == ':') {
        return refuse("has a control character, `\\` or `:` in it");
    }
    for part in path.split('/') {
        match part {
            "" => return refuse("is absolute, ends with `/` or has an empty part"),
            "." | ".." => return refuse("has `.` or `..` as a part"),
            _ if looks_like_dot_git(part) => return refuse("has a part that git keeps for itself"),
            _ => {}
        }
    }
    Ok(())
}

/// `.git` and the spellings that case-insensitive file systems take for it.
fn looks_like_dot_git(part: &str) -> bool {
    // HFS+ ignores some invisible characters, so that `.g\u{200c}it` is `.git` there; NTFS drops dots and spaces at the
    // end and knows `git~1` as a short name.
    let plain: String = part.chars().filter(|c| c.is_ascii()).collect::<String>().to_ascii_lowercase();
    let plain = plain.trim_end_matches(['.', ' ']);
    plain == ".git" || plain == "git~1"
}

#[cfg(test)]
mod tests {
    use crate::store::message::*;

    fn step() -> Step {
        Step::new("spec: first draft").trailer("Plan-SHA256", "ab").trailer("Verdict", "ate=not_satisfactory")
    }

    #[test]
    fn subject_prose_trailers() {
        let message = compose(&step().body("Why.\n\n---\nMore: yes").last()).expect("valid");
        assert_eq!(
            message,
            "spec: first draft\n\nWhy.\n\n ---\nMore: yes\n\nPlan-SHA256: ab\nVerdict: ate=not_satisfactory\nRun-Status: finished\n"
        );
        assert_eq!(trailer(&message, "Plan-SHA256"), Some("ab"));
        assert_eq!(trailer(&message, "More"), None);
        assert!(ends_run(&message));
        assert!(!ends_run(&compose(&step()).expect("valid")));
        assert_eq!(trailer("Run-Status: finished", "Run-Status"), None, "a subject is not a trailer");
    }

    #[test]
    fn messages_that_git_would_read_differently_are_refused() {
        for (bad, word) in [
            (Step::new(""), "empty"),
            (Step::new("two\nlines"), "line break"),
            (Step::new(" x"), "space"),
            (step().trailer("A B", "c"), "trailer name"),
            (step().trailer("", "c"), "trailer name"),
            (step().trailer("A", "b\nC: d"), "line break"),
            (step().trailer("A", ""), "empty"),
        ] {
            let error = compose(&bad).expect_err("refused").to_string();
            assert!(error.contains(word), "{bad:?}: {error}");
        }
    }

    #[test]
    fn paths_stay_inside() {
        for good in ["plan.yaml", "iter_01/plots/love.svg", "a b/ü.md", ".gitignore", "x.git"] {
            assert_eq!(check_path(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "/etc/passwd",
            "../x",
            "a/../x",
            "a//b",
            "a/",
            "./a",
            ".git/config",
            "a/.GIT/x",
            "git~1/x",
            ".git./x",
            ".g\u{200c}it/x",
            "a\\b",
            "c:x",
            "a\nb",
            "a\0b",
        ] {
            assert!(check_path(bad).is_err(), "{bad:?}");
        }
    }
}
