//! An instance in a network of its own, and what stands at its entrance: the shim's part, in a thread of the test.

use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use seaworthy_host::entrance::{EntranceRequest, answer};
use seaworthy_model::routing::EndpointAddress;
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tempfile::TempDir;

/// A network with nothing in it but a listener.
pub(crate) struct Inside {
    directory: TempDir,
    port: u16,
    /// How often somebody asked for sockets.
    pub(crate) asked: Arc<AtomicU64>,
    ended: Arc<AtomicBool>,
}

pub(crate) fn must_be_root() {
    assert!(seaworthy_host::peer::is_root(), "only root makes networks: run this test as root");
}

impl Inside {
    /// A listener on `port` of 127.0.0.1 (or ::1) of a network of its own.
    pub(crate) fn start(port: u16, ipv6: bool) -> (Self, TcpListener) {
        let inside =
            Self { directory: tempfile::tempdir().unwrap(), port, asked: Arc::default(), ended: Arc::default() };
        let listener = inside.renew(ipv6);
        (inside, listener)
    }

    /// Another network at the same entrance, as of an instance that was started anew.
    pub(crate) fn renew(&self, ipv6: bool) -> TcpListener {
        let (sender, receiver) = std::sync::mpsc::channel();
        let (path, port) = (self.path(), self.port);
        let (asked, ended) = (self.asked.clone(), self.ended.clone());
        std::thread::spawn(move || {
            unshare(CloneFlags::CLONE_NEWNET).unwrap();
            let up = seaworthy_host::process::command("/sbin/ip").args(["link", "set", "lo", "up"]).status();
            assert!(up.unwrap().success());
            let address: SocketAddr =
                if ipv6 { (Ipv6Addr::LOCALHOST, port).into() } else { (Ipv4Addr::LOCALHOST, port).into() };
            let listener = TcpListener::bind(address).unwrap();
            let _ = std::fs::remove_file(&path);
            let entrance = UnixListener::bind(&path).unwrap();
            sender.send(listener).unwrap();
            for stream in entrance.incoming() {
                if ended.load(Ordering::SeqCst) {
                    return;
                }
                asked.fetch_add(1, Ordering::SeqCst);
                let _ = give(&stream.unwrap());
            }
        });
        receiver.recv().unwrap()
    }

    /// Nobody is at the entrance any more.
    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::SeqCst);
        let _ = UnixStream::connect(self.path());
        let _ = std::fs::remove_file(self.path());
    }

    pub(crate) fn address(&self) -> EndpointAddress {
        EndpointAddress::Sandboxed { socket: self.path(), port: self.port }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("entrance")
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.end();
    }
}

fn give(stream: &UnixStream) -> std::io::Result<()> {
    let mut line = Vec::new();
    BufReader::new(stream).read_until(b'\n', &mut line)?;
    let Ok(EntranceRequest::Sockets { ipv6, count }) = EntranceRequest::from_line(&line) else { return Ok(()) };
    let family = if ipv6 { AddressFamily::Inet6 } else { AddressFamily::Inet };
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let sockets: Vec<OwnedFd> =
        (0..count).map(|_| socket(family, SockType::Stream, flags, None)).collect::<Result<_, _>>()?;
    answer(stream, Ok(&sockets.iter().map(OwnedFd::as_fd).collect::<Vec<_>>()))
}
