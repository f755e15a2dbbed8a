//! A request to several pools at once.

use super::answer::{self, OwnAnswer, Shape};
use super::attempt::{Failure, failure};
use super::buffered::{BufferedAnswer, PreparedRequest};
use super::client::{ClientStream, Gone};
use super::connection::{Next, Session};
use super::record::Record;
use super::response::{self, Delivery};
use super::transfer::{Advance, Transfer, TransferError};
use crate::fanout::{FanoutEnd, FanoutPlan, HttpLegs, execute};
use crate::http1::{Framing, Method, Version};
use crate::pool::Patience;
use bytes::Bytes;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

/// The largest body of a request that fans out: it is held as a whole, and sent to each service.
const REQUEST_BODY_BYTES_MAX: u64 = 1 << 20;

impl<S: ClientStream> Session<S> {
    /// Has the services of a plan answer; `None` if the request is to be routed again.
    pub(super) async fn fan_out(
        &mut self,
        plan: &Arc<FanoutPlan>,
        patience: &mut Patience,
        record: &mut Record,
    ) -> Option<Next> {
        let method = std::str::from_utf8(self.request.method_bytes()).unwrap_or_default();
        if !plan.allows(method) {
            return Some(self.refuse_method(plan, record).await);
        }
        let request = match self.hold_request(record).await {
            Ok(request) => request,
            Err(Failure::Own(answer)) => return Some(self.own_answer(answer, record).await),
            Err(Failure::Gone | Failure::Rerouted) => return Some(Self::gone(record)),
        };
        record.attempts = 1;
        let limits = self.gateway.limits.clone();
        let legs = Arc::new(HttpLegs { request, limits, patience: patience.clone() });
        Some(match self.client.while_here(execute(plan, &legs, patience)).await {
            Err(Gone) => Self::gone(record),
            Ok(FanoutEnd::Answer(answer)) => self.give(&answer, record).await,
            Ok(FanoutEnd::Document { status, body }) => self.give_document(status, &body, record).await,
            // The body was read: there is no second one.
            Ok(FanoutEnd::Rerouted) if record.bytes_in == 0 => return None,
            Ok(FanoutEnd::Rerouted) => self.own_answer(OwnAnswer::MOVING, record).await,
            Ok(FanoutEnd::Held(unavailable)) => match failure(unavailable, true) {
                Failure::Own(answer) => self.own_answer(answer, record).await,
                Failure::Gone | Failure::Rerouted => return None,
            },
        })
    }

    fn gone(record: &mut Record) -> Next {
        record.reason = "client-gone";
        Next::Drop
    }

    async fn refuse_method(&mut self, plan: &FanoutPlan, record: &mut Record) -> Next {
        record.own(OwnAnswer::new(405, "method", ""));
        let close = self.closes() || !matches!(self.request.framing, Framing::None | Framing::Length(0));
        let (allow, head_only) = (plan.allow(), self.request.method == Method::Head);
        let field = Some((&b"Allow"[..], allow.as_bytes()));
        let body = b"405 this route answers other methods\n";
        answer::write_body(
            self.client.outgoing.bytes_mut(),
            Shape { status: 405, json: false, field, close, head_only },
            body,
        );
        self.flush(close).await
    }

    /// Takes in the whole request.
    async fn hold_request(&mut self, record: &mut Record) -> Result<PreparedRequest, Failure> {
        let limits = &self.gateway.limits;
        let limit = record.route.as_ref().and_then(|route| route.limits.body_bytes_max);
        let bytes_max = limit.unwrap_or(limits.request_body_bytes_max).min(REQUEST_BODY_BYTES_MAX);
        let framing = self.request.framing;
        if matches!(framing, Framing::Length(length) if length > bytes_max) {
            return Err(Failure::Own(OwnAnswer::TOO_LARGE));
        }
        let mut body = Transfer::held(framing, framing == Framing::Chunked, bytes_max, limits);
        self.write_request(record, false);
        if self.request.expects_continue && self.request.version == Version::Http11 && !body.is_done() {
            self.client.outgoing.bytes_mut().extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
            if self.flush(false).await != Next::KeepAlive {
                return Err(Failure::Gone);
            }
        }
        self.timer.set(Instant::now() + self.gateway.limits.body_stall_timeout);
        poll_fn(|context| self.poll_body(context, &mut body)).await?;
        record.bytes_in = body.bytes();
        let bytes = Bytes::copy_from_slice(self.to_upstream.bytes());
        Ok(PreparedRequest { method: self.request.method, bytes })
    }

    fn poll_body(&mut self, context: &mut Context<'_>, body: &mut Transfer) -> Poll<Result<(), Failure>> {
        loop {
            match body.advance(&mut self.client.incoming, &mut self.to_upstream) {
                Ok(Advance::Done) => return Poll::Ready(Ok(())),
                Ok(Advance::Starved | Advance::Full) => {}
                Err(TransferError::TooLarge) => return Poll::Ready(Err(Failure::Own(OwnAnswer::TOO_LARGE))),
                Err(TransferError::Body(_)) => return Poll::Ready(Err(Failure::Own(OwnAnswer::BAD_BODY))),
            }
            match self.client.incoming.poll_fill(context, &mut self.client.stream) {
                Poll::Ready(Ok(length)) if length > 0 => {
                    self.timer.set(Instant::now() + self.gateway.limits.body_stall_timeout);
                }
                Poll::Ready(_) => return Poll::Ready(Err(Failure::Gone)),
                Poll::Pending => break,
            }
        }
        self.timer.poll_due(context).map(|()| Err(Failure::Own(OwnAnswer::TIMEOUT)))
    }

    /// Gives one service's answer to the client.
    async fn give(&mut self, answer: &BufferedAnswer, record: &mut Record) -> Next {
        record.status = answer.head.status;
        record.endpoint = Some(answer.endpoint.clone());
        record.bytes_out = answer.body.len() as u64;
        let framing = match answer.head.framing {
            Framing::None => Framing::None,
            _ => Framing::Length(answer.body.len() as u64),
        };
        let close = self.closes();
        let out = self.client.outgoing.bytes_mut();
        response::write(out, &answer.head, Delivery { version: self.request.version, framing, close });
        out.extend_from_slice(&answer.body);
        self.flush(close).await
    }

    async fn give_document(&mut self, status: u16, body: &[u8], record: &mut Record) -> Next {
        record.status = status;
        record.bytes_out = body.len() as u64;
        if status >= 500 {
            record.reason = "no-quorum";
        }
        let (close, head_only) = (self.closes(), self.request.method == Method::Head);
        let shape = Shape { status, json: true, field: None, close, head_only };
        answer::write_body(self.client.outgoing.bytes_mut(), shape, body);
        self.flush(close).await
    }
}
