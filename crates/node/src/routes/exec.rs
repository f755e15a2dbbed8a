//! `exec`: a call whose connection becomes one of frames.

use super::{Answer, Connection, Refusal};
use crate::Node;
use axum::Json;
use axum::extract::{ConnectInfo, FromRequestParts, Path, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use seaworthy_api::wire::{EXEC_PROTOCOL, ExecRequest};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::Name;
use std::sync::Arc;

/// The connection below a request that asks for another protocol.
pub(super) struct Below(OnUpgrade);

impl<S: Sync> FromRequestParts<S> for Below {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let asks = parts.headers.get("upgrade").is_some_and(|name| name.as_bytes() == EXEC_PROTOCOL.as_bytes());
        let below = parts.extensions.remove::<OnUpgrade>().filter(|_| asks);
        below.map(Self).ok_or_else(|| {
            let error = Diagnostic::user(format!("this call needs `Upgrade: {EXEC_PROTOCOL}`"));
            error.help("are both ends of the same version? `seaworthy node status` tells").into()
        })
    }
}

pub(super) async fn exec(
    State(node): State<Arc<Node>>,
    ConnectInfo(Connection(peer)): ConnectInfo<Connection>,
    Path((app, environment)): Path<(Name, Name)>,
    Below(below): Below,
    Json(request): Json<ExecRequest>,
) -> Answer<Response> {
    let entered = node.exec(&app, &environment, &request, &peer.user).await?;
    tokio::spawn(async move {
        // A client that goes away before takes the program with it.
        if let Ok(connection) = below.await {
            entered.accompany(TokioIo::new(connection)).await;
        }
    });
    let head = [("connection", "upgrade"), ("upgrade", EXEC_PROTOCOL)];
    Ok((StatusCode::SWITCHING_PROTOCOLS, head).into_response())
}
