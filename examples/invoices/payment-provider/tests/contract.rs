//! The HTTP contract, on a real database.

mod support;

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt;
use payment_provider::database::{Database, Missing};
use payment_provider::routes::{Provider, router};
use serde_json::{Value, json};
use support::World;
use tower::ServiceExt;

async fn provider(world: &World) -> Router {
    let database = Database::open(&world.url, Missing::Create).unwrap();
    database.migrate().await.unwrap();
    router(Provider { database, answer_delay: Duration::ZERO })
}

async fn pay(provider: &Router, key: Option<&str>, body: &str) -> (StatusCode, Value, bool) {
    let mut request = Request::post("/payments/pay");
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    let response = provider.clone().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
    let replayed = response.headers().contains_key("idempotent-replayed");
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap(), replayed)
}

async fn books(provider: &Router) -> Vec<Value> {
    let request = Request::get("/payments").body(Body::empty()).unwrap();
    let response = provider.clone().oneshot(request).await.unwrap();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice::<Value>(&body).unwrap()["payments"].as_array().unwrap().clone()
}

const ORDER: &str = r#"{"id":"inv-1","value":1250,"currency":"EUR"}"#;

async fn a_repeated_order_gets_the_first_answer_and_is_paid_once(world: World) {
    let provider = provider(&world).await;
    let (status, first, replayed) = pay(&provider, Some("key-1"), ORDER).await;
    assert_eq!((status, replayed), (StatusCode::OK, false));
    assert_eq!((&first["id"], &first["value"], &first["currency"]), (&json!("inv-1"), &json!(1250), &json!("EUR")));
    let again = pay(&provider, Some("key-1"), ORDER).await;
    assert_eq!(again, (StatusCode::OK, first.clone(), true));
    assert_eq!(books(&provider).await, [first]);
}

async fn another_order_under_the_same_key_is_refused(world: World) {
    let provider = provider(&world).await;
    pay(&provider, Some("key-1"), ORDER).await;
    for other in [
        r#"{"id":"inv-1","value":1251,"currency":"EUR"}"#,
        r#"{"id":"inv-1","value":1250,"currency":"USD"}"#,
        r#"{"id":"inv-2","value":1250,"currency":"EUR"}"#,
    ] {
        let (status, body, _) = pay(&provider, Some("key-1"), other).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{other}");
        assert_eq!(body["error"], "idempotency_key_reused");
    }
    assert_eq!(books(&provider).await.len(), 1);
}

async fn twenty_at_once_pay_once(world: World) {
    let provider = provider(&world).await;
    let callers: Vec<_> = (0..20)
        .map(|_| {
            let provider = provider.clone();
            tokio::spawn(async move { pay(&provider, None, ORDER).await })
        })
        .collect();
    let mut firsts = 0;
    for caller in callers {
        let (status, _, replayed) = caller.await.unwrap();
        assert_eq!(status, StatusCode::OK);
        firsts += usize::from(!replayed);
    }
    assert_eq!(firsts, 1);
    let books = books(&provider).await;
    assert_eq!(books.len(), 1);
    assert_eq!(books[0]["idempotency_key"], "inv-1", "without the field, the id is the key");
}

async fn what_is_wrong_is_named_and_not_paid(world: World) {
    let provider = provider(&world).await;
    let cases = [
        ("{", "malformed_json"),
        (r#"{"value":1,"currency":"EUR"}"#, "missing_field"),
        (r#"{"id":"a","value":0,"currency":"EUR"}"#, "invalid_value"),
        (r#"{"id":"a","value":-5,"currency":"EUR"}"#, "invalid_value"),
        (r#"{"id":"a","value":12.5,"currency":"EUR"}"#, "invalid_value"),
        (r#"{"id":"a","value":1,"currency":"ABC"}"#, "unknown_currency"),
    ];
    for (body, code) in cases {
        let (status, answer, _) = pay(&provider, None, body).await;
        assert_eq!((status, &answer["error"]), (StatusCode::BAD_REQUEST, &json!(code)), "{body}");
        assert!(answer["message"].as_str().is_some_and(|message| message.len() > 10), "{answer}");
    }
    let (status, answer, _) = pay(&provider, Some("a key"), ORDER).await;
    assert_eq!((status, &answer["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_idempotency_key")));
    assert_eq!(books(&provider).await, Vec::<Value>::new());
}

async fn health_is_the_databases(world: World) {
    let healthy = provider(&world).await;
    let status = |provider: Router| async move {
        provider.oneshot(Request::get("/healthz").body(Body::empty()).unwrap()).await.unwrap().status()
    };
    assert_eq!(status(healthy).await, StatusCode::OK);
    let elsewhere = Database::open("sqlite:///nowhere/payments.db", Missing::Refuse).unwrap();
    let sick = router(Provider { database: elsewhere, answer_delay: Duration::ZERO });
    assert_eq!(status(sick).await, StatusCode::SERVICE_UNAVAILABLE);
}

/// Each scenario runs on both databases. Those on PostgreSQL run where there is a server: `-- --include-ignored`.
macro_rules! on_both {
    ($($scenario:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test] async fn $scenario() { super::$scenario(super::World::sqlite()).await })+
        }
        mod postgres {
            $(
                #[tokio::test]
                #[ignore = "needs a server: TEST_POSTGRES_URL"]
                async fn $scenario() { super::$scenario(super::World::postgres().await).await }
            )+
        }
    };
}

on_both!(
    a_repeated_order_gets_the_first_answer_and_is_paid_once,
    another_order_under_the_same_key_is_refused,
    twenty_at_once_pay_once,
    what_is_wrong_is_named_and_not_paid,
    health_is_the_databases,
);
