//! Forwarding connections as bytes.
