//! What a package of strangers holds: unpacked within its folder, or refused; nothing outside, nothing half.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seaworthy_debian::{Deb, LockedPackage};

/// An archive whose other members are good, so that the bytes reach the files' own archive.
fn package(control: &[u8], data: &[u8]) -> Vec<u8> {
    let mut bytes = b"!<arch>\n".to_vec();
    for (name, content) in [("debian-binary", b"2.0\n".as_slice()), ("control.tar", control), ("data.tar", data)] {
        let length = content.len();
        bytes.extend(format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{length:<10}`\n", 0, 0, 0, 100_644).bytes());
        bytes.extend(content);
        bytes.resize(bytes.len().next_multiple_of(2), b'\n');
    }
    bytes
}

fn control() -> Vec<u8> {
    let text = b"Package: a\nVersion: 1\nArchitecture: all\n";
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_size(text.len() as u64);
    tar.append_data(&mut header, "control", text.as_slice()).expect("memory");
    tar.into_inner().expect("memory")
}

fuzz_target!(|data: &[u8]| {
    let around = tempfile::tempdir().expect("a folder");
    let (file, folder) = (around.path().join("a.deb"), around.path().join("cache/unpacked/sum"));
    std::fs::write(&file, package(&control(), data)).expect("a file");
    let named = LockedPackage {
        name: "a".into(),
        version: "1".into(),
        architecture: "all".into(),
        size: 0,
        sha256: String::new(),
        path: String::new(),
        suite: "bookworm".into(),
    };
    let unpacked = Deb::unpack(&named, &file, &folder);
    assert_eq!(unpacked.is_ok(), folder.exists());
    for found in walk(&folder) {
        let metadata = found.symlink_metadata().expect("it is there");
        assert!(metadata.is_file() && found.parent() == Some(&folder), "{}", found.display());
    }
});

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}
