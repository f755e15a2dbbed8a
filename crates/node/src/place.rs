//! Where a node is on this machine.

use seaworthy_diagnostics::Diagnostic;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

/// The socket of an installed node (`node install`).
pub const INSTALLED_SOCKET: &str = "/run/seaworthy/node.sock";

/// The folder of the socket of an installed node, which only root and its group may enter.
pub const INSTALLED_FOLDER: &str = "/run/seaworthy";

/// The group whose members may deploy to an installed node.
pub const GROUP: &str = "seaworthy";

/// The state of this user: `$SEAWORTHY_HOME`, else as DESIGN section 5 says.
#[must_use]
pub fn user_home() -> PathBuf {
    seaworthy_host::home()
}

/// The socket of the node that this user's verbs talk to: that of `$SEAWORTHY_HOME` if it is set, else an installed
/// node's, else the user's own.
///
/// # Errors
/// When there is an installed node that this user may not use: a second node beside it would confuse everybody.
pub fn socket() -> Result<PathBuf, Diagnostic> {
    let chosen = std::env::var_os("SEAWORTHY_HOME").is_some_and(|home| !home.is_empty());
    if chosen {
        return socket_of(&user_home());
    }
    match installed() {
        Installed::No => socket_of(&user_home()),
        Installed::Yes => Ok(PathBuf::from(INSTALLED_SOCKET)),
        Installed::Closed => {
            let user = crate::peer::name_of(seaworthy_host::peer::effective_uid());
            Err(Diagnostic::user(format!("{user} may not use the node of this machine: only the group `{GROUP}` may"))
                .help(format!("ask its administrator: `usermod --append --groups {GROUP} {user}`, then log in again")))
        }
    }
}

/// The socket of the node with this home.
///
/// # Errors
/// When the folder for sockets cannot be made.
pub fn socket_of(home: &Path) -> Result<PathBuf, Diagnostic> {
    let runtime = seaworthy_host::runtime_directory(home)?;
    Ok(runtime.join("node.sock"))
}

/// Whether the socket is an installed node's.
#[must_use]
pub fn is_installed(socket: &Path) -> bool {
    socket == Path::new(INSTALLED_SOCKET)
}

enum Installed {
    No,
    Yes,
    Closed,
}

fn installed() -> Installed {
    match std::fs::metadata(INSTALLED_SOCKET) {
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => Installed::Closed,
        Err(_) => Installed::No,
        Ok(_) => match UnixStream::connect(INSTALLED_SOCKET) {
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => Installed::Closed,
            // It is there, whether or not it answers now: systemd starts it again.
            Ok(_) | Err(_) => Installed::Yes,
        },
    }
}
