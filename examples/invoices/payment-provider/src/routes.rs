//! The HTTP contract, as `../README.md` has it.

use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::database::Database;
use crate::observe;
use crate::order::{self, Invalid, Order};
use crate::payments::{LIST_MAX, Outcome};

const BODY_BYTES_MAX: usize = 16 * 1024;
const HEALTH_TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Clone)]
pub struct Provider {
    pub database: Database,
    pub answer_delay: Duration,
}

pub fn router(provider: Provider) -> Router {
    Router::new()
        .route("/healthz", get(health))
        .route("/payments", get(list))
        .route("/payments/pay", post(pay))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(axum::middleware::from_fn(observe::request))
        .with_state(provider)
}

async fn health(State(provider): State<Provider>) -> Response {
    match tokio::time::timeout(HEALTH_TIMEOUT, provider.database.check()).await {
        Ok(Ok(())) => "ok".into_response(),
        Ok(Err(error)) => unavailable(&error),
        Err(_) => refusal(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "the database does not answer"),
    }
}

async fn pay(State(provider): State<Provider>, headers: HeaderMap, body: Bytes) -> Response {
    let field = headers.get("idempotency-key").map(|value| value.as_bytes());
    let order = Order::from_json(&body).and_then(|order| Ok((order::idempotency_key(field, &order)?, order)));
    let (key, order) = match order {
        Ok(order) => order,
        Err(invalid) => return bad_request(&invalid),
    };
    let outcome = provider.database.pay(&key, &order).await;
    tokio::time::sleep(provider.answer_delay).await;
    match outcome {
        Ok(Outcome::Paid(payment)) => document(StatusCode::OK, &json!(payment)),
        Ok(Outcome::Replayed(payment)) => {
            tracing::info!(idempotency_key = key, "a repeated order got its first answer");
            let mut response = document(StatusCode::OK, &json!(payment));
            response.headers_mut().insert("idempotent-replayed", HeaderValue::from_static("true"));
            response
        }
        // As in the IETF draft "The Idempotency-Key HTTP Header Field": the key stands for another request.
        Ok(Outcome::KeyReused) => refusal(
            StatusCode::UNPROCESSABLE_ENTITY,
            "idempotency_key_reused",
            &format!("something else was paid under the idempotency key `{key}`"),
        ),
        Err(error) => unavailable(&error),
    }
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    after: String,
}

async fn list(State(provider): State<Provider>, Query(page): Query<Page>) -> Response {
    match provider.database.payments(&page.after).await {
        Ok(payments) => {
            let is_full = i64::try_from(payments.len()).is_ok_and(|count| count == LIST_MAX);
            let next = payments.last().filter(|_| is_full).map(|payment| payment.idempotency_key.clone());
            document(StatusCode::OK, &json!({ "payments": payments, "next": next }))
        }
        Err(error) => unavailable(&error),
    }
}

fn bad_request(invalid: &Invalid) -> Response {
    refusal(StatusCode::BAD_REQUEST, invalid.code(), &invalid.to_string())
}

/// The caller may try again; what exactly failed is for the log.
fn unavailable(error: &sqlx::Error) -> Response {
    tracing::error!(%error, "the database failed");
    refusal(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "the database is not available, try again")
}

fn refusal(status: StatusCode, code: &str, message: &str) -> Response {
    document(status, &json!({ "error": code, "message": message }))
}

fn document(status: StatusCode, body: &Value) -> Response {
    (status, [(CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}
