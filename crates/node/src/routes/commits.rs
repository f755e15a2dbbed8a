//! Commits that are sent to be built.

use super::{Answer, Connection};
use crate::Node;
use axum::Json;
use axum::body::Body;
use axum::extract::{ConnectInfo, Path, Query, State};
use futures_util::TryStreamExt as _;
use seaworthy_api::wire::{CommitList, SentCommit};
use seaworthy_model::Name;
use seaworthy_model::run::Run;
use std::sync::Arc;
use tokio_util::io::StreamReader;

pub(super) async fn list(
    State(node): State<Arc<Node>>,
    Path((app, _)): Path<(Name, Name)>,
) -> Answer<Json<CommitList>> {
    Ok(Json(node.commits(&app).await?))
}

pub(super) async fn send(
    State(node): State<Arc<Node>>,
    ConnectInfo(Connection(peer)): ConnectInfo<Connection>,
    Path((app, environment)): Path<(Name, Name)>,
    Query(sent): Query<SentCommit>,
    body: Body,
) -> Answer<Json<Run>> {
    let body = StreamReader::new(body.into_data_stream().map_err(std::io::Error::other));
    Ok(Json(node.send_commit((&app, &environment), sent, peer.user, body).await?))
}
