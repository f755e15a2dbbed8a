//! The API's endpoints: each takes its arguments apart, calls one function of the node, and writes the answer.

mod commits;
mod deployments;
mod exec;
mod functional;
mod jobs;
mod logs;
mod node;
mod releases;
mod runs;
mod status;

use crate::Node;
use crate::failure::Failures;
use crate::peer::Peer;
use axum::Router;
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Request};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::serve::IncomingStream;
use seaworthy_api::wire::Failure;
use seaworthy_diagnostics::{Diagnostic, Fault};
use std::sync::Arc;
use tokio::net::{UnixListener, UnixStream};

/// The largest body of a call but for blobs.
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;
/// The longest refusal that comes from below.
const REFUSAL_BYTES_MAX: usize = 16 * 1024;
/// The largest blob.
const BLOB_BYTES_MAX: usize = 4 * 1024 * 1024 * 1024;

/// A connection, with who is at its other end.
#[derive(Debug, Clone)]
pub(crate) struct Connection(pub Peer);

/// The node's socket as axum accepts on it.
pub(crate) struct Door {
    listener: UnixListener,
    access: crate::peer::Access,
}

impl Door {
    /// Accepts on this socket.
    pub(crate) fn new(listener: UnixListener, access: crate::peer::Access) -> Self {
        Self { listener, access }
    }
}

/// A connection through the [`Door`].
pub(crate) type Guest = UnixStream;

impl axum::serve::Listener for Door {
    type Io = Guest;
    type Addr = Peer;

    async fn accept(&mut self) -> (Guest, Peer) {
        loop {
            let (stream, _) = axum::serve::Listener::accept(&mut self.listener).await;
            // A peer that is gone already has nothing to ask.
            if let Ok(peer) = self.access.peer(&stream) {
                return (stream, peer);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Peer> {
        Err(std::io::ErrorKind::Unsupported.into())
    }
}

impl Connected<IncomingStream<'_, Door>> for Connection {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Self {
        Self(stream.remote_addr().clone())
    }
}

/// Every endpoint. All of them want a peer that may speak.
pub(crate) fn router(node: Arc<Node>) -> Router {
    let environment = "/v1/apps/{app}/environments/{environment}";
    Router::new()
        .route("/v1/node", get(node::info))
        .route("/v1/node/stop", post(node::stop))
        .route("/v1/blobs/missing", post(releases::missing))
        .route("/v1/blobs/{digest}", put(releases::put_blob).layer(DefaultBodyLimit::max(BLOB_BYTES_MAX)))
        .route("/v1/releases", post(releases::put_release))
        .route(&format!("{environment}/plan"), post(deployments::plan))
        .route(&format!("{environment}/deployments"), post(deployments::start))
        .route(&format!("{environment}/functional"), post(functional::run))
        .route(&format!("{environment}/logs"), get(logs::logs))
        .route(&format!("{environment}/run"), post(logs::run))
        .route(&format!("{environment}/exec"), post(exec::exec))
        .route(&format!("{environment}/jobs/{{job}}/run"), post(jobs::run))
        .route("/v1/apps/{app}/difference", get(deployments::difference))
        .route("/v1/deployments/{id}", get(deployments::show))
        .route("/v1/deployments/{id}/events", get(deployments::events))
        .route("/v1/deployments/{id}/stop", post(deployments::stop))
        .route("/v1/status", get(status::status))
        .route("/v1/history", get(deployments::history))
        .route("/v1/runs", get(runs::list))
        .route("/v1/runs/{id}/log", get(runs::log))
        .route("/v1/runs/{id}/stop", post(runs::stop))
        .route(
            &format!("{environment}/commits"),
            // The node itself counts what comes in.
            get(commits::list).merge(post(commits::send).layer(DefaultBodyLimit::disable())),
        )
        .route("/v1/jobs", get(jobs::runs))
        .route(&format!("{environment}/runs"), post(runs::again))
        .route("/v1/apps/{app}/webhook", get(runs::webhook))
        .fallback(unknown)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn(in_words))
        .layer(middleware::from_fn(only_allowed))
        .with_state(node)
}

async fn only_allowed(
    ConnectInfo(Connection(peer)): ConnectInfo<Connection>,
    request: Request,
    next: Next,
) -> Response {
    if peer.allowed {
        next.run(request).await
    } else {
        Refusal { status: StatusCode::FORBIDDEN, errors: vec![peer.refusal()] }.into_response()
    }
}

/// What was refused before an endpoint saw it (a body that is no JSON, a name that is none) is answered as every other
/// refusal is.
async fn in_words(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let json =
        response.headers().get("content-type").is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    if !response.status().is_client_error() || json {
        return response;
    }
    let status = response.status();
    let body = axum::body::to_bytes(response.into_body(), REFUSAL_BYTES_MAX).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&body).trim().to_owned();
    let reason = if text.is_empty() { status.canonical_reason().unwrap_or("refused").to_owned() } else { text };
    let error = Diagnostic::user(format!("this node does not understand the call: {reason}"));
    let help = "are both ends of the same version? `seaworthy node status` tells";
    Refusal { status, errors: vec![error.help(help)] }.into_response()
}

async fn unknown(request: Request) -> Refusal {
    let what = format!("this node does not know `{} {}`", request.method(), request.uri().path());
    let error = Diagnostic::user(what).help("are both ends of the same version? `seaworthy node status` tells");
    Refusal { status: StatusCode::NOT_FOUND, errors: vec![error] }
}

/// An answer that says no.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    errors: Vec<Diagnostic>,
}

/// What an endpoint gives back.
pub(crate) type Answer<T> = Result<T, Refusal>;

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, axum::Json(Failure { errors: self.errors })).into_response()
    }
}

impl From<Vec<Diagnostic>> for Refusal {
    fn from(errors: Vec<Diagnostic>) -> Self {
        // Whose fault it is decides whether the call was refused (the user has to change it) or failed.
        let refused = errors.iter().all(|error| error.fault == Fault::User);
        let status = if refused { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::INTERNAL_SERVER_ERROR };
        Self { status, errors }
    }
}

impl From<Failures> for Refusal {
    fn from(failures: Failures) -> Self {
        failures.0.into()
    }
}

impl From<Diagnostic> for Refusal {
    fn from(error: Diagnostic) -> Self {
        vec![error].into()
    }
}

/// Streams lines of JSON as they come out of a channel; the call ends when the channel does.
fn lines<T: serde::Serialize + Send + 'static>(receiver: tokio::sync::mpsc::Receiver<T>) -> Response {
    let stream = futures_util::stream::unfold(receiver, |mut receiver| async move {
        let wait = tokio::time::timeout(HEARTBEAT, receiver.recv()).await;
        let line = match wait {
            Ok(None) => return None,
            Ok(Some(value)) => serde_json::to_string(&value).unwrap_or_default(),
            // An empty line tells the other end that the node is there, and the node that the other end is gone.
            Err(_) => String::new(),
        };
        Some((Ok::<_, std::convert::Infallible>(line + "\n"), receiver))
    });
    ([("content-type", "application/x-ndjson")], axum::body::Body::from_stream(stream)).into_response()
}

/// How often a stream without news sends an empty line.
const HEARTBEAT: std::time::Duration = std::time::Duration::from_secs(5);
