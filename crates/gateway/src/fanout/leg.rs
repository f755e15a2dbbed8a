//! One service's part in a fan-out, as whoever carries it out sees it.

use crate::http1::ResponseHead;
use crate::pool::PoolState;
use bytes::Bytes;
use std::sync::Arc;
use tokio::time::Instant;

/// The most bytes of an answer that can be compared.
pub const BODY_BYTES_MAX: usize = 1 << 20;

/// A whole answer.
#[derive(Debug)]
pub struct LegAnswer {
    /// Its head.
    pub head: ResponseHead,
    /// Its body, without any coding of the transfer.
    pub body: Bytes,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LegError {
    /// It did not come in time.
    #[error("timed out")]
    TimedOut,
    /// Its body is larger than [`BODY_BYTES_MAX`].
    #[error("answered with too many bytes")]
    TooLarge,
    /// No instance accepted a connection.
    #[error("not reached")]
    NotReached,
    /// The connection ended before the answer did.
    #[error("broke off")]
    Broken,
    /// The answer is no HTTP.
    #[error("answered nonsense")]
    Malformed,
    /// The table has changed, and nothing of the request was sent to this service.
    #[error("not asked: the route has changed")]
    Rerouted,
}

impl LegError {
    /// The status that stands for it in the pool's counters; `None` if the service has no part in it.
    pub(super) fn status(self) -> Option<u16> {
        match self {
            Self::TimedOut => Some(504),
            Self::TooLarge | Self::NotReached | Self::Broken | Self::Malformed => Some(502),
            Self::Rerouted => None,
        }
    }
}

/// Sends one and the same request to whoever it is told.
pub trait Ask: Send + Sync + 'static {
    /// Whether the request may be sent twice without harm.
    fn is_repeatable(&self) -> bool;

    /// Asks one pool. It is dropped at the deadline; ending by itself before keeps the connection for the next one.
    fn ask(&self, pool: &Arc<PoolState>, deadline: Instant)
    -> impl Future<Output = Result<LegAnswer, LegError>> + Send;
}
