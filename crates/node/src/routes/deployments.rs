//! Planning, deploying, following, history.

use super::{Answer, Connection, lines};
use crate::Node;
use axum::Json;
use axum::extract::{ConnectInfo, Path, Query, State};
use axum::response::Response;
use seaworthy_api::wire::{DeploymentRecord, DeploymentRequest, DeploymentStarted, DifferenceAnswer, PlanAnswer};
use seaworthy_model::Name;
use serde::Deserialize;
use std::sync::Arc;
use tokio::sync::mpsc;

/// How many deployments one call shows at most.
const HISTORY_MAX: usize = 1000;

pub(super) async fn plan(
    State(node): State<Arc<Node>>,
    Path((app, environment)): Path<(Name, Name)>,
    Json(request): Json<DeploymentRequest>,
) -> Answer<Json<PlanAnswer>> {
    Ok(Json(node.plan(&app, &environment, &request.intent).await?))
}

pub(super) async fn start(
    State(node): State<Arc<Node>>,
    ConnectInfo(Connection(peer)): ConnectInfo<Connection>,
    Path((app, environment)): Path<(Name, Name)>,
    Json(request): Json<DeploymentRequest>,
) -> Answer<Json<DeploymentStarted>> {
    let actor = peer.actor(request.claim);
    Ok(Json(node.deploy_for(&app, &environment, &request.intent, actor).await?))
}

pub(super) async fn show(State(node): State<Arc<Node>>, Path(id): Path<u64>) -> Answer<Json<DeploymentRecord>> {
    Ok(Json(node.deployment(id)?))
}

pub(super) async fn stop(
    State(node): State<Arc<Node>>,
    ConnectInfo(Connection(peer)): ConnectInfo<Connection>,
    Path(id): Path<u64>,
) -> Answer<Json<()>> {
    node.cancel(id, peer.actor(None)).await?;
    Ok(Json(()))
}

#[derive(Deserialize)]
pub(super) struct After {
    #[serde(default)]
    after: u64,
}

pub(super) async fn events(
    State(node): State<Arc<Node>>,
    Path(id): Path<u64>,
    Query(After { after }): Query<After>,
) -> Answer<Response> {
    node.deployment(id)?;
    let (sender, receiver) = mpsc::channel(64);
    tokio::spawn(async move { node.follow(id, after, sender).await });
    Ok(lines(receiver))
}

#[derive(Deserialize)]
pub(super) struct HistoryQuery {
    app: Name,
    #[serde(default)]
    environment: String,
    #[serde(default)]
    limit: usize,
}

pub(super) async fn history(
    State(node): State<Arc<Node>>,
    Query(query): Query<HistoryQuery>,
) -> Answer<Json<Vec<DeploymentRecord>>> {
    let environment = super::status::optional(query.environment)?;
    let limit = query.limit.clamp(1, HISTORY_MAX);
    Ok(Json(node.history(&query.app, environment.as_ref(), limit)?))
}

#[derive(Deserialize)]
pub(super) struct Pair {
    a: Name,
    b: Name,
}

pub(super) async fn difference(
    State(node): State<Arc<Node>>,
    Path(app): Path<Name>,
    Query(Pair { a, b }): Query<Pair>,
) -> Answer<Json<DifferenceAnswer>> {
    Ok(Json(DifferenceAnswer { changes: node.difference(&app, &a, &b)? }))
}
