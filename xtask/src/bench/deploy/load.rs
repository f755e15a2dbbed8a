//! A steady load that counts what is lost: one connection per host, kept alive, one request after the other.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Between two requests of one connection.
const PACE: Duration = Duration::from_millis(4);
const TIMEOUT: Duration = Duration::from_secs(10);

/// How many requests there were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) answered: u64,
    /// No answer, or another one than 200.
    pub(super) lost: u64,
}

/// Load that goes on until it is asked for its tally.
pub(super) struct Load {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Tally>>,
}

impl Load {
    pub(super) fn start(address: SocketAddr, hosts: Vec<String>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let threads = hosts.into_iter().map(|host| {
            let stop = Arc::clone(&stop);
            thread::spawn(move || ask_again_and_again(address, &host, &stop))
        });
        Self { threads: threads.collect(), stop }
    }

    pub(super) fn end(self) -> Tally {
        self.stop.store(true, Ordering::Relaxed);
        let tallies = self.threads.into_iter().filter_map(|thread| thread.join().ok());
        tallies.fold(Tally::default(), |sum, tally| Tally {
            answered: sum.answered + tally.answered,
            lost: sum.lost + tally.lost,
        })
    }
}

fn ask_again_and_again(address: SocketAddr, host: &str, stop: &AtomicBool) -> Tally {
    let mut tally = Tally::default();
    let mut connection = None;
    while !stop.load(Ordering::Relaxed) {
        match exchange(&mut connection, address, host) {
            Ok(200) => tally.answered += 1,
            _ => {
                tally.lost += 1;
                connection = None;
            }
        }
        thread::sleep(PACE);
    }
    tally
}

/// One request and its answer's status; the connection stays unless the answer says that it ends.
fn exchange(connection: &mut Option<BufReader<TcpStream>>, address: SocketAddr, host: &str) -> io::Result<u16> {
    let reader = match connection {
        Some(reader) => reader,
        None => connection.insert(connect(address)?),
    };
    reader.get_mut().write_all(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes())?;
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let bad = || io::Error::from(io::ErrorKind::InvalidData);
    let status = line.split(' ').nth(1).and_then(|text| text.parse().ok()).ok_or_else(bad)?;
    let (mut length, mut ends) = (0, false);
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Err(bad());
        }
        let field = line.trim().to_ascii_lowercase();
        match field.split_once(':') {
            Some(("content-length", value)) => length = value.trim().parse().map_err(|_| bad())?,
            Some(("connection", value)) => ends = value.trim() == "close",
            Some(_) => {}
            None => break,
        }
    }
    io::copy(&mut reader.take(length), &mut io::sink())?;
    if ends {
        *connection = None;
    }
    Ok(status)
}

fn connect(address: SocketAddr) -> io::Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_nodelay(true)?;
    Ok(BufReader::new(stream))
}
