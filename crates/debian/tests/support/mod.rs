//! An archive of the tests' own: keys, packages and a server, all made here.

#![allow(dead_code, reason = "not every test needs all of it")]

mod server;

use pgp::composed::{ArmorOptions, CleartextSignedMessage, KeyType, SecretKeyParamsBuilder, SignedSecretKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{SignatureConfig, SignatureType, Subpacket, SubpacketData};
use pgp::types::{KeyDetails as _, Password, Timestamp};
use seaworthy_debian::{Archive, LockedBase, Mirror, Options, rootfs};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_image::tree::Tree;
pub(crate) use server::Server;
use sha2::{Digest, Sha256};
use std::io::Write as _;
use std::path::Path;

/// A key that can sign.
pub(crate) fn key() -> SignedSecretKey {
    key_of(KeyType::Ed25519Legacy)
}

/// A key of a kind that signs weak hashes, too.
pub(crate) fn old_key() -> SignedSecretKey {
    key_of(KeyType::Rsa(2048))
}

fn key_of(kind: KeyType) -> SignedSecretKey {
    let mut parameters = SecretKeyParamsBuilder::default();
    parameters.key_type(kind).can_certify(true).can_sign(true);
    parameters.primary_user_id("Archive <archive@example.com>".to_owned());
    parameters.build().unwrap().generate(rand08::thread_rng()).unwrap()
}

/// The public half, in armor.
pub(crate) fn public(key: &SignedSecretKey) -> Vec<u8> {
    key.to_public_key().to_armored_bytes(ArmorOptions::default()).unwrap()
}

/// A text with a signature of each key.
pub(crate) fn signed(text: &str, keys: &[&SignedSecretKey], hash: HashAlgorithm) -> Vec<u8> {
    let message = CleartextSignedMessage::new_many(text, |text| {
        keys.iter()
            .map(|key| {
                let mut config =
                    SignatureConfig::from_key(rand08::thread_rng(), &key.primary_key, SignatureType::Text)?;
                config.hash_alg = hash;
                config.hashed_subpackets = vec![
                    Subpacket::regular(SubpacketData::SignatureCreationTime(Timestamp::now()))?,
                    Subpacket::regular(SubpacketData::IssuerFingerprint(key.fingerprint()))?,
                ];
                config.sign(&key.primary_key, &Password::empty(), text.as_bytes())
            })
            .collect()
    });
    message.unwrap().to_armored_bytes(ArmorOptions::default()).unwrap()
}

/// What is in a package.
pub(crate) enum Kind {
    Folder(u32),
    File(u32, &'static str),
    Link(&'static str),
    Same(&'static str),
}

/// A package file.
pub(crate) fn deb(name: &str, version: &str, fields: &str, end: &str, entries: &[(&str, Kind)]) -> (String, Vec<u8>) {
    let control =
        format!("Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: A <a@example.com>\n{fields}");
    let mut data = tar::Builder::new(Vec::new());
    for (path, kind) in entries {
        let mut header = tar::Header::new_gnu();
        let (mode, bytes, target) = match kind {
            Kind::Folder(mode) => (*mode, "", None),
            Kind::File(mode, text) => (*mode, *text, None),
            Kind::Link(to) | Kind::Same(to) => (0o777, "", Some(to)),
        };
        header.set_entry_type(match kind {
            Kind::Folder(_) => tar::EntryType::Directory,
            Kind::File(..) => tar::EntryType::Regular,
            Kind::Link(_) => tar::EntryType::Symlink,
            Kind::Same(_) => tar::EntryType::Link,
        });
        header.set_mode(mode);
        header.set_size(bytes.len() as u64);
        match target {
            Some(to) => data.append_link(&mut header, path, to).unwrap(),
            None => data.append_data(&mut header, path, bytes.as_bytes()).unwrap(),
        }
    }
    let mut info = tar::Builder::new(Vec::new());
    let sums = "d41d8cd98f00b204e9800998ecf8427e  usr/bin/x\n".to_owned();
    for (path, text) in [("./control", &control), ("./md5sums", &sums)] {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        info.append_data(&mut header, path, text.as_bytes()).unwrap();
    }
    let mut bytes = b"!<arch>\n".to_vec();
    for (member, content) in [
        ("debian-binary".to_owned(), b"2.0\n".to_vec()),
        ("control.tar.gz".to_owned(), compressed(".gz", &info.into_inner().unwrap())),
        (format!("data.tar{end}"), compressed(end, &data.into_inner().unwrap())),
    ] {
        bytes.extend(format!("{member:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, 100_644, content.len()).bytes());
        bytes.extend(&content);
        bytes.extend(vec![b'\n'; content.len() % 2]);
    }
    (control, bytes)
}

pub(crate) fn compressed(end: &str, bytes: &[u8]) -> Vec<u8> {
    match end {
        ".gz" => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        ".xz" => {
            let mut encoder = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(1)).unwrap();
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        ".zst" => ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest),
        _ => bytes.to_vec(),
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// A suite, `stable`, with its server.
pub(crate) struct World {
    pub(crate) key: SignedSecretKey,
    pub(crate) server: Server,
    packages: String,
    /// Lines of the `Release` file beside its sums.
    pub(crate) head: String,
    pub(crate) folder: tempfile::TempDir,
}

pub(crate) const HEAD: &str = "Origin: Debian\nSuite: stable\nCodename: bookworm\nVersion: 12.11\n\
                        Date: Sat, 11 Jan 2025 10:16:37 UTC\nAcquire-By-Hash: yes\nArchitectures: all amd64\n";

impl World {
    pub(crate) fn new() -> Self {
        Self {
            key: key(),
            server: Server::start(),
            packages: String::new(),
            head: HEAD.to_owned(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// Adds a package to the list and its file to the pool.
    pub(crate) fn add(&mut self, name: &str, version: &str, fields: &str, end: &str, entries: &[(&str, Kind)]) {
        let (control, bytes) = deb(name, version, fields, end, entries);
        let path = format!("pool/main/{name}_{version}_all.deb");
        let (size, sum) = (bytes.len(), sha256(&bytes));
        self.packages += &format!("{control}Filename: {path}\nSize: {size}\nSHA256: {sum}\n\n");
        self.server.put(&format!("/debian/{path}"), bytes);
    }

    /// Writes the lists and the `Release` file, unsigned.
    pub(crate) fn release(&self) -> String {
        let index = compressed(".xz", self.packages.as_bytes());
        let (name, sum) = ("main/binary-amd64/Packages.xz", sha256(&index));
        self.server.put(&format!("/debian/dists/stable/main/binary-amd64/by-hash/SHA256/{sum}"), index.clone());
        self.server.put(&format!("/debian/dists/stable/{name}"), index.clone());
        format!("{}SHA256:\n {sum} {} {name}\n", self.head, index.len())
    }

    /// Signs what there is with the world's own key.
    pub(crate) fn publish(&self) {
        self.publish_signed(signed(&self.release(), &[&self.key], HashAlgorithm::Sha256));
    }

    pub(crate) fn publish_signed(&self, file: Vec<u8>) {
        self.server.put("/debian/dists/stable/InRelease", file);
    }

    pub(crate) fn cache(&self) -> std::path::PathBuf {
        self.folder.path().join("cache")
    }

    pub(crate) fn archive(&self) -> Archive {
        let mirror = Mirror {
            uri: format!("{}/debian/", self.server.url()),
            suites: vec!["stable".to_owned()],
            components: vec!["main".to_owned()],
            keyrings: vec![public(&self.key)],
        };
        Archive::new(&[mirror], &self.cache(), seaworthy_host::clock::now()).unwrap().for_architecture("amd64")
    }

    pub(crate) fn resolve(&self, names: &[&str]) -> Result<LockedBase, Diagnostic> {
        self.archive().resolve(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
    }

    pub(crate) fn tree(&self, base: &LockedBase) -> Result<Tree, Diagnostic> {
        rootfs(&self.archive().fetch(base, &|_| {})?, &Options::of(base))
    }

    /// A diagnostic as a user sees it, without what differs between runs.
    pub(crate) fn shown(&self, diagnostic: &Diagnostic) -> String {
        let text = seaworthy_diagnostics::render(diagnostic, false).replace(&self.server.url(), "http://mirror");
        let key = hex::encode_upper(self.key.fingerprint().as_bytes());
        text.replace(&key, "KEY")
    }
}

/// Every file below a folder.
pub(crate) fn files(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut found = Vec::new();
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path.display().to_string()) }
    }
    found
}
