//! `ar` archives: whatever is read was there, in order, and no member is longer than the archive.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seaworthy_debian::format::ar::Archive;
use std::io::Read as _;

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut archive) = Archive::new(bytes) else { return };
    let mut total = 0;
    while let Ok(Some((name, size))) = archive.next_member() {
        assert!(!name.is_empty());
        let mut content = Vec::new();
        if archive.member().read_to_end(&mut content).is_err() {
            break;
        }
        assert_eq!(content.len() as u64, size);
        total += content.len();
        assert!(total <= bytes.len());
    }
});
