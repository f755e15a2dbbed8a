//! The registry: what every call shares, and which endpoint answers it.

use crate::access::Tokens;
use crate::error::{Answer, Code, RegistryError};
use crate::names::{Reference, Repository};
use crate::route::Route;
use crate::{blobs, manifests, referrers, tags, uploads};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use seaworthy_model::Digest;
use seaworthy_store::{Blobs, Store, StoreError, Uploads};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Docker's clients look for this before they believe that it is a registry.
const VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");

/// How much the registry takes on.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The largest blob, in bytes.
    pub blob_bytes_max: u64,
    /// How many calls are answered at once; more are told to come again.
    pub calls_max: usize,
    /// How long a sender or a receiver may pause.
    pub pause_max: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { blob_bytes_max: 4 * 1024 * 1024 * 1024, calls_max: 64, pause_max: Duration::from_secs(60) }
    }
}

/// The registry over one store.
#[derive(Clone)]
pub struct Registry(Arc<Inner>);

pub(crate) struct Inner {
    pub store: Arc<Store>,
    pub blobs: Blobs,
    pub uploads: Uploads,
    pub limits: Limits,
    tokens: Tokens,
    calls: Arc<Semaphore>,
}

impl Registry {
    /// A registry over a store and its blobs.
    ///
    /// # Errors
    /// When the folder of uploads cannot be made.
    pub fn new(store: Arc<Store>, blobs: Blobs, tokens: Tokens, limits: Limits) -> Result<Self, StoreError> {
        let uploads = Uploads::open(&blobs)?;
        let calls = Arc::new(Semaphore::new(limits.calls_max));
        Ok(Self(Arc::new(Inner { store, blobs, uploads, limits, tokens, calls })))
    }

    /// All endpoints, as a service.
    pub fn router(&self) -> Router {
        Router::new().fallback(answer).with_state(self.clone())
    }

    pub(crate) fn calls_max(&self) -> usize {
        self.0.limits.calls_max
    }
}

async fn answer(State(Registry(inner)): State<Registry>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let answered = match inner.tokens.check(&parts.method, &parts.headers) {
        Ok(()) => match Arc::clone(&inner.calls).try_acquire_owned() {
            Ok(_turn) => dispatch(&inner, &parts, body).await,
            Err(_) => Err(RegistryError::new(Code::Toomanyrequests, "too many calls at once").help("try again")),
        },
        Err(error) => Err(error),
    };
    let mut response = answered.unwrap_or_else(IntoResponse::into_response);
    response.headers_mut().insert(VERSION, HeaderValue::from_static("registry/2.0"));
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

async fn dispatch(inner: &Arc<Inner>, parts: &Parts, body: Body) -> Answer {
    let call = Call { inner: Arc::clone(inner), parts };
    let Some(route) = Route::parse(parts.uri.path())? else {
        return Err(
            RegistryError::new(Code::Unsupported, "this registry has no such path").status(StatusCode::NOT_FOUND)
        );
    };
    match (&parts.method, &route) {
        (&(Method::GET | Method::HEAD), Route::Base) => Ok(axum::Json(serde_json::json!({})).into_response()),
        (&(Method::GET | Method::HEAD), Route::Blob(_, digest)) => blobs::get(&call, digest).await,
        (&Method::POST, Route::Uploads(name)) => uploads::begin(&call, name, body).await,
        (&Method::GET, Route::Upload(name, id)) => uploads::status(&call, name, id).await,
        (&Method::PATCH, Route::Upload(name, id)) => uploads::append(&call, name, id, body).await,
        (&Method::PUT, Route::Upload(name, id)) => uploads::finish(&call, name, id, body).await,
        (&Method::DELETE, Route::Upload(_, id)) => uploads::cancel(&call, id).await,
        (&(Method::GET | Method::HEAD), Route::Manifest(name, reference)) => {
            manifests::get(&call, name, reference).await
        }
        (&Method::PUT, Route::Manifest(name, reference)) => manifests::put(&call, name, reference, body).await,
        (&Method::DELETE, Route::Manifest(name, reference)) => manifests::delete(&call, name, reference).await,
        (&Method::GET, Route::Tags(name)) => tags::list(&call, name).await,
        (&Method::GET, Route::Referrers(name, digest)) => referrers::list(&call, name, digest).await,
        (&Method::DELETE, Route::Blob(..)) => {
            let error = RegistryError::new(Code::Unsupported, "blobs go away by themselves");
            Err(error.help("delete the manifests that need it"))
        }
        (method, _) => Err(RegistryError::new(Code::Unsupported, format!("`{method}` means nothing here"))),
    }
}

/// One call: the registry, and what was asked but for the body.
pub(crate) struct Call<'a> {
    pub inner: Arc<Inner>,
    pub parts: &'a Parts,
}

impl Call<'_> {
    /// A parameter of the query, decoded; an empty one counts as none.
    pub(crate) fn query(&self, name: &str) -> Option<String> {
        let query = self.parts.uri.query()?;
        let mut found = form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key == name);
        found.next().map(|(_, value)| value.into_owned()).filter(|value| !value.is_empty())
    }

    /// A header as text.
    pub(crate) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.parts.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Whether the head of the answer is all that is wanted.
    pub(crate) fn is_head(&self) -> bool {
        self.parts.method == Method::HEAD
    }

    /// Does what waits for disks on a thread for it.
    pub(crate) async fn blocking<A: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<A, RegistryError> + Send + 'static,
    ) -> Result<A, RegistryError> {
        let inner = Arc::clone(&self.inner);
        tokio::task::spawn_blocking(move || work(&inner)).await.map_err(|_| RegistryError::lost())?
    }
}

impl Inner {
    /// The manifest that a reference means, in this repository.
    pub(crate) fn resolve(&self, name: &Repository, reference: &Reference) -> Result<Digest, RegistryError> {
        let found = match reference {
            Reference::Tag(tag) => match self.release_image(name, tag)? {
                Some(digest) => Some(digest),
                None => self.store.tag(name.as_str(), tag)?,
            },
            Reference::Digest(digest) => {
                let known =
                    self.store.manifest(name.as_str(), digest)?.is_some() || self.is_of_release(name, digest)?;
                known.then(|| digest.clone())
            }
        };
        let what = match reference {
            Reference::Tag(tag) => tag.clone(),
            Reference::Digest(digest) => digest.to_string(),
        };
        found.ok_or_else(|| RegistryError::new(Code::ManifestUnknown, format!("`{name}` has no manifest `{what}`")))
    }

    /// The image of a release by its short name: such a tag never moves.
    pub(crate) fn release_image(&self, name: &Repository, tag: &str) -> Result<Option<Digest>, RegistryError> {
        // Only what has the form of a release's name is worth looking at releases.
        if tag.len() != 12 || !tag.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return Ok(None);
        }
        let Some((app, service)) = name.service() else { return Ok(None) };
        Ok(self.store.release_images(&app, &service)?.remove(tag).map(|found| found.image))
    }

    /// Whether this is the image of a release, or attached to one.
    pub(crate) fn is_of_release(&self, name: &Repository, digest: &Digest) -> Result<bool, RegistryError> {
        let Some((app, service)) = name.service() else { return Ok(false) };
        let releases = self.store.release_images(&app, &service)?;
        Ok(releases.values().any(|found| found.image == *digest || found.attachments.contains(digest)))
    }

    /// What is attached to the image of a release.
    pub(crate) fn attachments(&self, name: &Repository, image: &Digest) -> Result<BTreeSet<Digest>, RegistryError> {
        let Some((app, service)) = name.service() else { return Ok(BTreeSet::new()) };
        let releases = self.store.release_images(&app, &service)?;
        Ok(releases.into_values().filter(|found| found.image == *image).flat_map(|found| found.attachments).collect())
    }
}
