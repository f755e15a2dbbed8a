//! `seaworthy node connect`: the node's socket as standard input and output, for ssh.

use crate::exit::{Ended, Ending};
use seaworthy_diagnostics::Diagnostic;
use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixStream;

pub(super) async fn run() -> Ending {
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
