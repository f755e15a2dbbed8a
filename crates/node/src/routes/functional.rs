//! `…/functional`.

use super::Answer;
use crate::Node;
use axum::Json;
use axum::extract::{Path, State};
use seaworthy_api::wire::FunctionalCheck;
use seaworthy_model::Name;
use std::sync::Arc;

pub(super) async fn run(
    State(node): State<Arc<Node>>,
    Path((app, environment)): Path<(Name, Name)>,
) -> Answer<Json<Vec<FunctionalCheck>>> {
    Ok(Json(node.functional(&app, &environment).await?))
}
