//! `oci-agent plan QUESTION DATA`: a draft of a whole plan.

use super::args::Global;
use super::errors::CliError;
use super::init::{self, Columns, Guess};
use super::plan_args::{PlanArgs, PlanCommand};
use super::plan_model::{self, Subject};
use super::{files, output, plan_accept};
use crate::agent::planning;
use crate::critique::plan_review::{self, PlanFinding};
use crate::plan::draft::{self, ColumnRole, DraftSection, DraftedBy, DraftedPart, DraftedPlan, PartJudgement};
use crate::plan::{self, MissingPolicy, Observed, TemplateInput, closest};
use crate::schema::{ColumnKind, DatasetDocument};
use crate::text::escape::one_line;
use crate::text::lists::listed;
use crate::text::untrusted::visible;
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;

/// Drafts a plan, or decides on the judgements of one.
pub(super) fn plan(args: &PlanArgs, global: &Global) -> Result<ExitCode, CliError> {
    match (&args.command, &args.question, &args.data) {
        (Some(PlanCommand::Accept(args)), _, _) => plan_accept::accept(args, global),
        (None, Some(question), Some(data)) => drafted(args, (question, data), global),
        // clap asks for both.
        _ => {
            Err(CliError::user("a question and a data file are needed", "oci-agent plan \"does T change Y?\" data.csv"))
        }
    }
}

/// The most columns of a draft.
const MOST_COLUMNS: usize = 1_000;

/// Treatment and outcome, each with the reason for which it is that column.
struct Asked {
    treatment: String,
    outcome: String,
    because: [String; 2],
}

fn drafted(args: &PlanArgs, asked: (&str, &Path), global: &Global) -> Result<ExitCode, CliError> {
    let (question, data) = asked;
    let question = visible(question.trim());
    if question.is_empty() {
        let hint = "Ask it in words: oci-agent plan \"does T change Y?\" data.csv";
        return Err(CliError::user("the question is empty", hint));
    }
    if !args.force && args.output.exists() {
        return Err(is_there(&args.output));
    }
    let columns = init::read_columns(data, |document| match document.columns.len() {
        0 | 1 => {
            let n = document.columns.len();
            let message =
                format!("{} has {n} column, and a question needs a treatment and an outcome", document.source);
            Err(CliError::user(message, "Add the other columns to the file."))
        }
        n if n > MOST_COLUMNS => {
            let message = format!("{} has {n} columns, and a person is to accept a role for each", document.source);
            let hint = format!("Take out what cannot matter, to at most {MOST_COLUMNS}, or start from: oci-agent init");
            Err(CliError::user(message, hint))
        }
        _ => Ok(()),
    })?;
    let asked = asked_about(args, &question, &columns)?;
    let guess = init::guess(&columns, &asked.treatment, &asked.outcome);
    let document = columns.table.document();
    let observed = Observed {
        columns: &document.columns,
        facts: &columns.facts,
        treatment: &asked.treatment,
        outcome: &asked.outcome,
        faults: &guess.faults,
    };
    let judged = draft::judge(&observed, &guess.proposal, [&asked.because[0], &asked.because[1]]);
    let by_model = match &args.model {
        None => None,
        Some(model) => {
            let subject = Subject {
                question: &question,
                data,
                treatment: &asked.treatment,
                outcome: &asked.outcome,
                columns: &columns,
                rules: &judged,
            };
            Some(plan_model::drafted(args, model, subject)?)
        }
    };
    let said = by_model.as_ref().map(|by| &by.draft);
    let mut section = DraftSection {
        roles: planning::together(&judged, said.map_or(&[][..], |said| &said.roles)),
        parts: parts(&guess, &columns),
        ..DraftSection::default()
    };
    if let Some(by) = &by_model {
        section.model = Some(by.model.clone());
        section.transcript = Some(by.transcript.clone());
        section.cost_usd = by.cost_usd;
        section.ask_for.clone_from(&by.draft.ask_for);
        section.remarks.clone_from(&by.draft.remarks);
        section.asked.clone_from(&by.asked);
        section.parts.extend(parts_of_model(&by.draft));
    }
    let template = template(args, data, (&guess, &section), observed, &document);
    let text = draft::appended(&DraftedPlan {
        template: &template,
        question: &question,
        trial: said.and_then(|said| said.trial.as_ref()),
        threats: said.map_or(&[][..], |said| &said.threats),
        graph: said.and_then(|said| said.graph.as_ref()).map(|graph| graph.dot.as_str()),
        unit_id: guess.proposal.unit_id.as_deref(),
        draft: &section,
    })
    .map_err(|error| CliError::bug(format!("the draft could not be written: {error}")))?;
    written(args, &text)?;
    told(args, &text, global)?;
    Ok(ExitCode::SUCCESS)
}

fn template(
    args: &PlanArgs,
    data: &Path,
    drafted: (&Guess, &DraftSection),
    observed: Observed<'_>,
    document: &DatasetDocument,
) -> String {
    let (guess, draft) = drafted;
    let is_confounder = |name: &str| draft.role_of(name).is_some_and(|one| one.role == ColumnRole::Confounder);
    let mut proposal = guess.proposal.clone();
    proposal.confounders.retain(|(name, _)| is_confounder(name));
    // The reasons stand with the judgements.
    proposal.left_out.clear();
    plan::template(&TemplateInput {
        source: &init::source_for(data, &args.output),
        observed,
        proposal: &proposal,
        missing: guess.missing,
        conversions: &document.conversions,
        drafted: true,
    })
}

/// What the rules guess beside roles.
fn parts(guess: &Guess, columns: &Columns) -> Vec<PartJudgement> {
    let part = |part: DraftedPart, because: String| PartJudgement {
        part,
        by: DraftedBy::Rules,
        because: visible(&one_line(&because)),
        kept: true,
        accepted: None,
    };
    let mut parts = Vec::new();
    if let Some(two) = guess.proposal.treatment.as_ref().filter(|two| !two.certain) {
        parts.push(part(
            DraftedPart::Treated,
            format!(
                "A guess: `{}` means treated, `{}` control. The sign of the effect depends on it.",
                two.yes, two.no
            ),
        ));
    }
    if let Some(two) = guess.proposal.event.as_ref().filter(|two| !two.certain) {
        parts.push(part(DraftedPart::Event, format!("A guess: `{}` is the event, and not `{}`.", two.yes, two.no)));
    }
    if !columns.overrides.is_empty() {
        let each: Vec<String> =
            columns.overrides.iter().map(|one| format!("`{}`: {}", one.column, one.because)).collect();
        parts.push(part(DraftedPart::Reading, format!("How columns are read: {}.", each.join("; "))));
    }
    match guess.missing {
        MissingPolicy::Error => {}
        MissingPolicy::Drop => {
            let reason = "Rows with a missing value are dropped, as if they were missing at random. Are they?";
            parts.push(part(DraftedPart::Missing, reason.to_owned()));
        }
        MissingPolicy::Indicator => {
            let reason = "Missing values of covariates are filled in and marked, since too many rows have one.";
            parts.push(part(DraftedPart::Missing, reason.to_owned()));
        }
    }
    parts
}

/// What a model drafted beside roles.
fn parts_of_model(draft: &planning::ModelDraft) -> Vec<PartJudgement> {
    let part = |part: DraftedPart, because: &str| PartJudgement {
        part,
        by: DraftedBy::Model,
        because: because.to_owned(),
        kept: true,
        accepted: None,
    };
    let trial =
        draft.trial.as_ref().map(|_| part(DraftedPart::TargetTrial, "Its components, as far as the model could say."));
    let graph = draft.graph.as_ref().map(|graph| part(DraftedPart::Graph, &graph.because));
    let threats = (!draft.threats.is_empty())
        .then(|| part(DraftedPart::Threats, "What could make the answer wrong all the same."));
    [trial, graph, threats].into_iter().flatten().collect()
}

/// Treatment and outcome: by the flags, by the names in the question, or by whoever is at the terminal.
fn asked_about(args: &PlanArgs, question: &str, columns: &Columns) -> Result<Asked, CliError> {
    const BY_FLAG: &str = "Named on the command line.";
    let document = columns.table.document();
    for (flag, role) in [(&args.treatment, "treatment"), (&args.outcome, "outcome")] {
        if let Some(name) = flag {
            init::must_have(&document, name, role)?;
        }
    }
    let all: Vec<&str> = document.columns.iter().map(|column| column.name.as_str()).collect();
    let given = [args.treatment.as_deref(), args.outcome.as_deref()];
    let named: Vec<String> = draft::names_in(question, all.iter().copied())
        .into_iter()
        .filter(|name| !given.contains(&Some(name)))
        .collect();
    let stands = |what: &str| format!("Its name stands in the question{what}.");
    let (treatment, outcome) = match (given, named.as_slice()) {
        ([Some(treatment), Some(outcome)], _) => ((treatment, BY_FLAG.to_owned()), (outcome, BY_FLAG.to_owned())),
        ([Some(treatment), None], [one]) => ((treatment, BY_FLAG.to_owned()), (one.as_str(), stands(""))),
        ([None, Some(outcome)], [one]) => ((one.as_str(), stands("")), (outcome, BY_FLAG.to_owned())),
        ([None, None], [first, second]) => match (two_valued(columns, first), two_valued(columns, second)) {
            (false, true) => (
                (second.as_str(), stands(", and it has two values, which the other has not")),
                (first.as_str(), stands("")),
            ),
            (true, false) => (
                (first.as_str(), stands(", and it has two values, which the other has not")),
                (second.as_str(), stands("")),
            ),
            _ => (
                (first.as_str(), stands(" first, before that of the outcome: the order is all there is to go by")),
                (second.as_str(), stands("")),
            ),
        },
        _ => return at_the_terminal(given, &named, &document),
    };
    let asked =
        Asked { treatment: treatment.0.to_owned(), outcome: outcome.0.to_owned(), because: [treatment.1, outcome.1] };
    if asked.treatment == asked.outcome {
        let message = format!("`{}` cannot be both the treatment and the outcome", asked.treatment);
        return Err(CliError::user(message, "Name two columns."));
    }
    Ok(asked)
}

fn two_valued(columns: &Columns, name: &str) -> bool {
    let facts = columns.facts.iter().find(|fact| fact.name == name);
    let info = columns.table.document().columns.into_iter().find(|info| info.name == name);
    facts.is_some_and(|fact| fact.values.len() == 2) || info.is_some_and(|info| info.kind == ColumnKind::Boolean)
}

/// Asks for what the question leaves open, if somebody is there.
fn at_the_terminal(given: [Option<&str>; 2], named: &[String], document: &DatasetDocument) -> Result<Asked, CliError> {
    let all: Vec<&str> = document.columns.iter().map(|column| column.name.as_str()).collect();
    if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
        let message = match named {
            [] => format!("the question names no column of {}", document.source),
            [one] => format!("the question names one column of {}, `{one}`, and two are needed", document.source),
            _ => format!("the question names {} columns of {}: {}", named.len(), document.source, listed(named)),
        };
        let hint = format!("Say which: --treatment COLUMN --outcome COLUMN. Its columns are: {}.", all.join(", "));
        return Err(CliError::user(message, hint));
    }
    output::stderr(format!("The columns of {} are: {}.", document.source, all.join(", ")));
    let because = "Named at the terminal.".to_owned();
    let mut chosen = Vec::new();
    for (role, flag) in ["treatment", "outcome"].into_iter().zip(given) {
        chosen.push(match flag {
            Some(name) => name.to_owned(),
            None => which(role, &all)?,
        });
    }
    let [treatment, outcome] = chosen.as_slice() else { return Err(CliError::bug("two roles were asked for")) };
    if treatment == outcome {
        let message = format!("`{treatment}` cannot be both the treatment and the outcome");
        return Err(CliError::user(message, "Name two columns."));
    }
    Ok(Asked { treatment: treatment.clone(), outcome: outcome.clone(), because: [because.clone(), because] })
}

/// One column, asked for until there is one of that name.
fn which(role: &str, all: &[&str]) -> Result<String, CliError> {
    loop {
        output::stderr(format!("Which column is the {role}?"));
        let Some(line) = plan_accept::read_line() else {
            return Err(CliError::user(format!("no {role} was named"), format!("Name it with --{role} COLUMN.")));
        };
        if all.contains(&line.as_str()) {
            return Ok(line);
        }
        let near = closest(&line, all.iter().copied()).map_or(String::new(), |near| format!(" Did you mean `{near}`?"));
        output::stderr(format!("There is no column `{line}`.{near}"));
    }
}

fn is_there(path: &Path) -> CliError {
    let word = output::shell_word(path);
    CliError::user(
        format!("{} is there already, and is not overwritten", path.display()),
        format!(
            "Write elsewhere with --output FILE, replace it with --force, or go on with it: oci-agent plan accept {word}"
        ),
    )
}

fn written(args: &PlanArgs, text: &str) -> Result<(), CliError> {
    let fault = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => is_there(&args.output),
        _ => CliError::io(&args.output, "write", &error),
    };
    let mut file = files::create(&args.output, args.force).map_err(fault)?;
    file.write_all(text.as_bytes()).map_err(fault)
}

/// The draft in a few lines, and what a colleague would ask.
fn told(args: &PlanArgs, text: &str, global: &Global) -> Result<(), CliError> {
    let (Some(plan), _) = plan::read_bytes(text.as_bytes()) else {
        return Err(CliError::bug("the draft that was written cannot be read"));
    };
    let draft = plan.draft.clone().unwrap_or_default();
    let findings = plan_review::review(&plan, plan_review::inline_graph(&plan));
    if global.json {
        let roles: Vec<serde_json::Value> = draft
            .roles
            .iter()
            .map(
                |one| serde_json::json!({"column": one.column, "role": one.role, "by": one.by, "because": one.because}),
            )
            .collect();
        return output::json_line(&serde_json::json!({
            "event": "drafted", "path": args.output, "roles": roles, "pending": draft.pending(), "findings": findings,
        }));
    }
    if global.quiet > 0 {
        return Ok(());
    }
    let word = output::shell_word(&args.output);
    output::stdout(overview(&draft))?;
    output::stdout(asked_first(&findings, Some(&draft)))?;
    output::stderr(format!("wrote {word}. Accept its judgements, or change them: oci-agent plan accept {word}"));
    Ok(())
}

/// Every role with its columns, and the parts; `+` is accepted. Columns of one role and reason stand together.
pub(super) fn overview(draft: &DraftSection) -> String {
    let mut out = String::new();
    let mark = |pending: bool| if pending { ' ' } else { '+' };
    for role in ColumnRole::ALL {
        let mut groups: Vec<(bool, String, Vec<String>)> = Vec::new();
        for one in draft.roles.iter().filter(|one| one.role == role) {
            // Why another role was drafted is no reason for this one.
            let because = one.drafted.map_or_else(|| one.because.clone(), |was| format!("Drafted as {}.", was.key()));
            let pending = one.is_pending();
            match groups.iter_mut().find(|group| group.0 == pending && group.1 == because) {
                Some(group) => group.2.push(one_line(&one.column)),
                None => groups.push((pending, because, vec![one_line(&one.column)])),
            }
        }
        for (i, (pending, because, names)) in groups.into_iter().enumerate() {
            let head = if i == 0 { role.key() } else { "" };
            out.push_str(&format!("{} {head:<17} {}: {}\n", mark(pending), names.join(", "), one_line(&because)));
        }
    }
    for one in &draft.parts {
        let pending = one.accepted.is_none();
        out.push_str(&format!("{} {:<17} {}\n", mark(pending), one.part.key(), one_line(&one.because)));
    }
    for one in &draft.ask_for {
        out.push_str(&format!("  {:<17} {}\n", "data to ask for", one_line(one)));
    }
    out
}

/// The findings on the plan alone, and the remarks of a model on its draft.
pub(super) fn asked_first(findings: &[PlanFinding], draft: Option<&DraftSection>) -> String {
    let lines: String = findings.iter().map(|finding| format!("  - {}\n", finding.message())).collect();
    let remarks: String =
        draft.into_iter().flat_map(|draft| &draft.remarks).map(|one| format!("  - {}\n", one_line(one))).collect();
    let mut out = String::new();
    if !lines.is_empty() {
        out.push_str(&format!("Before any design, a colleague would ask of this plan:\n{lines}"));
    }
    if !remarks.is_empty() {
        out.push_str(&format!("The model that drafted it, as its critic:\n{remarks}"));
    }
    out
}
