//! HTTP/1.1 with keep-alive, as much of it as the tests need.

use crate::answers::{Answer, State, answer};
use crate::{stop, websocket};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

/// A request, whole.
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Answers one request after the other until the client closes or the subject ends.
pub(crate) fn serve(state: &State, stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let Ok(mut writer) = stream.try_clone() else { return };
    let mut reader = BufReader::new(stream);
    let mut callee = None;
    loop {
        // Waiting for a request is idleness, everything after its first byte is work.
        if reader.fill_buf().map_or(true, <[u8]>::is_empty) {
            return;
        }
        let _busy = state.begin();
        let Some(request) = read(&mut reader) else { return };
        if request.path == "/websocket" && request.header("upgrade").is_some() {
            return websocket::serve(state, &mut reader, &mut writer);
        }
        let answer = answer(state, &request, &mut callee);
        let last = stop::asked() || request.header("connection").is_some_and(|value| value == "close");
        if write(state, &mut writer, &request, &answer, last).is_err() || last {
            return;
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let first = line(reader)?;
    let mut words = first.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (path, query) = (path.to_owned(), query.to_owned());
    let mut headers = Vec::new();
    loop {
        let text = line(reader)?;
        if text.is_empty() {
            break;
        }
        let (name, value) = text.split_once(':')?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut request = Request { method, path, query, headers, body: Vec::new() };
    request.body = body(reader, &request)?;
    Some(request)
}

fn body(reader: &mut BufReader<TcpStream>, request: &Request) -> Option<Vec<u8>> {
    if request.header("transfer-encoding").is_none() {
        let length = request.header("content-length").map_or(Some(0), |value| value.parse().ok())?;
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        return Some(body);
    }
    let mut body = Vec::new();
    loop {
        let size = usize::from_str_radix(line(reader)?.split(';').next()?.trim(), 16).ok()?;
        if size == 0 {
            while !line(reader)?.is_empty() {}
            return Some(body);
        }
        let start = body.len();
        body.resize(start + size, 0);
        reader.read_exact(&mut body[start..]).ok()?;
        line(reader)?;
    }
}

fn line(reader: &mut BufReader<TcpStream>) -> Option<String> {
    let mut text = String::new();
    let count = reader.read_line(&mut text).ok()?;
    (count > 0).then(|| text.trim_end_matches(['\r', '\n']).to_owned())
}

fn write(state: &State, writer: &mut TcpStream, request: &Request, answer: &Answer, last: bool) -> std::io::Result<()> {
    let chunked = request.query.contains("chunked");
    let mut bytes = format!("HTTP/1.1 {} Whatever\r\nx-version: {}\r\n", answer.status, state.settings.version);
    bytes.push_str(&format!("x-pid: {}\r\n", std::process::id()));
    if last {
        bytes.push_str("connection: close\r\n");
    }
    if chunked {
        bytes.push_str("transfer-encoding: chunked\r\n\r\n");
    } else {
        bytes.push_str(&format!("content-length: {}\r\n\r\n", answer.body.len()));
    }
    let mut bytes = bytes.into_bytes();
    if request.method != "HEAD" {
        if chunked {
            for chunk in answer.body.chunks(1000) {
                bytes.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
                bytes.extend([chunk, b"\r\n"].concat());
            }
            bytes.extend(b"0\r\n\r\n");
        } else {
            bytes.extend(&answer.body);
        }
    }
    writer.write_all(&bytes)
}
