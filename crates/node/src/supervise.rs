//! Looking after the gateway, and saying what went wrong where nobody asked.

use crate::Node;
use seaworthy_deploy::Traffic as _;
use seaworthy_diagnostics::{Diagnostic, render};
use seaworthy_engine::{Happening, not_declared};
use seaworthy_gateway::control::EgressRefusal;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;

/// How often the gateway's parent is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Writes to the node's own log.
pub(crate) fn complain(diagnostic: &Diagnostic) {
    let time = seaworthy_host::clock::rfc3339(seaworthy_host::clock::now());
    let _ = write!(std::io::stderr().lock(), "{time} {}", render(diagnostic, false));
}

/// One line to the node's own log.
pub(crate) fn note(line: &str) {
    let time = seaworthy_host::clock::rfc3339(seaworthy_host::clock::now());
    let _ = writeln!(std::io::stderr().lock(), "{time} {line}");
}

/// Tells the gateway whenever the engine moved an instance by itself: one that was lost, or one too many.
pub(crate) async fn follow_instances(node: Arc<Node>) {
    let mut events = node.engine.events();
    let mut moved = false;
    loop {
        moved |= match events.recv().await {
            Ok(event) => {
                if let Happening::Lost | Happening::CrashLoop(_) | Happening::StartFailed(_) = event.what {
                    note(&format!("{}: {:?}", event.instance, event.what));
                }
                if let Happening::NotDeclared(name) = &event.what {
                    note(&format!("{}: {}", event.instance, not_declared(name)));
                }
                event.what.moves_endpoints()
            }
            // Whatever was missed may have moved something.
            Err(RecvError::Lagged(_)) => true,
            Err(RecvError::Closed) => return,
        };
        // One table tells of all that came at once.
        if moved && events.is_empty() {
            moved = false;
            if let Err(error) = node.traffic.refresh().await {
                complain(&error);
            }
        }
    }
}

/// Starts the gateway again whenever it is gone, and says what it refused. Its worker is its parent's affair.
pub(crate) async fn keep_gateway(node: Arc<Node>) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        if let Err(error) = node.traffic.complete().await {
            complain(&error);
        }
        // What a worker has counted by now outlives it.
        let _ = node.traffic.counters().await;
        for refusal in node.traffic.refusals().await {
            let EgressRefusal { caller, to, why, add } = refusal;
            let help = add.map(|line| format!("; to allow it, add `{line}`")).unwrap_or_default();
            note(&format!("{caller} may not connect to {to}: {why}{help}"));
        }
        let gone = node.traffic.client().parent_status().await.is_err_and(|error| error.is_unreachable());
        if gone && !node.deployments.is_closed() {
            note("the gateway is gone: starting it again");
            if let Err(error) = node.traffic.revive().await {
                complain(&error);
            }
        }
    }
}
