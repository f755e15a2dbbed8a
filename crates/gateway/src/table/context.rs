//! What a client connection remembers from request to request.

use super::compile::{CompiledListener, CompiledTable};
use super::draw::CompiledGroup;
use crate::pool::Patience;
use rand::Rng;
use seaworthy_model::routing::Purpose;
use std::net::SocketAddr;
use std::sync::Arc;

/// A client connection as routing sees it: where it came in, from whom, and the variants that were drawn for it.
#[derive(Debug)]
pub struct ConnectionContext {
    listener: Arc<str>,
    peer: Option<SocketAddr>,
    found: Option<(u64, Option<Arc<CompiledListener>>)>,
    draws: Vec<(Arc<str>, Arc<str>)>,
}

impl ConnectionContext {
    /// A connection that came in on a listener; `peer` is `None` on a Unix socket.
    #[must_use]
    pub fn new(listener: Arc<str>, peer: Option<SocketAddr>) -> Self {
        Self { listener, peer, found: None, draws: Vec::new() }
    }

    /// Who connected.
    #[must_use]
    pub fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// The id of the listener.
    #[must_use]
    pub fn listener(&self) -> &str {
        &self.listener
    }

    /// How long the request that was just routed may wait for a held pool. Checks do not wait: they look at what is to
    /// be released.
    #[must_use]
    pub fn patience(&self) -> Patience {
        let pinned =
            matches!(&self.found, Some((_, Some(listener))) if matches!(listener.purpose, Purpose::Pinned { .. }));
        let patience = Patience::new(pinned);
        match self.found {
            Some((table, _)) => patience.routed_by(table),
            None => patience,
        }
    }

    /// The listener in this table, looked up once per table.
    pub(super) fn listener_in(&mut self, table: &CompiledTable) -> Option<Arc<CompiledListener>> {
        match &self.found {
            Some((serial, listener)) if *serial == table.serial => listener.clone(),
            _ => {
                let listener = table.listeners.get(&*self.listener).cloned();
                self.found = Some((table.serial, listener.clone()));
                listener
            }
        }
    }

    /// The variant of a group: the one drawn before as long as it has weight, else a new one, which is kept.
    pub(super) fn draw(&mut self, group: &CompiledGroup) -> Option<usize> {
        let known = self.draws.iter().position(|(label, _)| *label == group.label);
        if let Some(number) = known.and_then(|known| group.number_with_weight(&self.draws[known].1)) {
            return Some(number);
        }
        let number = group.draw(rand::rng().random())?;
        let variant = group.variants[number].0.clone();
        match known {
            Some(known) => self.draws[known].1 = variant,
            None => self.draws.push((group.label.clone(), variant)),
        }
        Some(number)
    }
}
