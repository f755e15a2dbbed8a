//! A small HTTP server of the tests' own, on a TCP port or a Unix socket.

use seaworthy_checks::{CheckFile, CheckResult, ChecksError, Connect, RunRequest, Runner};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// The heads of the requests that came in.
type Heads = Arc<Mutex<Vec<String>>>;

/// A server that runs as long as the test's process.
pub(crate) struct Server {
    /// Where it listens.
    pub(crate) connect: Connect,
    heads: Heads,
}

impl Server {
    /// Listens on a free port of 127.0.0.1.
    pub(crate) fn on_tcp() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let connect = Connect::Tcp(listener.local_addr().unwrap().to_string());
        Self::start(connect, move || listener.accept().map(|(stream, _)| stream))
    }

    /// Listens on a Unix socket.
    pub(crate) fn on_unix(path: &Path) -> Self {
        let listener = UnixListener::bind(path).unwrap();
        let connect = Connect::Unix(path.to_str().unwrap().to_owned());
        Self::start(connect, move || listener.accept().map(|(stream, _)| stream))
    }

    fn start<S>(connect: Connect, accept: impl Fn() -> std::io::Result<S> + Send + 'static) -> Self
    where
        S: Read + Write + Send + 'static,
    {
        let heads = Heads::default();
        let seen = Arc::clone(&heads);
        thread::spawn(move || {
            while let Ok(stream) = accept() {
                let seen = Arc::clone(&seen);
                thread::spawn(move || serve(stream, &seen));
            }
        });
        Self { connect, heads }
    }

    /// The request lines and `Host` headers that came in, as `GET /path host`.
    pub(crate) fn seen(&self) -> Vec<String> {
        let heads = self.heads.lock().unwrap();
        heads.iter().map(|head| format!("{} {}", line_of(head), header_of(head, "host"))).collect()
    }
}

fn line_of(head: &str) -> String {
    head.lines().next().unwrap_or("").trim_end_matches(" HTTP/1.1").to_owned()
}

fn header_of(head: &str, name: &str) -> String {
    let mut headers = head.lines().filter_map(|line| line.split_once(": "));
    headers.find(|(key, _)| key.eq_ignore_ascii_case(name)).map_or_else(String::new, |(_, value)| value.to_owned())
}

fn serve(stream: impl Read + Write, heads: &Mutex<Vec<String>>) {
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).unwrap_or(0) == 0 {
            return;
        }
    }
    let earlier = {
        let mut heads = heads.lock().unwrap();
        heads.push(head.clone());
        heads.len() - 1
    };
    let line = line_of(&head);
    let path = line.split(' ').nth(1).unwrap_or("");
    if path == "/hang" {
        // Nothing is answered; the read ends when the client gives up.
        let _ = stream.read(&mut [0]);
        return;
    }
    let (status, header, body) = page(if path == "/flaky" && earlier < 2 { "/broken" } else { path });
    let length = body.len();
    let answer = format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n{header}\r\n");
    // A client that has seen enough may hang up in the middle.
    let _ = stream.get_mut().write_all(answer.as_bytes()).and_then(|()| stream.get_mut().write_all(&body));
}

fn page(path: &str) -> (&'static str, &'static str, Vec<u8>) {
    match path {
        "/hi!" => ("200 OK", "Content-Type: text/html\r\n", b"<html><h1>hi! right back at ya!</h1></html>".to_vec()),
        "/json" => ("200 OK", "Content-Type: application/json\r\n", b"{\"paid\": 3,\n \"unpaid\": []}\n".to_vec()),
        "/away" => ("302 Found", "Location: http://elsewhere.example:8181/landed\r\n", Vec::new()),
        "/flaky" => ("200 OK", "", b"the third request is answered".to_vec()),
        "/landed" => ("200 OK", "", b"landed".to_vec()),
        "/two-megabytes" => ("200 OK", "", vec![b'a'; 2 << 20]),
        "/nine-megabytes" => ("200 OK", "", vec![b'a'; 9 << 20]),
        "/binary" => ("200 OK", "", b"\xff\xfe\x00\x1b[31mred\x80".to_vec()),
        "/broken" => ("500 Internal Server Error", "", b"no database\n".to_vec()),
        _ => ("404 Not Found", "", Vec::new()),
    }
}

/// The real helper.
pub(crate) fn runner() -> Runner {
    Runner::new(env!("CARGO_BIN_EXE_seaworthy-check"))
}

/// A check with the usual variables.
pub(crate) fn file(name: &str, text: &str) -> CheckFile {
    let values = [("url", "http://echo.localhost"), ("environment", "prod"), ("release", "abc")];
    let variables = values.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    CheckFile { name: name.to_owned(), text: text.to_owned(), variables, connect: None }
}

/// A request with generous time limits.
pub(crate) fn request(connect: &Connect, files: Vec<CheckFile>) -> RunRequest {
    let (timeout, total_timeout) = (Duration::from_secs(30), Duration::from_secs(60));
    RunRequest { files, connect: Some(connect.clone()), user: None, timeout, total_timeout }
}

/// Runs files.
pub(crate) async fn run(connect: &Connect, files: Vec<CheckFile>) -> Result<Vec<CheckResult>, ChecksError> {
    runner().run(request(connect, files)).await
}

/// Runs one text.
pub(crate) async fn run_one(connect: &Connect, text: &str) -> CheckResult {
    run(connect, vec![file("checks/a.hurl", text)]).await.unwrap().remove(0)
}

/// All diagnostics of a result as a person sees them, without the times.
pub(crate) fn rendered(result: &CheckResult) -> String {
    let texts = result.diagnostics().iter().map(|d| seaworthy_diagnostics::render(d, false)).collect::<Vec<_>>();
    let words = texts.join("\n");
    words.lines().map(without_time).collect::<Vec<_>>().join("\n")
}

fn without_time(line: &str) -> String {
    match (line.contains("answer:"), line.split_once(" in "), line.split_once(" ms")) {
        (true, Some((before, _)), Some((_, after))) => format!("{before} in N ms{after}"),
        _ => line.to_owned(),
    }
}
