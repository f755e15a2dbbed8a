//! Descriptors sent over Unix sockets (`SCM_RIGHTS`, unix(7)).

use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, recvmsg, sendmsg};
use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;

/// The most descriptors that one message can carry.
pub const DESCRIPTORS_MAX: usize = 64;

/// Sends bytes (at least one) and descriptors as one message; returns how many of the bytes went.
///
/// # Errors
/// What `sendmsg(2)` says.
pub fn send(socket: &UnixStream, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<usize> {
    if bytes.is_empty() || descriptors.len() > DESCRIPTORS_MAX {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let raw: Vec<RawFd> = descriptors.iter().map(|d| d.as_raw_fd()).collect();
    let rights = [ControlMessage::ScmRights(&raw)];
    let control = if raw.is_empty() { &[][..] } else { &rights[..] };
    Ok(sendmsg::<()>(socket.as_raw_fd(), &[IoSlice::new(bytes)], control, no_signal(), None)?)
}

/// Receives one message; the descriptors are closed in children. 0 bytes: the other side has closed.
///
/// # Errors
/// What `recvmsg(2)` says; `InvalidData` when there were more than [`DESCRIPTORS_MAX`] descriptors.
pub fn receive(socket: &impl AsFd, bytes: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
    let mut control = nix::cmsg_space!([RawFd; DESCRIPTORS_MAX]);
    let mut slices = [IoSliceMut::new(bytes)];
    let message = recvmsg::<()>(socket.as_fd().as_raw_fd(), &mut slices, Some(&mut control), close_in_children())?;
    let mut descriptors = Vec::new();
    let control_messages = message.cmsgs().map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
    for control_message in control_messages {
        if let ControlMessageOwned::ScmRights(raw) = control_message {
            // SAFETY: the kernel has just made these descriptors for us and nobody else knows their numbers.
            descriptors.extend(raw.into_iter().map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }));
        }
    }
    Ok((message.bytes, descriptors))
}

#[cfg(target_os = "linux")]
fn no_signal() -> MsgFlags {
    MsgFlags::MSG_NOSIGNAL
}

#[cfg(target_os = "linux")]
fn close_in_children() -> MsgFlags {
    MsgFlags::MSG_CMSG_CLOEXEC
}

#[cfg(not(target_os = "linux"))]
fn no_signal() -> MsgFlags {
    MsgFlags::empty()
}

#[cfg(not(target_os = "linux"))]
fn close_in_children() -> MsgFlags {
    MsgFlags::empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};

    #[test]
    fn a_pipe_arrives_and_works() {
        let (left, right) = UnixStream::pair().unwrap();
        let (mut reader, writer) = std::io::pipe().unwrap();
        assert_eq!(send(&left, b"x", &[writer.as_fd()]).unwrap(), 1);
        drop(writer);
        let mut bytes = [0; 8];
        let (count, descriptors) = receive(&right, &mut bytes).unwrap();
        assert_eq!((count, descriptors.len()), (1, 1));
        for descriptor in descriptors {
            std::fs::File::from(descriptor).write_all(b"hello").unwrap();
        }
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "hello");
    }

    #[test]
    fn no_descriptors_and_a_closed_peer_are_no_errors() {
        let (left, right) = UnixStream::pair().unwrap();
        send(&left, b"only bytes", &[]).unwrap();
        drop(left);
        let mut bytes = [0; 32];
        assert_eq!(receive(&right, &mut bytes).unwrap().0, 10);
        assert_eq!(receive(&right, &mut bytes).unwrap().0, 0);
    }
}
