//! A request fanned out to several services, and their answers fanned in (DESIGN section 7).

mod ballot;
mod comparable;
mod decision;
mod document;
mod execution;
mod leg;
mod plan;
mod tally;

pub use ballot::{Ballot, Vote};
pub use decision::{Decision, Verdict};
pub use execution::{FanoutEnd, execute};
pub use leg::{Ask, BODY_BYTES_MAX, HttpLegs, LegError};
pub use plan::FanoutPlan;
pub use tally::FanoutTally;
