//! Writing heads and chunks.

/// Writes one head into a buffer.
#[derive(Debug)]
pub struct HeadWriter<'a>(&'a mut Vec<u8>);

impl<'a> HeadWriter<'a> {
    /// A request line (RFC 9112 section 3). The parts must come from a decoder or be constants.
    pub fn request(out: &'a mut Vec<u8>, method: &[u8], target: &str) -> Self {
        let mut writer = Self(out);
        writer.all([method, b" ", target.as_bytes(), b" HTTP/1.1\r\n"]);
        writer
    }

    /// A status line (RFC 9112 section 4).
    pub fn response(out: &'a mut Vec<u8>, status: u16, reason: &[u8]) -> Self {
        let digit = |value: u16| b'0' + u8::try_from(value % 10).unwrap_or_default();
        let mut writer = Self(out);
        writer.all([b"HTTP/1.1 ", &[digit(status / 100), digit(status / 10), digit(status)], b" ", reason, b"\r\n"]);
        writer
    }

    /// A field line (RFC 9112 section 5).
    pub fn field(&mut self, name: &[u8], value: &[u8]) -> &mut Self {
        self.all([name, b": ", value, b"\r\n"]);
        self
    }

    /// A field line whose value is made of parts.
    pub fn field_of<const N: usize>(&mut self, name: &[u8], parts: [&[u8]; N]) -> &mut Self {
        self.all([name, b": "]);
        self.all(parts);
        self.all([b"\r\n"]);
        self
    }

    /// A `Content-Length`.
    pub fn length(&mut self, length: u64) -> &mut Self {
        let mut digits = [0; 20];
        let (mut at, mut rest) = (digits.len(), length);
        loop {
            at -= 1;
            digits[at] = b"0123456789"[usize::try_from(rest % 10).unwrap_or_default()];
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.field(b"Content-Length", &digits[at..])
    }

    /// The empty line.
    pub fn end(&mut self) {
        self.all([b"\r\n"]);
    }

    fn all<const N: usize>(&mut self, parts: [&[u8]; N]) {
        self.0.reserve(parts.iter().map(|part| part.len()).sum());
        for part in parts {
            self.0.extend_from_slice(part);
        }
    }
}

/// Writes `data`, if there is any, as one chunk.
pub fn write_chunk(out: &mut Vec<u8>, data: &[u8]) {
    if data.is_empty() {
        return;
    }
    let mut digits = [0_u8; 16];
    let mut at = digits.len();
    let mut rest = data.len();
    while rest > 0 {
        at -= 1;
        digits[at] = b"0123456789abcdef"[rest & 15];
        rest >>= 4;
    }
    out.reserve(data.len() + digits.len() + 4);
    out.extend_from_slice(&digits[at..]);
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(data);
    out.extend_from_slice(b"\r\n");
}

/// Writes the last chunk; the trailer section and its empty line, or just that line, must follow.
pub fn write_last_chunk(out: &mut Vec<u8>) {
    out.extend_from_slice(b"0\r\n");
}
