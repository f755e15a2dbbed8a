//! Serving HTTP connections: the exchange with the instances, their idle connections, retries.

pub mod idle;
pub mod connection;
