//! The access log: written in batches, off the way of requests.

/// One ended exchange.
#[derive(Debug, Clone, Copy, Default)]
pub struct AccessEntry<'a> {
    /// The route's label; empty if none was found.
    pub route: &'a str,
    /// The variant that was drawn.
    pub variant: &'a str,
    /// The pool's id; empty for a fan-out or if none was found.
    pub pool: &'a str,
    /// The instance that answered.
    pub endpoint: &'a str,
    /// The calling service, if the listener tells.
    pub caller: &'a str,
    /// Who connected.
    pub peer: Option<std::net::SocketAddr>,
    /// The method.
    pub method: &'a str,
    /// The host that was asked for.
    pub host: &'a str,
    /// Path and query as they came.
    pub target: &'a str,
    /// The answer's status; 0 if none was sent.
    pub status: u16,
    /// Bytes of the request's body.
    pub bytes_in: u64,
    /// Bytes of the answer's body.
    pub bytes_out: u64,
    /// From the request's first byte to the answer's last.
    pub duration_us: u64,
    /// How many endpoints were tried.
    pub attempts: u16,
    /// Why the gateway itself answered or gave up, in a word; empty if it did not.
    pub reason: &'a str,
    /// The 32 hexadecimal digits of the trace, if there are any.
    pub trace: &'a str,
}

/// Where ended exchanges are written down.
#[derive(Debug, Default)]
pub struct AccessLog {}

impl AccessLog {
    /// Hands an entry over. Never waits; what does not fit is counted and dropped.
    pub fn record(&self, _entry: &AccessEntry<'_>) {}
}
