//! Moving an environment from one revision to another: a pure planner, an executor over two traits, and reconciling
//! what a crash left behind.

pub mod counters;
pub mod target;
pub mod traffic;

pub use target::Target;
pub use traffic::Traffic;
