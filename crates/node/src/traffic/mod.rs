//! The `local` target's traffic: one gateway, told by whole tables.

mod calls;
mod carrier;
mod compile;
mod listeners;
mod loopbacks;

pub(crate) use calls::LateCalls;
pub(crate) use carrier::GatewayTraffic;
