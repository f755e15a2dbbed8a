//! Logs and one-off commands.

use super::{Answer, lines};
use crate::Node;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use seaworthy_api::wire::RunRequest;
use seaworthy_model::Name;
use serde::Deserialize;
use std::sync::Arc;
use tokio::sync::mpsc;

/// How many of the last lines one call shows at most.
const LINES_MAX: usize = 100_000;

#[derive(Deserialize)]
pub(super) struct LogsQuery {
    #[serde(default)]
    service: String,
    #[serde(default)]
    lines: usize,
    #[serde(default)]
    follow: bool,
}

pub(super) async fn logs(
    State(node): State<Arc<Node>>,
    Path((app, environment)): Path<(Name, Name)>,
    Query(query): Query<LogsQuery>,
) -> Answer<Response> {
    let service = super::status::optional(query.service)?;
    let (sender, receiver) = mpsc::channel(256);
    let count = query.lines.min(LINES_MAX);
    node.logs(&app, &environment, service.as_ref(), count, query.follow, sender)?;
    Ok(lines(receiver))
}

pub(super) async fn run(
    State(node): State<Arc<Node>>,
    Path((app, environment)): Path<(Name, Name)>,
    Json(request): Json<RunRequest>,
) -> Answer<Response> {
    let (sender, receiver) = mpsc::channel(256);
    node.run(&app, &environment, &request, sender)?;
    Ok(lines(receiver))
}
