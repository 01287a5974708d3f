//! Where a host is heard: stdin and stdout, or an address of this machine. One thread of its own speaks the protocol.

use crate::mcp::backend::Backend;
use crate::mcp::http::{self, Token};
use crate::mcp::server::{Shared, ToolHandler};
use rmcp::service::ServiceExt;
use rmcp::transport::io::stdio;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// The time between two looks whether the server should end.
const POLL: Duration = Duration::from_millis(20);

/// How hosts come.
#[derive(Debug)]
pub enum Transport {
    /// One host, at the other end of stdin and stdout.
    Stdio,
    /// Any number of them, which show the token.
    Http {
        /// On an address of this machine.
        listener: TcpListener,
        /// What they show.
        token: Token,
    },
}

/// Serves until the host of stdin has left, or `stopped` says so; and until the runs have let go of their repositories.
///
/// # Errors
/// No thread, no runtime or no address could be had.
pub fn serve(backend: Arc<dyn Backend>, transport: Transport, stopped: &dyn Fn() -> bool) -> io::Result<()> {
    let shared = Shared::new(backend);
    let runs = Arc::clone(&shared.runs);
    let (closing, closed) = watch::channel(false);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let thread = std::thread::Builder::new().name("mcp".to_owned()).spawn(move || {
        let ended = match transport {
            Transport::Stdio => {
                runtime.block_on(serve_stdio(shared, closed));
                Ok(())
            }
            Transport::Http { listener, token } => runtime.block_on(http::serve(shared, listener, token, closed)),
        };
        // A read of stdin cannot be interrupted; the process need not wait for it. With it go the sessions, and their runs hear
        // that their hosts have left.
        runtime.shutdown_background();
        ended
    })?;
    while !thread.is_finished() && !stopped() {
        std::thread::sleep(POLL);
    }
    if stopped() {
        // The runs first: they have an answer to give.
        wait(|| runs.none_left());
        closing.send_replace(true);
    }
    let ended =
        thread.join().unwrap_or_else(|_| Err(io::Error::other("the thread that speaks MCP ended with a panic")));
    wait(|| runs.none_left());
    ended
}

fn wait(done: impl Fn() -> bool) {
    while !done() {
        std::thread::sleep(POLL);
    }
}

async fn serve_stdio(shared: Arc<Shared>, mut closed: watch::Receiver<bool>) {
    let handler = ToolHandler::new(&shared);
    drop(shared);
    let served = tokio::select! {
        served = handler.serve(stdio()) => served,
        _ = closed.wait_for(|closed| *closed) => return,
    };
    let running = match served {
        Ok(running) => running,
        Err(error) => {
            tracing::info!("no host: {error}");
            return;
        }
    };
    let token = running.cancellation_token();
    tokio::spawn(async move {
        if closed.wait_for(|closed| *closed).await.is_ok() {
            token.cancel();
        }
    });
    if let Err(error) = running.waiting().await {
        tracing::error!("the MCP service ended: {error}");
    }
}
