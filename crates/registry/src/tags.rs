//! `/v2/NAME/tags/list`.

use crate::blobs::text;
use crate::error::{Answer, Code, RegistryError};
use crate::names::Repository;
use crate::registry::Call;
use axum::Json;
use axum::http::header;
use axum::response::IntoResponse;
use serde_json::json;
use std::collections::BTreeSet;

/// The most tags in one answer.
const TAGS_MAX: u32 = 1_000;

pub(crate) async fn list(call: &Call<'_>, name: &Repository) -> Answer {
    let wrong =
        || RegistryError::new(Code::Unsupported, "`n` is not a number").status(axum::http::StatusCode::BAD_REQUEST);
    let limit = call.query("n").map(|text| text.parse::<u32>().map_err(|_| wrong())).transpose()?;
    let limit = limit.unwrap_or(TAGS_MAX).min(TAGS_MAX);
    let after = call.query("last").unwrap_or_default();
    let wanted = name.clone();
    // One more than is told: is there a next page?
    let mut found = call
        .blocking(move |inner| {
            let pushed = inner.store.tags(wanted.as_str(), &after, limit.saturating_add(1))?;
            let mut found: BTreeSet<String> = pushed.into_iter().collect();
            let mut known = !found.is_empty() || inner.store.has_repository(wanted.as_str())?;
            if let Some((app, service)) = wanted.service() {
                let images = inner.store.release_images(&app, &service)?;
                known |= !images.is_empty();
                found.extend(images.into_keys().filter(|tag| *tag > after));
            }
            let unknown = || RegistryError::new(Code::NameUnknown, format!("there is no repository `{wanted}`"));
            if known { Ok(found.into_iter().collect::<Vec<_>>()) } else { Err(unknown()) }
        })
        .await?;
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let next =
        found.last().filter(|_| more).map(|last| format!("</v2/{name}/tags/list?n={limit}&last={last}>; rel=\"next\""));
    let mut response = Json(json!({ "name": name.as_str(), "tags": found })).into_response();
    if let Some(next) = next {
        response.headers_mut().insert(header::LINK, text(next));
    }
    Ok(response)
}
