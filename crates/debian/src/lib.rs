//! Debian packages: a signed archive in, the entries of a root filesystem out, without apt, dpkg or root.
//!
//! ```no_run
//! # use seaworthy_debian::{Archive, Options, rootfs};
//! # fn f(cache: &std::path::Path, now: std::time::SystemTime) -> Result<(), seaworthy_diagnostics::Diagnostic> {
//! let archive = Archive::of_this_machine(cache, now)?;
//! let base = archive.resolve(&["python3".to_owned()])?; // or what `Lock::entry` has
//! let packages = archive.fetch(&base, &|_| {})?;
//! let tree = rootfs(&packages, &Options::of(&base))?;
//! # Ok(())
//! # }
//! ```
//!
//! Trust goes one way: a key that the machine or the manifest names signs `InRelease`, which has the sums of the lists
//! of packages, which have the sums of the packages; `seaworthy.lock` keeps those. Nothing is used before its sum is
//! right.

mod apt;
mod archive;
mod cache;
mod deb;
mod error;
pub mod format;
mod libraries;
mod limits;
mod lock;
mod mirror;
mod network;
mod resolve;
mod rootfs;
pub mod trust;
mod universe;

pub use archive::{Archive, OnProgress, Progress, this_architecture};
pub use deb::Deb;
pub use error::{Error, Malformed};
pub use libraries::needed_packages;
pub use lock::{Lock, LockedBase, LockedPackage, sorted};
pub use mirror::Mirror;
pub use resolve::NOT_FOLLOWED;
pub use rootfs::{Options, rootfs};
