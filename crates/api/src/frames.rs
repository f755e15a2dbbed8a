//! What both ends of an `exec` send once it runs: frames of one byte that says what it is, the length of the rest as
//! four bytes (big-endian), and the rest.

use crate::wire::TerminalSize;
use seaworthy_diagnostics::Diagnostic;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// The longest rest of a frame. Longer streams are sent as several frames.
pub const FRAME_BYTES_MAX: usize = 64 * 1024;
/// How often the node sends [`Frame::Alive`] when there is nothing else, in seconds.
pub const ALIVE_EVERY_SECONDS: u64 = 5;

/// A frame.
#[derive(Debug, Clone, PartialEq)]
pub enum Frame {
    /// To the node: standard input, or what is typed.
    Input(Vec<u8>),
    /// To the node: the end of standard input.
    InputEnd,
    /// To the node: the terminal has another size now.
    Size(TerminalSize),
    /// From the node: standard output, or what the terminal shows.
    Output(Vec<u8>),
    /// From the node: standard error.
    Error(Vec<u8>),
    /// From the node: it still runs.
    Alive,
    /// From the node, as the last one: it ended; 128 + the signal's number if by a signal.
    Exit(i32),
    /// From the node, as the last one: nobody knows how it ended.
    Failed(Diagnostic),
}

impl Frame {
    fn kind(&self) -> u8 {
        match self {
            Self::Input(_) => 0,
            Self::InputEnd => 1,
            Self::Size(_) => 2,
            Self::Output(_) => 10,
            Self::Error(_) => 11,
            Self::Alive => 12,
            Self::Exit(_) => 13,
            Self::Failed(_) => 14,
        }
    }

    fn rest(&self) -> Vec<u8> {
        match self {
            Self::Input(bytes) | Self::Output(bytes) | Self::Error(bytes) => bytes.clone(),
            Self::InputEnd | Self::Alive => Vec::new(),
            Self::Size(size) => serde_json::to_vec(size).unwrap_or_default(),
            Self::Exit(code) => code.to_be_bytes().to_vec(),
            Self::Failed(diagnostic) => serde_json::to_vec(diagnostic).unwrap_or_default(),
        }
    }

    /// `None`: such a frame is not known, or its rest means nothing.
    fn parse(kind: u8, rest: Vec<u8>) -> Option<Self> {
        Some(match kind {
            0 => Self::Input(rest),
            1 => Self::InputEnd,
            2 => Self::Size(serde_json::from_slice(&rest).ok()?),
            10 => Self::Output(rest),
            11 => Self::Error(rest),
            12 => Self::Alive,
            13 => Self::Exit(i32::from_be_bytes(rest.try_into().ok()?)),
            14 => Self::Failed(serde_json::from_slice(&rest).ok()?),
            _ => return None,
        })
    }

    /// Writes it whole.
    ///
    /// # Errors
    /// When the stream does not take it, or it is longer than [`FRAME_BYTES_MAX`].
    pub async fn write(&self, stream: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        let rest = self.rest();
        let length = u32::try_from(rest.len()).unwrap_or(u32::MAX);
        if rest.len() > FRAME_BYTES_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the frame is too long"));
        }
        let mut bytes = Vec::with_capacity(rest.len() + 5);
        bytes.push(self.kind());
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(&rest);
        stream.write_all(&bytes).await?;
        stream.flush().await
    }

    /// Reads the next one; `None` at the end of the stream. What was read is lost when the future is dropped.
    ///
    /// # Errors
    /// When the stream ends in the middle, or what comes is no frame.
    pub async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Self>> {
        let invalid = || io::Error::new(io::ErrorKind::InvalidData, "this is no frame of `exec`");
        let mut head = [0; 5];
        if stream.read(&mut head[..1]).await? == 0 {
            return Ok(None);
        }
        stream.read_exact(&mut head[1..]).await?;
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
        let length = usize::try_from(length).ok().filter(|length| *length <= FRAME_BYTES_MAX).ok_or_else(invalid)?;
        let mut rest = vec![0; length];
        stream.read_exact(&mut rest).await?;
        Self::parse(head[0], rest).map(Some).ok_or_else(invalid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frame() -> impl Strategy<Value = Frame> {
        let bytes = || proptest::collection::vec(any::<u8>(), 0..300);
        prop_oneof![
            bytes().prop_map(Frame::Input),
            Just(Frame::InputEnd),
            any::<(u16, u16)>().prop_map(|(rows, columns)| Frame::Size(TerminalSize { rows, columns })),
            bytes().prop_map(Frame::Output),
            bytes().prop_map(Frame::Error),
            Just(Frame::Alive),
            any::<i32>().prop_map(Frame::Exit),
            ".{0,40}".prop_map(|text| Frame::Failed(Diagnostic::user(text))),
        ]
    }

    fn block_on<F: Future>(future: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(frames in proptest::collection::vec(frame(), 0..8)) {
            block_on(async {
                let mut bytes = Vec::new();
                for frame in &frames {
                    frame.write(&mut bytes).await.expect("memory");
                }
                let mut rest = bytes.as_slice();
                for frame in frames {
                    assert_eq!(Frame::read(&mut rest).await.expect("a frame"), Some(frame));
                }
                assert_eq!(Frame::read(&mut rest).await.expect("the end"), None);
            });
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            block_on(async {
                let mut rest = bytes.as_slice();
                while let Ok(Some(_)) = Frame::read(&mut rest).await {}
            });
        }
    }

    #[test]
    fn nothing_longer_than_the_limit_is_read_or_written() {
        block_on(async {
            let long = Frame::Output(vec![0; FRAME_BYTES_MAX + 1]);
            assert!(long.write(&mut Vec::new()).await.is_err());
            let head = [&[0][..], &u32::MAX.to_be_bytes()].concat();
            assert!(Frame::read(&mut head.as_slice()).await.is_err());
            let cut = Frame::read(&mut &[0, 0, 0, 0, 9, 1][..]).await;
            assert_eq!(cut.map_err(|error| error.kind()), Err(io::ErrorKind::UnexpectedEof));
        });
    }
}
