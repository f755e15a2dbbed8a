//! What went wrong, whose fault it is, whether trying again helps, and what to do next.
//!
//! Errors are typed where they arise (`thiserror`, one enum per crate); a [`Diagnostic`] is what they become at an
//! edge: on a terminal, in the API's answers, in a deployment's events.

mod diagnostic;
mod masked;
mod render;

pub use diagnostic::{Diagnostic, Fault, Place, Retry};
pub use masked::Masked;
pub use render::render;
