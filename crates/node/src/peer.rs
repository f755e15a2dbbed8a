//! Who speaks on the socket, and whether they may.

use seaworthy_diagnostics::Diagnostic;
use seaworthy_host::peer::{Credentials, credentials};
use seaworthy_model::deployment::Actor;
use std::os::fd::AsFd;

/// Who may speak to a node: root, the node's own user, and the members of a group on an installed node.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Access {
    /// The user that the node runs as.
    pub owner: u32,
    /// The group whose members may deploy (`seaworthy` on an installed node).
    pub group: Option<u32>,
}

/// The other end of a connection, as the kernel knows it.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    /// Its user's name, or `uid N`.
    pub user: String,
    /// Whether it may speak.
    pub allowed: bool,
}

impl Access {
    /// Looks at a connection. The socket's mode refuses strangers already; this is the second lock on the door.
    ///
    /// # Errors
    /// When the kernel does not tell (a socket that is not a Unix socket).
    pub(crate) fn peer(&self, socket: impl AsFd) -> std::io::Result<Peer> {
        let Credentials { uid, gid, .. } = credentials(socket)?;
        let member = self.group.is_some_and(|group| gid == group || seaworthy_host::peer::is_member(uid, group));
        Ok(Peer { user: name_of(uid), allowed: uid == 0 || uid == self.owner || member })
    }
}

impl Peer {
    /// The actor of what it asks for.
    #[must_use]
    pub(crate) fn actor(&self, claim: Option<String>) -> Actor {
        Actor { user: self.user.clone(), claim: claim.filter(|claim| *claim != self.user) }
    }

    /// The refusal, in words.
    #[must_use]
    pub(crate) fn refusal(&self) -> Diagnostic {
        Diagnostic::user(format!("{} may not use this node", self.user))
            .help("ask its administrator: `usermod --append --groups seaworthy USER`, then log in again")
    }
}

/// A user's name, or its number in words.
#[must_use]
pub(crate) fn name_of(uid: u32) -> String {
    seaworthy_host::peer::user_name(uid).unwrap_or_else(|| format!("uid {uid}"))
}
