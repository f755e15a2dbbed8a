//! What this machine's apt is told: where packages come from, how to get there, whom to trust. Files are read; no
//! program is asked.

mod auth;
mod conf;
mod machine;
mod sources;

pub(crate) use auth::Login;
pub(crate) use machine::{Machine, read};
