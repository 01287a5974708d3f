//! `oci-agent plan accept`: what the principal decides on a draft, with a name and a time.

use super::args::Global;
use super::errors::CliError;
use super::plan_args::{AcceptArgs, role_word};
use super::{env, files, output, oversight, plan_draft};
use crate::critique::plan_review;
use crate::plan;
use crate::plan::draft::{self, Acceptance, AcceptedBy, ColumnRole, DecideError, DraftSection};
use crate::text::dates::utc;
use crate::text::escape::one_line;
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;

/// Something waits for a person.
const WAITS: u8 = 4;

/// Decides on judgements of a draft.
pub(super) fn accept(args: &AcceptArgs, global: &Global) -> Result<ExitCode, CliError> {
    let bytes = files::read_plan(&args.plan)?;
    let read = bytes.clone();
    let text = String::from_utf8(bytes).map_err(|_| {
        CliError::user(format!("{} is not UTF-8", args.plan.display()), "Save it as UTF-8 in your editor.")
    })?;
    let draft = draft_of(&text, &args.plan)?;
    let mut decisions = args.decisions();
    let asks = decisions.is_empty() && draft.pending() > 0;
    if asks && !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
        return Err(nothing_decided(&draft, &args.plan));
    }
    if decisions.is_empty() && !asks {
        return told(&args.plan, &text, 0, global);
    }
    // Before anybody answers a question: without a name there is nothing to write.
    let author = oversight::reviewer()?;
    let by = AcceptedBy { name: format!("{} <{}>", author.name, author.email), at: utc(env::now()) };
    if asks {
        decisions = dialog(&draft, &|decisions| draft::decide(&text, decisions, &by).map(|_| ()));
        if decisions.is_empty() {
            return told(&args.plan, &text, 0, global);
        }
    }
    let before = draft.pending();
    let (text, after) = draft::decide(&text, &decisions, &by).map_err(|error| {
        let hint = error.hint();
        CliError::user(format!("{}: {error}", args.plan.display()), hint)
    })?;
    // The dialog may have been open for an hour.
    if files::read_plan(&args.plan)? != read {
        let message = format!("{} was changed in the meantime, and nothing was written", args.plan.display());
        return Err(CliError::user(message, "Look at it, and give the command again."));
    }
    replaced(&args.plan, &text)?;
    told(&args.plan, &text, before.saturating_sub(after.pending()), global)
}

fn draft_of(text: &str, path: &Path) -> Result<DraftSection, CliError> {
    let (plan, problems) = plan::read_bytes(text.as_bytes());
    let Some(plan) = plan else {
        let first = problems.first().map_or_else(|| "it is no plan".to_owned(), |problem| problem.message.clone());
        let hint = format!("Mend it first: oci-agent check {}", output::shell_word(path));
        return Err(CliError::user(format!("{}: {first}", path.display()), hint));
    };
    plan.draft.ok_or_else(|| {
        CliError::user(
            format!("{} has no `draft:`, so there is nothing to accept", path.display()),
            "`oci-agent plan \"does T change Y?\" data.csv` drafts a plan.",
        )
    })
}

fn nothing_decided(draft: &DraftSection, path: &Path) -> CliError {
    let word = output::shell_word(path);
    let undecided = draft.pending_roles().any(|one| one.role == ColumnRole::Undecided);
    let rest = if undecided { " --undecided confounder" } else { "" };
    CliError::user(
        format!("{} judgements of {} are pending, and nothing says what is decided", draft.pending(), path.display()),
        format!(
            "On a terminal this command asks. Elsewhere: oci-agent plan accept {word} --role COLUMN=ROLE --all-as-drafted{rest}"
        ),
    )
}

/// Writes beside the plan and then takes its place, so that there is always a whole one.
fn replaced(path: &Path, text: &str) -> Result<(), CliError> {
    let fault = |error: std::io::Error| CliError::io(path, "write", &error);
    // A link stays a link.
    let path = &std::fs::canonicalize(path).map_err(fault)?;
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let beside = Path::new(&name);
    let mut file = files::create(beside, false).map_err(fault)?;
    let moved =
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).and_then(|()| std::fs::rename(beside, path));
    moved.map_err(|error| {
        // Nothing is left behind; the error that matters is the first one.
        let _ = std::fs::remove_file(beside);
        fault(error)
    })
}

fn told(path: &Path, text: &str, decided: usize, global: &Global) -> Result<ExitCode, CliError> {
    let (Some(plan), _) = plan::read_bytes(text.as_bytes()) else {
        return Err(CliError::bug("the plan that was written cannot be read"));
    };
    let draft = plan.draft.clone().unwrap_or_default();
    let findings = plan_review::review(&plan, plan_review::inline_graph(&plan));
    let pending = draft.pending();
    let code = if pending == 0 { ExitCode::SUCCESS } else { ExitCode::from(WAITS) };
    let word = output::shell_word(path);
    if global.json {
        let names: Vec<&str> = draft.pending_roles().map(|one| one.column.as_str()).collect();
        let parts: Vec<&str> = draft.pending_parts().map(|one| one.part.key()).collect();
        output::json_line(&serde_json::json!({
            "event": "accepted", "path": path, "decided": decided, "pending": pending, "pending_roles": names,
            "pending_parts": parts, "findings": findings,
        }))?;
        return Ok(code);
    }
    if global.quiet == 0 {
        output::stdout(plan_draft::overview(&draft))?;
        output::stdout(plan_draft::asked_first(&findings, Some(&draft)))?;
        let next = match pending {
            0 => format!("Every judgement is accepted. Next: oci-agent check {word}"),
            n => format!("{n} still to be decided: oci-agent plan accept {word}"),
        };
        output::stderr(next);
    }
    Ok(code)
}

/// Goes through what is pending with whoever is at the terminal. What does not hold with what was decided before is asked again, so
/// that one slip does not cost the other answers.
fn dialog(draft: &DraftSection, holds: &dyn Fn(&[Acceptance]) -> Result<(), DecideError>) -> Vec<Acceptance> {
    output::stderr(
        "For each judgement: y accepts it, the name of a role gives the column that one, ? lists the roles, Enter leaves it for \
         later, q ends and keeps what was decided.",
    );
    let mut decisions = Vec::new();
    for one in draft.pending_roles() {
        output::stderr(format!("\n{}: {}\n  {}", one_line(&one.column), one.role.key(), one_line(&one.because)));
        loop {
            let role = match role_asked(one.role) {
                Answer::Role(role) => role,
                Answer::Later => break,
                Answer::End => return decisions,
            };
            if added(&mut decisions, Acceptance::Role(one.column.clone(), role), holds) {
                break;
            }
        }
    }
    for one in draft.pending_parts() {
        output::stderr(format!("\n{}\n  {}", one.part.key(), one_line(&one.because)));
        loop {
            output::stderr("  [y]es, [n]o, or Enter for later");
            let yes = match read_line().map(|line| line.to_lowercase()).as_deref() {
                Some("y" | "yes") => true,
                Some("n" | "no") => false,
                Some("") => break,
                Some("q" | "quit") | None => return decisions,
                Some(_) => continue,
            };
            if added(&mut decisions, Acceptance::Part(one.part, yes), holds) {
                break;
            }
        }
    }
    decisions
}

/// Adds a decision that holds with those before it; tells why one does not.
fn added(
    decisions: &mut Vec<Acceptance>,
    decision: Acceptance,
    holds: &dyn Fn(&[Acceptance]) -> Result<(), DecideError>,
) -> bool {
    decisions.push(decision);
    let Err(why) = holds(decisions) else { return true };
    decisions.pop();
    output::stderr(format!("  {why}. {}", why.hint()));
    false
}

enum Answer {
    Role(Option<ColumnRole>),
    Later,
    End,
}

fn role_asked(drafted: ColumnRole) -> Answer {
    let question = match drafted {
        ColumnRole::Undecided => "  which role?",
        // Other columns would be another question.
        ColumnRole::Treatment | ColumnRole::Outcome => "  accept? [y]",
        _ => "  accept? [y], or another role",
    };
    loop {
        output::stderr(question);
        let Some(line) = read_line() else { return Answer::End };
        match line.to_lowercase().as_str() {
            "" => return Answer::Later,
            "q" | "quit" => return Answer::End,
            "y" | "yes" if drafted != ColumnRole::Undecided => return Answer::Role(None),
            "?" => output::stderr(format!("  {}; docs/draft.md explains them", roles_to_choose(drafted))),
            word => match role_word(word) {
                Ok(role) => return Answer::Role(Some(role)),
                Err(_) => {
                    output::stderr(format!("  no role is called that; the roles are {}", roles_to_choose(drafted)))
                }
            },
        }
    }
}

/// The roles that a column may be given in the place of the one that was drafted.
fn roles_to_choose(drafted: ColumnRole) -> String {
    let is_question = |role: ColumnRole| matches!(role, ColumnRole::Treatment | ColumnRole::Outcome);
    let may_be = |role: &ColumnRole| {
        *role != ColumnRole::Undecided && if is_question(drafted) { *role == drafted } else { !is_question(*role) }
    };
    ColumnRole::ALL.into_iter().filter(may_be).map(|role| role.key()).collect::<Vec<_>>().join(", ")
}

/// A line from the terminal; `None` at its end.
pub(super) fn read_line() -> Option<String> {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).ok().filter(|read| *read > 0)?;
    Some(line.trim().to_owned())
}
