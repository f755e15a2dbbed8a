//! `/v1/node`.

use super::Answer;
use crate::Node;
use axum::Json;
use axum::extract::State;
use seaworthy_api::wire::{NodeInfo, StopRequest};
use std::sync::Arc;

pub(super) async fn info(State(node): State<Arc<Node>>) -> Json<NodeInfo> {
    Json(node.info().await)
}

pub(super) async fn stop(State(node): State<Arc<Node>>, Json(request): Json<StopRequest>) -> Answer<Json<()>> {
    node.stop(request.all).await?;
    Ok(Json(()))
}
