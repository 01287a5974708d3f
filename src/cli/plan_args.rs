//! The arguments of `oci-agent plan`.

use super::args::Consent;
use crate::plan::draft::{Acceptance, ColumnRole, DraftedPart};
use crate::plan::{closest, listed};
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Drafts a whole plan for a question: the role of every column with its reason, the two arms, and with a language model the
/// target trial, a graph, threats and data to ask for. Nothing runs until you have accepted it, role by role.
///
/// Without a model, rules on names, types and values decide what they can; whether a column was settled before treatment is not
/// among it, unless its name says so, and then it is left to you.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(after_help = "Examples:
  oci-agent plan \"does treat raise re78?\" lalonde.csv
  oci-agent plan \"does training raise earnings?\" lalonde.csv --treatment treat --outcome re78
  oci-agent plan \"does treat raise re78?\" lalonde.csv --model anthropic/MODEL
  oci-agent plan accept plan.yaml                     asks about each judgement in turn
  oci-agent plan accept plan.yaml --role age=confounder --role 'my col=mediator'
  oci-agent plan accept plan.yaml --all-as-drafted --undecided confounder

Exit codes: 0 a plan was written, 2 something to fix in the call, 3 something outside (network, disk).")]
pub struct PlanArgs {
    #[command(subcommand)]
    pub command: Option<PlanCommand>,
    /// The question, in your words.
    #[arg(value_name = "QUESTION", required = true)]
    pub question: Option<String>,
    /// CSV or Parquet file.
    #[arg(value_name = "DATA", required = true)]
    pub data: Option<PathBuf>,
    /// The treatment column, if the question does not name it.
    #[arg(long, value_name = "COLUMN")]
    pub treatment: Option<String>,
    /// The outcome column, if the question does not name it.
    #[arg(long, value_name = "COLUMN")]
    pub outcome: Option<String>,
    /// Where to write the plan.
    #[arg(short, long, value_name = "FILE", default_value = "plan.yaml")]
    pub output: PathBuf,
    /// Replace an existing file.
    #[arg(long)]
    pub force: bool,
    /// A language model that drafts: PROVIDER/MODEL, or a mapping as plans have it under `actor`, e.g.
    /// '{provider: openai, model: NAME, base_url: http://localhost:8080/v1}'. It sees names, types and shares of frequent levels.
    #[arg(long, value_name = "MODEL")]
    pub model: Option<String>,
    /// Limits on the model, as plans have them under `budget`, e.g. '{turns: 10, cost_usd: 1}'.
    #[arg(long, value_name = "BUDGET", requires = "model")]
    pub budget: Option<String>,
    /// How many questions the model may ask you [default: 5 on a terminal, none elsewhere].
    #[arg(long, value_name = "N", requires = "model")]
    pub questions: Option<u32>,
    /// Answer the model's requests from a recording: the folder beside an earlier draft. No network, no key.
    #[arg(long, value_name = "DIR", requires = "model")]
    pub replay: Option<PathBuf>,
    #[command(flatten)]
    pub consent: Consent,
}

/// What to do with a draft.
#[derive(Debug, Subcommand)]
pub enum PlanCommand {
    /// Accept, change or refuse the judgements of a draft; who did it, and when, is written into the plan.
    Accept(AcceptArgs),
}

/// Decides on the judgements of a draft. Without a flag, and on a terminal, it asks about each of them in turn.
///
/// A column goes where its role belongs: `confounder` to `confounders.priority`, `predictor` to `confounders.other`,
/// `negative_control` and `placebo_outcome` to their lists, `cluster`, `weight` and `identifier` to their keys; every other role
/// takes it out of all of them.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  oci-agent plan accept plan.yaml
  oci-agent plan accept plan.yaml --role age=confounder --role visits=post_treatment --part graph=no
  oci-agent plan accept plan.yaml --all-as-drafted --undecided confounder

Exit codes: 0 nothing is left to decide, 4 something is, 2 something to fix in the call.")]
pub struct AcceptArgs {
    /// The plan.
    #[arg(value_name = "PLAN")]
    pub plan: PathBuf,
    /// The role of a column: treatment, outcome, confounder, predictor, mediator, collider, instrument, negative_control,
    /// placebo_outcome, identifier, cluster, weight, time, post_treatment, left_out, undecided. May be repeated.
    #[arg(long, value_name = "COLUMN=ROLE", value_parser = role)]
    pub role: Vec<(String, ColumnRole)>,
    /// A column whose role is accepted as it was drafted. May be repeated.
    #[arg(long, value_name = "COLUMN")]
    pub as_drafted: Vec<String>,
    /// Another part: accepted as it was drafted (yes), or not (no). May be repeated.
    #[arg(long, value_name = "PART=yes|no", value_parser = part)]
    pub part: Vec<(DraftedPart, bool)>,
    /// Accept everything else as it was drafted. What is undecided stays so.
    #[arg(long)]
    pub all_as_drafted: bool,
    /// Give every column that is still undecided this role.
    #[arg(long, value_name = "ROLE", value_parser = role_word)]
    pub undecided: Option<ColumnRole>,
}

impl AcceptArgs {
    /// The decisions, those on single columns first.
    pub(super) fn decisions(&self) -> Vec<Acceptance> {
        let roles = self.role.iter().map(|(column, role)| Acceptance::Role(column.clone(), Some(*role)));
        let kept = self.as_drafted.iter().map(|column| Acceptance::Role(column.clone(), None));
        let parts = self.part.iter().map(|(part, keep)| Acceptance::Part(*part, *keep));
        let all = self.all_as_drafted.then_some(Acceptance::AllAsDrafted);
        let undecided = self.undecided.map(Acceptance::Undecided);
        roles.chain(kept).chain(parts).chain(all).chain(undecided).collect()
    }
}

/// `age=confounder`; a name may hold `=` itself.
fn role(text: &str) -> Result<(String, ColumnRole), String> {
    let (column, role) =
        text.rsplit_once('=').ok_or_else(|| "write COLUMN=ROLE, e.g. --role age=confounder".to_owned())?;
    Ok((column.to_owned(), role_word(role)?))
}

/// A role by its key.
pub(super) fn role_word(text: &str) -> Result<ColumnRole, String> {
    let words = || ColumnRole::ALL.iter().map(|role| role.key());
    let folded = text.trim().to_lowercase().replace(['-', ' '], "_");
    ColumnRole::parse(&folded).ok_or_else(|| {
        let near = closest(text, words()).map_or(String::new(), |near| format!("did you mean `{near}`? "));
        format!("{near}the roles are {}", listed(words()))
    })
}

fn part(text: &str) -> Result<(DraftedPart, bool), String> {
    let all = listed(DraftedPart::ALL.iter().map(|part| part.key()));
    let fault = || format!("write PART=yes or PART=no, e.g. --part graph=no; the parts are {all}");
    let (part, keep) = text.split_once('=').ok_or_else(fault)?;
    let part = DraftedPart::parse(part).ok_or_else(fault)?;
    match keep.trim().to_lowercase().as_str() {
        "yes" | "y" => Ok((part, true)),
        "no" | "n" => Ok((part, false)),
        _ => Err(fault()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn roles_and_parts_as_they_are_typed() {
        assert_eq!(role("a=b=Negative control"), Ok(("a=b".to_owned(), ColumnRole::NegativeControl)));
        assert!(role("age").is_err() && role("age=confunder").is_err_and(|told| told.contains("confounder")));
        assert_eq!(part("graph=no"), Ok((DraftedPart::Graph, false)));
        assert!(part("graph").is_err() && part("graf=no").is_err() && part("graph=perhaps").is_err());
    }

    proptest! {
        #[test]
        fn every_column_can_be_given_every_role(column in "\\PC{0,12}", at in 0_usize..16) {
            let wanted = ColumnRole::ALL[at];
            prop_assert_eq!(role(&format!("{column}={}", wanted.key())), Ok((column, wanted)));
        }

        #[test]
        fn whatever_is_typed_is_read_or_refused(text in "\\PC{0,30}") {
            let _ = (role(&text), part(&text), role_word(&text));
        }
    }
}
