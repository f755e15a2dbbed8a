//! What the subject says to which path.

use crate::http::Request;
use crate::settings::Settings;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// What all connections share.
pub(crate) struct State {
    pub(crate) settings: Settings,
    requests: AtomicU64,
    busy: AtomicUsize,
}

/// One request or connection that must be finished before the subject may end.
pub(crate) struct Busy<'a>(&'a AtomicUsize);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl State {
    pub(crate) fn new(settings: Settings) -> Self {
        Self { settings, requests: AtomicU64::new(0), busy: AtomicUsize::new(0) }
    }

    pub(crate) fn begin(&self) -> Busy<'_> {
        self.busy.fetch_add(1, Ordering::SeqCst);
        Busy(&self.busy)
    }

    pub(crate) fn is_busy(&self) -> bool {
        self.busy.load(Ordering::SeqCst) > 0
    }

    fn must_fail(&self) -> bool {
        let served = self.requests.fetch_add(1, Ordering::SeqCst);
        self.settings.fail_after.is_some_and(|good| served >= good)
            || self.settings.fail_file.as_ref().is_some_and(|path| std::path::Path::new(path).exists())
    }
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

pub(crate) fn plain(status: u16, body: impl Into<Vec<u8>>) -> Answer {
    Answer { status, body: body.into() }
}

pub(crate) fn answer(state: &State, request: &Request, callee: &mut Option<BufReader<TcpStream>>) -> Answer {
    let settings = &state.settings;
    if request.path == "/healthz" {
        return plain(settings.health_status, "health");
    }
    settings.record(&format!("{} {} {}", settings.version, request.method, request.path));
    if state.must_fail() {
        return plain(500, "failing on purpose");
    }
    #[cfg(target_os = "linux")]
    if let Some(wall) = request.path.strip_prefix("/wall/") {
        return crate::walls::answer(wall, &request.query);
    }
    match request.path.as_str() {
        "/version" | "/" => plain(200, settings.version.clone()),
        "/pid" => plain(200, std::process::id().to_string()),
        "/echo" => plain(200, request.body.clone()),
        "/headers" => {
            let lines: Vec<String> = request.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
            plain(200, lines.join("\n"))
        }
        "/slow" => {
            let parameter = request.query.split('&').find_map(|pair| pair.strip_prefix("ms="));
            let wait = parameter.and_then(|value| value.parse().ok()).unwrap_or(0);
            std::thread::sleep(Duration::from_millis(wait));
            plain(200, settings.version.clone())
        }
        "/call" => match call(settings, callee) {
            Ok(body) => plain(200, [settings.version.as_bytes(), b" ", &body].concat()),
            Err(error) => {
                *callee = None;
                plain(502, error.to_string())
            }
        },
        _ => plain(404, "no such page"),
    }
}

/// `GET /version` of the service that this one calls, over a connection that is kept.
fn call(settings: &Settings, callee: &mut Option<BufReader<TcpStream>>) -> std::io::Result<Vec<u8>> {
    let invalid = |what: &str| std::io::Error::new(std::io::ErrorKind::InvalidData, what.to_owned());
    let url = settings.call_url.as_deref().ok_or_else(|| invalid("CALL_URL is not set"))?;
    let address = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
    let reader = match callee {
        Some(reader) => reader,
        None if address.contains(':') => callee.insert(BufReader::new(TcpStream::connect(&address)?)),
        None => callee.insert(BufReader::new(TcpStream::connect((address.as_str(), 80))?)),
    };
    reader.get_mut().write_all(format!("GET /version HTTP/1.1\r\nhost: {address}\r\n\r\n").as_bytes())?;
    let (mut status, mut length, mut close) = (String::new(), 0, false);
    reader.read_line(&mut status)?;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Err(invalid("the callee closed the connection"));
        }
        let line = line.trim().to_ascii_lowercase();
        match line.split_once(':') {
            None => break,
            Some(("content-length", value)) => length = value.trim().parse().map_err(|_| invalid("a bad length"))?,
            Some(("connection", value)) => close = value.trim() == "close",
            Some(_) => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    if close {
        *callee = None;
    }
    if status.contains(" 200 ") { Ok(body) } else { Err(invalid(status.trim())) }
}
