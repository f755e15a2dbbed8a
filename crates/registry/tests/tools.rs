//! The tools that people have push to it, pull from it and look into it: `skopeo` and `podman`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use seaworthy_host::process;
use seaworthy_image::links::{DOCUMENT_BYTES_MAX, Links, OCI_MANIFEST};
use seaworthy_model::Digest;
use serde_json::json;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use support::{WRITES, World};

/// Runs a program to its end, away from the threads that answer it; panics with what it said when it fails.
async fn run(program: &str, arguments: &[String]) -> String {
    let output = output(program, arguments).await;
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
    String::from_utf8(output.stdout).expect("text")
}

async fn output(program: &str, arguments: &[String]) -> std::process::Output {
    let mut command = process::command(program);
    command.args(arguments).env("HOME", "/nonexistent").env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    let running = tokio::task::spawn_blocking(move || command.output()).await.expect("a thread");
    running.unwrap_or_else(|error| panic!("`{program}` is missing ({error}): `apt-get install {program}`"))
}

fn words<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).to_vec()
}

/// An OCI layout with an image of two layers, the second of which is large enough to travel in pieces.
fn layout(folder: &Path) -> BTreeSet<Digest> {
    let blobs = folder.join("blobs/sha256");
    std::fs::create_dir_all(&blobs).unwrap();
    let put = |bytes: &[u8]| {
        let digest = Digest::of(bytes);
        seaworthy_host::files::write_atomic(&blobs.join(digest.hex()), bytes, 0o644).unwrap();
        digest
    };
    let noise: Vec<u8> = (0..3_000_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let layers = [archive("etc/greeting", b"hi!"), archive("srv/noise", &noise)];
    let digests = layers.each_ref().map(|layer| put(layer));
    let config = json!({ "architecture": "amd64", "os": "linux", "config": { "Entrypoint": ["/srv/none"] },
        "rootfs": { "type": "layers", "diff_ids": digests } });
    let config = config.to_string().into_bytes();
    let layer = |index: usize| json!({ "mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digests[index], "size": layers[index].len() });
    let manifest = json!({ "schemaVersion": 2, "mediaType": OCI_MANIFEST, "layers": [layer(0), layer(1)],
        "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": put(&config), "size": config.len() } });
    let manifest = manifest.to_string().into_bytes();
    let image = put(&manifest);
    let index = json!({ "schemaVersion": 2, "manifests": [{ "mediaType": OCI_MANIFEST, "digest": image,
        "size": manifest.len(), "annotations": { "org.opencontainers.image.ref.name": "one" } }] });
    let write = |name: &str, text: String| {
        seaworthy_host::files::write_atomic(&folder.join(name), text.as_bytes(), 0o644).unwrap();
    };
    write("index.json", index.to_string());
    write("oci-layout", json!({ "imageLayoutVersion": "1.0.0" }).to_string());
    digests.into_iter().chain([image, Digest::of(&config)]).collect()
}

/// A tar archive of one file (POSIX.1-1988, ustar).
fn archive(name: &str, content: &[u8]) -> Vec<u8> {
    let mut header = [0; 512];
    let mut field = |start: usize, text: &str| header[start..start + text.len()].copy_from_slice(text.as_bytes());
    field(0, name);
    for (start, value) in [(100, 0o644), (108, 0), (116, 0)] {
        field(start, &format!("{value:07o}"));
    }
    field(124, &format!("{:011o}", content.len()));
    field(136, "00000000000");
    field(148, "        ");
    field(156, "0");
    field(257, "ustar\u{0}00");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut bytes = header.to_vec();
    bytes.extend_from_slice(content);
    bytes.resize(bytes.len().next_multiple_of(512) + 1024, 0);
    bytes
}

fn blobs_of(layout: &Path) -> BTreeSet<Digest> {
    let entries = std::fs::read_dir(layout.join("blobs/sha256")).expect("a layout");
    let digest = |name: String| Digest::try_from(format!("sha256:{name}")).expect("a digest");
    entries.map(|entry| digest(entry.unwrap().file_name().into_string().unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn skopeo_pushes_pulls_lists_inspects_and_deletes() {
    let world = World::new().await;
    let folder = tempfile::tempdir().unwrap();
    let [source, copy] = ["source", "copy"].map(|name| folder.path().join(name));
    let image = layout(&source);
    let creds = format!("anybody:{WRITES}");
    let there = format!("docker://{}/shop/web:pushed", world.address);
    let oci = |path: &PathBuf| format!("oci:{}:one", path.display());
    let skopeo = |arguments: Vec<String>| async move { run("skopeo", &arguments).await };
    let push = ["--insecure-policy", "copy", "--preserve-digests", "--dest-tls-verify=false", "--dest-creds"];
    skopeo([&words(push)[..], &[creds.clone(), oci(&source), there.clone()]].concat()).await;
    assert!(image.iter().all(|digest| world.blobs.contains(digest)));
    let pull = ["--insecure-policy", "copy", "--preserve-digests", "--src-tls-verify=false", "--src-creds"];
    skopeo([&words(pull)[..], &[creds.clone(), there.clone(), oci(&copy)]].concat()).await;
    assert_eq!(blobs_of(&copy), image);
    let asking = |verb: &str| words([verb, "--tls-verify=false", "--creds", &creds]);
    let inspected = skopeo([asking("inspect"), vec![there.clone()]].concat()).await;
    let inspected: serde_json::Value = serde_json::from_str(&inspected).unwrap();
    assert_eq!((inspected["RepoTags"].clone(), inspected["Layers"].as_array().unwrap().len()), (json!(["pushed"]), 2));
    let listed = skopeo([asking("list-tags"), vec![format!("docker://{}/shop/web", world.address)]].concat()).await;
    assert!(listed.contains("\"pushed\""));
    skopeo([asking("delete"), vec![there.clone()]].concat()).await;
    let gone = output("skopeo", &[asking("inspect"), vec![there]].concat()).await;
    assert!(!gone.status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn skopeo_without_the_token_gets_nothing() {
    let world = World::new().await;
    let (digest, _) = world.push_image("shop/web", Some("one"), b"layer").await;
    let there = format!("docker://{}/shop/web@{digest}", world.address);
    for credentials in [words(["--no-creds"]), words(["--creds", "anybody:wrong"])] {
        let arguments = [words(["inspect", "--tls-verify=false"]), credentials, vec![there.clone()]].concat();
        let refused = output("skopeo", &arguments).await;
        assert!(!refused.status.success());
        assert!(String::from_utf8_lossy(&refused.stderr).contains("unauthorized"), "{refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn podman_logs_in_pulls_and_pushes() {
    assert!(seaworthy_host::peer::is_root(), "podman needs its storage here: run this as root");
    let world = World::new().await;
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source");
    layout(&source);
    let here = world.address.to_string();
    let push = ["--insecure-policy", "copy", "--dest-tls-verify=false", "--dest-creds"];
    let from = format!("oci:{}:one", source.display());
    let creds = format!("anybody:{WRITES}");
    run("skopeo", &[&words(push)[..], &[creds, from, format!("docker://{here}/shop/web:one")]].concat()).await;

    let storage = ["root", "runroot"].map(|name| format!("--{name}={}", folder.path().join(name).display()));
    let common = [&storage[..], &words(["--storage-driver=vfs", "--cgroup-manager=cgroupfs"])].concat();
    let auth = format!("--authfile={}", folder.path().join("auth.json").display());
    let podman = |verb: &str, rest: &[&str]| {
        let arguments = [&common[..], &words([verb, &auth, "--tls-verify=false"])].concat();
        let rest: Vec<String> = rest.iter().map(|word| (*word).to_owned()).collect();
        async move { run("podman", &[arguments, rest].concat()).await }
    };
    podman("login", &["--username=anybody", &format!("--password={WRITES}"), &here]).await;
    let pulled = format!("{here}/shop/web:one");
    podman("pull", &["--quiet", &pulled]).await;
    podman("push", &["--quiet", &pulled, &format!("{here}/shop/web:two")]).await;
    let two = world.store.tag("shop/web", "two").unwrap().expect("podman pushed it");
    let bytes = world.blobs.read(&two).unwrap();
    assert!(bytes.len() as u64 <= DOCUMENT_BYTES_MAX);
    assert_eq!(Links::read(&bytes).unwrap().layers.len(), 2);
}
