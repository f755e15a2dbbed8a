//! A server that is measured from outside: by what `/proc` says of it and of the processes below it.

use super::failed;
use crate::failure::Failure;
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

const START_TIMEOUT: Duration = Duration::from_secs(15);

/// A server; it ends, with those below it, when this is dropped.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
}

impl Server {
    pub(super) fn start(mut command: Command) -> Result<Self, Failure> {
        let name = command.get_program().to_string_lossy().into_owned();
        Ok(Self { child: command.spawn().map_err(failed(&name))? })
    }

    /// Waits until somebody accepts there.
    pub(super) fn wait_for(&mut self, address: SocketAddr) -> Result<(), Failure> {
        let deadline = Instant::now() + START_TIMEOUT;
        while TcpStream::connect(address).is_err() {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(Failure::Bench(format!("a server ended at once: {status}")));
            }
            if Instant::now() > deadline {
                return Err(Failure::Bench(format!("nobody accepts on {address}")));
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// User and system time of the whole tree, in seconds, to a hundredth.
    pub(super) fn cpu_seconds(&self) -> f64 {
        tree(self.child.id()).into_iter().map(cpu_seconds).sum()
    }

    /// The tree's part of the memory, shared pages divided among those who share them.
    pub(super) fn memory_bytes(&self) -> u64 {
        tree(self.child.id()).into_iter().map(proportional_bytes).sum()
    }

    /// The part of the memory of the server alone, without those below it.
    pub(super) fn own_memory_bytes(&self) -> u64 {
        proportional_bytes(self.child.id())
    }
}

/// User and system time of a process, in seconds, to a hundredth.
pub(super) fn cpu_seconds(pid: u32) -> f64 {
    stat(pid).map_or(0.0, |stat| stat.ticks as f64 / 100.0)
}

impl Drop for Server {
    fn drop(&mut self) {
        // The root first: a supervisor would start its children again.
        for pid in tree(self.child.id()) {
            let _ = crate::shell::capture("/".as_ref(), &["kill", "-KILL", &pid.to_string()]);
        }
        let _ = self.child.wait();
    }
}

struct Stat {
    parent: u32,
    /// Of 1/100 s: `USER_HZ` is 100 wherever Linux runs.
    ticks: u64,
}

fn stat(pid: u32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is a name in brackets that may hold anything; the third comes after the last bracket.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    Some(Stat { parent: fields.get(1)?.parse().ok()?, ticks })
}

/// A process and those below it, parents first.
pub(super) fn tree(root: u32) -> Vec<u32> {
    let all: Vec<(u32, u32)> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, stat(pid)?.parent)))
        .collect();
    let mut tree = vec![root];
    let mut next = 0;
    while let Some(parent) = tree.get(next).copied() {
        tree.extend(all.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid));
        next += 1;
    }
    tree
}

/// PSS of one process; 0 when it is gone.
pub(super) fn proportional_bytes(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_a_parent_time_and_memory() {
        let own = std::process::id();
        assert!(stat(own).is_some_and(|stat| stat.parent > 0));
        assert!(tree(own).starts_with(&[own]));
        assert!(proportional_bytes(own) > 0);
        assert_eq!(proportional_bytes(u32::MAX), 0);
    }
}
