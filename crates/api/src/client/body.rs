//! What a request carries: some bytes, or a file that is read while it is sent.

use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use tokio::fs::File;
use tokio::io::{AsyncRead as _, ReadBuf};

/// How much of a file is read at once.
const PIECE_BYTES: usize = 64 * 1024;

/// What a request carries.
pub(super) enum Body {
    /// Bytes; `None` once they are sent.
    Whole(Option<Bytes>),
    /// A file, and how many of its bytes are not sent yet.
    File(File, u64),
}

impl Body {
    /// A file as it is now.
    pub(super) async fn file(file: File) -> io::Result<Self> {
        let size = file.metadata().await?.len();
        Ok(Self::File(file, size))
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::Whole(Some(bytes).filter(|bytes| !bytes.is_empty()))
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let (file, left) = match &mut *self {
            Self::Whole(bytes) => return Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::File(_, 0) => return Poll::Ready(None),
            Self::File(file, left) => (file, left),
        };
        let mut piece = vec![0; PIECE_BYTES.min(usize::try_from(*left).unwrap_or(PIECE_BYTES))];
        let mut buffer = ReadBuf::new(&mut piece);
        ready!(pin!(file).poll_read(context, &mut buffer))?;
        let count = buffer.filled().len();
        if count == 0 {
            return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into())));
        }
        *left -= count as u64;
        piece.truncate(count);
        Poll::Ready(Some(Ok(Frame::data(piece.into()))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None) | Self::File(_, 0))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match self {
            Self::Whole(bytes) => bytes.as_ref().map_or(0, |bytes| bytes.len() as u64),
            Self::File(_, left) => *left,
        })
    }
}
