//! From bytes to a plan, or to everything that is wrong with it.

use super::{Plan, Problem, reader, rules, sections, tree};

/// The largest plan that is read, in bytes.
pub const LARGEST_PLAN: usize = 1 << 20;
/// After so many problems the rest is counted only.
const MOST_PROBLEMS: usize = 100;

/// Reads a plan from the bytes of its file.
///
/// # Errors
/// Every problem of the file; a file that is too large or not UTF-8 is not read any further.
pub fn parse_bytes(bytes: &[u8]) -> Result<Plan, Vec<Problem>> {
    too_large(bytes.len())?;
    let text = std::str::from_utf8(bytes).map_err(|error| vec![not_utf8(bytes, error.valid_up_to())])?;
    parse(text)
}

/// Reads a plan.
///
/// # Errors
/// Every problem of the file, sorted by place. Never empty.
pub fn parse(text: &str) -> Result<Plan, Vec<Problem>> {
    too_large(text.len())?;
    let Some(root) = tree::load(text)?.filter(|root| !root.is_null()) else { return Err(vec![empty_file()]) };
    let mut reader = reader::Reader::default();
    let Some(section) = reader.root(&root) else { return Err(reader.problems) };
    let mut plan = sections::plan(&mut reader, &section);
    plan.places = reader.places;
    let mut problems = reader.problems;
    rules::check(&plan, &reader.terms, &mut problems);
    if problems.is_empty() { Ok(plan) } else { Err(in_order(problems)) }
}

fn too_large(bytes: usize) -> Result<(), Vec<Problem>> {
    if bytes <= LARGEST_PLAN {
        return Ok(());
    }
    let message = format!("the file has {bytes} bytes; a plan has at most {LARGEST_PLAN} (1 MiB)");
    let hint = "A plan is a page of text; was a data file named in its place?".to_owned();
    Err(vec![Problem { place: None, path: String::new(), message, hint }])
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
