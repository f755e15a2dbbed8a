//! What a service can reach and do from where it stands: each page tries one thing and says how it went. A test asks
//! the same pages of a service in a sandbox and of one without, so that a wall that is not there shows.

use crate::answers::{Answer, plain};
use nix::libc;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::time::Duration;

/// How long a connection may take to be made.
const PATIENCE: Duration = Duration::from_millis(500);

/// 200 with what was got, or 403 with the reason why it was not.
pub(crate) fn answer(page: &str, query: &str) -> Answer {
    let argument = query.strip_prefix("of=").unwrap_or(query);
    let tried = match page {
        "connect" => connect(argument),
        "abstract" => connect_abstract(argument),
        "socket" => UnixStream::connect(argument).map(|_| "connected".to_owned()),
        "read" => fs::read(argument).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        "write" => write(argument),
        "list" => list(argument),
        "call" => call(argument),
        "memory" => memory(argument),
        "children" => children(argument),
        _ => Err(io::Error::other("no such wall")),
    };
    match tried {
        Ok(text) => plain(200, text),
        Err(error) => plain(403, error.to_string()),
    }
}

/// To `host:port`; the first line that the other says, if it says one by itself, else that it was connected.
fn connect(to: &str) -> io::Result<String> {
    let mut last = io::Error::other("no address");
    for address in to.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(mut stream) => {
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.write_all(b"GET /version HTTP/1.0\r\n\r\n")?;
                let mut said = [0; 512];
                let count = stream.read(&mut said).unwrap_or(0);
                return Ok(format!("connected: {}", String::from_utf8_lossy(&said[..count])));
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn connect_abstract(name: &str) -> io::Result<String> {
    let address = SocketAddr::from_abstract_name(name.as_bytes())?;
    UnixStream::connect_addr(&address).map(|_| "connected".to_owned())
}

fn write(path: &str) -> io::Result<String> {
    let mut file = fs::OpenOptions::new().create(true).append(true).open(path)?;
    file.write_all(b"written\n").map(|()| "written".to_owned())
}

/// The names in a folder, sorted, a line each.
fn list(folder: &str) -> io::Result<String> {
    let names = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let mut names = names.collect::<io::Result<Vec<String>>>()?;
    names.sort();
    Ok(names.join("\n"))
}

/// One system call that no service needs.
fn call(name: &str) -> io::Result<String> {
    let null = std::ptr::null::<libc::c_void>();
    // SAFETY: every call is given null pointers, zeros or constants; what the kernel may write to, it is not given.
    let result = unsafe {
        match name {
            "mount" => libc::syscall(libc::SYS_mount, null, c"/tmp".as_ptr(), c"tmpfs".as_ptr(), 0, null),
            "unshare" => libc::syscall(libc::SYS_unshare, libc::CLONE_NEWUSER),
            "setns" => libc::syscall(libc::SYS_setns, 0, 0),
            "bpf" => libc::syscall(libc::SYS_bpf, 0, null, 0),
            "keyctl" => libc::syscall(libc::SYS_keyctl, 0, -3, 1),
            "ptrace" => libc::syscall(libc::SYS_ptrace, libc::PTRACE_ATTACH, 1, null, null),
            "setuid" => libc::syscall(libc::SYS_setuid, 0),
            "chroot" => libc::syscall(libc::SYS_chroot, c"/".as_ptr()),
            "perf" => libc::syscall(libc::SYS_perf_event_open, null, 0, -1, -1, 0),
            "userfaultfd" => libc::syscall(libc::SYS_userfaultfd, 0),
            "io_uring" => libc::syscall(libc::SYS_io_uring_setup, 1, null),
            _ => return Err(io::Error::other("no such call")),
        }
    };
    if result >= 0 { Ok("done".to_owned()) } else { Err(io::Error::last_os_error()) }
}

/// So many MiB, every page of them touched.
fn memory(mebibytes: &str) -> io::Result<String> {
    let count: usize = mebibytes.parse().map_err(io::Error::other)?;
    let mut blocks = Vec::new();
    for _ in 0..count {
        let mut block = vec![0_u8; 1 << 20];
        block.iter_mut().step_by(4096).for_each(|byte| *byte = 1);
        blocks.push(block);
    }
    Ok(format!("{} MiB", blocks.len()))
}

/// So many threads at once; the limit on processes counts them.
fn children(count: &str) -> io::Result<String> {
    let count: usize = count.parse().map_err(io::Error::other)?;
    let wait = Duration::from_millis(200);
    let mut threads = Vec::new();
    let mut failed = None;
    for _ in 0..count {
        match std::thread::Builder::new().stack_size(64 * 1024).spawn(move || std::thread::sleep(wait)) {
            Ok(thread) => threads.push(thread),
            Err(error) => {
                failed = Some(error);
                break;
            }
        }
    }
    let made = threads.len();
    threads.into_iter().for_each(|thread| drop(thread.join()));
    failed
        .map_or_else(|| Ok(format!("{made} threads")), |error| Err(io::Error::other(format!("after {made}: {error}"))))
}
