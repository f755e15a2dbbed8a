//! One client connection.

use crate::Gateway;
use crate::table::ConnectionContext;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};

/// Serves one client connection until it ends.
pub async fn serve<S>(mut stream: S, _gateway: Arc<Gateway>, _context: ConnectionContext)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let _ = stream.write_all(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n").await;
}
