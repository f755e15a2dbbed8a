//! A request fanned out to several services, and their answers fanned in (DESIGN section 7).

mod ballot;
mod comparable;
mod decision;
mod plan;

pub use ballot::{Ballot, Vote};
pub use decision::{Decision, Verdict};
pub use plan::FanoutPlan;
