//! What only Linux has.

pub mod cgroups;
pub mod pidfd;
pub mod procfs;
pub mod sockets;

pub use pidfd::Pidfd;
