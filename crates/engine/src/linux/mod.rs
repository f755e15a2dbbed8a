//! What only Linux has: the parts of a process's confinement, and the traces of processes that slipped away.

pub(crate) mod confine;
pub(crate) mod network;
pub(crate) mod sandbox;
pub(crate) mod strays;
