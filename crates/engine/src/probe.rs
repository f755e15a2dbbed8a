//! One look at an instance: does it answer?

use crate::inside;
use seaworthy_model::service::Health;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(2);
/// How much of an answer is read.
const ANSWER_BYTES: u64 = 64 * 1024;
/// How long is waited for the rest of an answer whose status is known.
const REST: Duration = Duration::from_millis(200);

/// Looks once, through the entrance if the instance has a network of its own. `Ok`: where it answered (`None` for a
/// worker); `Err`: what was asked and what came back.
pub(crate) async fn look(
    health: &Health,
    port: Option<u16>,
    entrance: Option<&Path>,
) -> Result<Option<SocketAddr>, String> {
    let Some(port) = port else { return Ok(None) };
    match health {
        Health::Alive => Ok(None),
        Health::Connect => connect(port, entrance).await.map(|(address, _)| Some(address)),
        Health::Path(path) => {
            let (address, stream) = connect(port, entrance).await?;
            let asked = format!("GET {path} on {address}");
            let answer = tokio::time::timeout(TIMEOUT, get(stream, address, path)).await;
            match answer {
                Err(_) => Err(format!("{asked} gave no answer in {} s", TIMEOUT.as_secs())),
                Ok(Err(error)) => Err(format!("{asked} failed: {error}")),
                Ok(Ok(None)) => Err(format!("{asked} answered something else than HTTP")),
                Ok(Ok(Some(200..=399))) => Ok(Some(address)),
                Ok(Ok(Some(status))) => Err(format!("{asked} answered {status}")),
            }
        }
    }
}

/// On 127.0.0.1, else on ::1.
async fn connect(port: u16, entrance: Option<&Path>) -> Result<(SocketAddr, TcpStream), String> {
    let mut first = None;
    for address in [SocketAddr::from((Ipv4Addr::LOCALHOST, port)), SocketAddr::from((Ipv6Addr::LOCALHOST, port))] {
        let connecting = async {
            match entrance {
                None => TcpStream::connect(address).await,
                Some(entrance) => inside::connect(entrance, address).await,
            }
        };
        let problem = match tokio::time::timeout(TIMEOUT, connecting).await {
            Ok(Ok(stream)) => return Ok((address, stream)),
            Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
                format!("the connection to {address} was refused: does it listen on $PORT?")
            }
            Ok(Err(error)) => format!("no connection to {address}: {error}"),
            Err(_) => format!("no connection to {address} in {} s", TIMEOUT.as_secs()),
        };
        first.get_or_insert(problem);
    }
    Err(first.unwrap_or_default())
}

/// The answer's status; `None` when it is no HTTP.
async fn get(mut stream: TcpStream, address: SocketAddr, path: &str) -> io::Result<Option<u16>> {
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nUser-Agent: seaworthy-health\r\nAccept: */*\r\n\
         Connection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut head = Vec::new();
    let mut limited = stream.take(ANSWER_BYTES);
    while !head.contains(&b'\n') {
        if limited.read_buf(&mut head).await? == 0 {
            break;
        }
    }
    // Closed with bytes unread, the connection would be reset: many programs log that as an error of their own.
    let _ = tokio::time::timeout(REST, tokio::io::copy(&mut limited, &mut tokio::io::sink())).await;
    Ok(status(&head))
}

/// The status of `HTTP/1.x NNN …`.
fn status(head: &[u8]) -> Option<u16> {
    let line = head.split(|byte| *byte == b'\n').next()?;
    let line = std::str::from_utf8(line).ok()?;
    let (version, rest) = line.trim_end().split_once(' ')?;
    let code = rest.split(' ').next()?;
    let known = version.starts_with("HTTP/1.") && code.len() == 3;
    known.then(|| code.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    #[test]
    fn reads_status_lines_and_nothing_else() {
        assert_eq!(status(b"HTTP/1.0 204 No Content\r\n"), Some(204));
        assert_eq!(status(b"HTTP/1.1 200\r\n"), Some(200));
        assert_eq!(status(b"SSH-2.0-OpenSSH\r\n"), None);
        assert_eq!(status(b"HTTP/1.1 2000 x\r\n"), None);
        assert_eq!(status(b""), None);
    }

    async fn answering(answer: &'static [u8]) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 1024];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(answer).await;
            }
        });
        port
    }

    #[tokio::test]
    async fn says_what_was_asked_and_what_came_back() {
        let path = Health::Path("/healthz".to_owned());
        let port = answering(b"HTTP/1.1 302 Found\r\n\r\n").await;
        assert_eq!(look(&path, Some(port), None).await, Ok(Some(([127, 0, 0, 1], port).into())));
        let port = answering(b"HTTP/1.1 500 Oh\r\n\r\n").await;
        let expected = format!("GET /healthz on 127.0.0.1:{port} answered 500");
        assert_eq!(look(&path, Some(port), None).await, Err(expected));
        let port = answering(b"hello\n").await;
        assert!(look(&path, Some(port), None).await.unwrap_err().ends_with("answered something else than HTTP"));
        assert!(look(&Health::Connect, Some(port), None).await.is_ok());
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        assert!(look(&Health::Connect, Some(closed), None).await.unwrap_err().ends_with("does it listen on $PORT?"));
    }

    #[tokio::test]
    async fn a_program_on_the_other_loopback_is_found() {
        let Ok(listener) = TcpListener::bind("[::1]:0").await else { return };
        let port = listener.local_addr().unwrap().port();
        assert_eq!(look(&Health::Connect, Some(port), None).await, Ok(Some((Ipv6Addr::LOCALHOST, port).into())));
    }
}
