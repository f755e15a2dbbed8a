//! The payment provider, as seen from here: slow, away or restarting at any moment, and asked again until it is clear
//! what happened. Every attempt for an invoice carries the same key, so asking again never pays again.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, StatusCode};
use serde_json::Value;

use crate::invoice::Due;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);
/// For all attempts together. Well under the grace time, so that a stop does not cut a payment off.
const PAY_TIMEOUT: Duration = Duration::from_secs(6);
const PAUSE_FIRST: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(1);
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// The fields that tie our request to the provider's in a trace.
const TRACE_FIELDS: [&str; 2] = ["traceparent", "tracestate"];

#[derive(Clone)]
pub struct Provider {
    client: reqwest::Client,
    pay_url: String,
}

#[derive(Debug, PartialEq)]
pub enum Verdict {
    Paid,
    /// The provider understood, and will never pay this.
    Rejected(String),
    /// Nobody knows whether it was paid. The next attempt will tell.
    Unclear(String),
}

#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    #[error("`PAYMENT_PROVIDER_URL` is no http URL: `{0}`")]
    Url(String),
    #[error("no HTTP client: {0}")]
    Client(#[from] reqwest::Error),
}

impl Provider {
    pub fn new(url: &str) -> Result<Self, ProviderError> {
        let parsed = reqwest::Url::parse(url).ok().filter(|parsed| parsed.scheme() == "http" && parsed.has_host());
        let parsed = parsed.ok_or_else(|| ProviderError::Url(url.into()))?;
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(ATTEMPT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self { client, pay_url: format!("{}/payments/pay", parsed.as_str().trim_end_matches('/')) })
    }

    /// Has it paid, with as many attempts as fit in the time.
    pub async fn pay(&self, due: &Due, trace: &HeaderMap) -> Verdict {
        let deadline = Instant::now() + PAY_TIMEOUT;
        let mut pause = PAUSE_FIRST;
        loop {
            let problem = match self.attempt(due, trace).await {
                Ok(verdict) => return verdict,
                Err(problem) => problem,
            };
            let jittered = pause.mul_f64(0.5 + random_fraction() / 2.0);
            if Instant::now() + jittered + ATTEMPT_TIMEOUT > deadline {
                return Verdict::Unclear(problem);
            }
            tracing::warn!(invoice = due.id, problem, "the provider is asked again");
            tokio::time::sleep(jittered).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// One request. An error says what makes another one worth while.
    async fn attempt(&self, due: &Due, trace: &HeaderMap) -> Result<Verdict, String> {
        let body = serde_json::to_string(due).map_err(|error| error.to_string())?;
        let mut request = self.client.post(&self.pay_url).body(body);
        request = request.header("content-type", "application/json").header("idempotency-key", due.idempotency_key());
        for name in TRACE_FIELDS {
            if let Some(value) = trace.get(name) {
                request = request.header(name, value);
            }
        }
        let response = request.send().await.map_err(|error| with_sources(&error))?;
        let status = response.status();
        let answer: Value = serde_json::from_slice(&read(response).await?).unwrap_or_default();
        match status {
            StatusCode::OK if is_receipt(&answer, due) => Ok(Verdict::Paid),
            StatusCode::OK => Err("the provider's receipt is for something else".into()),
            StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => {
                let message = answer["message"].as_str().unwrap_or("the provider did not say why");
                Ok(Verdict::Rejected(message.into()))
            }
            _ => Err(format!("the provider answered {status}")),
        }
    }
}

async fn read(mut response: reqwest::Response) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| with_sources(&error))? {
        if body.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err("the provider's answer is too long".into());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn is_receipt(answer: &Value, due: &Due) -> bool {
    answer["id"] == *due.id && answer["value"] == due.value && answer["currency"] == *due.currency
}

/// The error and what caused it, in one line: the outermost alone says little more than "failed".
fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text += &format!(": {cause}");
        source = cause.source();
    }
    text
}

/// From 0 to 1, so that replicas do not ask again all at once.
fn random_fraction() -> f64 {
    let bits = RandomState::new().build_hasher().finish() >> 11;
    bits as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_may_end_with_a_slash_and_must_be_http() {
        for url in ["http://provider:8082", "http://provider:8082/"] {
            assert_eq!(Provider::new(url).unwrap().pay_url, "http://provider:8082/payments/pay");
        }
        for url in ["provider:8082", "https://provider", "", "http://"] {
            assert!(matches!(Provider::new(url), Err(ProviderError::Url(_))), "{url}");
        }
    }

    #[test]
    fn a_receipt_is_for_exactly_what_is_due() {
        let due = Due { id: "a".into(), value: 5, currency: "EUR".into() };
        let receipt =
            |value: Value| is_receipt(&serde_json::json!({"id": "a", "value": value, "currency": "EUR"}), &due);
        assert!(receipt(5.into()) && !receipt(6.into()) && !receipt(5.5.into()) && !receipt(Value::Null));
    }
}
