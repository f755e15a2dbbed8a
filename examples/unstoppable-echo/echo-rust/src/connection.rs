//! One connection: request after request until either side has had enough.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use crate::input::{Input, NoHead};
use crate::log::Log;
use crate::request::Request;
use crate::response::Response;
use crate::server::Slot;

/// Longer than a gateway keeps an idle connection, so that it is the gateway that closes it.
const IDLE_TIMEOUT: Duration = Duration::from_secs(75);
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
const LINGER_TIMEOUT: Duration = Duration::from_secs(1);
const LINGER_BYTES_MAX: usize = 64 * 1024;

/// Serves the connection until it ends. Errors of the connection itself concern nobody but the client.
pub fn serve(slot: &Slot, log: Log) {
    let stream = slot.stream();
    if stream.set_nodelay(true).is_err() || stream.set_write_timeout(Some(WRITE_TIMEOUT)).is_err() {
        return;
    }
    let mut input = Input::new(stream);
    loop {
        slot.rest();
        if !input.wait(IDLE_TIMEOUT) {
            return;
        }
        slot.work();
        if !matches!(exchange(&mut input, stream, slot, log), Ok(true)) {
            linger(stream);
            return;
        }
    }
}

/// One request and its answer. Returns whether another may follow.
fn exchange(input: &mut Input, stream: &TcpStream, slot: &Slot, log: Log) -> io::Result<bool> {
    let started = Instant::now();
    let request = match input.head(started + HEAD_TIMEOUT) {
        Ok(head) => Request::parse(&head),
        Err(NoHead::Refused(refusal)) => Err(refusal),
        Err(NoHead::Gone) => return Ok(false),
    };
    let response = request.as_ref().map_or_else(|refusal| Response::to_refusal(*refusal), Response::to_request);
    let request = request.ok();
    let wants_more = request.as_ref().is_some_and(|request| request.keep_alive && !request.has_body);
    let keep_alive = wants_more && !slot.stopping();
    let without_body = request.as_ref().is_some_and(|request| request.method == "HEAD");
    let written = { stream }.write_all(&response.encode(without_body, keep_alive));
    log.request(request.as_ref(), response.status, started.elapsed());
    written.map(|()| keep_alive)
}

/// Lets the client read the answer: closing with unread bytes in the buffer would reset the connection.
fn linger(stream: &TcpStream) {
    let deadline = Instant::now() + LINGER_TIMEOUT;
    let _ = stream.shutdown(Shutdown::Write);
    let mut unread = 0;
    let mut chunk = [0; 4096];
    while unread < LINGER_BYTES_MAX {
        let remaining = deadline.saturating_duration_since(Instant::now());
        if remaining.is_zero() || stream.set_read_timeout(Some(remaining)).is_err() {
            return;
        }
        match { stream }.read(&mut chunk) {
            Ok(count @ 1..) => unread += count,
            _ => return,
        }
    }
}
