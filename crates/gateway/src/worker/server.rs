//! The worker's control socket.

use super::{Worker, commands};
use crate::control::{Answer, LINE_BYTES_MAX, Refusal, RefusalCode, Request, WorkerCommand, allowed};
use crate::log;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;

/// How many may talk to the worker at once.
const CLIENTS_MAX: usize = 64;

/// The server as a future; needs the runtime.
pub(super) fn serve(
    worker: Arc<Worker>,
    socket: std::os::unix::net::UnixListener,
) -> io::Result<impl Future<Output = ()>> {
    socket.set_nonblocking(true)?;
    let socket = UnixListener::from_std(socket)?;
    Ok(async move {
        let places = Arc::new(Semaphore::new(CLIENTS_MAX));
        while let Ok(place) = places.clone().acquire_owned().await {
            match socket.accept().await {
                Ok((stream, _)) => {
                    let worker = worker.clone();
                    tokio::spawn(async move {
                        let _ = client(&worker, stream).await;
                        drop(place);
                    });
                }
                Err(error) => {
                    log::line("worker", format_args!("the control socket cannot accept: {error}"));
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    })
}

async fn client(worker: &Arc<Worker>, mut stream: UnixStream) -> io::Result<()> {
    let mut bytes = Vec::new();
    loop {
        let Some(line) = next_line(&mut stream, &mut bytes).await? else { return Ok(()) };
        let answer = match allowed(&stream).and_then(|()| Request::<WorkerCommand>::read(&line)) {
            Ok(Request { command: WorkerCommand::HandOver, .. }) => {
                let stream = stream.into_std()?;
                return commands::hand_over(worker, stream).await;
            }
            Ok(request) => match commands::carry_out(worker, request.command).await {
                Ok(value) => Answer::Done(value),
                Err(refusal) => Answer::Refused(refusal),
            },
            Err(refusal) => Answer::Refused(refusal),
        };
        let mut line = serde_json::to_vec(&answer)?;
        line.push(b'\n');
        stream.write_all(&line).await?;
        if matches!(answer, Answer::Refused(Refusal { code: RefusalCode::NotAllowed, .. })) {
            return Ok(());
        }
    }
}

/// The next line; `None` at the end. What follows it stays in `bytes`.
async fn next_line(stream: &mut UnixStream, bytes: &mut Vec<u8>) -> io::Result<Option<Vec<u8>>> {
    let mut seen = 0;
    loop {
        if let Some(end) = bytes[seen..].iter().position(|byte| *byte == b'\n') {
            let mut line: Vec<u8> = bytes.drain(..=seen + end).collect();
            line.pop();
            return Ok(Some(line));
        }
        seen = bytes.len();
        if seen > LINE_BYTES_MAX {
            return Err(io::ErrorKind::InvalidData.into());
        }
        if stream.read_buf(bytes).await? == 0 {
            return Ok(None);
        }
    }
}
