//! The door for webhooks: loopback only, and all that they can do is to make the node look.
//!
//! What a payload says is not believed, nor even read: its signature says that the sender knows the secret. GitLab's
//! says nothing; it sends the secret itself.

use super::secrets;
use crate::Node;
use crate::options::Options;
use crate::supervise::note;
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use seaworthy_delivery::signature::{GITHUB_HEADER, GITLAB_HEADER, OWN_HEADER, is_right, is_secret};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::Name;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// The largest body.
const BODY_BYTES_MAX: usize = 1024 * 1024;
/// How long one call may take, from its first byte to its last.
const TIME_MAX: Duration = Duration::from_secs(10);
/// How many connections there are at a time.
const CONNECTIONS_MAX: usize = 16;
/// How long to wait when the system has no descriptor left for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How many refusals are logged one by one within [`REFUSALS_WITHIN`].
const REFUSALS_MAX: u32 = 20;
const REFUSALS_WITHIN: Duration = Duration::from_secs(60);

/// Where webhooks come in.
pub(crate) struct Place {
    /// `127.0.0.1:PORT`
    pub(super) address: SocketAddr,
    listener: Mutex<Option<TcpListener>>,
}

/// Listens, if the node was started with a port for it.
pub(crate) async fn bind(options: &Options) -> Result<Option<Place>, Diagnostic> {
    let Some(port) = options.webhook_port else { return Ok(None) };
    let taken = |error: std::io::Error| {
        Diagnostic::machine(format!("webhooks cannot come in on 127.0.0.1:{port}: {error}"))
            .help("stop what listens there, or choose another port: `SEAWORTHY_WEBHOOK_PORT=9090`")
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(taken)?;
    let address = listener.local_addr().map_err(taken)?;
    Ok(Some(Place { address, listener: Mutex::new(Some(listener)) }))
}

/// What the door's one handler reaches.
struct Door {
    node: Arc<Node>,
    refusals: AtomicU32,
}

/// Serves from now on.
pub(super) fn serve(node: &Arc<Node>) {
    let Some(place) = &node.delivery.webhook else { return };
    let Some(listener) = place.listener.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
    note(&format!("webhooks come in on {}", place.address));
    let door = Arc::new(Door { node: Arc::clone(node), refusals: AtomicU32::new(0) });
    let forgetful = Arc::clone(&door);
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(REFUSALS_WITHIN).await;
            let refused = forgetful.refusals.swap(0, Ordering::Relaxed);
            if refused > REFUSALS_MAX {
                note(&format!("{refused} webhooks were refused within a minute"));
            }
        }
    });
    let router = Router::new().route("/v1/webhooks/{app}", post(take)).with_state(door);
    tokio::spawn(accept(listener, router));
}

async fn accept(listener: TcpListener, router: Router) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let service = TowerToHyperService::new(router.clone());
        tokio::spawn(async move {
            let _place = place;
            let mut server = http1::Builder::new();
            server.timer(TokioTimer::new()).header_read_timeout(TIME_MAX).keep_alive(false);
            // A connection that breaks, or is slow, is its client's affair.
            let _ = tokio::time::timeout(TIME_MAX * 2, server.serve_connection(TokioIo::new(stream), service)).await;
        });
    }
}

async fn take(
    State(door): State<Arc<Door>>,
    Path(app): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> (StatusCode, String) {
    let reading = tokio::time::timeout(TIME_MAX, axum::body::to_bytes(body, BODY_BYTES_MAX)).await;
    let body = match reading {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return door.refuse(&app, StatusCode::PAYLOAD_TOO_LARGE, "its body is too large, or broke off"),
        Err(_) => return door.refuse(&app, StatusCode::REQUEST_TIMEOUT, "its body did not come"),
    };
    let signature = headers.get(OWN_HEADER).or_else(|| headers.get(GITHUB_HEADER));
    let Some(proof) = signature.or_else(|| headers.get(GITLAB_HEADER)) else {
        return door.refuse(&app, StatusCode::UNAUTHORIZED, "it has neither a signature nor a token");
    };
    // An app that is not known is refused in the same words.
    let known = Name::new(app.as_str()).ok().filter(|app| door.node.delivery.apps().contains_key(app));
    let secret = known.as_ref().and_then(|app| secrets::webhook(&door.node.options.home, app).ok());
    let right = secret.is_some_and(|secret| match signature {
        Some(signature) => is_right(&secret, &body, signature.as_bytes()),
        None => is_secret(&secret, proof.as_bytes()),
    });
    match known.filter(|_| right) {
        Some(app) if door.node.delivery.wake(&app) => (StatusCode::ACCEPTED, "the node looks\n".to_owned()),
        _ if signature.is_none() => door.refuse(&app, StatusCode::UNAUTHORIZED, "its token is not right"),
        _ => door.refuse(&app, StatusCode::UNAUTHORIZED, "its signature is not right"),
    }
}

impl Door {
    fn refuse(&self, app: &str, status: StatusCode, why: &str) -> (StatusCode, String) {
        if self.refusals.fetch_add(1, Ordering::Relaxed) < REFUSALS_MAX {
            let app: String = app.chars().take(40).flat_map(char::escape_debug).collect();
            note(&format!("a webhook for `{app}` was refused: {why}"));
        }
        (status, format!("refused: {why}\n"))
    }
}
