//! The protocol. It knows tools by name, and nothing of what they do.

use crate::mcp::backend::{Backend, DraftRequest, Serves, StartRequest};
use crate::mcp::channel::{Offer, View};
use crate::mcp::listing::{self, ServerTool};
use crate::mcp::queue::Reply;
use crate::mcp::refusal::{Refused, code};
use crate::mcp::session::{Asked, Runs, Session};
use crate::mcp::{documents, elicit, experiment, prompts};
use crate::tools::{LARGEST_ARGUMENTS, departures_from, privacy};
use rmcp::ErrorData;
use rmcp::handler::server::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, GetPromptRequestParams, GetPromptResponse, Implementation,
    ListPromptsResult, ListResourcesResult, ListToolsResult, PaginatedRequestParams, ProgressNotificationParam,
    ProtocolVersion, ReadResourceRequestParams, ReadResourceResponse, ServerCapabilities, ServerConfig,
    SubscriptionFilter, Tool,
};
use rmcp::service::{NotificationContext, Peer, RequestContext, RoleServer, SubscriptionContext};
use serde_json::{Value, json};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// The time between two messages to a host that asked for progress that its call is still being worked on.
const PROGRESS: Duration = Duration::from_secs(5);
/// Characters of a host's own name that go on record.
const LONGEST_NAME: usize = 80;
/// What a host is told that serves a folder.
const FOLDER: &str = include_str!("folder.md");

/// What all sessions of a server share.
pub(super) struct Shared {
    pub(super) backend: Arc<dyn Backend>,
    pub(super) serves: Serves,
    pub(super) runs: Arc<Runs>,
    /// The tools before a run is open.
    first: Arc<Offer>,
    /// The host of requests that belong to no session: since 2026-07-28 HTTP has none.
    alone: Arc<Session>,
}

impl Shared {
    pub(super) fn new(backend: Arc<dyn Backend>) -> Arc<Self> {
        let (serves, runs) = (backend.serves(), Arc::new(Runs::default()));
        let first = Arc::new(match &serves {
            Serves::Plan { offer, .. } => offer.clone(),
            Serves::Folder { .. } => {
                let study = super::offer(&crate::plan::Tool::ALL);
                let known = study.known.iter().chain(&experiment::offer().known).copied().collect();
                Offer { known, unblinded: study.blind.clone(), ..study }
            }
        });
        let alone = Arc::new(Session::new(Arc::clone(&backend), Arc::clone(&runs), &serves, Arc::clone(&first)));
        Arc::new(Shared { backend, serves, runs, first, alone })
    }
}

/// Answers the requests of one host.
pub(super) struct ToolHandler {
    shared: Arc<Shared>,
    session: Arc<Session>,
}

impl ToolHandler {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        let Shared { backend, serves, runs, first, .. } = &**shared;
        let session = Session::new(Arc::clone(backend), Arc::clone(runs), serves, Arc::clone(first));
        ToolHandler { shared: Arc::clone(shared), session: Arc::new(session) }
    }

    /// The session of a request.
    fn session(&self, context: &RequestContext<RoleServer>) -> &Arc<Session> {
        // Over stdio there is one host for as long as the process lives, and it is the same either way.
        let alone = context.protocol_version().is_some_and(|version| version >= ProtocolVersion::V_2026_07_28);
        if alone { &self.shared.alone } else { &self.session }
    }

    fn tools(&self, session: &Session) -> Vec<Tool> {
        let backend = ServerTool::of(&self.shared.serves).iter().map(|tool| tool.listed());
        let view = session.view();
        let analysis: Vec<Tool> = view.borrow().tools().iter().map(listing::listed).collect();
        backend.chain(analysis).collect()
    }

    async fn server_tool_call(
        &self,
        tool: ServerTool,
        arguments: Value,
        context: &RequestContext<RoleServer>,
    ) -> Result<Value, Refused> {
        let departures = departures_from(&tool.arguments(), &arguments);
        if !departures.is_empty() {
            let problem = departures.join("; ");
            let message = format!("the arguments of `{}` are not right: {problem}", tool.name());
            return Err(Refused::new(code::ARGUMENTS, privacy::one_line(&message, LONGEST_PROBLEM)));
        }
        let text = |key: &str| arguments.get(key).and_then(Value::as_str).map(str::to_owned);
        let session = Arc::clone(self.session(context));
        match tool {
            ServerTool::Status => {
                let at = session.run().await;
                let mut found = self.on_backend(|backend| backend.status()).await?;
                if let (Some(found), Some(at)) = (found.as_object_mut(), at) {
                    found.insert("at".to_owned(), at.into());
                }
                Ok(found)
            }
            ServerTool::Check => {
                let plan = text("plan").unwrap_or_default();
                self.on_backend(move |backend| backend.check_plan(&plan)).await
            }
            ServerTool::Start => {
                let another = arguments.get("another").and_then(Value::as_bool).unwrap_or_default();
                let request = StartRequest { plan: text("plan"), run: text("run"), another };
                let started = session.start(request).await?;
                let tools: Vec<String> = session.view().borrow().tools().iter().map(|tool| tool.name.clone()).collect();
                let next = "Call a tool that looks; its answer comes with the task.";
                let mut told = json!({
                    "run": started.run, "plan": started.plan, "recorded_steps": started.recorded_steps,
                    "finished": started.finished, "tools": tools, "next": next,
                });
                if let (Some(told), Some(branch)) = (told.as_object_mut(), started.branch) {
                    told.insert("branch".to_owned(), branch.into());
                }
                Ok(told)
            }
            ServerTool::Draft => {
                let data = text("data").unwrap_or_default();
                let (mut treatment, mut outcome, mut asked) = (text("treatment"), text("outcome"), String::new());
                if treatment.is_none() || outcome.is_none() {
                    let named = data.clone();
                    let columns = self.on_backend(move |backend| backend.columns(&named)).await?;
                    let missing = elicit::Missing { treatment: treatment.is_none(), outcome: outcome.is_none() };
                    let answered = elicit::ask(&context.peer, missing, &data, columns).await?;
                    asked = answered.record(&client(context));
                    treatment = treatment.or(answered.treatment);
                    outcome = outcome.or(answered.outcome);
                }
                let request = DraftRequest {
                    data,
                    treatment: treatment.unwrap_or_default(),
                    outcome: outcome.unwrap_or_default(),
                    plan: text("plan").unwrap_or_default(),
                    asked,
                };
                self.on_backend(move |backend| backend.draft_plan(&request)).await
            }
        }
    }

    /// Has something done by the backend, on a thread of its own.
    async fn on_backend<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Backend) -> Result<T, Refused> + Send + 'static,
    ) -> Result<T, Refused> {
        let backend = Arc::clone(&self.shared.backend);
        let done = tokio::task::spawn_blocking(move || work(&*backend)).await;
        done.unwrap_or_else(|_| {
            Err(Refused::new(code::BUG, "something that should never happen did; see the server's log"))
        })
    }

    /// Hands a call to the run, and waits for its answer.
    async fn run_call(&self, name: &str, arguments: Value, context: &RequestContext<RoleServer>) -> Reply {
        let size = arguments.to_string().len();
        if size > LARGEST_ARGUMENTS {
            let message =
                format!("the arguments of `{name}` have {size} bytes, more than {LARGEST_ARGUMENTS}; say it shorter");
            return Reply::refused(Refused::new(code::TOO_LARGE, message));
        }
        let asked = Asked { name: name.to_owned(), arguments, client: client(context) };
        match self.session(context).call(asked).await {
            Ok(answer) => answer.wait().await,
            Err(why) => Reply::refused(why),
        }
    }
}

/// The longest account of arguments that are not right, characters.
const LONGEST_PROBLEM: usize = 1_000;

impl ServerHandler for ToolHandler {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_prompts()
            .enable_resources()
            .enable_resources_list_changed()
            .enable_tools()
            .enable_tool_list_changed()
            .build();
        let instructions = match &self.shared.serves {
            Serves::Plan { instructions, .. } => instructions.clone(),
            Serves::Folder { .. } => FOLDER.trim().to_owned(),
        };
        let about = Implementation::new("oci-agent", crate::VERSION)
            .with_title("oci-agent: causal analysis, blind and on record");
        ServerConfig::new(capabilities).with_server_info(about).with_instructions(instructions)
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(self.tools(self.session(&context))))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.tools(&self.session).into_iter().find(|tool| tool.name == name)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let (name, arguments) = (request.name.as_ref(), Value::Object(request.arguments.unwrap_or_default()));
        let session = self.session(&context);
        let mut progress = session.progress();
        if let Some(tool) = ServerTool::named(name, &self.shared.serves) {
            let answer = followed(self.server_tool_call(tool, arguments, &context), &mut progress, &context).await;
            return Ok(listing::server_tool_result(tool, answer.unwrap_or_else(|| Err(given_up()))).into());
        }
        // What is no tool at all is a mistake of the protocol; what may not be called now is an answer to be read.
        let known = session.view().borrow().offer.known.contains(&name) || self.shared.first.known.contains(&name);
        if !known {
            let name: String = name.chars().take(LONGEST_NAME).collect();
            let name = privacy::one_line(&name, LONGEST_NAME);
            let message = format!("unknown tool `{name}`; the tools are {}", names(&self.tools(session)));
            return Err(ErrorData::invalid_params(message, None));
        }
        // Dropped when the host gives up: that is how the queue learns that the call is not to be made.
        let reply = followed(self.run_call(name, arguments, &context), &mut progress, &context).await;
        let reply = reply.unwrap_or_else(|| Reply::refused(given_up()));
        let stage = session.view().borrow().stage;
        let result: CallToolResult = listing::run_result(name, stage, &reply);
        Ok(result.into())
    }

    async fn list_resources(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let listed = self.on_backend(documents::list).await.map_err(|why| internal(&why))?;
        Ok(ListResourcesResult::with_all_items(listed))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let uri = request.uri.clone();
        let read =
            self.on_backend(move |backend| documents::read(backend, &uri)).await.map_err(|why| internal(&why))?;
        let missing = || {
            let message =
                "there is no such document, or its run is still blind; resources/list names those that there are";
            ErrorData::resource_not_found(message, Some(json!({"uri": request.uri})))
        };
        Ok(read.ok_or_else(missing)?.into())
    }

    async fn list_prompts(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        Ok(ListPromptsResult::with_all_items(prompts::list(&self.shared.serves)))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        let arguments = request.arguments.unwrap_or_default();
        let made = prompts::get(&self.shared.serves, &request.name, &arguments);
        made.map(Into::into).map_err(|why| ErrorData::invalid_params(why, None))
    }

    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        tokio::spawn(tell_of_changes(self.session.view(), context.peer));
    }

    fn accepted_subscription_filter(&self, _requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(SubscriptionFilter::builder().tools_list_changed().build())
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let mut view = self.shared.alone.view();
        let news = async {
            let mut before = shown(&view);
            while view.changed().await.is_ok() {
                let now = shown(&view);
                if now != before {
                    before = now;
                    let _ = context.sink().notify_tool_list_changed().await;
                }
            }
        };
        tokio::select! {
            () = news => {}
            () = context.cancelled() => {}
        }
        Ok(())
    }
}

/// The names of the tools that are shown.
fn shown(view: &watch::Receiver<View>) -> Vec<String> {
    view.borrow().tools().iter().map(|tool| tool.name.clone()).collect()
}

/// Tells a host that began with a handshake when other tools are on offer; with them come other documents.
async fn tell_of_changes(mut view: watch::Receiver<View>, peer: Peer<RoleServer>) {
    let mut before = shown(&view);
    while view.changed().await.is_ok() {
        let now = shown(&view);
        if now == before {
            continue;
        }
        before = now;
        let told = peer.notify_tool_list_changed().await;
        if told.is_err() || peer.notify_resource_list_changed().await.is_err() {
            return;
        }
    }
}

/// Waits for an answer, telling the host what is being done; `None` if the host gives it up.
async fn followed<T>(
    answer: impl Future<Output = T>,
    progress: &mut watch::Receiver<String>,
    context: &RequestContext<RoleServer>,
) -> Option<T> {
    progress.mark_unchanged();
    tokio::pin!(answer);
    // The protocol wants each sign of progress to be larger than the last.
    let mut beats = 0.0;
    loop {
        tokio::select! {
            biased;
            answer = &mut answer => return Some(answer),
            () = context.ct.cancelled() => return None,
            Ok(()) = progress.changed() => {}
            () = tokio::time::sleep(PROGRESS) => {}
        }
        beats += 1.0;
        if let Some(token) = context.meta.get_progress_token() {
            let doing = progress.borrow_and_update().clone();
            let message = if doing.is_empty() { "still computing".to_owned() } else { doing };
            let progress = ProgressNotificationParam::new(token, beats).with_message(message);
            let _ = context.peer.notify_progress(progress).await;
        }
    }
}

fn given_up() -> Refused {
    Refused::new(code::CANCELLED, "cancelled by the host")
}

fn internal(why: &Refused) -> ErrorData {
    ErrorData::internal_error(why.text(), Some(json!({"code": why.code})))
}

/// The host's program and version, as it gives them, in one short line.
fn client(context: &RequestContext<RoleServer>) -> String {
    let named = context.client_info().map(|info| format!("{} {}", info.name, info.version)).unwrap_or_default();
    // The host chooses this text, and it goes on record.
    let named = privacy::one_line(named.trim(), LONGEST_NAME);
    if named.is_empty() { "MCP host".to_owned() } else { named }
}

fn names(tools: &[Tool]) -> String {
    tools.iter().map(|tool| tool.name.as_ref()).collect::<Vec<_>>().join(", ")
}
