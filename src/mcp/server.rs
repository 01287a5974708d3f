//! The protocol: a thread with rmcp on stdin and stdout. It knows tools by name, and nothing of what they do.

use crate::llm::ToolSpec;
use crate::mcp::queue::{Call, Reply};
use crate::tools::LARGEST_ARGUMENTS;
use rmcp::ErrorData;
use rmcp::handler::server::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Implementation, ListToolsResult,
    PaginatedRequestParams, ProgressNotificationParam, ServerCapabilities, ServerConfig, SubscriptionFilter, Tool,
    ToolAnnotations,
};
use rmcp::service::{RequestContext, RoleServer, ServiceExt, SubscriptionContext};
use rmcp::transport::io::stdio;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{oneshot, watch};

/// Calls that may wait. A host that does not wait for answers is told to.
const MOST_WAITING: usize = 64;
/// The time between two messages to a host that asked for progress that its call is still being worked on.
const PROGRESS: Duration = Duration::from_secs(5);
/// Characters of a host's own name that go on record.
const LONGEST_NAME: usize = 80;

/// The stage of the run, as far as the server must know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Blind,
    Unblinded,
    Closing,
}

/// What a server has for its host.
pub(super) struct Offer {
    /// Names of all tools, those included that may never be called here.
    pub(super) known: Vec<&'static str>,
    /// The tools on offer while the run is blind.
    pub(super) blind: Vec<ToolSpec>,
    /// And afterwards.
    pub(super) unblinded: Vec<ToolSpec>,
    /// What the host is told of all of it.
    pub(super) instructions: String,
}

/// The server, held by the thread of the run.
pub(super) struct Server {
    stage: watch::Sender<Stage>,
    thread: JoinHandle<()>,
}

impl Server {
    /// Opens it; calls of tools come out of the receiver.
    pub(super) fn open(offer: Offer) -> io::Result<(Server, Receiver<Call>)> {
        let (calls, inbox) = sync_channel(MOST_WAITING);
        let (stage, seen) = watch::channel(Stage::Blind);
        let listed = |tools: Vec<ToolSpec>| tools.into_iter().map(tool).collect();
        let handler = ToolHandler {
            calls,
            stage: seen,
            known: offer.known,
            blind: listed(offer.blind),
            unblinded: listed(offer.unblinded),
            instructions: offer.instructions,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new().name("mcp".to_owned()).spawn(move || {
            runtime.block_on(serve_stdio(handler));
            // A read of stdin cannot be interrupted; the process need not wait for it.
            runtime.shutdown_background();
        })?;
        Ok((Server { stage, thread }, inbox))
    }

    /// Shows how far the run is.
    pub(super) fn show(&self, stage: Stage) {
        self.stage.send_replace(stage);
    }

    /// Closes it, once what was answered has been sent.
    pub(super) fn close(self) {
        self.show(Stage::Closing);
        if self.thread.join().is_err() {
            tracing::error!("the thread that speaks MCP ended with a panic");
        }
    }
}

async fn serve_stdio(handler: ToolHandler) {
    let mut stage = handler.stage.clone();
    let served = tokio::select! {
        served = handler.serve(stdio()) => served,
        () = wait_for_stage(&mut stage, Stage::Closing) => return,
    };
    let running = match served {
        Ok(running) => running,
        Err(error) => {
            tracing::info!("no host: {error}");
            return;
        }
    };
    let (peer, token) = (running.peer().clone(), running.cancellation_token());
    tokio::spawn(async move {
        wait_for_stage(&mut stage, Stage::Unblinded).await;
        // A host that began with a handshake is told; the others subscribe.
        if peer.peer_info().is_some() {
            let _ = peer.notify_tool_list_changed().await;
        }
        wait_for_stage(&mut stage, Stage::Closing).await;
        token.cancel();
    });
    if let Err(error) = running.waiting().await {
        tracing::error!("the MCP service ended: {error}");
    }
}

/// Waits until the run is as far as this, or gone.
async fn wait_for_stage(seen: &mut watch::Receiver<Stage>, stage: Stage) {
    let _ = seen.wait_for(|now| *now == stage || *now == Stage::Closing).await;
}

/// Why a call was not handed to the run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum EnqueueError {
    #[error("the arguments of `{name}` have {size} bytes, more than {LARGEST_ARGUMENTS}; say it shorter")]
    TooLarge { name: String, size: usize },
    #[error("{MOST_WAITING} calls are waiting already; wait for an answer before calling again")]
    Full,
    #[error("{RUN_ENDED}")]
    RunEnded,
}

/// Answers requests of the protocol.
struct ToolHandler {
    calls: SyncSender<Call>,
    stage: watch::Receiver<Stage>,
    known: Vec<&'static str>,
    blind: Vec<Tool>,
    unblinded: Vec<Tool>,
    instructions: String,
}

impl ToolHandler {
    fn offered(&self) -> &[Tool] {
        if *self.stage.borrow() == Stage::Blind { &self.blind } else { &self.unblinded }
    }

    /// Hands a call to the run.
    fn enqueue(
        &self,
        request: CallToolRequestParams,
        client: String,
    ) -> Result<oneshot::Receiver<Reply>, EnqueueError> {
        let arguments = serde_json::Value::Object(request.arguments.unwrap_or_default());
        let size = arguments.to_string().len();
        if size > LARGEST_ARGUMENTS {
            return Err(EnqueueError::TooLarge { name: request.name.into_owned(), size });
        }
        let (reply, answer) = oneshot::channel();
        let call = Call { name: request.name.into_owned(), arguments, client, reply };
        // Never a wait: this thread also reads cancellations and sends signs of life.
        match self.calls.try_send(call) {
            Ok(()) => Ok(answer),
            Err(TrySendError::Full(_)) => Err(EnqueueError::Full),
            Err(TrySendError::Disconnected(_)) => Err(EnqueueError::RunEnded),
        }
    }
}

const RUN_ENDED: &str = "the run has ended, and the server with it; start it again";

impl ServerHandler for ToolHandler {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().enable_tool_list_changed().build();
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new("oci-agent", crate::VERSION))
            .with_instructions(self.instructions.clone())
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(self.offered().to_vec()))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.offered().iter().find(|tool| tool.name == name).cloned()
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        // What is no tool at all is a mistake of the protocol; what may not be called now is an answer to be read.
        if !self.known.contains(&&*request.name) {
            let name: String = request.name.chars().take(LONGEST_NAME).collect();
            let name = crate::tools::privacy::one_line(&name, LONGEST_NAME);
            let message = format!("unknown tool `{name}`; the tools are {}", names(self.offered()));
            return Err(ErrorData::invalid_params(message, None));
        }
        let reply = match self.enqueue(request, client(&context)) {
            Ok(answer) => wait_for_reply(answer, &context).await,
            Err(error) => Reply::refused(error.to_string()),
        };
        let content = reply.texts.into_iter().map(ContentBlock::text).collect();
        let result = if reply.is_error { CallToolResult::error(content) } else { CallToolResult::success(content) };
        Ok(result.into())
    }

    fn accepted_subscription_filter(&self, _requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(SubscriptionFilter::builder().tools_list_changed().build())
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let mut stage = self.stage.clone();
        let news = async {
            wait_for_stage(&mut stage, Stage::Unblinded).await;
            let _ = context.sink().notify_tool_list_changed().await;
            wait_for_stage(&mut stage, Stage::Closing).await;
        };
        tokio::select! {
            () = news => {}
            () = context.cancelled() => {}
        }
        Ok(())
    }
}

/// Waits for an answer; gives it up when the host does.
async fn wait_for_reply(mut answer: oneshot::Receiver<Reply>, context: &RequestContext<RoleServer>) -> Reply {
    // The protocol wants each sign of progress to be larger than the last.
    let mut beats = 0.0;
    loop {
        tokio::select! {
            reply = &mut answer => return reply.unwrap_or_else(|_| Reply::refused(RUN_ENDED.to_owned())),
            // Dropping `answer` is how the queue learns that the call is not to be made.
            () = context.ct.cancelled() => return Reply::refused("cancelled by the host".to_owned()),
            () = tokio::time::sleep(PROGRESS) => {
                beats += 1.0;
                if let Some(token) = context.meta.get_progress_token() {
                    let progress = ProgressNotificationParam::new(token, beats).with_message("still computing");
                    let _ = context.peer.notify_progress(progress).await;
                }
            }
        }
    }
}

/// The host's program and version, as it gives them, in one short line.
fn client(context: &RequestContext<RoleServer>) -> String {
    let named = context.client_info().map(|info| format!("{} {}", info.name, info.version)).unwrap_or_default();
    // The host chooses this text, and it goes on record.
    let named = crate::tools::privacy::one_line(named.trim(), LONGEST_NAME);
    if named.is_empty() { "MCP host".to_owned() } else { named }
}

fn names(tools: &[Tool]) -> String {
    tools.iter().map(|tool| tool.name.as_ref()).collect::<Vec<_>>().join(", ")
}

/// The tools that change a run. None changes anything outside of it.
const CHANGING: [&str; 2] = ["propose_spec", "run_experiment"];

/// A tool as hosts list it.
fn tool(spec: ToolSpec) -> Tool {
    let changes = CHANGING.contains(&spec.name.as_str());
    let schema = match spec.schema {
        serde_json::Value::Object(schema) => schema,
        _ => serde_json::Map::new(),
    };
    let hints = ToolAnnotations::new().read_only(!changes).destructive(false).idempotent(!changes).open_world(false);
    Tool::new(spec.name, spec.description, Arc::new(schema)).with_annotations(hints)
}
