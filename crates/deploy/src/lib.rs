//! Moving an environment from one revision to another: a pure planner, an executor over two traits, and reconciling
//! what a crash left behind.

pub mod control;
pub mod counters;
pub mod event;
pub mod executor;
pub mod journal;
pub mod plan;
pub mod planner;
pub mod reconcile;
pub mod shape;
pub mod smoke;
pub mod step;
pub mod target;
pub mod traffic;

pub use event::Event;
pub use executor::{Ended, Executor};
pub use journal::Journal;
pub use plan::Plan;
pub use smoke::Smoke;
pub use step::Step;
pub use target::Target;
pub use traffic::Traffic;
