//! Pools as a request meets them.

use super::*;
use proptest::prelude::*;
use seaworthy_model::routing::{Endpoint, Pool};
use seaworthy_model::service::Protocol;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;

const HELD: Duration = Duration::from_secs(5);

fn settings(endpoints: u16, held: Option<Duration>) -> Pool {
    let endpoint = |number: u16| Endpoint {
        id: number.to_string(),
        address: std::net::SocketAddr::from(([127, 0, 0, 1], 1000 + number)).into(),
    };
    Pool {
        label: "a/e/s".to_owned(),
        protocol: Protocol::Http,
        endpoints: (0..endpoints).map(endpoint).collect(),
        health_path: None,
        held,
        drain: Duration::from_secs(1),
    }
}

fn pool(endpoints: u16) -> Arc<PoolState> {
    let pool = PoolState::new("p");
    pool.update(&settings(endpoints, None), true);
    pool
}

async fn acquire(pool: &Arc<PoolState>, tried: &[EndpointKey]) -> Result<Lease, Unavailable> {
    pool.acquire(tried, &mut Patience::new(false)).await
}

#[tokio::test]
async fn the_least_busy_endpoint_is_next_and_equals_take_turns() {
    let pool = pool(3);
    let mut leases = Vec::new();
    for _ in 0..9 {
        leases.push(acquire(&pool, &[]).await.unwrap());
    }
    let mut by_endpoint = BTreeMap::new();
    leases.iter().for_each(|lease| *by_endpoint.entry(lease.endpoint().id.clone()).or_insert(0) += 1);
    assert_eq!(by_endpoint.values().copied().collect::<Vec<_>>(), [3, 3, 3]);
    assert_eq!(pool.in_flight(), 9);
    // One that has finished is the least busy.
    let finished = leases.swap_remove(4).endpoint().id.clone();
    assert_eq!(acquire(&pool, &[]).await.unwrap().endpoint().id, finished);
    leases.clear();
    assert_eq!(pool.in_flight(), 0);
    let mut alone = BTreeMap::new();
    for _ in 0..30 {
        *alone.entry(acquire(&pool, &[]).await.unwrap().endpoint().id.clone()).or_insert(0) += 1;
    }
    assert_eq!(alone.values().copied().collect::<Vec<_>>(), [10, 10, 10]);
}

#[tokio::test]
async fn what_was_tried_is_not_tried_again() {
    let pool = pool(3);
    let mut tried = Vec::new();
    for _ in 0..3 {
        let lease = acquire(&pool, &tried).await.unwrap();
        assert!(!tried.contains(&lease.endpoint().key));
        tried.push(lease.endpoint().key);
    }
    assert_eq!(acquire(&pool, &tried).await.unwrap_err(), Unavailable::NoEndpoint);
    assert_eq!(pool.in_flight(), 0);
    assert_eq!(acquire(&PoolState::new("empty"), &[]).await.unwrap_err(), Unavailable::NoEndpoint);
}

#[tokio::test]
async fn who_refuses_connections_is_left_alone_unless_all_do() {
    let pool = pool(2);
    let mut lease = acquire(&pool, &[]).await.unwrap();
    let bad = lease.endpoint().clone();
    for _ in 0..5 {
        lease.report(Outcome::ConnectFailed);
    }
    drop(lease);
    assert!(!bad.is_eligible());
    let mut held = Vec::new();
    for _ in 0..20 {
        let lease = acquire(&pool, &[]).await.unwrap();
        assert_ne!(lease.endpoint().key, bad.key);
        held.push(lease);
    }
    // Now the other one is as bad, but not for as long: it is the better choice.
    held[0].report(Outcome::ConnectFailed);
    assert_ne!(acquire(&pool, &[]).await.unwrap().endpoint().key, bad.key);
    // An answer makes good for everything.
    let tried = [held[0].endpoint().key];
    let mut lease = acquire(&pool, &tried).await.unwrap();
    assert_eq!(lease.endpoint().key, bad.key);
    lease.report(Outcome::Answered(500));
    assert!(bad.is_eligible());
}

#[tokio::test]
async fn the_gateways_own_checks_take_out_and_bring_back() {
    let pool = pool(1);
    let endpoint = pool.settings().endpoints[0].clone();
    for expected in [true, true, false, false] {
        endpoint.checked(false);
        assert_eq!(endpoint.is_eligible(), expected);
    }
    assert!(acquire(&pool, &[]).await.is_ok(), "the last one is still better than nothing");
    endpoint.checked(true);
    assert!(endpoint.is_eligible());
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_held_pool_is_sent_back_to_the_table_when_it_is_released() {
    let pool = pool(1);
    pool.update(&settings(1, Some(HELD)), true);
    let waiting: Vec<_> = (0..20)
        .map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move { acquire(&pool, &[]).await.map(|_| ()) })
        })
        .collect();
    tokio::time::sleep(HELD / 2).await;
    assert_eq!(pool.in_flight(), 0, "who waits is not under way");
    pool.update(&settings(1, None), true);
    pool.wake_waiting();
    for waiting in waiting {
        assert_eq!(waiting.await.unwrap(), Err(Unavailable::Rerouted));
    }
    assert!(acquire(&pool, &[]).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn patience_is_counted_from_the_first_wait_over_all_tables() {
    let pool = pool(1);
    pool.update(&settings(1, Some(HELD)), true);
    let started = Instant::now();
    let waker = pool.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(HELD / 3).await;
            waker.wake_waiting();
        }
    });
    let mut patience = Patience::new(false);
    let refused = loop {
        match pool.acquire(&[], &mut patience).await.unwrap_err() {
            Unavailable::Rerouted => {}
            refused => break refused,
        }
    };
    assert!(matches!(refused, Unavailable::Held { .. }), "{refused:?}");
    assert_eq!(started.elapsed(), HELD);
    assert!(pool.acquire(&[], &mut Patience::new(true)).await.is_ok(), "checks do not wait");
}

#[tokio::test(start_paused = true)]
async fn the_queue_before_a_held_pool_is_bounded() {
    let pool = pool(1);
    pool.update(&settings(1, Some(HELD)), true);
    for _ in 0..hold::WAITING_MAX {
        let pool = pool.clone();
        tokio::spawn(async move { acquire(&pool, &[]).await.map(|_| ()) });
    }
    tokio::time::sleep(Duration::from_millis(1)).await;
    let started = Instant::now();
    assert!(matches!(acquire(&pool, &[]).await, Err(Unavailable::Held { .. })));
    assert_eq!(started.elapsed(), Duration::ZERO);
    tokio::time::sleep(HELD).await;
    assert_eq!(pool.waiting.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_pool_that_left_the_table_takes_nobody_and_is_empty_when_the_last_has_gone() {
    let pool = pool(1);
    let lease = acquire(&pool, &[]).await.unwrap();
    pool.retire();
    assert_eq!(acquire(&pool, &[]).await.unwrap_err(), Unavailable::Rerouted);
    let emptied = tokio::spawn({
        let pool = pool.clone();
        async move { pool.empty().await }
    });
    tokio::task::yield_now().await;
    assert!(!emptied.is_finished());
    drop(lease);
    emptied.await.unwrap();
}

#[tokio::test]
async fn who_was_routed_by_another_table_is_routed_again_once() {
    let table = Arc::new(AtomicU64::new(7));
    let pool = PoolState::following("p", table.clone());
    pool.update(&settings(2, None), true);
    let mut patience = Patience::new(false).routed_by(7);
    let first = pool.acquire(&[], &mut patience).await.unwrap();
    table.store(8, Ordering::SeqCst);
    let tried = [first.endpoint().key];
    assert!(pool.acquire(&tried, &mut patience).await.is_ok(), "what was begun goes on");
    assert_eq!(pool.acquire(&[], &mut patience).await.unwrap_err(), Unavailable::Rerouted);
    assert!(pool.acquire(&[], &mut patience).await.is_ok());
}

#[tokio::test]
async fn what_is_no_longer_reached_is_closed_after_its_drain_time_and_not_before() {
    let pool = pool(1);
    let now = std::time::Instant::now();
    let later = now + Duration::from_secs(2);
    pool.close_if_overdue(later);
    assert!(!pool.closing().is_cancelled(), "it is reached");
    pool.update(&settings(1, None), false);
    pool.close_if_overdue(now);
    assert!(!pool.closing().is_cancelled());
    pool.close_if_overdue(later);
    assert!(pool.closing().is_cancelled());
    // Reached again, new connections are not closed at once.
    pool.update(&settings(1, None), true);
    assert!(!pool.closing().is_cancelled());
}

proptest! {
    #[test]
    fn nobody_is_ever_busier_than_the_choice(
        busy in proptest::collection::vec(0u8..5, 1..6),
        bad in proptest::collection::vec(any::<bool>(), 6),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let pool = pool(busy.len() as u16);
            let endpoints = pool.settings().endpoints.clone();
            let mut begun = Vec::new();
            for (endpoint, (count, bad)) in endpoints.iter().zip(busy.iter().zip(&bad)) {
                (0..*count).for_each(|_| begun.push(pool.begin_pool().to(endpoint.clone())));
                if *bad { (0..5).for_each(|_| endpoint.connect_failed()); }
            }
            let chosen = acquire(&pool, &[]).await.unwrap();
            let before = chosen.endpoint().in_flight() - 1;
            let eligible: Vec<_> = endpoints.iter().filter(|e| e.is_eligible()).collect();
            if !eligible.is_empty() {
                prop_assert!(chosen.endpoint().is_eligible());
                prop_assert!(eligible.iter().all(|e| e.key == chosen.endpoint().key || e.in_flight() >= before));
            }
            Ok(())
        })?;
    }
}
