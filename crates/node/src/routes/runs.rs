//! `/v1/runs`: what the node did by itself.

use super::{Answer, lines};
use crate::Node;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use seaworthy_api::wire::WebhookInfo;
use seaworthy_model::Name;
use seaworthy_model::run::{Run, RunOutcome};
use serde::Deserialize;
use std::sync::Arc;
use tokio::sync::mpsc;

/// How many runs one call shows at most.
const RUNS_MAX: u32 = 200;

#[derive(Deserialize)]
pub(super) struct RunsQuery {
    app: Name,
    #[serde(default)]
    environment: String,
    #[serde(default)]
    limit: u32,
}

pub(super) async fn list(State(node): State<Arc<Node>>, Query(query): Query<RunsQuery>) -> Answer<Json<Vec<Run>>> {
    let environment = super::status::optional(query.environment)?;
    Ok(Json(node.runs(&query.app, environment.as_ref(), query.limit.clamp(1, RUNS_MAX))?))
}

pub(super) async fn again(
    State(node): State<Arc<Node>>,
    Path((app, environment)): Path<(Name, Name)>,
) -> Answer<Json<Run>> {
    Ok(Json(node.run_again(&app, &environment)?))
}

#[derive(Deserialize)]
pub(super) struct After {
    #[serde(default)]
    after: u64,
}

pub(super) async fn log(
    State(node): State<Arc<Node>>,
    Path(id): Path<u64>,
    Query(After { after }): Query<After>,
) -> Answer<Response> {
    node.check_run(id)?;
    let (sender, receiver) = mpsc::channel(256);
    tokio::spawn(node.follow_run(id, after, sender));
    Ok(lines(receiver))
}

pub(super) async fn stop(State(node): State<Arc<Node>>, Path(id): Path<u64>) -> Answer<Json<()>> {
    node.stop_run(id, RunOutcome::Stopped)?;
    Ok(Json(()))
}

#[derive(Deserialize)]
pub(super) struct Reveal {
    #[serde(default)]
    reveal: bool,
}

pub(super) async fn webhook(
    State(node): State<Arc<Node>>,
    Path(app): Path<Name>,
    Query(Reveal { reveal }): Query<Reveal>,
) -> Answer<Json<WebhookInfo>> {
    Ok(Json(node.webhook_info(&app, reveal)?))
}
