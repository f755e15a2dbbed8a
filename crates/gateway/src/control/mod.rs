//! How the node steers the gateway: JSON lines over two Unix sockets, one of the parent and one of its worker.

mod client;
mod error;
mod line_channel;
mod server;
mod start;
mod wire;

pub use client::GatewayClient;
pub use error::ControlError;
pub(crate) use line_channel::LineChannel;
pub(crate) use server::{allowed, bind};
pub use start::{Roles, StartOptions, start};
pub(crate) use wire::{
    Answer, ChannelCommand, ChannelEvent, LINE_BYTES_MAX, ListenerEntry, ParentCommand, Request, WorkerCommand,
};
pub use wire::{
    CONTROL_VERSION, CallerCount, EgressRefusal, ParentStatus, PoolCount, Refusal, RefusalCode, WorkerStatus,
    parent_socket, worker_socket,
};
