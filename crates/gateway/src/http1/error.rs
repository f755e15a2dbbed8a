//! Why a message is refused.

use thiserror::Error;

/// Why a head is refused. For a request, [`HeadError::status`] says how; a response with any of these is answered 502.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HeadError {
    /// RFC 9112 section 2.2: a CR without LF or an LF without CR.
    #[error("a line does not end in CR LF")]
    LineEnding,
    /// RFC 9112 sections 3 and 4.
    #[error("the first line is malformed")]
    StartLine,
    /// RFC 9110 section 15.6.6.
    #[error("the version is neither HTTP/1.0 nor HTTP/1.1")]
    Version,
    /// RFC 9110 section 15.6.2: CONNECT, or a method longer than any known one.
    #[error("the method is not implemented")]
    Method,
    /// RFC 9112 section 3.2.
    #[error("the target is malformed")]
    Target,
    /// RFC 9110 section 15.5.15.
    #[error("the target is too long")]
    TargetTooLong,
    /// RFC 6585 section 5.
    #[error("the header fields are too large or too many")]
    FieldsTooLarge,
    /// RFC 9112 section 5: a name that is no token, space before the colon, a folded line, a control character.
    #[error("a header field is malformed")]
    Field,
    /// RFC 9112 section 3.2: missing, repeated, malformed, or not what the absolute target says.
    #[error("the host is missing, repeated or malformed")]
    Host,
    /// RFC 9112 section 6.3: both lengths, a repeated one, one that is no number, or one in disguise.
    #[error("the length of the body can be read in more than one way")]
    Length,
    /// RFC 9112 section 6.1: a transfer coding other than `chunked`.
    #[error("the transfer coding is not implemented")]
    Coding,
    /// RFC 9110 section 7.6.1: `Connection` names a field that is not the connection's.
    #[error("the connection options name a field that every message needs")]
    ConnectionOption,
    /// RFC 9110 section 10.1.1.
    #[error("an expectation other than 100-continue")]
    Expectation,
}

impl HeadError {
    /// The status that answers such a request.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::TargetTooLong => 414,
            Self::FieldsTooLarge => 431,
            Self::Expectation => 417,
            Self::Method | Self::Coding => 501,
            Self::Version => 505,
            _ => 400,
        }
    }
}

/// Why a body is refused (RFC 9112 section 7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BodyError {
    /// A chunk size that is not 1 to 16 hexadecimal digits and CR LF.
    #[error("a chunk size is malformed")]
    ChunkSize,
    /// Chunk extensions with control characters, or too many of them.
    #[error("a chunk extension is malformed or too long")]
    ChunkExtension,
    /// Chunk data that CR LF does not follow.
    #[error("a chunk does not end where its size says")]
    ChunkEnd,
    /// A malformed trailer section, or one with a field that belongs into a head.
    #[error("the trailer section is malformed or too long")]
    Trailers,
    /// The connection ended before the body.
    #[error("the connection ended before the body")]
    Truncated,
}
