//! What is published and fetched, in words for a terminal.

use crate::record::publication::{BundleContents, Publication};
use crate::text::escape::{one_line, shell_word};
use crate::text::lists::{counted, listed};
use crate::text::numbers::significant;
use crate::text::untrusted::visible;

/// Characters of a commit id.
const SHORT: usize = 10;
/// Characters that a name and its size are set in.
const NAME: usize = 24;
const SIZE: usize = 12;

/// A number of bytes, as people say it.
fn size(bytes: u64) -> String {
    let value = bytes as f64;
    match bytes {
        0..1_000 => counted(usize::try_from(bytes).unwrap_or_default(), "byte"),
        1_000..1_000_000 => format!("{} kB", significant(value / 1e3, 3)),
        1_000_000..1_000_000_000 => format!("{} MB", significant(value / 1e6, 3)),
        _ => format!("{} GB", significant(value / 1e9, 3)),
    }
}

fn short(id: &str) -> String {
    id.chars().take(SHORT).collect()
}

/// What is about to leave, and for where. `manifest` is the length of the manifest in bytes.
#[must_use]
pub fn leaving(what: &Publication, contents: &BundleContents, to: &str, manifest: u64) -> String {
    let mut lines = vec![format!("To {}:", one_line(to))];
    let mut line = |name: &str, bytes: u64| lines.push(format!("  {name:<NAME$} {:>SIZE$}", size(bytes)));
    what.files.iter().for_each(|file| line(&file.name, file.bytes));
    line("its manifest", manifest);
    let mut among = Vec::new();
    if contents.units {
        among.push("units.parquet, which has a line for each row of the data".to_owned());
    }
    if contents.transcript > 0 {
        let files = counted(contents.transcript, "file");
        among.push(format!("{files} of what was said to language models and by them"));
    }
    let among = if among.is_empty() { String::new() } else { format!(", among them {}", listed(&among)) };
    let decided = match contents.decisions {
        0 => String::new(),
        1 => " A decision, with the name and the reason, is part of it.".to_owned(),
        decisions => format!(" {}, with names and reasons, are part of it.", counted(decisions, "decision")),
    };
    lines.push(format!(
        "The bundle is the history of branch {}: {}, {}{among}.{decided}",
        one_line(&what.branch),
        counted(contents.commits, "commit"),
        counted(contents.files, "file")
    ));
    lines.push("Not sent: the data, other branches, and the ledger beside the run.".to_owned());
    visible(&(lines.join("\n") + "\n"))
}

/// Nothing was sent, as was asked for.
#[must_use]
pub fn dry_run() -> String {
    "Nothing was sent, and nothing was asked of the place: this was a dry run.\n".to_owned()
}

/// Something that was sent, replaced or there.
#[must_use]
pub fn transferred(name: &str, state: &str, bytes: u64) -> String {
    visible(&format!("  {state:<14} {} ({})", one_line(name), size(bytes)))
}

/// What was done in the end; `sent` of so many.
#[must_use]
pub fn published(address: &str, sent: usize, of: usize) -> String {
    let head = match sent {
        0 => "Published already; nothing was sent".to_owned(),
        sent if sent == of => "Published".to_owned(),
        sent => format!("Published; {sent} of {of} were sent, the others were there"),
    };
    visible(&format!("{head}:\n{address}\nBring it back, and check it: oci-agent fetch {}\n", shell_word(address)))
}

/// A run that was brought back.
#[must_use]
pub fn fetched(what: &Publication, place: &str) -> String {
    let verdict = what.verdict.as_deref().map_or(String::new(), |verdict| format!("Verdict: {}\n", one_line(verdict)));
    visible(&format!(
        "Fetched {} into {place}: branch {}, commit {}, tree {}. Every hash is the one that was published.\n{verdict}\
         Make it again: oci-agent verify {place} --data-root DIR\n",
        one_line(&what.run),
        one_line(&what.branch),
        short(&what.commit),
        short(&what.tree)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_at_a_glance() {
        for (bytes, expected) in
            [(1, "1 byte"), (999, "999 bytes"), (34_120, "34.1 kB"), (2_300_000, "2.30 MB"), (5_000_000_000, "5.00 GB")]
        {
            assert_eq!(size(bytes), expected);
        }
    }
}
