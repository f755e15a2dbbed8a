//! Layers of strangers: whatever they say, nothing outside the folder is touched, and what is refused leaves nothing.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[allow(dead_code, reason = "each test uses a part")]
mod common;

use common::{Memory, file, tree};
use flate2::{Compression, write::GzEncoder};
use seaworthy_host::files::write_atomic;
use seaworthy_image::oci::{LAYER, LayerDescriptor};
use seaworthy_image::unpack::{self, Options, place, remove_leftovers, unpack};
use seaworthy_image::{Entry, ImageError, Limits};
use seaworthy_model::Digest;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::PathBuf;

const PLAIN: &str = "application/vnd.oci.image.layer.v1.tar";
const ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";

/// An archive as a stranger writes it: names are taken as they are.
#[derive(Default)]
struct Foreign(Vec<u8>);

impl Foreign {
    fn add(mut self, name: &str, kind: tar::EntryType, link: &str, bytes: &[u8]) -> Self {
        let mut header = tar::Header::new_gnu();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.as_old_mut().linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_entry_type(kind);
        header.set_mode(0o6755);
        header.set_size(bytes.len() as u64);
        header.set_mtime(1);
        header.set_uid(1234);
        header.set_gid(1234);
        header.set_cksum();
        self.0.extend_from_slice(header.as_bytes());
        self.0.extend_from_slice(bytes);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    fn file(self, name: &str, bytes: &[u8]) -> Self {
        self.add(name, tar::EntryType::Regular, "", bytes)
    }

    fn link(self, name: &str, to: &str) -> Self {
        self.add(name, tar::EntryType::Symlink, to, b"")
    }

    fn layer(mut self, memory: &mut Memory) -> LayerDescriptor {
        self.0.extend_from_slice(&[0; 1024]);
        let archive = self.0;
        memory.foreign(&archive, PLAIN, archive.clone())
    }
}

struct World {
    directory: tempfile::TempDir,
    memory: Memory,
    options: Options,
}

impl World {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        write_atomic(&directory.path().join("outside"), b"untouched", 0o600).unwrap();
        Self { directory, memory: Memory::default(), options: Options::default() }
    }

    fn roots(&self) -> PathBuf {
        self.directory.path().join("roots")
    }

    fn unpack(&self, layers: &[LayerDescriptor]) -> Result<PathBuf, ImageError> {
        unpack(&self.memory, layers, &self.roots(), &Digest::of(b"image"), &self.options)
    }

    fn foreign(&mut self, archive: Foreign) -> Result<PathBuf, ImageError> {
        let layer = archive.layer(&mut self.memory);
        self.unpack(&[layer])
    }

    /// Unpacking failed, and neither a folder nor anything outside tells of it.
    fn refused(&mut self, archive: Foreign) -> String {
        let error = self.foreign(archive).unwrap_err();
        assert_eq!(fs::read_dir(self.roots()).unwrap().count(), 0);
        assert_eq!(fs::read(self.directory.path().join("outside")).unwrap(), b"untouched");
        error.to_string()
    }
}

#[test]
fn a_tree_comes_out_as_it_went_in_and_is_there_once() {
    let mut world = World::new();
    let base = world.memory.layer(&tree([
        ("bin", Entry::Link { to: "usr/bin".to_owned() }),
        ("usr/bin/sh", file(0o755, b"shell")),
        ("tmp", Entry::Directory { mode: 0o1777 }),
        ("closed/secret", file(0o400, b"x")),
        ("closed", Entry::Directory { mode: 0o500 }),
    ]));
    let files = world.memory.layer(&tree([("app/run", file(0o711, b"run"))]));
    let root = world.unpack(&[base.clone(), files.clone()]).unwrap();
    assert_eq!(root, place(&world.roots(), &Digest::of(b"image")));
    let mode = |path: &str| fs::metadata(root.join(path)).unwrap().permissions().mode() & 0o7777;
    let modes = ["usr", "usr/bin/sh", "tmp", "closed", "closed/secret", "app/run"].map(mode);
    assert_eq!(modes, [0o755, 0o755, 0o1777, 0o500, 0o400, 0o711]);
    assert_eq!(fs::read(root.join("bin/sh")).unwrap(), b"shell");
    let me = fs::metadata(world.directory.path()).unwrap().uid();
    let metadata = fs::metadata(root.join("app/run")).unwrap();
    assert_eq!((metadata.uid(), metadata.mtime()), (me, 315_532_800));
    let before = fs::metadata(&root).unwrap().ino();
    assert_eq!(fs::metadata(world.unpack(&[base, files]).unwrap()).unwrap().ino(), before);
}

#[test]
fn only_what_is_wanted_comes_out() {
    let mut world = World::new();
    let layer = world.memory.layer(&tree([("app/a/b", file(0o644, b"x")), ("apple", file(0o644, b"y"))]));
    world.options.below = Some("app".to_owned());
    let root = world.unpack(&[layer]).unwrap();
    assert_eq!(fs::read(root.join("a/b")).unwrap(), b"x");
    assert_eq!(fs::read_dir(root).unwrap().count(), 1);
}

#[test]
fn gzip_of_several_members_and_zstd_of_several_frames_are_read() {
    let archive = {
        let (name, bytes) = ("hello", [b'x'; 3000]);
        let mut archive = Foreign::default().file(name, &bytes).0;
        archive.extend_from_slice(&[0; 1024]);
        archive
    };
    let gzip = |bytes: &[u8]| {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(bytes).unwrap();
        gzip.finish().unwrap()
    };
    let zstd = |bytes: &[u8]| ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest);
    let skipped = [&[0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0][..], b"skip"].concat();
    let (head, tail) = archive.split_at(700);
    let cases = [
        (LAYER, gzip(&archive)),
        (LAYER, [gzip(head), gzip(tail)].concat()),
        (ZSTD, zstd(&archive)),
        (ZSTD, [zstd(head), skipped, zstd(tail)].concat()),
    ];
    for (media_type, compressed) in cases {
        let mut world = World::new();
        let layer = world.memory.foreign(&archive, media_type, compressed);
        let root = world.unpack(&[layer]).unwrap();
        assert_eq!(fs::read(root.join("hello")).unwrap().len(), 3000);
    }
}

#[test]
fn whiteouts_remove_what_is_below_and_nothing_of_their_own_layer() {
    let mut world = World::new();
    let below = Foreign::default()
        .file("etc/gone", b"1")
        .file("etc/stays", b"2")
        .file("var/old/a", b"3")
        .file("var/old/b/c", b"4")
        .link("out", "../..");
    let above = Foreign::default()
        .file("etc/.wh.gone", b"")
        .file("var/old/new", b"5")
        .file("var/old/.wh..wh..opq", b"")
        .file("nowhere/.wh.x", b"")
        .file("out/.wh.outside", b"");
    let layers = [below.layer(&mut world.memory), above.layer(&mut world.memory)];
    let root = world.unpack(&layers).unwrap();
    assert!(!root.join("etc/gone").exists() && root.join("etc/stays").exists());
    let left: Vec<_> = fs::read_dir(root.join("var/old")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["new"]);
    assert!(!root.join("nowhere").exists());
    assert_eq!(fs::read(world.directory.path().join("outside")).unwrap(), b"untouched");
}

#[test]
fn links_lead_to_places_in_the_root_and_never_out_of_it() {
    for to in ["..", "../..", "../../..", "/", "/.."] {
        let mut world = World::new();
        let root = world.foreign(Foreign::default().link("up", to).file("up/outside", b"taken")).unwrap();
        assert_eq!(fs::read(root.join("outside")).unwrap(), b"taken", "{to}");
        assert_eq!(fs::read(world.directory.path().join("outside")).unwrap(), b"untouched");
    }
    let mut world = World::new();
    // A link at the very place of a file is replaced, not followed.
    let outside = world.directory.path().join("outside");
    let archive = Foreign::default().link("x", outside.to_str().unwrap()).file("x", b"mine");
    let root = world.foreign(archive).unwrap();
    assert_eq!((fs::read(root.join("x")).unwrap(), fs::read(outside).unwrap()), (b"mine".into(), b"untouched".into()));
    let circle = Foreign::default().link("a", "b").link("b", "a").file("a/x", b"");
    assert!(World::new().refused(circle).contains("no folder"));
}

#[test]
fn what_leads_outside_or_is_no_archive_is_refused_and_leaves_nothing() {
    let refused = |archive: Foreign| World::new().refused(archive);
    assert!(refused(Foreign::default().file("../outside", b"x")).contains("leads outside"));
    assert!(refused(Foreign::default().file("a/../../outside", b"x")).contains("leads outside"));
    let hard = |to: &str| Foreign::default().link("l", "/").add("h", tar::EntryType::Link, to, b"");
    assert!(refused(hard("../outside")).contains("leads outside"));
    assert!(refused(hard("nothing")).contains("no file before it"));
    assert!(refused(hard("l")).contains("no file before it"));
    assert!(refused(hard("h")).contains("no file before it"));
    assert!(refused(Foreign::default().file("a", b"").file("a/b", b"")).contains("no folder"));
    assert!(refused(Foreign::default().file(".wh.", b"")).contains("removes nothing"));
    assert!(refused(Foreign::default().add("s", tar::EntryType::GNUSparse, "", b"")).contains("unknown kind"));
    let mut cut = Foreign::default().file("a", &[1; 4000]);
    cut.0.truncate(2000);
    assert!(refused(cut).contains("ends after"));
    let mut garbage = Foreign::default().file("a", b"x");
    garbage.0[150] ^= 1;
    assert!(refused(garbage).contains("damaged"));
}

#[test]
fn devices_are_left_out_and_rights_of_others_dropped() {
    let mut world = World::new();
    let archive = Foreign::default()
        .add("null", tar::EntryType::Char, "", b"")
        .add("pipe", tar::EntryType::Fifo, "", b"")
        .file("su", b"x")
        .add("folder", tar::EntryType::Directory, "", b"")
        .add("same", tar::EntryType::Link, "./su", b"");
    let root = world.foreign(archive).unwrap();
    assert!(!root.join("null").exists() && !root.join("pipe").exists());
    let mode = |path: &str| fs::metadata(root.join(path)).unwrap().permissions().mode() & 0o7777;
    assert_eq!(["su", "folder", "same"].map(mode), [0o755, 0o755, 0o755]);
    assert_eq!(fs::metadata(root.join("same")).unwrap().nlink(), 2);
}

#[test]
fn bombs_are_refused() {
    let world = |limits| World { options: Options { limits, ..Options::default() }, ..World::new() };
    let limits = Limits::default();
    let many = || (0..20).fold(Foreign::default(), |archive, number| archive.file(&format!("f{number}"), b""));
    assert!(world(Limits { entries_max: 10, ..limits }).refused(many()).contains("too many entries"));
    let large = || Foreign::default().file("a", &[0; 100_000]);
    assert!(world(Limits { layer_bytes_max: 50_000, ..limits }).refused(large()).contains("too many bytes"));
    let long = || Foreign::default().file(&"x".repeat(90), b"");
    assert!(world(Limits { path_bytes_max: 80, ..limits }).refused(long()).contains("too long a path"));
    let extended = Foreign::default().add("x", tar::EntryType::XHeader, "", &[b'x'; 70_000]);
    assert!(World::new().refused(extended).contains("extended header"));
    let hidden = Foreign::default().add("x", tar::EntryType::XHeader, "", b"14 size=100000\n").file("a", b"x");
    assert!(!World::new().refused(hidden).is_empty());
    // A hundred MiB of nothing, in about a hundred KiB.
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    (0..100).for_each(|_| gzip.write_all(&[0; 1 << 20]).unwrap());
    let mut world = World::new();
    let compressed = gzip.finish().unwrap();
    let layer = world.memory.foreign(b"", LAYER, compressed);
    assert!(world.unpack(&[layer]).unwrap_err().to_string().contains("too many bytes"));
}

#[test]
fn a_layer_that_is_not_the_announced_one_leaves_nothing() {
    let mut world = World::new();
    let good = world.memory.layer(&tree([("a", file(0o644, b"x"))]));
    let wrong = |change: &dyn Fn(&mut LayerDescriptor)| {
        let mut layer = good.clone();
        change(&mut layer);
        let error = world.unpack(&[layer]).unwrap_err();
        assert_eq!(fs::read_dir(world.roots()).unwrap().count(), 0);
        error
    };
    assert!(matches!(wrong(&|layer| layer.diff_id = Digest::of(b"")), ImageError::WrongDigest { .. }));
    assert!(matches!(wrong(&|layer| layer.size_bytes -= 1), ImageError::TooMuch { .. }));
    assert!(matches!(wrong(&|layer| layer.digest = Digest::of(b"")), ImageError::Missing { .. }));
    assert!(matches!(wrong(&|layer| layer.media_type = "text/plain".to_owned()), ImageError::Document { .. }));
    assert!(matches!(wrong(&|layer| layer.media_type = ZSTD.to_owned()), ImageError::Archive { .. }));
}

#[test]
fn links_out_of_a_folder_that_is_nobodys_root_are_refused() {
    for (path, to) in [("a", "/etc"), ("a", ".."), ("a/b/c", "../../../x")] {
        let mut world = World::new();
        world.options.links_stay = true;
        assert!(world.refused(Foreign::default().link(path, to)).contains("outside of it"), "{path} {to}");
    }
    let mut world = World::new();
    world.options.links_stay = true;
    world.foreign(Foreign::default().link("a/b", "../c").link("d", "a/./b")).unwrap();
}

#[test]
fn many_at_once_agree_and_what_a_dead_process_left_goes_away() {
    let mut world = World::new();
    let layer = world.memory.layer(&tree([("a/b/c", file(0o644, &[7; 100_000]))]));
    let world = &world;
    let made: Vec<PathBuf> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| world.unpack(std::slice::from_ref(&layer)))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap().unwrap()).collect()
    });
    assert!(made.iter().all(|path| *path == made[0]));
    let leftover = world.roots().join(".new-4194304-1-0-abc");
    let own = world.roots().join(format!(
        ".new-{}-{}-9-abc",
        std::process::id(),
        seaworthy_host::process::start_time(std::process::id()).unwrap()
    ));
    for folder in [&leftover, &own] {
        fs::create_dir(folder).unwrap();
    }
    assert_eq!(remove_leftovers(&world.roots()).unwrap(), 1);
    assert!(!leftover.exists() && own.exists());
    assert_eq!(unpack::remove_leftovers(&world.directory.path().join("nowhere")).unwrap(), 0);
}
