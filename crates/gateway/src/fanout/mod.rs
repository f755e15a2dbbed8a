//! A request fanned out to several services, and their answers fanned in (DESIGN section 7).

mod plan;

pub use plan::FanoutPlan;
