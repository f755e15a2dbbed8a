//! The header fields that a gateway reads, removes or writes.

/// A field's name, as far as the gateway cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is the field of that name")]
pub enum Known {
    Connection,
    ContentLength,
    Cookie,
    Date,
    Expect,
    Forwarded,
    Host,
    Http2Settings,
    KeepAlive,
    ProxyConnection,
    Te,
    Traceparent,
    Tracestate,
    Trailer,
    TransferEncoding,
    Upgrade,
    Via,
    XForwardedFor,
    XForwardedHost,
    XForwardedProto,
    /// `X-Seaworthy-*`: ours alone, whoever sends it.
    Seaworthy,
    /// Another way to write a name above, with `_` for `-`. Programs that make variables of fields read both as one.
    Disguised,
    Other,
}

const SEAWORTHY: &[u8] = b"x-seaworthy-";

impl Known {
    /// Which field a name is, whatever its case (RFC 9110 section 5.1).
    pub(crate) fn of(name: &[u8]) -> Self {
        let known = Self::exact(name);
        if known == Self::Other && name.contains(&b'_') { Self::disguised(name) } else { known }
    }

    fn exact(name: &[u8]) -> Self {
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        match name.len() {
            2 if is("te") => Self::Te,
            3 if is("via") => Self::Via,
            4 if is("host") => Self::Host,
            4 if is("date") => Self::Date,
            6 if is("cookie") => Self::Cookie,
            6 if is("expect") => Self::Expect,
            7 if is("upgrade") => Self::Upgrade,
            7 if is("trailer") => Self::Trailer,
            9 if is("forwarded") => Self::Forwarded,
            10 if is("connection") => Self::Connection,
            10 if is("keep-alive") => Self::KeepAlive,
            10 if is("tracestate") => Self::Tracestate,
            11 if is("traceparent") => Self::Traceparent,
            14 if is("content-length") => Self::ContentLength,
            14 if is("http2-settings") => Self::Http2Settings,
            15 if is("x-forwarded-for") => Self::XForwardedFor,
            16 if is("x-forwarded-host") => Self::XForwardedHost,
            16 if is("proxy-connection") => Self::ProxyConnection,
            17 if is("transfer-encoding") => Self::TransferEncoding,
            17 if is("x-forwarded-proto") => Self::XForwardedProto,
            length if length >= SEAWORTHY.len() && name[..SEAWORTHY.len()].eq_ignore_ascii_case(SEAWORTHY) => {
                Self::Seaworthy
            }
            _ => Self::Other,
        }
    }

    fn disguised(name: &[u8]) -> Self {
        if Self::undisguised(name) == Self::Other { Self::Other } else { Self::Disguised }
    }

    /// The longest name that matters here is `transfer-encoding`; `x-seaworthy-` is told by its beginning.
    fn undisguised(name: &[u8]) -> Self {
        let mut plain = [0; 17];
        let length = name.len().min(plain.len());
        for (to, from) in plain.iter_mut().zip(name) {
            *to = if *from == b'_' { b'-' } else { *from };
        }
        match Self::exact(&plain[..length]) {
            Self::Seaworthy => Self::Seaworthy,
            _ if name.len() > plain.len() => Self::Other,
            known => known,
        }
    }

    /// Whether `name`, which is [`Known::Disguised`], reads as a field that says where a message ends.
    pub(crate) fn disguises_framing(self, name: &[u8]) -> bool {
        self == Self::Disguised && Self::undisguised(name).is_framing()
    }

    /// Fields that say where a message ends or whom it is for: never in trailers, never named by `Connection`.
    #[must_use]
    pub const fn is_framing(self) -> bool {
        matches!(self, Self::ContentLength | Self::TransferEncoding | Self::Host)
    }

    /// Fields of one connection, which are not forwarded (RFC 9110 section 7.6.1).
    #[must_use]
    pub const fn is_hop_by_hop(self) -> bool {
        matches!(
            self,
            Self::Connection
                | Self::Http2Settings
                | Self::KeepAlive
                | Self::ProxyConnection
                | Self::Te
                | Self::TransferEncoding
                | Self::Upgrade
        )
    }
}

#[cfg(test)]
mod tests {
    use super::Known;

    #[test]
    fn case_does_not_matter() {
        assert_eq!(Known::of(b"TRANSFER-encoding"), Known::TransferEncoding);
        assert_eq!(Known::of(b"X-Seaworthy-Release"), Known::Seaworthy);
        assert_eq!(Known::of(b"X-Seaworth"), Known::Other);
    }

    #[test]
    fn an_underscore_hides_nothing() {
        for name in ["Transfer_Encoding", "content_length", "X_Forwarded-For", "x_seaworthy_release", "x-seaworthy_x"] {
            assert!(matches!(Known::of(name.as_bytes()), Known::Disguised | Known::Seaworthy), "{name}");
        }
        assert_eq!(Known::of(b"user_id"), Known::Other);
        assert_eq!(Known::of(b"transfer_encoding_more"), Known::Other);
    }
}
