//! Images as documents: written in one way, read strictly, told apart, looked into, exported.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[allow(dead_code, reason = "each test uses a part")]
mod common;

use common::{Memory, file, tree};
use proptest::prelude::*;
use seaworthy_image::difference::{Side, first};
use seaworthy_image::oci::{self, Description, LayerDescriptor, assemble};
use seaworthy_image::{Content, Entry, Image, ImageError, Limits, Tree, attach, inspect, layout, references, sbom};
use seaworthy_model::Digest;
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn layer(number: u8) -> LayerDescriptor {
    LayerDescriptor {
        media_type: oci::LAYER.to_owned(),
        digest: Digest::of(&[number]),
        size_bytes: u64::from(number) + 100,
        diff_id: Digest::of(&[number, number]),
    }
}

fn description() -> Description {
    let run = ["./cart", "--serve"].map(str::to_owned);
    Description { architecture: "amd64".to_owned(), ..Description::new("shop", "cart", &run) }
}

#[test]
fn the_documents_are_these() {
    let written = assemble(&description(), &[layer(1), layer(2)]).unwrap();
    insta::assert_snapshot!(String::from_utf8(written.manifest).unwrap());
    insta::assert_snapshot!(String::from_utf8(written.config).unwrap());
}

#[test]
fn what_was_written_is_read_and_names_what_it_needs() {
    let mut memory = Memory::default();
    let written = assemble(&description(), &[layer(1), layer(2)]).unwrap();
    let config = Digest::of(&written.config);
    assert_eq!(references(&written.manifest).unwrap(), [config, layer(1).digest, layer(2).digest]);
    let image = memory.written(&written);
    assert_eq!((image.layers.clone(), image.digest), (vec![layer(1), layer(2)], written.digest()));
    assert_eq!(image.run, ["./cart", "--serve"]);
    assert_eq!(image.user.as_deref(), Some("65532:65532"));
}

#[test]
fn of_an_index_the_image_for_this_machine_is_chosen() {
    let mut memory = Memory::default();
    let image = memory.image(&[layer(1)]);
    let entry = |os: &str, architecture: &str, digest: &Digest| {
        json!({ "mediaType": oci::MANIFEST, "digest": digest, "size": 1,
                "platform": { "os": os, "architecture": architecture } })
    };
    let foreign = entry("linux", "s390x", &Digest::of(b"other"));
    let index = |entries: &[Value]| {
        json!({ "schemaVersion": 2, "mediaType": oci::INDEX, "manifests": entries }).to_string().into_bytes()
    };
    let both = index(&[foreign.clone(), entry("linux", oci::architecture(), &image.digest)]);
    assert_eq!(references(&both).unwrap(), [Digest::of(b"other"), image.digest.clone()]);
    let name = memory.put(both);
    assert_eq!(oci::image(&memory, &name).unwrap(), image);
    let name = memory.put(index(&[foreign]));
    let error = oci::image(&memory, &name).unwrap_err();
    assert!(matches!(&error, ImageError::Platform { there, .. } if there == "`linux/s390x`"), "{error}");
}

#[test]
fn what_is_not_an_image_is_refused() {
    let written = assemble(&description(), &[layer(1)]).unwrap();
    let good: Value = serde_json::from_slice(&written.manifest).unwrap();
    let refused = |change: &dyn Fn(&mut Value)| {
        let mut memory = Memory::default();
        memory.put(written.config.clone());
        let mut manifest = good.clone();
        change(&mut manifest);
        let name = memory.put(manifest.to_string().into_bytes());
        oci::image(&memory, &name).unwrap_err().to_string()
    };
    type Change<'a> = &'a dyn Fn(&mut Value);
    let cases: [(&str, Change<'_>); 9] = [
        ("schema version", &|value| value["schemaVersion"] = json!(1)),
        ("media type `text/plain`", &|value| value["mediaType"] = json!("text/plain")),
        ("neither a manifest nor an index", &|value| drop(value.as_object_mut().unwrap().remove("layers"))),
        ("not a digest", &|value| value["layers"][0]["digest"] = json!(format!("sha512:{}", "a".repeat(128)))),
        ("unknown media type", &|value| value["layers"][0]["mediaType"] = json!("application/x")),
        ("number of layers", &|value| value["layers"] = json!([])),
        ("another size", &|value| value["config"]["size"] = json!(1)),
        ("belongs to an image", &|value| value["config"]["mediaType"] = json!(oci::EMPTY)),
        ("it names 501 others", &|value| value["layers"] = Value::Array(vec![value["layers"][0].clone(); 501])),
    ];
    for (why, change) in cases {
        let said = refused(change);
        assert!(said.contains(why), "{why}: {said}");
    }
    for bytes in [&b""[..], b"{}", b"[]", b"null", b"{\"schemaVersion\":2,\"layers\":1}"] {
        assert!(references(bytes).is_err());
    }
}

proptest! {
    #[test]
    fn no_document_makes_a_reader_panic(text in "[\\[\\]{}\":,a-zA-Z0-9. +/-]{0,200}") {
        let _ = references(text.as_bytes());
    }
}

#[test]
fn what_belongs_to_an_image_names_it_as_its_subject() {
    let image = Digest::of(b"image");
    let attached = attach((&image, 7), sbom::MEDIA_TYPE, b"{\"a\":1}".to_vec()).unwrap();
    insta::assert_snapshot!(String::from_utf8(attached.manifest.clone()).unwrap());
    assert_eq!(references(&attached.manifest).unwrap(), [Digest::of(b"{}"), Digest::of(&attached.content)]);
    for blob in attached.blobs() {
        assert!(!blob.is_empty());
    }
}

fn differ(one: &Tree, other: &Tree) -> Option<String> {
    let mut memory = Memory::default();
    let mut image = |tree: &Tree| -> Image {
        let layer = memory.layer(tree);
        memory.image(&[layer])
    };
    let (left, right) = (image(one), image(other));
    let side = |image| Side { source: &memory, image };
    first(side(&left), side(&right), &Limits::default()).unwrap()
}

#[test]
fn the_first_difference_is_told_in_words() {
    let of = |entry: Entry| tree([("app/run", entry), ("app/z", file(0o644, b"same"))]);
    let one = of(file(0o755, b"the same beginning, A and on"));
    assert_eq!(differ(&one, &one), None);
    let cases = [
        of(file(0o755, b"the same beginning, B and on")),
        of(file(0o755, b"the same beginning, A")),
        of(file(0o700, b"the same beginning, A and on")),
        of(Entry::Link { to: "z".to_owned() }),
        tree([("app/z", file(0o644, b"same"))]),
        tree([("app/run", file(0o755, b"the same beginning, A and on"))]),
    ];
    insta::assert_debug_snapshot!(cases.map(|other| differ(&one, &other).unwrap()));
}

#[test]
fn images_of_the_same_layers_differ_by_what_they_run() {
    let mut memory = Memory::default();
    let left = memory.image(&[layer(1)]);
    let other = assemble(&description(), &[layer(1)]).unwrap();
    let right = memory.written(&other);
    let side = |image| Side { source: &memory, image };
    let said = first(side(&left), side(&right), &Limits::default()).unwrap().unwrap();
    assert_eq!(said, "the program is `[\"./run\"]` and `[\"./cart\", \"--serve\"]`");
}

fn with_packages(memory: &mut Memory) -> Image {
    let status = "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.36-9\n\
                  Description: the C library\n Version: not this one\n\n";
    let sums = "0123  usr/lib/libc.so.6\n4567  usr/lib/locale/C\n";
    let base = memory.layer(&tree([
        ("var/lib/dpkg/status.d/libc6", file(0o644, status.as_bytes())),
        ("var/lib/dpkg/status.d/libc6.md5sums", file(0o644, sums.as_bytes())),
        ("usr/lib/libc.so.6", file(0o644, &[1; 5000])),
        ("etc/passwd", file(0o644, b"root:x:0:0::/:/\n")),
    ]));
    let files = memory.layer(&tree([("app/lib/a", file(0o644, &[2; 700])), ("app/run", file(0o755, &[3; 300]))]));
    memory.image(&[base, files])
}

#[test]
fn an_image_says_what_is_in_it_and_why() {
    let mut memory = Memory::default();
    let image = with_packages(&mut memory);
    let contents = inspect::inspect(&memory, &image.digest, &Limits::default()).unwrap();
    insta::assert_json_snapshot!((&contents.parts, contents.unpacked_bytes, &contents.largest[..2]));
    assert_eq!(contents.layers.len(), 2);
}

#[test]
fn packages_of_a_base_are_found() {
    let mut memory = Memory::default();
    let image = with_packages(&mut memory);
    let packages = sbom::debian::packages(&memory, &image.layers[0], &Limits::default()).unwrap();
    let urls: BTreeSet<String> = packages.iter().map(sbom::Package::url).collect();
    assert_eq!(urls, ["pkg:deb/debian/libc6@2.36-9?arch=amd64".to_owned()].into());
}

#[test]
fn a_layout_holds_everything_and_is_the_same_every_time() {
    let mut memory = Memory::default();
    let image = with_packages(&mut memory);
    let folder = tempfile::tempdir().unwrap();
    let archive = |name: &str| {
        let to = folder.path().join(name);
        std::fs::create_dir(&to).unwrap();
        layout::folder(&memory, &image.digest, "cart", &to).unwrap();
        let mut bytes = Vec::new();
        layout::archive(&to, &mut bytes).unwrap();
        bytes
    };
    let bytes = archive("one");
    assert_eq!(bytes, archive("two"));
    let mut names = Vec::new();
    for entry in tar::Archive::new(bytes.as_slice()).entries().unwrap() {
        names.push(entry.unwrap().path().unwrap().to_str().unwrap().to_owned());
    }
    let blobs = names.iter().filter(|name| name.starts_with("blobs/sha256/") && !name.ends_with('/')).count();
    assert_eq!(blobs, 4);
    assert!(names.contains(&"index.json".to_owned()) && names.contains(&"oci-layout".to_owned()));
    memory.0.remove(&image.layers[0].digest);
    let error = layout::folder(&memory, &image.digest, "cart", &folder.path().join("three")).unwrap_err();
    assert!(matches!(error, ImageError::Missing { .. }));
    assert!(!folder.path().join("three/index.json").exists());
}

#[test]
fn content_in_files_is_read_when_the_layer_is_written() {
    let missing = Entry::File { mode: 0o644, content: Content::Path("/nowhere".into()) };
    assert!(seaworthy_image::layer::write(&tree([("a", missing)]), std::io::sink()).is_err());
}
