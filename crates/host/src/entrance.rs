//! Sockets made inside a network namespace for those who are outside of it (network_namespaces(7), unix(7)).
//!
//! A process inside listens on a Unix socket, the *entrance*. Whoever may use it asks in a line of JSON and gets
//! descriptors: TCP sockets that are not connected yet, which connect inside that namespace wherever they are used, or
//! a listening socket by its name. One line of JSON answers; the descriptors come with it.

use crate::descriptor::{self, DESCRIPTORS_MAX};
use serde::{Deserialize, Serialize};
use std::io::{self, Write as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// The version of these messages.
pub const ENTRANCE_VERSION: u32 = 1;
/// The longest line, either way.
pub const LINE_BYTES_MAX: usize = 4096;
/// The most sockets of one answer.
pub const SOCKETS_MAX: u8 = 32;

/// What is asked of whoever is inside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntranceRequest {
    /// TCP sockets that are neither bound nor connected.
    Sockets {
        /// IPv6 instead of IPv4.
        ipv6: bool,
        /// How many, at most [`SOCKETS_MAX`].
        count: u8,
    },
    /// A copy of a listening socket.
    Listener {
        /// Its name.
        name: String,
    },
}

#[derive(Debug, Serialize, Deserialize)]
struct Versioned {
    version: u32,
    ask: EntranceRequest,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Answer {
    Given,
    Refused(String),
}

impl EntranceRequest {
    /// As a line.
    #[must_use]
    pub fn to_line(&self) -> Vec<u8> {
        let request = Versioned { version: ENTRANCE_VERSION, ask: self.clone() };
        let mut line = serde_json::to_vec(&request).unwrap_or_default();
        line.push(b'\n');
        line
    }

    /// From a line.
    ///
    /// # Errors
    /// Why it is none, in words.
    pub fn from_line(line: &[u8]) -> Result<Self, String> {
        let request: Versioned = serde_json::from_slice(line).map_err(|error| error.to_string())?;
        if request.version != ENTRANCE_VERSION {
            return Err(format!("the request is of version {}, this shim speaks {ENTRANCE_VERSION}", request.version));
        }
        Ok(request.ask)
    }
}

/// Answers with descriptors, or with the reason why there are none.
///
/// # Errors
/// What `sendmsg(2)` says; whoever does not read has to come again.
pub fn answer(stream: &UnixStream, given: Result<&[BorrowedFd<'_>], String>) -> io::Result<()> {
    let (answer, descriptors) = match given {
        Ok(descriptors) => (Answer::Given, descriptors),
        Err(why) => (Answer::Refused(why), &[][..]),
    };
    let mut line = serde_json::to_vec(&answer)?;
    line.push(b'\n');
    let sent = descriptor::send(stream, &line, descriptors)?;
    if sent < line.len() { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
}

/// An answer as it comes in, piece by piece.
#[derive(Debug, Default)]
pub struct IncomingAnswer {
    line: Vec<u8>,
    descriptors: Vec<OwnedFd>,
}

impl IncomingAnswer {
    /// Reads once what is there; the descriptors when the answer is whole.
    ///
    /// # Errors
    /// `ConnectionRefused` when the other side refuses, `UnexpectedEof` when it is gone; else what `recvmsg(2)` says.
    pub fn read(&mut self, stream: &impl AsFd) -> io::Result<Option<Vec<OwnedFd>>> {
        let mut bytes = [0; 512];
        let (count, descriptors) = descriptor::receive(stream, &mut bytes)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.line.extend_from_slice(&bytes[..count]);
        self.descriptors.extend(descriptors);
        if self.line.len() > LINE_BYTES_MAX || self.descriptors.len() > DESCRIPTORS_MAX {
            return Err(io::ErrorKind::InvalidData.into());
        }
        if !self.line.ends_with(b"\n") {
            return Ok(None);
        }
        match serde_json::from_slice(&self.line)? {
            Answer::Given => Ok(Some(std::mem::take(&mut self.descriptors))),
            Answer::Refused(why) => Err(io::Error::new(io::ErrorKind::ConnectionRefused, why)),
        }
    }
}

/// Asks, and waits for the answer at most `timeout` at each step. For threads that may block.
///
/// # Errors
/// As [`IncomingAnswer::read`], and what connecting says: `ConnectionRefused` or `NotFound` when nobody is inside.
pub fn ask(entrance: &Path, request: &EntranceRequest, timeout: Duration) -> io::Result<Vec<OwnedFd>> {
    let mut stream = UnixStream::connect(entrance)?;
    stream.set_read_timeout(Some(timeout))?;
    stream.set_write_timeout(Some(timeout))?;
    stream.write_all(&request.to_line())?;
    let mut incoming = IncomingAnswer::default();
    loop {
        if let Some(descriptors) = incoming.read(&stream)? {
            return Ok(descriptors);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    #[test]
    fn descriptors_come_with_the_answer_and_a_refusal_has_its_words() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (mut reader, writer) = io::pipe().unwrap();
        answer(&theirs, Ok(&[writer.as_fd()])).unwrap();
        let given = IncomingAnswer::default().read(&ours).unwrap().unwrap();
        assert_eq!(given.len(), 1);
        drop((given, writer));
        assert_eq!(reader.read(&mut [0]).unwrap(), 0, "the descriptor that came was the pipe's, and the last");
        answer(&theirs, Err("no such listener".to_owned())).unwrap();
        let refused = IncomingAnswer::default().read(&ours).unwrap_err();
        assert_eq!(
            (refused.kind(), refused.to_string().as_str()),
            (io::ErrorKind::ConnectionRefused, "no such listener")
        );
        drop(theirs);
        assert_eq!(IncomingAnswer::default().read(&ours).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn a_request_of_another_version_is_refused_in_words() {
        let request = EntranceRequest::Sockets { ipv6: false, count: 8 };
        let line = request.to_line();
        assert_eq!(EntranceRequest::from_line(&line), Ok(request));
        let later = String::from_utf8(line).unwrap().replace("\"version\":1", "\"version\":2");
        assert!(EntranceRequest::from_line(later.as_bytes()).unwrap_err().contains("version 2"));
        assert!(EntranceRequest::from_line(b"{}\n").is_err());
    }
}
