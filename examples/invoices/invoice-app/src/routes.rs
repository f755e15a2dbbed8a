//! The HTTP contract, as `../README.md` has it.

use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::database::Database;
use crate::invoice::Due;
use crate::observe;
use crate::pay::{PayError, Payer};
use crate::store::{Added, LIST_MAX};

const BODY_BYTES_MAX: usize = 16 * 1024;
const HEALTH_TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Clone)]
struct App {
    database: Database,
    payer: Payer,
}

pub fn router(database: Database, payer: Payer) -> Router {
    Router::new()
        .route("/", get(about))
        .route("/healthz", get(health))
        .route("/invoices", get(list).post(add))
        .route("/invoices/pay", post(pay))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(axum::middleware::from_fn(observe::request))
        .with_state(App { database, payer })
}

/// For whoever opens the address in a browser.
async fn about() -> Html<&'static str> {
    Html(concat!(
        "<!doctype html>\n<title>Invoices</title>\n<h1>Invoices</h1>\n<ul>\n",
        "<li><a href=\"/invoices\"><code>GET /invoices</code></a> lists them\n",
        "<li><code>POST /invoices</code> adds <code>{\"id\", \"value\", \"currency\"}</code>\n",
        "<li><code>POST /invoices/pay</code> pays what is unpaid\n",
        "<li><a href=\"/healthz\"><code>GET /healthz</code></a> says whether the database answers\n",
        "</ul>\n"
    ))
}

/// The database's health alone: without the provider we still list invoices.
async fn health(State(app): State<App>) -> Response {
    match tokio::time::timeout(HEALTH_TIMEOUT, app.database.check()).await {
        Ok(Ok(())) => "ok".into_response(),
        Ok(Err(error)) => unavailable(&error),
        Err(_) => refusal(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "the database does not answer"),
    }
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    after: String,
}

async fn list(State(app): State<App>, Query(page): Query<Page>) -> Response {
    match app.database.invoices(&page.after).await {
        Ok(invoices) => {
            let is_full = i64::try_from(invoices.len()).is_ok_and(|count| count == LIST_MAX);
            let next = invoices.last().filter(|_| is_full).map(|invoice| invoice.id.clone());
            document(StatusCode::OK, &json!({ "invoices": invoices, "next": next }))
        }
        Err(error) => unavailable(&error),
    }
}

async fn add(State(app): State<App>, body: Bytes) -> Response {
    let due = match Due::from_json(&body) {
        Ok(due) => due,
        Err(invalid) => return refusal(StatusCode::BAD_REQUEST, "invalid_invoice", &invalid.to_string()),
    };
    match app.database.add(&due).await {
        Ok(Added::New) => document(StatusCode::CREATED, &json!(due)),
        Ok(Added::Known) => document(StatusCode::OK, &json!(due)),
        Ok(Added::Taken) => {
            let message = format!("there is another invoice with the id `{}`", due.id);
            refusal(StatusCode::CONFLICT, "id_taken", &message)
        }
        Err(error) => unavailable(&error),
    }
}

async fn pay(State(app): State<App>, headers: HeaderMap) -> Response {
    match app.payer.pay_unpaid(headers).await {
        // Not all could be paid now, and it is not our fault: 502, with what was paid and what was not.
        Ok(report) if !report.failed.is_empty() => document(StatusCode::BAD_GATEWAY, &json!(report)),
        Ok(report) => document(StatusCode::OK, &json!(report)),
        Err(PayError::Busy) => {
            let mut response = refusal(StatusCode::SERVICE_UNAVAILABLE, "busy", &PayError::Busy.to_string());
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
            response
        }
        Err(error) => unavailable(&error),
    }
}

/// The caller may try again; what exactly failed is for the log.
fn unavailable(error: &dyn std::error::Error) -> Response {
    tracing::error!(%error, "the database failed");
    refusal(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "the database is not available, try again")
}

fn refusal(status: StatusCode, code: &str, message: &str) -> Response {
    document(status, &json!({ "error": code, "message": message }))
}

fn document(status: StatusCode, body: &Value) -> Response {
    (status, [(CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}
