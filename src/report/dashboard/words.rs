//! The facts of the page in words.

use crate::finding::Code;
use crate::plan::experiment::{EffectRequest, Role};
use crate::record::dashboard::{
    Alert, AnswerFacts, Asked, Board, Grade, Interval, Kind, Moved, ReportPage, Run, RunState, Subject, TrendPoint,
    Trouble, Worth,
};
use crate::report::experiment::words as experiment;
use crate::report::sentences;
use crate::text::dates::utc;
use crate::text::escape::{one_line, shell_word, shortened};
use crate::text::lists::{counted, listed};
use crate::text::numbers;

/// How far a run is, with a sign for those who do not see colour.
pub(super) fn state(state: RunState) -> &'static str {
    match state {
        RunState::Running => "▶ running",
        RunState::Stopped => "■ stopped",
        RunState::Waiting => "▲ waits",
        RunState::Finished => "● finished",
        RunState::Unreadable => "✘ cannot be read",
    }
}

/// What to do about it, as a word that is called out.
pub(super) fn alert_name(alert: &Alert) -> &'static str {
    match alert {
        Alert::Decision(_) => "decision",
        Alert::Unreadable(Trouble::Newer { .. }) => "newer version",
        Alert::Unreadable(Trouble::Empty) => "nothing on record",
        Alert::Unreadable(Trouble::Unreadable { .. }) => "cannot be read",
        Alert::Stopped => "stopped",
        Alert::Budget(_) => "budget",
        Alert::Randomisation => "randomisation",
        Alert::NotSatisfactory { .. } => "not satisfactory",
        Alert::Stop { .. } => "STOP",
        Alert::Moved(_) => "moved",
    }
}

/// What an alert says, in a sentence.
pub(super) fn alert(alert: &Alert, run: &Run) -> String {
    match alert {
        Alert::Decision(decision) => {
            let said = if decision.rejected { "Was rejected" } else { "Waits for a decision" };
            format!("{said} at the gate `{}`, since {} UTC.", one_line(&decision.gate), utc(decision.since))
        }
        Alert::Unreadable(it) => trouble(it),
        Alert::Stopped => {
            format!("Stopped before its end, after the step “{}”; nobody is at work on it.", one_line(&run.last_step))
        }
        Alert::Budget(why) => format!("Ended by a budget: {}", sentences::sentence(why)),
        Alert::Randomisation => "The randomisation failed its audit, so that no effect is told.".to_owned(),
        Alert::NotSatisfactory { asked } => {
            let asked: Vec<String> = asked.iter().map(self::asked).collect();
            format!("No answer to rely on for the {}; the report says why, and what would help.", listed(&asked))
        }
        Alert::Moved(it) => {
            format!("{}; the watch's own page is `watch/watch.md` in the run.", moved(it))
        }
        Alert::Stop { arm, reason } => format!("`{arm}`: {}", sentences::sentence(reason)),
    }
}

/// That new data are no longer like those of the answers, without a full stop.
pub(super) fn moved(moved: &Moved) -> String {
    let what = match (moved.effect, moved.design) {
        (true, true) => "effect and design have moved",
        (true, false) => "the effect has moved",
        _ => "the design has moved",
    };
    format!("In new data {what}: the first alarm came after `{}`", shortened(&one_line(&moved.after), 60))
}

/// The command that leads on, if there is one.
pub(super) fn alert_command(alert: &Alert, board: &Board, run: &Run) -> Option<String> {
    let place = if run.folder.is_empty() { board.place.clone() } else { format!("{}/{}", board.place, run.folder) };
    let branch = if run.branch == "main" || run.branch.is_empty() {
        String::new()
    } else {
        format!(" --branch {}", shell_word(&run.branch))
    };
    match alert {
        Alert::Decision(_) => Some(format!("oci-agent review {}", shell_word(&place))),
        Alert::Stopped => {
            let plan = shell_word(&format!("{place}/plan.yaml"));
            Some(format!("oci-agent run {plan} --out {} --resume", shell_word(&place)))
        }
        Alert::Unreadable(Trouble::Unreadable { damaged: true, .. }) => {
            Some(format!("oci-agent verify {}{branch}", shell_word(&place)))
        }
        _ => None,
    }
}

/// Why a run cannot be shown.
pub(super) fn trouble(trouble: &Trouble) -> String {
    match trouble {
        Trouble::Empty => "Nothing has been committed yet.".to_owned(),
        Trouble::Newer { layout } => {
            format!("Made by a newer oci-agent (layout {layout}); use that version to read it.")
        }
        Trouble::Unreadable { why, .. } => sentences::sentence(why),
    }
}

/// What was asked for.
pub(super) fn asked(asked: &Asked) -> String {
    match asked {
        Asked::Effect(target) => target.acronym().to_owned(),
        Asked::Metric { metric, arm, request } => {
            let of = if *request == EffectRequest::Itt {
                String::new()
            } else {
                format!(", {}", experiment::request(*request))
            };
            format!("`{metric}`, arm `{arm}`{of}")
        }
    }
}

/// What an estimate is of; the honest name where it is another.
pub(super) fn name(answer: &AnswerFacts) -> String {
    let asked = asked(&answer.asked);
    if answer.answered.is_empty() { asked } else { format!("{asked} asked, {} answered", answer.answered) }
}

/// Estimate and interval; that of no answer is told under another name.
pub(super) fn value(answer: &AnswerFacts, units: &str) -> String {
    match (answer.interval, answer.worth) {
        (Some(interval), Worth::Answer) => sentences::with_units(&numbers_of(interval), units),
        (Some(_), Worth::NotReliable) => "no answer to rely on".to_owned(),
        (Some(_), Worth::NoAnswer(code)) => format!("no answer: {}", no_answer(code)),
        _ => String::new(),
    }
}

/// What the models gave where that is no answer.
pub(super) fn beside(answer: &AnswerFacts, units: &str) -> String {
    match (answer.interval, answer.worth) {
        (Some(interval), Worth::NotReliable) => {
            format!("The models give {}; the comparison fails.", sentences::with_units(&numbers_of(interval), units))
        }
        (Some(interval), Worth::NoAnswer(_)) => {
            format!("The adjusted difference is {}.", sentences::with_units(&numbers_of(interval), units))
        }
        _ => String::new(),
    }
}

fn numbers_of(it: Interval) -> String {
    numbers::interval(it.estimate, it.std_error, it.lower, it.upper)
}

fn no_answer(code: Code) -> &'static str {
    match code {
        Code::Identification => "not identified",
        Code::PopulationKept => "about others than were asked about",
        _ => "the groups differ by construction",
    }
}

/// The key of a badge, as `report::badge` knows it, and what else is to be said of the grade.
pub(super) fn grade(grade: Grade) -> (&'static str, &'static str) {
    match grade {
        Grade::Tier(tier) => (tier.key(), ""),
        Grade::Standing(standing, Role::Guardrail) => (standing.key(), "guardrail"),
        Grade::Standing(standing, _) => (standing.key(), ""),
    }
}

/// Units of the outcome, in short.
pub(super) fn units(subject: &Subject) -> String {
    shortened(&one_line(&subject.units), 40)
}

/// What a question is about, in short.
pub(super) fn about(subject: &Subject) -> String {
    match subject.kind {
        Kind::Experiment => format!("experiment, assigned by `{}`", one_line(&subject.treatment)),
        Kind::Study => format!("`{}` → `{}`", one_line(&subject.treatment), one_line(&subject.outcome)),
    }
}

/// What a picture shows, for those who do not see it.
pub(super) fn picture(points: &[TrendPoint], units: &str) -> String {
    let mark = |worth: Worth| if worth == Worth::Answer { "" } else { ", no answer" };
    let said = |point: &TrendPoint| format!("{}{}", numbers_of(point.interval), mark(point.worth));
    match points {
        [] => String::new(),
        [one] => {
            let zero = if one.interval.lower <= 0.0 && one.interval.upper >= 0.0 { "includes" } else { "excludes" };
            format!("{} {units}; the interval {zero} zero", said(one))
        }
        [.., last] => {
            let shown = points.get(points.len().saturating_sub(super::picture::MOST)..).unwrap_or_default();
            let before: Vec<String> =
                shown.iter().take(shown.len() - 1).map(|p| numbers::significant(p.interval.estimate, 3)).collect();
            format!("{} estimates over time, in {units}: {}, and last {}", points.len(), before.join(", "), said(last))
        }
    }
}

/// The sentence under the title.
pub(super) fn lead(board: &Board) -> String {
    let count = |state: RunState| board.runs.iter().filter(|run| run.state == state).count();
    let unreadable = board.runs.iter().filter(|run| run.facts.is_err()).count();
    if board.runs.is_empty() {
        return "No run is here yet.".to_owned();
    }
    let parts = [
        (count(RunState::Finished), "finished"),
        (count(RunState::Running), "running"),
        (count(RunState::Stopped), "stopped"),
        (
            count(RunState::Waiting),
            if count(RunState::Waiting) == 1 { "waits for a decision" } else { "wait for a decision" },
        ),
        (unreadable, "cannot be read"),
    ];
    let parts: Vec<String> =
        parts.iter().filter(|part| part.0 > 0).map(|(n, what)| format!("{} {what}", numbers::count(*n))).collect();
    let waiting = match board.waiting.len() {
        0 => "Nothing waits for a person.".to_owned(),
        1 => "One thing waits for a person.".to_owned(),
        n => format!("{} things wait for a person.", numbers::count(n)),
    };
    let questions = counted(board.questions.len(), "question");
    format!("{} on {questions}: {}. {waiting}", counted(board.runs.len(), "run"), listed(&parts))
}

/// What could not be looked at.
pub(super) fn notes(board: &Board) -> Vec<String> {
    let mut notes: Vec<String> = board
        .closed
        .iter()
        .map(|(folder, why)| format!("The folder `{}` could not be read: {why}.", one_line(folder)))
        .collect();
    if !board.complete {
        notes.push("There are more folders here than are looked into, so runs may be missing. Name the folder that holds the runs.".to_owned());
    }
    if board.folders_without > 0 {
        let (n, verb) = (board.folders_without, if board.folders_without == 1 { "holds" } else { "hold" });
        notes.push(format!("{} here {verb} no run.", counted(n, "folder")));
    }
    notes
}

/// What is to be said of the page of a report that cannot be opened.
pub(super) fn report(report: ReportPage) -> &'static str {
    match report {
        ReportPage::None => "no report yet",
        ReportPage::There => "report",
        ReportPage::WithoutPolicy => "its report was not made by oci-agent as it stands, and is not offered",
    }
}
