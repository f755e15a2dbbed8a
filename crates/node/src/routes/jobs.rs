//! Commands that run by the clock.

use super::status::optional;
use super::{Answer, Connection, lines};
use crate::Node;
use axum::Json;
use axum::extract::{ConnectInfo, Path, Query, State};
use axum::response::Response;
use seaworthy_api::wire::JobRun;
use seaworthy_model::Name;
use seaworthy_store::JobRunSelection;
use serde::Deserialize;
use std::sync::Arc;
use tokio::sync::mpsc;

/// How many runs one call shows at most.
const RUNS_MAX: usize = 1000;

#[derive(Deserialize)]
pub(super) struct JobsQuery {
    app: Name,
    #[serde(default)]
    environment: String,
    #[serde(default)]
    job: String,
    #[serde(default)]
    bad: bool,
    #[serde(default)]
    limit: usize,
}

pub(super) async fn runs(State(node): State<Arc<Node>>, Query(query): Query<JobsQuery>) -> Answer<Json<Vec<JobRun>>> {
    let (environment, job) = (optional(query.environment)?, optional(query.job)?);
    let which = JobRunSelection {
        app: &query.app,
        environment: environment.as_ref(),
        job: job.as_ref(),
        bad: query.bad,
        limit: query.limit.clamp(1, RUNS_MAX),
    };
    Ok(Json(node.job_runs(which)?))
}

/// One line when it has begun, one when it has ended.
pub(super) async fn run(
    State(node): State<Arc<Node>>,
    ConnectInfo(Connection(peer)): ConnectInfo<Connection>,
    Path((app, environment, job)): Path<(Name, Name, Name)>,
) -> Answer<Response> {
    let mut ended = node.jobs.ended.subscribe();
    let begun = node.run_job_now(&app, &environment, &job, &peer.user)?;
    let (sender, receiver) = mpsc::channel(2);
    tokio::spawn(async move {
        let mut told = false;
        // Whoever does not listen any more leaves it alone: it goes on.
        while let Ok(run) = node.job_run(begun.id) {
            let has_ended = run.outcome.is_some();
            let is_news = has_ended || !told;
            let is_heard = !is_news || sender.send(run).await.is_ok();
            if has_ended || !is_heard {
                return;
            }
            told = true;
            tokio::select! {
                changed = ended.changed() => if changed.is_err() { return },
                () = sender.closed() => return,
            }
        }
    });
    Ok(lines(receiver))
}
