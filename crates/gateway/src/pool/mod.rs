//! Pools of instances: choosing one, holding requests, health, drain.

mod choose;
mod endpoint;
mod hold;
mod lease;
mod namespace;
mod state;

pub mod health;

pub use endpoint::{EndpointKey, EndpointState};
pub use hold::{Patience, Unavailable};
pub use lease::{Lease, Outcome};
use namespace::Namespace;
pub use state::{CallerCount, CallerTally, PoolSettings, PoolState};

#[cfg(test)]
mod tests;
