//! The users that the node's own helpers run as, so that none of them is root.

use seaworthy_engine::{GATEWAY_USER, LocalTarget};

/// Users of the node's helpers; `None` on a node that is not root's: everything is its own user's.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Identities {
    /// The gateway's user and group.
    pub gateway: Option<(u32, u32)>,
    /// The checks' user and group.
    pub checks: Option<(u32, u32)>,
}

impl Identities {
    /// Those that the engine keeps for them.
    #[must_use]
    pub(crate) fn of(engine: &LocalTarget) -> Self {
        let user = |number: u32| engine.reserved_user(number).map(|uid| (uid, uid));
        Self { gateway: user(GATEWAY_USER), checks: user(1) }
    }
}
