//! The header fields of a head: the head's own bytes and where in them each field lies.

use super::known::Known;

/// A head longer than this is an unusual one.
const BYTES_USUAL: usize = 4096;

/// A range of a head's bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// Where `part`, which must lie in `whole`, lies in it. Heads are far below 4 GiB.
    pub(crate) fn within(whole: &[u8], part: &[u8]) -> Self {
        let start = (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize).min(whole.len());
        Self::new(start, start + part.len())
    }

    /// From `start` up to `end`.
    #[allow(clippy::cast_possible_truncation, reason = "heads are bounded by `Limits::head_bytes_max`")]
    pub(crate) const fn new(start: usize, end: usize) -> Self {
        Self { start: start as u32, end: end as u32 }
    }

    /// The bytes themselves.
    #[must_use]
    pub fn of(self, bytes: &[u8]) -> &[u8] {
        &bytes[self.start as usize..self.end as usize]
    }
}

/// One field.
#[derive(Debug, Clone, Copy)]
pub struct Field<'a> {
    /// Which one.
    pub known: Known,
    /// Its name as it was sent.
    pub name: &'a [u8],
    /// Its value without the white space around it.
    pub value: &'a [u8],
}

#[derive(Debug, Clone, Copy)]
struct FieldSpan {
    known: Known,
    name: Span,
    value: Span,
}

/// The bytes of a head and its fields in the order in which they came (RFC 9110 section 5).
#[derive(Debug, Clone, Default)]
pub struct Fields {
    bytes: Vec<u8>,
    fields: Vec<FieldSpan>,
}

impl Fields {
    /// Forgets everything but the memory, and takes `head` in.
    pub(crate) fn reset(&mut self, head: &[u8]) {
        self.bytes.clear();
        self.fields.clear();
        self.bytes.extend_from_slice(head);
    }

    /// All bytes of the head, and after them what was derived from it.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Adds bytes that spans can point to.
    pub(crate) fn append(&mut self, derived: impl Iterator<Item = u8>) -> Span {
        let start = self.bytes.len();
        self.bytes.extend(derived);
        Span::new(start, self.bytes.len())
    }

    pub(crate) fn add(&mut self, name: Span, value: Span) -> Field<'_> {
        let known = Known::of(name.of(&self.bytes));
        self.fields.push(FieldSpan { known, name, value });
        Field { known, name: name.of(&self.bytes), value: value.of(&self.bytes) }
    }

    /// The fields, in the order in which they came.
    pub fn iter(&self) -> impl Iterator<Item = Field<'_>> {
        self.fields.iter().map(|field| Field {
            known: field.known,
            name: field.name.of(&self.bytes),
            value: field.value.of(&self.bytes),
        })
    }

    /// The values of every field of this name.
    pub fn values(&self, known: Known) -> impl Iterator<Item = &[u8]> {
        self.fields.iter().filter(move |field| field.known == known).map(|field| field.value.of(&self.bytes))
    }

    /// The first value of a field by its name, whatever its case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.iter().find(|field| field.name.eq_ignore_ascii_case(name.as_bytes())).map(|field| field.value)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Gives memory back that an unusually large head took.
    pub(crate) fn shrink(&mut self) {
        if self.bytes.capacity() > BYTES_USUAL {
            *self = Self::default();
        }
    }
}
