//! What parent and worker do alike with their control sockets.

use super::{CONTROL_VERSION, Refusal, RefusalCode, Request};
use seaworthy_host::{files, peer};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixListener;
use std::path::Path;

/// Binds a control socket that only its owner can open, in the place of whatever is there: there is no moment without
/// one.
pub(crate) fn bind(path: &Path) -> io::Result<UnixListener> {
    let temporary = path.with_extension(std::process::id().to_string());
    let _ = std::fs::remove_file(&temporary);
    let listener = UnixListener::bind(&temporary)?;
    files::set_mode(&temporary, 0o600).map_err(|error| io::Error::other(error.to_string()))?;
    std::fs::rename(&temporary, path)?;
    Ok(listener)
}

/// Whether the peer may command: root, or the user that this process runs as.
pub(crate) fn allowed(socket: &impl AsFd) -> Result<(), Refusal> {
    let peer = peer::credentials(socket).map_err(|error| Refusal::new(RefusalCode::NotAllowed, error.to_string()))?;
    if peer.uid == 0 || peer.uid == peer::effective_uid() {
        return Ok(());
    }
    Err(Refusal::new(RefusalCode::NotAllowed, format!("user {} may not command this gateway", peer.uid)))
}

impl Refusal {
    /// A refusal.
    pub(crate) fn new(code: RefusalCode, message: String) -> Self {
        Self { code, message }
    }
}

impl<C: serde::de::DeserializeOwned> Request<C> {
    /// Reads a line of the version that this program speaks.
    pub(crate) fn read(line: &[u8]) -> Result<Self, Refusal> {
        #[derive(serde::Deserialize)]
        struct Version {
            version: u32,
        }
        let unreadable = |error: serde_json::Error| Refusal::new(RefusalCode::NotUnderstood, error.to_string());
        let Version { version } = serde_json::from_slice(line).map_err(unreadable)?;
        if version != CONTROL_VERSION {
            let message = format!("the command is of version {version}, this gateway speaks {CONTROL_VERSION}");
            return Err(Refusal::new(RefusalCode::NotUnderstood, message));
        }
        serde_json::from_slice(line).map_err(unreadable)
    }
}
