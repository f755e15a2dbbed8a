//! The worker process: it accepts and serves.
