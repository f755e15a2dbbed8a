//! `/v1/node`.

use super::{Answer, Connection};
use crate::Node;
use axum::Json;
use axum::extract::{ConnectInfo, State};
use seaworthy_api::wire::{NodeInfo, StopRequest};
use std::sync::Arc;

pub(super) async fn info(State(node): State<Arc<Node>>) -> Json<NodeInfo> {
    Json(node.info().await)
}

pub(super) async fn stop(
    State(node): State<Arc<Node>>,
    ConnectInfo(Connection(peer)): ConnectInfo<Connection>,
    Json(request): Json<StopRequest>,
) -> Answer<Json<()>> {
    node.stop_for(request.all, peer.user).await?;
    Ok(Json(()))
}
