//! Trying whether a sandbox can be made here.

use super::clone::{Forked, fork_into};
use super::{filter, identity, privileges, root};
use crate::capabilities::Capabilities;
use crate::linux::network::try_to_redirect;
use crate::wire::{SandboxLimits, SandboxSpec};
use nix::libc;
use nix::sys::wait::waitpid;
use nix::unistd::Pid;
use seaworthy_host::linux::cgroups::{Controller, Hierarchies};
use seaworthy_host::linux::loopback;
use seaworthy_host::{files, peer};
use std::collections::BTreeMap;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

const USER: u32 = 1000;

/// Makes one, in this process, which is good for nothing else afterwards.
pub(crate) fn capabilities() -> Capabilities {
    let hierarchies = Hierarchies::find();
    let own_users = peer::is_root();
    let folder = PathBuf::from(format!("/tmp/seaworthy-probe-{}", std::process::id()));
    let namespaces = identity::leave_the_network(USER).and_then(|()| Ok(loopback::bring_up()?));
    let needs_namespaces = || Err("there are no namespaces for it".to_owned());
    let root = match &namespaces {
        Ok(()) => in_a_child(|| root::build(&spec(&folder)?)),
        Err(_) => needs_namespaces(),
    };
    let _ = files::remove_tree(&folder);
    // What it makes is gone with the network of this process.
    let redirects = match &namespaces {
        Ok(()) => try_to_redirect().map_err(|error| error.to_string()),
        Err(_) => needs_namespaces(),
    };
    let filters = || privileges::never_more().and_then(|()| filter::apply(&filter::programs()?));
    Capabilities {
        own_users,
        root,
        filter: match &namespaces {
            Ok(()) => filters().map_err(|error| error.to_string()),
            Err(_) => needs_namespaces(),
        },
        namespaces: namespaces.map_err(|error| error.to_string()),
        memory: hierarchies.has(Controller::Memory),
        cpu: hierarchies.has(Controller::Cpu),
        processes: hierarchies.has(Controller::Processes),
        redirects,
    }
}

/// An empty layer.
fn spec(folder: &Path) -> io::Result<SandboxSpec> {
    let (layer, staging) = (folder.join("layer"), folder.join("root"));
    for path in [&layer, &staging] {
        files::create_directory(path, 0o700).map_err(io::Error::other)?;
    }
    Ok(SandboxSpec {
        hostname: "probe".to_owned(),
        layers: vec![layer],
        staging,
        user: USER,
        volumes: BTreeMap::new(),
        writable: BTreeMap::new(),
        hosts: Vec::new(),
        resolver: None,
        limits: SandboxLimits { memory_bytes: None, cpu_millis: None, processes: 1 },
        group: String::new(),
    })
}

/// Does something as the first process of new namespaces.
fn in_a_child(work: impl FnOnce() -> io::Result<()>) -> Result<(), String> {
    let attempt = || -> io::Result<String> {
        let (mut reader, mut writer) = io::pipe()?;
        let namespaces = libc::CLONE_NEWNS | libc::CLONE_NEWPID | libc::CLONE_NEWIPC | libc::CLONE_NEWUTS;
        // SAFETY: this role of the program has one thread.
        let Forked::Parent(pid) = unsafe { fork_into(namespaces) }? else {
            let why = work().err().map_or_else(String::new, |error| error.to_string());
            let _ = writer.write_all(why.as_bytes());
            std::process::exit(0)
        };
        drop(writer);
        let mut why = String::new();
        reader.read_to_string(&mut why)?;
        waitpid(Pid::from_raw(i32::try_from(pid).unwrap_or(i32::MAX)), None)?;
        Ok(why)
    };
    match attempt() {
        Ok(why) if why.is_empty() => Ok(()),
        Ok(why) => Err(why),
        Err(error) => Err(error.to_string()),
    }
}
