//! The OCI distribution API (specification 1.1) over the store: images go out to whatever runs or copies images, and
//! come in from it. The images of releases are there as `APP/SERVICE`, tagged with the release's short name.

mod access;
mod blobs;
mod error;
mod manifests;
mod names;
mod range;
mod referrers;
mod registry;
mod route;
mod serve;
mod tags;
mod uploads;

pub use access::{Grant, Tokens, token_file};
pub use error::{Code, RegistryError};
pub use names::{InvalidName, Reference, Repository};
pub use range::{ByteRange, Chunk};
pub use registry::{Limits, Registry};
pub use route::Route;
pub use serve::{Listener, serve};
