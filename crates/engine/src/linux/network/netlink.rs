//! Addresses for the loopback of a new namespace, over rtnetlink(7): a crate for the whole of it would be asynchronous
//! and larger than the shim.

use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recv, sendto, socket};
use std::io;
use std::net::IpAddr;
use std::os::fd::AsRawFd as _;

/// In every new network namespace `lo` is the first interface.
const LOOPBACK_INDEX: u32 = 1;
/// `struct nlmsghdr`.
const HEADER_BYTES: usize = 16;

/// Gives `lo` one more address, and nothing beside it.
pub(super) fn add_address(address: IpAddr) -> io::Result<()> {
    let (family, octets) = match address {
        IpAddr::V4(address) => (libc::AF_INET, address.octets().to_vec()),
        IpAddr::V6(address) => (libc::AF_INET6, address.octets().to_vec()),
    };
    let prefix_bits = u8::try_from(octets.len() * 8).unwrap_or(u8::MAX);
    // struct ifaddrmsg: family, prefix length, flags, scope, index. Nobody else can have the address: no probing.
    let no_probing = libc::IFA_F_NODAD as u8;
    let mut body = vec![family as u8, prefix_bits, no_probing, libc::RT_SCOPE_HOST];
    body.extend(LOOPBACK_INDEX.to_ne_bytes());
    for attribute in [libc::IFA_LOCAL, libc::IFA_ADDRESS] {
        let bytes = u16::try_from(4 + octets.len()).unwrap_or(u16::MAX);
        body.extend(bytes.to_ne_bytes());
        body.extend(attribute.to_ne_bytes());
        body.extend(&octets);
    }
    match ask(libc::RTM_NEWADDR, libc::NLM_F_CREATE | libc::NLM_F_EXCL, &body) {
        Err(error) if error.raw_os_error() == Some(libc::EEXIST) => Ok(()),
        other => other,
    }
}

/// Sends one request and reads what the kernel says to it.
fn ask(kind: u16, flags: libc::c_int, body: &[u8]) -> io::Result<()> {
    let flags = (libc::NLM_F_REQUEST | libc::NLM_F_ACK | flags) as u16;
    let mut message = u32::try_from(HEADER_BYTES + body.len()).unwrap_or(u32::MAX).to_ne_bytes().to_vec();
    message.extend(kind.to_ne_bytes());
    message.extend(flags.to_ne_bytes());
    message.extend([0; 8]); // sequence and port: one question, one answer
    message.extend(body);
    let socket = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkRoute)?;
    sendto(socket.as_raw_fd(), &message, &NetlinkAddr::new(0, 0), MsgFlags::empty())?;
    let mut answer = [0; 1024];
    let length = recv(socket.as_raw_fd(), &mut answer, MsgFlags::empty())?;
    // struct nlmsgerr: the header of the answer, then 0 or the negative error.
    let code = answer.get(HEADER_BYTES..HEADER_BYTES + 4).filter(|_| length >= HEADER_BYTES + 4);
    let code = code.and_then(|bytes| bytes.try_into().ok()).map(i32::from_ne_bytes);
    match code {
        Some(0) => Ok(()),
        Some(code) => Err(Errno::from_raw(-code).into()),
        None => Err(io::ErrorKind::InvalidData.into()),
    }
}
