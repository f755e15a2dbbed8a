//! Every limit and timeout of the HTTP data path, in one place.

use std::time::Duration;

/// What one connection, one request and one answer may cost. Sizes are in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The longest head: request line (or status line) and header fields together. More is answered 431.
    pub head_bytes_max: usize,
    /// The longest request target. More is answered 414.
    pub target_bytes_max: usize,
    /// The most header fields of a head. More is answered 431.
    pub fields_max: usize,
    /// The longest trailer section of a chunked body.
    pub trailer_bytes_max: usize,
    /// The most bytes of chunk extensions in one body; they are read past and dropped.
    pub chunk_extension_bytes_max: usize,
    /// The largest request body of a route that sets none. More is answered 413.
    pub request_body_bytes_max: u64,
    /// How much of a request that was already sent is kept, so that it can be sent again to another instance.
    pub replay_bytes_max: usize,
    /// How much one direction of a connection may hold in memory while the other side does not take it.
    pub buffer_bytes_max: usize,
    /// How many interim answers (1xx) may come before the final one.
    pub interim_answers_max: usize,
    /// How many instances and connections are tried for one request, the first included.
    pub tries_max: usize,
    /// How many idle connections are kept to one instance.
    pub idle_upstream_connections_max: usize,
    /// How many requests one client connection may carry; the last answer says `Connection: close`.
    pub requests_per_connection_max: u64,
    /// From the first byte of a request's head to its last. Longer is answered 408.
    pub head_timeout: Duration,
    /// How long a client connection may be idle between two requests, or before the first.
    pub idle_timeout: Duration,
    /// How long a connection without a request keeps the memory that the last one took.
    pub rest_after: Duration,
    /// How long a client may send nothing of a body that it has begun. Longer is answered 408.
    pub body_stall_timeout: Duration,
    /// How long a client or an instance may take nothing of what is there for it.
    pub write_stall_timeout: Duration,
    /// How long a request goes on looking for an instance once all were tried: one that was killed starts again.
    pub retry_patience: Duration,
    /// How long an idle client connection stays open when the gateway ends, so that the next request meets an answer
    /// that says `Connection: close` and not a closed connection.
    pub drain_idle_timeout: Duration,
    /// How long connecting to an instance may take.
    pub connect_timeout: Duration,
    /// From the end of a request to the head of its answer, for a route that sets none. Longer is answered 504.
    pub answer_timeout: Duration,
    /// How long an instance may send nothing of a body that it has begun (event streams are silent for long).
    pub answer_stall_timeout: Duration,
    /// How long a connection to an instance is kept without use: below the 5 s after which Node closes its own.
    pub idle_upstream_timeout: Duration,
    /// How long a tunnel (WebSocket, other upgrades) may be silent in both directions.
    pub tunnel_idle_timeout: Duration,
    /// How long both sides of a tunnel may take to end it once it was asked to end.
    pub tunnel_close_timeout: Duration,
    /// How long a connection that is being closed is read on, so that the client sees the answer before the end.
    pub linger_timeout: Duration,
    /// How much is read meanwhile.
    pub linger_bytes_max: usize,
    /// The longest head of a `CONNECT` by which an instance goes outside. More is answered 431.
    pub egress_head_bytes_max: usize,
    /// How many names of destinations outside are looked up at once; further ones wait.
    pub egress_lookups_max: usize,
    /// How long looking up a destination outside may take, the wait included.
    pub egress_lookup_timeout: Duration,
    /// How long connecting to a destination outside may take, over all of its addresses.
    pub egress_connect_timeout: Duration,
    /// How many addresses of a destination outside are tried.
    pub egress_addresses_max: usize,
}

impl Limits {
    /// The defaults. A head of 64 KiB leaves room for a target of 24 KiB and its escaped copies in other fields.
    pub const DEFAULT: Self = Self {
        head_bytes_max: 64 * 1024,
        target_bytes_max: 48 * 1024,
        fields_max: 128,
        trailer_bytes_max: 8 * 1024,
        chunk_extension_bytes_max: 4 * 1024,
        request_body_bytes_max: 1024 * 1024 * 1024,
        replay_bytes_max: 64 * 1024,
        buffer_bytes_max: 64 * 1024,
        interim_answers_max: 16,
        tries_max: 6,
        idle_upstream_connections_max: 256,
        requests_per_connection_max: 1_000_000,
        head_timeout: Duration::from_secs(15),
        idle_timeout: Duration::from_secs(75),
        rest_after: Duration::from_secs(5),
        body_stall_timeout: Duration::from_secs(60),
        write_stall_timeout: Duration::from_secs(60),
        retry_patience: Duration::from_secs(2),
        drain_idle_timeout: Duration::from_secs(1),
        connect_timeout: Duration::from_secs(3),
        answer_timeout: Duration::from_secs(60),
        answer_stall_timeout: Duration::from_secs(300),
        idle_upstream_timeout: Duration::from_secs(4),
        tunnel_idle_timeout: Duration::from_secs(3600),
        tunnel_close_timeout: Duration::from_secs(5),
        linger_timeout: Duration::from_secs(2),
        linger_bytes_max: 256 * 1024,
        egress_head_bytes_max: 8 * 1024,
        egress_lookups_max: 8,
        egress_lookup_timeout: Duration::from_secs(10),
        egress_connect_timeout: Duration::from_secs(10),
        egress_addresses_max: 8,
    };
}

/// The most header fields that the parser has room for, whatever [`Limits::fields_max`] says.
pub const FIELDS_CAPACITY: usize = 128;

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
