//! Every process that belongs to a home, as the kernel knows it.

use seaworthy_host::linux::procfs;
use seaworthy_host::process::{self, Signal};
use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::{fmt, fs};

/// What a process is to a home.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    Node,
    GatewayParent,
    GatewayWorker,
    Shim,
    /// A verb that somebody typed.
    Verb,
    /// A service, or something that it started.
    Program,
}

#[derive(Clone)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    pub(crate) parent: u32,
    pub(crate) role: Role,
    pub(crate) command: String,
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {} of {}: {}", self.role, self.pid, self.parent, self.command)
    }
}

/// Every live process that has the home in its environment, its command line, its folder or its open files, and all
/// below: what is in a sandbox knows of no home. The process 1 of a sandbox is the shim's, and is not told apart.
pub(crate) fn of_home(home: &Path) -> Vec<Process> {
    let live = procfs::all().into_iter().filter(|stat| !matches!(stat.state, 'Z' | 'X'));
    let other: Vec<_> = live.filter(|stat| stat.pid != std::process::id()).collect();
    let mut found: BTreeMap<u32, Process> = BTreeMap::new();
    for stat in other.iter().filter(|stat| mentions(stat.pid, home)) {
        found.insert(stat.pid, describe(stat.pid, stat.parent));
    }
    loop {
        let below = other.iter().filter(|stat| !found.contains_key(&stat.pid) && found.contains_key(&stat.parent));
        let below: Vec<Process> = below.map(|stat| describe(stat.pid, stat.parent)).collect();
        if below.is_empty() {
            break;
        }
        found.extend(below.into_iter().map(|process| (process.pid, process)));
    }
    let role = |pid: u32| found.get(&pid).map(|process| process.role);
    let first = |process: &&Process| process.role == Role::Shim && role(process.parent) == Some(Role::Shim);
    let firsts: Vec<u32> = found.values().filter(first).map(|process| process.pid).collect();
    found.into_values().filter(|process| !firsts.contains(&process.pid)).collect()
}

fn mentions(pid: u32, home: &Path) -> bool {
    let needle = home.as_os_str().as_bytes();
    let contains = |bytes: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    let file = |name: &str| fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
    let below = |path: PathBuf| fs::read_link(path).is_ok_and(|target| contains(target.as_os_str().as_bytes()));
    let folder = PathBuf::from(format!("/proc/{pid}"));
    contains(&file("cmdline"))
        || contains(&file("environ"))
        || below(folder.join("cwd"))
        || fs::read_dir(folder.join("fd")).is_ok_and(|mut all| all.any(|fd| fd.is_ok_and(|fd| below(fd.path()))))
}

fn describe(pid: u32, parent: u32) -> Process {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let words: Vec<String> = bytes.split(|b| *b == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect();
    let ours = words.first().is_some_and(|word| word == "seaworthy" || word.ends_with("/seaworthy"));
    let role = match words.iter().skip(1).map(String::as_str).collect::<Vec<_>>()[..] {
        _ if !ours => Role::Program,
        ["node", "run", ..] => Role::Node,
        ["gateway", ..] => Role::GatewayParent,
        ["gateway-worker", ..] => Role::GatewayWorker,
        ["shim", ..] => Role::Shim,
        _ => Role::Verb,
    };
    Process { pid, parent, role, command: words.join(" ") }
}

/// Ends a process as a power cut would.
pub(crate) fn kill(pid: u32) {
    assert!(process::signal(pid, Signal::SIGKILL).expect("permission to kill"), "process {pid} was gone already");
}

/// The same for one that may have ended by itself.
pub(crate) fn kill_if_there(pid: u32) {
    let _ = process::signal(pid, Signal::SIGKILL);
}

pub(crate) fn is_alive(pid: u32) -> bool {
    process::start_time(pid).is_some()
}

/// Whether a process is in the same network as this one.
pub(crate) fn shares_our_network(pid: u32) -> bool {
    let network = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/net")).ok();
    network(&pid.to_string()) == network("self")
}

/// The TCP ports on which these processes listen, each once per process.
pub(crate) fn listening_ports(processes: &[Process]) -> Vec<(u32, u16)> {
    let listening = listening_inodes();
    let mut found = Vec::new();
    for process in processes {
        let Ok(all) = fs::read_dir(format!("/proc/{}/fd", process.pid)) else { continue };
        for target in all.filter_map(|fd| fs::read_link(fd.ok()?.path()).ok()) {
            let target = target.to_string_lossy().into_owned();
            let inode = target.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']'));
            let port = listening.iter().find(|(known, _)| Some(known.as_str()) == inode).map(|(_, port)| *port);
            found.extend(port.map(|port| (process.pid, port)));
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// The inodes and ports of every listening TCP socket of the machine.
fn listening_inodes() -> Vec<(String, u16)> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| fs::read_to_string(path).unwrap_or_default());
    let lines = tables.iter().flat_map(|table| table.lines().skip(1));
    let listening = lines.filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let port = fields.get(1)?.rsplit_once(':')?.1;
        let port = u16::from_str_radix(port, 16).ok()?;
        (*fields.get(3)? == "0A").then(|| (fields.get(9).copied().unwrap_or_default().to_owned(), port))
    });
    listening.collect()
}
