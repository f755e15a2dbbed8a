//! The sandbox of one instance: what keeps its program apart from the machine and from every other program.
//!
//! The shim enters the instance's network (and user) namespace once ([`enter`]) and lives there. For each start of the
//! program it makes a first process ([`start`]) in namespaces of its own, which puts the root together, gives up every
//! right, starts the program, reaps what nobody waits for, and says how the program ended.
//! [`enter_beside`] enters what runs, and [`capabilities`] tries whether all of that is possible here.

mod clone;
mod devices;
mod enter;
mod failure;
mod filter;
mod groups;
mod identity;
mod init;
mod privileges;
mod probe;
mod proc;
mod root;
mod settings;
mod start;
mod trees;
mod writable;

pub(crate) use enter::enter as enter_beside;
pub(crate) use groups::remove as remove_groups;
pub(crate) use probe::capabilities;
pub(crate) use start::{Started, start};

use crate::wire::SandboxSpec;
use failure::Context as _;
use seaworthy_host::linux::loopback;
use std::io;

/// In the shim, once, before anything is started.
pub(crate) fn enter(sandbox: &SandboxSpec) -> io::Result<()> {
    identity::leave_the_network(sandbox.user).context("cannot make a network namespace")?;
    loopback::bring_up().map_err(io::Error::from).context("cannot bring `lo` up")?;
    privileges::keep_those_of_a_shim().context("cannot drop capabilities")
}
