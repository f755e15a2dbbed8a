//! What was refused lately, for whoever asks.

use crate::control::EgressRefusal;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// How many are kept; the oldest go first.
const REFUSALS_MAX: usize = 256;

/// Refused connections since somebody asked last. A program that tries again and again is one entry.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<VecDeque<EgressRefusal>>);

impl Refusals {
    pub(super) fn add(&self, refusal: EgressRefusal) {
        let mut refusals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if refusals.contains(&refusal) {
            return;
        }
        if refusals.len() >= REFUSALS_MAX {
            refusals.pop_front();
        }
        refusals.push_back(refusal);
    }

    /// Takes all there are.
    pub(crate) fn take(&self) -> Vec<EgressRefusal> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)).into()
    }
}
