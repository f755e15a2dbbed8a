//! When a job is due, and what is to be done then: pure decisions of the clock's and the journal's words.

mod decide;
mod schedule;

pub use decide::{Known, Todo, decide};
pub use schedule::Schedule;
