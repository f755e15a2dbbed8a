//! What one service says.

use super::comparable;
use bytes::Bytes;
use seaworthy_model::release::Compare;
use serde_json::Value;

/// One service's part in a decision.
#[derive(Debug, Clone, PartialEq)]
pub enum Ballot {
    /// It answered with 100 to 499.
    Vote(Vote),
    /// It answered with 500 to 599, not in time, or not at all: no vote.
    Abstention,
}

/// An answer as it is compared: equal ones agree.
#[derive(Debug, Clone, PartialEq)]
pub struct Vote {
    status: u16,
    said: Said,
}

#[derive(Debug, Clone, PartialEq)]
enum Said {
    Nothing,
    Bytes(Bytes),
    Json(Value),
}

impl Ballot {
    /// The ballot of an answer under a rule of comparison.
    #[must_use]
    pub fn of_answer(status: u16, body: &Bytes, compare: Compare) -> Self {
        if status >= 500 {
            return Self::Abstention;
        }
        let said = match compare {
            Compare::Status => Said::Nothing,
            Compare::Body => Said::Bytes(body.clone()),
            // What is no JSON, or can be read in two ways, agrees only with the same bytes.
            Compare::Json => comparable::parse(body).map_or_else(|| Said::Bytes(body.clone()), Said::Json),
        };
        Self::Vote(Vote { status, said })
    }
}

impl Vote {
    /// Whether it is what a client asked for, rather than "no".
    pub(super) fn is_success(&self) -> bool {
        self.status < 400
    }
}
