//! Who is at the other end of a Unix socket.

use nix::unistd::{Gid, Group, Uid, User};
use std::io;
use std::os::fd::AsFd;

/// The process that connected, as the kernel remembers it from then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Credentials {
    /// Its process id; 0 where the system does not tell.
    pub pid: u32,
    /// Its effective user id.
    pub uid: u32,
    /// Its effective group id.
    pub gid: u32,
}

/// Asks the kernel who is at the other end.
///
/// # Errors
/// What `getsockopt(2)` says.
#[cfg(target_os = "linux")]
pub fn credentials(socket: impl AsFd) -> io::Result<Credentials> {
    let peer = nix::sys::socket::getsockopt(&socket, nix::sys::socket::sockopt::PeerCredentials)?;
    Ok(Credentials { pid: peer.pid().unsigned_abs(), uid: peer.uid(), gid: peer.gid() })
}

/// Asks the kernel who is at the other end.
///
/// # Errors
/// What `getpeereid(3)` says.
#[cfg(not(target_os = "linux"))]
pub fn credentials(socket: impl AsFd) -> io::Result<Credentials> {
    let (uid, gid) = nix::unistd::getpeereid(&socket)?;
    Ok(Credentials { pid: 0, uid: uid.as_raw(), gid: gid.as_raw() })
}

/// The effective user id of this process.
#[must_use]
pub fn effective_uid() -> u32 {
    Uid::effective().as_raw()
}

/// Whether this process is root.
#[must_use]
pub fn is_root() -> bool {
    Uid::effective().is_root()
}

/// A user's name; `None` when nobody has that id.
#[must_use]
pub fn user_name(uid: u32) -> Option<String> {
    User::from_uid(Uid::from_raw(uid)).ok().flatten().map(|user| user.name)
}

/// The id of a group; `None` when there is none of that name.
#[must_use]
pub fn group_id(name: &str) -> Option<u32> {
    Group::from_name(name).ok().flatten().map(|group| group.gid.as_raw())
}

/// Whether a user belongs to a group, by primary group or by the group's list.
#[must_use]
pub fn is_member(uid: u32, gid: u32) -> bool {
    let Ok(Some(user)) = User::from_uid(Uid::from_raw(uid)) else { return false };
    let listed = |group: Group| group.mem.contains(&user.name);
    user.gid.as_raw() == gid || Group::from_gid(Gid::from_raw(gid)).ok().flatten().is_some_and(listed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    #[test]
    fn the_other_end_of_a_pair_is_this_process() {
        let (left, _right) = UnixStream::pair().unwrap();
        let peer = credentials(&left).unwrap();
        assert_eq!(peer.uid, effective_uid());
        #[cfg(target_os = "linux")]
        assert_eq!(peer.pid, std::process::id());
        assert_eq!(user_name(0).as_deref(), Some("root"));
        assert!(is_member(0, 0));
        assert!(!is_member(0, 0x3fff_ffff));
        assert!(!is_member(0x3fff_ffff, 0));
    }
}
