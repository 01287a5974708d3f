//! One file: the fence, the YAML between the fences, and everything a front matter must satisfy before it may drive
//! a revision.

use super::{Change, FrontMatter, Playbook};
use crate::text::sha256::sha256_hex;
use causal::estimand::TrimRule;

/// The reason why a playbook, or a catalogue of them, cannot be used. Every message names the file, the key and the fix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlaybookError {
    /// The bytes are not text.
    #[error("playbook `{file}`: the text is not UTF-8 from byte {byte} on; save the file as UTF-8")]
    NotText {
        /// File name.
        file: String,
        /// Offset of the first byte that is not.
        byte: usize,
    },
    /// There is no front matter.
    #[error(
        "playbook `{file}`: {problem}; start the file with a line `---`, then the keys, then another line `---`, then the prose"
    )]
    Fence {
        /// File name.
        file: String,
        /// The missing part.
        problem: &'static str,
    },
    /// The front matter is not the YAML that is expected.
    #[error(
        "playbook `{file}`, {at}: {problem}; the keys are name, title, addresses, estimands, order, change, estimand_effect and, if wanted, keep_only_if_not_worse"
    )]
    Yaml {
        /// File name.
        file: String,
        /// The line and its text, or `front matter`.
        at: String,
        /// The YAML reader's message, the key included.
        problem: String,
    },
    /// A key has a value that cannot be meant.
    #[error("playbook `{file}`, key `{key}`: {problem}; {fix}")]
    Key {
        /// File name.
        file: String,
        /// The key.
        key: &'static str,
        /// The fault.
        problem: String,
        /// The remedy.
        fix: String,
    },
    /// Two playbooks share what must be unique.
    #[error(
        "playbooks `{first}` and `{second}` both have `{key}: {value}`; give each its own, so that it is clear which is meant"
    )]
    Duplicate {
        /// The key.
        key: &'static str,
        /// Its value.
        value: String,
        /// Name of one playbook.
        first: String,
        /// Name of the other.
        second: String,
    },
}

/// Reads one playbook. `file` is its name with or without directories; it must end in `<name>.md`.
///
/// # Errors
/// [`PlaybookError`], naming the file, the key and the fix.
pub fn parse(file: &str, bytes: &[u8]) -> Result<Playbook, PlaybookError> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| PlaybookError::NotText { file: file.to_owned(), byte: error.valid_up_to() })?;
    let (yaml, prose) = split(file, text)?;
    let front: FrontMatter = serde_saphyr::from_str(&yaml).map_err(|error| yaml_error(file, &yaml, &error))?;
    check_written(file, &yaml, &front)?;
    check(file, &front, &prose)?;
    Ok(Playbook { front, prose, sha256: sha256_hex(bytes) })
}

/// The YAML between the fences, and the prose after them. Line ends may be Unix or Windows.
fn split(file: &str, text: &str) -> Result<(String, String), PlaybookError> {
    let fence = |problem| PlaybookError::Fence { file: file.to_owned(), problem };
    let mut lines = text.strip_prefix('\u{feff}').unwrap_or(text).lines();
    if lines.next().map(str::trim_end) != Some("---") {
        return Err(fence("it does not start with front matter"));
    }
    let mut yaml = String::new();
    for line in lines.by_ref() {
        if line.trim_end() == "---" {
            let prose: Vec<&str> = lines.collect();
            return Ok((yaml, prose.join("\n").trim().to_owned()));
        }
        yaml.push_str(line);
        yaml.push('\n');
    }
    Err(fence("the front matter is never closed"))
}

fn yaml_error(file: &str, yaml: &str, error: &serde_saphyr::Error) -> PlaybookError {
    let place = error.location().and_then(|place| usize::try_from(place.line()).ok());
    let at = place.map_or_else(
        || "front matter".to_owned(),
        |line| {
            let text = yaml.lines().nth(line.saturating_sub(1)).unwrap_or_default().trim();
            // One line more than the YAML reader counts: the opening fence.
            format!("line {} (`{text}`)", line + 1)
        },
    );
    let problem = error.without_snippet().to_string();
    let problem = problem.lines().next().unwrap_or_default();
    // The reader's own place is the one without the fence.
    let problem = problem.rfind(" at line ").and_then(|cut| problem.get(..cut)).unwrap_or(problem);
    PlaybookError::Yaml { file: file.to_owned(), at, problem: problem.trim().to_owned() }
}

/// The change as it is written, to be held against the change as it was understood.
#[derive(serde::Deserialize)]
struct Written {
    change: serde_json::Value,
}

/// A key inside `change` that was not understood. An enum's own `deny_unknown_fields` does not see keys beside a variant
/// without fields, and a key that is quietly ignored is a revision that is not the one meant.
fn unread_key(written: &serde_json::Value, understood: &serde_json::Value) -> Option<String> {
    let (Some(written), Some(understood)) = (written.as_object(), understood.as_object()) else { return None };
    written.iter().find_map(|(key, value)| match understood.get(key) {
        None => Some(key.clone()),
        Some(known) => unread_key(value, known),
    })
}

fn check_written(file: &str, yaml: &str, front: &FrontMatter) -> Result<(), PlaybookError> {
    let written: Written = serde_saphyr::from_str(yaml).map_err(|error| yaml_error(file, yaml, &error))?;
    let understood = serde_json::to_value(front.change.clone()).unwrap_or_default();
    match unread_key(&written.change, &understood) {
        None => Ok(()),
        Some(key) => Err(PlaybookError::Key {
            file: file.to_owned(),
            key: "change",
            problem: format!("`{key}` means nothing in {understood}"),
            fix: format!("take `{key}` out"),
        }),
    }
}

fn stem(file: &str) -> Option<&str> {
    file.rsplit(['/', '\\']).next()?.strip_suffix(".md")
}

fn check(file: &str, front: &FrontMatter, prose: &str) -> Result<(), PlaybookError> {
    let refuse = |key: &'static str, problem: String, fix: String| {
        Err(PlaybookError::Key { file: file.to_owned(), key, problem, fix })
    };
    if stem(file) != Some(front.name.as_str()) {
        let problem = format!("the name is `{}`, which is not the file name without `.md`", front.name);
        return refuse("name", problem, format!("rename the file to `{}.md` or change the name", front.name));
    }
    for (key, text) in [("title", &front.title), ("estimand_effect", &front.estimand_effect)] {
        if text.trim().is_empty() {
            return refuse(key, "it is empty".into(), "write one sentence".into());
        }
    }
    if prose.is_empty() {
        return refuse("prose", "there is no text after the front matter".into(), "say when and why to use it".into());
    }
    for (key, repeated, empty) in [
        ("addresses", repeats(&front.addresses), front.addresses.is_empty()),
        ("estimands", repeats(&front.estimands), front.estimands.is_empty()),
    ] {
        if repeated || empty {
            let problem = if empty { "the list is empty" } else { "an entry is listed twice" };
            return refuse(key, problem.into(), "list each entry that is meant, once".into());
        }
    }
    match check_change(front) {
        Some((problem, fix)) => refuse("change", problem, fix),
        None => Ok(()),
    }
}

fn repeats<T: PartialEq>(items: &[T]) -> bool {
    items.iter().enumerate().any(|(i, item)| items.iter().skip(i + 1).any(|other| other == item))
}

fn check_change(front: &FrontMatter) -> Option<(String, String)> {
    match front.change {
        Change::Trim { trim: TrimRule::Fixed { alpha } } if !(alpha > 0.0 && alpha < 0.5) => Some((
            format!("the trimming threshold alpha is {alpha}"),
            "choose alpha above 0 and below 0.5; Crump et al. (2009) recommend 0.1".into(),
        )),
        Change::SwitchTarget { target } if front.estimands.contains(&target) => Some((
            format!("it switches to {}, which is also listed under `estimands`", target.key()),
            format!("take {} out of `estimands`: switching it to itself changes nothing", target.key()),
        )),
        _ => None,
    }
}
