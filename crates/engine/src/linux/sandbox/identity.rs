//! Whose rights the shim has inside: root's own, or those of a user namespace.

use super::failure::Context as _;
use rustix::thread::UnshareFlags;
use seaworthy_host::peer;
use std::fs::File;
use std::io::{self, Write as _};

/// Leaves the machine's network. Only root may do that; whoever is not makes a user namespace first, in which the one
/// id that there is stands for the service's.
pub(super) fn leave_the_network(user: u32) -> io::Result<()> {
    let (uid, gid) = (peer::effective_uid(), nix::unistd::getegid().as_raw());
    let own = if peer::is_root() { UnshareFlags::empty() } else { UnshareFlags::NEWUSER };
    // SAFETY: no descriptor table is unshared, which is what can go wrong here.
    unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNET | own) }?;
    if own.is_empty() {
        return Ok(());
    }
    // Without it nobody unprivileged may map a group (user_namespaces(7)): groups could be dropped to gain access.
    write("/proc/self/setgroups", "deny")?;
    write("/proc/self/uid_map", &format!("{user} {uid} 1"))?;
    write("/proc/self/gid_map", &format!("{user} {gid} 1"))
}

fn write(path: &str, text: &str) -> io::Result<()> {
    File::options().write(true).open(path).and_then(|mut file| file.write_all(text.as_bytes())).context(path)
}
