//! What the template `dashboard` is given.

use super::{picture, words};
use crate::finding::Severity;
use crate::record::dashboard::{
    AnswerFacts, Board, Interval, Kind, Question, RecordBeside, ReportPage, Run, RunFacts, RunState, Trend, Worth,
};
use crate::record::earlier::{LedgerAnswer, LedgerEntry};
use crate::record::experiment::{LookEntry, SeenEffect};
use crate::report::experiment::words as experiment;
use crate::report::sentences;
use crate::text::dates::utc;
use crate::text::escape::{one_line, shortened};
use crate::text::lists::counted;
use crate::text::numbers;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Everything of the page.
#[derive(Debug, Serialize)]
pub(super) struct View {
    place: String,
    lead: String,
    read_at: String,
    notes: Vec<String>,
    alerts: Vec<AlertView>,
    states: Vec<Choice>,
    verdicts: Vec<Choice>,
    cards: Vec<Card>,
    rows: Vec<RowView>,
    ledgers: Vec<LedgerView>,
    looks: Vec<LooksView>,
    damage: Vec<String>,
}

#[derive(Debug, Serialize)]
struct AlertView {
    name: &'static str,
    severe: bool,
    run: String,
    slug: String,
    said: String,
    command: Option<String>,
}

/// A choice of the filter.
#[derive(Debug, Serialize)]
struct Choice {
    key: &'static str,
    words: String,
}

#[derive(Debug, Serialize)]
struct AnswerView {
    name: String,
    value: String,
    beside: String,
    badge: Option<&'static str>,
    /// The grade is that of a design that is still blind.
    blind: bool,
    note: &'static str,
    whom: String,
    picture: String,
    course: Vec<PointView>,
}

#[derive(Debug, Serialize)]
struct PointView {
    slug: String,
    run: String,
    when: String,
    value: String,
}

#[derive(Debug, Serialize)]
struct Decision {
    badge: &'static str,
    arm: String,
    reason: String,
}

#[derive(Debug, Serialize)]
struct Card {
    id: usize,
    title: String,
    question: String,
    about: String,
    runs_said: String,
    last: String,
    state: Option<&'static str>,
    latest_note: Option<String>,
    /// New data are no longer like those of the answers.
    moved: Option<String>,
    randomisation: Option<&'static str>,
    whom: String,
    report: Option<String>,
    slug: String,
    decisions: Vec<Decision>,
    answers: Vec<AnswerView>,
    has_course: bool,
    course_said: String,
    keys: Keys,
}

/// What the filter looks at.
#[derive(Debug, Default, Serialize)]
struct Keys {
    states: String,
    verdicts: String,
    waits: bool,
}

#[derive(Debug, Serialize)]
struct RowView {
    slug: String,
    name: String,
    branch: Option<String>,
    title: String,
    state: &'static str,
    state_key: &'static str,
    updated: String,
    report: Option<String>,
    report_said: Option<&'static str>,
    trouble: Option<String>,
    badges: Vec<&'static str>,
    blind: bool,
    answers: Vec<String>,
    moved: Option<String>,
    doubts_said: String,
    doubts: Vec<String>,
    facts: Vec<(&'static str, String)>,
    keys: Keys,
}

#[derive(Debug, Serialize)]
struct LedgerView {
    folder: String,
    lines: Vec<LedgerLine>,
}

#[derive(Debug, Serialize)]
struct LedgerLine {
    title: String,
    outcome: String,
    run: String,
    slug: Option<String>,
    answers: Vec<String>,
    data: String,
}

#[derive(Debug, Serialize)]
struct LooksView {
    folder: String,
    lines: Vec<LookLine>,
}

#[derive(Debug, Serialize)]
struct LookLine {
    title: String,
    run: String,
    slug: Option<String>,
    n: String,
    seen: Vec<String>,
}

/// Characters of a title, and of a question, before they are shortened: they stand in a list.
const TITLE: usize = 120;
const QUESTION: usize = 400;

fn title(facts: &RunFacts) -> String {
    shortened(&one_line(&facts.title), TITLE)
}

pub(super) fn view(board: &Board) -> View {
    let waits: BTreeSet<usize> = board.waiting.iter().map(|it| it.run).collect();
    let rows: Vec<RowView> = board.runs.iter().enumerate().map(|(at, run)| row(run, waits.contains(&at))).collect();
    let verdict_keys: BTreeSet<&'static str> = rows.iter().flat_map(|row| row.badges.iter().copied()).collect();
    let state_keys: BTreeSet<RunState> = board.runs.iter().map(|run| run.state).collect();
    let by_name: BTreeMap<(String, &str), &Run> =
        board.runs.iter().map(|run| ((run.folder.clone(), run.branch.as_str()), run)).collect();
    View {
        place: board.place.clone(),
        lead: words::lead(board),
        read_at: utc(board.read_at),
        notes: words::notes(board),
        alerts: board.waiting.iter().filter_map(|it| Some(alert(board, board.runs.get(it.run)?, &it.alert))).collect(),
        states: state_keys.into_iter().map(|it| Choice { key: it.key(), words: words::state(it).to_owned() }).collect(),
        verdicts: verdict_keys.into_iter().filter_map(verdict_choice).collect(),
        cards: board.questions.iter().enumerate().filter_map(|(id, it)| card(board, id, it, &waits)).collect(),
        rows,
        ledgers: board.records.iter().filter(|it| !it.ledger.is_empty()).map(|it| ledger(it, &by_name)).collect(),
        looks: board.records.iter().filter(|it| !it.looks.is_empty()).map(|it| looks(it, &by_name)).collect(),
        damage: board.records.iter().flat_map(|it| it.damage.iter().map(|what| sentences::sentence(what))).collect(),
    }
}

fn verdict_choice(key: &'static str) -> Option<Choice> {
    crate::report::badge::Badge::parse(key).map(|badge| Choice { key, words: badge.to_plain() })
}

fn alert(board: &Board, run: &Run, alert: &crate::record::dashboard::Alert) -> AlertView {
    use crate::record::dashboard::Alert;
    AlertView {
        name: words::alert_name(alert),
        severe: !matches!(alert, Alert::Decision(_) | Alert::Stopped | Alert::Budget(_)),
        run: run_name(run),
        slug: run.slug.clone(),
        said: words::alert(alert, run),
        command: words::alert_command(alert, board, run),
    }
}

/// The folder, and the branch unless it is the first.
fn run_name(run: &Run) -> String {
    let folder = if run.folder.is_empty() { "this folder" } else { &run.folder };
    match branch(run) {
        None => folder.to_owned(),
        Some(branch) => format!("{folder}, branch {branch}"),
    }
}

fn branch(run: &Run) -> Option<String> {
    (run.branch != "main" && !run.branch.is_empty()).then(|| run.branch.clone())
}

fn when(run: &Run) -> String {
    run.updated.map(utc).unwrap_or_default()
}

fn report_of(run: &Run) -> Option<String> {
    (run.report == ReportPage::There).then(|| format!("runs/{}/report.html", run.slug))
}

fn row(run: &Run, waits: bool) -> RowView {
    let facts = run.facts.as_deref().ok();
    let badges = facts.map(badges).unwrap_or_default();
    let doubts = facts.map(|facts| facts.doubts.as_slice()).unwrap_or_default();
    RowView {
        slug: run.slug.clone(),
        name: if run.folder.is_empty() { "this folder".to_owned() } else { run.folder.clone() },
        branch: branch(run),
        title: facts.map(title).unwrap_or_default(),
        state: words::state(run.state),
        state_key: run.state.key(),
        updated: when(run),
        report: report_of(run),
        report_said: (run.report == ReportPage::WithoutPolicy).then(|| words::report(run.report)),
        trouble: run.facts.as_ref().err().map(words::trouble),
        blind: facts.is_some_and(|facts| !facts.unblinded),
        answers: facts.map(told).unwrap_or_default(),
        moved: facts.and_then(moved),
        doubts_said: counted(doubts.len(), "doubt"),
        doubts: doubts.iter().map(doubt).collect(),
        facts: provenance(run, facts),
        keys: Keys { states: run.state.key().to_owned(), verdicts: badges.join(" "), waits },
        badges,
    }
}

/// Verdicts of a run, each once: what to do with arms, or the grades of answers; of an experiment that is still blind, that of the
/// randomisation.
fn badges(facts: &RunFacts) -> Vec<&'static str> {
    let mut found: Vec<&'static str> = facts.arms.iter().map(|arm| arm.verdict.key()).collect();
    match facts.subject.kind {
        Kind::Study => {
            found.extend(facts.answers.iter().filter_map(|answer| answer.grade.map(|grade| words::grade(grade).0)));
        }
        Kind::Experiment if found.is_empty() => found.extend(facts.randomisation.map(|tier| tier.key())),
        Kind::Experiment => {}
    }
    let mut seen = BTreeSet::new();
    found.retain(|key| seen.insert(*key));
    found
}

/// What a watch found, where answers stand: they are about the data before.
fn moved(facts: &RunFacts) -> Option<String> {
    let moved = facts.moved.as_ref()?;
    Some(format!("{}. The answers are about the data before.", words::moved(moved)))
}

/// Each answer in a line.
fn told(facts: &RunFacts) -> Vec<String> {
    let units = words::units(&facts.subject);
    let line = |answer: &AnswerFacts| {
        let value = words::value(answer, &units);
        if value.is_empty() { String::new() } else { format!("{}: {value}", words::name(answer)) }
    };
    facts.answers.iter().map(line).filter(|line| !line.is_empty()).collect()
}

fn doubt(doubt: &crate::record::dashboard::Doubt) -> String {
    let sign = if doubt.severity == Severity::Fail { "Fails" } else { "Warning" };
    let about = if doubt.about.is_empty() { String::new() } else { format!(" ({})", doubt.about) };
    format!("{sign}{about}: {}", sentences::sentence(&doubt.message))
}

fn provenance(run: &Run, facts: Option<&RunFacts>) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    if run.state != RunState::Finished && !run.last_step.is_empty() {
        found.push(("last step", one_line(&run.last_step)));
    }
    found.extend((!run.commit.is_empty()).then(|| ("commit", numbers::short_hash(&run.commit))));
    if let Some(facts) = facts {
        found.push(("about", words::about(&facts.subject)));
        found.extend(facts.iteration.map(|iteration| ("iteration", iteration.to_string())));
        found.push(("plan", numbers::short_hash(&facts.plan_sha256)));
        found.push(("data", numbers::short_hash(&facts.data_sha256)));
        found.push(("oci-agent", facts.tool_version.clone()));
        if facts.seen_before > 0 {
            let n = counted(facts.seen_before, "analysis").replace("analysiss", "analyses");
            found.push(("seen before", format!("{n} of this outcome in these data were unblinded before")));
        }
    }
    if run.shallow {
        found.push(("history", "a shallow clone: its earlier commits are not here".to_owned()));
    }
    found
}

fn card(board: &Board, id: usize, question: &Question, waits: &BTreeSet<usize>) -> Option<Card> {
    let run = board.runs.get(question.shown)?;
    let facts = run.facts.as_deref().ok()?;
    let last = question.runs.last().and_then(|at| board.runs.get(*at))?;
    let runs: Vec<&Run> = question.runs.iter().filter_map(|at| board.runs.get(*at)).collect();
    let answers: Vec<AnswerView> = facts
        .answers
        .iter()
        .map(|answer| answer_view(board, facts, answer, question.trends.iter().find(|it| it.asked == answer.asked)))
        .collect();
    let verdicts: BTreeSet<&str> = runs.iter().filter_map(|run| run.facts.as_deref().ok()).flat_map(badges).collect();
    let states: BTreeSet<&str> = runs.iter().map(|run| run.state.key()).collect();
    let joined = |keys: BTreeSet<&str>| keys.into_iter().collect::<Vec<_>>().join(" ");
    let differs = last.slug != run.slug;
    Some(Card {
        id,
        title: title(facts),
        question: shortened(&one_line(&facts.subject.question), QUESTION),
        about: words::about(&facts.subject),
        runs_said: counted(question.runs.len(), "run"),
        last: when(last),
        state: (last.state != RunState::Finished).then(|| words::state(last.state)),
        latest_note: differs.then(|| {
            format!("The answers are of {}; the latest run, {}, has none yet.", run_name(run), run_name(last))
        }),
        moved: moved(facts),
        randomisation: facts.randomisation.map(|tier| tier.key()),
        whom: whom(facts),
        report: report_of(run),
        slug: run.slug.clone(),
        decisions: facts
            .arms
            .iter()
            .map(|arm| Decision {
                badge: arm.verdict.key(),
                arm: arm.arm.clone(),
                reason: sentences::sentence(&arm.reason),
            })
            .collect(),
        has_course: answers.iter().any(|answer| !answer.course.is_empty()),
        course_said: format!("Over {}, in numbers", counted(question.runs.len(), "run")),
        answers,
        keys: Keys {
            states: joined(states),
            verdicts: joined(verdicts),
            waits: question.runs.iter().any(|at| waits.contains(at)),
        },
    })
}

/// The units of an experiment by arm.
fn whom(facts: &RunFacts) -> String {
    let arms: Vec<String> =
        facts.units.iter().map(|(arm, units)| format!("{} in `{arm}`", numbers::count(*units))).collect();
    if arms.is_empty() { String::new() } else { format!("Units: {}.", crate::text::lists::listed(&arms)) }
}

fn answer_view(board: &Board, facts: &RunFacts, answer: &AnswerFacts, trend: Option<&Trend>) -> AnswerView {
    let units = &words::units(&facts.subject);
    let points = trend.map(|trend| trend.points.as_slice()).unwrap_or_default();
    let course: Vec<(Interval, Worth)> = points.iter().map(|point| (point.interval, point.worth)).collect();
    let grade = answer.grade.map(words::grade);
    let point = |point: &crate::record::dashboard::TrendPoint| {
        let run = board.runs.get(point.run)?;
        let it = AnswerFacts { interval: Some(point.interval), worth: point.worth, ..answer.clone() };
        let value = [words::value(&it, units), words::beside(&it, units)];
        Some(PointView {
            slug: run.slug.clone(),
            run: run_name(run),
            when: when(run),
            value: value.iter().filter(|said| !said.is_empty()).cloned().collect::<Vec<_>>().join(". "),
        })
    };
    AnswerView {
        name: words::name(answer),
        value: words::value(answer, units),
        beside: words::beside(answer, units),
        badge: grade.map(|it| it.0),
        blind: !facts.unblinded,
        note: grade.map_or("", |it| it.1),
        whom: if answer.population.is_empty() { String::new() } else { sentences::sentence(&answer.population) },
        picture: picture::picture(&course, &words::picture(points, units)),
        course: if points.len() > 1 { points.iter().filter_map(point).collect() } else { Vec::new() },
    }
}

/// The run of a line beside the runs, if it is still here.
fn slug_of(record: &RecordBeside, run: &str, branch: &str, runs: &BTreeMap<(String, &str), &Run>) -> Option<String> {
    let folder = if record.folder.is_empty() { run.to_owned() } else { format!("{}/{run}", record.folder) };
    // The look of a saved fit has no branch.
    runs.get(&(folder, if branch.is_empty() { "main" } else { branch })).map(|run| run.slug.clone())
}

fn named(run: &str, branch: &str) -> String {
    if branch.is_empty() || branch == "main" { run.to_owned() } else { format!("{run}, branch {branch}") }
}

fn ledger(record: &RecordBeside, runs: &BTreeMap<(String, &str), &Run>) -> LedgerView {
    let line = |entry: &LedgerEntry| LedgerLine {
        title: shortened(&one_line(&entry.title), TITLE),
        outcome: entry.outcome.clone(),
        run: named(&entry.run, &entry.branch),
        slug: slug_of(record, &entry.run, &entry.branch, runs),
        answers: entry.answers.iter().map(ledger_answer).collect(),
        data: numbers::short_hash(&entry.data_sha256),
    };
    LedgerView { folder: record.folder.clone(), lines: record.ledger.iter().map(line).collect() }
}

fn ledger_answer(answer: &LedgerAnswer) -> String {
    let shown = match (answer.estimate, answer.ci_lower, answer.ci_upper) {
        (Some(estimate), Some(lower), Some(upper)) => {
            // Half a 95 % interval of a normal is 1.96 standard errors; here it only chooses the digits.
            numbers::interval(estimate, (upper - lower) / 3.92, lower, upper)
        }
        _ => "none".to_owned(),
    };
    format!("{}: {shown}, {}", answer.name, sentences::tier(answer.tier))
}

fn looks(record: &RecordBeside, runs: &BTreeMap<(String, &str), &Run>) -> LooksView {
    let line = |entry: &LookEntry| LookLine {
        title: shortened(&one_line(&entry.title), TITLE),
        run: named(&entry.run, &entry.branch),
        slug: slug_of(record, &entry.run, &entry.branch, runs),
        n: match entry.look.planned_n {
            Some(planned) => format!("{} of {}", numbers::count(entry.look.n), numbers::count(planned)),
            None => numbers::count(entry.look.n),
        },
        seen: entry.look.seen.iter().map(seen).collect(),
    };
    LooksView { folder: record.folder.clone(), lines: record.looks.iter().map(line).collect() }
}

fn seen(effect: &SeenEffect) -> String {
    let shown = numbers::interval(effect.estimate, (effect.upper - effect.lower) / 3.92, effect.lower, effect.upper);
    format!("`{}`, arm `{}`, {}: {shown}", effect.metric, effect.arm, experiment::request(effect.request))
}
