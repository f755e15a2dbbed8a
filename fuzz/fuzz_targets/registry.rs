//! What a registry's caller writes: paths, names, ranges, and manifests. Whatever it is, what is taken stays within its
//! bounds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seaworthy_image::links::{DOCUMENT_BYTES_MAX, Links};
use seaworthy_registry::{ByteRange, Chunk, Reference, Repository, Route};

fuzz_target!(|input: (u64, &[u8])| {
    let (size_bytes, bytes) = input;
    if let Ok(links) = Links::read(bytes) {
        assert!(bytes.len() as u64 <= DOCUMENT_BYTES_MAX);
        assert_eq!(links.is_index(), links.blobs().next().is_none());
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(Some(route)) = Route::parse(text) {
        assert!(text.starts_with("/v2"), "{route:?}");
    }
    if let Ok(name) = Repository::parse(text) {
        assert_eq!(name.as_str(), text);
        assert!(!text.contains("..") && !text.starts_with('/') && text.len() <= 255);
    }
    if let Ok(Reference::Tag(tag)) = Reference::parse(text) {
        assert!(tag.len() <= 128 && !tag.contains('/'));
    }
    if let Ok(Some(range)) = ByteRange::parse(text, size_bytes) {
        assert!(range.first <= range.last && range.last < size_bytes && range.length_bytes() <= size_bytes);
    }
    if let Some(chunk) = Chunk::parse(text) {
        assert!(chunk.first <= chunk.last);
        let _ = chunk.length_bytes();
    }
});
