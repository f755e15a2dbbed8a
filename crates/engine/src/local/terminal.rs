//! The other side of a program's terminal.

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};
use nix::libc;
use nix::pty::{OpenptyResult, Winsize, openpty};
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// The terminal of whoever asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terminal {
    /// What kind it is (`TERM`).
    pub kind: String,
    /// Lines.
    pub rows: u16,
    /// Characters in a line.
    pub columns: u16,
}

/// Our side of a program's terminal (pty(7)): what is written is typed, what is read was printed.
#[derive(Debug)]
pub struct TerminalSide {
    descriptor: AsyncFd<OwnedFd>,
}

impl TerminalSide {
    /// Makes a terminal: our side, and the program's.
    pub(super) fn open(terminal: &Terminal) -> io::Result<(Self, OwnedFd)> {
        let OpenptyResult { master, slave } = openpty(&size(terminal.rows, terminal.columns), None)?;
        for end in [&master, &slave] {
            fcntl(end, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
        }
        fcntl(&master, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        // SAFETY: the descriptor is owned, and nothing puts another one in its place.
        let descriptor = unsafe { AsyncFd::register(master) }?;
        Ok((Self { descriptor }, slave))
    }

    /// What the program prints; 0 once nothing has the terminal open any more.
    ///
    /// # Errors
    /// As of `read(2)`.
    pub async fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut read = |end: &OwnedFd| Ok(nix::unistd::read(end, buffer)?);
        match self.descriptor.async_io(Interest::READABLE, |end| read(end)).await {
            // tty_ioctl(4): the other side is closed.
            Err(error) if error.raw_os_error() == Some(libc::EIO) => Ok(0),
            other => other,
        }
    }

    /// Types something.
    ///
    /// # Errors
    /// As of `write(2)`.
    pub async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let write = |end: &OwnedFd| Ok(nix::unistd::write(end, bytes)?);
            let written = self.descriptor.async_io(Interest::WRITABLE, write).await?;
            bytes = &bytes[written..];
        }
        Ok(())
    }

    /// Changes its size; the program is told by SIGWINCH.
    ///
    /// # Errors
    /// As of `ioctl(2)`.
    pub fn resize(&self, rows: u16, columns: u16) -> io::Result<()> {
        let size = size(rows, columns);
        // SAFETY: the call reads a structure that lives longer than it.
        let result = unsafe { libc::ioctl(self.descriptor.as_raw_fd(), libc::TIOCSWINSZ, &raw const size) };
        Errno::result(result)?;
        Ok(())
    }
}

fn size(rows: u16, columns: u16) -> Winsize {
    Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }
}
