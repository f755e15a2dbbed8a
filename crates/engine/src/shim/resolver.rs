//! The name server of the instance's network. It knows the names that stand in the hosts file, says of every other one
//! that it does not exist, and takes note of it: whoever wrote the program learns what to declare. It asks nobody.

use super::question::{BYTES_MAX, Question};
use crate::events::not_declared;
use crate::logs::{Entry, LogWriter, Stream, Tag};
use crate::wire::SandboxSpec;
use seaworthy_host::clock;
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd as _, BorrowedFd};

const PORT: u16 = 53;
/// The most questions that are answered before the shim looks after its other work.
const QUESTIONS_MAX: usize = 64;
/// The most names that are taken note of; a program that makes names up makes no more lines.
const NAMES_MAX: usize = 16;

pub(super) struct Resolver {
    socket: UdpSocket,
    known: BTreeMap<String, IpAddr>,
}

impl Resolver {
    /// Listens in the network of this process, which is the instance's.
    pub(super) fn open(sandbox: &SandboxSpec) -> io::Result<Option<Self>> {
        let Some(address) = sandbox.resolver else { return Ok(None) };
        let socket = UdpSocket::bind(SocketAddr::from((address, PORT)))
            .map_err(|error| io::Error::new(error.kind(), format!("cannot answer for names on {address}: {error}")))?;
        socket.set_nonblocking(true)?;
        let hosts = sandbox.hosts.iter().map(|(address, name)| (name.to_lowercase(), *address));
        let own = ["localhost", &sandbox.hostname].map(|name| (name.to_lowercase(), IpAddr::from([127, 0, 0, 1])));
        Ok(Some(Self { socket, known: hosts.chain(own).collect() }))
    }

    /// What to poll for reading.
    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Answers what was asked. Names that do not exist come to those that were `unknown` before; whether one came.
    pub(super) fn serve(&self, unknown: &mut Vec<String>, log: &mut LogWriter) -> bool {
        let (mut bytes, before) = ([0; BYTES_MAX], unknown.len());
        for _ in 0..QUESTIONS_MAX {
            let Ok((length, from)) = self.socket.recv_from(&mut bytes) else { break };
            let Some(question) = Question::parse(&bytes[..length]) else { continue };
            let known = self.known.get(&question.name);
            // One who does not take the answer asks again.
            let _ = self.socket.send_to(&question.answer(known.map(|address| ipv4(*address))), from);
            let is_news = known.is_none() && question.is_for_a_host() && !is_no_mistake(&question.name);
            if is_news && unknown.len() < NAMES_MAX && !unknown.contains(&question.name) {
                write(log, &question.name);
                unknown.push(question.name);
            }
        }
        unknown.len() > before
    }
}

fn ipv4(address: IpAddr) -> Option<std::net::Ipv4Addr> {
    match address {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    }
}

/// Names that nobody could declare: programs ask for them by themselves.
fn is_no_mistake(name: &str) -> bool {
    [".arpa", ".localhost", ".local", ".invalid"].iter().any(|end| name.ends_with(end))
}

/// Beside the program's own words: what it says of such a name (`Name or service not known`) helps nobody.
fn write(log: &mut LogWriter, name: &str) {
    let text = format!("seaworthy: {}", not_declared(name));
    let mut entry = Vec::new();
    Entry::write(&mut entry, &clock::rfc3339(clock::now()), Stream::Stderr, Tag::Full, text.as_bytes());
    log.append(&entry);
}
