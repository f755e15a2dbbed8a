//! The control groups of an instance: how much of the machine it may use.

use super::failure::Context as _;
use crate::wire::SandboxSpec;
use seaworthy_host::linux::cgroups::{Group, Hierarchies, Limits};
use std::io;

/// The groups; without those that cannot be made here.
pub(super) struct Groups {
    group: Group,
    /// The limit of memory, if there is one.
    pub(super) memory_bytes: Option<u64>,
}

impl Groups {
    /// Makes them, with their limits. They stay through all starts of the program.
    pub(super) fn make(sandbox: &SandboxSpec) -> io::Result<Self> {
        let group = Group::named(&Hierarchies::find(), &sandbox.group);
        let limits = Limits {
            memory_bytes: sandbox.limits.memory_bytes,
            cpu_millis: sandbox.limits.cpu_millis,
            cpu_weight: None,
            processes: Some(sandbox.limits.processes),
        };
        group.make(&limits).context("cannot limit what it uses")?;
        Ok(Self { group, memory_bytes: limits.memory_bytes })
    }

    pub(super) fn add(&self, pid: u32) -> io::Result<()> {
        self.group.add(pid).context("cannot put it into its control group")
    }

    pub(super) fn memory_kills(&self) -> u64 {
        self.group.memory_kills()
    }
}

/// Moves this process into an instance's groups, where there are any.
pub(super) fn join(name: &str) -> io::Result<()> {
    let group = Group::named(&Hierarchies::find(), name);
    group.add(std::process::id()).context("cannot enter its control group")
}

/// Ends whatever is in an instance's groups, and removes them; called by the shim at its end, and by a node that finds
/// the shim dead.
pub(crate) fn remove(name: &str) -> io::Result<()> {
    Group::named(&Hierarchies::find(), name).end()
}
