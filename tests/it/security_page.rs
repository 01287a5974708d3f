//! Every promise of SECURITY.md names a test, and the tests exist.

use std::fs;
use std::path::{Path, PathBuf};

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_promise_has_its_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    ["src", "tests", "crates"].iter().for_each(|folder| sources(&root.join(folder), &mut files));
    let code: String = files.iter().map(|file| fs::read_to_string(file).expect("a source")).collect();
    let page = fs::read_to_string(root.join("SECURITY.md")).expect("SECURITY.md");
    let mut promises = 0;
    for row in page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| who")) {
        let last = row.trim_end_matches([' ', '|']).rsplit('|').next().expect("a last cell");
        let tests: Vec<&str> = last.split('`').skip(1).step_by(2).collect();
        assert!(!tests.is_empty(), "no test: {row}");
        for test in tests {
            assert!(code.contains(&format!("fn {test}()")), "SECURITY.md names `{test}`, which no file has");
        }
        promises += 1;
    }
    assert!(promises > 15, "{promises}");
}
