//! `/v2/NAME/referrers/DIGEST`: signatures, bills of materials and the like of an image.

use crate::error::Answer;
use crate::names::Repository;
use crate::registry::{Call, Inner};
use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;
use seaworthy_image::links::{Links, OCI_INDEX};
use seaworthy_model::Digest;
use seaworthy_store::StoredManifest;
use serde_json::{Value, json};

/// The most referrers in one answer: the answer stays below the limit of a manifest.
const REFERRERS_MAX: u32 = 1_000;
/// The longest annotations that are repeated, in bytes.
const ANNOTATIONS_BYTES_MAX: usize = 2_048;

pub(crate) async fn list(call: &Call<'_>, name: &Repository, subject: &Digest) -> Answer {
    let wanted = call.query("artifactType");
    let filter = wanted.clone();
    let (name, subject) = (name.clone(), subject.clone());
    // Nothing, and nothing of that name, are answered alike: an empty list.
    let manifests: Vec<Value> = call
        .blocking(move |inner| {
            let mut found = inner.store.referrers(name.as_str(), &subject, REFERRERS_MAX)?;
            // What a release brought with it was never put here by itself.
            let brought = inner.attachments(&name, &subject)?;
            let new = brought.into_iter().filter(|digest| found.iter().all(|manifest| manifest.digest != *digest));
            let new: Vec<_> = new.filter_map(|digest| of_release(inner, &name, digest)).collect();
            found.extend(new);
            let fits = |manifest: &StoredManifest| filter.is_none() || manifest.artifact_type == filter;
            Ok(found
                .iter()
                .filter(|manifest| fits(manifest))
                .filter_map(|manifest| describe(inner, manifest))
                .collect())
        })
        .await?;
    let index = json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests });
    let mut response = axum::Json(index).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(OCI_INDEX));
    if wanted.is_some() {
        response.headers_mut().insert("oci-filters-applied", HeaderValue::from_static("artifactType"));
    }
    Ok(response)
}

/// A manifest that a release brought; `None` when it has just gone.
fn of_release(inner: &Inner, name: &Repository, digest: Digest) -> Option<StoredManifest> {
    let links = Links::read(&inner.blobs.read(&digest).ok()?).ok()?;
    let media_type = links.kind().to_owned();
    let artifact_type = links.artifact_type.or(links.config.map(|config| config.media_type));
    let subject = links.subject.map(|subject| subject.digest);
    Some(StoredManifest { repository: name.as_str().to_owned(), digest, media_type, artifact_type, subject })
}

/// The descriptor of a manifest; `None` when it has just gone.
fn describe(inner: &Inner, manifest: &StoredManifest) -> Option<Value> {
    let bytes = inner.blobs.read(&manifest.digest).ok()?;
    let mut descriptor = json!({ "mediaType": manifest.media_type, "digest": manifest.digest, "size": bytes.len() });
    if let Some(artifact_type) = &manifest.artifact_type {
        descriptor["artifactType"] = json!(artifact_type);
    }
    let annotations = Links::read(&bytes).ok()?.annotations;
    let length: usize = annotations.iter().map(|(key, value)| key.len() + value.len()).sum();
    if !annotations.is_empty() && length <= ANNOTATIONS_BYTES_MAX {
        descriptor["annotations"] = json!(annotations);
    }
    Some(descriptor)
}
