//! What the worker counted.
