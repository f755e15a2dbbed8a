//! The data plane: routes, balancing, health, fan-out and fan-in, drain, access log.
//!
//! A tiny parent ([`parent`]) holds the listeners and restarts a worker ([`worker`]), which serves by the last table
//! that it was given ([`control`]) whether or not anybody is there to give it a new one.

pub mod access_log;
pub mod control;
pub mod counters;
pub mod egress;
pub mod fanout;
pub mod gateway;
pub mod http1;
pub mod limits;
mod log;
pub mod parent;
pub mod pool;
pub mod proxy;
pub mod table;
pub mod tcp;
pub mod worker;

pub use gateway::Gateway;
