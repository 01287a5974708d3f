//! From bytes to a plan, or to everything that is wrong with it.

use crate::plan::yaml_tree::Node;
use crate::plan::{Place, Plan, Problem, experiment, keys, reader, rules, sections, yaml_tree};
use crate::text::untrusted::{self, steers};

/// The largest plan that is read, in bytes.
pub const LARGEST_PLAN: usize = 1 << 20;
/// After so many problems the rest is counted only.
const MOST_PROBLEMS: usize = 100;
/// After so many characters that steer, the file is no plan.
const MOST_CHARACTERS: usize = 10;

/// Reads a plan from the bytes of its file.
///
/// # Errors
/// Every problem of the file; a file that is too large or not UTF-8 is not read any further.
pub fn parse_bytes(bytes: &[u8]) -> Result<Plan, Vec<Problem>> {
    strict(read_bytes(bytes))
}

/// Reads a plan.
///
/// # Errors
/// Every problem of the file, sorted by place. Never empty.
pub fn parse(text: &str) -> Result<Plan, Vec<Problem>> {
    strict(read(text))
}

/// Reads as much of a plan as can be read, and every problem of it, sorted by place. The plan is there whenever the file
/// is a mapping, so that what it does say can be held against the data in the same round.
#[must_use]
pub fn read_bytes(bytes: &[u8]) -> (Option<Plan>, Vec<Problem>) {
    match text_of(bytes) {
        Ok(text) => read(text),
        Err(problems) => (None, problems),
    }
}

/// The bytes of a file as text.
pub(super) fn text_of(bytes: &[u8]) -> Result<&str, Vec<Problem>> {
    too_large(bytes.len())?;
    std::str::from_utf8(bytes).map_err(|error| vec![not_utf8(bytes, error.valid_up_to())])
}

/// The tree of a plan of either kind.
pub(super) fn tree(text: &str) -> Result<Node, Vec<Problem>> {
    too_large(text.len())?;
    nothing_steers(text)?;
    yaml_tree::load(text)?.filter(|root| !root.is_null()).ok_or_else(|| vec![empty_file()])
}

fn read(text: &str) -> (Option<Plan>, Vec<Problem>) {
    let root = match tree(text) {
        Ok(root) => root,
        Err(problems) => return (None, problems),
    };
    if let Some(place) = experiment::declared(&root) {
        return (None, vec![experiment::not_observational(place)]);
    }
    if let Some(problem) = experiment::meant_as_experiment(&root) {
        return (None, vec![problem]);
    }
    let mut reader = reader::Reader::new(keys::SECTIONS, experiment::foreign_to_observational);
    let Some(section) = reader.root(&root) else { return (None, reader.problems) };
    let mut plan = sections::plan(&mut reader, &section);
    plan.places = reader.places;
    let mut problems = reader.problems;
    rules::check(&plan, &reader.terms, &mut problems);
    (Some(plan), in_order(problems))
}

fn strict(read: (Option<Plan>, Vec<Problem>)) -> Result<Plan, Vec<Problem>> {
    match read {
        (Some(plan), problems) if problems.is_empty() => Ok(plan),
        (_, problems) => Err(problems),
    }
}

fn too_large(bytes: usize) -> Result<(), Vec<Problem>> {
    if bytes <= LARGEST_PLAN {
        return Ok(());
    }
    let message = format!("the file has {bytes} bytes; a plan has at most {LARGEST_PLAN} (1 MiB)");
    let hint = "A plan is a page of text; was a data file named in its place?".to_owned();
    Err(vec![Problem { place: None, path: String::new(), message, hint }])
}

/// A plan is read by people, in editors, diffs and terminals: nothing in it may look like something else there.
fn nothing_steers(text: &str) -> Result<(), Vec<Problem>> {
    let mut problems = Vec::new();
    let (mut line, mut first) = (1, 0);
    for (column, (offset, c)) in text.char_indices().enumerate() {
        if c == '\n' {
            (line, first) = (line + 1, column + 1);
        }
        if c != '\r' && steers(c) {
            let place = Place { line, column: column - first + 1, offset, length: c.len_utf8() };
            let message = format!("the file holds {}", untrusted::named(c));
            let hint = "Take it out. If it belongs to the name of a column, write it as an escape in double quotes, e.g. \
                        \"a\\u202Eb\".";
            problems.push(Problem { place: Some(place), path: String::new(), message, hint: hint.to_owned() });
        }
        if problems.len() >= MOST_CHARACTERS {
            break;
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn not_utf8(bytes: &[u8], offset: usize) -> Problem {
    let line = bytes.iter().take(offset).filter(|byte| **byte == b'\n').count() + 1;
    let byte = bytes.get(offset).copied().unwrap_or_default();
    let message = format!("the file is not UTF-8: byte {byte:#04x} at offset {offset}, on line {line}");
    let hint = "Save the plan as UTF-8 in your editor, or convert it with `iconv -f LATIN1 -t UTF-8`.".to_owned();
    Problem { place: None, path: String::new(), message, hint }
}

fn empty_file() -> Problem {
    let hint = "`oci-agent init data.csv --treatment T --outcome Y` writes a plan to start from.".to_owned();
    Problem { place: None, path: String::new(), message: "the file is empty".to_owned(), hint }
}

/// Sorted by place, those about the whole file first; very many are cut short, and that is said.
pub(crate) fn in_order(mut problems: Vec<Problem>) -> Vec<Problem> {
    problems.sort_by(|a, b| (a.place, &a.path).cmp(&(b.place, &b.path)));
    let more = problems.len().saturating_sub(MOST_PROBLEMS);
    if more > 0 {
        problems.truncate(MOST_PROBLEMS);
        let message = format!("{more} more problems are not listed");
        let hint = "Mend the first ones and check again.".to_owned();
        problems.push(Problem { place: None, path: String::new(), message, hint });
    }
    problems
}
