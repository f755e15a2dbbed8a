//! The `Connection` field (RFC 9110 section 7.6.1).

use super::error::HeadError;
use super::fields::Fields;
use super::known::Known;
use super::scan::{is_token, trim};

/// What the `Connection` fields of a head say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ConnectionOptions {
    /// The connection ends after this message.
    pub close: bool,
    /// The sender of HTTP/1.0 can keep the connection.
    pub keep_alive: bool,
    /// The `Upgrade` field is meant for the receiver.
    pub upgrade: bool,
    /// Fields are named that are not forwarded: ask [`ConnectionOptions::name`].
    pub names_fields: bool,
}

impl ConnectionOptions {
    /// Takes one value in. A name that every message needs is refused: taking it away would change the message.
    pub(crate) fn add(&mut self, value: &[u8]) -> Result<(), HeadError> {
        for option in options(value) {
            if option.is_empty() {
            } else if option.eq_ignore_ascii_case(b"close") {
                self.close = true;
            } else if option.eq_ignore_ascii_case(b"keep-alive") {
                self.keep_alive = true;
            } else if option.eq_ignore_ascii_case(b"upgrade") {
                self.upgrade = true;
            } else if !option.iter().all(|byte| is_token(*byte)) || Known::of(option).is_framing() {
                return Err(HeadError::ConnectionOption);
            } else {
                self.names_fields = true;
            }
        }
        Ok(())
    }

    /// Whether the connection options of this head name the field, so that it is not forwarded.
    #[must_use]
    pub fn name(self, fields: &Fields, name: &[u8]) -> bool {
        self.names_fields
            && fields.values(Known::Connection).flat_map(options).any(|option| option.eq_ignore_ascii_case(name))
    }
}

fn options(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(trim)
}
