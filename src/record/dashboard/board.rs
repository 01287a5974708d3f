//! Runs put together: by question, over time, and what waits for a person.

use super::{
    Alert, AnswerFacts, Asked, Board, Grade, Question, Run, RunFacts, RunState, Subject, Trend, TrendPoint, Waiting,
};
use crate::finding::Tier;
use crate::record::experiment::Verdict;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Sorts the runs of a board, and finds questions, trends and alerts.
#[must_use]
pub fn board(mut board: Board) -> Board {
    let runs = &mut board.runs;
    let order = |run: &Run| (run.facts.is_ok(), Reverse(run.updated), run.folder.clone(), run.branch.clone());
    runs.sort_by_cached_key(order);
    board.questions = questions(&board.runs);
    board.waiting = waiting(&board.runs, &board.questions);
    board
}

fn questions(runs: &[Run]) -> Vec<Question> {
    let mut by_subject: BTreeMap<&Subject, Vec<usize>> = BTreeMap::new();
    // The last changed is first among the runs; here the oldest is.
    for (at, run) in runs.iter().enumerate().rev() {
        if let Ok(facts) = &run.facts {
            by_subject.entry(&facts.subject).or_default().push(at);
        }
    }
    let mut found: Vec<Question> = by_subject
        .into_iter()
        .filter_map(|(subject, places)| {
            let last = places.last().copied()?;
            let unblinded = |at: &&usize| facts(runs, **at).is_some_and(|facts| facts.unblinded);
            let shown = places.iter().rev().find(unblinded).copied().unwrap_or(last);
            let trends = trends(runs, &places, shown);
            Some(Question { subject: subject.clone(), runs: places, shown, trends })
        })
        .collect();
    found.sort_by_key(|question| question.runs.last().copied());
    found
}

fn facts(runs: &[Run], at: usize) -> Option<&RunFacts> {
    runs.get(at)?.facts.as_deref().ok()
}

fn trends(runs: &[Run], places: &[usize], shown: usize) -> Vec<Trend> {
    let asked = facts(runs, shown).map(|facts| facts.answers.as_slice()).unwrap_or_default();
    let trend = |answer: &AnswerFacts| Trend {
        asked: answer.asked.clone(),
        points: places.iter().filter_map(|at| point(runs, *at, &answer.asked)).collect(),
    };
    asked.iter().map(trend).collect()
}

fn point(runs: &[Run], run: usize, asked: &Asked) -> Option<TrendPoint> {
    let answer = facts(runs, run)?.answers.iter().find(|answer| answer.asked == *asked)?;
    answer.interval.map(|interval| TrendPoint { run, interval, worth: answer.worth })
}

fn waiting(runs: &[Run], questions: &[Question]) -> Vec<Waiting> {
    let mut found: Vec<(u8, Waiting)> = Vec::new();
    let mut add = |rank: u8, run: usize, alert: Alert| found.push((rank, Waiting { run, alert }));
    for (at, run) in runs.iter().enumerate() {
        for decision in &run.pending {
            add(0, at, Alert::Decision(decision.clone()));
        }
        if let Err(trouble) = &run.facts {
            add(1, at, Alert::Unreadable(trouble.clone()));
        }
    }
    for question in questions {
        // What a later run has made good waits for nobody.
        let Some((last, facts)) = question.runs.last().and_then(|at| Some((*at, facts(runs, *at)?))) else { continue };
        let Some(run) = runs.get(last) else { continue };
        match run.state {
            RunState::Stopped => add(2, last, Alert::Stopped),
            RunState::Running | RunState::Unreadable => {}
            RunState::Finished => {
                for (rank, alert) in of_answers(facts) {
                    add(rank, last, alert);
                }
            }
        }
    }
    found.sort_by_key(|(rank, it)| (*rank, it.run));
    found.into_iter().map(|(_, it)| it).collect()
}

/// What a finished run leaves to a person.
fn of_answers(facts: &RunFacts) -> Vec<(u8, Alert)> {
    let mut found = Vec::new();
    if facts.randomisation == Some(Tier::NotSatisfactory) {
        found.push((3, Alert::Randomisation));
    }
    let stops = facts.arms.iter().filter(|arm| arm.verdict == Verdict::Stop);
    found.extend(stops.map(|arm| (4, Alert::Stop { arm: arm.arm.clone(), reason: arm.reason.clone() })));
    let refused = |answer: &&AnswerFacts| answer.grade == Some(Grade::Tier(Tier::NotSatisfactory));
    let asked: Vec<Asked> = facts.answers.iter().filter(refused).map(|answer| answer.asked.clone()).collect();
    if !asked.is_empty() {
        found.push((5, Alert::NotSatisfactory { asked }));
    }
    found.extend(facts.ended_by_budget.clone().map(|why| (6, Alert::Budget(why))));
    found
}
