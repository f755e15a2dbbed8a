//! What a listener for connections outwards allows.

use seaworthy_model::routing::Purpose;
use seaworthy_model::service::Egress;

/// Where the connections of one listener may go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EgressRoute {
    /// The listener's id, for logs.
    pub id: String,
    /// Whose instance it is: `APP/ENV/SERVICE`.
    pub caller: String,
    /// The declared destinations.
    pub to: Vec<Egress>,
    /// Whether connections say where they go.
    pub proxy: bool,
}

impl EgressRoute {
    /// Of a listener's purpose, if that is one.
    #[must_use]
    pub fn of(id: &str, purpose: &Purpose) -> Option<Self> {
        let Purpose::Egress { caller, to, proxy } = purpose else { return None };
        Some(Self { id: id.to_owned(), caller: caller.clone(), to: to.clone(), proxy: *proxy })
    }
}
