//! The gateway's own look at the endpoints.
