//! A registry on a port of its own, and a client that says exactly what it is told.

#![allow(dead_code, reason = "each test file uses its part")]

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use seaworthy_diagnostics::Masked;
use seaworthy_image::links::OCI_MANIFEST;
use seaworthy_model::Digest;
use seaworthy_registry::{Grant, Limits, Listener, Registry, Tokens, serve};
use seaworthy_store::{Blobs, Store};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

/// The token that writes.
pub(crate) const WRITES: &str = "writes-0123456789";
/// The token that reads.
pub(crate) const READS: &str = "reads-0123456789";

/// A registry.
pub(crate) struct World {
    pub root: Arc<tempfile::TempDir>,
    pub store: Arc<Store>,
    pub blobs: Blobs,
    pub address: SocketAddr,
    serving: JoinHandle<()>,
}

/// What was answered.
pub(crate) struct Answered {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(Limits::default()).await
    }

    pub(crate) async fn with(limits: Limits) -> Self {
        Self::over(Arc::new(tempfile::tempdir().expect("a temporary folder")), limits).await
    }

    async fn over(root: Arc<tempfile::TempDir>, limits: Limits) -> Self {
        let (store, blobs, address, serving) = start(root.path(), limits).await;
        Self { root, store, blobs, address, serving }
    }

    /// Ends the registry as a kill does, and starts another one over the same files.
    pub(crate) async fn again(self) -> Self {
        self.serving.abort();
        Self::over(Arc::clone(&self.root), Limits::default()).await
    }

    pub(crate) async fn call(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answered {
        let bearer = format!("Bearer {WRITES}");
        let mut all = vec![("authorization", bearer.as_str())];
        all.extend_from_slice(headers);
        self.call_as_told(method, path, &all, body).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answered {
        self.call(Method::GET, path, &[], b"").await
    }

    /// Without credentials of its own.
    pub(crate) async fn call_as_told(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answered {
        let stream = TcpStream::connect(self.address).await.expect("the registry listens");
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("it speaks HTTP");
        tokio::spawn(connection);
        let mut request = Request::builder().method(method).uri(path).header("host", self.address.to_string());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::copy_from_slice(body))).expect("a request");
        let response = sender.send_request(request).await.expect("an answer");
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("the whole answer").to_bytes();
        Answered { status: parts.status, headers: parts.headers, body }
    }

    /// Pushes a blob in one call.
    pub(crate) async fn push_blob(&self, name: &str, bytes: &[u8]) -> Digest {
        let digest = Digest::of(bytes);
        let path = format!("/v2/{name}/blobs/uploads/?digest={digest}");
        let answered = self.call(Method::POST, &path, &[], bytes).await;
        assert_eq!(answered.status, StatusCode::CREATED, "{:?}", answered.body);
        digest
    }

    /// Pushes a manifest of one layer under a tag or its digest; returns its digest and its bytes.
    pub(crate) async fn push_image(&self, name: &str, tag: Option<&str>, layer: &[u8]) -> (Digest, Vec<u8>) {
        self.push_manifest(name, tag, layer, json!({})).await
    }

    /// The same with more keys.
    pub(crate) async fn push_manifest(
        &self,
        name: &str,
        tag: Option<&str>,
        layer: &[u8],
        more: Value,
    ) -> (Digest, Vec<u8>) {
        self.push_blob(name, b"{}").await;
        self.push_blob(name, layer).await;
        let bytes = manifest(layer, more);
        let digest = Digest::of(&bytes);
        let reference = tag.map_or_else(|| digest.to_string(), str::to_owned);
        let answered = self.put_manifest(name, &reference, &bytes).await;
        assert_eq!(answered.status, StatusCode::CREATED, "{:?}", answered.body);
        assert_eq!(answered.header("docker-content-digest"), digest.to_string());
        (digest, bytes)
    }

    pub(crate) async fn put_manifest(&self, name: &str, reference: &str, bytes: &[u8]) -> Answered {
        let path = format!("/v2/{name}/manifests/{reference}");
        self.call(Method::PUT, &path, &[("content-type", OCI_MANIFEST)], bytes).await
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Answered {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the answer is JSON")
    }

    /// Status and code of a refusal.
    pub(crate) fn refusal(&self) -> (u16, String) {
        let code = self.json()["errors"][0]["code"].as_str().expect("a code").to_owned();
        (self.status.as_u16(), code)
    }
}

/// The bytes of a manifest of an empty configuration and one layer.
pub(crate) fn manifest(layer: &[u8], more: Value) -> Vec<u8> {
    let mut document = json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": { "mediaType": "application/vnd.oci.empty.v1+json", "digest": Digest::of(b"{}"), "size": 2 },
        "layers": [{ "mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": Digest::of(layer), "size": layer.len() }],
    });
    let Value::Object(more) = more else { panic!("`{more}` is no object") };
    document.as_object_mut().expect("an object").extend(more);
    document.to_string().into_bytes()
}

async fn start(root: &Path, limits: Limits) -> (Arc<Store>, Blobs, SocketAddr, JoinHandle<()>) {
    let store = Arc::new(Store::open(root).expect("a store"));
    let blobs = Blobs::open(root).expect("blobs");
    let token = |text: &str| Masked::new(text.to_owned());
    let tokens = Tokens::default().with(&token(WRITES), Grant::Write).with(&token(READS), Grant::Read);
    let registry = Registry::new(Arc::clone(&store), blobs.clone(), tokens, limits).expect("a registry");
    let listener = Listener::bind(0).await.expect("a free port");
    let address = listener.address().expect("an address");
    (store, blobs, address, tokio::spawn(serve(listener, registry)))
}
