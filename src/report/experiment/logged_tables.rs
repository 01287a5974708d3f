//! The tables of a log of decisions.

use super::{logged_words, shown};
use crate::record::logged_actions::{Held, LoggedAnswers, LoggedAudit, ScoreRow, Tested};
use crate::report::sentences;
use crate::report::table::{Column, Table};
use crate::text::numbers;

fn table(columns: &[(String, Column)]) -> Table {
    let borrowed: Vec<(&str, Column)> = columns.iter().map(|(title, kind)| (title.as_str(), *kind)).collect();
    Table::new(&borrowed)
}

fn number(title: impl Into<String>) -> (String, Column) {
    (title.into(), Column::Number)
}

fn words(title: &str) -> (String, Column) {
    (title.to_owned(), Column::Words)
}

fn p(found: &Tested) -> String {
    shown::p(found.holm)
}

/// The names of the scores, from the first row that has them.
fn names<'a>(mut rows: impl Iterator<Item = &'a Vec<ScoreRow>>) -> Vec<&'a str> {
    rows.next().map(|scores| scores.iter().map(|score| score.score.as_str()).collect()).unwrap_or_default()
}

/// Values of policies, with the scores under them.
pub fn policies(answers: &LoggedAnswers, level: &str) -> Option<Table> {
    if answers.policies.is_empty() {
        return None;
    }
    let mut columns = vec![
        words("policy"),
        number(format!("value [{level}]")),
        number(format!("against the log [{level}]")),
        number("p, Holm"),
        number("Hájek"),
        number("Horvitz–Thompson"),
    ];
    let scores = names(answers.policies.iter().map(|row| &row.scores));
    columns.extend(scores.iter().map(|score| number(format!("{score}, against the log [{level}]"))));
    let mut made = table(&columns);
    for row in &answers.policies {
        let mut cells = vec![
            row.policy.clone(),
            shown::absolute(&row.value),
            shown::absolute(&row.gain.effect),
            p(&row.gain),
            shown::absolute(&row.hajek),
            shown::absolute(&row.horvitz_thompson),
        ];
        cells.extend(row.scores.iter().map(|score| shown::absolute(&score.difference.effect)));
        made.push(cells);
    }
    Some(made)
}

/// Credits of steps, with the scores beside them.
pub fn steps(answers: &LoggedAnswers, level: &str) -> Option<Table> {
    if answers.steps.is_empty() {
        return None;
    }
    let mut columns =
        vec![words("step"), number("on"), number("off"), number(format!("credit [{level}]")), number("p, Holm")];
    for score in names(answers.steps.iter().map(|row| &row.scores)) {
        columns.push(number(format!("{score}, on and off")));
        columns.push(number(format!("difference [{level}]")));
    }
    let mut made = table(&columns);
    for row in &answers.steps {
        let mut cells = vec![
            row.step.clone(),
            shown::value(row.on.estimate, row.on.std_error),
            shown::value(row.off.estimate, row.off.std_error),
            shown::absolute(&row.credit.effect),
            p(&row.credit),
        ];
        for score in &row.scores {
            let error = score.difference.effect.std_error;
            let [with, without] = [score.with, score.without].map(|mean| shown::value(mean, error));
            cells.push(format!("{with}, {without}"));
            cells.push(shown::absolute(&score.difference.effect));
        }
        made.push(cells);
    }
    Some(made)
}

/// Steps two by two, and all of them.
pub fn together(answers: &LoggedAnswers, level: &str) -> Option<Table> {
    if answers.pairs.is_empty() && answers.all_steps.is_none() {
        return None;
    }
    let mut made =
        table(&[words("steps"), words("estimate"), number(format!("size [{level}]")), number("p"), number("p, Holm")]);
    let mut push = |steps: String, what: &str, found: &Tested| {
        made.push(vec![
            steps,
            what.to_owned(),
            shown::absolute(&found.effect),
            numbers::p_value(found.p_value),
            p(found),
        ]);
    };
    for pair in &answers.pairs {
        push(pair.steps.join(" and "), "more together than apart", &pair.together);
    }
    if let Some(all) = &answers.all_steps {
        let rows = format!("all: {} decisions on, {} off", numbers::count(all.on), numbers::count(all.off));
        push(rows, "on against off", &all.effect);
        push("all".to_owned(), "left over beyond the credits", &all.left_over);
    }
    Some(made)
}

fn held(weight: &Held) -> String {
    let digits = numbers::decimals(weight.std_error);
    format!("{} ± {}", numbers::fixed(weight.value, digits), numbers::fixed(weight.std_error, digits))
}

/// How policies meet the log, action by action.
pub fn overlap(audit: &LoggedAudit) -> Option<Table> {
    if audit.policies.is_empty() {
        return None;
    }
    let mut made = table(&[
        words("policy"),
        words("action"),
        number("decisions"),
        number("of those logged so"),
        number("mean weight (should be 1)"),
        number("largest weight"),
        number("effective units"),
    ]);
    for policy in &audit.policies {
        for action in &policy.actions {
            made.push(vec![
                policy.policy.clone(),
                action.action.clone(),
                numbers::count(action.wanted),
                numbers::count(action.matched),
                held(&action.weight),
                numbers::significant(policy.largest_weight, 3),
                numbers::effective(policy.effective_units),
            ]);
        }
    }
    Some(made)
}

/// The actions and steps of the log.
pub fn log(audit: &LoggedAudit) -> Table {
    let mut made = table(&[
        words("logged"),
        words("what"),
        number("decisions"),
        number("by the chances"),
        number("mean of 1/chance (should be 1)"),
    ]);
    for action in &audit.actions {
        let nothing = shown::NOTHING.to_owned();
        made.push(vec![
            action.action.clone(),
            "action".to_owned(),
            numbers::count(action.decisions),
            nothing,
            held(&action.weight),
        ]);
    }
    for step in &audit.steps {
        let expected = numbers::effective(step.expected);
        let nothing = shown::NOTHING.to_owned();
        made.push(vec![step.step.clone(), "step, on".to_owned(), numbers::count(step.on), expected, nothing]);
    }
    made
}

/// The checks of the log.
pub fn checks(audit: &LoggedAudit) -> Table {
    let mut made = table(&[
        ("check".to_owned(), Column::Code),
        words("of"),
        words("result"),
        number("value"),
        number("threshold"),
        words("what it means"),
    ]);
    for (owner, check) in logged_words::checks(audit) {
        let number = |value: Option<f64>| value.map_or(shown::NOTHING.to_owned(), super::tables::number);
        made.push(vec![
            check.code.key().to_owned(),
            owner.unwrap_or("the log").to_owned(),
            sentences::severity(check.severity).to_owned(),
            number(check.value),
            number(check.threshold),
            check.message.clone(),
        ]);
    }
    made
}
