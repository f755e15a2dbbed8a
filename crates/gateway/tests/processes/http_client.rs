//! A client that speaks just enough HTTP.

use crate::world::HOST;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// One connection.
pub(crate) struct HttpClient {
    stream: Box<dyn Stream>,
    bytes: Vec<u8>,
    /// The last answer said that the connection ends.
    pub(crate) ended: bool,
}

impl HttpClient {
    pub(crate) async fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: Box::new(stream), bytes: Vec::new(), ended: false })
    }

    pub(crate) async fn connect_unix(path: &Path) -> io::Result<Self> {
        let stream = Box::new(UnixStream::connect(path).await?);
        Ok(Self { stream, bytes: Vec::new(), ended: false })
    }

    /// Status and body of the answer to a GET.
    pub(crate) async fn get(&mut self, target: &str) -> io::Result<(u16, String)> {
        self.ask(&format!("GET {target} HTTP/1.1\r\nHost: {HOST}\r\n\r\n")).await
    }

    /// As [`Self::get`], with more fields, each with its line's end.
    pub(crate) async fn get_with(&mut self, target: &str, fields: &str) -> io::Result<(u16, String)> {
        self.ask(&format!("GET {target} HTTP/1.1\r\nHost: {HOST}\r\n{fields}\r\n")).await
    }

    /// Status and body of the answer to a request.
    pub(crate) async fn ask(&mut self, request: &str) -> io::Result<(u16, String)> {
        self.stream.write_all(request.as_bytes()).await?;
        let head = loop {
            if let Some(end) = self.bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                let head: Vec<u8> = self.bytes.drain(..end + 4).collect();
                break String::from_utf8_lossy(&head).to_lowercase();
            }
            self.fill().await?;
        };
        let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        let length: usize = field("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        self.ended = field("connection") == Some("close");
        while self.bytes.len() < length {
            self.fill().await?;
        }
        let body: Vec<u8> = self.bytes.drain(..length).collect();
        let status = head.get(9..12).and_then(|status| status.parse().ok()).unwrap_or(0);
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    }

    async fn fill(&mut self) -> io::Result<()> {
        match self.stream.read_buf(&mut self.bytes).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}
