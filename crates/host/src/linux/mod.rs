//! What only Linux has.

pub mod cgroups;
pub mod loopback;
pub mod mounts;
pub mod namespaces;
pub mod pidfd;
pub mod private_root;
pub mod procfs;
pub mod sockets;

pub use pidfd::Pidfd;
