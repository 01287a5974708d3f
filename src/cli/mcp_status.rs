//! What `status` says of runs: how far each is, its grades, what it waits for. There is no place in it for an effect, nor for words of
//! a plan, whose names may be redacted.

use super::errors::CliError;
use super::output;
use super::shelf::Shelf;
use crate::record::dashboard::{AnswerFacts, Asked, Grade, Run, RunFacts, Trouble};
use serde_json::{Map, Value, json};
use std::path::Path;

/// The runs in and below a folder.
pub(super) fn runs(dir: &Path) -> Result<(Vec<Value>, bool), CliError> {
    if !dir.exists() {
        return Ok((Vec::new(), true));
    }
    let board = Shelf::open(dir)?.read(None)?;
    let above = Path::new(&board.place).to_owned();
    Ok((board.runs.iter().map(|run| told(run, &above)).collect(), board.complete))
}

fn told(run: &Run, above: &Path) -> Value {
    let mut told = Map::new();
    let mut say = |key: &str, value: Value| told.insert(key.to_owned(), value);
    say("run", run.folder.clone().into());
    say("state", run.state.key().into());
    if !run.branch.is_empty() {
        say("branch", run.branch.clone().into());
    }
    if let Some(pending) = &run.pending {
        let review = format!("oci-agent review {}", output::shell_word(&above.join(&run.folder)));
        let waits =
            json!({"gate": pending.gate, "tree": pending.tree, "rejected": pending.rejected, "decide_with": review});
        say("waits_for", waits);
    }
    match &run.facts {
        Ok(facts) => {
            say("unblinded", facts.unblinded.into());
            if let Some(iteration) = facts.iteration {
                say("iteration", iteration.into());
            }
            say("verdicts", verdicts(facts).into());
        }
        Err(trouble) => {
            let words = match trouble {
                Trouble::Empty => "nothing has been committed yet".to_owned(),
                Trouble::Newer { layout } => format!("it was made by a later version (layout {layout})"),
                Trouble::Unreadable { why, .. } => why.clone(),
            };
            say("trouble", words.into());
            say("unblinded", false.into());
            say("verdicts", Value::Array(Vec::new()));
        }
    }
    Value::Object(told)
}

fn verdicts(facts: &RunFacts) -> Vec<Value> {
    let of = if facts.unblinded { "answer" } else { "design" };
    let answers = facts.answers.iter().map(|answer| verdict(answer, of));
    let audit = facts.randomisation.map(|tier| json!({"asked": "randomisation", "grade": tier.key(), "of": "audit"}));
    let arms = facts.arms.iter().map(|arm| json!({"asked": arm.arm, "grade": arm.verdict.key(), "of": "decision"}));
    audit.into_iter().chain(arms).chain(answers).collect()
}

fn verdict(answer: &AnswerFacts, of: &str) -> Value {
    let asked = match &answer.asked {
        Asked::Effect(target) => target.key().to_owned(),
        Asked::Metric { metric, arm, request } => format!("{metric}, {arm}, {}", request.key()),
    };
    let mut told = Map::from_iter([("asked".to_owned(), asked.into()), ("of".to_owned(), of.into())]);
    if !answer.answered.is_empty() {
        told.insert("answered".to_owned(), answer.answered.clone().into());
    }
    let grade = match answer.grade {
        Some(Grade::Tier(tier)) => Some(tier.key()),
        Some(Grade::Standing(standing, _)) => Some(standing.key()),
        None => None,
    };
    told.extend(grade.map(|grade| ("grade".to_owned(), grade.into())));
    Value::Object(told)
}
