//! Layers are the same bytes for the same tree, and another implementation reads the tree back from them.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[allow(dead_code, reason = "each test uses a part")]
mod common;

use common::{file, tree};
use flate2::read::GzDecoder;
use proptest::prelude::*;
use seaworthy_image::layer::{self, TIME};
use seaworthy_image::{Content, Entry, ImageError, Tree};
use std::io::Read as _;
use std::path::Path;

fn written(tree: &Tree) -> (layer::Layer, Vec<u8>) {
    let mut bytes = Vec::new();
    let layer = layer::write(tree, &mut bytes).unwrap();
    (layer, bytes)
}

/// The tree in a layer, as the `tar` crate reads it.
fn read_back(bytes: &[u8]) -> Tree {
    let mut archive = tar::Archive::new(GzDecoder::new(bytes));
    let mut tree = Tree::default();
    let mut order = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let header = entry.header().clone();
        assert_eq!((header.uid().unwrap(), header.gid().unwrap(), header.mtime().unwrap()), (0, 0, TIME));
        assert!(header.username_bytes().unwrap_or_default().is_empty());
        let path = entry.path().unwrap().to_str().unwrap().trim_end_matches('/').to_owned();
        let mode = header.mode().unwrap();
        let read = match header.entry_type() {
            tar::EntryType::Directory => Entry::Directory { mode },
            tar::EntryType::Symlink => {
                Entry::Link { to: entry.link_name().unwrap().unwrap().to_str().unwrap().to_owned() }
            }
            tar::EntryType::Regular => {
                let mut bytes = Vec::new();
                entry.read_to_end(&mut bytes).unwrap();
                Entry::File { mode, content: Content::Bytes(bytes.into()) }
            }
            other => panic!("{other:?}"),
        };
        order.push(path.clone());
        assert!(tree.entries.insert(path, read).is_none());
    }
    assert!(order.is_sorted(), "{order:?}");
    tree
}

/// The tree with the folders that are not listed.
fn complete(tree: &Tree) -> Tree {
    let mut complete = tree.clone();
    for path in tree.entries.keys() {
        for (at, _) in path.match_indices('/') {
            complete.entries.entry(path[..at].to_owned()).or_insert(Entry::Directory { mode: 0o755 });
        }
    }
    complete
}

fn names() -> impl Strategy<Value = String> {
    let ordinary = "[a-z0-9._+-]{1,12}";
    let long = "[a-z]{90,140}";
    let foreign = "[a-zäλ日 ]{1,20}";
    let plain = |name: &String| name != "." && name != ".." && !name.starts_with(".wh.");
    prop_oneof![6 => ordinary, 1 => long, 1 => foreign].prop_filter("a plain name", plain)
}

fn entries() -> impl Strategy<Value = Entry> {
    prop_oneof![
        (0u32..0o2000).prop_map(|mode| Entry::Directory { mode }),
        (0u32..0o1000, proptest::collection::vec(any::<u8>(), 0..1500)).prop_map(|(mode, bytes)| file(mode, &bytes)),
        "[a-z/.é]{1,150}".prop_map(|to| Entry::Link { to }),
    ]
}

/// Trees in which nothing lies below what is no folder.
fn trees() -> impl Strategy<Value = Tree> {
    let path = proptest::collection::vec(names(), 1..6).prop_map(|parts| parts.join("/"));
    proptest::collection::btree_map(path, entries(), 0..12).prop_map(|entries| {
        let is_folder = |path: &str| matches!(entries.get(path), None | Some(Entry::Directory { .. }));
        let fits = |path: &String| path.match_indices('/').all(|(at, _)| is_folder(&path[..at]));
        let kept = entries.iter().filter(|(path, _)| fits(path));
        Tree { entries: kept.map(|(path, entry)| (path.clone(), entry.clone())).collect() }
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(tree in trees()) {
        let (layer, bytes) = written(&tree);
        prop_assert_eq!(layer.size_bytes, bytes.len() as u64);
        prop_assert_eq!(layer.digest, seaworthy_model::Digest::of(&bytes));
        prop_assert_eq!(read_back(&bytes), complete(&tree));
    }

    #[test]
    fn any_order_gives_the_same_bytes(tree in trees(), seed in any::<u64>()) {
        let mut entries: Vec<(String, Entry)> = tree.entries.clone().into_iter().collect();
        entries.sort_by_key(|(path, _)| seaworthy_model::Digest::of(format!("{seed}{path}").as_bytes()));
        let mut other = Tree::default();
        for (path, entry) in entries {
            other.entries.insert(path, entry);
        }
        prop_assert_eq!(written(&tree), written(&other));
    }
}

#[test]
fn the_bytes_are_those_of_the_first_day() {
    // If this changes, every image of everybody changes its digest: another compressor or dialect is news to users.
    let text = "the quick brown fox jumps over the lazy dog\n".repeat(5000);
    let tree = tree([
        ("app/run", file(0o755, text.as_bytes())),
        ("app/data", Entry::Directory { mode: 0o1777 }),
        ("app/link", Entry::Link { to: "run".to_owned() }),
        ("app/é", file(0o644, b"")),
    ]);
    insta::assert_debug_snapshot!((layer::FORMAT, written(&tree).0));
}

#[test]
fn bytes_in_a_file_are_the_same_as_bytes_at_hand() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    std::fs::copy("/proc/self/exe", &path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let in_file = Entry::File { mode: 0o755, content: Content::Path(path) };
    assert_eq!(written(&tree([("x", in_file)])), written(&tree([("x", file(0o755, &bytes))])));
}

#[test]
fn what_no_layer_can_hold_is_refused() {
    let refused = |path: &'static str| layer::write(&tree([(path, file(0o644, b""))]), std::io::sink()).unwrap_err();
    for path in ["", "/a", "a/", "a//b", ".", "a/../b", "a/.wh.b", "a\0b"] {
        assert!(matches!(refused(path), ImageError::Entry { .. }), "{path:?}");
    }
    let below_a_file = tree([("a", file(0o644, b"")), ("a/b", file(0o644, b""))]);
    assert!(layer::write(&below_a_file, std::io::sink()).is_err());
    let missing = Entry::File { mode: 0o644, content: Content::Path(Path::new("/nowhere/at/all").into()) };
    assert!(matches!(layer::write(&tree([("x", missing)]), std::io::sink()), Err(ImageError::File(_))));
}

#[test]
fn rights_of_others_are_never_given() {
    let (_, bytes) = written(&tree([("su", file(0o4755, b"")), ("group", Entry::Directory { mode: 0o2775 })]));
    let expected = tree([("su", file(0o755, b"")), ("group", Entry::Directory { mode: 0o775 })]);
    assert_eq!(read_back(&bytes).entries, expected.entries);
}
