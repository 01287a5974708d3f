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
        if let Some(decision) = &run.pending {
            add(0, at, Alert::Decision(decision.clone()));
        }
        // One that has just begun waits for nobody.
        if let (Err(trouble), false) = (&run.facts, run.state == RunState::Running) {
            add(1, at, Alert::Unreadable(trouble.clone()));
        }
    }
    for question in questions {
        // What a later run has made good waits for nobody.
        let Some((last, facts)) = question.runs.last().and_then(|at| Some((*at, facts(runs, *at)?))) else { continue };
        let Some(run) = runs.get(last) else { continue };
        match run.state {
            RunState::Stopped => add(2, last, Alert::Stopped),
            // One that waits is told by its decision.
            RunState::Waiting | RunState::Running | RunState::Unreadable => {}
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
    found.extend(facts.moved.clone().map(|moved| (4, Alert::Moved(moved))));
    found.extend(facts.ended_by_budget.clone().map(|why| (6, Alert::Budget(why))));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::dashboard::{Interval, Kind, ReportPage, Trouble, Worth};
    use crate::record::oversight::PendingDecision;
    use causal::estimand::Target;
    use std::sync::Arc;

    fn run(folder: &str, updated: i64, state: RunState, question: &str, tier: Option<Tier>) -> Run {
        let interval = Interval { estimate: 1.0, std_error: 1.0, lower: -1.0, upper: 3.0 };
        let answer = tier.map(|tier| AnswerFacts {
            asked: Asked::Effect(Target::Ate),
            answered: String::new(),
            grade: Some(Grade::Tier(tier)),
            interval: Some(interval),
            worth: Worth::Answer,
            population: String::new(),
        });
        let subject = Subject {
            kind: Kind::Study,
            question: question.to_owned(),
            treatment: "t".to_owned(),
            outcome: "y".to_owned(),
            units: String::new(),
        };
        let facts = RunFacts {
            title: String::new(),
            subject,
            tool_version: String::new(),
            data_sha256: String::new(),
            plan_sha256: String::new(),
            iteration: None,
            unblinded: answer.is_some(),
            randomisation: None,
            arms: Vec::new(),
            units: Vec::new(),
            answers: answer.into_iter().collect(),
            doubts: Vec::new(),
            ended_by_budget: None,
            moved: None,
            seen_before: 0,
            files: Vec::new(),
        };
        Run {
            folder: folder.to_owned(),
            branch: "main".to_owned(),
            slug: folder.to_owned(),
            state,
            updated: Some(updated),
            commit: String::new(),
            last_step: String::new(),
            shallow: false,
            pending: None,
            report: ReportPage::None,
            facts: Ok(Arc::new(facts)),
        }
    }

    #[test]
    fn only_what_no_later_run_has_made_good_waits() {
        let bad = Some(Tier::NotSatisfactory);
        let good = Some(Tier::FullySatisfactory);
        let mut unreadable = run("u", 0, RunState::Unreadable, "q", None);
        unreadable.facts = Err(Trouble::Newer { layout: 9 });
        let mut gated = run("g", 9, RunState::Waiting, "gate", None);
        let decision = PendingDecision {
            run: "g".to_owned(),
            branch: "main".to_owned(),
            gate: "unblind".to_owned(),
            tree: "1".to_owned(),
            rejected: false,
            since: 9,
        };
        gated.pending = Some(decision.clone());
        let made = board(Board {
            runs: vec![
                run("a1", 1, RunState::Finished, "a", bad),
                run("a2", 2, RunState::Finished, "a", good),
                run("b1", 3, RunState::Finished, "b", good),
                run("b2", 4, RunState::Finished, "b", bad),
                run("c1", 5, RunState::Stopped, "c", None),
                run("c2", 6, RunState::Running, "c", None),
                run("d1", 7, RunState::Stopped, "d", None),
                unreadable,
                gated,
            ],
            ..Board::default()
        });
        let waits: Vec<(&str, &Alert)> =
            made.waiting.iter().map(|it| (made.runs[it.run].folder.as_str(), &it.alert)).collect();
        let asked = vec![Asked::Effect(Target::Ate)];
        assert_eq!(
            waits,
            [
                ("g", &Alert::Decision(decision)),
                ("u", &Alert::Unreadable(Trouble::Newer { layout: 9 })),
                ("d1", &Alert::Stopped),
                ("b2", &Alert::NotSatisfactory { asked }),
            ]
        );
        // The latest question first; its runs, and its estimates, the oldest first.
        let asked: Vec<&str> = made.questions.iter().map(|it| it.subject.question.as_str()).collect();
        assert_eq!(asked, ["gate", "d", "c", "b", "a"]);
        let course: Vec<&str> =
            made.questions[3].trends[0].points.iter().map(|it| made.runs[it.run].folder.as_str()).collect();
        assert_eq!(course, ["b1", "b2"]);
    }
}
