//! A step's programs where control groups cannot be written: found, measured and ended by what `/proc` tells of them.
//!
//! The kernel refuses nothing here but processes (and those only where a step has a user namespace of its own): what
//! takes too much is noticed soon after.

use crate::confinement::Excess;
use crate::limits::StepLimits;
use seaworthy_host::linux::namespaces::MountNamespace;
use seaworthy_host::linux::procfs::{self, Stat, Usage};
use seaworthy_host::process::{self, Signal, signal_exactly};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// How often it is looked what programs take.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long programs that multiply are killed one after the other.
const END_WITHIN: Duration = Duration::from_secs(5);

/// The programs that a shell started.
#[derive(Debug)]
pub(crate) struct Watched {
    shell: u32,
    /// When the shell started.
    started: Option<u64>,
    /// The mount namespace that they share with nobody else; `None`: they have that of everybody, and are known by
    /// their group and by their parents.
    namespace: Option<MountNamespace>,
    looked: Option<Instant>,
    memory_bytes_max: u64,
    processes_max: u32,
}

impl Watched {
    /// Those of a shell that runs.
    pub(crate) fn new(shell: u32, limits: &StepLimits) -> Self {
        let namespace = MountNamespace::of(shell).ok().filter(|its| !its.has(std::process::id()));
        let StepLimits { memory_bytes_max, processes_max, .. } = *limits;
        let started = process::start_time(shell);
        Self { shell, started, namespace, looked: None, memory_bytes_max, processes_max }
    }

    /// What they take too much of, as far as it is time to look again.
    pub(crate) fn excess(&mut self) -> Option<Excess> {
        if self.looked.is_some_and(|looked| looked.elapsed() < LOOK_EVERY) {
            return None;
        }
        self.look()
    }

    /// What they take too much of now.
    pub(crate) fn look(&mut self) -> Option<Excess> {
        let members = self.members();
        let usages: Vec<(u32, Usage)> =
            members.iter().filter_map(|stat| Some((stat.pid, procfs::usage(stat.pid)?))).collect();
        // Counted after the look: one at many processes takes its time.
        self.looked = Some(Instant::now());
        // Those that have ended meanwhile, too; the kernel counts them until somebody waits for them.
        let more = usages.iter().map(|(_, usage)| usage.threads.saturating_sub(1));
        let threads = more.fold(u32::try_from(members.len()).unwrap_or(u32::MAX), u32::saturating_add);
        // Where the kernel refuses more, some of those that were refused have ended by now.
        if threads >= self.processes_max - self.processes_max / 10 {
            return Some(Excess::Processes);
        }
        let bytes = usages.iter().map(|(_, usage)| usage.own_bytes).fold(0, u64::saturating_add);
        // What is shared since a fork was counted for each; now it is not.
        let shared_once = |(pid, usage): &(u32, Usage)| procfs::proportional_bytes(*pid).unwrap_or(usage.own_bytes);
        let is_too_much = bytes > self.memory_bytes_max
            && usages.iter().map(shared_once).fold(0, u64::saturating_add) > self.memory_bytes_max;
        is_too_much.then_some(Excess::Memory)
    }

    /// Kills all of them, and those that they start meanwhile.
    pub(crate) fn end(&self) {
        let began = Instant::now();
        while began.elapsed() < END_WITHIN {
            let mut members = self.members();
            members.retain(|stat| stat.state != 'Z');
            if members.is_empty() {
                return;
            }
            // Those that are stopped start no others.
            for signal in [Signal::SIGSTOP, Signal::SIGKILL] {
                for member in &members {
                    let _ = signal_exactly(member.pid, member.start_time, signal);
                }
            }
        }
    }

    fn members(&self) -> Vec<Stat> {
        let mut all = procfs::all();
        let has_group = !all.iter().any(|stat| self.is_another(stat));
        let is_first = |stat: &&Stat| {
            let in_namespace = self.namespace.as_ref().is_some_and(|namespace| namespace.has(stat.pid));
            in_namespace || (has_group && (stat.pid == self.shell || stat.group == self.shell))
        };
        let mut members: BTreeSet<u32> = all.iter().filter(is_first).map(|stat| stat.pid).collect();
        // Children of children, however deep; of those in namespaces of their own, too.
        loop {
            let before = members.len();
            let children = all.iter().filter(|stat| members.contains(&stat.parent)).map(|stat| stat.pid);
            let children: Vec<u32> = children.collect();
            members.extend(children);
            if members.len() == before {
                break;
            }
        }
        all.retain(|stat| members.contains(&stat.pid));
        all
    }

    /// Somebody else has the shell's id. Nobody gets it while anybody is in the shell's group.
    fn is_another(&self, stat: &Stat) -> bool {
        stat.pid == self.shell && Some(stat.start_time) != self.started
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use seaworthy_host::process::command;
    use std::os::unix::process::CommandExt as _;
    use std::process::{Child, Stdio};

    fn shell(script: &str) -> Child {
        let mut shell = command("/bin/sh");
        shell.args(["-c", script]).env("PATH", "/usr/bin:/bin").stdin(Stdio::null()).stdout(Stdio::null());
        shell.process_group(0).spawn().expect("a shell")
    }

    fn watched(child: &Child, memory_bytes_max: u64, processes_max: u32) -> Watched {
        let limits = StepLimits { memory_bytes_max, processes_max, ..StepLimits::of_this_machine() };
        Watched::new(child.id(), &limits)
    }

    fn excess_of(script: &str, memory_bytes_max: u64, processes_max: u32) -> Option<Excess> {
        let mut child = shell(script);
        let mut watched = watched(&child, memory_bytes_max, processes_max);
        let began = Instant::now();
        let mut excess = None;
        while excess.is_none() && began.elapsed() < Duration::from_secs(20) {
            excess = watched.excess();
            if child.try_wait().is_ok_and(|status| status.is_some()) {
                break;
            }
        }
        watched.end();
        let _ = child.wait();
        let left = watched.members().into_iter().filter(|stat| stat.state != 'Z');
        assert_eq!(left.collect::<Vec<_>>(), [], "something is left");
        excess
    }

    #[test]
    fn those_who_take_too_much_are_found_and_ended_with_all_their_children() {
        assert_eq!(excess_of("x=xxxxxxxxxxxxxxxx; while :; do x=$x$x; done", 64 << 20, 1000), Some(Excess::Memory));
        let many = "for i in 1 2 3 4 5 6 7 8; do (sleep 300 & sleep 300) & done; wait";
        assert_eq!(excess_of(many, 1 << 40, 10), Some(Excess::Processes));
    }

    #[test]
    fn those_who_take_less_are_let_be() {
        assert_eq!(excess_of("sleep 0.5 & sleep 0.3; wait", 1 << 30, 100), None);
    }
}
