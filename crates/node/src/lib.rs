//! The daemon: wires store, engine, gateway and checks together, serves the API, and brings back what ran.

pub mod place;
pub mod start;
pub mod stopped;
pub mod throwaway;

mod daemon;
mod delivery;
mod deployments;
mod exec;
mod failure;
mod functional;
mod garbage;
mod gate;
mod identities;
mod isolation;
mod jobs;
mod journal;
mod logs;
mod node;
mod notes;
mod options;
mod peer;
mod registry;
mod routes;
mod run;
mod smoke;
mod status;
mod supervise;
mod target;
mod traffic;

pub use daemon::main;
pub(crate) use node::Node;
