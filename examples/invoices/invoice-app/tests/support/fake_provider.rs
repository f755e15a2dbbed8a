//! A payment provider that keeps its books as the real one does, and fails as it is told.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use invoice_app::invoice::Due;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What happens to a request instead of an answer.
#[derive(Clone, Debug)]
pub enum Fault {
    /// The connection ends before anything is booked.
    LostBefore,
    /// The payment is booked, and the connection ends before the answer: the worst moment for a crash.
    LostAfter,
    /// The payment is booked, and the answer never comes.
    HangAfter,
    /// This status with this body, and nothing is booked.
    Answer(u16, &'static str),
}

#[derive(Default)]
struct State {
    /// For each invoice, what happens to its next requests.
    faults: HashMap<String, VecDeque<Fault>>,
    fault_for_all: Option<Fault>,
    booked: HashMap<String, Due>,
    /// Every request: its whole head, in lower case.
    heads: Vec<String>,
}

#[derive(Clone)]
pub struct FakeProvider {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl FakeProvider {
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let provider = Self { address: listener.local_addr().unwrap(), state: Arc::default() };
        let accepting = provider.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let provider = accepting.clone();
                tokio::spawn(async move { provider.serve(stream).await });
            }
        });
        provider
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The invoice's next requests end like this, one after another; then all is well.
    pub fn fail(&self, id: &str, faults: impl IntoIterator<Item = Fault>) {
        self.state.lock().unwrap().faults.entry(id.into()).or_default().extend(faults);
    }

    pub fn fail_all(&self, fault: Option<Fault>) {
        self.state.lock().unwrap().fault_for_all = fault;
    }

    /// Key and order of each payment.
    pub fn booked(&self) -> Vec<(String, Due)> {
        let state = self.state.lock().unwrap();
        let mut booked: Vec<_> = state.booked.iter().map(|(key, due)| (key.clone(), due.clone())).collect();
        booked.sort_by(|one, other| one.1.id.cmp(&other.1.id));
        booked
    }

    pub fn booked_ids(&self) -> Vec<String> {
        self.booked().into_iter().map(|(_, due)| due.id).collect()
    }

    pub fn heads(&self) -> Vec<String> {
        self.state.lock().unwrap().heads.clone()
    }

    async fn serve(&self, mut stream: TcpStream) -> Option<()> {
        loop {
            let (head, body) = read_request(&mut stream).await?;
            let due: Due = serde_json::from_slice(&body).unwrap();
            let key = field(&head, "idempotency-key").expect("a key").to_owned();
            let fault = self.next_fault(&due.id, head);
            if matches!(fault, None | Some(Fault::LostAfter | Fault::HangAfter)) {
                let mut state = self.state.lock().unwrap();
                let booked = state.booked.entry(key).or_insert_with(|| due.clone());
                assert_eq!(*booked, due, "another order under the same key");
            }
            let (status, answer) = match fault {
                None => (200, serde_json::to_string(&due).unwrap()),
                Some(Fault::Answer(status, answer)) => (status, answer.into()),
                Some(Fault::LostBefore | Fault::LostAfter) => return None,
                Some(Fault::HangAfter) => std::future::pending().await,
            };
            let answer = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\n\r\n{answer}", answer.len());
            stream.write_all(answer.as_bytes()).await.ok()?;
        }
    }

    fn next_fault(&self, id: &str, head: String) -> Option<Fault> {
        let mut state = self.state.lock().unwrap();
        state.heads.push(head);
        let own = state.faults.get_mut(id).and_then(VecDeque::pop_front);
        own.or_else(|| state.fault_for_all.clone())
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let mut body = vec![0; field(&head, "content-length")?.parse().ok()?];
    stream.read_exact(&mut body).await.ok()?;
    Some((head, body))
}

fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}
