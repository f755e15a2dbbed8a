//! `/v2/NAME/blobs/DIGEST`. Content is content: a blob of this store is there under every name.

use crate::error::{Answer, Code, RegistryError};
use crate::range::ByteRange;
use crate::registry::Call;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use seaworthy_model::Digest;
use std::io::SeekFrom;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio_util::io::ReaderStream;

/// How much is read from the disk at once, in bytes.
const PIECE_BYTES: usize = 128 * 1024;

pub(crate) async fn get(call: &Call<'_>, digest: &Digest) -> Answer {
    let wanted = digest.clone();
    let (file, size_bytes) = call
        .blocking(move |inner| {
            // Whoever asks relies on the answer: a push does not send what is there.
            if !inner.blobs.renew(&wanted) {
                return Err(RegistryError::new(Code::BlobUnknown, format!("`{wanted}` is not here")));
            }
            Ok(inner.blobs.open_blob(&wanted)?)
        })
        .await?;
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::ETAG, text(format!("\"{digest}\"")));
    headers.insert("docker-content-digest", text(digest.to_string()));
    let range = call.header(&header::RANGE).filter(|_| !call.is_head());
    // What was asked for on a condition that does not hold is the whole.
    let range = range.filter(|_| call.header(&header::IF_RANGE).is_none_or(|tag| tag == format!("\"{digest}\"")));
    let part = match range.map(|range| ByteRange::parse(range, size_bytes)) {
        Some(Ok(part)) => part,
        None => None,
        Some(Err(_)) => return Ok(unsatisfiable(size_bytes)),
    };
    let (first, length) = part.map_or((0, size_bytes), |part| (part.first, part.length_bytes()));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    if let Some(part) = part {
        headers.insert(header::CONTENT_RANGE, text(format!("bytes {}-{}/{size_bytes}", part.first, part.last)));
    }
    let status = if part.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    let body = if call.is_head() { Body::empty() } else { stream(file, first, length).await? };
    Ok((status, headers, body).into_response())
}

async fn stream(file: std::fs::File, first: u64, length: u64) -> Result<Body, RegistryError> {
    let mut file = tokio::fs::File::from_std(file);
    let sought = file.seek(SeekFrom::Start(first)).await;
    sought.map_err(|error| RegistryError::new(Code::Unknown, format!("the blob cannot be read: {error}")))?;
    Ok(Body::from_stream(ReaderStream::with_capacity(file.take(length), PIECE_BYTES)))
}

fn unsatisfiable(size_bytes: u64) -> Response {
    let error = RegistryError::new(Code::SizeInvalid, format!("the blob has {size_bytes} bytes"));
    let mut response = error.status(StatusCode::RANGE_NOT_SATISFIABLE).into_response();
    response.headers_mut().insert(header::CONTENT_RANGE, text(format!("bytes */{size_bytes}")));
    response
}

/// A header's value from what was made here of digests, numbers and checked names.
pub(crate) fn text(value: String) -> HeaderValue {
    HeaderValue::try_from(value).unwrap_or(HeaderValue::from_static(""))
}
