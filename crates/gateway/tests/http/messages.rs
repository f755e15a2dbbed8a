//! Heads, interim answers, versions.

use crate::support::instance::{Instance, ok};
use crate::support::{World, status};

#[tokio::test]
async fn passes_a_request_and_its_answer() {
    let instance = Instance::saying("HTTP/1.1 201 Made\r\nContent-Length: 2\r\nX-A: b\r\nKeep-Alive: timeout=5\r\nConnection: x-c\r\nX-C: d\r\n\r\nhi").await;
    let world = World::new(&[instance.address]).await;
    let answer = world.talk("POST /x?y=z HTTP/1.1\r\nHost: A:80\r\nContent-Length: 3\r\nConnection: close, x-e\r\nX-E: f\r\nX-Forwarded-For: 6.6.6.6\r\nX-Seaworthy-Release: 1\r\n\r\nabc").await;
    assert!(answer.starts_with("HTTP/1.1 201 Made\r\nX-A: b\r\nDate: "), "{answer}");
    assert!(answer.ends_with("GMT\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi"), "{answer}");
    let received = instance.received().remove(0);
    assert!(received.head.starts_with("POST /x?y=z HTTP/1.1\r\nHost: A:80\r\n"), "{received:?}");
    assert_eq!(received.body, b"abc");
    for line in
        ["X-Forwarded-For: 127.0.0.1", "X-Forwarded-Proto: http", "X-Forwarded-Host: A:80", "Via: 1.1 seaworthy"]
    {
        assert!(received.has(line), "{line} in {received:?}");
    }
    assert!(received.has("Forwarded: for=127.0.0.1;host=\"A:80\";proto=http"), "{received:?}");
    assert!(received.head.contains("\r\ntraceparent: 00-"), "{received:?}");
    for name in ["x-e", "connection", "x-seaworthy", "6.6.6.6"] {
        assert!(!received.head.to_lowercase().contains(name), "{name} in {received:?}");
    }
}

#[tokio::test]
async fn what_an_instance_says_about_its_caller_is_kept() {
    let instance = Instance::echoing().await;
    let world = World::new(&[instance.address]).await;
    let mut client = crate::support::Client(tokio::net::TcpStream::connect(world.internal).await.unwrap());
    client.send("GET / HTTP/1.1\r\nHost: anything\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n").await;
    assert_eq!(status(&client.answer().await), 200);
    assert!(instance.received()[0].has("X-Forwarded-For: 1.2.3.4, 127.0.0.1"));
}

#[tokio::test]
async fn a_head_has_no_body_and_the_connection_goes_on() {
    let instance = Instance::answering(|request| {
        let is_head = request.head.starts_with("HEAD");
        Some(if is_head { "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n".into() } else { ok("hi") })
    })
    .await;
    let world = World::new(&[instance.address]).await;
    let mut client = world.connect().await;
    client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(client.head().await.contains("\r\nContent-Length: 100\r\n"));
    assert!(client.answer().await.ends_with("\r\n\r\nhi"));
    assert_eq!(instance.accepted(), 1);
}

#[tokio::test]
async fn no_content_and_not_modified_have_no_body() {
    let instance = Instance::answering(|request| {
        let status =
            if request.target() == "/204" { "204 No Content" } else { "304 Not Modified\r\nContent-Length: 9" };
        Some(format!("HTTP/1.1 {status}\r\n\r\n"))
    })
    .await;
    let world = World::new(&[instance.address]).await;
    let mut client = world.connect().await;
    for target in ["/204", "/304", "/204"] {
        client.send(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
        let head = client.head().await;
        assert_eq!(status(&head).to_string(), target[1..]);
        assert_eq!(head.contains("Content-Length: 9"), target == "/304");
        assert!(!head.contains("chunked"));
    }
}

#[tokio::test]
async fn interim_answers_come_through_before_the_final_one() {
    let instance = Instance::saying(
        "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
    )
    .await;
    let world = World::new(&[instance.address]).await;
    let mut client = world.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(client.head().await, "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n");
    assert_eq!(client.head().await, "HTTP/1.1 102 Processing\r\n\r\n");
    assert!(client.answer().await.ends_with("hi"));
    assert!(world.talk("GET / HTTP/1.0\r\nHost: a\r\n\r\n").await.starts_with("HTTP/1.1 200 OK\r\n"));
}

#[tokio::test]
async fn a_client_of_http_1_0_gets_what_it_can_read() {
    let instance = Instance::saying("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n").await;
    let world = World::new(&[instance.address]).await;
    let answer = world.talk("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n").await;
    assert!(answer.ends_with("Connection: close\r\n\r\nhi") && !answer.contains("chunked"), "{answer}");
}

#[tokio::test]
async fn an_instance_of_http_1_0_that_closes_is_no_trouble() {
    let instance = Instance::start(|mut stream, requests| async move {
        use tokio::io::AsyncWriteExt as _;
        let request = crate::support::instance::receive(&mut stream, &mut Vec::new()).await.expect("a request");
        requests.lock().expect("unpoisoned").push(request);
        let _ = stream.write_all(b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\nhello").await;
    })
    .await;
    let world = World::new(&[instance.address]).await;
    let mut client = world.connect().await;
    for _ in 0..3 {
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert!(client.head().await.contains("\r\nTransfer-Encoding: chunked\r\n"));
        assert_eq!(client.until("0\r\n\r\n").await, "5\r\nhello\r\n0\r\n\r\n");
    }
    let mut posting = world.connect().await;
    for _ in 0..3 {
        posting.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx").await;
        posting.until("0\r\n\r\n").await;
    }
    assert_eq!(instance.received().len(), 6);
}

#[tokio::test]
async fn an_answer_with_two_readings_is_refused() {
    let answers = [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhi",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\nContent-Length: 2\n\nhi",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: a\r\n b\r\n\r\nhi",
        "HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nhi",
        "HTTP/1.1 200 OK\r\nContent_Length: 2\r\n\r\nhi",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nhi",
        "HTTP/1.1 20 OK\r\n\r\n",
        "SSH-2.0-OpenSSH\r\n",
    ];
    for answer in answers {
        let instance = Instance::saying(answer).await;
        let world = World::new(&[instance.address]).await;
        assert_eq!(
            status(&world.talk("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await),
            502,
            "{answer:?}"
        );
    }
}
