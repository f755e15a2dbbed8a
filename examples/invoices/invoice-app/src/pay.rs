//! Pays the unpaid invoices: claim a few, have each paid, write down what came of it, until none is left.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::HeaderMap;
use serde::Serialize;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::database::Database;
use crate::provider::{Provider, Verdict};
use crate::store::Claim;

/// So many are claimed, and paid, at a time.
const BATCH: i64 = 8;
/// No new ones are claimed after this time; the answer then says how many remain.
const BUDGET: Duration = Duration::from_secs(15);
const RUNS_MAX: usize = 16;

#[derive(Clone)]
pub struct Payer {
    database: Database,
    provider: Provider,
    claim: Duration,
    permits: Arc<Semaphore>,
    tasks: TaskTracker,
    stopping: CancellationToken,
}

/// What came of one call.
#[derive(Debug, Default, PartialEq, Serialize)]
pub struct Report {
    pub paid: Vec<String>,
    /// The provider will never pay these.
    pub rejected: Vec<Failure>,
    /// These could not be paid now; another call tries again.
    pub failed: Vec<Failure>,
    /// Unpaid invoices at the end, those included that other callers are paying right now.
    pub remaining: i64,
}

#[derive(Debug, PartialEq, Serialize)]
pub struct Failure {
    pub id: String,
    pub problem: String,
}

#[derive(Debug, thiserror::Error)]
pub enum PayError {
    #[error("too many callers are paying at once")]
    Busy,
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
    #[error("paying ended early: {0}")]
    Task(#[from] tokio::task::JoinError),
}

impl Payer {
    pub fn new(database: Database, provider: Provider, claim: Duration) -> Self {
        let permits = Arc::new(Semaphore::new(RUNS_MAX));
        Self { database, provider, claim, permits, tasks: TaskTracker::new(), stopping: CancellationToken::new() }
    }

    /// Pays what is unpaid. It goes on when the caller goes away: money that moved must be written down.
    pub async fn pay_unpaid(&self, trace: HeaderMap) -> Result<Report, PayError> {
        let permit = Arc::clone(&self.permits).try_acquire_owned().map_err(|_| PayError::Busy)?;
        let payer = self.clone();
        let run = self.tasks.spawn(async move {
            let report = payer.run(&trace).await;
            drop(permit);
            report
        });
        run.await?
    }

    async fn run(&self, trace: &HeaderMap) -> Result<Report, PayError> {
        let started = Instant::now();
        let mut report = Report::default();
        // After a failure the provider is away: to go on would only be to fail with all the others.
        while report.failed.is_empty() && started.elapsed() < BUDGET && !self.stopping.is_cancelled() {
            let claims = self.database.claim(BATCH, self.claim).await?;
            if claims.is_empty() {
                break;
            }
            self.pay_batch(claims, trace, &mut report).await?;
        }
        report.remaining = self.database.unpaid().await?;
        tracing::info!(
            paid = report.paid.len(),
            rejected = report.rejected.len(),
            failed = report.failed.len(),
            remaining = report.remaining,
            "paid what was unpaid"
        );
        Ok(report)
    }

    async fn pay_batch(&self, claims: Vec<Claim>, trace: &HeaderMap, report: &mut Report) -> Result<(), PayError> {
        let mut payments = JoinSet::new();
        for claim in claims {
            let (database, provider, trace) = (self.database.clone(), self.provider.clone(), trace.clone());
            payments.spawn(async move {
                let verdict = provider.pay(&claim.due, &trace).await;
                let written = write_down(&database, &claim, &verdict).await;
                (claim.due.id, verdict, written)
            });
        }
        for (id, verdict, written) in payments.join_all().await {
            match (verdict, written) {
                (Verdict::Paid, Ok(())) => report.paid.push(id),
                (Verdict::Rejected(problem), Ok(())) => report.rejected.push(Failure { id, problem }),
                (Verdict::Unclear(problem), Ok(())) => report.failed.push(Failure { id, problem }),
                // The claim runs out, the next caller asks the provider, and hears what we could not write down.
                (_, Err(error)) => report.failed.push(Failure { id, problem: error.to_string() }),
            }
        }
        Ok(())
    }

    pub fn stop(&self) {
        self.stopping.cancel();
        self.tasks.close();
    }

    pub fn stopping(&self) -> CancellationToken {
        self.stopping.clone()
    }

    /// Ends once everything that was begun has ended; only after [`Payer::stop`].
    pub async fn finished(&self) {
        self.tasks.wait().await;
    }
}

async fn write_down(database: &Database, claim: &Claim, verdict: &Verdict) -> Result<(), sqlx::Error> {
    match verdict {
        Verdict::Paid => database.mark_paid(claim).await,
        Verdict::Rejected(problem) => database.mark_rejected(claim, problem).await,
        Verdict::Unclear(problem) => database.release(claim, problem).await,
    }
}
