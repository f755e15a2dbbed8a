//! One group.

use super::hierarchies::{Version, make};
use super::{CPU_WEIGHT_USUAL, Controller, Hierarchies, Limits};
use crate::process::{self, Signal};
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// The time in which a share of a core is counted (`cpu.cfs_period_us`, the second number of `cpu.max`).
const PERIOD_MICROS: u64 = 100_000;
/// What `cpu.shares` is for [`CPU_WEIGHT_USUAL`] (cgroup version 1).
const SHARES_USUAL: u64 = 1024;
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

    /// Makes a command start in it: none of its instructions runs outside. Call it before what moves the command into
    /// namespaces. The group must not be removed before the command has been started.
    ///
    /// # Errors
    /// When there is no such group, or this process may not add to it.
    pub fn start_in(&self, command: &mut Command) -> io::Result<()> {
        let open = |folder: &Path| OpenOptions::new().write(true).open(folder.join("cgroup.procs"));
        let lists = self.paths().into_iter().map(open).collect::<io::Result<Vec<File>>>()?;
        // `0` is whoever writes it (cgroups(7)).
        let join = move || lists.iter().try_for_each(|list| (&mut &*list).write_all(b"0"));
        // SAFETY: between fork and exec the child writes to files that are open, and allocates nothing.
        unsafe { command.pre_exec(join) };
        Ok(())
    }

    /// How often the kernel has killed one of its processes because of its memory limit.
    #[must_use]
    pub fn memory_kills(&self) -> u64 {
        self.count(Controller::Memory, |version| match version {
            Version::One => ("memory.oom_control", "oom_kill "),
            Version::Two => ("memory.events", "oom_kill "),
        })
    }

    /// How often a process could not be made because there were as many as allowed.
    #[must_use]
    pub fn refused_processes(&self) -> u64 {
        self.count(Controller::Processes, |_| ("pids.events", "max "))
    }

    /// A number that the kernel keeps: the rest of the line that begins like this, in that file.
    fn count(&self, of: Controller, place: impl Fn(Version) -> (&'static str, &'static str)) -> u64 {
        let found = self.folders.iter().find(|(controller, ..)| *controller == of);
        let Some((_, version, folder)) = found else { return 0 };
        let (file, beginning) = place(*version);
        let text = fs::read_to_string(folder.join(file)).unwrap_or_default();
        let count = text.lines().find_map(|line| line.strip_prefix(beginning));
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
        self.close();
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

    /// Lets no more processes be made: whatever forks without end could otherwise do so faster than it is killed.
    fn close(&self) {
        let processes = self.folders.iter().filter(|(controller, ..)| *controller == Controller::Processes);
        for (.., folder) in processes {
            let _ = write(&folder.join("pids.max"), "0"); // it may be gone already
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
fn settings(controller: Controller, version: Version, limits: &Limits) -> Vec<(&'static str, String, bool)> {
    let quota = |millis: u32| u64::from(millis) * PERIOD_MICROS / 1000;
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
        (Controller::Cpu, version) => {
            let most = limits.cpu_millis.map(|millis| match version {
                Version::One => vec![
                    ("cpu.cfs_period_us", PERIOD_MICROS.to_string(), true),
                    ("cpu.cfs_quota_us", quota(millis).max(1000).to_string(), true),
                ],
                Version::Two => vec![("cpu.max", format!("{} {PERIOD_MICROS}", quota(millis).max(1000)), true)],
            });
            let share = limits.cpu_weight.map(|weight| match version {
                Version::One => ("cpu.shares", shares(weight).to_string(), true),
                Version::Two => ("cpu.weight", weight.clamp(1, 10_000).to_string(), true),
            });
            most.into_iter().flatten().chain(share).collect()
        }
        (Controller::Processes, _) => {
            limits.processes.map(|processes| vec![("pids.max", processes.to_string(), true)]).unwrap_or_default()
        }
    }
}

/// Version 1's measure of a weight; the kernel takes no less than 2.
fn shares(weight: u32) -> u64 {
    (u64::from(weight) * SHARES_USUAL / u64::from(CPU_WEIGHT_USUAL)).max(2)
}

/// The kernel takes a value in one `write`.
pub(super) fn write(path: &Path, value: &str) -> io::Result<()> {
    OpenOptions::new().write(true).open(path)?.write_all(value.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Stdio;

    #[test]
    fn each_version_has_its_own_files() {
        let limits =
            Limits { memory_bytes: Some(64 << 20), cpu_millis: Some(250), cpu_weight: Some(25), processes: Some(100) };
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
        cpu.shares = 256
        pids.max = 100
        memory.max = 67108864
        memory.swap.max = 0
        cpu.max = 25000 100000
        cpu.weight = 25
        pids.max = 100
        ");
        assert!(Controller::ALL.iter().all(|one| settings(*one, Version::Two, &Limits::default()).is_empty()));
    }

    /// A group of this test alone.
    fn group(name: &str, needs: Controller, limits: &Limits) -> Group {
        let hierarchies = Hierarchies::find();
        assert!(hierarchies.has(needs), "this test makes groups: run it as root, where cgroups can be written");
        let group = Group::named(&hierarchies, &format!("test-{name}-{}", std::process::id()));
        group.make(limits).unwrap();
        group
    }

    fn shell(script: &str) -> Command {
        let mut command = process::command("/bin/sh");
        command.args(["-c", script]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    #[test]
    fn a_group_holds_processes_and_goes_with_them() {
        let limits = Limits { processes: Some(10), ..Limits::default() };
        let group = group("holds", Controller::Processes, &limits);
        let mut child = process::command("/bin/cat").stdin(Stdio::piped()).spawn().unwrap();
        group.add(child.id()).unwrap();
        assert_eq!(group.members(), [child.id()]);
        assert_eq!(group.memory_kills(), 0);
        // Waiting closes its standard input, which would end it by itself.
        let stdin = child.stdin.take();
        let reaper = std::thread::spawn(move || child.wait());
        group.end().unwrap();
        drop(stdin);
        assert!(!reaper.join().unwrap().unwrap().success());
        assert!(group.paths().iter().all(|folder| !folder.exists()));
        group.end().unwrap();
    }

    #[test]
    fn a_command_is_in_its_group_from_its_first_instruction() {
        let limits = Limits { processes: Some(10), cpu_weight: Some(10), ..Limits::default() };
        let group = group("starts", Controller::Processes, &limits);
        let mut command = shell("cat /proc/self/cgroup");
        group.start_in(&mut command).unwrap();
        let output = command.stdout(Stdio::piped()).output().unwrap();
        let own = String::from_utf8(output.stdout).unwrap();
        assert!(own.lines().any(|line| line.ends_with(&format!("/test-starts-{}", std::process::id()))), "{own}");
        group.end().unwrap();
        assert!(group.start_in(&mut shell("true")).is_err(), "there is no such group any more");
    }

    #[test]
    fn what_forks_without_end_ends_with_its_group() {
        let limits = Limits { processes: Some(50), ..Limits::default() };
        let group = group("forks", Controller::Processes, &limits);
        let mut command = shell("f() { while :; do f & done; }; f");
        group.start_in(&mut command).unwrap();
        let mut child = command.spawn().unwrap();
        let until = Instant::now() + Duration::from_secs(20);
        while group.refused_processes() == 0 {
            assert!(Instant::now() < until, "it was never refused");
            std::thread::sleep(Duration::from_millis(1));
        }
        assert!(group.members().len() <= 50);
        let reaper = std::thread::spawn(move || child.wait());
        group.end().unwrap();
        reaper.join().unwrap().unwrap();
        assert!(group.members().is_empty());
    }

    #[test]
    fn what_takes_more_memory_than_allowed_is_killed_and_counted() {
        let limits = Limits { memory_bytes: Some(16 << 20), ..Limits::default() };
        let group = group("memory", Controller::Memory, &limits);
        let mut command = shell("x=xxxxxxxxxxxxxxxx; while :; do x=$x$x; done");
        group.start_in(&mut command).unwrap();
        assert!(!command.status().unwrap().success());
        assert_eq!(group.memory_kills(), 1);
        group.end().unwrap();
    }
    #[test]
    fn what_computes_without_end_gets_its_share_and_no_more() {
        let limits = Limits { cpu_millis: Some(100), ..Limits::default() };
        let group = group("computes", Controller::Cpu, &limits);
        let mut command = shell("while :; do :; done");
        group.start_in(&mut command).unwrap();
        let mut child = command.spawn().unwrap();
        let until = Instant::now() + Duration::from_secs(20);
        let held_back = || {
            group.paths().iter().any(|folder| {
                let counts = fs::read_to_string(folder.join("cpu.stat")).unwrap_or_default();
                let times = counts.lines().find_map(|line| line.strip_prefix("nr_throttled "));
                times.is_some_and(|times| times != "0")
            })
        };
        while !held_back() {
            assert!(Instant::now() < until, "it was never held back");
            std::thread::sleep(Duration::from_millis(1));
        }
        let reaper = std::thread::spawn(move || child.wait());
        group.end().unwrap();
        reaper.join().unwrap().unwrap();
    }
}
