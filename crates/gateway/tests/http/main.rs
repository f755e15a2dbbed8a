//! What the gateway does with requests and answers, over real sockets.

#[path = "../support/mod.rs"]
mod support;

mod bodies;
mod failures;
mod fan_out;
mod keep_alive;
mod limits;
mod messages;
mod upgrades;
