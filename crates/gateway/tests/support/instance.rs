//! Instances: servers that read by rules of their own, not by those of the gateway's codec.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinHandle};

/// A server; it ends with the test.
pub(crate) struct Instance {
    pub(crate) address: SocketAddr,
    /// How many connections were accepted.
    pub(crate) accepted: Arc<AtomicUsize>,
    /// The requests that arrived whole, heads and bodies.
    pub(crate) requests: Arc<Mutex<Vec<Received>>>,
    listener: JoinHandle<()>,
    connections: Arc<Mutex<Vec<AbortHandle>>>,
}

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) head: String,
    /// As it was sent: chunks with their sizes and trailers.
    pub(crate) body: Vec<u8>,
}

impl Received {
    pub(crate) fn has(&self, line: &str) -> bool {
        self.head.to_lowercase().contains(&format!("\r\n{}\r\n", line.to_lowercase()))
    }

    pub(crate) fn target(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }
}

type Requests = Arc<Mutex<Vec<Received>>>;

impl Instance {
    /// Does with each connection what `serve` does.
    pub(crate) async fn start<F, R>(serve: F) -> Self
    where
        F: Fn(TcpStream, Requests) -> R + Send + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = socket.local_addr().expect("bound");
        let (accepted, requests, connections) =
            (Arc::<AtomicUsize>::default(), Requests::default(), Arc::<Mutex<Vec<AbortHandle>>>::default());
        let (counter, recorder, handles) = (accepted.clone(), requests.clone(), connections.clone());
        let listener = tokio::spawn(async move {
            while let Ok((stream, _)) = socket.accept().await {
                counter.fetch_add(1, Ordering::SeqCst);
                let task = tokio::spawn(serve(stream, recorder.clone()));
                handles.lock().expect("unpoisoned").push(task.abort_handle());
            }
        });
        Self { address, accepted, requests, listener, connections }
    }

    /// Answers each request as `answer` says; `None` closes the connection.
    pub(crate) async fn answering<A>(answer: A) -> Self
    where
        A: Fn(&Received) -> Option<String> + Clone + Send + 'static,
    {
        Self::start(move |mut stream, requests| {
            let answer = answer.clone();
            async move {
                let mut waiting = Vec::new();
                while let Some(request) = receive(&mut stream, &mut waiting).await {
                    requests.lock().expect("unpoisoned").push(request.clone());
                    let Some(answer) = answer(&request) else { return };
                    if stream.write_all(answer.as_bytes()).await.is_err() {
                        return;
                    }
                }
            }
        })
        .await
    }

    /// Answers each request with its target.
    pub(crate) async fn echoing() -> Self {
        Self::answering(|request| Some(ok(request.target()))).await
    }

    /// Answers each request with the same bytes.
    pub(crate) async fn saying(answer: &'static str) -> Self {
        Self::answering(move |_| Some(answer.to_owned())).await
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.requests.lock().expect("unpoisoned").clone()
    }

    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    /// Closes every connection, as a crash does.
    pub(crate) fn hang_up(&self) {
        self.connections.lock().expect("unpoisoned").drain(..).for_each(|connection| connection.abort());
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.listener.abort();
        self.hang_up();
    }
}

/// A plain answer.
pub(crate) fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// Reads one request; `None` at the connection's end.
pub(crate) async fn receive(stream: &mut TcpStream, waiting: &mut Vec<u8>) -> Option<Received> {
    let end = read_past(stream, waiting, 0, b"\r\n\r\n").await?;
    let head = String::from_utf8_lossy(&waiting[..end]).into_owned();
    let lower = head.to_lowercase();
    let length =
        lower.split_once("\r\ncontent-length: ").and_then(|(_, rest)| rest.split("\r\n").next()?.parse::<usize>().ok());
    let body_end = if lower.contains("\r\ntransfer-encoding: chunked\r\n") {
        // The gateway's own chunks have no `0` line but the last.
        let last = if waiting[end..].starts_with(b"0\r\n") {
            end
        } else {
            read_past(stream, waiting, end, b"\r\n0\r\n").await? - 5
        };
        read_past(stream, waiting, last, b"\r\n\r\n").await?
    } else {
        let wanted = end + length.unwrap_or(0);
        while waiting.len() < wanted {
            more(stream, waiting).await?;
        }
        wanted
    };
    let body = waiting[end..body_end].to_vec();
    waiting.drain(..body_end);
    Some(Received { head, body })
}

async fn read_past(stream: &mut TcpStream, waiting: &mut Vec<u8>, from: usize, end: &[u8]) -> Option<usize> {
    loop {
        if let Some(at) = waiting[from..].windows(end.len()).position(|window| window == end) {
            return Some(from + at + end.len());
        }
        more(stream, waiting).await?;
    }
}

async fn more(stream: &mut TcpStream, waiting: &mut Vec<u8>) -> Option<()> {
    matches!(stream.read_buf(waiting).await, Ok(1..)).then_some(())
}
