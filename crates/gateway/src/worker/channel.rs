//! What the parent says to its worker.

use super::Worker;
use crate::control::{ChannelCommand, LineChannel};
use crate::log;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Follows the parent's channel on a thread of its own (descriptors come by `recvmsg`) and does what it says.
pub(super) fn follow(mut channel: LineChannel, worker: &Arc<Worker>) {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        while channel.fill().unwrap_or(false) {
            while let Some(line) = channel.next_line() {
                match serde_json::from_slice::<ChannelCommand>(&line) {
                    Ok(command) => {
                        let listens = matches!(command, ChannelCommand::Listen(_));
                        let socket = if listens { channel.next_descriptor() } else { None };
                        let _ = sender.send((command, socket));
                    }
                    Err(error) => log::line("worker", format_args!("the parent says nonsense: {error}")),
                }
            }
        }
        // The listeners are here as well: until another parent takes them over, service goes on.
        log::line("worker", format_args!("the parent is gone; serving goes on"));
    });
    let worker = worker.clone();
    tokio::spawn(async move {
        while let Some((command, socket)) = receiver.recv().await {
            carry_out(&worker, command, socket);
        }
    });
}

fn carry_out(worker: &Arc<Worker>, command: ChannelCommand, socket: Option<OwnedFd>) {
    match (command, socket) {
        (ChannelCommand::Listen(entry), Some(socket)) => {
            let id = entry.id.clone();
            if let Err(error) = worker.listeners.open(entry, socket) {
                log::line("worker", format_args!("listener `{id}` cannot be used: {error}"));
            }
        }
        (ChannelCommand::Listen(entry), None) => {
            log::line("worker", format_args!("listener `{}` came without its socket", entry.id));
        }
        (ChannelCommand::Unlisten { id }, _) => worker.listeners.close(&id),
        (ChannelCommand::Finish { within_ms }, _) => worker.finish.ask(Duration::from_millis(within_ms)),
    }
}
