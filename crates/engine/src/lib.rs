//! The `local` target: instances as processes of this machine, each under a shim of its own.
//!
//! [`LocalTarget`] is the node's side, [`shim::main`] the role of the small process beside each instance, [`wire`] what
//! the two say to each other, [`logs`] the files that the one writes and the other reads.

mod calls;
mod capabilities;
mod client;
mod database;
mod elf;
mod environment;
mod events;
mod exec;
mod folders;
mod inside;
mod layers;
mod libraries;
#[cfg(target_os = "linux")]
mod linux;
mod local;
pub mod logs;
pub mod loopback;
mod materialise;
mod place;
mod probe;
mod program;
pub mod shim;
mod spawn;
#[cfg(test)]
mod testing;
pub mod wire;

pub use calls::{CallAddresses, Callee, CalleeFuture, OpenedFuture, ProtocolFuture};
pub use capabilities::{Capabilities, CapabilityFinding};
pub use events::{EngineEvent, Happening, not_declared};
pub use local::{
    Adopted, EngineOptions, Exec, ExecEnd, ExecRefusal, ExecStreams, GATEWAY_USER, InstanceNetwork, InstanceState,
    InstanceStatus, JobCommand, LocalTarget, LogFollower, LogLine, LogSelection, PoolStatus, RESERVED_USERS, Run,
    RunOutput, Terminal, TerminalSide,
};
pub use spawn::ShimCommand;
