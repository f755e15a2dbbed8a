//! One service's part in a fan-out, as whoever carries it out sees it.

use crate::limits::Limits;
use crate::pool::{Patience, PoolState};
use crate::proxy::buffered::{BufferedAnswer, ExchangeError, PreparedRequest, buffered};
use std::sync::Arc;
use tokio::time::Instant;

/// The most bytes of an answer that can be compared.
pub const BODY_BYTES_MAX: usize = 1 << 20;

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LegError {
    /// It did not come in time.
    #[error("timed out")]
    TimedOut,
    /// Its body is larger than [`BODY_BYTES_MAX`].
    #[error("answered with too many bytes")]
    TooLarge,
    /// No instance accepted, or the answer is none.
    #[error("{0}")]
    Failed(&'static str),
    /// The table has changed, and nothing of the request was sent to this service.
    #[error("not asked: the route has changed")]
    Rerouted,
}

impl LegError {
    /// The status that stands for it in the pool's counters; `None` if the service has no part in it.
    pub(super) fn status(self) -> Option<u16> {
        match self {
            Self::TimedOut => Some(504),
            Self::TooLarge | Self::Failed(_) => Some(502),
            Self::Rerouted => None,
        }
    }
}

/// Sends one and the same request to whoever it is told.
pub trait Ask: Send + Sync + 'static {
    /// Whether the request may be sent twice without harm.
    fn is_repeatable(&self) -> bool;

    /// Asks one pool. It is dropped at the deadline; ending by itself before keeps the connection for the next one.
    fn ask(
        &self,
        pool: &Arc<PoolState>,
        deadline: Instant,
    ) -> impl Future<Output = Result<BufferedAnswer, LegError>> + Send;
}

/// Sends an HTTP request.
#[derive(Debug)]
pub struct HttpLegs {
    /// What every service gets.
    pub request: PreparedRequest,
    /// The gateway's limits.
    pub limits: Limits,
    /// What is left of the request's patience when the services are asked.
    pub patience: Patience,
}

impl Ask for HttpLegs {
    fn is_repeatable(&self) -> bool {
        self.request.method.is_idempotent()
    }

    async fn ask(&self, pool: &Arc<PoolState>, deadline: Instant) -> Result<BufferedAnswer, LegError> {
        let mut patience = self.patience.clone();
        let due = deadline.into_std();
        let answer = buffered(pool, &self.request, &mut patience, &self.limits, due, BODY_BYTES_MAX).await;
        answer.map_err(|error| match error {
            ExchangeError::Rerouted => LegError::Rerouted,
            ExchangeError::TimedOut | ExchangeError::Refused { status: 504, .. } => LegError::TimedOut,
            ExchangeError::TooLarge => LegError::TooLarge,
            ExchangeError::Refused { message, .. } => LegError::Failed(message),
            ExchangeError::Truncated => LegError::Failed("the answer broke off"),
        })
    }
}
