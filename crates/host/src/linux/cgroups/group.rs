//! One group.

use super::hierarchies::{Version, make};
use super::{Controller, Hierarchies, Limits};
use crate::process::{self, Signal};
use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The time in which a share of a core is counted (`cpu.cfs_period_us`, the second number of `cpu.max`).
const PERIOD_MICROS: u64 = 100_000;
/// How long a group whose last process has just ended may stay busy.
const BUSY_FOR: Duration = Duration::from_secs(1);

/// A group: a folder in each hierarchy. Dropping it removes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    folders: Vec<(Controller, Version, PathBuf)>,
}

impl Group {
    /// The group of this name, whether it exists or not. Names are unique on a machine and contain no `/`.
    #[must_use]
    pub fn named(hierarchies: &Hierarchies, name: &str) -> Self {
        let folder = |(controller, place): (&Controller, &super::hierarchies::Place)| {
            (*controller, place.version, place.folder.join(name))
        };
        Self { folders: hierarchies.places.iter().map(folder).collect() }
    }

    /// Makes it and sets its limits.
    ///
    /// # Errors
    /// When a limit cannot be set; one without its controller is no error ([`Hierarchies::has`] tells).
    pub fn make(&self, limits: &Limits) -> io::Result<()> {
        for (controller, version, folder) in &self.folders {
            make(folder)?;
            for (file, value, required) in settings(*controller, *version, limits) {
                let path = folder.join(file);
                match write(&path, &value) {
                    Err(error) if required => {
                        return Err(io::Error::new(error.kind(), format!("{}: {error}", path.display())));
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// Moves a process into it; its children follow.
    ///
    /// # Errors
    /// When there is no such group, or the process is gone.
    pub fn add(&self, pid: u32) -> io::Result<()> {
        self.paths().into_iter().try_for_each(|folder| write(&folder.join("cgroup.procs"), &pid.to_string()))
    }

    /// How often the kernel has killed one of its processes because of its memory limit.
    #[must_use]
    pub fn memory_kills(&self) -> u64 {
        let memory = self.folders.iter().find(|(controller, ..)| *controller == Controller::Memory);
        let Some((_, version, folder)) = memory else { return 0 };
        let file = if *version == Version::One { "memory.oom_control" } else { "memory.events" };
        let text = fs::read_to_string(folder.join(file)).unwrap_or_default();
        let count = text.lines().find_map(|line| line.strip_prefix("oom_kill "));
        count.and_then(|count| count.trim().parse().ok()).unwrap_or(0)
    }

    /// Its processes.
    #[must_use]
    pub fn members(&self) -> Vec<u32> {
        let lists = self.paths().into_iter().map(|folder| fs::read_to_string(folder.join("cgroup.procs")));
        let members: BTreeSet<u32> = lists.flatten().flat_map(|list| numbers(&list)).collect();
        members.into_iter().collect()
    }

    /// Kills what is in it, and removes it.
    ///
    /// # Errors
    /// When processes do not end.
    pub fn end(&self) -> io::Result<()> {
        let until = Instant::now() + BUSY_FOR;
        loop {
            for pid in self.members() {
                let _ = process::signal(pid, Signal::SIGKILL);
            }
            let mut left = Ok(());
            for folder in self.paths() {
                match fs::remove_dir(folder) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => left = Err(error),
                    _ => {}
                }
            }
            if left.is_ok() || Instant::now() >= until {
                return left;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Each folder once: controllers may share one.
    fn paths(&self) -> BTreeSet<&Path> {
        self.folders.iter().map(|(_, _, folder)| folder.as_path()).collect()
    }
}

fn numbers(list: &str) -> Vec<u32> {
    list.lines().filter_map(|line| line.trim().parse().ok()).collect()
}

/// File, value, and whether it must be possible.
type Written = (&'static str, String, bool);

fn settings(controller: Controller, version: Version, limits: &Limits) -> Vec<Written> {
    match (controller, version) {
        (Controller::Memory, Version::One) => {
            let Some(bytes) = limits.memory_bytes else { return Vec::new() };
            // The sum of both is limited where swap is counted at all. It may never be the smaller of the two.
            vec![
                ("memory.limit_in_bytes", bytes.to_string(), true),
                ("memory.memsw.limit_in_bytes", bytes.to_string(), false),
            ]
        }
        (Controller::Memory, Version::Two) => {
            let Some(bytes) = limits.memory_bytes else { return Vec::new() };
            vec![("memory.max", bytes.to_string(), true), ("memory.swap.max", "0".to_owned(), false)]
        }
        (Controller::Cpu, version) => cpu(version, limits),
        (Controller::Processes, _) => {
            limits.processes.map(|processes| vec![("pids.max", processes.to_string(), true)]).unwrap_or_default()
        }
    }
}

fn cpu(version: Version, limits: &Limits) -> Vec<Written> {
    let mut settings = Vec::new();
    if let Some(millis) = limits.cpu_millis {
        let quota = (u64::from(millis) * PERIOD_MICROS / 1000).max(1000);
        match version {
            Version::One => {
                settings.push(("cpu.cfs_period_us", PERIOD_MICROS.to_string(), true));
                settings.push(("cpu.cfs_quota_us", quota.to_string(), true));
            }
            Version::Two => settings.push(("cpu.max", format!("{quota} {PERIOD_MICROS}"), true)),
        }
    }
    if let Some(weight) = limits.cpu_weight {
        settings.push(match version {
            // A group that says nothing has 1024 of these.
            Version::One => ("cpu.shares", (u64::from(weight) * 1024 / 100).max(2).to_string(), false),
            Version::Two => ("cpu.weight", weight.clamp(1, 10_000).to_string(), false),
        });
    }
    settings
}

/// The kernel takes a value in one `write`.
pub(super) fn write(path: &Path, value: &str) -> io::Result<()> {
    OpenOptions::new().write(true).open(path)?.write_all(value.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_has_its_own_files() {
        let limits =
            Limits { memory_bytes: Some(64 << 20), cpu_millis: Some(250), cpu_weight: Some(10), processes: Some(100) };
        let mut shown = Vec::new();
        for version in [Version::One, Version::Two] {
            for controller in Controller::ALL {
                let settings = settings(controller, version, &limits);
                shown.extend(settings.iter().map(|(file, value, _)| format!("{file} = {value}")));
            }
        }
        insta::assert_snapshot!(shown.join("\n"), @r"
        memory.limit_in_bytes = 67108864
        memory.memsw.limit_in_bytes = 67108864
        cpu.cfs_period_us = 100000
        cpu.cfs_quota_us = 25000
        cpu.shares = 102
        pids.max = 100
        memory.max = 67108864
        memory.swap.max = 0
        cpu.max = 25000 100000
        cpu.weight = 10
        pids.max = 100
        ");
        assert!(Controller::ALL.iter().all(|one| settings(*one, Version::Two, &Limits::default()).is_empty()));
    }

    /// Where this machine lets us.
    #[test]
    fn a_group_holds_processes_and_goes_with_them() {
        let hierarchies = Hierarchies::find();
        if !hierarchies.has(Controller::Processes) {
            return;
        }
        let group = Group::named(&hierarchies, &format!("test-{}", std::process::id()));
        group.make(&Limits { processes: Some(10), ..Limits::default() }).unwrap();
        let mut child = process::command("/bin/cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        group.add(child.id()).unwrap();
        assert_eq!(group.members(), [child.id()]);
        assert_eq!(group.memory_kills(), 0);
        let reaper = std::thread::spawn(move || child.wait());
        group.end().unwrap();
        assert!(!reaper.join().unwrap().unwrap().success());
        assert!(group.paths().iter().all(|folder| !folder.exists()));
        group.end().unwrap();
    }
}
