//! One HTTP/1.1 connection to a node, used for one request after the other.

use super::body::Body;
use super::{ClientError, Transport};
use crate::wire::Failure;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper::http::request;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;
use tokio::sync::oneshot;

/// The largest answer that is read as one document.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A client of one node. Its calls run one after the other over one connection, opened when first needed.
pub struct Client {
    transport: Transport,
    open: Option<Open>,
}

struct Open {
    sender: SendRequest<Body>,
    last_words: oneshot::Receiver<Option<String>>,
}

impl Client {
    /// A client that has not connected yet.
    #[must_use]
    pub fn new(transport: Transport) -> Self {
        Self { transport, open: None }
    }

    /// Where the node is.
    #[must_use]
    pub fn transport(&self) -> &Transport {
        &self.transport
    }

    async fn connect(&mut self) -> Result<(), ClientError> {
        if self.open.as_mut().is_some_and(|open| !open.sender.is_closed()) {
            return Ok(());
        }
        let mut stream = self.transport.open().await?;
        let words = stream.last_words();
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|e| ClientError::Unreachable { place: self.transport.place(), reason: e.to_string() })?;
        let (tell, last_words) = oneshot::channel();
        tokio::spawn(async move {
            let words = tokio::spawn(words);
            let _ = connection.with_upgrades().await;
            let words = tokio::time::timeout(Duration::from_secs(2), words).await;
            let _ = tell.send(words.ok().and_then(Result::ok).flatten());
        });
        self.open = Some(Open { sender, last_words });
        Ok(())
    }

    async fn is_ready(&mut self) -> bool {
        match self.open.as_mut() {
            Some(open) => open.sender.ready().await.is_ok(),
            None => false,
        }
    }

    /// Sends one request and waits for the head of its answer; an answer of 400 or more becomes an error.
    pub(super) async fn send(
        &mut self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Response<Incoming>, ClientError> {
        let request = Request::builder().method(method).uri(path);
        self.send_request(request, body.into()).await
    }

    /// As [`Self::send`], with what was built so far.
    pub(super) async fn send_request(
        &mut self,
        request: request::Builder,
        body: Body,
    ) -> Result<Response<Incoming>, ClientError> {
        let is_reused = self.open.is_some();
        self.connect().await?;
        if is_reused && !self.is_ready().await {
            // It was closed between two requests: nothing was sent.
            self.open = None;
            self.connect().await?;
        }
        let request = request
            .header("host", "node")
            .header("content-type", "application/json")
            .body(body)
            .map_err(|e| ClientError::Protocol(e.to_string()))?;
        let place = self.transport.place();
        let Some(open) = self.open.as_mut() else { return Err(ClientError::Lost("no connection".to_owned())) };
        let sent = match open.sender.ready().await {
            Ok(()) => open.sender.send_request(request).await,
            Err(error) => Err(error),
        };
        let response = match sent {
            Ok(response) => response,
            Err(error) => {
                let words = match self.open.take() {
                    Some(open) => open.last_words.await.ok().flatten(),
                    None => None,
                };
                let reason = words.unwrap_or_else(|| error.to_string());
                return Err(ClientError::Unreachable { place, reason });
            }
        };
        if response.status().as_u16() < 400 {
            return Ok(response);
        }
        let status = response.status().as_u16();
        let bytes = collect(response.into_body()).await?;
        match serde_json::from_slice::<Failure>(&bytes) {
            Ok(failure) => Err(ClientError::Refused { status, errors: failure.errors }),
            Err(_) => Err(ClientError::Protocol(format!("{status} {}", String::from_utf8_lossy(&bytes).trim()))),
        }
    }

    /// The connection has become something else.
    pub(super) fn let_go(&mut self) {
        self.open = None;
    }

    /// A request whose answer is one JSON document.
    pub(super) async fn call<Q: Serialize, A: DeserializeOwned>(
        &mut self,
        method: Method,
        path: &str,
        body: Option<&Q>,
    ) -> Result<A, ClientError> {
        let body = match body {
            Some(body) => serde_json::to_vec(body).map_err(|e| ClientError::Protocol(e.to_string()))?,
            None => Vec::new(),
        };
        let response = self.send(method, path, body.into()).await?;
        let bytes = collect(response.into_body()).await?;
        serde_json::from_slice(&bytes).map_err(|e| ClientError::Protocol(e.to_string()))
    }

    /// A request whose answer is lines of JSON, each handed to `each` as it comes; `each` returns false to stop.
    pub(super) async fn lines<Q: Serialize, A: DeserializeOwned>(
        &mut self,
        method: Method,
        path: &str,
        body: Option<&Q>,
        mut each: impl FnMut(A) -> bool,
    ) -> Result<(), ClientError> {
        let body = match body {
            Some(body) => serde_json::to_vec(body).map_err(|e| ClientError::Protocol(e.to_string()))?,
            None => Vec::new(),
        };
        let mut body = self.send(method, path, body.into()).await?.into_body();
        let mut pending = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|e| ClientError::Lost(e.to_string()))?;
            let Ok(data) = frame.into_data() else { continue };
            pending.extend_from_slice(&data);
            while let Some(end) = pending.iter().position(|&b| b == b'\n') {
                let line: Vec<u8> = pending.drain(..=end).collect();
                // An empty line only shows that the node is still there.
                if line.len() > 1 {
                    let value = serde_json::from_slice(&line).map_err(|e| ClientError::Protocol(e.to_string()))?;
                    if !each(value) {
                        self.open = None;
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }
}

pub(super) async fn collect(body: Incoming) -> Result<Bytes, ClientError> {
    let limited = http_body_util::Limited::new(body, ANSWER_BYTES_MAX);
    Ok(limited.collect().await.map_err(|e| ClientError::Lost(e.to_string()))?.to_bytes())
}
