//! Prompts that a host can offer its user.

use crate::mcp::backend::Serves;
use rmcp::model::{GetPromptResult, Prompt, PromptArgument, PromptMessage, Role};
use serde_json::{Map, Value};

/// The longest value of an argument, characters.
const LONGEST: usize = 2_000;

struct Written {
    name: &'static str,
    title: &'static str,
    description: &'static str,
    text: &'static str,
    /// Names, what they are, and whether they are needed where a folder is served.
    arguments: &'static [(&'static str, &'static str, bool)],
    /// True if it is of use where one plan is served.
    of_a_plan: bool,
}

const PROMPTS: [Written; 3] = [
    Written {
        name: "plan_study",
        title: "Plan a study",
        description: "From a data file to a plan that is yours, column by column.",
        text: include_str!("prompts/plan.md"),
        arguments: &[
            ("data", "The data file, relative to the folder that is served.", true),
            ("question", "The question, in your words.", false),
        ],
        of_a_plan: false,
    },
    Written {
        name: "analyse",
        title: "Run an analysis",
        description: "From a plan to its verdicts, blind until the loop has settled.",
        text: include_str!("prompts/analyse.md"),
        arguments: &[("plan", "The plan, relative to the folder that is served.", true)],
        of_a_plan: true,
    },
    Written {
        name: "review_run",
        title: "Review a run",
        description: "What a run found, and whether to rely on it.",
        text: include_str!("prompts/review.md"),
        arguments: &[("run", "The run, as `status` names it.", true)],
        of_a_plan: true,
    },
];

fn of(serves: &Serves) -> impl Iterator<Item = &'static Written> {
    let one = matches!(serves, Serves::Plan { .. });
    PROMPTS.iter().filter(move |prompt| prompt.of_a_plan || !one)
}

/// Those of a server.
pub(super) fn list(serves: &Serves) -> Vec<Prompt> {
    let one = matches!(serves, Serves::Plan { .. });
    let listed = |prompt: &Written| {
        let arguments = prompt.arguments.iter().map(|(name, what, needed)| {
            PromptArgument::new(*name).with_description(*what).with_required(*needed && !one)
        });
        let arguments: Vec<PromptArgument> = if one { Vec::new() } else { arguments.collect() };
        Prompt::new(prompt.name, Some(prompt.description), Some(arguments)).with_title(prompt.title)
    };
    of(serves).map(listed).collect()
}

/// One of them, filled in; or what is wrong with the call.
pub(super) fn get(serves: &Serves, name: &str, arguments: &Map<String, Value>) -> Result<GetPromptResult, String> {
    let one = matches!(serves, Serves::Plan { .. });
    let Some(prompt) = of(serves).find(|prompt| prompt.name == name) else {
        let names: Vec<&str> = of(serves).map(|prompt| prompt.name).collect();
        return Err(format!("there is no such prompt; there are {}", names.join(", ")));
    };
    let mut text = prompt.text.trim().to_owned();
    for (key, _, needed) in prompt.arguments {
        let given = arguments.get(*key).and_then(Value::as_str).map(str::trim).filter(|value| !value.is_empty());
        let value = match (given, one) {
            (Some(value), false) => Some(value.chars().take(LONGEST).collect()),
            (None, false) if *needed => return Err(format!("`{key}` is missing")),
            (_, true) => Some(format!("the {key} that this server was started with")),
            (None, false) => None,
        };
        let value = match (*key, value) {
            ("question", value) => value.map(|question| format!(" The question: {question}")).unwrap_or_default(),
            (_, value) => value.unwrap_or_default(),
        };
        text = text.replace(&format!("{{{key}}}"), &value);
    }
    let start = if one { "" } else { "`check_plan`, then `start_run`. " };
    text = text.replace("{start}", start);
    let message = PromptMessage::new_text(Role::User, text);
    Ok(GetPromptResult::new(vec![message]).with_description(prompt.description))
}
