//! Load: many clients at once, every answer looked at.

use super::http::{Connection, get};
use super::websocket::{Message, WebSocket};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How many failures are kept word for word.
const FAILURES_KEPT: usize = 12;

/// What a client does again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `GET` over a connection that is kept: may be sent again by whoever is in between.
    Get,
    /// `GET` over a connection of its own.
    FreshGet,
    /// `POST` over a connection that is kept: may never be sent twice.
    Post,
    /// A `GET` whose answer takes that many milliseconds.
    Slow(u64),
    /// A `POST` whose answer takes that many milliseconds.
    SlowPost(u64),
    /// `GET` of a page that calls another service.
    Call,
    /// Messages over a WebSocket, a new one whenever it was closed politely.
    WebSocket,
}

#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) kind: Kind,
    /// When, counted from the load's beginning, and what.
    pub(crate) text: String,
}

/// What came of it.
#[derive(Debug, Default, Clone)]
pub(crate) struct Report {
    pub(crate) ok: u64,
    pub(crate) failed: u64,
    pub(crate) closed_politely: u64,
    pub(crate) failures: Vec<Failure>,
    pub(crate) took: Duration,
}

impl Report {
    pub(crate) fn per_second(&self) -> f64 {
        // Counts of a test are far below 2^52.
        #[allow(clippy::cast_precision_loss)]
        let ok = self.ok as f64;
        ok / self.took.as_secs_f64()
    }

    pub(crate) fn assert_nothing_failed(&self) {
        assert_eq!(self.failed, 0, "{} ok, failed: {:#?}", self.ok, self.failures);
    }
}

struct Shared {
    port: u16,
    host: String,
    stop: AtomicBool,
    began: Instant,
    report: Mutex<Report>,
}

pub(crate) struct Load {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    /// Starts that many clients of each kind; each pauses between its requests, so that the machine has room for
    /// everything else.
    pub(crate) fn start(port: u16, host: &str, clients: &[(Kind, usize)]) -> Self {
        let shared = Arc::new(Shared {
            port,
            host: host.to_owned(),
            stop: AtomicBool::new(false),
            began: Instant::now(),
            report: Mutex::default(),
        });
        let kinds = clients.iter().flat_map(|(kind, count)| std::iter::repeat_n(*kind, *count));
        let threads = kinds.map(|kind| {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || shared.go_on(kind))
        });
        let threads = threads.collect();
        Self { shared, threads }
    }

    /// What came of it so far.
    pub(crate) fn so_far(&self) -> Report {
        let report = self.shared.report.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Report { took: self.shared.began.elapsed(), ..report }
    }

    /// Lets every client finish what it is doing.
    pub(crate) fn finish(self) -> Report {
        self.shared.stop.store(true, Ordering::SeqCst);
        let took = self.shared.began.elapsed();
        self.threads.into_iter().for_each(|thread| thread.join().expect("a client that ends"));
        let report = self.shared.report.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Report { took, ..report }
    }
}

impl Shared {
    fn go_on(&self, kind: Kind) {
        let pause = match kind {
            Kind::Get | Kind::Post => Duration::from_millis(2),
            Kind::FreshGet | Kind::Call => Duration::from_millis(5),
            Kind::Slow(_) | Kind::SlowPost(_) => Duration::ZERO,
            Kind::WebSocket => Duration::from_millis(50),
        };
        let mut connection = None;
        let mut socket = None;
        while !self.stop.load(Ordering::Relaxed) {
            let result = match kind {
                Kind::WebSocket => self.message(&mut socket),
                _ => self.request(kind, &mut connection),
            };
            self.count(kind, result);
            std::thread::sleep(pause);
        }
    }

    /// One request; the connection is kept where the kind says so and the other side allows it.
    fn request(&self, kind: Kind, kept: &mut Option<Connection>) -> io::Result<bool> {
        if kind == Kind::FreshGet {
            let response = get(self.port, &self.host, "/version")?;
            let expected = response.header("x-version").unwrap_or("?").to_owned();
            return judge(response.status, &response.body, expected.as_bytes());
        }
        let mut connection = match kept.take() {
            Some(connection) => connection,
            None => Connection::open(self.port)?,
        };
        let response = match kind {
            Kind::Post => connection.post(&self.host, "/echo", b"once and only once")?,
            Kind::Slow(milliseconds) => connection.get(&self.host, &format!("/slow?ms={milliseconds}"))?,
            Kind::SlowPost(milliseconds) => {
                connection.post(&self.host, &format!("/slow?ms={milliseconds}"), b"once")?
            }
            Kind::Call => connection.get(&self.host, "/call")?,
            Kind::Get | Kind::FreshGet | Kind::WebSocket => connection.get(&self.host, "/version")?,
        };
        let version = response.header("x-version").unwrap_or("?").to_owned();
        let expected = match kind {
            Kind::Post => b"once and only once".to_vec(),
            // Caller and callee of one release have one version.
            Kind::Call => format!("{version} {version}").into_bytes(),
            _ => version.into_bytes(),
        };
        if !connection.is_closed() {
            *kept = Some(connection);
        }
        judge(response.status, &response.body, &expected)
    }

    /// One message; false if the other side closed politely instead.
    fn message(&self, kept: &mut Option<WebSocket>) -> io::Result<bool> {
        let mut socket = match kept.take() {
            Some(socket) => socket,
            None => WebSocket::open(self.port, &self.host)?,
        };
        match socket.exchange(b"there and back")? {
            Message::Text(text) => {
                *kept = Some(socket);
                judge(200, &text, b"there and back")
            }
            Message::Close => {
                socket.close();
                Ok(false)
            }
        }
    }

    fn count(&self, kind: Kind, result: io::Result<bool>) {
        let mut report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        match result {
            Ok(true) => report.ok += 1,
            Ok(false) => report.closed_politely += 1,
            Err(error) => {
                report.failed += 1;
                if report.failures.len() < FAILURES_KEPT {
                    report.failures.push(Failure { kind, text: format!("after {:?}: {error}", self.began.elapsed()) });
                }
            }
        }
    }
}

fn judge(status: u16, body: &[u8], expected: &[u8]) -> io::Result<bool> {
    if status == 200 && body == expected {
        return Ok(true);
    }
    let (body, expected) = (String::from_utf8_lossy(body), String::from_utf8_lossy(expected));
    Err(io::Error::other(format!("{status} `{}`, not `{expected}`", body.trim())))
}
