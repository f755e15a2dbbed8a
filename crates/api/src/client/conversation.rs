//! A connection that has become one of frames.

use super::{Client, ClientError};
use crate::frames::Frame;
use crate::wire::{EXEC_PROTOCOL, ExecRequest};
use bytes::Bytes;
use hyper::upgrade::Upgraded;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use seaworthy_model::Name;
use tokio::io::{ReadHalf, WriteHalf};

/// Both directions of an `exec`. Dropping both ends the program.
pub struct Conversation {
    /// What the node says.
    pub from_node: FromNode,
    /// What the node is told.
    pub to_node: ToNode,
}

/// What the node says.
pub struct FromNode(ReadHalf<TokioIo<Upgraded>>);

/// What the node is told.
pub struct ToNode(WriteHalf<TokioIo<Upgraded>>);

impl FromNode {
    /// The next frame. What was read is lost when the future is dropped.
    ///
    /// # Errors
    /// When the connection ends before the last frame.
    pub async fn next(&mut self) -> Result<Frame, ClientError> {
        match Frame::read(&mut self.0).await {
            Ok(Some(frame)) => Ok(frame),
            Ok(None) => Err(ClientError::Lost("the node ended, or closed it".to_owned())),
            Err(error) => Err(ClientError::Lost(error.to_string())),
        }
    }
}

impl ToNode {
    /// Sends a frame.
    ///
    /// # Errors
    /// When nobody takes it any more.
    pub async fn send(&mut self, frame: &Frame) -> Result<(), ClientError> {
        frame.write(&mut self.0).await.map_err(|error| ClientError::Lost(error.to_string()))
    }
}

impl Client {
    /// `POST /v1/apps/APP/environments/ENV/exec`: returns once the program runs.
    ///
    /// # Errors
    /// See [`Self::node`].
    pub async fn exec(
        &mut self,
        app: &Name,
        environment: &Name,
        request: &ExecRequest,
    ) -> Result<Conversation, ClientError> {
        let body = serde_json::to_vec(request).map_err(|e| ClientError::Protocol(e.to_string()))?;
        let head = Request::builder()
            .method(Method::POST)
            .uri(format!("/v1/apps/{app}/environments/{environment}/exec"))
            .header("connection", "upgrade")
            .header("upgrade", EXEC_PROTOCOL);
        let answer = self.send_request(head, Bytes::from(body).into()).await?;
        if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(ClientError::Protocol(format!("{} instead of an open connection", answer.status())));
        }
        let upgraded = hyper::upgrade::on(answer).await.map_err(|e| ClientError::Lost(e.to_string()))?;
        self.let_go();
        let (from_node, to_node) = tokio::io::split(TokioIo::new(upgraded));
        Ok(Conversation { from_node: FromNode(from_node), to_node: ToNode(to_node) })
    }
}
