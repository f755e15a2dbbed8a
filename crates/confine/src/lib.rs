//! Running what nobody trusts: git, builds and commands of a node, as a user of their own, in a root of its own in
//! which only named folders of the machine appear, in a control group below that of the services, with limits of time,
//! memory, processes and output. It ends as a whole: with its first process, and with the node.
//!
//! The program's own half is [`main`], the role `confined` of this executable: it has one thread, and puts the walls
//! up.

#[cfg(target_os = "linux")]
mod disk;
mod job;
mod output;
#[cfg(target_os = "linux")]
mod role;
#[cfg(target_os = "linux")]
mod root;
#[cfg(target_os = "linux")]
mod run;
mod walls;

pub use job::{Bind, Disk, Job, Limits, PrivateFile};
pub use output::{End, Finished, Log};
pub use walls::Walls;

#[cfg(target_os = "linux")]
pub use role::main;
#[cfg(target_os = "linux")]
pub use run::{run, run_by};

/// Elsewhere there are no walls.
#[cfg(not(target_os = "linux"))]
#[must_use]
pub fn main() -> std::process::ExitCode {
    std::process::ExitCode::FAILURE
}

/// Elsewhere there are no walls.
///
/// # Errors
/// Always.
#[cfg(not(target_os = "linux"))]
pub async fn run(
    _walls: &Walls,
    _job: &Job,
    _limits: &Limits,
    _log: Option<&mut Log>,
    _cancelled: impl Future<Output = ()>,
) -> std::io::Result<Finished> {
    Err(std::io::Error::other("a node builds on Linux alone"))
}
