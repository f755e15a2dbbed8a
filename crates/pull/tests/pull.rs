//! Images come from this project's own registry, from Debian's `docker-registry`, and from registries that want a token
//! or tell lies.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use seaworthy_diagnostics::{Diagnostic, Masked};
use seaworthy_host::{files, process};
use seaworthy_image::links::{OCI_INDEX, OCI_MANIFEST};
use seaworthy_model::{Digest, ImageName};
use seaworthy_pull::{Credentials, Platform, PullError, Pulled, Puller};
use seaworthy_registry::{Grant, Limits, Listener, Registry, Tokens, serve};
use seaworthy_store::{Blobs, Store, StoredManifest};
use serde_json::json;
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;

/// Base64 of `ada:secret-0123456789`.
const ADA: &str = "YWRhOnNlY3JldC0wMTIzNDU2Nzg5";
const SECRET: &str = "secret-0123456789";

/// An image: blobs by digest, the manifest for each platform, and the index over them.
struct Image {
    blobs: BTreeMap<Digest, Vec<u8>>,
    manifests: Vec<Digest>,
    index: Digest,
}

impl Image {
    fn new() -> Self {
        let mut image = Self { blobs: BTreeMap::new(), manifests: Vec::new(), index: Digest::of(b"") };
        let mut entries = Vec::new();
        for architecture in ["amd64", "arm64", "riscv64"] {
            let layers = [b"base".to_vec(), architecture.repeat(100_000).into_bytes()];
            let digests = layers.map(|layer| (layer.len(), image.put(layer)));
            let diff_ids = digests.each_ref().map(|(_, digest)| digest);
            let config = json!({ "architecture": architecture, "os": "linux",
                "rootfs": { "type": "layers", "diff_ids": diff_ids } });
            let config = config.to_string().into_bytes();
            let layer = |(size, digest): &(usize, Digest)| json!({ "mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest, "size": size });
            let manifest = json!({ "schemaVersion": 2, "mediaType": OCI_MANIFEST, "layers": digests.each_ref().map(layer),
                "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "size": config.len(),
                            "digest": image.put(config) } });
            let manifest = manifest.to_string().into_bytes();
            let (size, digest) = (manifest.len(), image.put(manifest));
            entries.push(json!({ "mediaType": OCI_MANIFEST, "digest": digest, "size": size,
                "platform": { "architecture": architecture, "os": "linux" } }));
            image.manifests.push(digest);
        }
        let index = json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries });
        image.index = image.put(index.to_string().into_bytes());
        image
    }

    fn put(&mut self, bytes: Vec<u8>) -> Digest {
        let digest = Digest::of(&bytes);
        self.blobs.insert(digest.clone(), bytes);
        digest
    }
}

fn platform(architecture: &str) -> Platform {
    Platform { architecture: architecture.into(), os: "linux".into() }
}

fn blobs() -> (tempfile::TempDir, Blobs) {
    let root = tempfile::tempdir().expect("a temporary folder");
    let blobs = Blobs::open(root.path()).expect("blobs");
    (root, blobs)
}

/// Credentials of ada for a registry.
fn ada(registry: &SocketAddr) -> Puller {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("config.json");
    let mut auths = serde_json::Map::new();
    auths.insert(registry.to_string(), json!({ "auth": ADA }));
    files::write_atomic(&path, json!({ "auths": auths }).to_string().as_bytes(), 0o600).expect("a file");
    Puller::new(Credentials::from_files(&[path]).expect("credentials"))
}

fn nobody() -> Puller {
    Puller::new(Credentials::default())
}

fn check(pulled: &Pulled, image: &Image, blobs: &Blobs, number: usize) {
    assert_eq!(pulled.manifest, image.manifests[number]);
    assert_eq!(pulled.layers.len(), 2);
    for digest in pulled.layers.iter().map(|layer| &layer.digest).chain([&pulled.manifest, &pulled.config]) {
        assert_eq!(blobs.read(digest).unwrap(), image.blobs[digest]);
    }
    assert!(pulled.layers.iter().all(|layer| layer.digest == layer.diff_id));
}

/// Everything that is in a store, finished or not.
fn count(root: &Path) -> usize {
    ["sha256", "incoming"].iter().map(|name| std::fs::read_dir(root.join("blobs").join(name)).unwrap().count()).sum()
}

/// This project's own registry with the image as `shop/web:1`, in a runtime that must live as long as it is asked.
fn own(image: &Image) -> (tokio::runtime::Runtime, tempfile::TempDir, SocketAddr) {
    let (root, blobs) = blobs();
    let store = Arc::new(Store::open(root.path()).unwrap());
    image.blobs.values().for_each(|bytes| drop(blobs.put_bytes(bytes).unwrap()));
    for (digest, media_type) in image.manifests.iter().map(|m| (m, OCI_MANIFEST)).chain([(&image.index, OCI_INDEX)]) {
        let manifest = StoredManifest {
            repository: "shop/web".into(),
            digest: digest.clone(),
            media_type: media_type.into(),
            artifact_type: None,
            subject: None,
        };
        store.put_manifest(&manifest, (media_type == OCI_INDEX).then_some("1")).unwrap();
    }
    let tokens = Tokens::default().with(&Masked::new(SECRET.to_owned()), Grant::Read);
    let registry = Registry::new(store, blobs, tokens, Limits::default()).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let listener = runtime.block_on(Listener::bind(0)).unwrap();
    let address = listener.address().unwrap();
    runtime.spawn(serve(listener, registry));
    (runtime, root, address)
}

#[test]
fn from_our_own_registry_by_tag_by_digest_and_for_another_platform() {
    let image = Image::new();
    let (_runtime, _root, address) = own(&image);
    let (puller, (root, blobs)) = (ada(&address), blobs());
    let name = ImageName::parse(&format!("{address}/shop/web:1")).unwrap();
    let digest = puller.resolve(&name).unwrap();
    assert_eq!(digest, image.index);
    check(&puller.pull(&name, &digest, &platform("arm64"), &blobs).unwrap(), &image, &blobs, 1);
    let exact = ImageName::parse(&format!("{address}/shop/web@{}", image.manifests[0])).unwrap();
    let digest = puller.resolve(&exact).unwrap();
    check(&puller.pull(&exact, &digest, &platform("amd64"), &blobs).unwrap(), &image, &blobs, 0);
    // A manifest of its own says in its configuration what it is made for.
    let before = count(root.path());
    for (digest, wanted) in [(&image.index, "s390x"), (&image.manifests[0], "arm64")] {
        let error = puller.pull(&name, digest, &platform(wanted), &blobs).unwrap_err();
        let diagnostic = Diagnostic::from(error);
        assert!(diagnostic.message.contains(&format!("not there for `linux/{wanted}`")), "{diagnostic}");
        assert!(diagnostic.message.contains("`linux/amd64`"), "{diagnostic}");
    }
    assert_eq!(count(root.path()), before);
}

#[test]
fn without_credentials_or_without_the_image_it_says_what_to_do() {
    let image = Image::new();
    let (_runtime, _root, address) = own(&image);
    let name = ImageName::parse(&format!("{address}/shop/web:1")).unwrap();
    let error = nobody().resolve(&name).unwrap_err();
    assert!(matches!(error, PullError::Denied { status: 401, known: false, .. }), "{error:?}");
    assert!(Diagnostic::from(error).help.unwrap().contains("podman login"));
    let absent = ImageName::parse(&format!("{address}/shop/web:2")).unwrap();
    assert!(matches!(ada(&address).resolve(&absent), Err(PullError::Missing { .. })));
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nowhere = ImageName::parse(&format!("{free}/shop/web:1")).unwrap();
    assert!(matches!(nobody().resolve(&nowhere), Err(PullError::Unreachable { .. })));
}

/// A registry that answers what it is told to: path and `Authorization` to status, headers and body.
fn fake(
    answer: impl Fn(SocketAddr, &str, Option<&str>) -> (u16, String, Vec<u8>) + Send + Sync + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            std::thread::spawn(move || one_call(stream, |path, said| answer(address, path, said)));
        }
    });
    address
}

fn one_call(mut stream: TcpStream, answer: impl Fn(&str, Option<&str>) -> (u16, String, Vec<u8>)) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let Some(first) = lines.next() else { return };
    let mut said = None;
    for line in lines.take_while(|line| !line.is_empty()) {
        if let Some((name, value)) = line.split_once(": ")
            && name.eq_ignore_ascii_case("authorization")
        {
            said = Some(value.to_owned());
        }
    }
    let path = first.split(' ').nth(1).unwrap_or("");
    let (status, headers, body) = answer(path, said.as_deref());
    let head = format!("HTTP/1.1 {status} x\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n", body.len());
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
}

/// The last part of a path, as a digest.
fn asked(path: &str) -> Option<Digest> {
    Digest::try_from(path.rsplit('/').next()?.to_owned()).ok()
}

#[test]
fn a_token_is_fetched_where_the_registry_says() {
    let image = Arc::new(Image::new());
    let there = Arc::clone(&image);
    let address = fake(move |me, path, said| {
        if path.starts_with("/token?") {
            let right = said == Some(&format!("Basic {ADA}"))
                && path == "/token?service=a+registry&scope=repository%3Ashop%2Fweb%3Apull";
            return if right {
                (200, String::new(), b"{\"token\":\"T\"}".to_vec())
            } else {
                (401, String::new(), vec![])
            };
        }
        if said != Some("Bearer T") {
            let challenge = format!(
                "www-authenticate: Bearer realm=\"http://{me}/token\",service=\"a registry\",scope=\"repository:shop/web:pull\"\r\n"
            );
            return (401, challenge, vec![]);
        }
        asked(path)
            .and_then(|digest| there.blobs.get(&digest))
            .map_or((404, String::new(), vec![]), |bytes| (200, String::new(), bytes.clone()))
    });
    let name = ImageName::parse(&format!("{address}/shop/web@{}", image.index)).unwrap();
    let (_root, blobs) = blobs();
    let pulled = ada(&address).pull(&name, &image.index, &platform("riscv64"), &blobs).unwrap();
    check(&pulled, &image, &blobs, 2);
    let (_root, blobs) = self::blobs();
    let error = nobody().pull(&name, &image.index, &platform("amd64"), &blobs).unwrap_err();
    assert!(matches!(error, PullError::Denied { status: 401, .. }), "{error:?}");
}

#[test]
fn a_password_is_never_sent_to_elsewhere_without_tls() {
    let address =
        fake(|_, _, _| (401, "www-authenticate: Bearer realm=\"http://192.0.2.1/token\"\r\n".to_owned(), vec![]));
    let name = ImageName::parse(&format!("{address}/shop/web:1")).unwrap();
    let error = ada(&address).resolve(&name).unwrap_err();
    assert!(error.to_string().contains("without TLS"), "{error}");
}

#[test]
fn lies_are_found_out_and_leave_nothing() {
    let image = Arc::new(Image::new());
    for lie in 0..3 {
        let there = Arc::clone(&image);
        let address = fake(move |_, path, _| {
            let digest = asked(path).unwrap_or(there.index.clone());
            let mut bytes = there.blobs[&digest].clone();
            match lie {
                0 if path.contains("/manifests/") => bytes.push(b' '),
                1 if path.contains("/blobs/") && bytes.len() > 100_000 => bytes[99_999] ^= 1,
                2 if path.contains("/blobs/") && bytes.len() > 100_000 => bytes.push(0),
                _ => {}
            }
            (200, String::new(), bytes)
        });
        let name = ImageName::parse(&format!("{address}/shop/web:1")).unwrap();
        let (root, blobs) = blobs();
        let error = nobody().pull(&name, &image.index, &platform("amd64"), &blobs).unwrap_err();
        let expected = if lie == 2 { "longer than it says" } else { "what came is" };
        assert!(error.to_string().contains(expected), "{lie}: {error}");
        let manifest = &image.manifests[0];
        assert!(!blobs.contains(manifest), "the manifest comes last");
        // At most the configuration and the honest layer.
        assert!(count(root.path()) <= 2);
    }
}

/// Debian's `docker-registry`, until it is dropped.
struct Reference {
    child: std::process::Child,
    address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Reference {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let config = format!(
            "version: 0.1\nlog: {{ level: error }}\nstorage: {{ filesystem: {{ rootdirectory: {} }} }}\nhttp: {{ addr: \"{address}\" }}\n",
            folder.path().join("data").display()
        );
        let file = folder.path().join("config.yml");
        files::write_atomic(&file, config.as_bytes(), 0o644).unwrap();
        let mut command = process::command("/usr/bin/docker-registry");
        let null = std::process::Stdio::null;
        let child = command.arg("serve").arg(&file).stdout(null()).stderr(null()).spawn();
        let child = child.unwrap_or_else(|error| panic!("`apt-get install docker-registry`: {error}"));
        let mut reference = Self { child, address, _folder: folder };
        while TcpStream::connect(address).is_err() {
            assert!(reference.child.try_wait().unwrap().is_none(), "docker-registry ended at once");
            std::thread::yield_now();
        }
        reference
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn from_debians_registry_what_skopeo_pushed_there() {
    let image = Image::new();
    let (_runtime, _root, own) = own(&image);
    let reference = Reference::start();
    let mut skopeo = process::command("skopeo");
    skopeo.args(["--insecure-policy", "copy", "--all", "--preserve-digests", "--src-tls-verify=false"]);
    skopeo.args(["--dest-tls-verify=false", "--src-creds", &format!("ada:{SECRET}")]);
    skopeo.args([format!("docker://{own}/shop/web:1"), format!("docker://{}/shop/web:1", reference.address)]);
    let copied = skopeo.env("HOME", "/nonexistent").env("PATH", "/usr/bin:/bin").output();
    let copied = copied.unwrap_or_else(|error| panic!("`apt-get install skopeo`: {error}"));
    assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
    let name = ImageName::parse(&format!("{}/shop/web:1", reference.address)).unwrap();
    let (_root, blobs) = blobs();
    let digest = nobody().resolve(&name).unwrap();
    assert_eq!(digest, image.index);
    check(&nobody().pull(&name, &digest, &platform("amd64"), &blobs).unwrap(), &image, &blobs, 0);
}
