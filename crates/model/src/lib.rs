//! The typed heart of Seaworthy: what a `seaworthy.toml` says, what a release holds, what an environment
//! runs, and what the gateway is told. Pure data and pure functions: this crate does no IO.

pub mod date;
pub mod deployment;
pub mod difference;
pub mod digest;
pub mod finding;
pub mod follow;
pub mod gate;
pub mod image_name;
pub mod job;
pub mod judge;
pub mod manifest;
pub mod name;
pub mod owasp;
pub mod pool;
pub mod release;
pub mod resolve;
pub mod routing;
pub mod run;
pub mod service;
pub mod template;
pub mod traffic;
pub mod units;
pub mod verdict;

pub use date::Date;
pub use digest::Digest;
pub use image_name::ImageName;
pub use name::Name;
