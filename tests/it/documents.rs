//! The documents that people and agents read first: their links lead somewhere, and their commands exist.

use crate::cli::oci_agent;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every page in the root, in `docs`, in `skills`, and beside the examples.
fn pages() -> Vec<PathBuf> {
    let mut pages: Vec<PathBuf> = ["llms.txt"].iter().map(|name| root().join(name)).collect();
    let mut folders = vec![root().to_path_buf(), root().join("docs"), root().join("skills/oci-agent")];
    let examples = std::fs::read_dir(root().join("examples")).expect("examples");
    folders.extend(examples.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_dir()));
    for folder in folders {
        let entries = std::fs::read_dir(&folder).expect("a folder");
        pages.extend(
            entries
                .filter_map(|entry| Some(entry.ok()?.path()))
                .filter(|path| path.extension().is_some_and(|it| it == "md")),
        );
    }
    pages.sort();
    assert!(pages.len() > 20, "{pages:?}");
    pages
}

/// The targets of the links of a page, without anchors.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .map(|link| link.split('#').next().unwrap_or_default())
}

#[test]
fn every_link_to_a_file_leads_to_one() {
    let mut broken = Vec::new();
    for page in pages() {
        let text = std::fs::read_to_string(&page).expect("a page");
        let folder = page.parent().expect("a folder");
        let here = |link: &&str| {
            !link.is_empty() && !link.contains("://") && !link.starts_with("mailto:") && !link.contains(' ')
        };
        for link in links(&text).filter(here) {
            if !folder.join(link).exists() {
                broken.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_command_in_a_block_of_shell_is_one() {
    let mut commands = BTreeSet::new();
    for page in pages() {
        let text = std::fs::read_to_string(&page).expect("a page");
        for block in text.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next()) {
            let calls = block.lines().filter_map(|line| line.trim().strip_prefix("oci-agent "));
            commands.extend(calls.filter_map(|call| call.split_whitespace().next()).map(str::to_owned));
        }
    }
    assert!(commands.len() > 15, "{commands:?}");
    for command in commands.iter().filter(|command| !command.starts_with('-')) {
        let ran = oci_agent(root(), &["help", command]);
        assert_eq!(ran.code, 0, "{command}: {}", ran.stderr);
    }
}
