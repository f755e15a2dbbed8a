//! The head of an answer as a client gets it.

use super::date;
use crate::http1::{Framing, HeadWriter, Known, ResponseHead, Version};

/// How an answer goes to the client.
#[derive(Debug, Clone, Copy)]
pub(super) struct Delivery {
    /// The version of the request.
    pub(super) version: Version,
    /// How the body comes.
    pub(super) framing: Framing,
    /// The connection ends after it.
    pub(super) close: bool,
}

impl Delivery {
    /// Whether the body leaves in chunks: where nothing else can tell the client its end.
    pub(super) fn is_chunked(self) -> bool {
        self.version == Version::Http11 && matches!(self.framing, Framing::Chunked | Framing::UntilClose)
    }

    /// Whether only the end of the connection can tell the client the end of the body.
    pub(super) fn ends_by_close(self) -> bool {
        self.version == Version::Http10 && matches!(self.framing, Framing::Chunked | Framing::UntilClose)
    }
}

/// Writes a final answer's head, without the fields of the instance's own connection (RFC 9110 section 7.6.1).
pub(super) fn write(out: &mut Vec<u8>, response: &ResponseHead, delivery: Delivery) {
    // The length of what would be the body is kept; beside "no content" it means nothing (RFC 9110 section 8.6).
    let keeps_length = delivery.framing == Framing::None && response.status != 204;
    let mut writer = HeadWriter::response(out, response.status, response.reason());
    let has_date = write_fields(&mut writer, response, |known| keeps_length || known != Known::ContentLength);
    if !has_date {
        writer.field(b"Date", &date::now());
    }
    match delivery.framing {
        Framing::Length(length) => writer.length(length),
        _ if delivery.is_chunked() => writer.field(b"Transfer-Encoding", b"chunked"),
        _ => &mut writer,
    };
    if delivery.close {
        writer.field(b"Connection", b"close");
    }
    writer.end();
}

/// Writes an interim answer (RFC 9110 section 15.2).
pub(super) fn write_interim(out: &mut Vec<u8>, response: &ResponseHead) {
    let mut writer = HeadWriter::response(out, response.status, response.reason());
    write_fields(&mut writer, response, |known| known != Known::ContentLength);
    writer.end();
}

/// Writes the answer that gives the connection to another protocol (RFC 9110 section 15.2.2).
pub(super) fn write_switch(out: &mut Vec<u8>, response: &ResponseHead) {
    let mut writer = HeadWriter::response(out, response.status, response.reason());
    write_fields(&mut writer, response, |known| known != Known::ContentLength);
    writer.field(b"Connection", b"Upgrade");
    response.fields().values(Known::Upgrade).for_each(|value| _ = writer.field(b"Upgrade", value));
    writer.end();
}

fn write_fields(writer: &mut HeadWriter<'_>, response: &ResponseHead, keep: impl Fn(Known) -> bool) -> bool {
    let mut has_date = false;
    for field in response.fields().iter() {
        has_date |= field.known == Known::Date;
        if !field.known.is_hop_by_hop() && keep(field.known) && !response.connection.name(response.fields(), field.name)
        {
            writer.field(field.name, field.value);
        }
    }
    has_date
}
