//! Moving an environment from one revision to another: a pure planner, an executor over two traits, and reconciling
//! what a crash left behind.

mod alive;
pub mod control;
pub mod counters;
mod draft;
pub mod event;
pub mod executor;
mod forward;
pub mod invariants;
pub mod journal;
mod notes;
mod pairing;
pub mod plan;
pub mod planner;
pub mod reconcile;
mod run;
mod seats;
pub mod shape;
pub mod smoke;
mod smoke_checks;
pub mod step;
pub mod target;
pub mod traffic;
pub mod undo;
pub mod watch;
mod world;

pub use event::Event;
pub use executor::{Ended, Executor};
pub use journal::Journal;
pub use plan::Plan;
pub use planner::plan;
pub use smoke::Smoke;
pub use step::Step;
pub use target::Target;
pub use traffic::Traffic;
pub use undo::undo;
