//! The client's end of a WebSocket (RFC 6455).

use super::http::Connection;
use std::io::{self, Read as _, Write as _};

const TEXT: u8 = 1;
const CLOSE: u8 = 8;

pub(crate) struct WebSocket(Connection);

/// What came back.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Message {
    Text(Vec<u8>),
    /// A close frame, which is the polite end.
    Close,
}

impl WebSocket {
    pub(crate) fn open(port: u16, host: &str) -> io::Result<Self> {
        let mut connection = Connection::open(port)?;
        let head = format!(
            "GET /websocket HTTP/1.1\r\nhost: {host}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        connection.stream.get_mut().write_all(head.as_bytes())?;
        let response = connection.head()?;
        if response.status == 101 {
            Ok(Self(connection))
        } else {
            Err(io::Error::other(format!("no upgrade but {}", response.status)))
        }
    }

    /// Sends a message and reads what comes next.
    pub(crate) fn exchange(&mut self, payload: &[u8]) -> io::Result<Message> {
        // Who has said goodbye takes nothing more; the goodbye itself is still there to be read.
        let written = self.write(TEXT, payload);
        let read = self.read();
        written.or_else(|error| if matches!(read, Ok(Message::Close)) { Ok(()) } else { Err(error) })?;
        read
    }

    /// Answers the other side's close.
    pub(crate) fn close(mut self) {
        // The other side may be gone already: it has said goodbye.
        let _ = self.write(CLOSE, &[]);
    }

    fn write(&mut self, opcode: u8, payload: &[u8]) -> io::Result<()> {
        // A mask of zeros is a mask: what is sent is what is read in a trace.
        let length = u8::try_from(payload.len()).map_err(io::Error::other)?;
        let frame = [&[128 | opcode, 128 | length, 0, 0, 0, 0], payload].concat();
        self.0.stream.get_mut().write_all(&frame)
    }

    fn read(&mut self) -> io::Result<Message> {
        let mut head = [0; 2];
        self.0.stream.read_exact(&mut head)?;
        let mut payload = vec![0; usize::from(head[1] & 127)];
        self.0.stream.read_exact(&mut payload)?;
        match head[0] & 15 {
            TEXT => Ok(Message::Text(payload)),
            CLOSE => Ok(Message::Close),
            other => Err(io::Error::other(format!("a frame with opcode {other}"))),
        }
    }
}
