//! The one wrapper of the operating system: clock, files, processes, descriptors, locks, ports and user ids.
//!
//! It knows nothing of apps. What only Linux has is under [`linux`]; elsewhere the same functions do the best they can.

pub mod clock;
pub mod descriptor;
pub mod entrance;
pub mod files;
pub mod home;
#[cfg(target_os = "linux")]
pub mod linux;
pub mod lock;
pub mod machine;
pub mod peer;
pub mod ports;
pub mod process;
pub mod user_ids;

pub use home::{home, runtime_directory};
