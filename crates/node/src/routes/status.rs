//! `/v1/status`.

use super::{Answer, Refusal};
use crate::Node;
use axum::Json;
use axum::extract::{Query, State};
use seaworthy_api::wire::Status;
use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::Name;
use serde::Deserialize;
use std::sync::Arc;

#[derive(Deserialize)]
pub(super) struct Which {
    #[serde(default)]
    app: String,
    #[serde(default)]
    environment: String,
}

pub(super) async fn status(State(node): State<Arc<Node>>, Query(which): Query<Which>) -> Answer<Json<Status>> {
    let (app, environment) = (optional(which.app)?, optional(which.environment)?);
    Ok(Json(node.status(app.as_ref(), environment.as_ref()).await?))
}

/// A name that may be left empty.
pub(super) fn optional(text: String) -> Result<Option<Name>, Refusal> {
    if text.is_empty() {
        return Ok(None);
    }
    Name::new(text).map(Some).map_err(|e| Diagnostic::user(e.to_string()).into())
}
