//! Why a message is refused.

use std::fmt;
use thiserror::Error;

/// Why a head is refused. For a request, [`HeadError::status`] says how; a response with any of these is answered 502.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadError {
    /// RFC 9112 section 2.2: a CR without LF or an LF without CR.
    LineEnding,
    /// RFC 9112 sections 3 and 4.
    StartLine,
    /// RFC 9110 section 15.6.6.
    Version,
    /// RFC 9110 section 15.6.2: CONNECT, or a method longer than any known one.
    Method,
    /// RFC 9112 section 3.2.
    Target,
    /// RFC 9110 section 15.5.15.
    TargetTooLong,
    /// RFC 6585 section 5.
    FieldsTooLarge,
    /// RFC 9112 section 5: a name that is no token, space before the colon, a folded line, a control character.
    Field,
    /// RFC 9112 section 3.2: missing, repeated, malformed, or not what the absolute target says.
    Host,
    /// RFC 9112 section 6.3: both lengths, a repeated one, one that is no number, or one in disguise.
    Length,
    /// RFC 9112 section 6.1: a transfer coding other than `chunked`.
    Coding,
    /// RFC 9110 section 7.6.1: `Connection` names a field that is not the connection's.
    ConnectionOption,
    /// RFC 9110 section 10.1.1.
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

    /// The refusal in words.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::LineEnding => "a line does not end in CR LF",
            Self::StartLine => "the first line is malformed",
            Self::Version => "the version is neither HTTP/1.0 nor HTTP/1.1",
            Self::Method => "the method is not implemented",
            Self::Target => "the target is malformed",
            Self::TargetTooLong => "the target is too long",
            Self::FieldsTooLarge => "the header fields are too large or too many",
            Self::Field => "a header field is malformed",
            Self::Host => "the host is missing, repeated or malformed",
            Self::Length => "the length of the body can be read in more than one way",
            Self::Coding => "the transfer coding is not implemented",
            Self::ConnectionOption => "the connection options name a field that every message needs",
            Self::Expectation => "an expectation other than 100-continue",
        }
    }
}

impl fmt::Display for HeadError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.message())
    }
}

impl std::error::Error for HeadError {}

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
