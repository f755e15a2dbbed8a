//! `seaworthy node connect`: the node's socket as standard input and output, for ssh.

use crate::exit::{Ended, Ending};
use seaworthy_api::READS_VARIABLE;
use seaworthy_api::wire::{Failure, NodeStopped, Status};
use seaworthy_diagnostics::Diagnostic;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

/// How long the head of a request may be that nobody but this answers.
const HEAD_BYTES_MAX: u64 = 64 * 1024;

pub(super) async fn run() -> Ending {
    if std::env::var_os(READS_VARIABLE).is_some() {
        let stopped = seaworthy_node::start::is_stopped().await.map_err(Ended::refused)?;
        if let Some(stopped) = stopped {
            return answer_for(stopped).await.map_err(|e| Ended::failed(Diagnostic::machine(e.to_string())));
        }
    }
    let socket = seaworthy_node::start::ensure_running().await.map_err(Ended::failed)?;
    let stream = UnixStream::connect(&socket).await;
    let stream = stream.map_err(|e| Ended::failed(Diagnostic::machine(format!("{}: {e}", socket.display()))))?;
    let (mut from_node, mut to_node) = stream.into_split();
    let upward = async {
        let copied = tokio::io::copy(&mut tokio::io::stdin(), &mut to_node).await;
        let _ = to_node.shutdown().await;
        copied
    };
    let downward = async {
        let mut stdout = tokio::io::stdout();
        let copied = tokio::io::copy(&mut from_node, &mut stdout).await;
        let _ = stdout.flush().await;
        copied
    };
    tokio::pin!(downward);
    tokio::select! {
        // The node has closed: whatever still comes from the other side has no reader.
        _ = &mut downward => {}
        _ = upward => {
            // The other side has said everything; it may still be reading.
            let _ = downward.await;
        }
    }
    Ok(())
}

/// Says what a node that is stopped cannot say itself: whoever only reads is told so, and does not start it.
async fn answer_for(node: NodeStopped) -> std::io::Result<()> {
    let (mut head, mut stdin) = (Vec::new(), tokio::io::stdin().take(HEAD_BYTES_MAX));
    while !head.windows(4).any(|bytes| bytes == b"\r\n\r\n") {
        if stdin.read_buf(&mut head).await? == 0 {
            return Ok(());
        }
    }
    let (status, body) = if head.starts_with(b"GET /v1/status") {
        ("200 OK", serde_json::to_string(&Status::of_stopped(node))?)
    } else {
        let failure = Failure { errors: vec![node.diagnostic()] };
        ("409 Conflict", serde_json::to_string(&failure)?)
    };
    let kind = "content-type: application/json\r\nconnection: close";
    let answer = format!("HTTP/1.1 {status}\r\n{kind}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let mut stdout = tokio::io::stdout();
    stdout.write_all(answer.as_bytes()).await?;
    stdout.flush().await
}
