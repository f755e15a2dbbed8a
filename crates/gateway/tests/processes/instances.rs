//! Instances: servers inside the test.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A server; it ends with the test.
pub(crate) struct Instance {
    pub(crate) address: SocketAddr,
    /// How many connections it has accepted.
    pub(crate) accepted: Arc<AtomicU64>,
    task: tokio::task::JoinHandle<()>,
}

impl Instance {
    /// Reads to the end, then answers its name and what it read.
    pub(crate) async fn parrot(name: &'static str) -> Self {
        Self::serve(move |stream| parrot(stream, name)).await
    }

    /// Gives back every byte as it comes.
    pub(crate) async fn echo() -> Self {
        Self::serve(|mut stream| async move {
            let (mut reader, mut writer) = stream.split();
            let _ = tokio::io::copy(&mut reader, &mut writer).await;
        })
        .await
    }

    /// Answers every HTTP request with its name, after so long.
    pub(crate) async fn http(name: &'static str, delay: Duration) -> Self {
        Self::http_with(delay, move |_| (200, name.to_owned())).await
    }

    /// As [`Self::http`], over a listener that stands already.
    pub(crate) fn http_on(listener: std::net::TcpListener, name: &'static str, delay: Duration) -> Self {
        Self::serve_on(listener, move |stream| answer_http(stream, delay, move |_| (200, name.to_owned())))
    }

    /// As [`Self::parrot`], over a listener that stands already.
    pub(crate) fn parrot_on(listener: std::net::TcpListener, name: &'static str) -> Self {
        Self::serve_on(listener, move |stream| parrot(stream, name))
    }

    /// Answers every HTTP request with a status and a body, by its head.
    pub(crate) async fn http_with(
        delay: Duration,
        answer: impl Fn(&str) -> (u16, String) + Clone + Send + Sync + 'static,
    ) -> Self {
        Self::serve(move |stream| answer_http(stream, delay, answer.clone())).await
    }

    /// Sends so many bytes, whether or not anybody takes them.
    pub(crate) async fn flood(bytes: usize) -> Self {
        Self::serve(move |mut stream| async move {
            let _ = stream.write_all(&vec![b'x'; bytes]).await;
        })
        .await
    }

    pub(crate) async fn serve<F, R>(answer: F) -> Self
    where
        F: Fn(TcpStream) -> R + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        Self::serve_on(std::net::TcpListener::bind("127.0.0.1:0").unwrap(), answer)
    }

    fn serve_on<F, R>(listener: std::net::TcpListener, answer: F) -> Self
    where
        F: Fn(TcpStream) -> R + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        listener.set_nonblocking(true).unwrap();
        let listener = TcpListener::from_std(listener).unwrap();
        let address = listener.local_addr().unwrap();
        let accepted = Arc::new(AtomicU64::new(0));
        let counter = accepted.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(answer(stream));
            }
        });
        Self { address, accepted, task }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn parrot(mut stream: TcpStream, name: &'static str) {
    let mut bytes = Vec::new();
    if stream.read_to_end(&mut bytes).await.is_ok() {
        let _ = stream.write_all(name.as_bytes()).await;
        let _ = stream.write_all(&bytes).await;
    }
}

async fn answer_http(
    mut stream: TcpStream,
    delay: Duration,
    answer: impl Fn(&str) -> (u16, String) + Send + Sync + 'static,
) {
    let mut bytes = Vec::new();
    while let Some(head) = next_head(&mut stream, &mut bytes).await {
        tokio::time::sleep(delay).await;
        let (status, body) = answer(&head);
        let text = format!("HTTP/1.1 {status} x\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        if stream.write_all(text.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// The next head of a request without body.
async fn next_head(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<String> {
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = bytes.drain(..end + 4).collect();
            return String::from_utf8(head).ok();
        }
        if stream.read_buf(bytes).await.ok()? == 0 {
            return None;
        }
    }
}

/// An address where nobody listens.
pub(crate) fn nobody() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
