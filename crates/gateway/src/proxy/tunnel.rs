//! Connections that were upgraded: bytes both ways, until both ways have ended.

use super::client::{Client, ClientStream};
use super::incoming::Incoming;
use super::timer::Timer;
use super::websocket::{CLOSE_TO_CLIENT, CLOSE_TO_INSTANCE, Frames};
use crate::limits::Limits;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Instant;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

/// Both ends of an upgraded connection. Nothing waits to be written to either when it begins.
pub(super) struct Tunnel<'a, S> {
    pub(super) client: &'a mut Client<S>,
    pub(super) upstream: TcpStream,
    pub(super) from_upstream: &'a mut Incoming,
    pub(super) timer: &'a mut Timer,
    pub(super) limits: &'a Limits,
}

/// One direction.
struct Direction {
    phase: Phase,
    bytes: u64,
    /// For WebSocket: where the frames end, and what closes the connection between two.
    frames: Option<(Frames, &'static [u8])>,
    active: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    /// Asked to end: up to the end of the frame, then so much of the closing frame was written.
    Closing {
        written: usize,
    },
    /// The receiver was told that nothing more comes; what the sender still sends is dropped.
    Told,
    Ended,
}

impl<S: ClientStream> Tunnel<'_, S> {
    /// Carries bytes until both directions have ended, one has failed, nothing moves for too long, or `closing` says
    /// that it is to end politely. How many bytes went to the instance, and to the client.
    pub(super) async fn run(mut self, closing: &CancellationToken, websocket: bool) -> (u64, u64) {
        let direction = |close| Direction::new(websocket.then(|| (Frames::default(), close)));
        let mut up = direction(CLOSE_TO_INSTANCE);
        let mut down = direction(CLOSE_TO_CLIENT);
        let mut asked = pin!(closing.cancelled());
        let mut is_closing = false;
        self.timer.set(Instant::now() + self.limits.tunnel_idle_timeout);
        poll_fn(|context| {
            if !is_closing && asked.as_mut().poll(context).is_ready() {
                is_closing = true;
                up.close();
                down.close();
                self.timer.set(Instant::now() + self.limits.tunnel_close_timeout);
            }
            let Self { client, upstream, from_upstream, .. } = &mut self;
            let sent = up.poll(context, &mut client.incoming, &mut client.stream, upstream);
            let received = down.poll(context, from_upstream, upstream, &mut client.stream);
            if matches!(sent, Poll::Ready(Err(_))) || matches!(received, Poll::Ready(Err(_))) {
                return Poll::Ready(());
            }
            if sent.is_ready() && received.is_ready() {
                return Poll::Ready(());
            }
            while self.timer.poll_due(context).is_ready() {
                let active = std::mem::take(&mut up.active) | std::mem::take(&mut down.active);
                if is_closing || !active {
                    return Poll::Ready(());
                }
                self.timer.set(Instant::now() + self.limits.tunnel_idle_timeout);
            }
            Poll::Pending
        })
        .await;
        (up.bytes, down.bytes)
    }
}

impl Direction {
    fn new(frames: Option<(Frames, &'static [u8])>) -> Self {
        Self { phase: Phase::Open, bytes: 0, frames, active: false }
    }

    fn close(&mut self) {
        if self.phase == Phase::Open {
            self.phase = Phase::Closing { written: 0 };
        }
    }

    /// Moves what there is. Ready when this direction has ended.
    fn poll<R, W>(
        &mut self,
        context: &mut Context<'_>,
        incoming: &mut Incoming,
        reader: &mut R,
        writer: &mut W,
    ) -> Poll<io::Result<()>>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        loop {
            let step = match self.phase {
                Phase::Ended => return Poll::Ready(Ok(())),
                Phase::Open => self.poll_open(context, incoming, reader, writer),
                Phase::Closing { written } => self.poll_closing(context, written, incoming, reader, writer),
                Phase::Told => self.poll_told(context, incoming, reader),
            };
            match step {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn poll_open<R, W>(
        &mut self,
        context: &mut Context<'_>,
        incoming: &mut Incoming,
        reader: &mut R,
        writer: &mut W,
    ) -> Poll<io::Result<()>>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        let waiting = incoming.bytes().len();
        if waiting > 0 {
            return self.poll_forward(context, waiting, incoming, writer);
        }
        match incoming.poll_fill(context, reader) {
            Poll::Ready(Ok(0)) => match Pin::new(writer).poll_shutdown(context) {
                Poll::Ready(Ok(())) => {
                    self.phase = Phase::Ended;
                    Poll::Ready(Ok(()))
                }
                other => other,
            },
            Poll::Ready(Ok(_)) => {
                self.active = true;
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Writes at most `length` of what waits.
    fn poll_forward<W: AsyncWrite + Unpin>(
        &mut self,
        context: &mut Context<'_>,
        length: usize,
        incoming: &mut Incoming,
        writer: &mut W,
    ) -> Poll<io::Result<()>> {
        match Pin::new(writer).poll_write(context, &incoming.bytes()[..length]) {
            Poll::Ready(Ok(0)) => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            Poll::Ready(Ok(written)) => {
                if let Some((frames, _)) = &mut self.frames {
                    frames.advance(&incoming.bytes()[..written]);
                }
                incoming.consume(written);
                self.bytes += written as u64;
                self.active = true;
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Ends the frame that has begun, then says that it is over.
    fn poll_closing<R, W>(
        &mut self,
        context: &mut Context<'_>,
        written: usize,
        incoming: &mut Incoming,
        reader: &mut R,
        writer: &mut W,
    ) -> Poll<io::Result<()>>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        let Some((frames, close)) = &self.frames else { return self.poll_tell(context, writer) };
        if !frames.is_between() {
            match frames.rest_of_frame(incoming.bytes()) {
                0 => return self.poll_open(context, incoming, reader, writer),
                length => return self.poll_forward(context, length, incoming, writer),
            }
        }
        if written == close.len() || frames.has_closed() {
            self.phase = Phase::Told;
            return Poll::Ready(Ok(()));
        }
        Pin::new(writer).poll_write(context, &close[written..]).map_ok(|length| {
            self.phase = Phase::Closing { written: written + length };
        })
    }

    fn poll_tell<W: AsyncWrite + Unpin>(&mut self, context: &mut Context<'_>, writer: &mut W) -> Poll<io::Result<()>> {
        Pin::new(writer).poll_shutdown(context).map_ok(|()| self.phase = Phase::Told)
    }

    /// Waits for the sender's own `Close`, or its end.
    fn poll_told<R: AsyncRead + Unpin>(
        &mut self,
        context: &mut Context<'_>,
        incoming: &mut Incoming,
        reader: &mut R,
    ) -> Poll<io::Result<()>> {
        if let Some((frames, _)) = &mut self.frames {
            frames.advance(incoming.bytes());
            if frames.has_closed() {
                self.phase = Phase::Ended;
                return Poll::Ready(Ok(()));
            }
        }
        incoming.clear();
        incoming.poll_fill(context, reader).map_ok(|length| {
            if length == 0 {
                self.phase = Phase::Ended;
            }
        })
    }
}

#[cfg(test)]
#[path = "tunnel_tests.rs"]
mod tests;
