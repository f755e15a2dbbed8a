//! The streams of a program, as frames.

use crate::run::code;
use seaworthy_api::Frame;
use seaworthy_api::frames::{ALIVE_EVERY_SECONDS, FRAME_BYTES_MAX};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_engine::wire::ExitKind;
use seaworthy_engine::{Exec, ExecEnd, ExecStreams, TerminalSide};
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::unix::pipe;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Frames that may wait for the other end; then the program waits.
const FRAMES_WAITING: usize = 4;
/// How long what it left running may go on using its streams after its end.
const LAST_WORDS: Duration = Duration::from_millis(300);
/// How much is read at once.
const READ_BYTES: usize = FRAME_BYTES_MAX / 2;

/// Returns when the program has ended and everything was said, or the other end is gone; then dropping the program ends
/// it.
pub(super) async fn accompany(exec: Exec, connection: impl AsyncRead + AsyncWrite) {
    let (from_client, to_client) = tokio::io::split(connection);
    let (from_client, to_client) = (std::pin::pin!(from_client), std::pin::pin!(to_client));
    let (sender, receiver) = mpsc::channel(FRAMES_WAITING);
    let Exec { streams, end } = exec;
    match streams {
        ExecStreams::Pipes { input, output, error } => {
            let outputs = async {
                tokio::join!(
                    copy(output, &sender, Frame::Output),
                    copy(error, &sender, Frame::Error), //
                );
            };
            carry(outputs, listen_for_pipe(from_client, input), tell(to_client, receiver), end, &sender).await;
        }
        ExecStreams::Terminal(side) => {
            let outputs = show(&side, &sender);
            carry(outputs, listen_for_terminal(from_client, &side), tell(to_client, receiver), end, &sender).await;
        }
    }
}

async fn carry(
    outputs: impl Future<Output = ()>,
    listening: impl Future<Output = ()>,
    telling: impl Future<Output = ()>,
    mut end: ExecEnd,
    sender: &mpsc::Sender<Frame>,
) {
    let program = async {
        let mut outputs = std::pin::pin!(outputs);
        let how = tokio::select! {
            how = end.wait() => {
                let _ = timeout(LAST_WORDS, outputs).await;
                how
            }
            () = &mut outputs => end.wait().await,
        };
        let _ = sender.send(last(how)).await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = telling => {}
        () = listening => {}
        () = program => {}
    }
}

fn last(how: Result<ExitKind, Diagnostic>) -> Frame {
    how.map_or_else(Frame::Failed, |how| Frame::Exit(code(&how)))
}

/// Reads a stream to its end, or until nobody wants it any more.
async fn copy(mut stream: pipe::Receiver, sender: &mpsc::Sender<Frame>, frame: impl Fn(Vec<u8>) -> Frame) {
    let mut buffer = vec![0; READ_BYTES];
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        if sender.send(frame(buffer[..count].to_vec())).await.is_err() {
            return;
        }
    }
}

async fn show(side: &TerminalSide, sender: &mpsc::Sender<Frame>) {
    let mut buffer = vec![0; READ_BYTES];
    while let Ok(count @ 1..) = side.read(&mut buffer).await {
        if sender.send(Frame::Output(buffer[..count].to_vec())).await.is_err() {
            return;
        }
    }
}

/// Returns once the last frame is sent, or nobody takes them any more.
async fn tell(mut to_client: impl AsyncWrite + Unpin, mut frames: mpsc::Receiver<Frame>) {
    let quiet = Duration::from_secs(ALIVE_EVERY_SECONDS);
    loop {
        let frame = match timeout(quiet, frames.recv()).await {
            Ok(Some(frame)) => frame,
            Ok(None) => return,
            // It tells the other end that the node is there, and the node that the other end is gone.
            Err(_) => Frame::Alive,
        };
        let is_last = matches!(frame, Frame::Exit(_) | Frame::Failed(_));
        if frame.write(&mut to_client).await.is_err() {
            return;
        }
        if is_last {
            let _ = to_client.shutdown().await;
            return;
        }
    }
}

/// Returns when the other end is gone, or says what means nothing here.
async fn listen_for_pipe(mut from_client: impl AsyncRead + Unpin, input: pipe::Sender) {
    let mut input = Some(input);
    loop {
        match Frame::read(&mut from_client).await {
            Ok(Some(Frame::Input(bytes))) => {
                // A program may have closed its standard input: the rest has no reader.
                if let Some(pipe) = &mut input
                    && pipe.write_all(&bytes).await.is_err()
                {
                    input = None;
                }
            }
            Ok(Some(Frame::InputEnd)) => input = None,
            Ok(Some(Frame::Size(_))) => {}
            Ok(_) | Err(_) => return,
        }
    }
}

async fn listen_for_terminal(mut from_client: impl AsyncRead + Unpin, side: &TerminalSide) {
    loop {
        let done: io::Result<()> = match Frame::read(&mut from_client).await {
            Ok(Some(Frame::Input(bytes))) => side.write_all(&bytes).await,
            Ok(Some(Frame::Size(size))) => side.resize(size.rows, size.columns),
            Ok(Some(Frame::InputEnd)) => Ok(()),
            Ok(_) | Err(_) => return,
        };
        // The program is about to end: how, is still to be said.
        if done.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
