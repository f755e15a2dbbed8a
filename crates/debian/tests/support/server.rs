//! A small HTTP server that has what it was given and fails when it is told to.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

#[derive(Default)]
struct State {
    files: BTreeMap<String, Vec<u8>>,
    /// How many answers of a path fail with 503 before one is good.
    unwell: BTreeMap<String, usize>,
    requests: Vec<String>,
}

pub(crate) struct Server {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Server {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let server = Self { address: listener.local_addr().unwrap(), state: Arc::default() };
        let state = Arc::clone(&server.state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&state);
                std::thread::spawn(move || answer(&stream, &state));
            }
        });
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn put(&self, path: &str, bytes: Vec<u8>) {
        self.state.lock().unwrap().files.insert(path.to_owned(), bytes);
    }

    /// Changes the content of every path that ends so.
    pub(crate) fn change(&self, end: &str, change: impl Fn(&mut Vec<u8>)) {
        let mut state = self.state.lock().unwrap();
        let found: Vec<_> = state.files.iter_mut().filter(|(path, _)| path.ends_with(end)).collect();
        assert!(!found.is_empty(), "{end}");
        found.into_iter().for_each(|(_, bytes)| change(bytes));
    }

    pub(crate) fn remove(&self, end: &str) {
        self.state.lock().unwrap().files.retain(|path, _| !path.ends_with(end));
    }

    pub(crate) fn fail(&self, path: &str, times: usize) {
        self.state.lock().unwrap().unwell.insert(path.to_owned(), times);
    }

    /// The paths that were asked for since the last call.
    pub(crate) fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().requests)
    }
}

fn answer(stream: &TcpStream, state: &Mutex<State>) {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    if reader.read_line(&mut line).is_err() {
        return;
    }
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    while reader.read_line(&mut line).is_ok_and(|length| length > 2) {}
    let (status, body) = {
        let mut state = state.lock().unwrap();
        state.requests.push(path.clone());
        match state.unwell.get_mut(&path).filter(|left| **left > 0) {
            Some(left) => {
                *left -= 1;
                ("503 Service Unavailable", Vec::new())
            }
            None => match state.files.get(&path) {
                Some(bytes) => ("200 OK", bytes.clone()),
                None => ("404 Not Found", Vec::new()),
            },
        }
    };
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    let mut stream = stream;
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
}
