//! `oci-agent plan … --model`: a language model drafts, and its conversation is recorded beside the plan.

use super::args::DataRoot;
use super::errors::{self, CliError};
use super::init::{self, Columns};
use super::models::{self, PricedModel, Reach};
use super::output::{self, ProgressObserver};
use super::plan_args::PlanArgs;
use super::trust::{self, Trust};
use super::{files, plan_accept};
use crate::agent::budget::Budget;
use crate::agent::participants::Participants;
use crate::agent::planning::{
    self, DescribedColumn, Limits, ModelDraft, PlanningError, PlanningInput, Principal, Talk,
};
use crate::plan::draft::{AskedPrincipal, ColumnRole, DraftedBy, Judged};
use crate::plan::{self, Plan, Provider};
use crate::schema::{ColumnFacts, ColumnInfo, ColumnKind};
use crate::tools::privacy;
use std::fmt::Write as _;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Levels of a column that are told.
const MOST_LEVELS: usize = 12;
/// Questions to whoever is at the terminal, if the call does not say.
const QUESTIONS: u32 = 5;
/// A file or a column with more columns than this is not for a conversation.
const MOST_COLUMNS: usize = 300;

/// What a model drafted.
pub(super) struct ByModel {
    pub(super) draft: ModelDraft,
    pub(super) asked: Vec<AskedPrincipal>,
    pub(super) model: String,
    pub(super) transcript: String,
    pub(super) cost_usd: Option<f64>,
}

/// What is drafted about.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) question: &'a str,
    pub(super) data: &'a Path,
    pub(super) treatment: &'a str,
    pub(super) outcome: &'a str,
    pub(super) columns: &'a Columns,
    pub(super) rules: &'a [Judged],
}

/// Asks the model of `--model`.
pub(super) fn drafted(args: &PlanArgs, model: &str, subject: Subject<'_>) -> Result<ByModel, CliError> {
    let settings = settings(args, model, subject.data)?;
    let folder = free_folder(args)?;
    let trust = Trust::gather(&args.consent.trust)?;
    let reach = match &args.replay {
        Some(folder) => Reach::Replay(folder),
        None => Reach::Live(&trust),
    };
    if args.replay.is_none() {
        let outside = trust::data_outside(&args.output, &DataRoot { data_root: None }, &settings)?;
        trust::check_outside(&outside, &trust)?;
    }
    for line in models::destinations(&settings, reach)? {
        output::stderr(format!("note {line}"));
    }
    let PricedModel { model: actor, price } = models::actor(&settings, &args.output, "actor", reach)?;
    let PricedModel { model: critic, .. } = models::actor(&settings, &args.output, "critic", reach)?;
    let participants = Participants {
        actor,
        critic: Some(critic),
        actor_price: price,
        critic_price: price,
        actor_is_model: true,
        actor_turns: None,
    };
    let questions = args.questions.unwrap_or(if std::io::stdin().is_terminal() { QUESTIONS } else { 0 });
    let mut observer = ProgressObserver::new(false, u8::from(questions > 0), Arc::new(AtomicBool::new(false)));
    if args.replay.is_some() {
        observer.without_clock();
    }
    let limits = Limits {
        questions,
        repairs: settings.budget.repairs,
        max_tokens: settings.actor.max_tokens,
        wall_minutes: settings.budget.wall_minutes,
    };
    let budget = Budget::new(&settings.budget, price, price);
    let mut terminal = Terminal;
    let described = described(subject, settings.privacy.min_cell);
    if described.len() > MOST_COLUMNS {
        let message = format!("{} columns are too many for one conversation; at most {MOST_COLUMNS}", described.len());
        return Err(CliError::user(
            message,
            "Draft without --model, or take columns out of the file that cannot matter.",
        ));
    }
    let mut talk = Talk::new(participants, budget, limits, &mut observer, &mut terminal);
    let input = PlanningInput {
        question: subject.question,
        treatment: subject.treatment,
        outcome: subject.outcome,
        columns: &described,
        rules: subject.rules,
    };
    let mut draft = ModelDraft::default();
    let ended = planning::draft_plan(&mut talk, &input, &mut draft).and_then(|()| {
        draft.remarks = planning::review_plan(&mut talk, &input, &digest(&input, &draft))?;
        Ok(())
    });
    let (cost_usd, name) = (talk.cost(), talk.model());
    let (asked, exchanges) = (talk.asked, talk.exchanges);
    observer.finish();
    if !exchanges.is_empty() {
        emptied(&folder)?;
    }
    for exchange in &exchanges {
        files::write_new(&folder.join(exchange.file_name()), &exchange.to_bytes())?;
    }
    match ended {
        Ok(()) => {}
        Err(PlanningError::Model(error)) => {
            let hint = match exchanges.is_empty() {
                true => "Nothing was drafted. Without --model, the rules draft alone.",
                false => {
                    "Nothing was drafted; what was said until then is recorded, and --force replaces it. Without --model, the rules draft alone."
                }
            };
            return Err(errors::from_model(&error, hint));
        }
        Err(stopped) => {
            output::stderr(format!("note {stopped}. The draft has what there was until then; the rest is by rules."))
        }
    }
    let transcript = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(ByModel { draft, asked, model: name, transcript, cost_usd })
}

/// `--model` and `--budget`, read as a plan reads them.
fn settings(args: &PlanArgs, model: &str, data: &Path) -> Result<Plan, CliError> {
    let trimmed = model.trim();
    let actor = match trimmed.split_once('/') {
        _ if trimmed.starts_with('{') => trimmed.to_owned(),
        Some((provider, name)) => {
            format!("{{provider: {}, model: {}}}", plan::yaml_text(provider), plan::yaml_text(name))
        }
        None => {
            let hint = "Write it as --model anthropic/NAME, openai/NAME or gemini/NAME, or as '{provider: openai, model: NAME, base_url: …}'.";
            return Err(CliError::user(format!("--model `{model}` does not say whose model it is"), hint));
        }
    };
    let mut text = format!(
        "title: a draft\nquestion: a draft\ndata: {{source: {}}}\ntreatment: {{column: t}}\noutcome: {{column: y, units: one}}\n\
         confounders: {{priority: [x]}}\nactor: {actor}\n",
        plan::yaml_text(&init::source_for(data, &args.output))
    );
    if let Some(budget) = &args.budget {
        let _ = writeln!(text, "budget: {budget}");
    }
    let settings = plan::parse(&text).map_err(|problems| {
        let told: Vec<String> = problems.iter().map(|problem| problem.message.clone()).collect();
        let hints: Vec<String> = problems.iter().map(|problem| problem.hint.clone()).collect();
        CliError::user(format!("--model or --budget: {}", told.join("; ")), hints.join(" "))
    })?;
    if settings.actor.provider == Provider::Playbook {
        return Err(CliError::user(
            "the playbook engine drafts nothing",
            "Leave --model out: the rules draft without one.",
        ));
    }
    Ok(settings)
}

/// The folder of the recording, if there is none yet or it may be replaced.
fn free_folder(args: &PlanArgs) -> Result<PathBuf, CliError> {
    let folder = args.output.with_extension("draft");
    let same = |other: &Path| std::fs::canonicalize(other).ok() == std::fs::canonicalize(&folder).ok();
    if folder.exists() && !args.force {
        let message = format!("{} is there already, and holds the recording of another draft", folder.display());
        return Err(CliError::user(message, "Write elsewhere with --output FILE, or replace it with --force."));
    }
    if folder.exists() && args.replay.as_deref().is_some_and(same) {
        let message = format!("{} cannot be replayed into itself", folder.display());
        return Err(CliError::user(message, "Write elsewhere with --output FILE."));
    }
    Ok(folder)
}

/// Makes the folder, without the exchanges of an earlier draft.
fn emptied(folder: &Path) -> Result<(), CliError> {
    std::fs::create_dir_all(folder).map_err(|error| CliError::io(folder, "create", &error))?;
    for (name, _) in models::exchange_files(folder)? {
        let path = folder.join(name);
        std::fs::remove_file(&path).map_err(|error| CliError::io(&path, "replace", &error))?;
    }
    Ok(())
}

/// The columns that a model can spell.
fn described(subject: Subject<'_>, least: usize) -> Vec<DescribedColumn> {
    let document = subject.columns.table.document();
    let spelled = |info: &&ColumnInfo| !info.name.is_empty() && privacy::can_be_spelled(&info.name);
    let one = |info: &ColumnInfo| {
        let facts = subject.columns.facts.iter().find(|facts| facts.name == info.name);
        let rule = subject.rules.iter().find(|one| one.judgement.column == info.name);
        described_column(info, facts.filter(|_| info.name != subject.outcome), rule, least)
    };
    document.columns.iter().filter(spelled).map(one).collect()
}

fn described_column(
    info: &ColumnInfo,
    facts: Option<&ColumnFacts>,
    rule: Option<&Judged>,
    least: usize,
) -> DescribedColumn {
    let role = rule.map_or(ColumnRole::Undecided, |rule| rule.judgement.role);
    // These point at single units.
    let about_units = matches!(role, ColumnRole::Identifier | ColumnRole::Cluster);
    let facts = facts.filter(|_| !about_units);
    let told = |value: &&(String, usize)| value.1 >= least && privacy::can_be_spelled(&value.0);
    let levels = facts.filter(|_| info.kind == ColumnKind::Category).map_or(Vec::new(), |facts| {
        facts.values.iter().filter(told).take(MOST_LEVELS).map(|(level, _)| level.clone()).collect()
    });
    // What the rules have counted in the file is not for a model; what a name says is.
    let rules = match rule {
        Some(one) if one.is_hard => format!("{}; seen in the file or in its name, and it stays so", role.key()),
        Some(one) if role == ColumnRole::Confounder => format!("{}: {}", role.key(), one.judgement.because),
        _ => role.key().to_owned(),
    };
    DescribedColumn {
        name: info.name.clone(),
        kind: info.kind.key(),
        distinct: facts.map(|facts| facts.values.len()).filter(|n| *n > 0),
        some_missing: facts.is_some() && info.missing > 0,
        levels,
        rules,
    }
}

/// The draft for its critic, without anything that was counted in the file.
fn digest(input: &PlanningInput<'_>, draft: &ModelDraft) -> String {
    let mut out = String::from("roles:\n");
    for judgement in planning::together(input.rules, &draft.roles) {
        let reason = if judgement.by == DraftedBy::Model { judgement.because.as_str() } else { "(by rules)" };
        let _ = writeln!(out, "- {}: {}. {reason}", judgement.column, judgement.role.key());
    }
    if let Some(trial) = &draft.trial {
        let components = [
            ("eligibility", &trial.eligibility),
            ("treatment strategies", &trial.treatment_strategies),
            ("assignment", &trial.assignment),
            ("time zero", &trial.time_zero),
            ("follow-up", &trial.follow_up),
            ("outcome", &trial.outcome),
            ("causal contrast", &trial.causal_contrast),
            ("analysis plan", &trial.analysis_plan),
        ];
        for (name, words) in components {
            let _ = writeln!(out, "{name}: {}", if words.is_empty() { "(not said)" } else { words });
        }
    }
    if let Some(graph) = &draft.graph {
        let _ = writeln!(out, "graph: {}\n{}", graph.because, graph.dot);
    }
    for threat in &draft.threats {
        let _ = writeln!(out, "threat: {threat}");
    }
    out
}

/// Whoever is at the terminal, or whatever comes on standard input.
struct Terminal;

impl Principal for Terminal {
    fn ask(&mut self, question: &str) -> Option<String> {
        output::stderr(format!("The model asks: {question}\n(your answer on one line, or Enter for none)"));
        plan_accept::read_line()
    }
}
