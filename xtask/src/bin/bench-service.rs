//! The smallest service that one would deploy: what `cargo xtask bench deploy` deploys. It starts at once, answers
//! every request with its version, and knows nothing of signals.

use std::env;
use std::error::Error;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

fn main() -> Result<(), Box<dyn Error>> {
    let host = env::var("HOST").unwrap_or_else(|_| "127.0.0.1".to_owned());
    let port: u16 = env::var("PORT")?.parse()?;
    let version = fs::read_to_string("version").unwrap_or_default();
    let answer = Arc::new(format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{version}",
        version.len()
    ));
    let listener = TcpListener::bind((host, port))?;
    for stream in listener.incoming() {
        let (stream, answer) = (stream?, Arc::clone(&answer));
        thread::Builder::new().stack_size(64 * 1024).spawn(move || serve(stream, &answer))?;
    }
    Ok(())
}

/// Answers one request after the other; none of them has a body.
fn serve(stream: TcpStream, answer: &str) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    while reader.read_line(&mut line)? > 0 {
        if line == "\r\n" {
            writer.write_all(answer.as_bytes())?;
        }
        line.clear();
    }
    Ok(())
}
