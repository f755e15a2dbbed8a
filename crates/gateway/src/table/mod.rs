//! The routing table, compiled for looking up.

mod compile;
mod context;
mod draw;
mod registry;
mod routed;

pub use compile::CompiledTable;
pub use context::ConnectionContext;
pub use registry::PoolRegistry;
pub use routed::{RouteInfo, Routed};
