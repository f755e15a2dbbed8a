//! Bodies: streaming, back-pressure, chunks, trailers, 100-continue.

use crate::support::instance::{Instance, ok, receive};
use crate::support::{World, eventually, status, within};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// More than all buffers on the way together, those of the system included.
const LARGE: usize = 100_000_000;
/// What these may hold at most.
const BUFFERED_MAX: usize = 24_000_000;

/// Waits until a count stands still.
async fn standstill(count: &AtomicUsize) -> usize {
    let mut before = usize::MAX;
    loop {
        let now = count.load(Ordering::SeqCst);
        if now == before && now > 0 {
            return now;
        }
        before = now;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_slow_reader_slows_the_instance() {
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = sent.clone();
    let instance = Instance::start(move |mut stream, _| {
        let counter = counter.clone();
        async move {
            receive(&mut stream, &mut Vec::new()).await;
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {LARGE}\r\n\r\n");
            stream.write_all(head.as_bytes()).await.expect("the gateway reads");
            let piece = [b'x'; 10_000];
            while counter.load(Ordering::SeqCst) < LARGE {
                stream.write_all(&piece).await.expect("the gateway reads");
                counter.fetch_add(piece.len(), Ordering::SeqCst);
            }
        }
    })
    .await;
    let world = World::new(&[instance.address]).await;
    let mut client = world.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    client.head().await;
    let held = within(standstill(&sent)).await;
    assert!(held < BUFFERED_MAX, "{held} bytes are somewhere");
    let mut rest = vec![0; 1 << 20];
    let mut total = 0;
    while total < LARGE {
        total += within(client.0.read(&mut rest)).await.expect("the gateway writes");
    }
    assert_eq!(total, LARGE);
}

#[tokio::test]
async fn a_slow_instance_slows_the_client() {
    let instance = Instance::start(|mut stream, requests| async move {
        let mut byte = [0];
        // Reads a byte, and the rest only after the test has looked.
        stream.read_exact(&mut byte).await.expect("a request");
        while requests.lock().expect("unpoisoned").is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let mut bytes = Vec::with_capacity(1 << 20);
        while !bytes.ends_with(b"\r\n0\r\n\r\n") {
            let tail = bytes.len().saturating_sub(7);
            bytes.drain(..tail);
            stream.read_buf(&mut bytes).await.expect("the gateway writes");
        }
        let _ = stream.write_all(ok("done").as_bytes()).await;
    })
    .await;
    let world = World::new(&[instance.address]).await;
    let client = world.connect().await;
    let (mut reader, mut writer) = client.0.into_split();
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = sent.clone();
    let writing = tokio::spawn(async move {
        let head = "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        writer.write_all(head.as_bytes()).await.expect("the gateway reads");
        let piece = ["2710\r\n", &"x".repeat(10_000), "\r\n"].concat();
        for _ in 0..LARGE / 10_000 {
            writer.write_all(piece.as_bytes()).await.expect("the gateway reads");
            counter.fetch_add(10_000, Ordering::SeqCst);
        }
        writer.write_all(b"0\r\n\r\n").await.expect("the gateway reads");
        writer
    });
    let held = within(standstill(&sent)).await;
    assert!(held < BUFFERED_MAX, "{held} bytes are somewhere");
    instance
        .requests
        .lock()
        .expect("unpoisoned")
        .push(crate::support::instance::Received { head: String::new(), body: vec![] });
    let _writer = writing.await.expect("all is sent");
    let mut answer = vec![0; 12];
    within(reader.read_exact(&mut answer)).await.expect("an answer");
    assert_eq!(answer, b"HTTP/1.1 200");
}

#[tokio::test]
async fn chunks_and_trailers_pass_both_ways() {
    let instance = Instance::saying(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3;ext=1\r\nabc\r\n0002\r\nde\r\n0\r\nX-Sum: 5\r\nX-Seaworthy-A: b\r\n\r\n",
    )
    .await;
    let world = World::new(&[instance.address]).await;
    let mut client = world.connect().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: te\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\nA\r\n0123456789\r\n0\r\nX-T: u\r\n\r\n").await;
    let head = client.head().await;
    assert!(head.contains("\r\nTrailer: X-Sum\r\n") && head.contains("\r\nTransfer-Encoding: chunked\r\n"), "{head}");
    assert_eq!(client.until("\r\n\r\n").await, "3\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 5\r\n\r\n");
    let received = instance.received().remove(0);
    assert_eq!(String::from_utf8_lossy(&received.body), "1\r\nx\r\na\r\n0123456789\r\n0\r\nX-T: u\r\n\r\n");
    assert!(received.has("TE: trailers"));
}

#[tokio::test]
async fn a_body_streams_while_the_answer_does() {
    // Each chunk is echoed before the next one is sent.
    let instance = Instance::start(|mut stream, _| async move {
        let mut bytes = Vec::new();
        while !bytes.ends_with(b"\r\n\r\n") {
            stream.read_buf(&mut bytes).await.expect("a head");
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await.expect("the gateway reads");
        let (mut reader, mut writer) = stream.split();
        let _ = tokio::io::copy(&mut reader, &mut writer).await;
    })
    .await;
    let world = World::new(&[instance.address]).await;
    let mut client = world.connect().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    client.head().await;
    for piece in ["5\r\nhello\r\n", "1\r\n!\r\n", "0\r\n\r\n"] {
        client.send(piece).await;
        assert_eq!(client.exactly(piece.len()).await, piece);
    }
}

#[tokio::test]
async fn the_client_that_waits_for_100_gets_it_from_the_instance() {
    let instance = Instance::start(|mut stream, requests| async move {
        let mut bytes = Vec::new();
        while !bytes.ends_with(b"\r\n\r\n") {
            stream.read_buf(&mut bytes).await.expect("a head");
        }
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.expect("the gateway reads");
        let received = receive(&mut stream, &mut bytes).await.expect("a body");
        requests.lock().expect("unpoisoned").push(received);
        stream.write_all(ok("thanks").as_bytes()).await.expect("the gateway reads");
    })
    .await;
    let world = World::new(&[instance.address]).await;
    let mut client = world.connect().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n").await;
    assert_eq!(client.head().await, "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("hello").await;
    assert!(client.answer().await.ends_with("thanks"));
    let received = instance.received().remove(0);
    assert!(received.has("Expect: 100-continue") && received.body == b"hello");
}

#[tokio::test]
async fn the_client_that_waits_for_100_may_get_a_refusal() {
    let instance = Instance::start(|mut stream, _| async move {
        let _ = stream.read(&mut [0; 4096]).await;
        let _ = stream.write_all(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n").await;
        let _ = stream.read(&mut [0; 4096]).await;
    })
    .await;
    let world = World::new(&[instance.address]).await;
    let answer = world.talk("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n").await;
    // The client does not say whether it sends the body now: the connection can carry nothing else.
    assert!(answer.starts_with("HTTP/1.1 401") && answer.contains("Connection: close"), "{answer}");
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_seen_to() {
    for (head, piece) in [("Content-Length: 10", "hello"), ("Transfer-Encoding: chunked", "5\r\nhello\r\n")] {
        let answer = format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n{piece}");
        let instance = Instance::start(move |mut stream, _| {
            let answer = answer.clone();
            async move {
                receive(&mut stream, &mut Vec::new()).await;
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        })
        .await;
        let world = World::new(&[instance.address]).await;
        let got = world.talk("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert!(got.ends_with(piece), "{got}");
        // Without lengths and chunks nothing but a failed connection can tell.
        let mut old = world.connect().await;
        old.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n").await;
        let mut bytes = Vec::new();
        let ended = within(old.0.read_to_end(&mut bytes)).await;
        assert!(ended.is_err() || head.starts_with("Content"), "{head}");
    }
}

#[tokio::test]
async fn a_client_that_breaks_off_its_body_ends_the_instance_s_request() {
    let instance = Instance::start(|mut stream, requests| async move {
        let whole = receive(&mut stream, &mut Vec::new()).await;
        assert!(whole.is_none(), "half a body is no body");
        requests
            .lock()
            .expect("unpoisoned")
            .push(crate::support::instance::Received { head: String::new(), body: vec![] });
    })
    .await;
    let world = World::new(&[instance.address]).await;
    let mut client = world.connect().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello").await;
    eventually("the request arrives", || instance.accepted() == 1).await;
    drop(client);
    eventually("the instance's connection ends", || instance.received().len() == 1).await;
}

#[tokio::test]
async fn a_body_that_turns_out_malformed_is_refused() {
    let instance = Instance::echoing().await;
    let world = World::new(&[instance.address]).await;
    let mut client = world.connect().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n").await;
    client.send("x\r\n").await;
    assert_eq!(status(&client.rest().await), 400);
    assert_eq!(instance.received().len(), 0);
}
