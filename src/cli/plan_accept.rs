//! `oci-agent plan accept`: what the principal decides on a draft, with a name and a time.

use super::args::Global;
use super::errors::CliError;
use super::plan_args::{AcceptArgs, role_word};
use super::{env, files, output, oversight, plan_draft};
use crate::critique::plan_review;
use crate::plan;
use crate::plan::draft::{self, Acceptance, AcceptedBy, ColumnRole, DraftSection};
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
    let text = String::from_utf8(bytes).map_err(|_| {
        CliError::user(format!("{} is not UTF-8", args.plan.display()), "Save it as UTF-8 in your editor.")
    })?;
    let draft = draft_of(&text, &args.plan)?;
    let mut decisions = args.decisions();
    if decisions.is_empty() && draft.pending() > 0 {
        if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
            return Err(nothing_decided(&draft, &args.plan));
        }
        decisions = dialog(&draft);
    }
    if decisions.is_empty() {
        return told(&args.plan, &text, 0, global);
    }
    let author = oversight::reviewer()?;
    let by = AcceptedBy { name: format!("{} <{}>", author.name, author.email), at: utc(env::now()) };
    let before = draft.pending();
    let (text, after) = draft::decide(&text, &decisions, &by).map_err(|error| {
        let hint = error.hint();
        CliError::user(format!("{}: {error}", args.plan.display()), hint)
    })?;
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
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let beside = Path::new(&name);
    let fault = |error: std::io::Error| CliError::io(path, "write", &error);
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

/// Goes through what is pending with whoever is at the terminal.
fn dialog(draft: &DraftSection) -> Vec<Acceptance> {
    output::stderr(
        "For each judgement: y accepts it, the name of a role gives the column that one, ? lists the roles, Enter leaves it for \
         later, q ends.",
    );
    let mut decisions = Vec::new();
    for one in draft.pending_roles() {
        output::stderr(format!("\n{}: {}\n  {}", one_line(&one.column), one.role.key(), one_line(&one.because)));
        match role_asked(one.role) {
            Answer::Role(role) => decisions.push(Acceptance::Role(one.column.clone(), role)),
            Answer::Later => {}
            Answer::End => return decisions,
        }
    }
    for one in draft.pending_parts() {
        output::stderr(format!(
            "\n{}\n  {}\n  [y]es, [n]o, or Enter for later",
            one.part.key(),
            one_line(&one.because)
        ));
        match read_line().map(|line| line.to_lowercase()).as_deref() {
            Some("y" | "yes") => decisions.push(Acceptance::Part(one.part, true)),
            Some("n" | "no") => decisions.push(Acceptance::Part(one.part, false)),
            Some("q") | None => return decisions,
            Some(_) => {}
        }
    }
    decisions
}

enum Answer {
    Role(Option<ColumnRole>),
    Later,
    End,
}

fn role_asked(drafted: ColumnRole) -> Answer {
    loop {
        let undecided = drafted == ColumnRole::Undecided;
        output::stderr(if undecided { "  which role?" } else { "  accept? [y], or another role" });
        let Some(line) = read_line() else { return Answer::End };
        match line.to_lowercase().as_str() {
            "" => return Answer::Later,
            "q" | "quit" => return Answer::End,
            "y" | "yes" if !undecided => return Answer::Role(None),
            "?" => {
                let roles: Vec<&str> = ColumnRole::ALL.iter().map(|role| role.key()).collect();
                output::stderr(format!("  {}; docs/draft.md explains them", roles.join(", ")));
            }
            word => match role_word(word) {
                Ok(role) => return Answer::Role(Some(role)),
                Err(why) => output::stderr(format!("  {why}")),
            },
        }
    }
}

/// A line from the terminal; `None` at its end.
pub(super) fn read_line() -> Option<String> {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).ok().filter(|read| *read > 0)?;
    Some(line.trim().to_owned())
}
