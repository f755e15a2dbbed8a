//! One JSON object per line on standard output, one line per request, and a limit on how long each may take.

use std::time::{Duration, Instant};

use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tracing::level_filters::LevelFilter;

const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

pub fn start(log_level: LevelFilter) {
    tracing_subscriber::fmt().json().flatten_event(true).with_target(false).with_max_level(log_level).init();
}

/// Middleware around every request.
pub async fn request(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let traceparent = request.headers().get("traceparent").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let response = tokio::time::timeout(REQUEST_TIMEOUT, next.run(request))
        .await
        .unwrap_or_else(|_| StatusCode::SERVICE_UNAVAILABLE.into_response());
    let (status, duration_ms) = (response.status().as_u16(), started.elapsed().as_secs_f64() * 1000.0);
    tracing::info!(%method, path, status, duration_ms, traceparent, "request");
    response
}
