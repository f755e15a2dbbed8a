//! What confines a step's programs: how much they may take, and the end of all of them at once. A control group, or,
//! where none can be written, somebody who looks.

#[cfg(target_os = "linux")]
use crate::keeper::Keeper;
use crate::limits::StepLimits;
#[cfg(target_os = "linux")]
use crate::watched::Watched;
#[cfg(target_os = "linux")]
use seaworthy_host::linux::cgroups::{Controller, Group, Hierarchies, Limits};
#[cfg(target_os = "linux")]
use seaworthy_host::process;
use std::process::Command;
use std::sync::OnceLock;
#[cfg(target_os = "linux")]
use std::sync::atomic::AtomicU64;
use std::sync::atomic::{AtomicBool, Ordering};

/// How the names of groups begin; the namespace of process ids, the process whose steps they are and when it started
/// follow.
#[cfg(target_os = "linux")]
const GROUPS: &str = "step-";

/// What this machine has to confine programs with; looked for when the first program runs.
#[derive(Default)]
pub(crate) struct Confinements {
    #[cfg(target_os = "linux")]
    groups: OnceLock<Groups>,
    #[cfg(not(target_os = "linux"))]
    groups: OnceLock<()>,
    /// Whether somebody was told that there is too little of it.
    told: AtomicBool,
}

/// The groups of one check.
#[cfg(target_os = "linux")]
struct Groups {
    hierarchies: Hierarchies,
    /// How their names begin.
    prefix: String,
    _keeper: Option<Keeper>,
}

/// How the names of the groups of one check begin: one process may do several.
#[cfg(target_os = "linux")]
fn new_prefix() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let own = std::process::id();
    let started = process::start_time(own).unwrap_or_default();
    format!("{GROUPS}{}-{own}-{started}-{}-", namespace(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// In which namespace a process id means what it means here; containers may share groups and have their own.
#[cfg(target_os = "linux")]
fn namespace() -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self/ns/pid").map_or(0, |metadata| metadata.ino())
}

/// Ends what is left of those that were killed while their steps ran.
#[cfg(target_os = "linux")]
fn end_leftovers(hierarchies: &Hierarchies) {
    for name in hierarchies.names() {
        let Some(owner) = name.strip_prefix(GROUPS) else { continue };
        let mut numbers = owner.split('-').map_while(|number| number.parse::<u64>().ok());
        let (Some(of), Some(pid), Some(started)) = (numbers.next(), numbers.next(), numbers.next()) else { continue };
        if of == namespace() && u32::try_from(pid).is_ok_and(|pid| !process::is_alive(pid, started)) {
            let _ = Group::named(hierarchies, &name).end();
        }
    }
}

/// Why programs were stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Excess {
    /// The kernel killed one that wanted more memory than all may have, or somebody saw that they have it.
    Memory,
    /// They wanted to be more than they may.
    Processes,
    /// They printed more than they may.
    Output,
}

impl Confinements {
    /// Whether it has to be said, now and never again, that memory or processes are not limited here.
    pub(crate) fn has_to_be_told(&self) -> bool {
        !cfg!(target_os = "linux") && !self.told.swap(true, Ordering::Relaxed)
    }

    #[cfg(target_os = "linux")]
    fn groups(&self) -> &Groups {
        self.groups.get_or_init(|| {
            let hierarchies = Hierarchies::find();
            end_leftovers(&hierarchies);
            let prefix = new_prefix();
            Groups { _keeper: Keeper::start(&hierarchies, &prefix), hierarchies, prefix }
        })
    }

    /// Makes a command start in a group of its own, as far as there are any.
    #[cfg(target_os = "linux")]
    pub(crate) fn enter(&self, command: &mut Command, limits: &StepLimits) -> std::io::Result<Confinement> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let groups = self.groups();
        let group = Group::named(&groups.hierarchies, &format!("{}{number}", groups.prefix));
        let hierarchies = &groups.hierarchies;
        let is_whole =
            !limits.watched || (hierarchies.has(Controller::Memory) && hierarchies.has(Controller::Processes));
        let confinement = Confinement { group, limits: *limits, is_whole, watched: None };
        confinement.group.make(&Limits {
            memory_bytes: Some(limits.memory_bytes_max),
            processes: Some(limits.processes_max),
            ..Limits::default()
        })?;
        confinement.group.start_in(command)?;
        Ok(confinement)
    }

    /// Where there are no groups, programs take what they want.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn enter(&self, _command: &mut Command, _limits: &StepLimits) -> std::io::Result<Confinement> {
        Ok(Confinement {})
    }
}

/// The group of one line's programs; they end with it.
pub(crate) struct Confinement {
    #[cfg(target_os = "linux")]
    group: Group,
    #[cfg(target_os = "linux")]
    limits: StepLimits,
    /// Whether the group limits everything.
    #[cfg(target_os = "linux")]
    is_whole: bool,
    #[cfg(target_os = "linux")]
    watched: Option<Watched>,
}

impl Confinement {
    /// Its shell runs: what no group limits is looked at from here on.
    #[cfg_attr(not(target_os = "linux"), allow(unused_variables, clippy::unused_self))]
    pub(crate) fn started(&mut self, shell: u32) {
        #[cfg(target_os = "linux")]
        if !self.is_whole {
            self.watched = Some(Watched::new(shell, &self.limits));
        }
    }

    /// Whether its programs were stopped from taking more, or take more.
    pub(crate) fn excess(&mut self) -> Option<Excess> {
        #[cfg(target_os = "linux")]
        {
            if let Some(excess) = self.watched.as_mut().and_then(Watched::excess) {
                return Some(excess);
            }
            let memory = (self.group.memory_kills() > 0).then_some(Excess::Memory);
            memory.or_else(|| (self.group.refused_processes() > 0).then_some(Excess::Processes))
        }
        #[cfg(not(target_os = "linux"))]
        None
    }

    /// The same, for one whose shell has just ended badly: the rest is still there.
    pub(crate) fn excess_at_end(&mut self) -> Option<Excess> {
        #[cfg(target_os = "linux")]
        if let Some(watched) = &mut self.watched {
            return watched.look();
        }
        self.excess()
    }

    /// Kills whatever is in it.
    pub(crate) fn end(&self) {
        #[cfg(target_os = "linux")]
        {
            let _ = self.group.end();
            self.watched.as_ref().inspect(|watched| watched.end());
        }
    }
}

impl Drop for Confinement {
    fn drop(&mut self) {
        self.end();
    }
}
