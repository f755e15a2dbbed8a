//! The frame of a signed text: nothing of the file is taken for signed that stands outside, and no line is forged.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seaworthy_debian::trust::{Keyring, cleartext};
use std::time::SystemTime;

fuzz_target!(|text: &str| {
    let file = format!("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n{text}");
    let _ = cleartext::parse(text);
    let Ok(read) = cleartext::parse(&file) else { return };
    assert!(file.trim_end().ends_with(read.armor.trim_end()));
    let lines = text.lines().map(|line| line.trim_end_matches(['\r', ' ', '\t'])).collect::<Vec<_>>();
    for line in read.text.split('\n').filter(|line| !line.is_empty()) {
        assert!(lines.contains(&line) || lines.contains(&format!("- {line}").as_str()), "{line:?}");
    }
    assert!(Keyring::default().verify(&read.text, read.armor, SystemTime::UNIX_EPOCH).is_err());
});
