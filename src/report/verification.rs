//! A verification in words, for a terminal.

use crate::record::verification::{Place, Verification, VerificationFinding, VerifiedDifference, VerifiedStep};
use crate::text::escape::{one_line, shell_word};
use crate::text::lists::{counted, listed};

/// The most differences of a step that are told.
const MOST_DIFFERENCES: usize = 12;
/// Characters of a commit id.
const SHORT: usize = 8;

/// The verdict first, then what is not the same, then the steps.
#[must_use]
pub fn verification(found: &Verification) -> String {
    let mut lines = vec![verdict(found)];
    lines.extend(found.findings.iter().map(|finding| format!("  - {}", one_line(&sentence(finding)))));
    if !found.steps.is_empty() {
        lines.push(String::new());
    }
    for step in &found.steps {
        lines.push(step_line(step));
        let told = step.differences.iter().take(MOST_DIFFERENCES);
        lines.extend(told.map(|difference| format!("         {}", one_line(&difference_sentence(difference)))));
        let left = step.differences.len().saturating_sub(MOST_DIFFERENCES);
        if left > 0 {
            lines.push(format!("         and {left} more; --json has all of them"));
        }
    }
    lines.join("\n") + "\n"
}

fn verdict(found: &Verification) -> String {
    let steps = counted(found.steps.len(), "step");
    let branch = one_line(&found.branch);
    if found.same {
        return format!("Verified: {steps} of branch {branch} made again, the same bytes.");
    }
    let differ = found.steps.iter().filter(|step| !step.differences.is_empty()).count();
    match (found.steps.len(), differ) {
        (0, _) => format!("Not verified: branch {branch} was not made again."),
        (_, 0) => {
            format!("Not verified: {steps} of branch {branch} came out the same, but not all is as it should be.")
        }
        (_, differ) => format!("Not verified: {differ} of {steps} of branch {branch} came out otherwise."),
    }
}

fn step_line(step: &VerifiedStep) -> String {
    let commit = step.commit.as_deref().unwrap_or("--------");
    let commit: String = commit.chars().take(SHORT).collect();
    let state = if step.differences.is_empty() { "same" } else { "DIFFERS" };
    format!("{:>3}  {state:<7}  {commit}  {}", step.number, one_line(&step.subject))
}

fn difference_sentence(difference: &VerifiedDifference) -> String {
    match difference {
        VerifiedDifference::NoCommit => "no commit is on record for this step".to_owned(),
        VerifiedDifference::Subject { recorded } => format!("on record in its place: `{recorded}`"),
        VerifiedDifference::Message(place) => format!("commit message, {}", at(place)),
        VerifiedDifference::Commit => "the commit has a parent or a header that no step has".to_owned(),
        VerifiedDifference::Tree => "the tree has a mode, or an entry that is no file, that no step makes".to_owned(),
        VerifiedDifference::Tag { name, there: true } => format!("the tag {name} is on another commit"),
        VerifiedDifference::Tag { name, there: false } => {
            format!("the tag {name} is not there; a clone without its tags gets them with `git fetch --tags`")
        }
        VerifiedDifference::FileNotMade { path } => format!("{path} is on record, and is not made"),
        VerifiedDifference::FileNotRecorded { path } => format!("{path} is made, and is not on record"),
        VerifiedDifference::FileText { path, place } => format!("{path}, {}", at(place)),
        VerifiedDifference::FileBytes { path, offset } => format!("{path} differs from byte {offset} on"),
    }
}

fn at(place: &Place) -> String {
    let word = |word: &str| if word.trim().is_empty() { "nothing".to_owned() } else { format!("`{word}`") };
    format!("line {}: {} on record, {} made again", place.line, word(&place.recorded), word(&place.made))
}

fn sentence(finding: &VerificationFinding) -> String {
    match finding {
        VerificationFinding::DamagedObjects { ids } => format!(
            "{} of the repository {} damaged or missing on the disk: {}",
            counted(ids.len(), "object"),
            if ids.len() == 1 { "is" } else { "are" },
            listed(&ids.iter().take(3).cloned().collect::<Vec<_>>())
        ),
        VerificationFinding::EditedFile { path, gone: true } => format!("{path} is gone from the folder"),
        VerificationFinding::EditedFile { path, gone: false } => {
            format!("{path} was edited: the file in the folder is not the one on record")
        }
        VerificationFinding::OtherInput { key, recorded, now } => {
            let way_out = if key == "Playbooks-SHA256" { "; `--playbooks DIR` names others" } else { "" };
            format!("{key} is {now} now, and was {recorded} when the run was made{way_out}")
        }
        VerificationFinding::OtherFile { file } => format!("{file} has other bytes than the file that was analysed"),
        VerificationFinding::NotMadeAgain { why } => format!("the steps were not made again: {why}"),
        VerificationFinding::Stopped { why } => format!("making it again stopped: {why}"),
        VerificationFinding::NotFinished => {
            "the run on record is not finished, or its last commits are gone; `oci-agent run --resume` makes what is missing"
                .to_owned()
        }
        VerificationFinding::MoreCommits { ids } => format!(
            "{} after the last step: {}",
            counted(ids.len(), "commit"),
            listed(&ids.iter().map(|id| id.chars().take(SHORT).collect()).collect::<Vec<String>>())
        ),
        VerificationFinding::LeftBehind { ids, branch } => format!(
            "the branch was at {} that its history does not have ({}): it was moved back or written again; `git log -g {}` tells when",
            counted(ids.len(), "commit"),
            listed(&ids.iter().take(3).map(|id| id.chars().take(SHORT).collect()).collect::<Vec<String>>()),
            shell_word(branch)
        ),
        VerificationFinding::StrayDecision { id } => format!(
            "the decision {} is on a gate at which the run did not wait, or that was open already",
            id.chars().take(SHORT).collect::<String>()
        ),
        VerificationFinding::Waits { gate, rejected: false } => {
            format!("the run waits for a person's decision at the gate `{}`", one_line(gate))
        }
        VerificationFinding::Waits { gate, rejected: true } => {
            format!("the run was rejected at the gate `{}`", one_line(gate))
        }
        VerificationFinding::RewordedDecision { id } => format!(
            "the decision {} has another message than it was given",
            id.chars().take(SHORT).collect::<String>()
        ),
        VerificationFinding::RecordDamaged { what } => what.clone(),
        VerificationFinding::RecordLacksRun { file } => {
            format!("{file} has no line for this run, which opened its results: the line was taken out or changed")
        }
        VerificationFinding::RecordSaysOtherwise { file } => {
            format!("the line of {file} for this run does not say what the run says")
        }
        VerificationFinding::RecordGone { file } => {
            format!("{file} is gone from beside the run, which was made here and wrote to it")
        }
        VerificationFinding::RecordNamesOther { file, run, branch } => format!(
            "the line of {file} for this analysis names the run `{run}`, branch `{branch}`: it was opened there first, or the folder was renamed"
        ),
        VerificationFinding::Replaced { names } => {
            format!("git shows other content than the commits have: {} has to go", listed(names))
        }
        VerificationFinding::NoRecord { file } => format!(
            "{file} is not beside the run, as in a clone: what was seen before this run is taken from the run itself"
        ),
    }
}
