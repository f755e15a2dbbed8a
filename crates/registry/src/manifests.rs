//! `/v2/NAME/manifests/REFERENCE`.

use crate::blobs::text;
use crate::error::{Answer, Code, RegistryError};
use crate::names::{Reference, Repository};
use crate::registry::{Call, Inner};
use crate::uploads::patient;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use futures_util::TryStreamExt as _;
use seaworthy_image::links::{DOCUMENT_BYTES_MAX, DOCUMENT_TYPES, Links};
use seaworthy_model::Digest;
use seaworthy_store::StoredManifest;
use std::collections::BTreeSet;

/// How many documents one document may bring with it: an index of indexes of manifests.
const DOCUMENTS_MAX: usize = 10_000;

pub(crate) async fn get(call: &Call<'_>, name: &Repository, reference: &Reference) -> Answer {
    let (name, reference) = (name.clone(), reference.clone());
    let (digest, media_type, bytes) = call
        .blocking(move |inner| {
            let digest = inner.resolve(&name, &reference)?;
            let stored = inner.store.manifest(name.as_str(), &digest)?;
            let bytes = inner.blobs.read(&digest).map_err(|_| {
                RegistryError::new(Code::ManifestUnknown, format!("the manifest `{digest}` of `{name}` is not here"))
            })?;
            let media_type = match stored {
                Some(stored) => stored.media_type,
                // The image of a release says itself what it is; one of an older format is no image.
                None => Links::read(&bytes).map(|found| found.kind().to_owned()).map_err(|error| {
                    RegistryError::new(Code::ManifestUnknown, format!("`{digest}` of `{name}` is no image: {error}"))
                        .help("it is of an older Seaworthy: build and deploy again")
                })?,
            };
            Ok((digest, media_type, bytes))
        })
        .await?;
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, text(media_type));
    headers.insert(header::CONTENT_LENGTH, bytes.len().into());
    headers.insert(header::ETAG, text(format!("\"{digest}\"")));
    headers.insert("docker-content-digest", text(digest.to_string()));
    let body = if call.is_head() { Body::empty() } else { Body::from(bytes) };
    Ok((headers, body).into_response())
}

pub(crate) async fn put(call: &Call<'_>, name: &Repository, reference: &Reference, body: Body) -> Answer {
    let said = call.header(&header::CONTENT_TYPE).map(|kind| kind.split(';').next().unwrap_or("").trim().to_owned());
    let bytes = read(call, body).await?;
    let (name, reference) = (name.clone(), reference.clone());
    let (digest, subject) = call.blocking(move |inner| keep(inner, &name, &reference, said, &bytes)).await?;
    let mut headers = HeaderMap::new();
    headers.insert(header::LOCATION, text(format!("{}/{digest}", parent(call.parts.uri.path()))));
    headers.insert("docker-content-digest", text(digest.to_string()));
    if let Some(subject) = subject {
        // Says that the referrers API knows of it: the client need not keep a list of its own.
        headers.insert("oci-subject", text(subject.to_string()));
    }
    Ok((StatusCode::CREATED, headers).into_response())
}

pub(crate) async fn delete(call: &Call<'_>, name: &Repository, reference: &Reference) -> Answer {
    let (name, reference) = (name.clone(), reference.clone());
    call.blocking(move |inner| {
        let of_release = match &reference {
            Reference::Tag(tag) => inner.release_image(&name, tag)?.is_some(),
            Reference::Digest(digest) => inner.is_of_release(&name, digest)?,
        };
        if of_release {
            return Err(belongs_to_release("the image of a release goes when nothing can return to it"));
        }
        let removed = match &reference {
            Reference::Tag(tag) => inner.store.remove_tag(name.as_str(), tag)?,
            Reference::Digest(digest) => inner.store.remove_manifest(name.as_str(), digest)?,
        };
        let unknown = || RegistryError::new(Code::ManifestUnknown, format!("`{name}` does not have it"));
        removed.then_some(()).ok_or_else(unknown)
    })
    .await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

async fn read(call: &Call<'_>, body: Body) -> Result<Vec<u8>, RegistryError> {
    let mut pieces = Box::pin(patient(body.into_data_stream(), call.inner.limits.pause_max));
    let mut bytes: Vec<u8> = Vec::new();
    let broken = |error| RegistryError::new(Code::ManifestInvalid, format!("the manifest did not arrive: {error}"));
    while let Some(piece) = pieces.try_next().await.map_err(broken)? {
        let piece: Bytes = piece;
        if (bytes.len() + piece.len()) as u64 > DOCUMENT_BYTES_MAX {
            return Err(RegistryError::too_large("a manifest", DOCUMENT_BYTES_MAX));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

/// Checks a manifest and everything that it needs, and keeps it; returns its digest and what it is about.
fn keep(
    inner: &Inner,
    name: &Repository,
    reference: &Reference,
    said: Option<String>,
    bytes: &[u8],
) -> Result<(Digest, Option<Digest>), RegistryError> {
    let invalid = |message: String| RegistryError::new(Code::ManifestInvalid, message);
    let actual = Digest::of(bytes);
    let tag = match reference {
        Reference::Tag(tag) if inner.release_image(name, tag)?.is_some() => {
            return Err(belongs_to_release("the tag is a release's, and does not move"));
        }
        Reference::Tag(tag) => Some(tag.as_str()),
        Reference::Digest(digest) if *digest == actual => None,
        Reference::Digest(_) => {
            return Err(RegistryError::new(Code::DigestInvalid, format!("what came is `{actual}`")));
        }
    };
    let references = Links::read(bytes).map_err(|error| invalid(format!("this is no manifest: {error}")))?;
    let media_type = said.unwrap_or_else(|| references.kind().to_owned());
    if !DOCUMENT_TYPES.contains(&media_type.as_str()) {
        return Err(invalid(format!("`{media_type}` is no kind of manifest that is kept here")));
    }
    if references.media_type.as_ref().is_some_and(|own| *own != media_type) {
        return Err(invalid(format!("it was sent as `{media_type}`, and says that it is `{}`", references.kind())));
    }
    renew_all(inner, &references)?;
    inner.blobs.put_bytes(bytes)?;
    let subject = references.subject.as_ref().map(|subject| subject.digest.clone());
    let config_type = references.config.as_ref().map(|config| config.media_type.clone());
    let manifest = StoredManifest {
        repository: name.as_str().to_owned(),
        digest: actual.clone(),
        media_type,
        artifact_type: references.artifact_type.or(config_type),
        subject: subject.clone(),
    };
    inner.store.put_manifest(&manifest, tag)?;
    Ok((actual, subject))
}

/// Makes everything that a document needs young, however deep, so that no collection that is under way removes it.
fn renew_all(inner: &Inner, references: &Links) -> Result<(), RegistryError> {
    let mut waiting = vec![references.clone()];
    let mut seen = BTreeSet::new();
    while let Some(document) = waiting.pop() {
        // A layer that may be had elsewhere need not be here.
        for descriptor in document.blobs().filter(|descriptor| descriptor.urls.is_empty()) {
            let digest = &descriptor.digest;
            if !inner.blobs.renew(digest) {
                return Err(RegistryError::new(Code::ManifestBlobUnknown, format!("`{digest}` is not here")));
            }
        }
        for descriptor in document.manifests {
            let digest = descriptor.digest;
            if !seen.insert(digest.clone()) {
                continue;
            }
            if seen.len() > DOCUMENTS_MAX {
                return Err(RegistryError::new(Code::ManifestInvalid, "it needs too many manifests"));
            }
            let unknown = || RegistryError::new(Code::ManifestUnknown, format!("the manifest `{digest}` is not here"));
            if !inner.blobs.renew(&digest) {
                return Err(unknown());
            }
            let (_, size_bytes) = inner.blobs.open_blob(&digest)?;
            if size_bytes > DOCUMENT_BYTES_MAX {
                return Err(unknown());
            }
            waiting.push(Links::read(&inner.blobs.read(&digest)?).map_err(|_| unknown())?);
        }
    }
    Ok(())
}

fn belongs_to_release(message: &str) -> RegistryError {
    RegistryError::new(Code::Denied, message).help("push under another tag or another name")
}

/// The path without its last part.
fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(parent, _)| parent)
}
