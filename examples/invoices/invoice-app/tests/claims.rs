//! Claims: who may pay an invoice, and until when.

mod support;

use std::collections::HashSet;
use std::time::{Duration, Instant};

use invoice_app::database::{Database, Missing};
use invoice_app::seed::Seed;
use invoice_app::store::Claim;
use support::World;

const LONG: Duration = Duration::from_secs(60);
const DEADLINE: Duration = Duration::from_secs(30);

async fn database(world: &World, count: u32) -> Database {
    let database = Database::open(&world.url, Missing::Create).unwrap();
    database.migrate(Seed::Unpaid(count)).await.unwrap();
    database
}

async fn claims_at_once_never_overlap(world: World) {
    let database = database(&world, 100).await;
    let callers: Vec<_> = (0..20)
        .map(|_| {
            let database = database.clone();
            tokio::spawn(async move { database.claim(7, LONG).await.unwrap() })
        })
        .collect();
    let mut ids = Vec::new();
    for caller in callers {
        let claims = caller.await.unwrap();
        assert!(claims.len() <= 7);
        ids.extend(claims.into_iter().map(|claim| claim.due.id));
    }
    let different: HashSet<_> = ids.iter().collect();
    assert_eq!(different.len(), ids.len(), "claimed twice");
    // Callers at once may leave each other's rows out; nothing is lost by that.
    ids.extend(database.claim(100, LONG).await.unwrap().into_iter().map(|claim| claim.due.id));
    assert_eq!(ids.len(), 100);
}

async fn only_the_holder_gives_a_claim_back(world: World) {
    let database = database(&world, 1).await;
    let stale = database.claim(1, Duration::ZERO).await.unwrap().remove(0);
    let holder = claim_when_free(&database).await;
    database.release(&stale, "too late").await.unwrap();
    database.mark_rejected(&stale, "too late").await.unwrap();
    assert!(database.claim(1, LONG).await.unwrap().is_empty(), "the holder has lost its claim to a stale one");
    database.release(&holder, "try again").await.unwrap();
    assert_eq!(database.claim(1, LONG).await.unwrap().len(), 1);
    assert_eq!(database.invoices("").await.unwrap()[0].problem.as_deref(), Some("try again"));
}

async fn a_payment_counts_whoever_holds_the_claim(world: World) {
    let database = database(&world, 1).await;
    let stale = database.claim(1, Duration::ZERO).await.unwrap().remove(0);
    let holder = claim_when_free(&database).await;
    database.mark_paid(&stale).await.unwrap();
    database.release(&holder, "away").await.unwrap();
    let invoice = database.invoices("").await.unwrap().remove(0);
    assert_eq!((invoice.state.as_str(), invoice.problem), ("paid", None));
    assert_eq!(database.unpaid().await.unwrap(), 0);
}

/// A claim of no duration ends when the clock moves on.
async fn claim_when_free(database: &Database) -> Claim {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(claim) = database.claim(1, LONG).await.unwrap().pop() {
            return claim;
        }
        assert!(Instant::now() < deadline, "the claim never ended");
    }
}

on_both!(claims_at_once_never_overlap, only_the_holder_gives_a_claim_back, a_payment_counts_whoever_holds_the_claim,);
