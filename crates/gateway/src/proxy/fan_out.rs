//! A request to several pools at once.

use super::answer::OwnAnswer;
use super::client::ClientStream;
use super::connection::{Next, Session};
use super::record::Record;
use crate::fanout::FanoutPlan;

impl<S: ClientStream> Session<S> {
    pub(super) async fn fan_out(&mut self, _plan: &FanoutPlan, record: &mut Record) -> Next {
        self.own_answer(OwnAnswer::NOT_FOUND, record).await
    }
}
