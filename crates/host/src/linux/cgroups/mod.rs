//! Control groups (cgroups(7)): how much of the machine a set of processes may use. Version 1, version 2, and machines
//! that have both.

mod group;
mod hierarchies;

pub use group::Group;
pub use hierarchies::Hierarchies;

/// How much a group may use; `None`: what the machine has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of memory. Nothing of it is swapped out beyond that.
    pub memory_bytes: Option<u64>,
    /// Thousandths of a core.
    pub cpu_millis: Option<u32>,
    /// Its share of the cores when others want them too, beside groups that have [`CPU_WEIGHT_USUAL`]: 1 to 10,000.
    pub cpu_weight: Option<u32>,
    /// Processes and threads.
    pub processes: Option<u32>,
}

/// The share of the cores that a group has unless it is told another one.
pub const CPU_WEIGHT_USUAL: u32 = 100;

/// What can be limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Controller {
    /// `memory`.
    Memory,
    /// `cpu`.
    Cpu,
    /// `pids`.
    Processes,
}

impl Controller {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Memory, Self::Cpu, Self::Processes];

    /// The kernel's name for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Cpu => "cpu",
            Self::Processes => "pids",
        }
    }
}
