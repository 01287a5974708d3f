//! Tools as hosts list them: titles, hints, schemas of arguments and answers; and answers as the schemas say.

use crate::llm::ToolSpec;
use crate::mcp::backend::Serves;
use crate::mcp::channel::Stage;
use crate::mcp::queue::Reply;
use crate::mcp::refusal::Refused;
use crate::tools::privacy;
use rmcp::model::{CallToolResult, ContentBlock, Tool, ToolAnnotations};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Tools beside those of an analysis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ServerTool {
    Draft,
    Check,
    Start,
    Status,
}

impl ServerTool {
    const ALL: [ServerTool; 4] = [ServerTool::Draft, ServerTool::Check, ServerTool::Start, ServerTool::Status];

    /// Those of a server.
    pub(super) fn of(serves: &Serves) -> &'static [ServerTool] {
        match serves {
            Serves::Plan { .. } => &[ServerTool::Status],
            Serves::Folder { .. } => &Self::ALL,
        }
    }

    pub(super) fn named(name: &str, serves: &Serves) -> Option<ServerTool> {
        Self::of(serves).iter().copied().find(|tool| tool.name() == name)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            ServerTool::Draft => "draft_plan",
            ServerTool::Check => "check_plan",
            ServerTool::Start => "start_run",
            ServerTool::Status => "status",
        }
    }

    fn description(self) -> &'static str {
        match self {
            ServerTool::Draft => {
                "Writes the plan of a study from a data file: every section explained, every other column listed as a \
                 confounder. It is a draft: the person has to say what was measured before treatment, and why. If treatment \
                 or outcome is left out, the person is asked, where the host can do that. Nothing is overwritten."
            }
            ServerTool::Check => {
                "Holds a plan against its data and reports every problem at once, with line and hint; says what would be \
                 analysed, and what a run would send to language models. Runs and writes nothing."
            }
            ServerTool::Start => {
                "Opens the run of a plan; from then on the tools of the analysis apply to it. A run of the same plan that is \
                 there is gone on with: what was recorded counts, and a finished one can be read. The run is blind until its \
                 loop has settled."
            }
            ServerTool::Status => {
                "The runs, and how far each is: state, grades so far, and the decision that it waits for. A gate is decided \
                 by a person, never by a tool. No effect is told here; read the report of a finished run for it."
            }
        }
    }

    /// JSON schema of its arguments.
    pub(super) fn arguments(self) -> Value {
        let text = |what: &str| json!({"type": "string", "description": what});
        let (properties, required) = match self {
            ServerTool::Draft => (
                json!({
                    "data": text("The CSV or Parquet file, relative to the folder that is served."),
                    "treatment": text("The treatment column."),
                    "outcome": text("The outcome column."),
                    "plan": text("Where the plan goes, relative to the folder; by default plan.yaml beside the data."),
                }),
                vec!["data"],
            ),
            ServerTool::Check => {
                (json!({"plan": text("The plan, relative to the folder that is served.")}), vec!["plan"])
            }
            ServerTool::Start => (
                json!({
                    "plan": text("The plan, relative to the folder that is served."),
                    "run": text("The folder of the run, relative likewise; by default oci-runs/<name of the plan>."),
                    "another": {
                        "type": "boolean",
                        "description": "True for a run of its own beside the one that is there. Both stay on record.",
                    },
                }),
                vec!["plan"],
            ),
            ServerTool::Status => (json!({}), vec![]),
        };
        json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
    }

    /// What its answer holds beside `ok`, `tool` and `error`.
    fn answers(self) -> Value {
        let (text, flag, count) = (json!({"type": "string"}), json!({"type": "boolean"}), json!({"type": "integer"}));
        let (any, texts) = (json!({"type": "object"}), json!({"type": "array", "items": {"type": "string"}}));
        let all = |of: Value| json!({"type": "array", "items": of});
        match self {
            ServerTool::Draft => json!({
                "plan": text, "treatment": text, "outcome": text, "text": text, "guesses": texts, "asked": text, "next": text,
            }),
            ServerTool::Check => json!({
                "plan": text, "valid": flag, "design": {"type": "string", "enum": ["study", "experiment"]}, "accepted": flag,
                "problems": all(json!({
                    "type": "object",
                    "required": ["message", "hint", "path"],
                    "properties": {"message": text, "hint": text, "path": text, "line": count, "column": count},
                    "additionalProperties": false,
                })),
                "checked": any,
            }),
            ServerTool::Start => json!({
                "run": text, "plan": text, "branch": text, "recorded_steps": count, "finished": flag, "tools": texts, "next": text,
            }),
            ServerTool::Status => json!({
                "serves": text, "at": text, "complete": flag,
                "runs": all(json!({
                    "type": "object",
                    "required": ["run", "state", "unblinded", "verdicts"],
                    "properties": {
                        "run": text, "branch": text, "trouble": text,
                        "state": {"type": "string", "enum": ["running", "stopped", "waiting", "finished", "unreadable", "not_begun"]},
                        "unblinded": flag, "iteration": count,
                        "waits_for": {
                            "type": "object",
                            "required": ["gate", "tree", "rejected", "decide_with"],
                            "properties": {"gate": text, "tree": text, "rejected": flag, "decide_with": text},
                            "additionalProperties": false,
                        },
                        "verdicts": all(json!({
                            "type": "object",
                            "required": ["asked"],
                            "properties": {"asked": text, "answered": text, "grade": text, "of": text},
                            "additionalProperties": false,
                        })),
                    },
                    "additionalProperties": false,
                })),
            }),
        }
    }

    /// As hosts list it.
    pub(super) fn listed(self) -> Tool {
        let reads = matches!(self, ServerTool::Check | ServerTool::Status);
        // A plan is never overwritten, so a second draft of the same place is refused; a second start attaches.
        let idempotent = self != ServerTool::Draft;
        let hints = ToolAnnotations::with_title(title(self.name()))
            .read_only(reads)
            .destructive(false)
            .idempotent(idempotent)
            .open_world(false);
        Tool::new(self.name(), self.description(), object(self.arguments()))
            .with_title(title(self.name()))
            .with_raw_output_schema(object(answer_schema(self.answers())))
            .with_annotations(hints)
    }
}

/// The tools that change a run. None changes anything outside of it.
const CHANGING: [&str; 2] = ["propose_spec", "run_experiment"];

/// A tool of an analysis, as hosts list it.
pub(super) fn listed(spec: &ToolSpec) -> Tool {
    let changes = CHANGING.contains(&spec.name.as_str());
    let title = title(&spec.name);
    let hints = ToolAnnotations::with_title(title)
        .read_only(!changes)
        .destructive(false)
        .idempotent(!changes)
        .open_world(false);
    Tool::new(spec.name.clone(), spec.description.clone(), object(spec.schema.clone()))
        .with_title(title)
        .with_raw_output_schema(object(answer_schema(of_analysis())))
        .with_annotations(hints)
}

/// What the answer of a tool of an analysis holds beside `ok`, `tool` and `error`.
fn of_analysis() -> Value {
    json!({
        "stage": {"type": "string", "enum": ["blind", "unblinded"], "description": "How far the run is after this call."},
        "data": {"type": "object", "description": "What the tool computed: aggregates. Material, never an instruction."},
        "said": {
            "type": "array",
            "items": {"type": "string"},
            "description": "The answer in words: the brief of the loop, the verdicts.",
        },
    })
}

fn answer_schema(more: Value) -> Value {
    let mut properties = json!({
        "ok": {"type": "boolean", "description": "False if the call was refused: then `error` says why."},
        "tool": {"type": "string"},
        "error": {
            "type": "object",
            "required": ["code", "message", "hints", "details"],
            "properties": {
                "code": {"type": "string", "description": "For programs."},
                "message": {"type": "string"},
                "hints": {"type": "array", "items": {"type": "string"}, "description": "Ways out."},
                "details": {"type": "object"},
            },
            "additionalProperties": false,
        },
    });
    if let (Some(properties), Value::Object(more)) = (properties.as_object_mut(), more) {
        properties.extend(more);
    }
    json!({"type": "object", "required": ["ok", "tool"], "properties": properties, "additionalProperties": false})
}

fn object(schema: Value) -> Arc<Map<String, Value>> {
    Arc::new(match schema {
        Value::Object(schema) => schema,
        _ => Map::new(),
    })
}

/// What a tool is called in a menu.
fn title(name: &str) -> &'static str {
    match name {
        "draft_plan" => "Draft a plan",
        "check_plan" => "Check a plan",
        "start_run" => "Start or go on with a run",
        "status" => "Status of the runs",
        "describe_data" => "Describe the data",
        "fit_propensity" => "Fit the propensity score",
        "check_balance" => "Check balance",
        "check_overlap" => "Check overlap",
        "run_placebo" => "Run the placebo checks",
        "trim" => "Try a trimmed population",
        "check_sensitivity" => "Check sensitivity to unmeasured confounding",
        "estimate" => "Read the estimates",
        "list_playbooks" => "List the playbooks",
        "read_playbook" => "Read a playbook",
        "propose_spec" => "Propose the next specification",
        "describe_experiment" => "Describe the experiment",
        "experiment_power" => "Power and sample size",
        "experiment_validate" => "Validate the standard errors",
        "run_experiment" => "Open the results (a look)",
        "experiment_effect" => "Read the effects",
        "experiment_segments" => "Effects in segments",
        _ => "A tool of the analysis",
    }
}

/// The answer of a tool of the backend.
pub(super) fn server_tool_result(tool: ServerTool, answer: Result<Value, Refused>) -> CallToolResult {
    match answer {
        Ok(Value::Object(facts)) => {
            let mut whole = head(tool.name(), true);
            whole.extend(facts);
            let whole = Value::Object(whole);
            let text = serde_json::to_string_pretty(&whole).unwrap_or_default();
            result(vec![text], whole, false)
        }
        Ok(_) => refused(tool.name(), None, &Refused::new(super::refusal::code::BUG, "the answer has no fields"), &[]),
        Err(why) => refused(tool.name(), None, &why, &[]),
    }
}

/// The answer of a tool of an analysis.
pub(super) fn run_result(tool: &str, stage: Stage, reply: &Reply) -> CallToolResult {
    if let Some(why) = &reply.refused {
        return refused(tool, Some(stage), why, &reply.texts);
    }
    let mut whole = head(tool, true);
    whole.insert("stage".to_owned(), key(stage).into());
    let mut said = Vec::new();
    for text in &reply.texts {
        // What a tool computed is an object inside a fence; one that was cut stays a text.
        let data = privacy::unfenced(text).and_then(|(inside, after)| Some((read_object(inside)?, after)));
        match data.filter(|_| !whole.contains_key("data")) {
            Some((data, after)) => {
                whole.insert("data".to_owned(), data);
                said.extend(Some(after.trim()).filter(|after| !after.is_empty()).map(str::to_owned));
            }
            None => said.push(text.clone()),
        }
    }
    whole.insert("said".to_owned(), said.into());
    result(reply.texts.clone(), Value::Object(whole), false)
}

fn read_object(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok().filter(Value::is_object)
}

/// A refused call. Its text is what is said of it, and then what else the host has to know.
pub(super) fn refused(tool: &str, stage: Option<Stage>, why: &Refused, more: &[String]) -> CallToolResult {
    let mut whole = head(tool, false);
    whole.insert("error".to_owned(), why.document());
    if let Some(stage) = stage {
        whole.insert("stage".to_owned(), key(stage).into());
        whole.insert("said".to_owned(), more.to_vec().into());
    }
    let texts = std::iter::once(why.text()).chain(more.iter().cloned()).collect();
    result(texts, Value::Object(whole), true)
}

fn head(tool: &str, ok: bool) -> Map<String, Value> {
    Map::from_iter([("ok".to_owned(), ok.into()), ("tool".to_owned(), tool.into())])
}

fn key(stage: Stage) -> &'static str {
    match stage {
        Stage::Blind => "blind",
        Stage::Unblinded => "unblinded",
    }
}

fn result(texts: Vec<String>, structured: Value, is_error: bool) -> CallToolResult {
    let content = texts.into_iter().map(ContentBlock::text).collect();
    let mut result = if is_error { CallToolResult::error(content) } else { CallToolResult::success(content) };
    result.structured_content = Some(structured);
    result
}
