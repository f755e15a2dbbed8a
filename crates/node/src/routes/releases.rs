//! `/v1/blobs` and `/v1/releases`.

use super::Answer;
use crate::Node;
use crate::failure::machine;
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use futures_util::TryStreamExt as _;
use seaworthy_api::wire::{DigestList, ReleaseAccepted};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::Digest;
use seaworthy_model::release::ReleaseBundle;
use seaworthy_store::StoreError;
use std::sync::Arc;
use tokio_util::io::{StreamReader, SyncIoBridge};

pub(super) async fn missing(State(node): State<Arc<Node>>, Json(list): Json<DigestList>) -> Json<DigestList> {
    // What is said to be here must still be here when the release arrives.
    Json(DigestList { digests: node.blobs.missing(&list.digests) })
}

pub(super) async fn put_blob(
    State(node): State<Arc<Node>>,
    Path(digest): Path<Digest>,
    body: Body,
) -> Answer<Json<()>> {
    let stream = body.into_data_stream().map_err(std::io::Error::other);
    let reader = SyncIoBridge::new(StreamReader::new(stream));
    let blobs = node.blobs.clone();
    let limit = u64::try_from(super::BLOB_BYTES_MAX).unwrap_or(u64::MAX);
    let written = tokio::task::spawn_blocking(move || blobs.put_stream(&digest, limit, reader)).await;
    match written {
        Ok(Ok(_)) => Ok(Json(())),
        Ok(Err(error @ (StoreError::WrongDigest { .. } | StoreError::TooLarge { .. }))) => {
            Err(Diagnostic::user(error.to_string()).into())
        }
        Ok(Err(error)) => Err(machine(&error).into()),
        Err(error) => Err(machine(&error).into()),
    }
}

pub(super) async fn put_release(
    State(node): State<Arc<Node>>,
    Json(bundle): Json<ReleaseBundle>,
) -> Answer<Json<ReleaseAccepted>> {
    let release = node.accept_release(&bundle)?;
    Ok(Json(ReleaseAccepted { release }))
}
