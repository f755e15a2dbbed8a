//! Clients that do not stop.

use crate::http_client::HttpClient;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// One exchange with a parrot: what came back.
pub(crate) async fn ask(address: SocketAddr, question: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(question.as_bytes()).await?;
    stream.shutdown().await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[derive(Default)]
struct Counts {
    answered: AtomicU64,
    refused: AtomicU64,
    broken: AtomicU64,
    wrong: AtomicU64,
    stop: AtomicBool,
}

/// So many clients, each asking one question after the other over a new connection.
pub(crate) struct Load {
    counts: Arc<Counts>,
    clients: Vec<tokio::task::JoinHandle<()>>,
}

/// What became of all questions.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Result {
    pub(crate) answered: u64,
    /// Connections that were not accepted.
    pub(crate) refused: u64,
    /// Connections that ended before the answer.
    pub(crate) broken: u64,
    /// Other answers than expected.
    pub(crate) wrong: u64,
}

impl Load {
    pub(crate) fn start(address: SocketAddr, clients: usize) -> Self {
        let counts = Arc::new(Counts::default());
        let clients = (0..clients).map(|client| tokio::spawn(run(address, client, counts.clone())));
        Self { clients: clients.collect(), counts }
    }

    /// Clients that ask over HTTP, twenty questions over each connection; every answer must be one of `expected`.
    pub(crate) fn http(address: SocketAddr, clients: usize, expected: &'static [&'static str]) -> Self {
        let counts = Arc::new(Counts::default());
        let clients = (0..clients).map(|_| tokio::spawn(run_http(address, expected, counts.clone())));
        Self { clients: clients.collect(), counts }
    }

    /// Returns when so many more questions are answered.
    pub(crate) async fn more(&self, answers: u64) {
        let goal = self.counts.answered.load(Ordering::Relaxed) + answers;
        super::world::until("more answers", async || self.counts.answered.load(Ordering::Relaxed) >= goal).await;
    }

    pub(crate) async fn stop(self) -> Result {
        self.counts.stop.store(true, Ordering::Relaxed);
        for client in self.clients {
            client.await.unwrap();
        }
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let Counts { answered, refused, broken, wrong, .. } = &*self.counts;
        Result { answered: read(answered), refused: read(refused), broken: read(broken), wrong: read(wrong) }
    }
}

async fn run(address: SocketAddr, client: usize, counts: Arc<Counts>) {
    let mut turn = 0_u64;
    while !counts.stop.load(Ordering::Relaxed) {
        turn += 1;
        let question = format!("{client}-{turn}");
        let counter = match ask(address, &question).await {
            Ok(answer) if answer.ends_with(&question) => &counts.answered,
            Ok(answer) if answer.is_empty() => &counts.broken,
            Ok(_) => &counts.wrong,
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => &counts.refused,
            Err(_) => &counts.broken,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

async fn run_http(address: SocketAddr, expected: &[&str], counts: Arc<Counts>) {
    while !counts.stop.load(Ordering::Relaxed) {
        let mut client = match HttpClient::connect(address).await {
            Ok(client) => client,
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                counts.refused.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            Err(_) => {
                counts.broken.fetch_add(1, Ordering::Relaxed);
                continue;
            }
        };
        for _ in 0..20 {
            let counter = match client.get("/").await {
                Ok((200, body)) if expected.contains(&body.as_str()) => &counts.answered,
                Ok(_) => &counts.wrong,
                Err(_) => &counts.broken,
            };
            counter.fetch_add(1, Ordering::Relaxed);
            // The gateway ends connections when it ends, but never without saying so in an answer.
            if client.ended || std::ptr::eq(counter, &counts.broken) {
                break;
            }
        }
    }
}
