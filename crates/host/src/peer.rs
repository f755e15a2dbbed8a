//! Who is at the other end of a Unix socket.

use nix::unistd::{Uid, User};
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
pub fn credentials(socket: &impl AsFd) -> io::Result<Credentials> {
    let peer = nix::sys::socket::getsockopt(socket, nix::sys::socket::sockopt::PeerCredentials)?;
    Ok(Credentials { pid: peer.pid().unsigned_abs(), uid: peer.uid(), gid: peer.gid() })
}

/// Asks the kernel who is at the other end.
///
/// # Errors
/// What `getpeereid(3)` says.
#[cfg(not(target_os = "linux"))]
pub fn credentials(socket: &impl AsFd) -> io::Result<Credentials> {
    let (uid, gid) = nix::unistd::getpeereid(socket)?;
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

/// A user's name; the number as text when it has none.
#[must_use]
pub fn user_name(uid: u32) -> String {
    match User::from_uid(Uid::from_raw(uid)) {
        Ok(Some(user)) => user.name,
        _ => uid.to_string(),
    }
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
        assert_eq!(user_name(0), "root");
    }
}
