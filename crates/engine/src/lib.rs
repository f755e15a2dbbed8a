//! The `local` target: instances as processes of this machine, each under a shim of its own.

mod folders;
#[cfg(target_os = "linux")]
mod linux;
pub mod logs;
pub mod shim;
pub mod wire;
