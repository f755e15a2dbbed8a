//! A client of few words: HTTP/1.1 over one connection, and nothing done behind the test's back.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long an answer may take; longer is a failure.
const PATIENCE: Duration = Duration::from_secs(40);

#[derive(Debug, Clone)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn closes(&self) -> bool {
        self.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }
}

pub(crate) struct Connection {
    pub(crate) stream: BufReader<TcpStream>,
    closed: bool,
}

impl Connection {
    pub(crate) fn open(port: u16) -> io::Result<Self> {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let stream = TcpStream::connect_timeout(&address, Duration::from_secs(10))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { stream: BufReader::new(stream), closed: false })
    }

    /// Whether the other side said that there is no next request.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    pub(crate) fn get(&mut self, host: &str, path: &str) -> io::Result<Response> {
        self.send(&format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n"), b"")
    }

    pub(crate) fn post(&mut self, host: &str, path: &str, body: &[u8]) -> io::Result<Response> {
        let length = body.len();
        self.send(&format!("POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {length}\r\n\r\n"), body)
    }

    /// Sends a head and a body as they are, and reads the final answer.
    pub(crate) fn send(&mut self, head: &str, body: &[u8]) -> io::Result<Response> {
        self.stream.get_mut().write_all(&[head.as_bytes(), body].concat())?;
        let response = self.head()?;
        let response = self.body(response)?;
        self.closed = response.closes();
        Ok(response)
    }

    /// Reads the head of an answer.
    pub(crate) fn head(&mut self) -> io::Result<Response> {
        let first = self.line()?;
        let status = first.split(' ').nth(1).and_then(|word| word.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("no status line: `{first}`")))?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else {
                return Ok(Response { status, headers, body: Vec::new() });
            };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }

    fn body(&mut self, mut response: Response) -> io::Result<Response> {
        if response.header("transfer-encoding").is_some() {
            loop {
                let line = self.line()?;
                let size = usize::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
                let start = response.body.len();
                response.body.resize(start + size, 0);
                self.stream.read_exact(&mut response.body[start..])?;
                self.line()?;
                if size == 0 {
                    return Ok(response);
                }
            }
        }
        match response.header("content-length").map(str::parse) {
            Some(length) => {
                response.body.resize(length.map_err(io::Error::other)?, 0);
                self.stream.read_exact(&mut response.body)?;
            }
            None => drop(self.stream.read_to_end(&mut response.body)?),
        }
        Ok(response)
    }

    fn line(&mut self) -> io::Result<String> {
        let mut bytes = Vec::new();
        if self.stream.read_until(b'\n', &mut bytes)? == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the connection was closed before an answer"));
        }
        Ok(String::from_utf8_lossy(&bytes).trim_end().to_owned())
    }
}

/// One request over a connection of its own.
pub(crate) fn get(port: u16, host: &str, path: &str) -> io::Result<Response> {
    Connection::open(port)?.send(&format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"), b"")
}
