//! How tunnels end.

use super::super::websocket::{CLOSE_TO_CLIENT, CLOSE_TO_INSTANCE};
use super::*;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// Two connected sockets.
async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (near, far) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
    (near.unwrap(), far.unwrap().0)
}

/// A tunnel under way: the client's end, the instance's end, what asks it to close, and its task.
async fn tunnel(websocket: bool) -> (TcpStream, TcpStream, CancellationToken, tokio::task::JoinHandle<(u64, u64)>) {
    let ((client, near), (upstream, instance)) = (pair().await, pair().await);
    let closing = CancellationToken::new();
    let token = closing.clone();
    let task = tokio::spawn(async move {
        let limits = Limits { tunnel_close_timeout: Duration::from_secs(10), ..Limits::default() };
        let mut client = Client::new(near, &limits);
        let mut from_upstream = Incoming::new(limits.buffer_bytes_max);
        let mut timer = Timer::new(Instant::now() + limits.tunnel_idle_timeout);
        let (from_upstream, timer) = (&mut from_upstream, &mut timer);
        Tunnel { client: &mut client, upstream, from_upstream, timer, limits: &limits }.run(&token, websocket).await
    });
    (client, instance, closing, task)
}

async fn read(stream: &mut TcpStream, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    let read = tokio::time::timeout(Duration::from_secs(5), stream.read_exact(&mut bytes)).await;
    read.expect("in time").expect("open");
    bytes
}

async fn ended(stream: &mut TcpStream) {
    let mut rest = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut rest)).await;
    read.expect("in time").expect("a plain end");
    assert_eq!(rest, b"");
}

#[tokio::test]
async fn a_websocket_is_closed_between_two_frames() {
    let (mut client, mut instance, closing, task) = tunnel(true).await;
    // Half a frame to the client, none to the instance.
    instance.write_all(b"\x81\x05he").await.unwrap();
    assert_eq!(read(&mut client, 4).await, b"\x81\x05he");
    closing.cancel();
    assert_eq!(read(&mut instance, 8).await, CLOSE_TO_INSTANCE);
    // The rest of the frame, and a frame that comes too late.
    instance.write_all(b"llo\x81\x02no").await.unwrap();
    assert_eq!(read(&mut client, 3).await, b"llo");
    assert_eq!(read(&mut client, 4).await, CLOSE_TO_CLIENT);
    client.write_all(CLOSE_TO_INSTANCE).await.unwrap();
    instance.write_all(CLOSE_TO_CLIENT).await.unwrap();
    ended(&mut client).await;
    ended(&mut instance).await;
    assert_eq!(task.await.unwrap(), (0, 7));
}

#[tokio::test]
async fn other_protocols_are_told_by_the_end_of_the_stream() {
    let (mut client, mut instance, closing, task) = tunnel(false).await;
    client.write_all(b"hello").await.unwrap();
    assert_eq!(read(&mut instance, 5).await, b"hello");
    closing.cancel();
    ended(&mut client).await;
    ended(&mut instance).await;
    drop((client, instance));
    task.await.unwrap();
}

#[tokio::test]
async fn each_direction_ends_by_itself() {
    let (mut client, mut instance, _closing, task) = tunnel(false).await;
    client.shutdown().await.unwrap();
    ended(&mut instance).await;
    instance.write_all(b"still here").await.unwrap();
    assert_eq!(read(&mut client, 10).await, b"still here");
    drop(instance);
    ended(&mut client).await;
    assert_eq!(task.await.unwrap(), (0, 10));
}
