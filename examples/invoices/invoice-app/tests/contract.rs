//! The HTTP contract, on a real database.

mod support;

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt;
use invoice_app::database::{Database, Missing};
use invoice_app::pay::Payer;
use invoice_app::provider::Provider;
use invoice_app::routes::router;
use invoice_app::seed::Seed;
use serde_json::{Value, json};
use support::World;
use support::fake_provider::{FakeProvider, Fault};
use tower::ServiceExt;

async fn app(world: &World, seed: Seed, provider: &FakeProvider) -> Router {
    let database = Database::open(&world.url, Missing::Create).unwrap();
    database.migrate(seed).await.unwrap();
    app_on(database, provider)
}

fn app_on(database: Database, provider: &FakeProvider) -> Router {
    let provider = Provider::new(&provider.url()).unwrap();
    router(database.clone(), Payer::new(database, provider, Duration::from_secs(60)))
}

async fn send(app: &Router, method: &str, path: &str, body: &str) -> (StatusCode, Value) {
    let request = Request::builder().method(method).uri(path).body(Body::from(body.to_owned())).unwrap();
    let response = app.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or_else(|_| Value::from(String::from_utf8_lossy(&body).into_owned())))
}

async fn the_demonstration_is_listed_and_paid(world: World) {
    let app = app(&world, Seed::Demonstration, &FakeProvider::start().await).await;
    let states = |list: &Value| -> Vec<Value> {
        list["invoices"].as_array().unwrap().iter().map(|invoice| invoice["state"].clone()).collect()
    };
    let (status, page) = send(&app, "GET", "/", "").await;
    assert!(status == StatusCode::OK && page.as_str().unwrap().contains("POST /invoices/pay"), "{status} {page}");
    let (status, list) = send(&app, "GET", "/invoices", "").await;
    assert_eq!((status, &list["next"]), (StatusCode::OK, &Value::Null));
    assert_eq!(states(&list), ["paid", "paid", "unpaid", "unpaid", "unpaid"]);
    let first = json!({"id": "inv-0001", "value": 1250, "currency": "USD", "state": "paid",
                       "paid_at_ms": 1_767_323_045_000_i64, "problem": null});
    assert_eq!(list["invoices"][0], first);
    let (status, report) = send(&app, "POST", "/invoices/pay", "").await;
    assert_eq!((status, report["paid"].as_array().unwrap().len()), (StatusCode::OK, 3));
    assert_eq!(states(&send(&app, "GET", "/invoices", "").await.1), ["paid"; 5]);
    let (_, rest) = send(&app, "GET", "/invoices?after=inv-0004", "").await;
    assert_eq!(rest["invoices"].as_array().unwrap().len(), 1);
}

async fn an_invoice_can_be_added_once(world: World) {
    let app = app(&world, Seed::Unpaid(0), &FakeProvider::start().await).await;
    let invoice = r#"{"id":"inv-1","value":1250,"currency":"EUR"}"#;
    assert_eq!(send(&app, "POST", "/invoices", invoice).await.0, StatusCode::CREATED);
    assert_eq!(send(&app, "POST", "/invoices", invoice).await.0, StatusCode::OK);
    let (status, body) = send(&app, "POST", "/invoices", &invoice.replace("1250", "1251")).await;
    assert_eq!((status, &body["error"]), (StatusCode::CONFLICT, &json!("id_taken")));
    let (status, body) = send(&app, "POST", "/invoices", &invoice.replace("1250", "12.50")).await;
    assert_eq!((status, &body["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_invoice")));
    let (_, list) = send(&app, "GET", "/invoices", "").await;
    assert_eq!(list["invoices"].as_array().unwrap().len(), 1);
}

async fn a_provider_that_is_away_is_a_bad_gateway(world: World) {
    let provider = FakeProvider::start().await;
    provider.fail_all(Some(Fault::LostBefore));
    let app = app(&world, Seed::Unpaid(1), &provider).await;
    let (status, report) = send(&app, "POST", "/invoices/pay", "").await;
    assert_eq!((status, &report["failed"][0]["id"]), (StatusCode::BAD_GATEWAY, &json!("inv-0001")));
    assert_eq!(report["remaining"], 1);
}

async fn health_is_the_databases(world: World) {
    let provider = FakeProvider::start().await;
    let healthy = app(&world, Seed::Demonstration, &provider).await;
    assert_eq!(send(&healthy, "GET", "/healthz", "").await, (StatusCode::OK, json!("ok")));
    let sick = app_on(Database::open("sqlite:///nowhere/invoices.db", Missing::Refuse).unwrap(), &provider);
    assert_eq!(send(&sick, "GET", "/healthz", "").await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(send(&sick, "GET", "/invoices", "").await.0, StatusCode::SERVICE_UNAVAILABLE);
}

on_both!(
    the_demonstration_is_listed_and_paid,
    an_invoice_can_be_added_once,
    a_provider_that_is_away_is_a_bad_gateway,
    health_is_the_databases,
);
