//! How the bytes get to a node.

use super::ClientError;
use std::path::PathBuf;
use std::pin::Pin;
use std::process::Stdio;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::UnixStream;
use tokio::process::{Child, ChildStdin, ChildStdout};

/// Where a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport {
    /// On this machine, behind this socket.
    Unix(PathBuf),
    /// On another machine: `program` (ssh and its options) starts `seaworthy node connect` there.
    Ssh {
        /// The ssh program and its own options, such as `["ssh"]`.
        program: Vec<String>,
        /// `user@host` or `host`.
        destination: String,
        /// The port, if not ssh's own default.
        port: Option<u16>,
        /// `SEAWORTHY_HOME` of the node there, if not the installed one.
        home: Option<String>,
        /// A node there that somebody stopped is not started for this.
        only_reads: bool,
    },
}

/// Set for `seaworthy node connect` where the verb only reads: a program that does not know it starts the node.
pub const READS_VARIABLE: &str = "SEAWORTHY_ONLY_READS";

/// What is run on the other machine. Non-login shells often lack these two folders.
const REMOTE_PATH: &str = "PATH=\"$PATH:/usr/local/bin:$HOME/.local/bin\"";

impl Transport {
    /// The place in words.
    #[must_use]
    pub fn place(&self) -> String {
        match self {
            Self::Unix(path) => path.display().to_string(),
            Self::Ssh { destination, port: None, .. } => format!("ssh://{destination}"),
            Self::Ssh { destination, port: Some(port), .. } => format!("ssh://{destination}:{port}"),
        }
    }

    /// The arguments (program first) that run a shell line on the other machine; `None` for this machine.
    #[must_use]
    pub fn remote_command(&self, line: &str) -> Option<Vec<String>> {
        let Self::Ssh { program, destination, port, home, .. } = self else { return None };
        let mut words = program.clone();
        words.extend(["-T".to_owned(), "-o".to_owned(), "BatchMode=yes".to_owned()]);
        if let Some(port) = port {
            words.extend(["-p".to_owned(), port.to_string()]);
        }
        let home = home.as_ref().map(|home| format!("SEAWORTHY_HOME={} ", quoted(home))).unwrap_or_default();
        words.extend(["--".to_owned(), destination.clone(), format!("{REMOTE_PATH} {home}{line}")]);
        Some(words)
    }

    pub(super) async fn open(&self) -> Result<Stream, ClientError> {
        let unreachable = |reason: String| ClientError::Unreachable { place: self.place(), reason };
        match self {
            Self::Unix(path) => {
                UnixStream::connect(path).await.map(Stream::Unix).map_err(|e| unreachable(e.to_string()))
            }
            Self::Ssh { only_reads, .. } => {
                let reads = if *only_reads { format!("{READS_VARIABLE}=1 ") } else { String::new() };
                let line = format!("{reads}exec seaworthy node connect");
                let words = self.remote_command(&line).unwrap_or_default();
                // ssh needs the user's own environment: the agent's socket, HOME, the terminal.
                let mut command = seaworthy_host::process::command(&words[0]);
                command.args(&words[1..]).envs(std::env::vars_os());
                command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
                let mut child = tokio::process::Command::from(command)
                    .kill_on_drop(true)
                    .spawn()
                    .map_err(|e| unreachable(format!("`{}` could not be started: {e}", words[0])))?;
                let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
                    return Err(unreachable("ssh has no pipes".to_owned()));
                };
                Ok(Stream::Ssh { child: Box::new(child), stdin, stdout })
            }
        }
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// An open way to a node.
pub(super) enum Stream {
    Unix(UnixStream),
    Ssh { child: Box<Child>, stdin: ChildStdin, stdout: ChildStdout },
}

impl Stream {
    /// What ssh said on its standard error, for a message; at most 4 KB, waiting at most two seconds for its end.
    pub(super) fn last_words(&mut self) -> impl Future<Output = Option<String>> + use<> {
        let stderr = match self {
            Self::Unix(_) => None,
            Self::Ssh { child, .. } => child.stderr.take(),
        };
        async move {
            let mut text = Vec::new();
            let reading = stderr?.take(4096).read_to_end(&mut text).await;
            reading.ok()?;
            let text = String::from_utf8_lossy(&text).trim().to_owned();
            (!text.is_empty()).then_some(text)
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Ssh { stdout, .. } => Pin::new(stdout).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        match self.get_mut() {
            Self::Unix(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Ssh { stdin, .. } => Pin::new(stdin).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Unix(stream) => Pin::new(stream).poll_flush(cx),
            Self::Ssh { stdin, .. } => Pin::new(stdin).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Ssh { stdin, .. } => Pin::new(stdin).poll_shutdown(cx),
        }
    }
}
