//! What this machine gives for sandboxes: found out by making one.

use crate::spawn::ShimCommand;
use seaworthy_diagnostics::Diagnostic;
use serde::{Deserialize, Serialize};
use std::process::Stdio;

/// What this machine gives to whoever asked. What is missing says why, in the system's words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    /// Services get user ids of their own: this process is root's.
    pub own_users: bool,
    /// Namespaces; by root without, else with a user namespace.
    pub namespaces: Result<(), String>,
    /// A root that is joined from layers, with its own `/proc` and `/dev`.
    pub root: Result<(), String>,
    /// Filters of system calls.
    pub filter: Result<(), String>,
    /// `memory` can be limited.
    pub memory: bool,
    /// `cpu` can be limited.
    pub cpu: bool,
    /// The number of processes can be limited.
    pub processes: bool,
    /// Connections can be sent elsewhere inside an instance (nftables, in the kernel and as the program `nft`).
    pub redirects: Result<(), String>,
}

/// One line about a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CapabilityFinding {
    /// The part.
    pub what: &'static str,
    /// Whether it is there.
    pub good: bool,
    /// How it is.
    pub says: String,
    /// How to get it, where it is missing.
    pub help: Option<String>,
}

impl Capabilities {
    /// Nothing, and why.
    #[must_use]
    pub fn none(why: &str) -> Self {
        let missing = || Err(why.to_owned());
        Self {
            own_users: false,
            namespaces: missing(),
            root: missing(),
            filter: missing(),
            memory: false,
            cpu: false,
            processes: false,
            redirects: missing(),
        }
    }

    /// Finds out, in a process of its own: some milliseconds.
    #[must_use]
    pub fn find(shim: &ShimCommand) -> Self {
        let output = shim.command_for(Some("capabilities")).stdin(Stdio::null()).stderr(Stdio::null()).output();
        match output {
            Ok(output) => serde_json::from_slice(&output.stdout)
                .unwrap_or_else(|_| Self::none("the process that was to try it ended without a word")),
            Err(error) => Self::none(&error.to_string()),
        }
    }

    /// Whether instances can have sandboxes. Limits are not needed for one.
    ///
    /// # Errors
    /// What is missing, and how to get it.
    pub fn sandbox(&self) -> Result<(), Diagnostic> {
        let missing = self.findings().into_iter().find(|finding| finding.is_needed() && !finding.good);
        let Some(finding) = missing else { return Ok(()) };
        let message = format!("this machine gives no sandbox: {}: {}", finding.what, finding.says);
        let diagnostic = Diagnostic::machine(message);
        Err(match finding.help {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        })
    }

    /// A line for each part.
    #[must_use]
    pub fn findings(&self) -> Vec<CapabilityFinding> {
        let tried = |what, result: &Result<(), String>, help: &dyn Fn() -> String| CapabilityFinding {
            what,
            good: result.is_ok(),
            says: result.as_ref().err().cloned().unwrap_or_else(|| "there".to_owned()),
            help: result.is_err().then(help),
        };
        let limits = [("memory", self.memory), ("cpu", self.cpu), ("processes", self.processes)];
        let missing: Vec<&str> = limits.iter().filter(|(_, there)| !there).map(|(name, _)| *name).collect();
        let missing = missing.join(", ");
        let limited = if missing.is_empty() { Ok(()) } else { Err(format!("no limit for {missing}")) };
        let users = if self.own_users { Ok(()) } else { Err("not root: services run as you".to_owned()) };
        vec![
            tried(NAMESPACES, &self.namespaces, &help_for_namespaces),
            tried(ROOT, &self.root, &|| {
                "overlay file systems in user namespaces need Linux 5.11; a node of root's needs Linux 5.2".to_owned()
            }),
            tried(FILTER, &self.filter, &|| "the kernel must have CONFIG_SECCOMP_FILTER".to_owned()),
            tried("limits", &limited, &|| help_for_limits(self.own_users)),
            tried("users of their own", &users, &|| {
                "the sandbox keeps services apart, and they have one user outside; a node run by root gives each its own"
                    .to_owned()
            }),
            tried("nftables", &self.redirects, &|| {
                "install `nft` (package `nftables`), or `modprobe nf_tables`: without it no service can call another on a \
                 port number that both have"
                    .to_owned()
            }),
        ]
    }
}

const NAMESPACES: &str = "namespaces";
const ROOT: &str = "root of layers";
const FILTER: &str = "filter of system calls";

impl CapabilityFinding {
    fn is_needed(&self) -> bool {
        [NAMESPACES, ROOT, FILTER].contains(&self.what)
    }
}

/// The setting of the kernel that is in the way, as far as it can be seen.
fn help_for_namespaces() -> String {
    let setting = |name: &str| std::fs::read_to_string(format!("/proc/sys/{name}")).unwrap_or_default();
    let (no, yes) = ("0", "1");
    if setting("user/max_user_namespaces").trim() == no {
        return "`sysctl user.max_user_namespaces=15000`".to_owned();
    }
    if setting("kernel/unprivileged_userns_clone").trim() == no {
        return "`sysctl kernel.unprivileged_userns_clone=1`, or let root run the node".to_owned();
    }
    if setting("kernel/apparmor_restrict_unprivileged_userns").trim() == yes {
        return "`sysctl kernel.apparmor_restrict_unprivileged_userns=0`, or let root run the node".to_owned();
    }
    "let root run the node; in a container, give it CAP_SYS_ADMIN".to_owned()
}

fn help_for_limits(root: bool) -> String {
    if root {
        "mount control groups: `mount -t cgroup2 none /sys/fs/cgroup`, with the controllers memory, cpu and pids"
            .to_owned()
    } else {
        "a node run by root can set them; your own only in a unit with `Delegate=yes` (`systemctl --user`)".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_says_how_to_get_it() {
        let mut all = Capabilities::none("Operation not permitted");
        let refusal = all.sandbox().unwrap_err();
        assert_eq!(refusal.message, "this machine gives no sandbox: namespaces: Operation not permitted");
        assert!(refusal.help.is_some());
        assert!(all.findings().iter().all(|finding| !finding.good && finding.help.is_some()));
        (all.namespaces, all.root, all.filter, all.cpu) = (Ok(()), Ok(()), Ok(()), true);
        assert!(all.sandbox().is_ok(), "a sandbox without limits is one");
        assert!(all.findings().iter().any(|finding| finding.says == "no limit for memory, processes"));
    }
}
