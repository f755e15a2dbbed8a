//! What this machine gives for keeping jobs apart.

#[cfg(target_os = "linux")]
use seaworthy_host::linux::cgroups::{Controller, Hierarchies};
use seaworthy_host::peer;

/// What is there of a limit where control groups cannot be written.
const MEMORY_MISSING: &str = if cfg!(target_os = "linux") {
    "the memory of builds is looked at ten times a second, not limited: control groups cannot be written"
} else {
    "builds have no limit of memory: there are no control groups"
};
/// The same of processes.
const PROCESSES_MISSING: &str = if cfg!(target_os = "linux") {
    "the processes of builds are counted ten times a second: control groups cannot be written"
} else {
    "builds have no limit of processes of their own: there are no control groups"
};

/// What this machine gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Walls {
    /// Users other than this process's own.
    pub users: bool,
    /// A root and processes of its own.
    pub namespaces: bool,
    /// A limit of memory.
    pub memory: bool,
    /// A limit of processes.
    pub processes: bool,
    /// Where control groups can be written.
    #[cfg(target_os = "linux")]
    pub(crate) hierarchies: Hierarchies,
}

impl Walls {
    /// Finds out, by trying.
    #[must_use]
    pub fn find() -> Self {
        #[cfg(target_os = "linux")]
        {
            let hierarchies = Hierarchies::find();
            Self {
                users: peer::is_root(),
                namespaces: has_namespaces(),
                memory: hierarchies.has(Controller::Memory),
                processes: hierarchies.has(Controller::Processes),
                hierarchies,
            }
        }
        #[cfg(not(target_os = "linux"))]
        Self { users: peer::is_root(), namespaces: false, memory: false, processes: false }
    }

    /// What is missing, a line each.
    #[must_use]
    pub fn missing(&self) -> Vec<&'static str> {
        let all = [
            (self.namespaces, "builds see this machine's files: it gives no namespaces"),
            (self.users, "builds run as the node's own user: the node is not root's"),
            (self.memory, MEMORY_MISSING),
            (self.processes, PROCESSES_MISSING),
        ];
        all.into_iter().filter(|(there, _)| !there).map(|(_, line)| line).collect()
    }
}

#[cfg(target_os = "linux")]
fn has_namespaces() -> bool {
    seaworthy_host::linux::private_root::PrivateRoot::prepare(&[], &[]).is_ok()
}
