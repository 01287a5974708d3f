//! The same plan asked three ways: one question without tools, one iteration of the loop, the full loop.
//!
//! The question ([`ask`]) is not blind: it carries moments of the outcome, so that it is a fair opponent. It is asked of a
//! conversation of its own, after both runs have ended, and what it says reaches neither actor nor critic. Its answer is one
//! structured call and is not repaired; nothing diagnoses it.

use crate::agent::budget::{Budget, Price, Spent};
use crate::agent::events::Observer;
use crate::agent::participants::RelayObserver;
use crate::agent::prompt;
use crate::agent::prompt::PromptError;
use crate::baseline::comparison::{Line, Variant};
use crate::baseline::moments::{DisclosureLimits, Moments};
use crate::llm::{
    Block, ChatModel, ChatRequest, ChatResponse, Choice, Exchange, Message, ModelError, Speaker, ToolSpec,
};
use crate::pipeline::Prepared;
use crate::plan;
use crate::record::documents::RoleUsage;
use crate::tools::Role;
use crate::tools::privacy::Privacy;
use causal::estimand::Target;
use minijinja::context;
use serde::Deserialize;
use serde_json::{Value, json};

/// The role of the question in the recording.
pub const ROLE: &str = "baseline";
/// The most columns of confounders in the question.
const MOST_COLUMNS: usize = 20;
/// Digits of every moment.
const DIGITS: i32 = 6;

/// The result of the question without tools.
#[derive(Debug, Clone, PartialEq)]
pub struct SingleQuestion {
    /// Its lines.
    pub variant: Variant,
    /// For the recording; `None` if nothing could be asked.
    pub exchange: Option<Exchange>,
}

/// Why the question could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// The model.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The prompt: a mistake of this program.
    #[error(transparent)]
    Brief(#[from] PromptError),
}

/// The plan's text has a `loop` section in which the number of iterations cannot be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the plan's `loop` does not say `max_iterations`, so it cannot be set to 1 for the comparison")]
pub struct NoIterationCount;

/// The plan with `loop.max_iterations: 1`.
///
/// # Errors
/// [`NoIterationCount`].
pub fn one_iteration(prepared: &Prepared) -> Result<Vec<u8>, NoIterationCount> {
    let text = String::from_utf8_lossy(&prepared.plan_bytes).into_owned();
    let stands = prepared.plan.at("loop.max_iterations");
    // In the text, not in the plan that was read from it: a run is recorded by the bytes of its plan.
    let written = stands.and_then(|at| {
        let (before, rest) = text.split_at_checked(at.offset)?;
        let (number, after) = rest.split_at_checked(at.length)?;
        number.trim().parse::<u32>().ok()?;
        Some(format!("{before}1{after}"))
    });
    let edited = written.unwrap_or_else(|| format!("{}\nloop:\n  max_iterations: 1\n", text.trim_end()));
    // Read again: a number that stood elsewhere than thought would make another plan.
    let (plan, problems) = plan::read_bytes(edited.as_bytes());
    match plan {
        Some(plan) if problems.is_empty() && plan.loop_.max_iterations == 1 => Ok(edited.into_bytes()),
        _ => Err(NoIterationCount),
    }
}

/// Asks once, without tools. Call it when the runs are over.
///
/// # Errors
/// [`BaselineError`].
pub fn ask(
    prepared: &Prepared,
    model: &mut dyn ChatModel,
    price: Option<Price>,
    observer: &mut dyn Observer,
) -> Result<SingleQuestion, BaselineError> {
    let section = &prepared.plan.privacy;
    let privacy = Privacy::new(prepared, section.min_cell, section.redact_names);
    let hidden = |term: &crate::term::Term| privacy.has_rare_level(term);
    let limits = DisclosureLimits { least: privacy.min_cell(), most: MOST_COLUMNS, hidden: &hidden };
    let moments = match prepared.unblinded_moments_for_the_baseline(limits) {
        Ok(moments) => moments,
        Err(why) => return Ok(SingleQuestion { variant: not_asked(prepared, &why.to_string()), exchange: None }),
    };
    let request = request(prepared, &moments, &privacy)?;
    let limit = prepared.plan.budget.wall_minutes * 60.0;
    let mut relay = RelayObserver { observer, role: Role::Actor, limit: Some(limit) };
    let response = model.complete(&request, &mut relay)?;
    let body = model.sent(&request);
    let exchange = Exchange::new(1, ROLE, &model.name(), body, crate::llm::Outcome::Response(response.clone()));
    let exchange = Exchange { call: model.facts(), ..exchange };
    let mut variant = variant_of_answer(prepared, &response, &privacy);
    let mut spent = Spent::default();
    spent.count(Role::Actor, &response);
    variant.count(&spent.actor, &RoleUsage::default());
    variant.cost_usd = Budget::new(&prepared.plan.budget, price, None).cost(&spent);
    if !moments.left_out.is_empty() {
        variant.notes.push(format!(
            "Not told to the model: {}.",
            moments.left_out.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
        ));
    }
    Ok(SingleQuestion { variant, exchange: Some(exchange) })
}

fn request(prepared: &Prepared, moments: &Moments, privacy: &Privacy) -> Result<ChatRequest, PromptError> {
    let plan = &prepared.plan;
    let keys: Vec<&str> = plan.estimands.iter().map(|target| target.key()).collect();
    let text = prompt::render(
        "baseline",
        context! {
            plan => privacy.fenced("plan", &prompt::plan_digest(plan)),
            moments => privacy.fenced("moments", &moments_json(moments, privacy).to_string()),
            estimands => keys.join(", "),
        },
    )?;
    let schema = json!({
        "type": "object", "additionalProperties": false, "required": ["answers"],
        "properties": {"answers": {"type": "array", "items": {
            "type": "object", "additionalProperties": false,
            "required": ["estimand", "estimate", "lower", "upper", "reason"],
            "properties": {
                "estimand": {"type": "string", "enum": keys},
                "estimate": {"type": "number"},
                "lower": {"type": "number", "description": "Lower bound of the 95 % interval."},
                "upper": {"type": "number", "description": "Upper bound of the 95 % interval."},
                "reason": {"type": "string", "description": "How it was worked out, in a sentence or two."},
            }}}},
    });
    let description = "Your estimate of every requested effect, with its interval.".to_owned();
    Ok(ChatRequest {
        system: String::new(),
        messages: vec![Message { speaker: Speaker::User, blocks: vec![Block::Text { text: text.trim().to_owned() }] }],
        tools: vec![ToolSpec { name: "answer".to_owned(), description, schema }],
        choice: Choice::Tool("answer".to_owned()),
        max_tokens: plan.actor.max_tokens,
    })
}

fn moments_json(moments: &Moments, privacy: &Privacy) -> Value {
    let (treated, control) = moments.n;
    let row = |row: &Vec<f64>| row.iter().copied().map(rounded).collect::<Vec<f64>>();
    json!({
        "treated": privacy.count(treated),
        "controls": privacy.count(control),
        "columns": moments.columns,
        "means_of_treated": moments.means.iter().map(|(mean, _)| rounded(*mean)).collect::<Vec<f64>>(),
        "means_of_controls": moments.means.iter().map(|(_, mean)| rounded(*mean)).collect::<Vec<f64>>(),
        "covariance": moments.covariance.iter().map(row).collect::<Vec<_>>(),
        "columns_left_out": moments.left_out.len(),
    })
}

/// To [`DIGITS`] significant digits.
fn rounded(value: f64) -> f64 {
    format!("{value:.*e}", usize::try_from(DIGITS - 1).unwrap_or(0)).parse().unwrap_or(value)
}

fn not_asked(prepared: &Prepared, why: &str) -> Variant {
    let line = |target: &Target| Line::none(*target, format!("not asked: {why}"));
    let mut variant = Variant::named("no tools", prepared.plan.estimands.iter().map(line).collect());
    variant.notes.push(format!("Nothing was asked: {why}."));
    variant
}

#[derive(Deserialize)]
struct GivenAnswer {
    estimand: String,
    estimate: f64,
    lower: f64,
    upper: f64,
    #[serde(default)]
    reason: String,
}

fn variant_of_answer(prepared: &Prepared, response: &ChatResponse, privacy: &Privacy) -> Variant {
    let input = response.blocks.iter().find_map(|block| match block {
        Block::ToolUse { name, input, .. } if name == "answer" => Some(privacy.inward(input)),
        _ => None,
    });
    let list = input.as_ref().and_then(|input| input.get("answers")).and_then(Value::as_array);
    let given: Vec<GivenAnswer> =
        list.into_iter().flatten().filter_map(|one| serde_json::from_value(one.clone()).ok()).collect();
    let line = |target: &Target| match given.iter().find(|given| Target::parse(&given.estimand) == Some(*target)) {
        Some(given) if given.lower <= given.estimate && given.estimate <= given.upper => Line {
            estimate: Some(given.estimate),
            lower: Some(given.lower),
            upper: Some(given.upper),
            ..Line::none(*target, given.reason.clone())
        },
        Some(_) => Line::none(*target, "the estimate is not inside its interval".to_owned()),
        None => Line::none(*target, "the model gave no answer of that form".to_owned()),
    };
    Variant::named("no tools", prepared.plan.estimands.iter().map(line).collect())
}
