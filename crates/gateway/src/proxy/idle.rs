//! Connections to an instance that wait for their next request.

/// The idle connections to one instance.
#[derive(Debug, Default)]
pub struct IdleConnections {}
