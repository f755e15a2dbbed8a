//! How the node steers the gateway.
