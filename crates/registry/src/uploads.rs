//! `/v2/NAME/blobs/uploads/`: blobs that come in, whole or in pieces.

use crate::blobs::text;
use crate::error::{Answer, Code, RegistryError};
use crate::names::{Repository, digest};
use crate::range::Chunk;
use crate::registry::Call;
use axum::body::{Body, BodyDataStream};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::IntoResponse;
use futures_util::{Stream, StreamExt as _};
use seaworthy_model::Digest;
use std::io;
use std::time::Duration;
use tokio_util::io::{StreamReader, SyncIoBridge};

const UPLOAD_ID: HeaderName = HeaderName::from_static("docker-upload-uuid");

/// `POST`: begins an upload; or takes the whole blob (`digest`), or one that is here already (`mount`).
pub(crate) async fn begin(call: &Call<'_>, name: &Repository, body: Body) -> Answer {
    if let Some(mount) = call.query("mount") {
        let wanted = digest(&mount)?;
        // Content is content: whichever repository it came by.
        let there = call.blocking(move |inner| Ok(inner.blobs.renew(&wanted).then_some(wanted))).await?;
        if let Some(wanted) = there {
            return Ok(created(name, &wanted));
        }
    }
    let expected = call.query("digest").map(|text| digest(&text)).transpose()?;
    let id = call.blocking(|inner| Ok(inner.uploads.begin()?)).await?;
    match expected {
        None => Ok(accepted(name, &id, 0, StatusCode::ACCEPTED)),
        Some(expected) => {
            let whole = whole(call, name, &id, expected, body).await;
            if whole.is_err() {
                // Nobody else knows of it.
                let _ = call.blocking(move |inner| Ok(inner.uploads.cancel(&id)?)).await;
            }
            whole
        }
    }
}

/// `GET`: how far it is.
pub(crate) async fn status(call: &Call<'_>, name: &Repository, id: &str) -> Answer {
    let wanted = id.to_owned();
    let length_bytes = call.blocking(move |inner| Ok(inner.uploads.length_bytes(&wanted)?)).await?;
    Ok(accepted(name, id, length_bytes, StatusCode::NO_CONTENT))
}

/// `PATCH`: one more piece.
pub(crate) async fn append(call: &Call<'_>, name: &Repository, id: &str, body: Body) -> Answer {
    let length_bytes = take(call, id, body).await?;
    Ok(accepted(name, id, length_bytes, StatusCode::ACCEPTED))
}

/// `PUT`: the last piece, if there is one more, and the digest of the whole.
pub(crate) async fn finish(call: &Call<'_>, name: &Repository, id: &str, body: Body) -> Answer {
    let expected = call.query("digest").map(|text| digest(&text)).transpose()?;
    let missing = || RegistryError::new(Code::DigestInvalid, "the `digest` of the whole is missing");
    whole(call, name, id, expected.ok_or_else(missing)?, body).await
}

/// `DELETE`: forgets it.
pub(crate) async fn cancel(call: &Call<'_>, id: &str) -> Answer {
    let id = id.to_owned();
    call.blocking(move |inner| Ok(inner.uploads.cancel(&id)?)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn whole(call: &Call<'_>, name: &Repository, id: &str, expected: Digest, body: Body) -> Answer {
    take(call, id, body).await?;
    let (id, wanted) = (id.to_owned(), expected.clone());
    call.blocking(move |inner| Ok(inner.uploads.finish(&id, &wanted)?)).await?;
    Ok(created(name, &expected))
}

/// Adds the body to an upload; returns how long it is then.
async fn take(call: &Call<'_>, id: &str, body: Body) -> Result<u64, RegistryError> {
    let chunk = match call.header(&header::CONTENT_RANGE).map(Chunk::parse) {
        None => None,
        Some(Some(chunk)) => Some(chunk),
        Some(None) => {
            let error = RegistryError::new(Code::BlobUploadInvalid, "`content-range` is not two numbers, `FIRST-LAST`");
            return Err(error.status(StatusCode::RANGE_NOT_SATISFIABLE));
        }
    };
    let said = call.header(&header::CONTENT_LENGTH).and_then(|text| text.parse::<u64>().ok());
    if let (Some(chunk), Some(said)) = (chunk, said)
        && chunk.length_bytes() != Some(said)
    {
        return Err(RegistryError::new(Code::SizeInvalid, "`content-range` and `content-length` differ"));
    }
    let limit_bytes = call.inner.limits.blob_bytes_max;
    if said.is_some_and(|said| said > limit_bytes) {
        return Err(RegistryError::too_large("a blob", limit_bytes));
    }
    let reader = StreamReader::new(patient(body.into_data_stream(), call.inner.limits.pause_max));
    let (id, reader) = (id.to_owned(), SyncIoBridge::new(Box::pin(reader)));
    let first = chunk.map(|chunk| chunk.first);
    call.blocking(move |inner| Ok(inner.uploads.append(&id, first, limit_bytes, reader)?)).await
}

/// A body that ends in an error when its sender pauses for too long.
pub(crate) fn patient(
    body: BodyDataStream,
    pause_max: Duration,
) -> impl Stream<Item = io::Result<axum::body::Bytes>> + Send + 'static {
    futures_util::stream::unfold(Some(body), move |body| async move {
        let mut body = body?;
        match tokio::time::timeout(pause_max, body.next()).await {
            Ok(None) => None,
            Ok(Some(Ok(piece))) => Some((Ok(piece), Some(body))),
            Ok(Some(Err(error))) => Some((Err(io::Error::other(error)), None)),
            Err(_) => Some((Err(io::ErrorKind::TimedOut.into()), None)),
        }
    })
}

fn created(name: &Repository, digest: &Digest) -> axum::response::Response {
    let mut headers = HeaderMap::new();
    headers.insert(header::LOCATION, text(format!("/v2/{name}/blobs/{digest}")));
    headers.insert("docker-content-digest", text(digest.to_string()));
    (StatusCode::CREATED, headers).into_response()
}

fn accepted(name: &Repository, id: &str, length_bytes: u64, status: StatusCode) -> axum::response::Response {
    let mut headers = HeaderMap::new();
    headers.insert(header::LOCATION, text(format!("/v2/{name}/blobs/uploads/{id}")));
    // The last byte that is here; of nothing, `0-0` is what registries say and clients expect.
    headers.insert(header::RANGE, text(format!("0-{}", length_bytes.saturating_sub(1))));
    headers.insert(UPLOAD_ID, text(id.to_owned()));
    (status, headers).into_response()
}
