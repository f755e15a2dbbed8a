//! Paying against a provider that fails in every way it can.

mod support;

use std::time::{Duration, Instant};

use axum::http::HeaderMap;
use invoice_app::database::{Database, Missing};
use invoice_app::pay::{Payer, Report};
use invoice_app::provider::Provider;
use invoice_app::seed::Seed;
use support::World;
use support::fake_provider::{FakeProvider, Fault};

const CLAIM: Duration = Duration::from_secs(60);
const DEADLINE: Duration = Duration::from_secs(30);

async fn database(world: &World, count: u32) -> Database {
    let database = Database::open(&world.url, Missing::Create).unwrap();
    database.migrate(Seed::Unpaid(count)).await.unwrap();
    database
}

/// A replica: nothing in common with another one but the database and the provider.
fn replica(world: &World, provider: &FakeProvider) -> Payer {
    let database = Database::open(&world.url, Missing::Refuse).unwrap();
    Payer::new(database, Provider::new(&provider.url()).unwrap(), CLAIM)
}

async fn pay(payer: &Payer) -> Report {
    payer.pay_unpaid(HeaderMap::new()).await.unwrap()
}

async fn states(database: &Database) -> Vec<String> {
    database.invoices("").await.unwrap().into_iter().map(|invoice| invoice.state).collect()
}

async fn each_is_paid_once_under_its_own_key(world: World) {
    let (database, provider) = (database(&world, 3).await, FakeProvider::start().await);
    let payer = replica(&world, &provider);
    let mut trace = HeaderMap::new();
    trace.insert("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".parse().unwrap());
    trace.insert("cookie", "not=for-the-provider".parse().unwrap());
    let report = payer.pay_unpaid(trace).await.unwrap();
    assert_eq!(report.paid.len(), 3);
    assert_eq!(pay(&payer).await, Report::default(), "nothing is left to pay");
    assert_eq!(states(&database).await, ["paid", "paid", "paid"]);
    let keys: Vec<_> = provider.booked().into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["invoice-inv-0001", "invoice-inv-0002", "invoice-inv-0003"]);
    for head in provider.heads() {
        assert!(
            head.contains("\r\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n"),
            "{head}"
        );
        assert!(!head.contains("cookie"), "{head}");
    }
}

async fn a_lost_answer_is_asked_for_again_and_pays_once(world: World) {
    let (database, provider) = (database(&world, 4).await, FakeProvider::start().await);
    provider.fail("inv-0001", [Fault::LostBefore]);
    provider.fail("inv-0002", [Fault::LostAfter, Fault::LostAfter]);
    provider.fail("inv-0003", [Fault::Answer(500, ""), Fault::Answer(503, "{}"), Fault::LostAfter]);
    provider.fail("inv-0004", [Fault::HangAfter]);
    let report = pay(&replica(&world, &provider)).await;
    assert_eq!((report.paid.len(), report.remaining), (4, 0));
    assert_eq!(states(&database).await, ["paid"; 4]);
    assert_eq!(provider.booked_ids(), ["inv-0001", "inv-0002", "inv-0003", "inv-0004"]);
}

async fn many_callers_of_three_replicas_pay_each_once(world: World) {
    const COUNT: usize = 60;
    let (database, provider) = (database(&world, COUNT as u32).await, FakeProvider::start().await);
    for number in 1..=COUNT {
        let fault = if number % 2 == 0 { Fault::LostAfter } else { Fault::LostBefore };
        provider.fail(&format!("inv-{number:04}"), [fault]);
    }
    let replicas = [(); 3].map(|()| replica(&world, &provider));
    let callers: Vec<_> = (0..9)
        .map(|number: usize| {
            let payer = replicas[number % 3].clone();
            tokio::spawn(async move { pay(&payer).await })
        })
        .collect();
    let mut paid = Vec::new();
    for caller in callers {
        paid.extend(caller.await.unwrap().paid);
    }
    paid.sort();
    let all: Vec<_> = (1..=COUNT).map(|number| format!("inv-{number:04}")).collect();
    assert_eq!(paid, all, "each is reported by exactly one caller");
    assert_eq!(provider.booked_ids(), all, "each is booked once, under one key");
    assert_eq!(states(&database).await, vec!["paid"; COUNT]);
}

async fn what_the_provider_rejects_is_not_tried_again(world: World) {
    let (database, provider) = (database(&world, 2).await, FakeProvider::start().await);
    provider.fail("inv-0001", [Fault::Answer(400, r#"{"error":"unknown_currency","message":"no such currency"}"#)]);
    let payer = replica(&world, &provider);
    let report = pay(&payer).await;
    assert_eq!((report.paid.len(), report.rejected.len(), report.remaining), (1, 1, 0));
    assert_eq!(pay(&payer).await, Report::default());
    let invoices = database.invoices("").await.unwrap();
    assert_eq!((invoices[0].state.as_str(), invoices[0].problem.as_deref()), ("rejected", Some("no such currency")));
}

async fn what_fails_is_free_for_the_next_call(world: World) {
    let (database, provider) = (database(&world, 20).await, FakeProvider::start().await);
    provider.fail_all(Some(Fault::Answer(503, "")));
    let payer = replica(&world, &provider);
    let report = pay(&payer).await;
    assert_eq!((report.paid.len(), report.remaining), (0, 20));
    assert_eq!(report.failed.len(), 8, "it gives up after the first batch");
    assert!(report.failed[0].problem.contains("503"), "{report:?}");
    assert_eq!(database.invoices("").await.unwrap()[0].problem.as_deref(), Some(report.failed[0].problem.as_str()));
    provider.fail_all(None);
    assert_eq!(pay(&payer).await.paid.len(), 20);
    assert_eq!(database.invoices("").await.unwrap()[0].problem, None);
}

async fn a_receipt_for_something_else_is_no_payment(world: World) {
    let (database, provider) = (database(&world, 1).await, FakeProvider::start().await);
    provider.fail_all(Some(Fault::Answer(200, r#"{"id":"inv-0001","value":1,"currency":"EUR"}"#)));
    let report = pay(&replica(&world, &provider)).await;
    assert!(report.failed[0].problem.contains("receipt"), "{report:?}");
    assert_eq!(states(&database).await, ["unpaid"]);
}

async fn a_claim_is_respected_until_it_runs_out(world: World) {
    let (database, provider) = (database(&world, 2).await, FakeProvider::start().await);
    // As left behind by a replica that was killed: one claim is still good, the other one has run out.
    assert_eq!(database.claim(1, CLAIM).await.unwrap()[0].due.id, "inv-0001");
    assert_eq!(database.claim(1, Duration::ZERO).await.unwrap()[0].due.id, "inv-0002");
    let payer = replica(&world, &provider);
    let deadline = Instant::now() + DEADLINE;
    while provider.booked_ids().is_empty() {
        assert!(Instant::now() < deadline, "the stale claim was never taken over");
        assert_eq!(pay(&payer).await.failed, []);
    }
    assert_eq!(provider.booked_ids(), ["inv-0002"]);
    assert_eq!(states(&database).await, ["unpaid", "paid"]);
}

async fn payments_are_written_down_when_the_caller_has_gone_away(world: World) {
    let (database, provider) = (database(&world, 1).await, FakeProvider::start().await);
    provider.fail("inv-0001", [Fault::HangAfter]);
    let payer = replica(&world, &provider);
    let waiting = payer.clone();
    let caller = tokio::spawn(async move { pay(&waiting).await });
    let deadline = Instant::now() + DEADLINE;
    while provider.heads().is_empty() {
        assert!(Instant::now() < deadline, "the provider was never asked");
        tokio::task::yield_now().await;
    }
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    payer.stop();
    tokio::time::timeout(DEADLINE, payer.finished()).await.unwrap();
    assert_eq!(states(&database).await, ["paid"]);
}

on_both!(
    each_is_paid_once_under_its_own_key,
    a_lost_answer_is_asked_for_again_and_pays_once,
    many_callers_of_three_replicas_pay_each_once,
    what_the_provider_rejects_is_not_tried_again,
    what_fails_is_free_for_the_next_call,
    a_receipt_for_something_else_is_no_payment,
    a_claim_is_respected_until_it_runs_out,
    payments_are_written_down_when_the_caller_has_gone_away,
);
